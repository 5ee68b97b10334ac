#include "cpp/engine/trace_file_writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "cpp/model/span_batch_builder.h"
#include "cpp/wire/otlp_decode.h"
#include "cpp/wire/otlp_encode.h"
#include "cpp/wire/otlp_json_encode.h"

namespace tocsin::engine {

Status TraceFileWriter::Add(const SpanBatch& spans) {
  const auto rows = static_cast<uint32_t>(spans.rows());
  if (rows <= kRowsPerRequest) return WriteRequest(spans);
  for (uint32_t begin = 0; begin < rows; begin += kRowsPerRequest) {
    SpanBatchBuilder part;
    const uint32_t end = std::min(rows, begin + kRowsPerRequest);
    for (uint32_t row = begin; row < end; ++row) part.CopyRow(spans, row);
    TOCSIN_RETURN_IF_ERROR(WriteRequest(std::move(part).Finish()));
  }
  return {};
}

Status TraceFileWriter::AddEncoded(std::string_view traces_data) {
  TOCSIN_ASSIGN_OR_RETURN(const wire::DecodeResult decoded, wire::DecodeOtlp(traces_data));
  return Add(decoded.batch);
}

Status TraceFileWriter::WriteRequest(const SpanBatch& spans) {
  if (spans.empty()) return {};
  std::string text = format_ == TraceFileFormat::kOtlpJson ? wire::EncodeOtlpJson(spans)
                                                           : wire::EncodeTrace(spans);
  if (format_ == TraceFileFormat::kOtlpJson) text += '\n';
  TOCSIN_RETURN_IF_ERROR(to_.Write(text));
  spans_ += spans.rows();
  return {};
}

}  // namespace tocsin::engine
