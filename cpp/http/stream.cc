#include "cpp/http/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tocsin::http {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kReadBytes = 64 << 10;

Result<Descriptor> ConnectToOne(const SocketAddress& address, const Patience& patience) {
  Descriptor fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return patience.Broken("opening a socket");
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const std::string step = "connecting to " + address.ToString();
  if (connect(fd.get(), address.get(), address.length) == 0) return fd;
  if (errno != EINPROGRESS) return patience.Broken(step);
  TOCSIN_RETURN_IF_ERROR(patience.WaitFor(fd.get(), POLLOUT, step));
  int error = 0;
  socklen_t length = sizeof(error);
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) return fd;
  errno = error;
  return patience.Broken(step);
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void Patience::Raise::operator()() const { eventfd_write(fd, 1); }

Patience::Patience(std::string url, Nanos timeout, const std::stop_token& stop)
    : url_(std::move(url)),
      deadline_(SteadyClock::now() + std::chrono::nanoseconds(timeout)),
      stop_(stop),
      stop_fd_(stop.stop_possible() ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1),
      callback_(std::in_place, stop, Raise{stop_fd_}) {}

Patience::~Patience() {
  callback_.reset();  // From here on it does not touch the descriptor.
  if (stop_fd_ >= 0) close(stop_fd_);
}

Status Patience::WaitFor(int fd, short events, std::string_view step) const {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - SteadyClock::now());
    std::array<pollfd, 2> entries{{{.fd = fd, .events = events, .revents = 0},
                                   {.fd = stop_fd_, .events = POLLIN, .revents = 0}}};
    const auto wait = std::clamp<int64_t>(left.count(), 0, std::numeric_limits<int>::max());
    const int ready = poll(entries.data(), entries.size(), static_cast<int>(wait));
    if (ready > 0 && entries[1].revents != 0) {
      return CancelledError(url_ + ": stopped while " + std::string(step));
    }
    if (ready > 0) return {};
    if (ready == 0) {
      return DeadlineExceededError(url_ + ": out of time while " + std::string(step));
    }
    if (errno != EINTR) return Broken(step);
  }
}

Failure Patience::Broken(std::string_view step) const {
  return Broken(step, std::error_code(errno, std::generic_category()).message());
}

Failure Patience::Broken(std::string_view step, std::string_view why) const {
  return UnavailableError(url_ + ": " + std::string(step) + ": " + std::string(why));
}

Nanos Patience::Left() const {
  return std::max<Nanos>(std::chrono::nanoseconds(deadline_ - SteadyClock::now()).count(), 0);
}

Result<Descriptor> ConnectTo(std::span<const SocketAddress> addresses, const Patience& patience) {
  Result<Descriptor> last = patience.Broken("connecting", "the host has no address");
  for (const SocketAddress& address : addresses) {
    last = ConnectToOne(address, patience);
    if (last.has_value() || last.error().code() == StatusCode::kDeadlineExceeded ||
        last.error().code() == StatusCode::kCancelled) {
      break;
    }
  }
  return last;
}

Status PlainStream::Write(std::string_view bytes, const Patience& patience) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      TOCSIN_RETURN_IF_ERROR(patience.WaitFor(socket_.get(), POLLOUT, "sending the request"));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};
    } else if (errno != EINTR) {
      return patience.Broken("sending the request");
    }
  }
  return {};
}

Result<bool> PlainStream::Read(std::string* buffer, const Patience& patience) {
  const size_t before = buffer->size();
  while (true) {
    ssize_t received = 0;
    buffer->resize_and_overwrite(before + kReadBytes, [&](char* data, size_t) {
      received = recv(socket_.get(), data + before, kReadBytes, 0);
      return before + static_cast<size_t>(std::max<ssize_t>(received, 0));
    });
    if (received > 0) return true;
    if (received == 0) return false;
    if (errno == EAGAIN) {
      TOCSIN_RETURN_IF_ERROR(patience.WaitFor(socket_.get(), POLLIN, "waiting for the response"));
    } else if (errno != EINTR) {
      return patience.Broken("reading the response");
    }
  }
}

bool PlainStream::IsQuiet() {
  char next = 0;
  return recv(socket_.get(), &next, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

}  // namespace tocsin::http
