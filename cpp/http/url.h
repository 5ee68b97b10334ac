/// URLs as the client reads them.

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/http/address.h"

namespace tocsin::http {

struct Url {
  bool tls = false;  ///< https.
  HostPort endpoint;
  std::string authority;  ///< As the Host header wants it: without user and password.
  std::string user_info;  ///< "user:password", still percent-encoded.
  std::string target;     ///< Path and query; begins with '/'.

  /// "https://example.org:8443": without user, password and target.
  std::string Origin() const;
};

/// Reads "http://host[:port]/path?query" or the same with https. kInvalidArgument, with the
/// position.
Result<Url> ParseUrl(std::string_view text);

/// The URL as errors and logs may show it: without user and password.
std::string ShownUrl(std::string_view url);

/// Where a Location header leads from `base`: it may be a whole URL, or only the end of one.
std::string ResolveReference(const Url& base, std::string_view reference);

}  // namespace tocsin::http
