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
  if (!content_.live.empty()) {
    live_ = std::make_shared<LiveBlock>(content_.live, content_.live_split);
    const bool touches = live_->min_start() <= content_.to && live_->max_end() >= content_.from;
    if (live_->rows() > 0 && touches) blocks_.push_back(live_);
  }
  if (content_.segments == nullptr) return;
  for (const auto& segment : content_.segments->segments()) {
    const SegmentStub& stub = segment->stub();
    if (stub.min_start > content_.to || stub.max_end < content_.from || segment->damaged()) {
      continue;
    }
    blocks_.push_back(std::make_shared<StoredBlock>(segment, cache_, damaged_segments_));
  }
}

std::vector<const StoredSegment*> StoreView::SegmentsOf(const TraceId& id) const {
  std::vector<const StoredSegment*> segments;
  if (content_.segments == nullptr) return segments;
  content_.segments->FindTraces({&id, 1}, *cache_, [&](size_t, const StoredSegment& segment) {
    segments.push_back(&segment);
  });
  std::ranges::sort(segments, {}, [](const StoredSegment* segment) {
    return std::pair(segment->stub().order, segment->stub().number);
  });
  const auto rest = std::ranges::unique(segments);
  segments.erase(rest.begin(), rest.end());
  std::erase_if(segments, [](const StoredSegment* segment) { return segment->damaged(); });
  return segments;
}

Result<SpanBatch> StoreView::Trace(const TraceId& id) const {
  std::vector<SpanBatch> pieces;
  for (const StoredSegment* segment : SegmentsOf(id)) {
    SpanBatchBuilder piece;
    const StoredBlock block(segment->shared_from_this(), cache_, damaged_segments_);
    const Result<bool> found = block.AppendTrace(id, &piece);
    if (!found.has_value() && found.error().code() == StatusCode::kCorruption) continue;
    if (!found.has_value()) return Failure(found.error());
    if (*found) pieces.push_back(std::move(piece).Finish());
  }
  SpanBatchBuilder live;
  if (live_ != nullptr && live_->AppendTrace(id, &live)) {
    pieces.push_back(std::move(live).Finish());
  }
  return Merge(pieces);
}

}  // namespace tocsin::storage
