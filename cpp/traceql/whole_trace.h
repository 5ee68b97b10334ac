/// What can only be known of a span when all of its trace is at hand.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
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

  uint64_t start() const { return start_; }  ///< The least start of any span, Unix nanoseconds.
  /// From the least start to the greatest end, nanoseconds.
  uint64_t duration() const { return end_ > start_ ? end_ - start_ : 0; }
  /// The earliest span without a parent id; kNoRow if none was received.
  uint32_t root() const { return root_; }
  /// Of the root; nullopt without one.
  std::optional<std::string_view> root_service() const;
  std::optional<std::string_view> root_name() const;

  /// The row of each row's parent; kNoRow for a root, for a span whose parent was not received and
  /// for one that names itself. Of several spans with the parent's id the first counts.
  const std::vector<uint32_t>& parent_row() const { return parent_row_; }
  /// How many rows have this one as their parent.
  std::vector<int64_t> ChildCounts() const;

  /// Numbers of a depth-first walk from the roots: a descendant's left and right lie between its
  /// ancestor's. `parent` is the parent's left, -1 for a root. All are 0 for a span that no path
  /// from a root leads to.
  struct NestedSets {
    std::vector<int64_t> left;
    std::vector<int64_t> right;
    std::vector<int64_t> parent;
  };
  NestedSets Nest() const;

 private:
  std::shared_ptr<const SpanBatch> batch_;
  uint64_t start_ = UINT64_MAX;
  uint64_t end_ = 0;
  uint32_t root_ = kNoRow;
  std::vector<uint32_t> parent_row_;
};

}  // namespace tocsin::traceql
