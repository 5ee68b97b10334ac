/// What authorizes requests: the Authorization header, made anew for each of them.

#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "cpp/base/http_options.h"
#include "cpp/base/status.h"
#include "cpp/http/client.h"

namespace tocsin::http {

/// "Basic ..." of a user and a password.
std::string BasicCredentials(std::string_view user, std::string_view password);

/// Thread-safe.
class Credentials {
 public:
  /// `fetch` reaches the server of OAuth 2 tokens.
  Credentials(const ClientOptions& options, FetchFunction fetch);

  /// The value of the header; "" if nothing authorizes. Secrets in files are read anew, a token is
  /// asked for when there is none or it runs out within seconds; `asking` lends its timeout and
  /// stop to that. kNotFound, kUnavailable: a file cannot be read, or the token's server not be
  /// reached. kUnauthenticated: it gives no token.
  Result<std::string> Header(const ClientRequest& asking);

  /// The server did not accept what Header gave: the next one asks for a new token.
  void Refused();

 private:
  Result<std::string> Token(const ClientRequest& asking);
  Result<std::string> NewToken(const ClientRequest& asking);
  Result<Response> AskForToken(const std::string& secret, bool in_body,
                               const ClientRequest& asking) const;

  const std::optional<BasicAuth> basic_;
  const std::optional<Authorization> authorization_;
  const std::optional<OAuth2> oauth2_;
  const FetchFunction fetch_;
  std::mutex mutex_;
  std::string token_;      // "TYPE TOKEN"; empty: none. Guarded by mutex_.
  Nanos token_until_ = 0;  // By the steady clock; guarded by mutex_.
};

}  // namespace tocsin::http
