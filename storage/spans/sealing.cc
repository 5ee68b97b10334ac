// SpanStore: from the live set to segments, and what follows from it: retention, the end of log
// files, back-pressure. Everything here runs under seal_mutex_, on one thread at a time.

#include <algorithm>
#include <chrono>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/log.h"
#include "storage/spans/span_store.h"

namespace tocsin::storage {
namespace {

// A segment's wire bytes stay below this (BuildSegment asks for less than 1 GiB).
constexpr uint64_t kMaxSegmentWireBytes = uint64_t{256} << 20;

constexpr Nanos kFirstRetryDelay = 250 * kMillisecond;
constexpr Nanos kMaxRetryDelay = 5 * kSecond;

// A log file with nothing but sealed rows is begun anew at this size when nothing else is waiting,
// so that a quiet site does not replay it at every start.
constexpr uint64_t kIdleLogBytes = uint64_t{1} << 20;

// The segments of a block: as few as the bounds of one allow, as even as they come.
std::vector<SealedSegment> BuildSegments(std::string_view tenant, const CutBlock& block) {
  const SortedRows sorted = SortRows(block);
  std::vector<SealedSegment> segments;
  size_t trace = 0;
  for (size_t begin = 0; begin < sorted.rows.size();) {
    size_t end = begin;
    uint64_t wire_bytes = 0;
    while (end < sorted.rows.size() && end - begin < kMaxSegmentRows &&
           wire_bytes < kMaxSegmentWireBytes) {
      const RowRef& row = sorted.rows[end++];
      wire_bytes += row.batch->wire_size[row.row];
    }
    // A trace may be in several: each says of it what all of them together hold, and they are
    // written together.
    const size_t first_trace = trace;
    while (trace + 1 < sorted.trace_begin.size() && sorted.trace_begin[trace + 1] < end) ++trace;
    SegmentInput input;
    input.tenant = tenant;
    input.rows = std::span(sorted.rows).subspan(begin, end - begin);
    input.through = std::span(sorted.through).subspan(first_trace, trace + 1 - first_trace);
    input.log_first = block.parts.front().position;
    input.log_last = block.parts.back().position;
    segments.push_back(BuildSegment(input));
    if (trace + 1 < sorted.trace_begin.size() && sorted.trace_begin[trace + 1] == end) ++trace;
    begin = end;
  }
  return segments;
}

}  // namespace

Status SpanStore::RunDue() {
  Status done = SealAndRetain();
  if (options_.background) return done;
  const Status maintained = MaintainVolumes();
  return done.ok() ? maintained : done;
}

Status SpanStore::SealAndRetain() {
  const std::lock_guard lock(seal_mutex_);
  const Nanos cpu = ThreadCpuNanos();
  const Nanos now = clock_.Now();
  for (const std::string& name : TenantNames()) {
    const std::lock_guard resolving(resolve_mutex_);
    ResolveLive(name);
  }
  Status done = SealDue(now);
  Retain(now, 0);
  if (Status dropped = DropLog(now, /*roll=*/false); done.ok()) done = std::move(dropped);
  StartCompactions();
  ForgetIdleTenants();
  UpdateGauges();
  seal_cpu_.Add(static_cast<double>(ThreadCpuNanos() - cpu) / kSecond);
  return done;
}

std::vector<std::string> SpanStore::TenantNames() const {
  std::vector<std::string> names;
  const std::lock_guard lock(mutex_);
  names.reserve(tenants_.size());
  for (const auto& [name, tenant] : tenants_) names.push_back(name);
  return names;
}

Status SpanStore::SealDue(Nanos now) {
  if (now < retry_at_ && now >= retry_at_ - kMaxRetryDelay) return {};
  TOCSIN_RETURN_IF_ERROR(FinishSealing(now));
  for (const std::string& name : TenantNames()) TOCSIN_RETURN_IF_ERROR(SealTenantDue(name, now));
  TOCSIN_RETURN_IF_ERROR(RelieveMemory(now));
  return RelieveLog(now);
}

Status SpanStore::SealTenantDue(const std::string& name, Nanos now) {
  using Moved = LiveTraces::Moved;
  while (true) {
    bool cut = false;
    bool full = false;
    {
      const std::lock_guard lock(mutex_);
      LiveTraces& live = TenantLocked(name).live;
      Moved moved = live.MoveIdle(now - options_.trace_idle_period, now);
      while (moved != Moved::kBlockFull) {
        moved = live.MoveOldest(now - options_.max_trace_live, now);
        if (moved == Moved::kNothing) break;
      }
      full = moved == Moved::kBlockFull || live.block_full();
      cut = full ||
            (live.block_rows() > 0 && live.block_opened() <= now - options_.max_block_duration);
    }
    if (!cut) break;
    CountCut(full ? "size" : "duration");
    TOCSIN_RETURN_IF_ERROR(CutAndSeal(name, now));
  }
  return {};
}

Status SpanStore::RelieveMemory(Nanos now) {
  TOCSIN_RETURN_IF_ERROR(FinishSealing(now));
  while (live_bytes_.load() > options_.live_bytes_budget) {
    // Of the tenant that holds most, its oldest.
    std::string chosen;
    size_t most = 0;
    LogPosition oldest = 0;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, tenant] : tenants_) {
        if (tenant->live.bytes() <= most) continue;
        chosen = name;
        most = tenant->live.bytes();
        oldest = tenant->live.oldest();
      }
    }
    if (most == 0) return {};
    TOCSIN_RETURN_IF_ERROR(SealUpTo(chosen, oldest, now));
  }
  return {};
}

Status SpanStore::RelieveLog(Nanos now) {
  while (log_->bytes() > sizes_.log_bytes) {
    std::string chosen;
    LogPosition oldest = UINT64_MAX;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, tenant] : tenants_) {
        if (tenant->live.oldest() >= oldest) continue;
        chosen = name;
        oldest = tenant->live.oldest();
      }
    }
    // To seal is of no use while the log waits for a checkpoint. SetCheckpoint() wakes the thread.
    if (oldest > checkpoint_.load()) {
      if (options_.want_checkpoint) options_.want_checkpoint();
      return {};
    }
    TOCSIN_RETURN_IF_ERROR(SealUpTo(chosen, oldest, now));
    TOCSIN_RETURN_IF_ERROR(DropLog(now, /*roll=*/false));
  }
  return {};
}

// Seals at least what the tenant received up to `position`, in full blocks as far as there are
// rows.
Status SpanStore::SealUpTo(const std::string& name, LogPosition position, Nanos now) {
  using Moved = LiveTraces::Moved;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      LiveTraces& live = TenantLocked(name).live;
      if (live.oldest() > position) return {};
      while (live.MoveOldest(INT64_MAX, now) == Moved::kSome) {
      }
    }
    CountCut("early");
    TOCSIN_RETURN_IF_ERROR(CutAndSeal(name, now));
  }
}

void SpanStore::CountCut(std::string_view reason) {
  telemetry_
      .GetCounter("tocsin_spans_blocks_cut_total",
                  "Open blocks that were cut: for their size, their age, or early (a flush, a "
                  "deletion, too much memory or log).",
                  {{"reason", std::string(reason)}})
      .Add(1);
}

Status SpanStore::CutAndSeal(const std::string& name, Nanos now) {
  TOCSIN_CHECK(!sealing_);
  Sealing sealing;
  sealing.tenant = name;
  // Smaller ones are looked up when they come back.
  const uint64_t bound = Limits()->MaxBytesPerTrace(name);
  const uint64_t remember = bound == 0 ? UINT64_MAX : bound / 2;
  {
    const std::lock_guard lock(mutex_);
    sealing.block = TenantLocked(name).live.Cut(remember);
  }
  sealing.segments = BuildSegments(name, sealing.block);
  for (SealedSegment& segment : sealing.segments) {
    segment.stub.number = volumes_->NextSegmentNumber();
    segment.stub.order = segment.stub.number;
    sealing.bytes += segment.stub.stored_bytes;
  }
  sealing_ = std::move(sealing);
  return FinishSealing(now);
}

Status SpanStore::FinishSealing(Nanos now) {
  if (!sealing_) return {};
  Retain(now, sealing_->bytes);
  const std::shared_ptr<const SegmentSet> known = SegmentsOf(sealing_->tenant);
  const auto stored = [&]() -> Result<std::vector<std::shared_ptr<const StoredSegment>>> {
    if (options_.seal_hook) TOCSIN_RETURN_IF_ERROR(options_.seal_hook());
    TOCSIN_RETURN_IF_ERROR(MarkSplit(known.get(), &sealing_->segments));
    return volumes_->Write(sealing_->tenant, sealing_->segments, now);
  }();
  if (!stored.has_value()) {
    seal_failing_ = true;
    retry_delay_ = std::clamp(retry_delay_ * 2, kFirstRetryDelay, kMaxRetryDelay);
    retry_at_ = now + retry_delay_;
    return stored.error();
  }
  seal_failing_ = false;
  retry_delay_ = 0;
  retry_at_ = 0;
  Publish(*stored);
  return {};
}

std::shared_ptr<const SegmentSet> SpanStore::SegmentsOf(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  const auto it = tenants_.find(tenant);
  return it == tenants_.end() ? nullptr : it->second->segments;
}

// Under seal_mutex_, as nothing else changes the segments; and not under mutex_, as it takes a
// while.
std::shared_ptr<const SegmentSet> SpanStore::Changed(const std::string& tenant,
                                                     const SegmentList& removed,
                                                     const SegmentList& added) const {
  SegmentList segments = added;
  if (const auto known = SegmentsOf(tenant)) {
    for (const auto& segment : known->segments()) {
      if (std::ranges::find(removed, segment) == removed.end()) segments.push_back(segment);
    }
  }
  return std::make_shared<SegmentSet>(std::move(segments));
}

void SpanStore::Publish(const std::vector<std::shared_ptr<const StoredSegment>>& stored) {
  std::vector<std::shared_ptr<const SpanBatch>> freed;
  std::shared_ptr<const SegmentSet> segments = Changed(sealing_->tenant, {}, stored);
  {
    const std::lock_guard lock(mutex_);
    Tenant& tenant = TenantLocked(sealing_->tenant);
    const size_t before = tenant.live.bytes();
    tenant.live.MarkSealed(sealing_->block, &freed);
    live_bytes_.fetch_sub(before - tenant.live.bytes());
    tenant.segments = std::move(segments);
    MarkStillLive(sealing_->segments, stored, &tenant.live);
  }
  freed.clear();
  sealing_.reset();  // Holds the batches too.
  TellOfRoom();
}

void SpanStore::TellOfRoom() {
  {
    const std::lock_guard lock(wake_mutex_);  // A waiter between its look and its sleep.
  }
  have_room_.notify_all();
}

void SpanStore::Retain(Nanos now, uint64_t wanted_bytes) {
  std::vector<std::shared_ptr<StoredVolume>> removed = std::exchange(unsaved_, {});
  const auto may_go = [&](const StoredVolume& volume) {
    if (!LogHas(volume)) return true;
    // A log that cannot be written to will not drop them, and a full disk needs the room.
    return !DropLog(now, /*roll=*/false).ok() || !LogHas(volume);
  };
  for (auto& volume : volumes_->Retain(now, log_->bytes(), wanted_bytes, may_go)) {
    removed.push_back(std::move(volume));
  }
  CarryForward(std::move(removed), now);
}

// Does the log still have rows up to `position`? Then a segment that has them, or hides that they
// are deleted, is to stay: without it the next start would take them for new. The log drops them
// as soon as it can.
bool SpanStore::LogHas(LogPosition position) {
  if (position < log_->first_position()) return false;
  LogPosition known = forget_through_.load();
  while (known < position && !forget_through_.compare_exchange_weak(known, position)) {
  }
  return true;
}

bool SpanStore::LogHas(const StoredVolume& volume) {
  LogPosition last = 0;
  for (const std::string& name : TenantNames()) {
    const std::shared_ptr<const SegmentSet> segments = SegmentsOf(name);
    if (segments == nullptr) continue;
    for (const auto& segment : segments->segments()) {
      if (segment->volume().get() == &volume) last = std::max(last, segment->stub().log_last);
    }
  }
  return last > 0 && LogHas(last);
}

void SpanStore::ForgetIdleTenants() {
  const std::lock_guard lock(mutex_);
  std::erase_if(tenants_, [](const auto& entry) {
    const Tenant& tenant = *entry.second;
    return tenant.live.empty() &&
           (tenant.segments == nullptr || tenant.segments->segments().empty());
  });
}

void SpanStore::Forget(const std::vector<std::shared_ptr<StoredVolume>>& volumes) {
  if (volumes.empty()) return;
  for (const auto& volume : volumes) volume->RemoveWhenUnused();
  const auto gone = [&](const std::shared_ptr<const StoredSegment>& segment) {
    return std::find(volumes.begin(), volumes.end(), segment->volume()) != volumes.end();
  };
  std::vector<std::shared_ptr<const SegmentSet>> old;  // Freed outside of the lock.
  const std::lock_guard lock(mutex_);
  for (const auto& [name, tenant] : tenants_) {
    if (tenant->segments == nullptr) continue;
    SegmentList left;
    for (const auto& segment : tenant->segments->segments()) {
      if (gone(segment)) {
        cache_->Erase(segment->stub().number);
      } else {
        left.push_back(segment);
      }
    }
    old.push_back(std::exchange(tenant->segments, std::make_shared<SegmentSet>(std::move(left))));
  }
}

LogPosition SpanStore::LowWater() const {
  // A record that is in the log and not yet in the live set is above applied_.
  LogPosition low = applied_.load() + 1;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, tenant] : tenants_) low = std::min(low, tenant->live.oldest());
  return low;
}

Status SpanStore::DropLog(Nanos now, bool roll) {
  const LogPosition sealed = LowWater();
  const LogPosition checkpoint = checkpoint_.load();
  const bool all_sealed = sealed > log_->last_position();
  const bool behind = checkpoint != UINT64_MAX && checkpoint + 1 < sealed;
  const LogPosition forget = forget_through_.load();
  const bool is_to_forget = forget >= log_->first_position();
  if (behind && options_.want_checkpoint &&
      (roll || is_to_forget || log_->bytes() > sizes_.log_bytes / 2)) {
    options_.want_checkpoint();
  }
  // Of the file that is being written nothing can be dropped.
  if (is_to_forget && log_->active_first() <= forget) TOCSIN_RETURN_IF_ERROR(log_->Roll());
  const LogPosition observed = checkpoint_.load();
  const LogPosition low = std::min(sealed, observed == UINT64_MAX ? sealed : observed + 1);
  if (all_sealed && low > log_->last_position() && (roll || log_->active_bytes() > kIdleLogBytes)) {
    TOCSIN_RETURN_IF_ERROR(log_->Roll());
  }
  const uint64_t before = log_->bytes();
  const Status dropped = log_->DropBefore(low, now);
  if (log_->bytes() < before) TellOfRoom();
  return dropped;
}

void SpanStore::StartCompactions() {
  while (std::shared_ptr<StoredVolume> volume = volumes_->TakeUncompacted()) {
    const std::lock_guard lock(compaction_mutex_);
    to_compact_.push_back(std::move(volume));
    compaction_changed_.notify_all();
  }
}

Status SpanStore::Flush() {
  {
    const std::lock_guard lock(seal_mutex_);
    const Nanos cpu = ThreadCpuNanos();
    const Nanos now = clock_.Now();
    LogPosition target = 0;
    {
      // Everything that has a position now is in the live set once this lock was held.
      const std::lock_guard append_lock(append_mutex_);
      target = log_->last_position();
    }
    TOCSIN_RETURN_IF_ERROR(FinishSealing(now));
    for (const std::string& name : TenantNames()) {
      TOCSIN_RETURN_IF_ERROR(SealUpTo(name, target, now));
    }
    Retain(now, 0);
    TOCSIN_RETURN_IF_ERROR(DropLog(now, /*roll=*/true));
    StartCompactions();
    UpdateGauges();
    seal_cpu_.Add(static_cast<double>(ThreadCpuNanos() - cpu) / kSecond);
  }
  if (!options_.background) return MaintainVolumes();
  std::unique_lock lock(compaction_mutex_);
  const uint64_t mine = ++flushes_asked_;
  compaction_changed_.notify_all();
  compaction_changed_.wait(lock, [&] { return stopping_ || flushes_served_ >= mine; });
  return {};
}

void SpanStore::UpdateGauges() {
  const uint64_t disk = log_->bytes() + volumes_->DiskBytes();
  disk_bytes_ = disk;
  volume_count_ = volumes_->size();
  const Stats stats = GetStats();
  const auto set = [&](std::string_view name, std::string_view help, double value) {
    telemetry_.GetGauge(name, help).Set(value);
  };
  set("tocsin_spans_live_traces", "Traces that are not sealed.",
      static_cast<double>(stats.live_traces));
  set("tocsin_spans_live_bytes", "Memory of spans that are not sealed.",
      static_cast<double>(stats.live_bytes));
  set("tocsin_spans_open_block_bytes", "Wire bytes of the open blocks.",
      static_cast<double>(stats.open_block_wire_bytes));
  set("tocsin_spans_segments", "Sealed segments.", static_cast<double>(stats.segments));
  set("tocsin_spans_volumes", "Volumes of sealed segments.", static_cast<double>(stats.volumes));
  set("tocsin_spans_log_bytes", "Bytes of the live log.", static_cast<double>(stats.log_bytes));
  set("tocsin_spans_disk_bytes", "Bytes of the live log and the volumes.",
      static_cast<double>(stats.disk_bytes));
}

}  // namespace tocsin::storage
