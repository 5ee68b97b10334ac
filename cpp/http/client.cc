#include "cpp/http/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>
#include <stop_token>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cpp/base/base64.h"
#include "cpp/http/address.h"
#include "cpp/http/head.h"

namespace tocsin::http {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kMaxHeadBytes = 64 << 10;
constexpr size_t kReadBytes = 64 << 10;

struct Url {
  HostPort endpoint;
  std::string authority;  // As the Host header wants it: without user and password.
  std::string user_info;  // Still percent-encoded.
  std::string target;     // Path and query.
};

/// The URL as errors and logs may show it: without user and password.
std::string Shown(std::string_view url) {
  std::string shown(url);
  const size_t colon = shown.find("://");
  const size_t from = colon == std::string::npos ? 0 : colon + 3;
  const size_t at = shown.substr(0, shown.find_first_of("/?#", from)).rfind('@');
  if (at != std::string::npos && at >= from) shown.replace(from, at - from, "***");
  return shown;
}

Failure BadUrl(std::string_view url, std::string_view why) {
  return InvalidArgumentError("URL \"" + Shown(url) + "\": " + std::string(why));
}

Result<Url> ParseUrl(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) <= ' ' || text[i] == '\x7f') {
      return BadUrl(text, "a space or control character at position " + std::to_string(i + 1));
    }
  }
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return BadUrl(text, "it does not begin with \"http://\"");
  const std::string_view scheme = text.substr(0, colon);
  if (scheme == "https") return BadUrl(text, "https is not supported yet, only http");
  if (scheme != "http") {
    return BadUrl(text,
                  "\"" + std::string(scheme) + "\" at position 1 is not a scheme spoken here");
  }
  Url url;
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  url.target = rest.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  url.authority = authority;
  Result<HostPort> endpoint = ParseHostPort(authority, 80);
  if (!endpoint.has_value()) return BadUrl(text, endpoint.error().message());
  if (endpoint->host.empty()) {
    return BadUrl(text, "no host at position " + std::to_string(colon + 4));
  }
  url.endpoint = *std::move(endpoint);
  return url;
}

bool HasLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Result<std::string> FormatRequest(const ClientRequest& request, const Url& url) {
  std::string text = request.method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority +
                     "\r\nConnection: close\r\n";
  bool authorized = false;
  bool named = false;
  for (const auto& [name, value] : request.headers) {
    if (HasLineBreak(name) || HasLineBreak(value)) {
      return InvalidArgumentError("header \"" + name + "\" has a line break");
    }
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (lower == "host" || lower == "connection" || lower == "content-length") continue;
    authorized = authorized || lower == "authorization";
    named = named || lower == "user-agent";
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (!named) text.append("User-Agent: tocsin\r\n");
  if (!authorized && !url.user_info.empty()) {
    text.append("Authorization: Basic ")
        .append(Base64(PercentDecode(url.user_info, false)))
        .append("\r\n");
  }
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    text.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  return text.append("\r\n");
}

/// A descriptor that becomes readable when a stop is asked for; -1 if that cannot happen.
class StopSignal {
 public:
  explicit StopSignal(const std::stop_token& stop)
      : fd_(stop.stop_possible() ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1),
        callback_(std::in_place, stop, Raise{fd_}) {}
  ~StopSignal() {
    callback_.reset();  // From here on it does not touch the descriptor.
    if (fd_ >= 0) close(fd_);
  }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  int fd() const { return fd_; }

 private:
  struct Raise {
    int fd;
    void operator()() const { eventfd_write(fd, 1); }
  };

  const int fd_;
  std::optional<std::stop_callback<Raise>> callback_;
};

/// A socket and the moment at which everything must be over.
class Connection {
 public:
  Connection(const ClientRequest& request, const Url& url)
      : url_(Shown(request.url)),
        authority_(url.authority),
        deadline_(SteadyClock::now() + std::chrono::nanoseconds(request.timeout)),
        stop_(request.stop) {}
  ~Connection() { Close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Tries the addresses one after the other.
  Status Connect(const std::vector<SocketAddress>& addresses) {
    Status last = UnavailableError("\"" + authority_ + "\" has no address");
    for (const SocketAddress& address : addresses) {
      last = ConnectTo(address);
      if (last.ok() || last.code() == StatusCode::kDeadlineExceeded ||
          last.code() == StatusCode::kCancelled) {
        return last;
      }
      Close();
    }
    return last;
  }

  Status Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
      } else if (errno == EAGAIN) {
        TOCSIN_RETURN_IF_ERROR(WaitFor(POLLOUT, "sending the request"));
      } else if (errno == EPIPE || errno == ECONNRESET) {
        // The peer may have answered before it had read everything (413): that answer counts.
        return {};
      } else if (errno != EINTR) {
        return Broken("sending the request");
      }
    }
    return {};
  }

  /// Appends what has arrived to `*buffer`, at least a byte; false at the end of the stream.
  Result<bool> Read(std::string* buffer) {
    const size_t before = buffer->size();
    while (true) {
      ssize_t received = 0;
      buffer->resize_and_overwrite(before + kReadBytes, [&](char* data, size_t) {
        received = recv(fd_, data + before, kReadBytes, 0);
        return before + static_cast<size_t>(std::max<ssize_t>(received, 0));
      });
      if (received > 0) return true;
      if (received == 0) return false;
      if (errno == EAGAIN) {
        TOCSIN_RETURN_IF_ERROR(WaitFor(POLLIN, "waiting for the response"));
      } else if (errno != EINTR) {
        return Broken("reading the response");
      }
    }
  }

  const std::string& authority() const { return authority_; }
  const std::string& url() const { return url_; }  ///< As errors may show it.

 private:
  Status ConnectTo(const SocketAddress& address) {
    fd_ = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return Broken("opening a socket");
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd_, address.get(), address.length) == 0) return {};
    if (errno != EINPROGRESS) return Broken("connecting to " + address.ToString());
    TOCSIN_RETURN_IF_ERROR(WaitFor(POLLOUT, "connecting to " + address.ToString()));
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error == 0) return {};
    errno = error;
    return Broken("connecting to " + address.ToString());
  }

  Status WaitFor(short events, std::string_view step) {
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline_ - SteadyClock::now());
      std::array<pollfd, 2> entries{{{.fd = fd_, .events = events, .revents = 0},
                                     {.fd = stop_.fd(), .events = POLLIN, .revents = 0}}};
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

  Failure Broken(std::string_view step) const {
    const std::string why = std::error_code(errno, std::generic_category()).message();
    return UnavailableError(url_ + ": " + std::string(step) + ": " + why);
  }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  const std::string url_;
  const std::string authority_;
  const SteadyClock::time_point deadline_;
  const StopSignal stop_;
  int fd_ = -1;
};

/// Reads a response off a connection.
class Reader {
 public:
  Reader(Connection* connection, const ClientRequest& request)
      : connection_(connection), request_(request) {}

  Result<Response> Read() {
    TOCSIN_ASSIGN_OR_RETURN(const ResponseHead head, ReadHead());
    response_.status = head.status;
    response_.headers = head.headers;
    const bool no_body = request_.method == "HEAD" || head.status == 204 || head.status == 304;
    if (!no_body) TOCSIN_RETURN_IF_ERROR(ReadBody());
    return std::move(response_);
  }

 private:
  /// The first head that is not 1xx.
  Result<ResponseHead> ReadHead() {
    while (true) {
      size_t end = buffer_.find("\r\n\r\n");
      size_t gap = 4;
      if (end == std::string::npos) {
        end = buffer_.find("\n\n");
        gap = 2;
      }
      if (end == std::string::npos) {
        if (buffer_.size() > kMaxHeadBytes) return CorruptionError(Told("its head is too long"));
        TOCSIN_ASSIGN_OR_RETURN(const bool more, connection_->Read(&buffer_));
        if (!more) return CutShort();
        continue;
      }
      Result<ResponseHead> head = ParseResponseHead(std::string_view(buffer_).substr(0, end));
      if (!head.has_value()) return CorruptionError(Told(head.error().message()));
      buffer_.erase(0, end + gap);
      if (head->status >= 200) return head;
    }
  }

  Status ReadBody() {
    const std::string_view coding = response_.Header("transfer-encoding");
    if (coding == "chunked") return ReadChunked();
    if (!coding.empty()) {
      return CorruptionError(Told("transfer coding \"" + std::string(coding) + "\""));
    }
    const std::string_view length = response_.Header("content-length");
    if (length.empty()) return ReadToEnd();
    uint64_t size = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
    if (error != std::errc() || end != length.data() + length.size()) {
      return CorruptionError(Told("Content-Length \"" + std::string(length) + "\""));
    }
    if (size > request_.max_response_bytes) return TooLarge();
    while (buffer_.size() < size) {
      TOCSIN_ASSIGN_OR_RETURN(const bool more, connection_->Read(&buffer_));
      if (!more) return CutShort();
    }
    buffer_.resize(size);
    response_.body = std::move(buffer_);
    return {};
  }

  Status ReadToEnd() {
    while (true) {
      if (buffer_.size() > request_.max_response_bytes) return TooLarge();
      TOCSIN_ASSIGN_OR_RETURN(const bool more, connection_->Read(&buffer_));
      if (!more) break;
    }
    response_.body = std::move(buffer_);
    return {};
  }

  Status ReadChunked() {
    ChunkedDecoder decoder;
    while (true) {
      std::string_view input = buffer_;
      const Status decoded = decoder.Decode(&input, &response_.body);
      if (!decoded.ok()) return CorruptionError(Told(decoded.message()));
      if (response_.body.size() > request_.max_response_bytes) return TooLarge();
      if (decoder.done()) return {};
      buffer_.clear();
      TOCSIN_ASSIGN_OR_RETURN(const bool more, connection_->Read(&buffer_));
      if (!more) return CutShort();
    }
  }

  std::string Told(std::string_view what) const {
    return connection_->authority() + " does not speak HTTP/1.1: " + std::string(what);
  }
  Failure CutShort() const {
    return UnavailableError(connection_->url() +
                            ": the connection broke before the response was whole");
  }
  Failure TooLarge() const {
    return ResourceExhaustedError(connection_->url() + ": the response is larger than " +
                                  std::to_string(request_.max_response_bytes) + " bytes");
  }

  Connection* const connection_;
  const ClientRequest& request_;
  std::string buffer_;
  Response response_;
};

}  // namespace

Result<Response> Fetch(const ClientRequest& request) {
  TOCSIN_ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
  TOCSIN_ASSIGN_OR_RETURN(const std::string head, FormatRequest(request, url));
  Connection connection(request, url);
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<SocketAddress> addresses, Resolve(url.endpoint));
  TOCSIN_RETURN_IF_ERROR(connection.Connect(addresses));
  TOCSIN_RETURN_IF_ERROR(connection.Write(head));
  TOCSIN_RETURN_IF_ERROR(connection.Write(request.body));
  return Reader(&connection, request).Read();
}

}  // namespace tocsin::http
