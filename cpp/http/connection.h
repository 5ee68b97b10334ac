/// One connection of the HTTP server, and what all connections share. Private to cpp/http: only
/// server.cc includes this.
///
/// Asio is the event loop: it says when a socket is readable or writable, and the calls that move
/// bytes are made here, straight into the buffer or body where they belong.
///
/// One I/O thread owns a connection for life, and all of the connection's members belong to that
/// thread, except in the state kHandling: then a worker owns the request until it posts the
/// response back, and the I/O thread does nothing to the connection but Abort().

#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/types.h>

#include "cpp/base/thread_pool.h"
#include "cpp/http/head.h"
#include "cpp/http/message.h"
#include "cpp/http/request_parser.h"
#include "cpp/http/server.h"

namespace tocsin::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using TimePoint = std::chrono::steady_clock::time_point;

/// Of one read buffer, and so the most that a head can have.
inline constexpr size_t kBufferBytes = 64 << 10;

/// What goes on over all connections.
struct Shared {
  explicit Shared(ServerOptions o)
      : options(std::move(o)),
        workers(options.name, options.handler_threads,
                options.handler_threads + options.more_handler_threads,
                options.max_requests_in_flight),
        reserved(options.name.substr(0, 10) + "-own", 1, kMaxReserved),
        streams(options.name.substr(0, 10) + "-out", 1, std::max<size_t>(options.stream_threads, 1),
                options.max_requests_in_flight) {}

  /// False, and nothing changes, if so many more bytes of bodies are over the budget.
  bool Charge(size_t bytes) {
    const bool room = body_bytes.fetch_add(bytes) + bytes <= options.max_body_bytes_in_flight;
    if (room && (options.memory == nullptr || options.memory->Take(bytes))) return true;
    body_bytes.fetch_sub(bytes);
    return false;
  }
  /// Gives back what Charge() took.
  void Release(size_t bytes) {
    body_bytes.fetch_sub(bytes);
    if (options.memory != nullptr) options.memory->Give(bytes);
  }
  void CountRejected(std::string_view reason) const {
    Telemetry& telemetry = options.telemetry == nullptr ? Telemetry::None() : *options.telemetry;
    telemetry
        .GetCounter("tocsin_http_requests_rejected_total",
                    "HTTP requests refused because a bound was reached.",
                    {{"server", options.name}, {"reason", std::string(reason)}})
        .Add(1);
  }
  void ConnectionGone() {
    if (connections.fetch_sub(1) == 1) {
      const std::lock_guard lock(mutex);
      idle.notify_all();
    }
  }

  static constexpr size_t kMaxReserved = 64;

  const ServerOptions options;
  ThreadPool workers;
  ThreadPool reserved;  // Of reserved paths; these are not among max_requests_in_flight.
  ThreadPool streams;   // Wait for slow clients.
  std::atomic<size_t> connections = 0;
  std::atomic<size_t> requests = 0;
  std::atomic<size_t> body_bytes = 0;
  std::atomic<bool> stopping = false;
  std::mutex mutex;
  std::condition_variable idle;  // With `mutex`: `connections` has become 0.
};

class Connection;

/// One I/O thread and what belongs to it.
struct Loop {
  explicit Loop(Shared* s) : shared(s) {}

  std::unique_ptr<char[]> TakeBuffer() {
    if (free_buffers.empty()) return std::make_unique_for_overwrite<char[]>(kBufferBytes);
    std::unique_ptr<char[]> buffer = std::move(free_buffers.back());
    free_buffers.pop_back();
    return buffer;
  }
  void GiveBuffer(std::unique_ptr<char[]> buffer) {
    constexpr size_t kKept = 64;  // 4 MiB.
    if (free_buffers.size() < kKept) free_buffers.push_back(std::move(buffer));
  }

  Shared* const shared;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  asio::steady_timer sweep{context};
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::vector<std::unique_ptr<char[]>> free_buffers;
  std::thread thread;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop* loop, const ListenerOptions* listener, tcp::socket socket)
      : loop_(loop),
        shared_(loop->shared),
        listener_(listener),
        socket_(std::move(socket)),
        fd_(socket_.native_handle()) {}

  void Start();
  /// Closes what is idle; the rest ends with its response.
  void Drain();
  /// Ends the connection now, or as soon as its handler returns.
  void Abort();
  void CheckDeadline(TimePoint now);

 private:
  enum class State : uint8_t {
    kSniffing,   // Nothing has come yet on a new connection.
    kIdle,       // Between requests.
    kHead,       // A request's head is arriving.
    kBody,       // Its body is arriving.
    kHandling,   // A worker has it.
    kWriting,    // The response is leaving.
    kLingering,  // All is said; what still comes is thrown away until the client hangs up.
    kClosed,
  };

  /// Calls `next` once the socket is ready, unless the state has changed by then.
  void Wait(tcp::socket::wait_type what, void (Connection::*next)());

  void Sniff();
  void HandOver();
  void NextRequest();
  void OnReadable();
  /// One recv() to where the bytes belong. What recv() returned.
  ssize_t Receive();
  /// Uses what Receive() got. True if the request needs more.
  bool Consume(size_t received);
  /// Parses what the buffer has of a head. True if the request needs more than that.
  bool Parse();
  /// The head is whole; goes on with the body. True if the request needs more.
  bool OnHead();
  bool SendContinue();
  /// Moves what the buffer has of a body of known length. True if the request needs more.
  bool TakeBufferedBody();
  /// The same for a chunked body.
  bool DecodeChunks();
  /// Takes bytes of the body from the budget; false if it is used up.
  bool Charge(size_t bytes);
  void Dispatch();
  void Handle();
  void StartStream(Response response);
  void Stream(const Response& response);
  bool SendAll(std::string_view bytes, TimePoint limit);
  void Streamed(bool whole);
  void Fail(int status, std::string_view text);
  void Refuse(std::string_view reason, std::string_view text, bool keep_alive);
  void Respond(Response response);
  void Write();
  void Finish();
  void Linger();
  void Discard();
  void Close();
  void Forget();
  void ReleaseBuffer();
  bool ClientIsGone() const;
  void RenewDeadline(TimePoint limit);

  Loop* const loop_;
  Shared* const shared_;
  const ListenerOptions* const listener_;
  tcp::socket socket_;
  const int fd_;  // Of socket_.
  std::string remote_;
  State state_ = State::kSniffing;
  TimePoint deadline_ = TimePoint::max();        // For the next step of the present state.
  TimePoint whole_deadline_ = TimePoint::max();  // For the whole of a body.

  std::unique_ptr<char[]> buffer_;  // kBufferBytes; [begin_, end_) is not parsed yet.
  size_t begin_ = 0;
  size_t end_ = 0;

  Request request_;
  std::optional<RequestParser> parser_;
  std::optional<ChunkedDecoder> chunks_;
  bool known_length_ = false;
  size_t body_left_ = 0;  // Of a body of known length.
  size_t charged_ = 0;    // To the budget for bodies.
  bool counted_ = false;  // Among shared_->requests.

  bool keep_alive_ = true;
  bool http_1_0_ = false;
  bool head_request_ = false;
  std::string head_;
  Response response_;
  size_t written_ = 0;  // Of head_ and the response's body together.
  std::atomic<bool> aborted_ = false;
};

}  // namespace tocsin::http
