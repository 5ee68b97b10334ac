#include "cpp/http/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "cpp/http/address.h"

namespace tocsin::http {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kBodyReadBytes = 256 << 10;   // Of one recv() into a body.
constexpr size_t kBodyReserveBytes = 1 << 20;  // What a declared length alone makes us reserve.
constexpr int kReadsPerTurn = 16;              // Then the other connections of the loop get theirs.
constexpr auto kLinger = std::chrono::milliseconds(5000);
constexpr auto kShortLinger = std::chrono::milliseconds(500);  // While shutting down.
constexpr std::string_view kRetryAfter = "1";                  // Second.
constexpr std::string_view kTooManyRequests = "too many requests in flight; try again";
constexpr std::string_view kTooManyBytes = "too many bytes of requests in flight; try again";

constexpr std::string_view kPreface = "PRI ";  // Of HTTP/2; no method of HTTP/1.1 begins so.

bool EqualsIgnoringCase(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

TimePoint After(Nanos time) { return SteadyClock::now() + std::chrono::nanoseconds(time); }

}  // namespace

void Connection::Wait(tcp::socket::wait_type what, void (Connection::*next)()) {
  socket_.async_wait(what, [self = shared_from_this(), expected = state_, next](error_code ec) {
    if (ec == asio::error::operation_aborted || self->state_ != expected) return;
    if (ec) return self->Close();
    ((*self).*next)();
  });
}

void Connection::Start() {
  error_code ec;
  SocketAddress peer;
  peer.length = sizeof(peer.storage);
  if (getpeername(fd_, peer.get(), &peer.length) != 0) return Close();  // It has come and gone.
  remote_ = peer.ToString();
  socket_.non_blocking(true, ec);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  // "P" could become POST or PRI: wake when there is enough to tell, without asking in between.
  const int enough = static_cast<int>(kPreface.size());
  setsockopt(fd_, SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof(enough));
  deadline_ = After(shared_->options.idle_timeout);
  Wait(tcp::socket::wait_read, &Connection::Sniff);
}

void Connection::Sniff() {
  std::array<char, kPreface.size()> first{};
  const ssize_t received = recv(fd_, first.data(), first.size(), MSG_PEEK);
  if (received < 0 && errno == EAGAIN) return Wait(tcp::socket::wait_read, &Connection::Sniff);
  if (received <= 0) return Close();
  const std::string_view start(first.data(), static_cast<size_t>(received));
  if (start != kPreface && kPreface.starts_with(start)) {
    return Wait(tcp::socket::wait_read, &Connection::Sniff);
  }
  const int any = 1;
  setsockopt(fd_, SOL_SOCKET, SO_RCVLOWAT, &any, sizeof(any));
  if (start != kPreface) return NextRequest();
  if (!listener_->adopt_http2) return Fail(505, "this port speaks HTTP/1.1 only");
  HandOver();
}

void Connection::HandOver() {
  error_code ec;
  const int fd = socket_.release(ec);
  if (ec) return Close();
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  Forget();
  listener_->adopt_http2(fd);
}

void Connection::NextRequest() {
  request_ = Request();
  request_.remote = remote_;
  const RequestLimits limits{.max_header_bytes = shared_->options.max_header_bytes,
                             .max_body_bytes = shared_->options.max_body_bytes};
  parser_.emplace(&request_, limits);
  chunks_.reset();
  known_length_ = false;
  head_request_ = false;
  if (begin_ < end_) {  // The client did not wait for the last response.
    state_ = State::kHead;
    deadline_ = After(shared_->options.header_timeout);
    // By way of the loop: a long pipeline must not become a deep stack.
    asio::post(loop_->context, [self = shared_from_this()] {
      if (self->state_ == State::kHead && self->Parse()) {
        self->Wait(tcp::socket::wait_read, &Connection::OnReadable);
      }
    });
    return;
  }
  ReleaseBuffer();
  if (shared_->stopping) return Linger();
  state_ = State::kIdle;
  deadline_ = After(shared_->options.idle_timeout);
  Wait(tcp::socket::wait_read, &Connection::OnReadable);
}

void Connection::OnReadable() {
  if (state_ == State::kIdle) {
    state_ = State::kHead;
    deadline_ = After(shared_->options.header_timeout);
  }
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const ssize_t received = Receive();
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) break;
    if (received <= 0) return Close();
    if (!Consume(static_cast<size_t>(received))) return;
  }
  Wait(tcp::socket::wait_read, &Connection::OnReadable);
}

ssize_t Connection::Receive() {
  if (known_length_) {
    ssize_t received = 0;
    std::string& body = request_.body;
    const size_t before = body.size();
    const size_t wanted = std::min(body_left_, kBodyReadBytes);
    body.resize_and_overwrite(before + wanted, [&](char* data, size_t) {
      received = recv(fd_, data + before, wanted, 0);
      return before + static_cast<size_t>(std::max<ssize_t>(received, 0));
    });
    return received;
  }
  if (buffer_ == nullptr) buffer_ = loop_->TakeBuffer();
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  return recv(fd_, buffer_.get() + end_, kBufferBytes - end_, 0);
}

bool Connection::Consume(size_t received) {
  if (!known_length_) {
    end_ += received;
    if (state_ == State::kHead) return Parse();
    RenewDeadline(whole_deadline_);
    return DecodeChunks();
  }
  RenewDeadline(whole_deadline_);
  body_left_ -= received;
  if (!Charge(received)) {
    Refuse("body_bytes", kTooManyBytes, body_left_ == 0);
    return false;
  }
  if (body_left_ > 0) return true;
  Dispatch();
  return false;
}

bool Connection::Charge(size_t bytes) {
  if (!shared_->Charge(bytes)) return false;
  charged_ += bytes;
  return true;
}

bool Connection::Parse() {
  std::string_view input(buffer_.get() + begin_, end_ - begin_);
  const RequestParser::Progress progress = parser_->Parse(&input);
  begin_ = end_ - input.size();
  switch (progress) {
    case RequestParser::Progress::kNeedsMore:
      if (input.size() < kBufferBytes) return true;
      Fail(431, "a line of the request is too long");
      return false;
    case RequestParser::Progress::kFailed:
      if (parser_->error_status() == 413) shared_->CountRejected("body_size");
      Fail(parser_->error_status(), parser_->error());
      return false;
    case RequestParser::Progress::kDone:
      return OnHead();
  }
  return false;
}

bool Connection::OnHead() {
  state_ = State::kBody;
  keep_alive_ = parser_->keep_alive();
  http_1_0_ = parser_->http_1_0();
  head_request_ = request_.method == "HEAD";
  const std::optional<size_t> length = parser_->body_length();
  if (length == 0) {
    Dispatch();
    return false;
  }
  if (shared_->requests >= shared_->options.max_requests_in_flight) {
    Refuse("requests", kTooManyRequests, false);
    return false;
  }
  if (!request_.Header("expect").empty() && !SendContinue()) return false;
  whole_deadline_ = After(shared_->options.body_timeout);
  RenewDeadline(whole_deadline_);
  if (length.has_value()) {
    known_length_ = true;
    body_left_ = *length;
    request_.body.reserve(std::min(body_left_, kBodyReserveBytes));
    return TakeBufferedBody();
  }
  chunks_.emplace();
  return DecodeChunks();
}

bool Connection::DecodeChunks() {
  std::string_view input(buffer_.get() + begin_, end_ - begin_);
  const size_t before = request_.body.size();
  const Status decoded = chunks_->Decode(&input, &request_.body);
  begin_ = end_ - input.size();
  if (!decoded.ok()) {
    Fail(400, "malformed request: " + std::string(decoded.message()));
  } else if (request_.body.size() > shared_->options.max_body_bytes) {
    shared_->CountRejected("body_size");
    Fail(413,
         "the body is larger than " + std::to_string(shared_->options.max_body_bytes) + " bytes");
  } else if (!Charge(request_.body.size() - before)) {
    Refuse("body_bytes", kTooManyBytes, false);
  } else if (chunks_->done()) {
    Dispatch();
  } else {
    return true;
  }
  return false;
}

bool Connection::SendContinue() {
  if (!EqualsIgnoringCase(request_.Header("expect"), "100-continue")) {
    Fail(417, "Expect: only 100-continue is understood");
    return false;
  }
  if (http_1_0_ || begin_ < end_) return true;  // It does not know, or has not waited.
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const ssize_t sent = send(fd_, kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(kContinue.size())) return true;
  Close();  // A client that reads nothing, or is gone.
  return false;
}

bool Connection::TakeBufferedBody() {
  const size_t taken = std::min(body_left_, end_ - begin_);
  request_.body.append(buffer_.get() + begin_, taken);
  begin_ += taken;
  ReleaseBuffer();
  return Consume(taken);
}

void Connection::Dispatch() {
  ReleaseBuffer();
  deadline_ = TimePoint::max();
  counted_ = true;
  const bool reserved = listener_->router->IsReserved(request_.path);
  const bool room = shared_->requests.fetch_add(1) < shared_->options.max_requests_in_flight;
  state_ = State::kHandling;
  request_.cancelled = [this] { return ClientIsGone(); };
  ThreadPool& pool = reserved ? shared_->reserved : shared_->workers;
  if ((!room && !reserved) || !pool.TrySubmit([self = shared_from_this()] { self->Handle(); })) {
    Refuse("requests", kTooManyRequests, true);
  }
}

/// On a worker.
void Connection::Handle() {
  Response response = listener_->router->Route(std::move(request_));
  if (response.stream) return StartStream(std::move(response));
  asio::post(loop_->context, [self = shared_from_this(), answer = std::move(response)]() mutable {
    self->Respond(std::move(answer));
  });
}

/// On a worker, which is free again for other requests.
void Connection::StartStream(Response response) {
  const auto streamed = std::make_shared<const Response>(std::move(response));
  const auto self = shared_from_this();
  if (shared_->streams.TrySubmit([self, streamed] { self->Stream(*streamed); })) return;
  asio::post(loop_->context, [self] { self->Refuse("streams", kTooManyRequests, true); });
}

/// On a thread of the streams, which is the one that waits for a slow client.
void Connection::Stream(const Response& response) {
  keep_alive_ = keep_alive_ && !http_1_0_ && !shared_->stopping;
  const TimePoint limit = After(shared_->options.body_timeout);
  bool sent = SendAll(
      FormatResponseHead(
          response, {.keep_alive = keep_alive_, .http_1_0 = http_1_0_, .now = Clock::Real().Now()}),
      limit);
  const bool whole = sent && response.stream([&](std::string_view piece) {
    if (piece.empty()) return sent;  // An empty chunk would be the last one.
    if (!http_1_0_) {
      std::array<char, 24> size{};
      const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
      sent = sent && SendAll({size.data(), static_cast<size_t>(length)}, limit);
    }
    sent = sent && SendAll(piece, limit);
    if (!http_1_0_) sent = sent && SendAll("\r\n", limit);
    return sent;
  });
  sent = sent && whole && (http_1_0_ || SendAll("0\r\n\r\n", limit));
  asio::post(loop_->context, [self = shared_from_this(), sent] { self->Streamed(sent); });
}

/// On a thread of the streams. False if the client has gone, or took too long.
bool Connection::SendAll(std::string_view bytes, TimePoint limit) {
  while (!bytes.empty()) {
    if (aborted_) return false;
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return false;
    const TimePoint now = SteadyClock::now();
    const auto patience = std::min(limit - now, After(shared_->options.io_timeout) - now);
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (millis <= 0 || poll(&ready, 1, static_cast<int>(millis)) == 0) return false;
  }
  return true;
}

/// What broke off must not look whole: the connection ends without the last chunk.
void Connection::Streamed(bool whole) {
  if (aborted_ || !whole) return Close();
  request_ = Request();
  state_ = State::kWriting;
  Finish();
}

bool Connection::ClientIsGone() const {
  if (aborted_) return true;
  char next = 0;
  const ssize_t received = recv(fd_, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR);
}

void Connection::Fail(int status, std::string_view text) {
  keep_alive_ = false;
  Respond(Response::Text(status, std::string(text) + "\n"));
}

void Connection::Refuse(std::string_view reason, std::string_view text, bool keep_alive) {
  shared_->CountRejected(reason);
  keep_alive_ = keep_alive_ && keep_alive;
  Respond(Response::Text(503, std::string(text) + "\n").Set("Retry-After", kRetryAfter));
}

void Connection::Respond(Response response) {
  if (aborted_) return Close();
  keep_alive_ = keep_alive_ && !shared_->stopping &&
                !EqualsIgnoringCase(response.Header("connection"), "close");
  std::erase_if(response.headers,
                [](const auto& header) { return EqualsIgnoringCase(header.first, "connection"); });
  response_ = std::move(response);
  if (head_request_ && !response_.body.empty()) {
    response_.Set("Content-Length", std::to_string(response_.body.size()));
    response_.body.clear();
  }
  head_ = FormatResponseHead(
      response_, {.keep_alive = keep_alive_, .http_1_0 = http_1_0_, .now = Clock::Real().Now()});
  request_ = Request();
  written_ = 0;
  state_ = State::kWriting;
  whole_deadline_ = After(shared_->options.body_timeout);
  RenewDeadline(whole_deadline_);
  Write();
}

void Connection::Write() {
  const size_t total = head_.size() + response_.body.size();
  while (written_ < total) {
    const size_t head = std::min(written_, head_.size());
    const size_t body = written_ - head;
    std::array<iovec, 2> parts = {
        iovec{head_.data() + head, head_.size() - head},
        iovec{response_.body.data() + body, response_.body.size() - body}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return Wait(tcp::socket::wait_write, &Connection::Write);
    if (sent < 0) return Close();
    written_ += static_cast<size_t>(sent);
    RenewDeadline(whole_deadline_);
  }
  Finish();
}

void Connection::Finish() {
  shared_->Release(std::exchange(charged_, 0));
  if (std::exchange(counted_, false)) shared_->requests.fetch_sub(1);
  response_ = Response();
  head_.clear();
  if (keep_alive_) return NextRequest();
  Linger();
}

/// Closing with unread input would reset the connection, and the client might never see the answer.
void Connection::Linger() {
  shutdown(fd_, SHUT_WR);
  state_ = State::kLingering;
  deadline_ = SteadyClock::now() + (shared_->stopping ? kShortLinger : kLinger);
  begin_ = end_ = 0;
  ReleaseBuffer();
  Wait(tcp::socket::wait_read, &Connection::Discard);
}

void Connection::Discard() {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const ssize_t received = recv(fd_, nullptr, kBodyReadBytes, MSG_TRUNC);  // Copies nothing.
    if (received < 0 && errno == EAGAIN) break;
    if (received <= 0) return Close();
  }
  Wait(tcp::socket::wait_read, &Connection::Discard);
}

void Connection::Drain() {
  if (state_ == State::kSniffing || state_ == State::kIdle) Close();
}

void Connection::Abort() {
  aborted_ = true;
  if (state_ != State::kHandling) return Close();
  shutdown(fd_, SHUT_RDWR);
}

void Connection::CheckDeadline(TimePoint now) {
  if (now < deadline_) return;
  if (state_ == State::kWriting) {  // Reset, or the kernel would keep what nobody reads.
    const linger none{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  }
  const bool reading = state_ == State::kHead || state_ == State::kBody;
  if (!reading) return Close();
  shared_->CountRejected("slow");
  Fail(408, "the request took too long to arrive");
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  shared_->Release(std::exchange(charged_, 0));
  if (std::exchange(counted_, false)) shared_->requests.fetch_sub(1);
  begin_ = end_ = 0;
  ReleaseBuffer();
  error_code ignored;
  socket_.close(ignored);
  Forget();
}

/// Takes the connection out of the books; the callbacks that still hold it let go of it.
void Connection::Forget() {
  state_ = State::kClosed;
  const std::shared_ptr<Connection> self = shared_from_this();
  loop_->connections.erase(self);
  shared_->ConnectionGone();
}

void Connection::ReleaseBuffer() {
  if (buffer_ != nullptr && begin_ == end_) {
    loop_->GiveBuffer(std::move(buffer_));
    begin_ = end_ = 0;
  }
}

void Connection::RenewDeadline(TimePoint limit) {
  deadline_ = std::min(limit, After(shared_->options.io_timeout));
}

}  // namespace tocsin::http
