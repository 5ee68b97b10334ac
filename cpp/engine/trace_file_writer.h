/// Files of traces, for backups and for other programs: OTLP in JSON, a request a line, or in
/// protobuf. trace_file_reader.h reads them back.

#pragma once

#include <cstdint>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/lib/byte_stream.h"
#include "cpp/model/span_batch.h"

namespace tocsin::engine {

enum class TraceFileFormat : uint8_t {
  kOtlpJson,   ///< An ExportTraceServiceRequest a line.
  kOtlpProto,  ///< One TracesData, as long as the file: its fields can be read one by one.
};

/// One thread.
class TraceFileWriter {
 public:
  /// Spans of one request, so that whoever reads need not hold a large trace at once.
  static constexpr uint32_t kRowsPerRequest = 512;

  /// Borrows `to`, and leaves it to the caller to finish it.
  TraceFileWriter(TraceFileFormat format, lib::ByteSink* to) : format_(format), to_(*to) {}

  /// Appends spans; of a trace that is too large, in several requests.
  Status Add(const SpanBatch& spans);

  /// As above, of a serialised TracesData. kInvalidArgument if that is what it is not.
  Status AddEncoded(std::string_view traces_data);

  uint64_t spans() const { return spans_; }

 private:
  Status WriteRequest(const SpanBatch& spans);

  const TraceFileFormat format_;
  lib::ByteSink& to_;
  uint64_t spans_ = 0;
};

}  // namespace tocsin::engine
