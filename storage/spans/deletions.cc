// The deletion record, and how SpanStore deletes.
//
// Rows are deleted where they are sealed: what is live of the traces is sealed first, so that one
// way of hiding rows is enough and the log need not know of it (recovery takes nothing from the log
// that a segment covers, and a segment with deleted rows is not merged while the log has them). If
// several volumes are touched, all bitmaps are first written as one record to one of them; from
// then on the deletion is decided, and the next start repeats what a crash left undone.

#include "storage/spans/deletions.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/log.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/spans/span_store.h"

namespace tocsin::storage {

std::string DeletionKey(uint64_t segment) {
  return std::string(kDeletionPrefix) + SpanIdToBytes(segment);
}

std::string EncodeDeletion(const std::vector<SegmentDeletion>& deletion) {
  std::string body;
  PutVarint64(&body, deletion.size());
  for (const SegmentDeletion& one : deletion) {
    PutVarint64(&body, one.segment);
    PutSizedBytes(&body, one.bitmap);
  }
  return SealFrame(body, Compression::kNone);
}

Result<std::vector<SegmentDeletion>> DecodeDeletion(std::string_view frame) {
  const Result<std::string> body = OpenFrame(frame);
  if (!body.has_value()) return Failure(body.error());
  ByteReader in(*body);
  std::vector<SegmentDeletion> deletion;
  for (size_t left = in.Count(in.remaining()); left > 0 && !in.failed(); --left) {
    SegmentDeletion& one = deletion.emplace_back();
    one.segment = in.Varint();
    one.bitmap = std::string(in.SizedBytes());
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("deletion record"));
  return deletion;
}

namespace {

// The rows of a segment that are to be hidden, those that are already included.
struct Hiding {
  const StoredSegment* segment = nullptr;
  std::shared_ptr<const traceql::Bitmap> rows;
};

// Writes one bitmap for each segment, all or none as far as a reader can see.
Status Save(const std::vector<Hiding>& hidings) {
  std::vector<SegmentDeletion> record;
  std::map<Volume*, std::vector<size_t>> by_volume;
  for (size_t i = 0; i < hidings.size(); ++i) {
    const StoredSegment& segment = *hidings[i].segment;
    Volume* volume = segment.volume()->volume();
    if (volume->read_only()) {
      return FailedPreconditionError("the volume " + segment.volume()->path() +
                                     " is damaged and takes no deletions");
    }
    record.push_back({segment.stub().number, EncodeDeleted(*hidings[i].rows)});
    by_volume[volume].push_back(i);
  }
  Volume* recorded_in = by_volume.begin()->first;
  const std::string record_key = DeletionKey(record.front().segment);
  const bool recorded = by_volume.size() > 1;
  if (recorded) {
    TOCSIN_RETURN_IF_ERROR(recorded_in->Put(record_key, EncodeDeletion(record), /*sync=*/true));
  }
  Status saved;
  for (const auto& [volume, list] : by_volume) {
    std::vector<std::string> keys;
    std::vector<Volume::Entry> entries;
    keys.reserve(list.size());
    for (const size_t i : list) keys.push_back(DeletedKey(record[i].segment));
    for (size_t k = 0; k < list.size(); ++k) entries.push_back({keys[k], record[list[k]].bitmap});
    if (Status written = volume->Write(entries, /*sync=*/true); !written.ok()) {
      saved = std::move(written);
    }
  }
  if (!recorded) return saved;
  if (!saved.ok()) {
    // It is decided: the next start writes what is missing.
    log::Warn("deletion_unfinished", {{"error", saved.ToString()}});
    return {};
  }
  return recorded_in->Delete({&record_key, 1}, /*sync=*/false);
}

}  // namespace

SpanStore::WantedSpans SpanStore::Wanted(std::span<const TraceDeletion> what) {
  WantedSpans wanted;
  for (const TraceDeletion& one : what) {
    const auto [it, added] = wanted.try_emplace(one.trace);
    // The whole trace, if any entry says so.
    if (!added && it->second.empty()) continue;
    if (one.spans.empty()) it->second.clear();
    it->second.insert(one.spans.begin(), one.spans.end());
  }
  return wanted;
}

// Calls `visit` for each segment that may have some of `wanted`, with what it may have.
Status SpanStore::ForEachWanted(const SegmentSet& segments, const WantedSpans& wanted,
                                const WantedVisitor& visit) const {
  std::vector<TraceId> ids;
  for (const auto& [id, spans] : wanted) ids.push_back(id);
  std::map<const StoredSegment*, WantedSpans> by_segment;
  segments.FindTraces(ids, *cache_, [&](size_t i, const StoredSegment& segment) {
    by_segment[&segment].insert(*wanted.find(ids[i]));
  });
  for (const auto& [segment, of_segment] : by_segment) {
    if (segment->damaged()) continue;
    TOCSIN_ASSIGN_OR_RETURN(const auto reader, segment->OpenReader(cache_));
    TOCSIN_RETURN_IF_ERROR(visit(*segment, *reader, of_segment));
  }
  return {};
}

// Sets the rows that are wanted and says how many were not set before.
Result<uint64_t> SpanStore::SetWanted(const SegmentReader& reader, const WantedSpans& wanted,
                                      traceql::Bitmap* rows) {
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, reader.Traces());
  TOCSIN_ASSIGN_OR_RETURN(const auto trace_of_row, reader.TraceOfRow());
  uint64_t set = 0;
  for (const auto& [id, spans] : wanted) {
    const auto it = std::ranges::lower_bound(traces, id);
    if (it == traces.end() || *it != id) continue;
    const auto trace = static_cast<uint32_t>(it - traces.begin());
    TOCSIN_ASSIGN_OR_RETURN(const auto span_ids, reader.SpanIds());
    const auto range = std::ranges::equal_range(trace_of_row, trace);
    const auto first = static_cast<uint32_t>(range.begin() - trace_of_row.begin());
    for (uint32_t row = first; row < first + range.size(); ++row) {
      if (rows->Test(row) || (!spans.empty() && !spans.contains(span_ids[row]))) continue;
      rows->Set(row);
      ++set;
    }
  }
  return set;
}

Result<uint64_t> SpanStore::Delete(std::string_view tenant, std::span<const TraceDeletion> what) {
  const WantedSpans wanted = Wanted(what);
  const std::lock_guard lock(seal_mutex_);
  TOCSIN_ASSIGN_OR_RETURN(const auto segments, SealForDeletion(tenant, &wanted));
  if (segments == nullptr) return 0;
  std::vector<Hiding> hidings;
  uint64_t hidden = 0;
  TOCSIN_RETURN_IF_ERROR(ForEachWanted(
      *segments, wanted,
      [&](const StoredSegment& segment, const SegmentReader& reader,
          const WantedSpans& of_segment) -> Status {
        const auto deleted = segment.marks().deleted();
        auto rows = deleted == nullptr ? std::make_shared<traceql::Bitmap>(reader.rows())
                                       : std::make_shared<traceql::Bitmap>(*deleted);
        TOCSIN_ASSIGN_OR_RETURN(const uint64_t added, SetWanted(reader, of_segment, rows.get()));
        hidden += added;
        if (added > 0) hidings.push_back({&segment, std::move(rows)});
        return {};
      }));
  if (hidings.empty()) return 0;
  TOCSIN_RETURN_IF_ERROR(Save(hidings));
  for (const Hiding& hiding : hidings) hiding.segment->marks().SetDeleted(hiding.rows);
  {
    const std::lock_guard live_lock(mutex_);
    LiveTraces& live = TenantLocked(tenant).live;
    for (const auto& [id, spans] : wanted) live.ForgetSealedBytes(id);
  }
  deleted_rows_.Add(static_cast<double>(hidden));
  log::Info("spans_deleted",
            {{"tenant", tenant}, {"traces", uint64_t{wanted.size()}}, {"spans", hidden}});
  return hidden;
}

// Under seal_mutex_. The tenant's segments, with every row of the traces (null: of all) that was
// received so far.
Result<std::shared_ptr<const SegmentSet>> SpanStore::SealForDeletion(std::string_view tenant,
                                                                     const WantedSpans* wanted) {
  const Nanos now = clock_.Now();
  LogPosition target = 0;
  {
    // Everything that has a position now is in the live set once this lock was held.
    const std::lock_guard append_lock(append_mutex_);
    target = log_->last_position();
  }
  TOCSIN_RETURN_IF_ERROR(FinishSealing(now));
  bool live = false;
  {
    const std::lock_guard lock(mutex_);
    const auto it = tenants_.find(tenant);
    if (it == tenants_.end()) return nullptr;
    const LiveTraces& unsealed = it->second->live;
    if (wanted == nullptr) {
      live = !unsealed.empty();
    } else {
      for (const auto& [id, spans] : *wanted) live = live || unsealed.IsLive(id);
    }
  }
  if (live) TOCSIN_RETURN_IF_ERROR(SealUpTo(std::string(tenant), target, now));
  const std::lock_guard lock(mutex_);
  return TenantLocked(tenant).segments;
}

// Repeats what a crash left undone.
void SpanStore::FinishDeletions(const SegmentList& segments) const {
  std::unordered_map<uint64_t, const StoredSegment*> by_number;
  for (const auto& segment : segments) by_number[segment->stub().number] = segment.get();
  for (const auto& volume : volumes_->volumes()) {
    if (volume->volume() == nullptr || volume->volume()->read_only()) continue;
    std::vector<std::pair<std::string, std::string>> records;
    const Status scanned =
        volume->volume()->Scan(kDeletionPrefix, [&](std::string_view key, std::string_view value) {
          records.emplace_back(key, value);
          return true;
        });
    if (!scanned.ok()) continue;  // LoadSegments has told of it.
    for (const auto& [key, value] : records) {
      const Status done = FinishDeletion(value, by_number);
      const Status removed = done.ok() ? volume->volume()->Delete({&key, 1}, /*sync=*/false) : done;
      if (!removed.ok()) log::Error("deletion_unfinished", {{"error", removed.ToString()}});
    }
  }
}

Status SpanStore::FinishDeletion(
    std::string_view record, const std::unordered_map<uint64_t, const StoredSegment*>& by_number) {
  TOCSIN_ASSIGN_OR_RETURN(const auto deletions, DecodeDeletion(record));
  // Where one segment cannot be marked for good the others still are.
  Status first;
  for (const SegmentDeletion& deletion : deletions) {
    const auto it = by_number.find(deletion.segment);
    if (it == by_number.end()) continue;  // Gone with its volume.
    const Status done = FinishDeletion(deletion, *it->second);
    if (first.ok()) first = done;
  }
  return first;
}

Status SpanStore::FinishDeletion(const SegmentDeletion& deletion, const StoredSegment& segment) {
  TOCSIN_ASSIGN_OR_RETURN(traceql::Bitmap rows,
                          DecodeDeleted(deletion.bitmap, segment.stub().rows));
  if (const auto known = segment.marks().deleted()) rows.Or(*known);
  segment.marks().SetDeleted(std::make_shared<const traceql::Bitmap>(rows));
  return segment.volume()->volume()->Put(DeletedKey(deletion.segment), EncodeDeleted(rows),
                                         /*sync=*/true);
}

}  // namespace tocsin::storage
