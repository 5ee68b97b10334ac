/// The HTTP/1.1 server behind every port: listeners that peek, a few I/O threads, a bounded pool of
/// handlers.
///
/// Each accepted connection is peeked at. The preface of HTTP/2 (`PRI * HTTP/2.0`) hands it,
/// unread, to the listener's `adopt_http2`: so one port serves gRPC and plain HTTP. Everything else
/// is HTTP/1.1: keep-alive, pipelining, chunked bodies, Expect: 100-continue.
///
/// Everything a stranger can make the server hold is bounded, and each bound has its answer:
///
///     connections                 503 and close; the listener goes on accepting
///     header section              431 and close
///     body                        413 and close, without reading the rest
///     requests in flight          503 with Retry-After
///     streamed bodies             they wait for each other, and nobody else for them
///     bytes of bodies in flight   503 with Retry-After
///     silence, slow clients       the connection is closed, without a word when idle, else with
///     408
///
/// A silent connection costs a socket and a few hundred bytes; buffers exist only while bytes move.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/router.h"

namespace tocsin::http {

struct ServerOptions {
  std::string name = "http";  ///< Label `server` of the metrics, and the names of the threads.
  size_t io_threads = 1;
  size_t handler_threads = 4;       ///< Handlers that run at once.
  size_t more_handler_threads = 0;  ///< And so many others, each started when all are busy.
  size_t stream_threads = 64;       ///< Streamed bodies that leave at once; started as the others.
  size_t max_connections = 4096;
  size_t max_header_bytes = 64 << 10;   ///< Request line and headers together.
  size_t max_body_bytes = 64 << 20;     ///< As sent, before Content-Encoding is undone.
  size_t max_requests_in_flight = 256;  ///< Being read, queued, handled or answered.
  /// Of bodies received and not yet answered, over all connections.
  size_t max_body_bytes_in_flight = size_t{256} << 20;
  MemoryPool* memory = nullptr;      ///< And of those of other servers; borrowed; null: no bound.
  Nanos idle_timeout = 2 * kMinute;  ///< Before the first byte of a request.
  Nanos header_timeout = 10 * kSecond;  ///< From a request's first byte to the end of its headers.
  Nanos io_timeout = 30 * kSecond;      ///< The longest pause within a body, in either direction.
  Nanos body_timeout = 5 * kMinute;     ///< For a whole request body.
  Telemetry* telemetry = nullptr;       ///< Borrowed; null counts nothing.
};

struct ListenerOptions {
  /// "host:port", "[::1]:port" or ":port" (all addresses). Port 0 takes a free one.
  std::string address = {};
  /// Borrowed: outlives the server's Shutdown(), and gets no more Handle() calls after Listen().
  const Router* router = nullptr;
  /// Takes ownership of a non-blocking socket that speaks HTTP/2 with prior knowledge; nothing of
  /// it has been read. Called on an I/O thread; must not block. Empty: such clients get a 505.
  std::function<void(int fd)> adopt_http2 = {};
};

/// Thread-safe.
class Server {
 public:
  /// Starts the threads; nothing listens yet.
  explicit Server(ServerOptions options);
  /// Shutdown(0), if that has not happened.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and begins to accept. Returns the numeric address with the port that it got,
  /// "127.0.0.1:3200". Fails with kInvalidArgument for an address that cannot be read or resolved,
  /// with kUnavailable for one that cannot be bound (in use, no permission), naming it.
  Result<std::string> Listen(ListenerOptions listener);

  /// Stops accepting, closes idle connections, lets requests in flight finish and answers them with
  /// `Connection: close`. What is left after `grace` is cut off: its handlers see Cancelled(), and
  /// are waited for. Idempotent.
  void Shutdown(Nanos grace);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::http
