/// How we reach another server, as a configuration says it: the vocabulary and the defaults of
/// Prometheus's HTTPClientConfig. cpp/config reads it (read_http_client), cpp/http::Client obeys.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tocsin::http {

/// Something that is not to be shown: given in the configuration, or as the name of a file that
/// holds it. The file is read again for every use, without its surrounding white space, so that a
/// rotated secret counts at once.
struct Secret {
  std::string value = {};
  std::string file = {};  ///< Counts if it is not empty.

  bool given() const { return !value.empty() || !file.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;
};

enum class TlsVersion : uint8_t { kDefault, kTls10, kTls11, kTls12, kTls13 };

/// Files are read again when a connection is opened after they have changed.
struct TlsOptions {
  std::string ca = {};  ///< PEM. Without ca and ca_file: what the system trusts.
  std::string ca_file = {};
  std::string cert = {};  ///< PEM, our own certificate and its chain.
  std::string cert_file = {};
  Secret key = {};               ///< PEM, of our own certificate.
  std::string server_name = {};  ///< Asked for and verified; empty: the host of the URL.
  bool insecure_skip_verify = false;
  TlsVersion min_version = TlsVersion::kDefault;  ///< Default: 1.2.
  TlsVersion max_version = TlsVersion::kDefault;  ///< Default: the newest.

  friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

struct ProxyOptions {
  std::string url = {};  ///< "http://[user:password@]host:port"; empty: no proxy.
  /// Comma-separated hosts, domains (with everything below them), addresses and address ranges,
  /// each with an optional port, that are reached without the proxy. "*": all.
  std::string no_proxy = {};
  bool from_environment = false;  ///< HTTP_PROXY, HTTPS_PROXY and NO_PROXY say it.
  /// Sent with CONNECT, which an https target needs.
  std::vector<std::pair<std::string, Secret>> connect_headers = {};

  friend bool operator==(const ProxyOptions&, const ProxyOptions&) = default;
};

struct BasicAuth {
  Secret username = {};
  Secret password = {};

  friend bool operator==(const BasicAuth&, const BasicAuth&) = default;
};

/// "Authorization: TYPE CREDENTIALS".
struct Authorization {
  std::string type = "Bearer";
  Secret credentials = {};

  friend bool operator==(const Authorization&, const Authorization&) = default;
};

/// The client credentials grant of OAuth 2.
struct OAuth2 {
  std::string client_id = {};
  Secret client_secret = {};
  std::string token_url = {};
  std::vector<std::string> scopes = {};
  std::vector<std::pair<std::string, std::string>> endpoint_params = {};  ///< Sent too.
  TlsOptions tls = {};      ///< Towards the token's server.
  ProxyOptions proxy = {};  ///< The same.

  friend bool operator==(const OAuth2&, const OAuth2&) = default;
};

/// A plain value; the default reaches http and https servers as anybody can. At most one of
/// basic_auth, authorization and oauth2.
struct ClientOptions {
  std::optional<BasicAuth> basic_auth = {};
  std::optional<Authorization> authorization = {};
  std::optional<OAuth2> oauth2 = {};
  TlsOptions tls = {};
  ProxyOptions proxy = {};
  bool follow_redirects = true;
  /// Added to every request, after its own; several of one name are sent as they stand.
  std::vector<std::pair<std::string, Secret>> headers = {};

  friend bool operator==(const ClientOptions&, const ClientOptions&) = default;
};

}  // namespace tocsin::http
