/// A client that says exactly what a test wants said, and a server that answers so.

#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cpp/http/address.h"

namespace tocsin::http {

/// Blocking; every wait ends after ten seconds, which fails the test by what was then received.
class RawSocket {
 public:
  /// Connects to "127.0.0.1:port".
  explicit RawSocket(std::string_view address) {
    const auto endpoint = ParseHostPort(address, 0);
    const auto resolved = Resolve(*endpoint);
    fd_ = socket(resolved->front().storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd_, resolved->front().get(), resolved->front().length), 0);
    SetTimeout();
  }
  /// Takes a connected socket.
  explicit RawSocket(int fd) : fd_(fd) { SetTimeout(); }
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket() { Close(); }

  /// False once the peer has closed.
  bool Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  /// Until `end` has arrived, which is included, or the stream ends.
  std::string ReadUntil(std::string_view end) const {
    std::string received;
    char next = 0;
    while (!received.ends_with(end) && recv(fd_, &next, 1, 0) == 1) received.push_back(next);
    return received;
  }
  std::string ReadToEnd() const {
    std::string received;
    char chunk[4096];
    ssize_t count = 0;
    while ((count = recv(fd_, chunk, sizeof(chunk), 0)) > 0) {
      received.append(chunk, static_cast<size_t>(count));
    }
    return received;
  }
  /// A response with Content-Length: head and body.
  std::string ReadResponse() const {
    std::string response = ReadUntil("\r\n\r\n");
    const size_t at = response.find("Content-Length: ");
    if (at == std::string::npos) return response;
    size_t left = std::stoul(response.substr(at + 16));
    while (left > 0) {
      char chunk[4096];
      const ssize_t count = recv(fd_, chunk, std::min(left, sizeof(chunk)), 0);
      if (count <= 0) break;
      response.append(chunk, static_cast<size_t>(count));
      left -= static_cast<size_t>(count);
    }
    return response;
  }
  void FinishSending() const { shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  int fd() const { return fd_; }

 private:
  void SetTimeout() const {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  }

  int fd_ = -1;
};

}  // namespace tocsin::http
