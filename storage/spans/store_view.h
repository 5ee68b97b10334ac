/// What SpanStore::View hands out: the unsealed rows and the segments of one tenant at one moment.

#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"
#include "storage/columnar/column_cache.h"
#include "storage/spans/live_block.h"
#include "storage/spans/segment_set.h"
#include "storage/spans/stored_block.h"

namespace tocsin::storage {

/// What a view was taken of. Everything in it is immutable and shared.
struct ViewContent {
  std::vector<std::shared_ptr<const LiveParts>> live;  ///< All of the tenant's unsealed rows.
  /// The live traces that have sealed rows too; may be null.
  std::shared_ptr<const LiveBlock::TraceIdSet> live_split;
  std::shared_ptr<const SegmentSet> segments;  ///< All of the tenant's; may be null.
  uint64_t from = 0;                           ///< Unix nanoseconds.
  uint64_t to = UINT64_MAX;
};

/// Thread-safe. Must not outlive the Telemetry that `damaged` is of.
class StoreView final : public traceql::SpanView {
 public:
  StoreView(ViewContent content, std::shared_ptr<ColumnCache> cache, const DamageCounters& damaged);

  std::span<const std::shared_ptr<const traceql::SpanBlock>> blocks() const override;
  /// A damaged segment is put aside and the rest is answered.
  Result<SpanBatch> Trace(const TraceId& id) const override;
  /// Pieces of at most kPieceRows spans. Holds the columns of one segment at a time.
  Status TracePieces(const TraceId& id, const std::function<bool(SpanBatch)>& visit) const override;
  static constexpr uint32_t kPieceRows = 8'192;

 private:
  class Pieces;
  /// The segments that may have rows of the trace, in the order in which those were received.
  std::vector<const StoredSegment*> SegmentsOf(const TraceId& id) const;

  const ViewContent content_;
  const std::shared_ptr<ColumnCache> cache_;
  const DamageCounters damaged_;
  std::shared_ptr<const LiveBlock> live_;  // Null: no unsealed rows.
  mutable std::once_flag made_;            // Who asks for a trace needs no blocks.
  mutable std::vector<std::shared_ptr<const traceql::SpanBlock>> blocks_;
};

}  // namespace tocsin::storage
