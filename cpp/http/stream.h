/// Open connections of the client: bytes out, bytes in, and an end to all waiting.

#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/address.h"

namespace tocsin::http {

/// What bounds the waiting of one request: its deadline, and whoever may stop it.
class Patience {
 public:
  /// `url`: as errors may show it. Begins now.
  Patience(std::string url, Nanos timeout, const std::stop_token& stop);
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  /// Until the descriptor is ready for `events` (of poll). kDeadlineExceeded or kCancelled, saying
  /// in which `step`.
  Status WaitFor(int fd, short events, std::string_view step) const;

  /// kUnavailable, for the reason in errno.
  Failure Broken(std::string_view step) const;
  /// kUnavailable, with our own words.
  Failure Broken(std::string_view step, std::string_view why) const;

  Nanos Left() const;
  const std::stop_token& stop() const { return stop_; }
  const std::string& url() const { return url_; }

 private:
  struct Raise {
    int fd;
    void operator()() const;
  };

  const std::string url_;
  const std::chrono::steady_clock::time_point deadline_;
  const std::stop_token stop_;
  const int stop_fd_;  ///< Readable when a stop is asked for; -1 if that cannot happen.
  std::optional<std::stop_callback<Raise>> callback_;
};

/// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// Belongs to one thread at a time. After an error it is good for nothing more.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Sends all of it. OK also if the other side has closed by then: it may have answered before it
  /// had read everything, and that answer counts.
  virtual Status Write(std::string_view bytes, const Patience& patience) = 0;
  /// Appends what has arrived, at least a byte; false at the end of the stream.
  virtual Result<bool> Read(std::string* buffer, const Patience& patience) = 0;
  /// Is the connection open, with nothing to read? So it must be if it is to be used again.
  virtual bool IsQuiet() = 0;
};

/// The first of the addresses that takes a connection.
Result<Descriptor> ConnectTo(std::span<const SocketAddress> addresses, const Patience& patience);

/// The socket as it is.
class PlainStream final : public Stream {
 public:
  explicit PlainStream(Descriptor socket) : socket_(std::move(socket)) {}

  Status Write(std::string_view bytes, const Patience& patience) override;
  Result<bool> Read(std::string* buffer, const Patience& patience) override;
  bool IsQuiet() override;

  /// The socket, for somebody else.
  Descriptor Release() && { return std::move(socket_); }

 private:
  Descriptor socket_;
};

}  // namespace tocsin::http
