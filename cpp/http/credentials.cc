#include "cpp/http/credentials.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "cpp/base/base64.h"
#include "cpp/http/secret.h"
#include "cpp/http/url.h"
#include "cpp/lib/json.h"

namespace tocsin::http {
namespace {

// A token is not used in its last seconds: the request takes a while too.
constexpr Nanos kTokenMargin = 10 * kSecond;
// Of a token whose server does not say how long it lives.
constexpr Nanos kTokenLife = kHour;
constexpr size_t kMaxTokenAnswer = 1 << 20;

Nanos SteadyNow() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// As application/x-www-form-urlencoded has it.
std::string FormEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '_' || c == '.' || c == '~') {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

void AppendField(std::string* form, std::string_view name, std::string_view value) {
  if (!form->empty()) form->push_back('&');
  form->append(FormEncode(name)).append("=").append(FormEncode(value));
}

// What a token is called in the header: "bearer" of the answers is "Bearer" there.
std::string TypeName(std::string_view type) {
  if (type.empty() || SameName(type, "bearer")) return "Bearer";
  if (SameName(type, "mac")) return "MAC";
  if (SameName(type, "basic")) return "Basic";
  return std::string(type);
}

Nanos LifeOf(const lib::Json& answer) {
  const lib::Json* expires = answer.Find("expires_in");
  if (expires == nullptr) return kTokenLife;
  double seconds = expires->number;
  if (expires->type == lib::Json::Type::kString) seconds = std::atof(expires->string.c_str());
  if (!(seconds > 0)) return kTokenLife;
  return static_cast<Nanos>(std::min(seconds, 1e8)) * kSecond;
}

}  // namespace

std::string BasicCredentials(std::string_view user, std::string_view password) {
  return "Basic " + Base64(std::string(user) + ":" + std::string(password));
}

Credentials::Credentials(const ClientOptions& options, FetchFunction fetch)
    : basic_(options.basic_auth),
      authorization_(options.authorization),
      oauth2_(options.oauth2),
      fetch_(std::move(fetch)) {}

Result<std::string> Credentials::Header(const ClientRequest& asking) {
  if (authorization_.has_value()) {
    TOCSIN_ASSIGN_OR_RETURN(const std::string secret, ReadSecret(authorization_->credentials));
    return authorization_->type + " " + secret;
  }
  if (basic_.has_value()) {
    TOCSIN_ASSIGN_OR_RETURN(const std::string user, ReadSecret(basic_->username));
    TOCSIN_ASSIGN_OR_RETURN(const std::string password, ReadSecret(basic_->password));
    return BasicCredentials(user, password);
  }
  if (oauth2_.has_value()) return Token(asking);
  return std::string();
}

void Credentials::Refused() {
  const std::lock_guard lock(mutex_);
  token_.clear();
}

// Whoever finds no token asks for one; the others wait for it.
Result<std::string> Credentials::Token(const ClientRequest& asking) {
  const std::lock_guard lock(mutex_);
  if (!token_.empty() && SteadyNow() < token_until_) return token_;
  token_.clear();
  TOCSIN_ASSIGN_OR_RETURN(token_, NewToken(asking));
  return token_;
}

Result<std::string> Credentials::NewToken(const ClientRequest& asking) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string secret, ReadSecret(oauth2_->client_secret));
  TOCSIN_ASSIGN_OR_RETURN(Response response, AskForToken(secret, false, asking));
  // Servers differ in where they look for the client's secret.
  if (response.status == 400 || response.status == 401) {
    TOCSIN_ASSIGN_OR_RETURN(response, AskForToken(secret, true, asking));
  }
  const std::string from = "OAuth 2 token of " + ShownUrl(oauth2_->token_url) + ": ";
  if (response.status / 100 != 2) {
    constexpr size_t kShown = 256;
    const std::string why =
        "status " + std::to_string(response.status) + " " + response.body.substr(0, kShown);
    if (response.status / 100 == 5) return UnavailableError(from + why);
    return Failure(StatusCode::kUnauthenticated, from + why);
  }
  const Result<lib::Json> answer = lib::Json::Parse(response.body);
  const lib::Json* token = answer.has_value() ? answer->Find("access_token") : nullptr;
  if (token == nullptr || token->StringOr("").empty()) {
    return Failure(StatusCode::kUnauthenticated, from + "the answer has no access_token");
  }
  const lib::Json* type = answer->Find("token_type");
  std::string header = TypeName(type == nullptr ? "" : type->StringOr("")) + " " + token->string;
  token_until_ = SteadyNow() + LifeOf(*answer) - kTokenMargin;
  return header;
}

Result<Response> Credentials::AskForToken(const std::string& secret, bool in_body,
                                          const ClientRequest& asking) const {
  ClientRequest request;
  request.method = "POST";
  request.url = oauth2_->token_url;
  request.timeout = asking.timeout;
  request.stop = asking.stop;
  request.max_response_bytes = kMaxTokenAnswer;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  AppendField(&request.body, "grant_type", "client_credentials");
  if (!oauth2_->scopes.empty()) {
    std::string scopes;
    for (const std::string& scope : oauth2_->scopes) {
      scopes.append(scopes.empty() ? "" : " ").append(scope);
    }
    AppendField(&request.body, "scope", scopes);
  }
  for (const auto& [name, value] : oauth2_->endpoint_params) {
    AppendField(&request.body, name, value);
  }
  if (in_body) {
    AppendField(&request.body, "client_id", oauth2_->client_id);
    AppendField(&request.body, "client_secret", secret);
  } else {
    request.headers.emplace_back(
        "Authorization", BasicCredentials(FormEncode(oauth2_->client_id), FormEncode(secret)));
  }
  return fetch_(request);
}

}  // namespace tocsin::http
