#include "storage/spans/store_view.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "cpp/model/span_batch_builder.h"
#include "storage/spans/row_order.h"

namespace tocsin::storage {
namespace {

// The rows of `pieces`, all of one trace, as RowOrder has them, each once. The pieces are in
// the order in which their rows were received, and of equal ones the first received is kept, so
// that the answer does not depend on what is sealed.
SpanBatch Merge(const std::vector<SpanBatch>& pieces) {
  std::vector<RowRef> rows;
  for (const SpanBatch& piece : pieces) {
    for (uint32_t row = 0; row < piece.rows(); ++row) rows.push_back({&piece, row});
  }
  const auto key = [](const RowRef& r) { return OrderOf(*r.batch, r.row); };
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
                     const DamageCounters& damaged)
    : content_(std::move(content)), cache_(std::move(cache)), damaged_(damaged) {
  if (!content_.live.empty()) {
    live_ = std::make_shared<LiveBlock>(content_.live, content_.live_split);
  }
}

std::span<const std::shared_ptr<const traceql::SpanBlock>> StoreView::blocks() const {
  std::call_once(made_, [this] {
    const auto touches = [this](uint64_t min_start, uint64_t max_end) {
      return min_start <= content_.to && max_end >= content_.from;
    };
    if (live_ != nullptr && live_->rows() > 0 && touches(live_->min_start(), live_->max_end())) {
      blocks_.push_back(live_);
    }
    if (content_.segments == nullptr) return;
    for (const auto& segment : content_.segments->segments()) {
      const SegmentStub& stub = segment->stub();
      if (!touches(stub.min_start, stub.max_end) || segment->damaged()) continue;
      blocks_.push_back(std::make_shared<StoredBlock>(segment, cache_, damaged_));
    }
  });
  return blocks_;
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
    const StoredBlock block(segment->shared_from_this(), cache_, damaged_);
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

// Hands a trace on in pieces, each span once.
class StoreView::Pieces {
 public:
  Pieces(const TraceId& id, const std::function<bool(SpanBatch)>& visit) : id_(id), visit_(visit) {}

  /// With one source there is nothing to compare but its own rows.
  void ExpectSources(size_t sources) { compare_ = sources > 1; }
  bool stopped() const { return stopped_; }

  Status Add(const StoredSegment& segment, std::shared_ptr<ColumnCache> cache) {
    TOCSIN_ASSIGN_OR_RETURN(const auto reader, segment.OpenReader(std::move(cache)));
    if (!reader->MayContain(id_)) return {};
    TOCSIN_ASSIGN_OR_RETURN(const auto traces, reader->Traces());
    const auto it = std::ranges::lower_bound(traces, id_);
    if (it == traces.end() || *it != id_) return {};
    TOCSIN_ASSIGN_OR_RETURN(const auto trace_of_row, reader->TraceOfRow());
    const auto range =
        std::ranges::equal_range(trace_of_row, static_cast<uint32_t>(it - traces.begin()));
    auto first = static_cast<uint32_t>(range.begin() - trace_of_row.begin());
    const auto end = first + static_cast<uint32_t>(range.size());
    compare_ = compare_ || !reader->unique();
    const auto deleted = segment.marks().deleted();
    for (; first < end && !stopped_; first += kPieceRows) {
      TOCSIN_ASSIGN_OR_RETURN(const SpanBatch rows,
                              reader->ReadRows(first, std::min(end, first + kPieceRows)));
      Give(rows, [&](uint32_t row) { return deleted != nullptr && deleted->Test(first + row); });
    }
    return {};
  }

  /// Rows in order, however many.
  void Add(const SpanBatch& rows) {
    for (uint32_t first = 0; first < rows.rows() && !stopped_; first += kPieceRows) {
      const auto end = std::min(static_cast<uint32_t>(rows.rows()), first + kPieceRows);
      Give(rows, [&](uint32_t row) { return row < first || row >= end; });
    }
  }

 private:
  struct Key {
    SpanId span;
    uint64_t start;
    uint64_t end;
    SpanKind kind;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return TraceIdHash()({key.span ^ key.end, key.start});
    }
  };

  template <class Hidden>
  void Give(const SpanBatch& rows, const Hidden& hidden) {
    SpanBatchBuilder piece;
    for (uint32_t row = 0; row < rows.rows(); ++row) {
      if (hidden(row)) continue;
      const Key key{rows.span_id[row], rows.start[row], rows.end[row], rows.kind[row]};
      if (compare_ && !seen_.insert(key).second) continue;
      piece.CopyRow(rows, row);
    }
    SpanBatch batch = std::move(piece).Finish();
    if (!batch.empty()) stopped_ = !visit_(std::move(batch));
  }

  const TraceId id_;
  const std::function<bool(SpanBatch)>& visit_;
  std::unordered_set<Key, KeyHash> seen_;
  bool compare_ = true;
  bool stopped_ = false;
};

Status StoreView::TracePieces(const TraceId& id,
                              const std::function<bool(SpanBatch)>& visit) const {
  const std::vector<const StoredSegment*> segments = SegmentsOf(id);
  SpanBatchBuilder live;
  const bool is_live = live_ != nullptr && live_->AppendTrace(id, &live);
  Pieces pieces(id, visit);
  pieces.ExpectSources(segments.size() + (is_live ? 1 : 0));
  for (const StoredSegment* segment : segments) {
    if (pieces.stopped()) return {};
    const Status added = pieces.Add(*segment, cache_);
    const StatusCode code = added.code();
    if (code == StatusCode::kCorruption || code == StatusCode::kNotFound) {
      segment->MarkDamaged(added, damaged_.segments);
    } else {
      TOCSIN_RETURN_IF_ERROR(added);
    }
  }
  if (is_live && !pieces.stopped()) pieces.Add(Merge({std::move(live).Finish()}));
  return {};
}

}  // namespace tocsin::storage
