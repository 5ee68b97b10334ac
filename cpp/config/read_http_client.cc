// How other servers are reached: Prometheus's HTTPClientConfig.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

using NamedSecrets = std::vector<std::pair<std::string, http::Secret>>;

void ReadSecret(Section* section, const std::string& key, http::Secret* out) {
  const std::string file_key = key + "_file";
  section->Text(key, &out->value);
  section->File(file_key, &out->file);
  section->Refuse({std::string_view(key + "_ref")});
  if (!out->value.empty() && !out->file.empty()) {
    section->Fail(file_key, "and " + key + " both give the secret; keep one");
  }
}

// PEM, as text or in a file.
void ReadPem(Section* section, const std::string& key, std::string* text, std::string* file) {
  http::Secret pem;
  ReadSecret(section, key, &pem);
  *text = std::move(pem.value);
  *file = std::move(pem.file);
}

void ReadVersion(Section* tls, std::string_view key, http::TlsVersion* out) {
  std::string name;
  tls->Choice(key, {"TLS10", "TLS11", "TLS12", "TLS13"}, &name);
  if (name == "TLS10") *out = http::TlsVersion::kTls10;
  if (name == "TLS11") *out = http::TlsVersion::kTls11;
  if (name == "TLS12") *out = http::TlsVersion::kTls12;
  if (name == "TLS13") *out = http::TlsVersion::kTls13;
}

http::TlsOptions ReadTls(Section* section) {
  http::TlsOptions out;
  Section tls = section->Map("tls_config");
  ReadPem(&tls, "ca", &out.ca, &out.ca_file);
  ReadPem(&tls, "cert", &out.cert, &out.cert_file);
  ReadSecret(&tls, "key", &out.key);
  tls.Text("server_name", &out.server_name);
  tls.Bool("insecure_skip_verify", &out.insecure_skip_verify);
  ReadVersion(&tls, "min_version", &out.min_version);
  ReadVersion(&tls, "max_version", &out.max_version);
  const bool has_cert = !out.cert.empty() || !out.cert_file.empty();
  if (has_cert != out.key.given()) {
    tls.Fail(has_cert ? "cert_file" : "key_file", "needs both a certificate and its key");
  }
  if (out.max_version != http::TlsVersion::kDefault && out.min_version > out.max_version) {
    tls.Fail("min_version", "must not be above max_version");
  }
  tls.Done();
  return out;
}

// A map from names to lists of secrets, as `proxy_connect_header` has it.
void ReadSecretLists(Section* section, std::string_view key, NamedSecrets* out) {
  Section map = section->Map(key);
  if (!map.present()) return;
  for (const auto& [name, value] : map.node()->members) {
    std::vector<std::string> values;
    map.Texts(name.scalar, &values);
    for (std::string& one : values) {
      out->emplace_back(name.scalar, http::Secret{std::move(one), {}});
    }
  }
  map.Done();
}

http::ProxyOptions ReadProxy(Section* section) {
  http::ProxyOptions out;
  section->Text("proxy_url", &out.url);
  if (!out.url.empty()) {
    CheckHttpUrl(section, "proxy_url", out.url);
    if (out.url.starts_with("https://")) {
      section->Fail("proxy_url", "must be http: a proxy is spoken to without TLS");
    }
  }
  section->Text("no_proxy", &out.no_proxy);
  section->Bool("proxy_from_environment", &out.from_environment);
  ReadSecretLists(section, "proxy_connect_header", &out.connect_headers);
  if (out.from_environment && !out.url.empty()) {
    section->Fail("proxy_from_environment", "and proxy_url exclude each other");
  } else if (out.from_environment && !out.no_proxy.empty()) {
    section->Fail("proxy_from_environment", "and no_proxy exclude each other");
  } else if (!out.no_proxy.empty() && out.url.empty()) {
    section->Fail("no_proxy", "needs proxy_url");
  } else if (!out.connect_headers.empty() && out.url.empty() && !out.from_environment) {
    section->Fail("proxy_connect_header", "needs proxy_url or proxy_from_environment");
  }
  return out;
}

void ReadBasicAuth(Section* section, http::ClientOptions* out) {
  Section basic = section->Map("basic_auth");
  if (!basic.present()) return;
  http::BasicAuth auth;
  ReadSecret(&basic, "username", &auth.username);
  ReadSecret(&basic, "password", &auth.password);
  basic.Done();
  out->basic_auth = std::move(auth);
}

// `authorization`, and the older `bearer_token` and `bearer_token_file`, which say the same.
void ReadAuthorization(Section* section, http::ClientOptions* out) {
  Section map = section->Map("authorization");
  http::Secret bearer;
  section->Text("bearer_token", &bearer.value);
  section->File("bearer_token_file", &bearer.file);
  if (map.present()) {
    http::Authorization authorization;
    map.Text("type", &authorization.type);
    ReadSecret(&map, "credentials", &authorization.credentials);
    if (authorization.type == "Basic" || authorization.type == "basic") {
      map.Fail("type", "cannot be \"basic\": use basic_auth");
    }
    if (bearer.given()) section->Fail("authorization", "and bearer_token exclude each other");
    map.Done();
    out->authorization = std::move(authorization);
  } else if (bearer.given()) {
    if (!bearer.value.empty() && !bearer.file.empty()) {
      section->Fail("bearer_token_file", "and bearer_token both give the token; keep one");
    }
    out->authorization = {.type = "Bearer", .credentials = std::move(bearer)};
  }
}

void ReadOAuth2(Section* section, http::ClientOptions* out) {
  Section map = section->Map("oauth2");
  if (!map.present()) return;
  http::OAuth2 oauth2;
  map.Text("client_id", &oauth2.client_id);
  ReadSecret(&map, "client_secret", &oauth2.client_secret);
  map.Text("token_url", &oauth2.token_url);
  CheckHttpUrl(&map, "token_url", oauth2.token_url);
  map.Texts("scopes", &oauth2.scopes);
  map.Pairs("endpoint_params", &oauth2.endpoint_params);
  std::string grant = "client_credentials";
  map.Choice("grant_type", {"client_credentials"}, &grant);
  map.Refuse({"client_certificate_key_id", "client_certificate_key", "client_certificate_key_file",
              "signature_algorithm", "iss", "audience", "claims"});
  oauth2.tls = ReadTls(&map);
  oauth2.proxy = ReadProxy(&map);
  if (oauth2.client_id.empty()) map.Fail("client_id", "is missing");
  map.Done();
  out->oauth2 = std::move(oauth2);
}

// Names with `values`, `secrets` and `files`.
void ReadHttpHeaders(Section* section, NamedSecrets* out) {
  Section headers = section->Map("http_headers");
  if (!headers.present()) return;
  for (const auto& [name, value] : headers.node()->members) {
    Section header = headers.Map(name.scalar);
    std::vector<std::string> values;
    std::vector<std::string> secrets;
    std::vector<std::string> files;
    header.Texts("values", &values);
    header.Texts("secrets", &secrets);
    header.Texts("files", &files);
    for (std::vector<std::string>* texts : {&values, &secrets}) {
      for (std::string& text : *texts) {
        out->emplace_back(name.scalar, http::Secret{std::move(text), {}});
      }
    }
    const lib::Yaml* list = header.Any("files");
    for (const std::string& file : files) {
      out->emplace_back(name.scalar, http::Secret{{}, header.reading().Resolve(*list, file)});
    }
    header.Done();
  }
  headers.Done();
}

}  // namespace

void CheckHttpUrl(Section* section, std::string_view key, const std::string& url) {
  if (section->Any(key) == nullptr) return section->Fail(key, "is missing");
  const bool tls = url.starts_with("https://");
  const std::string_view scheme = tls ? "https://" : "http://";
  std::string_view authority = url;
  bool good = url.starts_with(scheme) && url.find_first_of(" \t\r\n") == std::string::npos;
  if (good) {
    authority.remove_prefix(scheme.size());
    authority = authority.substr(0, authority.find_first_of("/?#"));
    const size_t at = authority.rfind('@');
    if (at != std::string_view::npos) authority.remove_prefix(at + 1);
    good = !authority.starts_with(':') && !NormalEndpoint(authority, tls ? 443 : 80).empty();
  }
  if (!good) section->Fail(key, "must be a URL such as http://example.org:9090/path");
}

void ReadHttpClient(Section* section, http::ClientOptions* out) {
  ReadBasicAuth(section, out);
  ReadAuthorization(section, out);
  ReadOAuth2(section, out);
  const int ways = (out->basic_auth.has_value() ? 1 : 0) +
                   (out->authorization.has_value() ? 1 : 0) + (out->oauth2.has_value() ? 1 : 0);
  if (ways > 1) {
    section->Fail(out->oauth2.has_value() ? "oauth2" : "basic_auth",
                  "stands beside another way to authorize; keep one of basic_auth, authorization, "
                  "bearer_token and oauth2");
  }
  out->tls = ReadTls(section);
  out->proxy = ReadProxy(section);
  section->Bool("follow_redirects", &out->follow_redirects);
  ReadHttpHeaders(section, &out->headers);
  bool http2 = true;
  section->Bool("enable_http2", &http2);
}

}  // namespace tocsin::config
