/// Writing and reading the head of HTTP/1.1 messages: what server and client share.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::http {

struct ResponseHeadOptions {
  bool keep_alive = true;
  bool http_1_0 = false;  ///< The client's version: there keep-alive must be said.
  Nanos now = 0;          ///< For the Date header.
};

/// Status line and headers, with the empty line. Sets Date, Connection and, where the status may
/// have a body and the response does not say it itself (HEAD), Content-Length; of a stream
/// Transfer-Encoding, which HTTP/1.0 does not know: there the end of the connection ends it. Line
/// breaks inside a header become spaces, so that no value can add a header of its own.
std::string FormatResponseHead(const Response& response, const ResponseHeadOptions& options);

/// A status line with its headers, as a client receives it.
struct ResponseHead {
  int status = 0;
  Headers headers;  ///< Names in lower case.
  bool http_1_0 = false;
};

/// Reads a head, up to and without the empty line at its end. kCorruption for what is not HTTP.
Result<ResponseHead> ParseResponseHead(std::string_view text);

/// Undoes chunked transfer coding, as pieces arrive. Extensions and trailers are skipped.
class ChunkedDecoder {
 public:
  /// Appends the data in `*input` to `*body` and takes what it has read off the front of `*input`:
  /// all of it, unless the body ends before. kCorruption for bad framing; then the decoder is
  /// spent.
  Status Decode(std::string_view* input, std::string* body);
  /// The last chunk and its trailers have been read.
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t { kSize, kData, kDataEnd, kTrailer, kDone };

  /// Takes a line off `*input`, or all of it into `line_` when its end is yet to come.
  Result<std::optional<std::string>> TakeLine(std::string_view* input);
  Status Line(std::string_view line);

  State state_ = State::kSize;
  uint64_t remaining_ = 0;  // Bytes of the current chunk.
  std::string line_;        // The part of an unfinished line.
  size_t trailer_bytes_ = 0;
};

}  // namespace tocsin::http
