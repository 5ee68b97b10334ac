/// The HTTP/1.1 client, over plain sockets and TLS: for scraping, webhooks, Alertmanagers and
/// remote write.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::http {

struct ClientRequest {
  std::string method = "GET";
  /// "http://host[:port]/path?query", or https. A user and password before the host become basic
  /// authorization, unless something else authorizes.
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

/// Speaks to servers as its options say, and keeps connections open for the next request: at most
/// kMaxIdle, each for at most kMaxIdleTime. Thread-safe; requests of several threads run side by
/// side.
class Client {
 public:
  static constexpr size_t kMaxIdle = 128;
  static constexpr Nanos kMaxIdleTime = 90 * kSecond;
  static constexpr int kMaxRedirects = 10;

  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Blocks until the whole answer is there. Any status, also 4xx and 5xx, is an answer. Header
  /// names of the response are in lower case, a chunked body is joined.
  ///
  /// Redirects are followed if the options say so: 301, 302 and 303 as GET without a body, 307 and
  /// 308 as the request was. What authorizes, and the headers of the options, are not told to
  /// another host, nor without TLS what was to go over TLS.
  ///
  /// If a connection that was kept turns out to be closed before anything of the answer came, the
  /// request is sent again over a new one: a server that hangs up then may see it twice.
  ///
  /// kInvalidArgument: the URL cannot be read (position given), or a header has a line break; a
  /// file of the options cannot be used (also kNotFound). kUnavailable: no connection, no agreement
  /// on TLS, or it broke before the answer was whole. kUnauthenticated: no token was given to us.
  /// kDeadlineExceeded: out of time, saying in which step. kCancelled: `stop`. kResourceExhausted:
  /// the body is larger than `max_response_bytes`. kCorruption: what came back is not HTTP.
  Result<Response> Fetch(const ClientRequest& request);

  /// Whether everything can be read that the options name: what the first request would find.
  Status Check();

 private:
  friend Result<Response> Fetch(const ClientRequest& request);

  struct Parts;  // Behind it are OpenSSL and sockets.
  const std::unique_ptr<Parts> parts_;
};

/// One request over a connection of its own, redirects not followed; otherwise as Client::Fetch.
Result<Response> Fetch(const ClientRequest& request);

/// Fetch, that of a Client, or a test's stand-in. Called from several threads at once.
using FetchFunction = std::function<Result<Response>(const ClientRequest&)>;

}  // namespace tocsin::http
