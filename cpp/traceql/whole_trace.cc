#include "cpp/traceql/whole_trace.h"

#include <unordered_map>
#include <utility>

namespace tocsin::traceql {

WholeTrace::WholeTrace(std::shared_ptr<const SpanBatch> batch) : batch_(std::move(batch)) {
  const auto rows = static_cast<uint32_t>(batch_->rows());
  std::unordered_map<SpanId, uint32_t> row_of;
  row_of.reserve(rows);
  for (uint32_t row = 0; row < rows; ++row) row_of.try_emplace(batch_->span_id[row], row);
  parent_row_.assign(rows, kNoRow);
  for (uint32_t row = 0; row < rows; ++row) {
    const SpanId parent = batch_->parent_span_id[row];
    if (parent == 0 || parent == batch_->span_id[row]) continue;
    if (const auto it = row_of.find(parent); it != row_of.end()) parent_row_[row] = it->second;
  }
}

}  // namespace tocsin::traceql
