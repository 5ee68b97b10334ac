// SpanStore: small segments become large ones.
//
// Of neighbours in the order of receipt, in one volume, as many as fit are read, their rows sorted
// together without the deleted ones and the duplicates, and written as one segment. That segment
// and the record that hides the old ones are one batch, so that a crash leaves either state. The
// old values are removed when the last view that reads them is gone. All of it is done on a thread
// of its own; the locks of sealing are held for the last step alone, and none that an Append waits
// for during any reading or writing.

#include <algorithm>
#include <chrono>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/base/thread_priority.h"
#include "storage/spans/merge_record.h"
#include "storage/spans/row_order.h"
#include "storage/spans/span_store.h"

namespace tocsin::storage {
namespace {

// So many segments of like size are merged; each row is thus rewritten as often as this goes into
// the growth from a cut block to a full segment.
constexpr size_t kFanIn = 8;
// A segment of so many rows is left alone.
constexpr uint32_t kFullRows = kMaxSegmentRows / 2;
// A segment that covers more time than this would make a query of a short range read too much.
constexpr uint64_t kMaxMergeTime = kHour;
// Entries of a volume's index that are in memory alone: 4 MiB.
constexpr size_t kMaxIndexEntries = size_t{1} << 19;
// Of its own time the thread spends at most a half at work.
constexpr Nanos kMaxPause = 2 * kSecond;

// What a run of neighbours would become.
struct Plan {
  uint64_t max_wire_bytes = 0;
  size_t begin = 0;
  size_t end = 0;
  uint32_t rows = 0;
  uint64_t wire_bytes = 0;
  uint64_t min_start = UINT64_MAX;
  uint64_t max_end = 0;
  uint64_t longest = 0;
  uint32_t most_rows = 0;

  bool Takes(const StoredSegment& segment) const {
    const SegmentStub& stub = segment.stub();
    const uint64_t time = std::max(max_end, stub.max_end) - std::min(min_start, stub.min_start);
    return rows + stub.rows <= kMaxSegmentRows && wire_bytes + stub.wire_bytes <= max_wire_bytes &&
           (end == begin ||
            time <= std::max({kMaxMergeTime, longest, stub.max_end - stub.min_start}));
  }
  void Add(const StoredSegment& segment) {
    const SegmentStub& stub = segment.stub();
    ++end;
    rows += stub.rows;
    wire_bytes += stub.wire_bytes;
    min_start = std::min(min_start, stub.min_start);
    max_end = std::max(max_end, stub.max_end);
    longest = std::max(longest, stub.max_end - stub.min_start);
    most_rows = std::max(most_rows, stub.rows);
  }
};

bool Mergeable(const StoredSegment& segment) {
  const Volume* volume = segment.volume()->volume();
  return !segment.damaged() && volume != nullptr && !volume->read_only() &&
         !segment.marks().unknown();
}

// Rows of several segments in the order of one, the deleted and the repeated left out.
struct MergedRows {
  std::vector<SpanBatch> batches;
  std::vector<RowRef> rows;
  std::vector<uint64_t> through;
};

struct Key {
  RowOrder order;
  RowRef row;
};

Result<MergedRows> ReadRows(const SegmentList& segments, const std::vector<TraceId>* only) {
  // What is read once is not kept.
  const auto no_cache = std::make_shared<ColumnCache>(0);
  MergedRows merged;
  merged.batches.reserve(segments.size());
  std::vector<Key> keys;
  std::unordered_map<TraceId, uint64_t, TraceIdHash> through;
  for (const auto& segment : segments) {
    TOCSIN_ASSIGN_OR_RETURN(const auto reader, segment->OpenReader(no_cache));
    TOCSIN_RETURN_IF_ERROR(reader->ForEachTraceThrough([&](const TraceId& id, uint64_t position) {
      uint64_t& known = through[id];
      known = std::max(known, position);
    }));
    // As of now or later: who writes the rows makes sure that nothing was deleted meanwhile.
    const auto deleted = segment->marks().deleted();
    TOCSIN_ASSIGN_OR_RETURN(SpanBatch rows, reader->ReadRows(0, reader->rows()));
    const SpanBatch& batch = merged.batches.emplace_back(std::move(rows));
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      if (deleted != nullptr && deleted->Test(row)) continue;
      const RowOrder order = OrderOf(batch, row);
      if (only != nullptr && !std::ranges::binary_search(*only, order.trace)) continue;
      keys.push_back({order, {&batch, row}});
    }
  }
  // Stable, and the segments are in the order of receipt: of equal rows the first is kept.
  std::ranges::stable_sort(keys, {}, &Key::order);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i > 0 && keys[i].order == keys[i - 1].order) continue;
    if (i == 0 || keys[i].order.trace != keys[i - 1].order.trace) {
      merged.through.push_back(through.at(keys[i].order.trace));
    }
    merged.rows.push_back(keys[i].row);
  }
  return merged;
}

}  // namespace

// The segments of a tenant that are to be merged next, neighbours in the order of receipt; empty if
// there is nothing to do. Looks at the volumes that are not in order yet, or at `closing` alone and
// then takes also what would otherwise wait for more.
SegmentList SpanStore::PlanMerge(const SegmentList& segments, const StoredVolume* closing) const {
  const LogPosition kept = log_->first_position();
  for (size_t begin = 0; begin < segments.size();) {
    Plan plan{.max_wire_bytes = options_.max_merge_bytes, .begin = begin, .end = begin};
    const StoredVolume* volume = segments[begin]->volume().get();
    const bool wanted = closing == nullptr ? !volume->settled() : volume == closing;
    const auto joins = [&](const StoredSegment& segment) {
      if (!wanted || segment.volume().get() != volume || !Mergeable(segment)) return false;
      // While the log still has deleted rows only their segment keeps them from coming back.
      if (segment.marks().deleted() != nullptr && segment.stub().log_last >= kept) return false;
      return segment.stub().rows < kFullRows && plan.Takes(segment);
    };
    while (plan.end < segments.size() && joins(*segments[plan.end])) plan.Add(*segments[plan.end]);
    const size_t count = plan.end - begin;
    const bool enough = count >= kFanIn || plan.rows >= kFullRows;
    // One that is larger than the others together would be rewritten for little.
    const bool even = plan.most_rows <= plan.rows / 2;
    if (count >= 2 && (closing != nullptr || (enough && even))) {
      return {segments.begin() + static_cast<ptrdiff_t>(begin),
              segments.begin() + static_cast<ptrdiff_t>(plan.end)};
    }
    begin = enough && count >= 2 ? begin + 1 : std::max(plan.end, begin + 1);
  }
  return {};
}

// Merges once for some tenant. False: nothing was due, or what was due changed meanwhile.
Result<bool> SpanStore::MergeOnce(const StoredVolume* closing) {
  if (!options_.merge) return false;
  for (const std::string& name : TenantNames()) {
    const std::shared_ptr<const SegmentSet> segments = SegmentsOf(name);
    if (segments == nullptr) continue;
    const SegmentList chosen = PlanMerge(segments->segments(), closing);
    if (chosen.empty()) continue;
    TOCSIN_ASSIGN_OR_RETURN(const bool merged, Replace(name, chosen, nullptr));
    if (!merged) continue;
    merges_.Add(1);
    return true;
  }
  return false;
}

// The segment that has the rows of `segments`, or with `only` (ascending) those of these traces;
// none if there are no rows.
Result<std::vector<SealedSegment>> SpanStore::Rebuild(const std::string& tenant,
                                                      const SegmentList& segments,
                                                      const std::vector<TraceId>* only) {
  TOCSIN_ASSIGN_OR_RETURN(const MergedRows rows, ReadRows(segments, only));
  std::vector<SealedSegment> sealed;
  if (rows.rows.empty()) return sealed;
  SegmentInput input;
  input.tenant = tenant;
  input.rows = rows.rows;
  input.through = rows.through;
  input.order = segments.front()->stub().order;
  input.log_first = UINT64_MAX;
  for (const auto& segment : segments) {
    input.log_first = std::min(input.log_first, segment->stub().log_first);
    input.log_last = std::max(input.log_last, segment->stub().log_last);
  }
  sealed.push_back(BuildSegment(input));
  return sealed;
}

// Writes one segment in place of `chosen`, neighbours in the tenant's order, with all their rows
// or, with `only`, those of these traces. False: they have changed meanwhile. Under
// maintain_mutex_.
Result<bool> SpanStore::Replace(const std::string& tenant, const SegmentList& chosen,
                                const std::vector<TraceId>* only) {
  std::vector<std::shared_ptr<const traceql::Bitmap>> deleted;
  std::vector<std::shared_ptr<const SegmentRedactions>> redacted;
  for (const auto& segment : chosen) {
    deleted.push_back(segment->marks().deleted());
    redacted.push_back(segment->marks().redactions());
  }
  Result<std::vector<SealedSegment>> sealed = Rebuild(tenant, chosen, only);
  if (!sealed.has_value()) {
    MarkDamagedOf(chosen);
    return Failure(sealed.error());
  }
  if (options_.merge_hook) TOCSIN_RETURN_IF_ERROR(options_.merge_hook());

  const std::lock_guard lock(seal_mutex_);
  const std::shared_ptr<const SegmentSet> known = SegmentsOf(tenant);
  for (size_t i = 0; i < chosen.size(); ++i) {
    // Removed by retention, or some of it deleted or redacted.
    if (known == nullptr || known->Find(chosen[i]->stub().number) != chosen[i].get() ||
        chosen[i]->marks().deleted() != deleted[i] ||
        chosen[i]->marks().redactions() != redacted[i]) {
      return false;
    }
  }
  const TraceIdList known_split = SplitOf(chosen);
  if (!sealed->empty()) {
    TraceIdList& split = sealed->front().split;
    std::ranges::set_intersection(StillSplit(tenant, *known, chosen, known_split),
                                  sealed->front().traces, std::back_inserter(split));
  }
  Replacement replacement;
  replacement.volume = chosen.front()->volume();
  replacement.merged.by = volumes_->NextSegmentNumber();
  for (const auto& segment : chosen) {
    replacement.merged.replaced.push_back(segment->stub().number);
    replacement.held.emplace_back(segment);
  }
  TOCSIN_ASSIGN_OR_RETURN(
      const SegmentList stored,
      volumes_->WriteReplacing(replacement.volume, tenant, &*sealed, replacement.merged));
  PublishReplaced(tenant, chosen, stored, known_split);
  replaced_.push_back(std::move(replacement));
  return true;
}

// Which of the segments could not be read.
void SpanStore::MarkDamagedOf(const SegmentList& segments) const {
  const auto no_cache = std::make_shared<ColumnCache>(0);
  for (const auto& segment : segments) {
    const auto reader = segment->OpenReader(no_cache);
    const Status read = [&]() -> Status {
      if (!reader.has_value()) return reader.error();
      const auto rows = (*reader)->ReadRows(0, (*reader)->rows());
      return rows.has_value() ? Status() : rows.error();
    }();
    const StatusCode code = read.code();
    if (code == StatusCode::kCorruption || code == StatusCode::kNotFound) {
      segment->MarkDamaged(read, damaged_segments_);
    }
  }
}

TraceIdList SpanStore::SplitOf(const SegmentList& segments) {
  TraceIdList all;
  for (const auto& segment : segments) {
    TraceIdList both;
    if (const auto split = segment->marks().split()) {
      std::ranges::set_union(all, *split, std::back_inserter(both));
      all = std::move(both);
    }
  }
  return all;
}

// Under seal_mutex_. Those of `ids` that have rows outside of `chosen`.
TraceIdList SpanStore::StillSplit(const std::string& tenant, const SegmentSet& known,
                                  const SegmentList& chosen, const TraceIdList& ids) const {
  TraceIdList split;
  known.FindTraces(ids, *cache_, [&](size_t i, const StoredSegment& segment) {
    const auto same = [&](const auto& one) { return one.get() == &segment; };
    if (std::ranges::none_of(chosen, same)) split.push_back(ids[i]);
  });
  const std::lock_guard lock(mutex_);
  const auto it = tenants_.find(tenant);
  for (const TraceId& id : ids) {
    // Of a block on its way to disk the traces are not looked at one by one.
    if (sealing_ || (it != tenants_.end() && it->second->live.IsLive(id))) split.push_back(id);
  }
  std::ranges::sort(split);
  const auto rest = std::ranges::unique(split);
  split.erase(rest.begin(), rest.end());
  return split;
}

void SpanStore::PublishReplaced(const std::string& tenant, const SegmentList& chosen,
                                const SegmentList& stored, const TraceIdList& known_split) {
  // No live trace is being looked up: what such a look-up marked is all there.
  const std::lock_guard resolving(resolve_mutex_);
  const TraceIdList now_split = SplitOf(chosen);
  TraceIdList since;
  std::ranges::set_difference(now_split, known_split, std::back_inserter(since));
  {
    // What was marked before and is live again was not marked once more.
    const std::lock_guard lock(mutex_);
    const auto it = tenants_.find(tenant);
    std::ranges::copy_if(now_split, std::back_inserter(since), [&](const TraceId& id) {
      return sealing_ || (it != tenants_.end() && it->second->live.IsLive(id));
    });
  }
  std::ranges::sort(since);
  const auto rest = std::ranges::unique(since);
  since.erase(rest.begin(), rest.end());
  for (const auto& segment : stored) segment->marks().AddSplit(since);
  std::shared_ptr<const SegmentSet> segments = Changed(tenant, chosen, stored);
  {
    const std::lock_guard lock(mutex_);
    TenantLocked(tenant).segments.swap(segments);
  }
  for (const auto& segment : chosen) cache_->Erase(segment->stub().number);
}

// Removes the values of replaced segments that nobody reads any more.
Status SpanStore::RemoveReplaced() {
  std::vector<Replacement> due;
  {
    const std::lock_guard lock(seal_mutex_);
    const auto unread = [](const Replacement& replacement) {
      return std::ranges::all_of(replacement.held, [](const auto& held) { return held.expired(); });
    };
    const auto first = std::partition(replaced_.begin(), replaced_.end(),
                                      [&](const Replacement& r) { return !unread(r); });
    std::move(first, replaced_.end(), std::back_inserter(due));
    replaced_.erase(first, replaced_.end());
  }
  for (const Replacement& replacement : due) {
    if (replacement.volume->volume()->read_only()) continue;
    // After an error the next start finds the record again.
    TOCSIN_RETURN_IF_ERROR(VolumeSet::RemoveSegments(*replacement.volume, replacement.merged));
  }
  return {};
}

// Bounds what of the indexes is in memory.
Status SpanStore::StoreIndexes() {
  std::vector<std::shared_ptr<StoredVolume>> volumes;
  {
    const std::lock_guard lock(seal_mutex_);
    volumes.assign(volumes_->volumes().begin(), volumes_->volumes().end());
  }
  for (const auto& volume : volumes) {
    if (volume->volume() == nullptr || volume->volume()->read_only()) continue;
    const size_t entries = volume->index().MemoryEntries();
    // Of a volume that was put in order all of it belongs on disk.
    if (entries < (volume->settled() ? 1 : kMaxIndexEntries)) continue;
    TOCSIN_RETURN_IF_ERROR(volume->index().Store(volume->volume()));
  }
  return {};
}

// Everything that makes the volumes better and can wait. On one thread at a time.
Status SpanStore::MaintainVolumes() {
  const std::lock_guard maintaining(maintain_mutex_);
  const Nanos cpu = ThreadCpuNanos();
  Status done;
  while (true) {
    const auto begun = std::chrono::steady_clock::now();
    const Result<bool> merged = MergeOnce(nullptr);
    if (!merged.has_value()) done = merged.error();
    if (!merged.has_value() || !*merged) break;
    PauseAfter(std::chrono::steady_clock::now() - begun);
    const std::lock_guard lock(compaction_mutex_);
    if (stopping_) return {};
  }
  if (const Status expired = ExpireTenants(clock_.Now()); done.ok()) done = expired;
  if (const Status rewritten = RewriteRedacted(); done.ok()) done = rewritten;
  if (const Status removed = RemoveReplaced(); done.ok()) done = removed;
  if (const Status erased = EraseReplaced(); done.ok()) done = erased;
  if (const Status stored = StoreIndexes(); done.ok()) done = stored;
  while (std::shared_ptr<StoredVolume> volume = NextToCompact()) FinishVolume(volume);
  seal_cpu_.Add(static_cast<double>(ThreadCpuNanos() - cpu) / kSecond);
  return done;
}

// As long as the work took, so that it takes half of a core at most; not when somebody waits.
void SpanStore::PauseAfter(std::chrono::steady_clock::duration worked) {
  if (!options_.background) return;
  std::unique_lock lock(compaction_mutex_);
  const auto pause =
      std::min(worked, std::chrono::steady_clock::duration(std::chrono::nanoseconds(kMaxPause)));
  compaction_changed_.wait_for(lock, pause, [this] {
    return stopping_ || flushes_asked_ > flushes_served_ || !to_compact_.empty();
  });
}

std::shared_ptr<StoredVolume> SpanStore::NextToCompact() {
  const std::lock_guard lock(compaction_mutex_);
  if (stopping_ || to_compact_.empty()) return nullptr;
  std::shared_ptr<StoredVolume> volume = std::move(to_compact_.front());
  to_compact_.pop_front();
  return volume;
}

// The last that is done to a closed volume: its small segments are merged whatever their number,
// its index is written as a whole, and LevelDB's tables are put in order.
void SpanStore::FinishVolume(const std::shared_ptr<StoredVolume>& volume) {
  Result<bool> merged = true;
  while (merged.has_value() && *merged) merged = MergeOnce(volume.get());
  Status done = merged.has_value() ? RemoveReplaced() : Status(merged.error());
  if (done.ok()) {
    done = volume->index().Store(volume->volume(), [&](uint64_t number) {
      return volume->volume()->Get(SegmentKey(number, 0)).has_value();
    });
  }
  if (!done.ok()) {
    log::Warn("volume_not_finished", {{"path", volume->path()}, {"error", done.ToString()}});
  }
  VolumeSet::Compact(*volume);
}

void SpanStore::MaintainInBackground() {
  // Whoever waits for an acknowledgement goes first.
  BeInNoHurry();
  constexpr auto kTick = std::chrono::seconds(1);
  std::unique_lock lock(compaction_mutex_);
  while (!stopping_) {
    compaction_changed_.wait_for(lock, kTick, [this] {
      return stopping_ || !to_compact_.empty() || flushes_asked_ > flushes_served_;
    });
    if (stopping_) return;
    const uint64_t waiting = flushes_asked_;
    lock.unlock();
    if (const Status done = MaintainVolumes(); !done.ok()) {
      log::Warn("merging_failed", {{"error", done.ToString()}});
    }
    lock.lock();
    flushes_served_ = waiting;
    compaction_changed_.notify_all();
  }
}

}  // namespace tocsin::storage
