#include "cpp/http/url.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tocsin::http {
namespace {

constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

Failure BadUrl(std::string_view url, std::string_view why) {
  return InvalidArgumentError("URL \"" + ShownUrl(url) + "\": " + std::string(why));
}

}  // namespace

std::string Url::Origin() const { return (tls ? "https://" : "http://") + authority; }

std::string ShownUrl(std::string_view url) {
  std::string shown(url);
  const size_t colon = shown.find("://");
  const size_t from = colon == std::string::npos ? 0 : colon + 3;
  const size_t at = shown.substr(0, shown.find_first_of("/?#", from)).rfind('@');
  if (at != std::string::npos && at >= from) shown.replace(from, at - from, "***");
  return shown;
}

Result<Url> ParseUrl(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) <= ' ' || text[i] == '\x7f') {
      return BadUrl(text, "a space or control character at position " + std::to_string(i + 1));
    }
  }
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return BadUrl(text, "it does not begin with \"http://\"");
  const std::string_view scheme = text.substr(0, colon);
  if (scheme != "http" && scheme != "https") {
    return BadUrl(text,
                  "\"" + std::string(scheme) + "\" at position 1 is not a scheme spoken here");
  }
  Url url;
  url.tls = scheme == "https";
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  url.target = rest.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  url.authority = authority;
  Result<HostPort> endpoint = ParseHostPort(authority, url.tls ? kHttpsPort : kHttpPort);
  if (!endpoint.has_value()) return BadUrl(text, endpoint.error().message());
  if (endpoint->host.empty()) {
    return BadUrl(text, "no host at position " + std::to_string(colon + 4));
  }
  url.endpoint = *std::move(endpoint);
  return url;
}

std::string ResolveReference(const Url& base, std::string_view reference) {
  const size_t colon = reference.find("://");
  if (colon != std::string_view::npos && colon < reference.find_first_of("/?#")) {
    return std::string(reference);
  }
  if (reference.starts_with("//")) return (base.tls ? "https:" : "http:") + std::string(reference);
  if (reference.starts_with('/')) return base.Origin() + std::string(reference);
  const std::string path = base.target.substr(0, base.target.find('?'));
  if (reference.starts_with('?')) return base.Origin() + path + std::string(reference);
  return base.Origin() + path.substr(0, path.rfind('/') + 1) + std::string(reference);
}

}  // namespace tocsin::http
