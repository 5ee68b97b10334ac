// SpanStore: knowing which traces have rows in more than one place.
//
// A trace is whole in a block if no other block has rows of it. What is not whole is marked: in
// the segments that have some of it, and in the live set if some of it is there. A mark too many
// only costs time, so marks are set before what they tell of is seen, and are never taken back but
// by a merge. The moments at which a trace may come to stand in two places are two: its first new
// row when older ones are sealed (found when a view is taken, through the volumes' indexes), and
// the sealing of some of its rows when others stay live or are in earlier segments.

#include <algorithm>
#include <map>
#include <utility>

#include "cpp/base/log.h"
#include "storage/spans/span_store.h"

namespace tocsin::storage {
namespace {

using MarksBySegment = std::map<const StoredSegment*, TraceIdList>;

// Ascending, each once; as FindTraces may name a trace twice.
void Sort(TraceIdList* ids) {
  std::ranges::sort(*ids);
  const auto rest = std::ranges::unique(*ids);
  ids->erase(rest.begin(), rest.end());
}

}  // namespace

// Under resolve_mutex_. Looks up the tenant's new live traces without holding up an Append.
void SpanStore::ResolveLive(std::string_view tenant) const {
  std::vector<TraceId> ids;
  std::shared_ptr<const SegmentSet> segments;
  {
    const std::lock_guard lock(mutex_);
    const auto it = tenants_.find(tenant);
    if (it == tenants_.end()) return;
    ids = it->second->live.TakeUnchecked();
    segments = it->second->segments;
  }
  if (segments == nullptr || ids.empty()) return;
  TraceIdList split;
  MarksBySegment marks;
  segments->FindTraces(ids, *cache_, [&](size_t i, const StoredSegment& segment) {
    split.push_back(ids[i]);
    marks[&segment].push_back(ids[i]);
  });
  if (split.empty()) return;
  for (auto& [segment, list] : marks) {
    Sort(&list);
    segment->marks().AddSplit(list);  // Saved when these rows are sealed.
  }
  CountSealed(tenant, marks);
  const std::lock_guard lock(mutex_);
  if (const auto it = tenants_.find(tenant); it != tenants_.end()) {
    it->second->live.MarkSplit(split);
  }
}

// The same for the few traces that came since, under mutex_ too.
void SpanStore::MarkResolvedLocked(Tenant& tenant, const std::vector<TraceId>& ids) const {
  if (tenant.segments == nullptr || ids.empty()) return;
  TraceIdList split;
  tenant.segments->FindTraces(ids, *cache_, [&](size_t i, const StoredSegment& segment) {
    split.push_back(ids[i]);
    segment.marks().AddSplit({&ids[i], 1});
  });
  if (split.empty()) return;
  tenant.live.MarkSplit(split);
  tenant.live.CheckAgain(split);  // How large their sealed parts are is not looked up here.
}

// Finds which traces of `segments`, about to be written, have rows in `known` (null: nothing) or in
// several of `segments`, and marks and saves them on the other side.
Status SpanStore::MarkSplit(const SegmentSet* known, std::vector<SealedSegment>* segments) const {
  MarksBySegment marks;
  for (size_t s = 0; s < segments->size(); ++s) {
    SealedSegment& segment = (*segments)[s];
    segment.split.clear();
    const auto share = [&](const SealedSegment& other) {
      // Cut where a trace goes on: the last of the one is the first of the other.
      if (other.traces.front() == segment.traces.back()) {
        segment.split.push_back(segment.traces.back());
      }
      if (other.traces.back() == segment.traces.front()) {
        segment.split.push_back(segment.traces.front());
      }
    };
    if (s > 0) share((*segments)[s - 1]);
    if (s + 1 < segments->size()) share((*segments)[s + 1]);
    if (known != nullptr) {
      known->FindTraces(segment.traces, *cache_, [&](size_t i, const StoredSegment& other) {
        segment.split.push_back(segment.traces[i]);
        marks[&other].push_back(segment.traces[i]);
      });
    }
    Sort(&segment.split);
  }
  std::vector<const StoredSegment*> unsaved;
  for (auto& [segment, list] : marks) {
    Sort(&list);
    if (segment->marks().AddSplit(list)) unsaved.push_back(segment);
  }
  return SaveSplits(unsaved);
}

Status SpanStore::SaveSplits(const std::vector<const StoredSegment*>& segments) const {
  std::map<Volume*, std::vector<const StoredSegment*>> by_volume;
  for (const StoredSegment* segment : segments) {
    Volume* volume = segment->volume()->volume();
    if (volume->read_only()) {
      // It cannot be told at the next start; then nothing of it counts as whole.
      segment->marks().SetUnknown();
    } else {
      by_volume[volume].push_back(segment);
    }
  }
  for (const auto& [volume, list] : by_volume) {
    std::vector<std::pair<std::string, std::string>> values;
    std::vector<std::shared_ptr<const TraceIdList>> saved;
    for (const StoredSegment* segment : list) {
      saved.push_back(segment->marks().split());
      values.emplace_back(SplitKey(segment->stub().number), EncodeSplit(*saved.back()));
    }
    std::vector<Volume::Entry> entries;
    entries.reserve(values.size());
    for (const auto& [key, value] : values) entries.push_back({key, value});
    const Status written = volume->Write(entries, /*sync=*/true);
    if (written.code() == StatusCode::kCorruption) {
      // It takes no more, and the next start opens it for reading alone.
      for (const StoredSegment* segment : list) segment->marks().SetUnknown();
      continue;
    }
    TOCSIN_RETURN_IF_ERROR(written);
    for (size_t i = 0; i < list.size(); ++i) list[i]->marks().SetSplitSaved(saved[i]);
  }
  return {};
}

// Under mutex_, after the rows of `sealed` have become `stored`: what has unsealed rows left.
void SpanStore::MarkStillLive(const std::vector<SealedSegment>& sealed, const SegmentList& stored,
                              LiveTraces* live) {
  TraceIdList still_live;
  for (size_t s = 0; s < sealed.size(); ++s) {
    TraceIdList split;
    for (const TraceId& id : sealed[s].traces) {
      if (live->IsLive(id)) split.push_back(id);
    }
    if (split.empty()) continue;
    stored[s]->marks().AddSplit(split);
    still_live.insert(still_live.end(), split.begin(), split.end());
  }
  live->MarkSplit(still_live);
}

// The segments that their volume's index does not have are read: those written since the index was
// last stored.
void SpanStore::CompleteIndex(const std::map<std::string, SegmentList>& by_tenant) const {
  for (const auto& [tenant, segments] : by_tenant) {
    for (const auto& segment : segments) {
      TraceIndex& index = segment->volume()->index();
      if (index.Covers(segment->stub().number) || segment->damaged()) continue;
      const Status read = [&]() -> Status {
        TOCSIN_ASSIGN_OR_RETURN(const auto reader, segment->OpenReader(cache_));
        TOCSIN_ASSIGN_OR_RETURN(const auto traces, reader->Traces());
        index.Add(segment->stub().number, traces);
        return {};
      }();
      if (!read.ok()) segment->MarkDamaged(read, damaged_segments_);
    }
  }
}

}  // namespace tocsin::storage
