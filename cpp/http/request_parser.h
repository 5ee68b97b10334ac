/// The head of a request, by Beast's parser. Private to cpp/http.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "cpp/http/message.h"

namespace tocsin::http {

struct RequestLimits {
  size_t max_header_bytes = 0;  ///< At most 4 GiB.
  size_t max_body_bytes = 0;    ///< Of the length that the head declares.
};

/// Parses the head of one request. Bytes are offered as they arrive; what Parse() has not used is
/// offered again, with more behind it.
class RequestParser {
 public:
  /// How far one call of Parse() has come.
  enum class Progress : uint8_t {
    kNeedsMore,
    kDone,  ///< The head is whole: what the accessors below say now holds.
    kFailed,
  };

  /// Fills `*request`, which is borrowed.
  RequestParser(Request* request, RequestLimits limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Takes what it uses off the front of `*input`. Not to be called after kDone or kFailed.
  Progress Parse(std::string_view* input);

  /// After kFailed: the answer to give, and why.
  int error_status() const;
  std::string_view error() const;

  // After kDone:
  /// Nullopt for a chunked body; 0 where there is none. Within the limit.
  std::optional<size_t> body_length() const;
  bool keep_alive() const;
  bool http_1_0() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::http
