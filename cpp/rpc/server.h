/// The gRPC server: methods as raw bytes, unary ones and those that answer with a stream, on
/// connections that a listener of cpp/http has accepted and handed over. Streams have threads of
/// their own, so that slow answers never hold up receiving.
///
/// Bounds, and what a caller gets beyond them: a message (RESOURCE_EXHAUSTED; the bound holds for
/// the decompressed size too), calls in flight and their bytes (UNAVAILABLE, which clients retry).
/// A caller that reads nothing of a stream for `stream_stall_timeout` is cut off. Unknown methods
/// answer UNIMPLEMENTED at once. `grpc.health.v1.Health/Check` is answered for ""
/// and for each service that has a method here.

#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/rpc/call.h"

namespace tocsin::rpc {

struct ServerOptions {
  size_t handler_threads = 4;      ///< Unary handlers that run at once.
  size_t stream_threads = 8;       ///< Stream handlers that run at once.
  size_t more_stream_threads = 0;  ///< And so many others, each started when all are busy.
  Nanos stream_stall_timeout = 30 * kSecond;
  size_t max_message_bytes = 64 << 20;
  size_t max_calls_in_flight = 256;
  size_t max_bytes_in_flight = size_t{256} << 20;
  MemoryPool* memory = nullptr;    ///< And of other servers; borrowed; null: no bound.
  Telemetry* telemetry = nullptr;  ///< Borrowed; null counts nothing.
};

/// Thread-safe after Start().
class Server {
 public:
  explicit Server(const ServerOptions& options);
  /// Shutdown(0), if that has not happened.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// REQUIRES: before Start(); one handler a method. `method` is "/package.Service/Method".
  void Handle(std::string method, UnaryHandler handler);
  void HandleStream(std::string method, StreamHandler handler);

  /// Must succeed before the first Adopt().
  Status Start();

  /// Serves an accepted, non-blocking TCP connection whose client speaks HTTP/2 with prior
  /// knowledge and of which nothing has been read. Takes ownership of `fd`; after Shutdown() it is
  /// closed.
  void Adopt(int fd);

  /// Refuses new calls, waits up to `grace` for those in flight, cancels the rest and waits for
  /// their handlers. Idempotent.
  void Shutdown(Nanos grace);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::rpc
