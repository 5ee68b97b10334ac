/// The parents of the spans of a trace that is at hand as a batch.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cpp/model/span_batch.h"

namespace tocsin::traceql {

/// All spans of one trace, in the order of SpanView::Trace. Immutable.
class WholeTrace {
 public:
  static constexpr uint32_t kNoRow = UINT32_MAX;

  /// REQUIRES: the batch has rows.
  explicit WholeTrace(std::shared_ptr<const SpanBatch> batch);

  const SpanBatch& batch() const { return *batch_; }
  std::shared_ptr<const SpanBatch> shared_batch() const { return batch_; }

  /// The row of each row's parent; kNoRow for a root, for a span whose parent was not received and
  /// for one that names itself. Of several spans with the parent's id the first counts.
  const std::vector<uint32_t>& parent_row() const { return parent_row_; }

 private:
  std::shared_ptr<const SpanBatch> batch_;
  std::vector<uint32_t> parent_row_;
};

}  // namespace tocsin::traceql
