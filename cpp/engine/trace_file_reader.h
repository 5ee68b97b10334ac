/// Reads files of traces request by request, whatever wrote them. The form is recognised by the
/// first bytes:
///
/// * OTLP JSON, a request a line (`tocsin export`, the Collector's file exporter), or requests that
///   take as many lines as they like;
/// * a protobuf TracesData, of any size, whose ResourceSpans are read one by one;
/// * protobuf requests, each behind its length: a varint, or four bytes, big-endian (the
/// Collector).
///
/// Any of them may be compressed, with gzip or zstd.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/lib/byte_stream.h"

namespace tocsin::engine {

/// A request as it is taken out of a file. It was decoded once, so no receiver will call it
/// malformed.
struct TraceFileRecord {
  std::string body;      ///< A serialised ExportTraceServiceRequest.
  uint64_t spans = 0;    ///< That are valid.
  uint64_t invalid = 0;  ///< That a receiver rejects, and why.
  std::string rejection;
};

/// One thread. Memory: a request, which may take kRecordBytesMax.
class TraceFileReader {
 public:
  static constexpr size_t kRecordBytesMax = 64 << 20;

  explicit TraceFileReader(std::unique_ptr<lib::ByteSource> from);

  /// The next request; nullopt at the end. Errors: kInvalidArgument for what is no request, with
  /// the line and column, or the byte of the (decompressed) file at which the request begins;
  /// kResourceExhausted for one that is too large; those of the source. Not called after an error.
  Result<std::optional<TraceFileRecord>> Next();

 private:
  enum class Form : uint8_t { kUnknown, kJson, kJsonLines, kWhole, kVarintLengths, kFixedLengths };

  std::string_view rest() const { return std::string_view(buffer_).substr(begin_); }
  /// Reads on until `least` bytes are at hand, or all there are.
  Status Fill(size_t least);
  Status ReadMore();
  void Take(size_t bytes);
  static Form ProtoFormOf(std::string_view head);
  Status Recognise();

  Result<std::optional<TraceFileRecord>> NextJson();
  Status SkipBlanks();
  Result<size_t> JsonLength();
  Result<std::optional<TraceFileRecord>> NextProto();
  Result<size_t> ProtoHead(size_t* body);
  Failure TooLarge() const;
  std::string Place() const;

  const std::unique_ptr<lib::ByteSource> from_;
  Form form_ = Form::kUnknown;
  std::string buffer_;
  size_t begin_ = 0;     // What comes before was taken.
  uint64_t offset_ = 0;  // Of rest(), in the file.
  uint64_t line_ = 1;    // That rest() begins in.
  bool ended_ = false;   // Nothing is left in the source.
};

}  // namespace tocsin::engine
