#include "storage/spans/store_view.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "cpp/model/span_batch_builder.h"
#include "storage/spans/stored_block.h"

namespace tocsin::storage {
namespace {

// The rows of `pieces` by (start, span id, end), each (span id, start, end) once. The pieces are in
// the order in which their rows were received, and of equal ones the first received is kept, so
// that the answer does not depend on what is sealed.
SpanBatch Merge(const std::vector<SpanBatch>& pieces) {
  std::vector<RowRef> rows;
  for (const SpanBatch& piece : pieces) {
    for (uint32_t row = 0; row < piece.rows(); ++row) rows.push_back({&piece, row});
  }
  const auto key = [](const RowRef& r) {
    return std::tuple(r.batch->start[r.row], r.batch->span_id[r.row], r.batch->end[r.row]);
  };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const RowRef& a, const RowRef& b) { return key(a) < key(b); });
  const auto last = std::unique(rows.begin(), rows.end(),
                                [&](const RowRef& a, const RowRef& b) { return key(a) == key(b); });
  rows.erase(last, rows.end());
  SpanBatchBuilder merged;
  for (const RowRef& row : rows) merged.CopyRow(*row.batch, row.row);
  return std::move(merged).Finish();
}

}  // namespace

StoreView::StoreView(ViewContent content, std::shared_ptr<ColumnCache> cache,
                     Counter& damaged_segments)
    : content_(std::move(content)), cache_(std::move(cache)), damaged_segments_(damaged_segments) {
  for (const auto& parts : content_.live) {
    if (parts->rows > 0 && parts->min_start <= content_.to && parts->max_end >= content_.from) {
      blocks_.push_back(std::make_shared<LiveBlock>(parts));
    }
  }
  if (content_.segments == nullptr) return;
  for (const auto& segment : *content_.segments) {
    const SegmentStub& stub = segment->stub();
    if (stub.min_start > content_.to || stub.max_end < content_.from || segment->damaged()) {
      continue;
    }
    blocks_.push_back(std::make_shared<StoredBlock>(segment, cache_, damaged_segments_));
  }
}

Result<SpanBatch> StoreView::Trace(const TraceId& id) const {
  std::vector<SpanBatch> pieces;
  if (content_.segments != nullptr) {
    for (const auto& segment : *content_.segments) {
      if (segment->damaged()) continue;
      SpanBatchBuilder piece;
      const StoredBlock block(segment, cache_, damaged_segments_);
      const Result<bool> found = block.AppendTrace(id, &piece);
      if (!found.has_value() && found.error().code() == StatusCode::kCorruption) continue;
      if (!found.has_value()) return Failure(found.error());
      if (*found) pieces.push_back(std::move(piece).Finish());
    }
  }
  SpanBatchBuilder live;
  bool found = false;
  for (const auto& parts : content_.live) found = LiveBlock(parts).AppendTrace(id, &live) || found;
  if (found) pieces.push_back(std::move(live).Finish());
  return Merge(pieces);
}

}  // namespace tocsin::storage
