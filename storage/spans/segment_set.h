/// SegmentSet: the sealed segments of one tenant at one moment. Immutable: every change makes
/// another.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "storage/columnar/column_cache.h"
#include "storage/spans/volume_set.h"

namespace tocsin::storage {

class SegmentSet {
 public:
  using Segment = std::shared_ptr<const StoredSegment>;

  /// `segments` in any order.
  explicit SegmentSet(SegmentList segments);

  /// In the order in which their rows were received, so far as rows of one trace are concerned.
  const SegmentList& segments() const { return segments_; }
  /// Those that hold a segment, oldest first.
  const std::vector<std::shared_ptr<StoredVolume>>& volumes() const { return volumes_; }
  /// Null if it is not there.
  const StoredSegment* Find(uint64_t number) const;

  /// Calls found(i, segment) for every segment that may have rows of ids[i], perhaps twice.
  using Found = std::function<void(size_t i, const StoredSegment& segment)>;
  void FindTraces(std::span<const TraceId> ids, ColumnCache& cache, const Found& found) const;

 private:
  SegmentList segments_;
  std::vector<const StoredSegment*> by_number_;
  std::vector<std::shared_ptr<StoredVolume>> volumes_;
};

}  // namespace tocsin::storage
