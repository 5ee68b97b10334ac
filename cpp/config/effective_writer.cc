#include "cpp/config/effective_writer.h"

#include <algorithm>

#include "cpp/base/duration.h"

namespace tocsin::config {
namespace {

bool IsSecretHeader(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name == "authorization" || name == "proxy-authorization" || name == "cookie";
}

// KEY or KEY_file, whichever is given.
void WriteSecret(std::string_view key, const http::Secret& secret, Writer* w) {
  if (!secret.file.empty()) {
    w->Text(std::string(key) + "_file", secret.file);
  } else if (!secret.value.empty()) {
    w->Text(key, Writer::kSecret);
  }
}

void WriteText(std::string_view key, const std::string& value, Writer* w) {
  if (!value.empty()) w->Text(key, value);
}

std::string_view VersionName(http::TlsVersion version) {
  switch (version) {
    case http::TlsVersion::kDefault:
      return {};
    case http::TlsVersion::kTls10:
      return "TLS10";
    case http::TlsVersion::kTls11:
      return "TLS11";
    case http::TlsVersion::kTls12:
      return "TLS12";
    case http::TlsVersion::kTls13:
      return "TLS13";
  }
  return {};
}

void WriteTls(const http::TlsOptions& tls, Writer* w) {
  if (tls == http::TlsOptions()) return;
  w->Open("tls_config");
  WriteText("ca", tls.ca, w);
  WriteText("ca_file", tls.ca_file, w);
  WriteText("cert", tls.cert, w);
  WriteText("cert_file", tls.cert_file, w);
  WriteSecret("key", tls.key, w);
  WriteText("server_name", tls.server_name, w);
  w->Bool("insecure_skip_verify", tls.insecure_skip_verify);
  WriteText("min_version", std::string(VersionName(tls.min_version)), w);
  WriteText("max_version", std::string(VersionName(tls.max_version)), w);
  w->Close();
}

// A map from names to lists of values, or to what `files` says.
void WriteHeaderMap(std::string_view key,
                    const std::vector<std::pair<std::string, http::Secret>>& headers, bool nested,
                    Writer* w) {
  if (headers.empty()) return;
  w->Open(key);
  for (size_t i = 0; i < headers.size();) {
    const std::string& name = headers[i].first;
    std::vector<std::string> secrets;
    std::vector<std::string> files;
    for (; i < headers.size() && headers[i].first == name; ++i) {
      const http::Secret& secret = headers[i].second;
      (secret.file.empty() ? secrets : files)
          .push_back(secret.file.empty() ? std::string(Writer::kSecret) : secret.file);
    }
    if (!nested) {
      w->List(Quoted(name), secrets);
      continue;
    }
    w->Open(Quoted(name));
    if (!secrets.empty()) w->List("secrets", secrets);
    if (!files.empty()) w->List("files", files);
    w->Close();
  }
  w->Close();
}

void WriteProxy(const http::ProxyOptions& proxy, Writer* w) {
  if (!proxy.url.empty()) w->Text("proxy_url", HidePassword(proxy.url));
  WriteText("no_proxy", proxy.no_proxy, w);
  if (proxy.from_environment) w->Bool("proxy_from_environment", true);
  WriteHeaderMap("proxy_connect_header", proxy.connect_headers, false, w);
}

void WriteOAuth2(const http::OAuth2& oauth2, Writer* w) {
  w->Open("oauth2");
  w->Text("client_id", oauth2.client_id);
  WriteSecret("client_secret", oauth2.client_secret, w);
  w->Text("token_url", HidePassword(oauth2.token_url));
  if (!oauth2.scopes.empty()) w->List("scopes", oauth2.scopes);
  if (!oauth2.endpoint_params.empty()) w->Map("endpoint_params", oauth2.endpoint_params);
  WriteTls(oauth2.tls, w);
  WriteProxy(oauth2.proxy, w);
  w->Close();
}

}  // namespace

std::string Quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\x").append({kHex[byte >> 4], kHex[byte & 15]});
    } else {
      out.push_back(c);
    }
  }
  return out.append("\"");
}

std::string QuotedList(const std::vector<std::string>& values) {
  std::string text = "[";
  for (const std::string& value : values) {
    text.append(text.size() > 1 ? ", " : "").append(Quoted(value));
  }
  return text.append("]");
}

std::string HidePassword(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const size_t begin = scheme + 3;
  const size_t at = url.substr(0, url.find_first_of("/?#", begin)).rfind('@');
  const size_t colon = url.find(':', begin);
  if (at == std::string::npos || at < begin || colon > at) return url;
  return url.substr(0, colon + 1) + "xxxxx" + url.substr(at);
}

void Writer::Open(std::string_view key) {
  Line(std::string(key) + ":", {});
  names_.push_back(names_.empty() ? std::string(key) : names_.back() + "." + std::string(key));
  ++indent_;
}

void Writer::Close() {
  names_.pop_back();
  --indent_;
}

void Writer::OpenEntry(std::string_view list, size_t index) {
  names_.push_back(names_.back() + (list.empty() ? "" : "." + std::string(list)) + "[" +
                   std::to_string(index) + "]");
  ++indent_;
  first_of_entry_ = true;
}

void Writer::Plain(std::string_view key, std::string_view value, std::string_view name) {
  std::string setting(name);
  if (name.empty()) {
    setting = names_.empty() ? std::string(key) : names_.back() + "." + std::string(key);
  }
  Line(std::string(key) + ": " + std::string(value), reading_.OriginOf(setting));
}

void Writer::Period(std::string_view key, Nanos value) { Plain(key, FormatPeriod(value)); }

void Writer::List(std::string_view key, const std::vector<std::string>& values) {
  Plain(key, QuotedList(values));
}

std::string Writer::InheritedName(std::string_view key, size_t levels) const {
  for (size_t depth = names_.size(); depth > 0; depth -= std::min(levels, depth)) {
    std::string name = names_[depth - 1] + "." + std::string(key);
    if (reading_.OriginOf(name) != "default") return name;
  }
  return {};
}

void Writer::Map(std::string_view key,
                 const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string text = "{";
  for (const auto& [name, value] : pairs) {
    text.append(text.size() > 1 ? ", " : "").append(Quoted(name)).append(": ");
    text.append(Quoted(IsSecretHeader(name) ? kSecret : value));
  }
  Plain(key, text.append("}"));
}

void Writer::Line(const std::string& text, const std::string& origin) {
  out_.append(2 * (indent_ - (first_of_entry_ ? 1 : 0)), ' ');
  if (first_of_entry_) out_.append("- ");
  first_of_entry_ = false;
  out_.append(text);
  if (!origin.empty()) out_.append("  # ").append(origin);
  out_.push_back('\n');
}

void WriteHttpClient(const http::ClientOptions& options, Writer* w) {
  if (options.basic_auth.has_value()) {
    w->Open("basic_auth");
    if (options.basic_auth->username.file.empty()) {
      w->Text("username", options.basic_auth->username.value);
    } else {
      w->Text("username_file", options.basic_auth->username.file);
    }
    WriteSecret("password", options.basic_auth->password, w);
    w->Close();
  }
  if (options.authorization.has_value()) {
    w->Open("authorization");
    w->Text("type", options.authorization->type);
    WriteSecret("credentials", options.authorization->credentials, w);
    w->Close();
  }
  if (options.oauth2.has_value()) WriteOAuth2(*options.oauth2, w);
  WriteTls(options.tls, w);
  WriteProxy(options.proxy, w);
  if (!options.follow_redirects) w->Bool("follow_redirects", false);
  WriteHeaderMap("http_headers", options.headers, true, w);
}

void WriteRelabelRules(std::string_view key, const relabel::Rules& rules, Writer* w) {
  if (rules.empty()) return;
  w->Open(key);
  for (size_t i = 0; i < rules.rules().size(); ++i) {
    const relabel::Rule& rule = rules.rules()[i];
    w->OpenEntry({}, i);
    w->Text("action", relabel::ActionName(rule.action));
    if (!rule.source_labels.empty()) w->List("source_labels", rule.source_labels);
    w->Text("separator", rule.separator);
    w->Text("regex", rule.regex);
    if (rule.modulus != 0) w->Number("modulus", rule.modulus);
    WriteText("target_label", rule.target_label, w);
    w->Text("replacement", rule.replacement);
    w->Close();
  }
  w->Close();
}

}  // namespace tocsin::config
