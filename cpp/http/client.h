/// A small HTTP/1.1 client over plain sockets: one request, one connection, one deadline over all
/// of it. For scraping, webhooks, Alertmanagers and remote write.

#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::http {

struct ClientRequest {
  std::string method = "GET";
  /// "http://host[:port]/path?query". A user and password before the host become basic
  /// authorization, unless `headers` has an Authorization.
  std::string url = {};
  Headers headers = {};   ///< Host, Content-Length and Connection are set by the client.
  std::string body = {};  ///< Sent as it is, with its length.
  /// From resolving the name to the last byte of the answer. Resolving cannot be cut short: a dead
  /// name server adds its own time-out.
  Nanos timeout = 30 * kSecond;
  size_t max_response_bytes = 64 << 20;  ///< Of the body.
  /// Ends the request from another thread, whatever it is waiting for, but not while it resolves
  /// the name. Whether the other side had read it by then is unknown.
  std::stop_token stop = {};
};

/// Blocks until the whole answer is there. Any status, also 4xx and 5xx, is an answer; redirects
/// are not followed. Header names of the response are in lower case, a chunked body is joined.
///
/// kInvalidArgument: the URL cannot be read (position given), its scheme is not http, or a header
/// has a line break. kUnavailable: no connection, or it broke before the answer was whole.
/// kDeadlineExceeded: out of time, saying in which step. kCancelled: `stop`. kResourceExhausted:
/// the body is larger than `max_response_bytes`. kCorruption: what came back is not HTTP.
///
/// Thread-safe.
Result<Response> Fetch(const ClientRequest& request);

/// Fetch, or a test's stand-in. Called from several threads at once.
using FetchFunction = std::function<Result<Response>(const ClientRequest&)>;

}  // namespace tocsin::http
