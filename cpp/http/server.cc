#include "cpp/http/server.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cpp/base/log.h"
#include "cpp/http/address.h"
#include "cpp/http/connection.h"
#include "cpp/http/head.h"

namespace tocsin::http {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kSweepInterval = std::chrono::milliseconds(250);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

/// A bound socket that listens; `*address` becomes what it is bound to.
Result<int> OpenListener(SocketAddress* address) {
  const int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto failed = [fd, address] {
    const std::string why = std::error_code(errno, std::generic_category()).message();
    if (fd >= 0) close(fd);
    return UnavailableError("cannot listen on " + address->ToString() + ": " + why);
  };
  if (fd < 0) return failed();
  const int on = 1;
  const int off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address->storage.ss_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (bind(fd, address->get(), address->length) != 0 || listen(fd, SOMAXCONN) != 0) return failed();
  address->length = sizeof(address->storage);
  if (getsockname(fd, address->get(), &address->length) != 0) return failed();
  return fd;
}

/// Binds the first address that can be; for all addresses of the machine, the IPv6 one, which takes
/// IPv4 as well.
Result<int> OpenFirst(const HostPort& endpoint, SocketAddress* bound) {
  TOCSIN_ASSIGN_OR_RETURN(std::vector<SocketAddress> addresses, Resolve(endpoint));
  if (endpoint.host.empty()) std::ranges::reverse(addresses);
  Result<int> fd = UnavailableError("\"" + endpoint.host + "\" has no address");
  for (const SocketAddress& address : addresses) {
    *bound = address;
    fd = OpenListener(bound);
    if (fd.has_value()) break;
  }
  return fd;
}

Gauge& MakeGauge(const ServerOptions& options, std::string_view name, std::string_view help) {
  Telemetry& telemetry = options.telemetry == nullptr ? Telemetry::None() : *options.telemetry;
  return telemetry.GetGauge(name, help, {{"server", options.name}});
}

ServerOptions Checked(ServerOptions options) {
  TOCSIN_CHECK(options.io_threads >= 1 && options.handler_threads >= 1);
  options.max_header_bytes = std::min(options.max_header_bytes, kBufferBytes);
  return options;
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(ServerOptions options);
  // A thread that cannot be joined must end the process, so an exception may as well.
  ~Impl() { Shutdown(0); }  // NOLINT(bugprone-exception-escape)

  Result<std::string> Listen(ListenerOptions options);
  void Shutdown(Nanos grace);

 private:
  struct Listener {
    Listener(ListenerOptions o, asio::io_context* context)
        : options(std::move(o)), acceptor(*context), pause(*context) {}
    const ListenerOptions options;
    tcp::acceptor acceptor;
    asio::steady_timer pause;
  };

  void Accept(Listener* listener);
  void Admit(Listener* listener, Loop* loop, tcp::socket socket);
  void Sweep(Loop* loop);
  void PublishGauges();
  /// Runs `act` for every connection, on the thread that owns it.
  void ForEach(void (Connection::*act)());
  bool WaitUntilIdle(Nanos grace);

  Shared shared_;
  Gauge& connections_gauge_;
  Gauge& requests_gauge_;
  Gauge& body_bytes_gauge_;
  std::vector<std::unique_ptr<Loop>> loops_;
  size_t next_loop_ = 0;  // Of the first loop's thread, where all listeners are.
  std::mutex mutex_;      // Guards what follows, and makes Shutdown() happen once.
  std::vector<std::unique_ptr<Listener>> listeners_;
  bool shut_down_ = false;
};

Server::Impl::Impl(ServerOptions options)
    : shared_(Checked(std::move(options))),
      connections_gauge_(MakeGauge(shared_.options, "tocsin_http_connections",
                                   "HTTP connections that are open now.")),
      requests_gauge_(MakeGauge(shared_.options, "tocsin_http_requests_in_flight",
                                "HTTP requests queued, handled or being answered now.")),
      body_bytes_gauge_(MakeGauge(shared_.options, "tocsin_http_body_bytes_in_flight",
                                  "Bytes of HTTP request bodies held now.")) {
  for (size_t i = 0; i < shared_.options.io_threads; ++i) {
    loops_.push_back(std::make_unique<Loop>(&shared_));
    Loop* const loop = loops_.back().get();
    Sweep(loop);
    loop->thread = std::thread([loop] { loop->context.run(); });
    const std::string name = shared_.options.name.substr(0, 12) + "-io";
    pthread_setname_np(loop->thread.native_handle(), name.c_str());
  }
}

Result<std::string> Server::Impl::Listen(ListenerOptions options) {
  TOCSIN_CHECK(options.router != nullptr);
  TOCSIN_ASSIGN_OR_RETURN(const HostPort endpoint, ParseHostPort(options.address, 0));
  SocketAddress bound;
  TOCSIN_ASSIGN_OR_RETURN(const int fd, OpenFirst(endpoint, &bound));
  const std::lock_guard lock(mutex_);
  if (shut_down_) {
    close(fd);
    return UnavailableError("the server is shutting down");
  }
  listeners_.push_back(std::make_unique<Listener>(std::move(options), &loops_[0]->context));
  Listener* const listener = listeners_.back().get();
  const tcp protocol = bound.storage.ss_family == AF_INET6 ? tcp::v6() : tcp::v4();
  asio::post(loops_[0]->context, [this, listener, fd, protocol] {
    error_code ec;
    if (listener->acceptor.assign(protocol, fd, ec) || listener->acceptor.non_blocking(true, ec)) {
      log::Error("listener lost", {{"server", shared_.options.name}, {"err", ec.message()}});
      return;
    }
    Accept(listener);
  });
  return bound.ToString();
}

void Server::Impl::Accept(Listener* listener) {
  Loop* const loop = loops_[next_loop_++ % loops_.size()].get();
  listener->acceptor.async_accept(
      loop->context, [this, listener, loop](error_code ec, tcp::socket socket) {
        if (ec == asio::error::operation_aborted || !listener->acceptor.is_open()) return;
        if (!ec) {
          Admit(listener, loop, std::move(socket));
          return Accept(listener);
        }
        // Out of descriptors, most likely: the connection waits in the kernel until some are back.
        log::Warn("accept failed", {{"server", shared_.options.name}, {"err", ec.message()}});
        listener->pause.expires_after(kAcceptPause);
        listener->pause.async_wait([this, listener](error_code cancelled) {
          if (!cancelled && listener->acceptor.is_open()) Accept(listener);
        });
      });
}

void Server::Impl::Admit(Listener* listener, Loop* loop, tcp::socket socket) {
  if (shared_.connections.fetch_add(1) >= shared_.options.max_connections) {
    shared_.CountRejected("connections");
    const std::string head =
        FormatResponseHead(Response{.status = 503, .headers = {{"Retry-After", "1"}}, .body = {}},
                           {.keep_alive = false, .http_1_0 = false, .now = Clock::Real().Now()});
    send(socket.native_handle(), head.data(), head.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return shared_.ConnectionGone();
  }
  auto connection = std::make_shared<Connection>(loop, &listener->options, std::move(socket));
  asio::post(loop->context, [this, loop, connection = std::move(connection)] {
    loop->connections.insert(connection);
    connection->Start();
    if (shared_.stopping) connection->Drain();
  });
}

void Server::Impl::Sweep(Loop* loop) {
  const TimePoint now = SteadyClock::now();
  // A copy: checking may close a connection, which takes it out of the set.
  const std::vector<std::shared_ptr<Connection>> connections(loop->connections.begin(),
                                                             loop->connections.end());
  for (const auto& connection : connections) connection->CheckDeadline(now);
  if (loop == loops_.front().get()) PublishGauges();
  loop->sweep.expires_after(kSweepInterval);
  loop->sweep.async_wait([this, loop](error_code cancelled) {
    if (!cancelled) Sweep(loop);
  });
}

void Server::Impl::PublishGauges() {
  connections_gauge_.Set(static_cast<double>(shared_.connections));
  requests_gauge_.Set(static_cast<double>(shared_.requests));
  body_bytes_gauge_.Set(static_cast<double>(shared_.body_bytes));
}

void Server::Impl::ForEach(void (Connection::*act)()) {
  for (const auto& owned : loops_) {
    Loop* const loop = owned.get();
    asio::post(loop->context, [loop, act] {
      const std::vector<std::shared_ptr<Connection>> connections(loop->connections.begin(),
                                                                 loop->connections.end());
      for (const auto& connection : connections) ((*connection).*act)();
    });
  }
}

bool Server::Impl::WaitUntilIdle(Nanos grace) {
  std::unique_lock lock(shared_.mutex);
  return shared_.idle.wait_for(lock, std::chrono::nanoseconds(grace),
                               [this] { return shared_.connections == 0; });
}

void Server::Impl::Shutdown(Nanos grace) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(shut_down_, true)) return;
  shared_.stopping = true;
  asio::post(loops_[0]->context, [this] {
    for (const auto& listener : listeners_) {
      error_code ignored;
      std::ignore = listener->acceptor.close(ignored);
      listener->pause.cancel();
    }
  });
  ForEach(&Connection::Drain);
  if (!WaitUntilIdle(grace)) {
    // Again and again: a connection may have been on its way to its loop.
    do {
      ForEach(&Connection::Abort);
    } while (!WaitUntilIdle(100 * kMillisecond));
  }
  shared_.reserved.Stop();
  shared_.workers.Stop();
  shared_.streams.Stop();
  for (const auto& loop : loops_) {
    loop->context.stop();
    loop->thread.join();
  }
}

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Server::~Server() = default;

Result<std::string> Server::Listen(ListenerOptions listener) {
  return impl_->Listen(std::move(listener));
}

void Server::Shutdown(Nanos grace) { impl_->Shutdown(grace); }

}  // namespace tocsin::http
