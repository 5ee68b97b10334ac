/// The head and the chunked body of a request, by Beast's parser. Private to cpp/http.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::http {

struct RequestLimits {
  size_t max_header_bytes = 0;  ///< At most 4 GiB.
  size_t max_body_bytes = 0;
};

/// Parses one request. Bytes are offered as they arrive; what Parse() has not used is offered
/// again, with more behind it.
class RequestParser {
 public:
  /// How far one call of Parse() has come.
  enum class Progress : uint8_t {
    kNeedsMore,
    kHead,  ///< The head is whole, for the first time: what the accessors below say now holds.
    kDone,  ///< The request is whole.
    kFailed,
  };

  /// Fills `*request`, which is borrowed. `admit` is asked before bytes of a chunked body are
  /// added; false ends the parse.
  RequestParser(Request* request, RequestLimits limits, std::function<bool(size_t)> admit);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Takes what it uses off the front of `*input`. After kHead it is called on for a chunked body
  /// only, and until kDone or kFailed.
  Progress Parse(std::string_view* input);

  /// After kFailed: the answer to give, and why. 503 when `admit` said no.
  int error_status() const;
  std::string_view error() const;

  // After kHead:
  bool has_body() const;
  bool chunked() const;
  /// Nullopt for a chunked body.
  std::optional<size_t> body_length() const;
  bool keep_alive() const;
  bool http_1_0() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::http
