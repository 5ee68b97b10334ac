#include "storage/spans/segment_set.h"

#include <algorithm>
#include <utility>

#include "cpp/base/log.h"

namespace tocsin::storage {

SegmentSet::SegmentSet(SegmentList segments) : segments_(std::move(segments)) {
  std::ranges::sort(segments_, [](const Segment& a, const Segment& b) {
    return a->stub().order != b->stub().order ? a->stub().order < b->stub().order
                                              : a->stub().number < b->stub().number;
  });
  by_number_.reserve(segments_.size());
  for (const Segment& segment : segments_) {
    by_number_.push_back(segment.get());
    // Neighbours mostly share their volume.
    if (!volumes_.empty() && volumes_.back() == segment->volume()) continue;
    volumes_.push_back(segment->volume());
  }
  const auto number = [](const StoredSegment* segment) { return segment->stub().number; };
  std::ranges::sort(by_number_, {}, number);
  const auto age = [](const std::shared_ptr<StoredVolume>& volume) { return volume->number(); };
  std::ranges::sort(volumes_, {}, age);
  const auto rest = std::ranges::unique(volumes_);
  volumes_.erase(rest.begin(), rest.end());
}

const StoredSegment* SegmentSet::Find(uint64_t number) const {
  const auto it = std::ranges::lower_bound(
      by_number_, number, {}, [](const StoredSegment* segment) { return segment->stub().number; });
  return it != by_number_.end() && (*it)->stub().number == number ? *it : nullptr;
}

void SegmentSet::FindTraces(std::span<const TraceId> ids, ColumnCache& cache,
                            const Found& found) const {
  if (ids.empty()) return;
  for (const std::shared_ptr<StoredVolume>& volume : volumes_) {
    const Status asked =
        volume->index().Find(ids, *volume->volume(), cache, [&](size_t i, uint64_t number) {
          const StoredSegment* segment = Find(number);
          if (segment != nullptr && segment->volume() == volume) found(i, *segment);
        });
    if (asked.ok()) continue;
    // Without the index every segment is asked.
    log::Warn("trace_index_damaged", {{"volume", volume->path()}, {"error", asked.ToString()}});
    for (const Segment& segment : segments_) {
      if (segment->volume() != volume) continue;
      for (size_t i = 0; i < ids.size(); ++i) found(i, *segment);
    }
  }
}

}  // namespace tocsin::storage
