// SpanStore: what outlives its volume, and what goes before it. Volumes are removed as a whole
// after the retention of the store. Before that, pinned traces and what tenants of a longer
// retention have in it are copied to the newest volume; the data of tenants of a shorter retention
// is taken out of volumes that stay.

#include <algorithm>
#include <optional>
#include <utility>

#include "cpp/base/log.h"
#include "storage/spans/span_store.h"

namespace tocsin::storage {

Nanos SpanStore::RetentionOf(std::string_view tenant) const {
  return Limits()->BlockRetention(tenant).value_or(options_.block_retention);
}

bool SpanStore::Expired(const StoredSegment& segment, Nanos retention, Nanos now) {
  // A retention may reach back beyond 1970.
  return retention > 0 && now > retention &&
         segment.stub().max_end < static_cast<uint64_t>(now - retention);
}

// Under seal_mutex_. Puts to `saved` those of the volumes from which nothing is left to be copied;
// the others are kept for another attempt.
void SpanStore::CarryForward(std::vector<std::shared_ptr<StoredVolume>> volumes, Nanos now) {
  std::vector<std::shared_ptr<StoredVolume>> saved;
  for (std::shared_ptr<StoredVolume>& volume : volumes) {
    const Status carried = CarryOut(*volume, now);
    if (carried.ok()) {
      saved.push_back(std::move(volume));
    } else {
      log::Warn("volume_kept", {{"path", volume->path()}, {"error", carried.ToString()}});
      unsaved_.push_back(std::move(volume));
    }
  }
  Forget(saved);
}

Status SpanStore::CarryOut(const StoredVolume& volume, Nanos now) {
  std::optional<bool> room;  // Looked at if it matters.
  for (const std::string& name : TenantNames()) {
    const std::shared_ptr<const SegmentSet> segments = SegmentsOf(name);
    if (segments == nullptr) continue;
    const std::vector<TraceId> pinned = pins_.Of(name);
    for (const auto& segment : segments->segments()) {
      if (segment->volume().get() != &volume || segment->damaged()) continue;
      // A volume that is not old goes because room is wanted: then only pins are worth it.
      const bool aged = Expired(*segment, options_.block_retention, now);
      const bool all = aged && !Expired(*segment, RetentionOf(name), now);
      if (!all && pinned.empty()) continue;
      if (!aged && !room) room = PinsFit(volume);
      if (!aged && !*room) continue;
      TOCSIN_RETURN_IF_ERROR(Copy(name, segment, all ? nullptr : &pinned, now));
    }
  }
  return {};
}

// Writes the rows of `only` (null: all) again, to the newest volume.
Status SpanStore::Copy(const std::string& tenant,
                       const std::shared_ptr<const StoredSegment>& segment,
                       const std::vector<TraceId>* only, Nanos now) {
  Result<std::vector<SealedSegment>> built = Rebuild(tenant, {segment}, only);
  if (!built.has_value() && built.error().code() == StatusCode::kCorruption) {
    segment->MarkDamaged(built.error(), damaged_segments_);
    return {};
  }
  if (!built.has_value()) return built.error();
  if (built->empty()) return {};
  for (SealedSegment& copy : *built) copy.stub.number = volumes_->NextSegmentNumber();
  const std::shared_ptr<const SegmentSet> known = SegmentsOf(tenant);
  TOCSIN_RETURN_IF_ERROR(MarkSplit(known.get(), &*built));
  TOCSIN_ASSIGN_OR_RETURN(const SegmentList stored, volumes_->Write(tenant, *built, now));
  std::shared_ptr<const SegmentSet> segments = Changed(tenant, {}, stored);
  const std::lock_guard lock(mutex_);
  Tenant& entry = TenantLocked(tenant);
  entry.segments.swap(segments);
  MarkStillLive(*built, stored, &entry.live);
  return {};
}

// Under maintain_mutex_. Takes out what tenants of a shorter retention than the store's have kept
// for too long.
Status SpanStore::ExpireTenants(Nanos now) {
  for (const std::string& name : TenantNames()) {
    const Nanos retention = RetentionOf(name);
    if (retention == options_.block_retention) continue;
    const std::shared_ptr<const SegmentSet> segments = SegmentsOf(name);
    if (segments == nullptr) continue;
    const std::vector<TraceId> pinned = pins_.Of(name);
    for (const auto& segment : segments->segments()) {
      const Volume* volume = segment->volume()->volume();
      if (volume->read_only() || segment->damaged() || !Expired(*segment, retention, now)) continue;
      if (LogHas(segment->stub().log_last)) continue;
      // What was kept because of a pin stays as it is until it is unpinned.
      if (!pinned.empty() && OnlyHas(*segment, pinned)) continue;
      TOCSIN_ASSIGN_OR_RETURN(const bool replaced, Replace(name, {segment}, &pinned));
      if (replaced) {
        log::Info("segment_expired", {{"tenant", name}, {"segment", segment->stub().number}});
      }
    }
  }
  return {};
}

bool SpanStore::OnlyHas(const StoredSegment& segment, const std::vector<TraceId>& ids) const {
  if (segment.stub().traces > ids.size()) return false;
  const auto reader = segment.OpenReader(cache_);
  if (!reader.has_value()) return false;
  const auto traces = (*reader)->Traces();
  return traces.has_value() && std::ranges::includes(ids, *traces);
}

}  // namespace tocsin::storage
