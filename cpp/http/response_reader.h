/// Reads a response off a connection.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/http/head.h"
#include "cpp/http/message.h"
#include "cpp/http/stream.h"

namespace tocsin::http {

class ResponseReader {
 public:
  /// Borrows both. `max_body` bounds the body in bytes.
  ResponseReader(Stream* stream, const Patience* patience, size_t max_body)
      : stream_(stream), patience_(patience), max_body_(max_body) {}

  /// The whole response to a request of that method, 1xx passed over. kUnavailable if the
  /// connection breaks before, kResourceExhausted for a body over the bound, kCorruption for what
  /// is not HTTP.
  Result<Response> Read(std::string_view method);

  /// Only the head; what follows belongs to somebody else (CONNECT). The other side must not have
  /// said more than that: kCorruption.
  Result<Response> ReadHeadOnly();

  /// Has anything been received?
  bool started() const { return started_; }
  /// May the connection serve another request, now that Read has succeeded?
  bool reusable() const { return reusable_; }

 private:
  Result<ResponseHead> ReadHead();
  Status ReadBody();
  Status ReadToEnd();
  Status ReadChunked();
  Result<bool> More();
  Failure NotHttp(std::string_view what) const;
  Failure CutShort() const;
  Failure TooLarge() const;

  Stream* const stream_;
  const Patience* const patience_;
  const size_t max_body_;
  bool started_ = false;
  bool reusable_ = false;
  std::string buffer_;
  Response response_;
};

}  // namespace tocsin::http
