// SpanStore: putting the store together again from volumes and live log.
//
// A crash may come between any two steps, and each leaves the log ahead of the segments: rows are
// dropped from the log only after they are sealed, and a segment says of each of its traces up to
// which position of the log it and the segments before it hold the trace's rows. So the unsealed
// rows are those of the log's records above that position, no more and no less.

#include <algorithm>
#include <utility>

#include "cpp/base/log.h"
#include "storage/columnar/batch_codec.h"
#include "storage/spans/span_store.h"
#include "storage/volume/files.h"

namespace tocsin::storage {

Status SpanStore::Recover(const BatchObserver& replay) {
  const Nanos now = clock_.Now();
  VolumeSet::Options volumes;
  volumes.path = options_.path + "/volumes";
  volumes.sizes = sizes_;
  volumes.retention = options_.block_retention;
  TOCSIN_ASSIGN_OR_RETURN(volumes_, VolumeSet::Open(std::move(volumes), now, telemetry_));
  const SegmentList found = volumes_->TakeSegments();
  TOCSIN_RETURN_IF_ERROR(LoadPins());
  TOCSIN_RETURN_IF_ERROR(redactions_.Load(options_.path + "/redactions"));
  for (const Redactions::Entry& entry : redactions_.entries()) {
    volumes_->SkipSegmentNumbers(entry.before);
  }

  LiveLogOptions log;
  log.path = options_.path + "/log";
  log.sync = options_.sync;
  log.sync_interval = options_.sync_interval;
  log.file_bytes = sizes_.log_file_bytes;
  log.max_recent_requests = options_.max_recent_requests;
  log.write_hook = options_.log_write_hook;
  log.sync_hook = options_.log_sync_hook;
  TOCSIN_ASSIGN_OR_RETURN(log_, LiveLog::Open(std::move(log), telemetry_));

  // Positions are never used twice, even if the log itself was lost.
  LogPosition floor = options_.checkpoint == UINT64_MAX ? 0 : options_.checkpoint;
  std::map<std::string, SegmentList> by_tenant;
  for (const auto& segment : found) {
    floor = std::max(floor, segment->stub().log_last);
    by_tenant[segment->tenant()].push_back(segment);
    segment->marks().SetRedactions(redactions_.Of(segment->tenant(), segment->stub().number));
  }
  CompleteIndex(by_tenant);
  FinishDeletions(found);
  for (VolumeSet::Replaced& replaced : volumes_->TakeReplaced()) {
    replaced_.push_back({std::move(replaced.volume), std::move(replaced.merged), {}});
  }
  for (auto& [name, list] : by_tenant) {
    TenantLocked(name).segments = std::make_shared<SegmentSet>(std::move(list));
  }

  const SealedPositions sealed = LoadSealedPositions(found, log_->first_position());
  uint64_t records = 0;
  TOCSIN_RETURN_IF_ERROR(log_->Recover(floor, now, [&](const LogRecord& record) {
    ++records;
    ReplayRecord(record, sealed, replay);
  }));
  applied_ = log_->last_position();
  UpdateGauges();
  log::Info("spans_recovered", {{"segments", uint64_t{found.size()}},
                                {"records", records},
                                {"live_bytes", uint64_t{live_bytes_.load()}},
                                {"position", applied_.load()}});
  return {};
}

// Without the list the traces are still there, until retention comes to them: no reason to stand
// still. (What is redacted would be shown: that list is not gone without.)
Status SpanStore::LoadPins() {
  const std::string path = options_.path + "/pins";
  Status loaded = pins_.Load(path);
  if (loaded.code() != StatusCode::kCorruption) return loaded;
  const std::string aside = path + ".damaged";
  damaged_files_.Add(1);
  log::Error("pins_damaged", {{"error", loaded.ToString()},
                              {"put_aside", aside},
                              {"note", "no trace is pinned now; pin again what is to be kept"}});
  return RenameFile(path, aside);
}

SpanStore::SealedPositions SpanStore::LoadSealedPositions(const SegmentList& segments,
                                                          LogPosition first) const {
  SealedPositions sealed;
  for (const auto& segment : segments) {
    if (segment->stub().log_last < first) continue;
    const Status read = [&]() -> Status {
      TOCSIN_ASSIGN_OR_RETURN(const auto reader, segment->OpenReader(cache_));
      auto& positions = sealed[segment->tenant()];
      return reader->ForEachTraceThrough([&](const TraceId& id, uint64_t through) {
        LogPosition& known = positions[id];
        known = std::max(known, LogPosition{through});
      });
    }();
    // Its rows are then taken from the log again, and the segment is not shown.
    if (!read.ok()) segment->MarkDamaged(read, damaged_segments_);
  }
  return sealed;
}

void SpanStore::ReplayRecord(const LogRecord& record, const SealedPositions& sealed,
                             const BatchObserver& replay) {
  Result<SpanBatch> decoded = DecodeBatch(record.payload);
  if (!decoded.has_value()) {
    damaged_records_.Add(1);
    log::Error("log_record_damaged", {{"position", record.position},
                                      {"tenant", record.tenant},
                                      {"error", decoded.error().ToString()}});
    return;
  }
  const auto batch = std::make_shared<const SpanBatch>(*std::move(decoded));
  if (replay && record.position > options_.checkpoint) {
    replay({record.position, record.received, record.tenant, *batch});
  }
  std::vector<bool> is_sealed(batch->traces.size(), false);
  bool any_unsealed = sealed.empty();
  if (const auto it = sealed.find(record.tenant); it != sealed.end()) {
    for (size_t i = 0; i < batch->traces.size(); ++i) {
      const auto known = it->second.find(batch->traces[i]);
      is_sealed[i] = known != it->second.end() && record.position <= known->second;
    }
  }
  for (const uint32_t trace : batch->trace) any_unsealed = any_unsealed || !is_sealed[trace];
  if (!any_unsealed || batch->empty()) return;
  InsertLive(record, batch, is_sealed);

  // The log may hold more than fits in memory now, if the budget was made smaller.
  const std::lock_guard lock(seal_mutex_);
  if (const Status relieved = RelieveMemory(clock_.Now()); !relieved.ok()) {
    log::Warn("sealing_failed", {{"error", relieved.ToString()}});
  }
}

}  // namespace tocsin::storage
