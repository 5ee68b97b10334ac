/// What every part of the server needs that talks to others at intervals.

#pragma once

#include <algorithm>
#include <memory>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/http/client.h"

namespace tocsin::server {

/// Requests as these options say, over connections that are kept for the next one.
inline http::FetchFunction ClientOf(const http::ClientOptions& options) {
  auto client = std::make_shared<http::Client>(options);
  return [client](const http::ClientRequest& request) { return client->Fetch(request); };
}

/// How long an engine::Periodic is to wait for that time. However far away it is, it looks again
/// after half a minute: the wall clock may be set.
inline Nanos UntilDue(Nanos due) {
  constexpr Nanos kLongestSleep = 30 * kSecond;
  return std::clamp<Nanos>(due - Clock::Real().Now(), 0, kLongestSleep);
}

}  // namespace tocsin::server
