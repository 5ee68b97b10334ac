// SpanStore: the bound on the bytes of one trace.
//
// What a trace has live is known at every moment. What it has in segments is remembered of large
// traces when they are sealed, and otherwise looked up when the trace turns up again, together with
// its split marks and off the path of an Append. So memory is bounded whatever traces do, and the
// bound is exact but for the moment until that look-up, and for requests that arrive at once.

#include <string>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/model/span_batch_builder.h"
#include "storage/spans/span_store.h"

namespace tocsin::storage {

std::shared_ptr<const SpanLimits> SpanStore::Limits() const {
  const std::lock_guard lock(limits_mutex_);
  return limits_;
}

void SpanStore::SetLimits(SpanLimits limits) {
  auto changed = std::make_shared<const SpanLimits>(std::move(limits));
  const std::lock_guard lock(limits_mutex_);
  limits_.swap(changed);
}

// Takes out of `spans` what goes beyond the bound of its trace.
void SpanStore::Bound(std::string_view tenant, std::shared_ptr<const SpanBatch>* spans,
                      AppendResult* result) {
  const uint64_t bound = Limits()->MaxBytesPerTrace(tenant);
  if (bound == 0) return;
  const SpanBatch& batch = **spans;
  std::vector<uint64_t> bytes(batch.traces.size());
  {
    const std::lock_guard lock(mutex_);
    const LiveTraces& live = TenantLocked(tenant).live;
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = live.WireBytes(batch.traces[i]);
  }
  std::vector<uint32_t> taken;
  const TraceId* refused = nullptr;
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    uint64_t& of_trace = bytes[batch.trace[row]];
    if (of_trace + batch.wire_size[row] > bound) {
      if (refused == nullptr) refused = &batch.traces[batch.trace[row]];
      of_trace = bound;  // No smaller span behind it slips in.
      continue;
    }
    of_trace += batch.wire_size[row];
    taken.push_back(row);
  }
  if (refused == nullptr) return;
  result->position = last_position();
  result->refused = batch.rows() - taken.size();
  result->refusal = "TRACE_TOO_LARGE: max size of trace (" + std::to_string(bound) +
                    ") exceeded by trace " + refused->ToHex() + " of tenant " + std::string(tenant);
  SpanBatchBuilder rest;
  for (const uint32_t row : taken) rest.CopyRow(batch, row);
  *spans = std::make_shared<const SpanBatch>(std::move(rest).Finish());
}

// Under resolve_mutex_. Tells the live set how large the parts of its traces are that `sealed` has.
void SpanStore::CountSealed(
    std::string_view tenant,
    const std::map<const StoredSegment*, std::vector<TraceId>>& sealed) const {
  if (Limits()->MaxBytesPerTrace(tenant) == 0) return;
  std::unordered_map<TraceId, uint64_t, TraceIdHash> bytes;
  for (const auto& [segment, ids] : sealed) {
    if (segment->damaged()) continue;
    const auto reader = segment->OpenReader(cache_);
    const auto deleted = segment->marks().deleted();
    for (const TraceId& id : ids) {
      const auto found = reader.has_value() ? (*reader)->WireBytesOf(id, deleted.get()) : 0;
      // Whoever reads the segment for an answer puts it aside.
      if (found.has_value()) bytes[id] += *found;
    }
  }
  const std::lock_guard lock(mutex_);
  const auto it = tenants_.find(tenant);
  if (it == tenants_.end()) return;
  for (const auto& [id, sum] : bytes) it->second->live.SetSealedBytes(id, sum);
}

}  // namespace tocsin::storage
