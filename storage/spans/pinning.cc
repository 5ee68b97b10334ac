// SpanStore: pins, and the bound on what they keep.
//
// Pinned traces are copied to the newest volume when theirs goes. If they took most of the room,
// the store would copy them round and round, and have none for what comes. So they may take a
// quarter of it: who would go beyond that is refused, and what has grown beyond it since (a trace
// that went on, one that was pinned before it came) is not copied when room is wanted.

#include <algorithm>
#include <string>

#include "cpp/base/log.h"
#include "storage/spans/span_store.h"

namespace tocsin::storage {

Status SpanStore::Pin(std::string_view tenant, const TraceId& id) {
  const uint64_t most = MaxPinnedBytes();
  if (most == 0 || pins_.Has(tenant, id)) return pins_.Pin(tenant, id);
  TOCSIN_RETURN_IF_ERROR(MeasurePins(/*again=*/false));
  TOCSIN_ASSIGN_OR_RETURN(const Pins::Sizes size, StoredBytes(std::string(tenant), {id}));
  const uint64_t pinned = pins_.MeasuredBytes();
  if (pinned + size.at(id) > most) {
    return ResourceExhaustedError("pinned traces may take a quarter of the store, " +
                                  std::to_string(most) + " bytes; they take " +
                                  std::to_string(pinned) + ", and this one " +
                                  std::to_string(size.at(id)) + ": unpin others first");
  }
  TOCSIN_RETURN_IF_ERROR(pins_.Pin(tenant, id));
  pins_.SetBytes(tenant, size);
  return {};
}

Status SpanStore::Unpin(std::string_view tenant, const TraceId& id) {
  return pins_.Unpin(tenant, id);
}

std::vector<TraceId> SpanStore::Pinned(std::string_view tenant) const { return pins_.Of(tenant); }

uint64_t SpanStore::MaxPinnedBytes() const { return sizes_.max_bytes / 4; }

// About what the traces take on disk: of each segment as much as its share of the bytes on the
// wire. What is not sealed counts with these.
Result<Pins::Sizes> SpanStore::StoredBytes(const std::string& tenant,
                                           const std::vector<TraceId>& ids) const {
  Pins::Sizes sizes;
  WantedSpans wanted;
  std::shared_ptr<const SegmentSet> segments;
  {
    const std::lock_guard lock(mutex_);
    const auto it = tenants_.find(tenant);
    for (const TraceId& id : ids) {
      sizes[id] = it == tenants_.end() ? 0 : it->second->live.UnsealedBytes(id);
      wanted[id];
    }
    if (it != tenants_.end()) segments = it->second->segments;
  }
  if (segments == nullptr) return sizes;
  TOCSIN_RETURN_IF_ERROR(ForEachWanted(
      *segments, wanted,
      [&](const StoredSegment& segment, const SegmentReader& reader,
          const WantedSpans& of_segment) -> Status {
        const SegmentStub& stub = segment.stub();
        const double ratio = static_cast<double>(stub.stored_bytes) /
                             static_cast<double>(std::max<uint64_t>(stub.wire_bytes, 1));
        for (const auto& [id, spans] : of_segment) {
          TOCSIN_ASSIGN_OR_RETURN(const uint64_t wire, reader.WireBytesOf(id, nullptr));
          sizes[id] += static_cast<uint64_t>(static_cast<double>(wire) * ratio);
        }
        return {};
      }));
  return sizes;
}

// Those that were not yet, or all of them again.
Status SpanStore::MeasurePins(bool again) {
  for (const auto& [tenant, ids] : pins_.Unmeasured(again)) {
    TOCSIN_ASSIGN_OR_RETURN(const Pins::Sizes sizes, StoredBytes(tenant, ids));
    pins_.SetBytes(tenant, sizes);
  }
  return {};
}

// Whether what is pinned may be copied out of a volume that goes because room is wanted.
bool SpanStore::PinsFit(const StoredVolume& volume) {
  const Status measured = MeasurePins(/*again=*/true);
  const uint64_t pinned = pins_.MeasuredBytes();
  // What cannot be measured is not given up for that.
  if (!measured.ok() || pinned <= MaxPinnedBytes()) return true;
  telemetry_
      .GetCounter("tocsin_spans_pins_given_up_total",
                  "Volumes that were removed with the pinned traces in them, as pinned traces took "
                  "more than a quarter of storage.max_bytes.")
      .Add(1);
  log::Error("pins_given_up", {{"path", volume.path()}, {"pinned_bytes", pinned}});
  return false;
}

}  // namespace tocsin::storage
