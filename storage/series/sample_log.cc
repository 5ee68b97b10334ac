#include "storage/series/sample_log.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "cpp/base/log.h"
#include "storage/series/log_segment.h"

namespace tocsin::storage {
namespace {

// Takes off what a crash left behind the last record.
Status CutTornEnd(const std::string& path, uint64_t end, uint64_t bytes) {
  log::Warn("sample log: cut off a torn end", {{"file", path}, {"bytes", bytes - end}});
  if (::truncate(path.c_str(), static_cast<off_t>(end)) == 0) return {};
  return FileError(errno, "truncate " + path);
}

}  // namespace

std::string SampleLog::PathOf(uint64_t number) const {
  return options_.directory + "/" + LogFileName(number);
}

Result<std::shared_ptr<SampleLog>> SampleLog::Open(Options options, uint64_t first,
                                                   const Visitor& visit) {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(options.directory));
  std::shared_ptr<SampleLog> log(new SampleLog(std::move(options)));
  TOCSIN_RETURN_IF_ERROR(log->Recover(first, visit));
  return log;
}

Status SampleLog::Recover(uint64_t first, const Visitor& visit) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListLogSegments(options_.directory));
  if (!numbers.empty()) current_ = numbers.back();
  for (const uint64_t number : numbers) {
    TOCSIN_RETURN_IF_ERROR(
        RecoverSegment(number, number == numbers.back(), number >= first ? visit : Visitor()));
  }
  TOCSIN_RETURN_IF_ERROR(CountLast());
  // Numbers are not used again, also when all files of the log are lost: positions stay unique.
  current_ = std::max(current_ + 1, first) - 1;
  return {};
}

Status SampleLog::RecoverSegment(uint64_t number, bool last, const Visitor& visit) {
  const std::string path = PathOf(number);
  TOCSIN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  if (!visit && !last) {  // Only readers want it, and they check for themselves.
    segments_[number] = {bytes.size(), options_.clock->Now()};
    return {};
  }
  if (visit) replayed_ = {replayed_.first == 0 ? number : replayed_.first, number};
  const LogSegmentState state = ReadLogSegment(bytes, number, [&](SampleLogRecord&& record) {
    Count(record);
    if (visit && !record.before.has_value()) visit(std::move(record));
  });
  if (state.end > kLogHeaderBytes) counted_ = number;
  const bool whole = state.losses == 0 && state.end == bytes.size();
  if (!whole && (state.damaged() || !last)) {
    ++damaged_segments_;
    log::Error(
        "sample log: a segment is damaged; it stays as it is and is read as far as it can be",
        {{"file", path},
         {"lost_bytes", uint64_t{state.lost + bytes.size() - state.end}},
         {"damaged_places", state.losses + (state.end < bytes.size() ? 1 : 0)}});
    segments_[number] = {bytes.size(), options_.clock->Now()};
    return {};
  }
  if (last && state.end <= kLogHeaderBytes) {  // Begun, and nothing written: begin it again.
    current_ = std::min(current_, number - 1);
    return RemoveFile(path);
  }
  if (!whole) TOCSIN_RETURN_IF_ERROR(CutTornEnd(path, state.end, bytes.size()));
  segments_[number] = {state.end, options_.clock->Now()};
  return {};
}

// The last segments may never have been begun, or be damaged: then one before knows the tally.
Status SampleLog::CountLast() {
  for (auto it = segments_.rbegin(); it != segments_.rend() && counted_ == 0; ++it) {
    TOCSIN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(PathOf(it->first)));
    const LogSegmentState state =
        ReadLogSegment(bytes, it->first, [this](const SampleLogRecord& record) { Count(record); });
    if (state.end > kLogHeaderBytes) counted_ = it->first;
  }
  return {};
}

Result<std::vector<SampleLog::SegmentCheck>> SampleLog::Check(const std::string& directory) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListLogSegments(directory));
  std::vector<SegmentCheck> checks;
  for (const uint64_t number : numbers) {
    SegmentCheck check;
    check.file = LogFileName(number);
    TOCSIN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(directory + "/" + check.file));
    check.bytes = bytes.size();
    const LogSegmentState state = ReadLogSegment(bytes, number, [&](SampleLogRecord&& record) {
      if (!record.before.has_value()) ++check.records;
      check.samples += record.samples.size() + record.histograms.size();
      check.unknown += record.unknown.samples + record.unknown.histograms;
    });
    check.sound_bytes = state.end - state.lost;
    const bool last = number == numbers.back();
    check.damaged = state.damaged() || (!last && state.end < bytes.size());
    checks.push_back(std::move(check));
  }
  return checks;
}

Status SampleLog::CutTornTail() {
  if (!torn_tail_) return {};
  if (::ftruncate(file_.get(), static_cast<off_t>(current_end_)) != 0) {
    return FileError(errno, "truncate " + PathOf(current_));
  }
  torn_tail_ = false;
  return {};
}

Status SampleLog::Sync() {
  if (!unsynced_) return {};
  if (::fdatasync(file_.get()) != 0) return FileError(errno, "sync " + PathOf(current_));
  unsynced_ = false;
  return {};
}

Result<uint64_t> SampleLog::Roll() {
  if (file_.valid()) {
    TOCSIN_RETURN_IF_ERROR(CutTornTail());
    TOCSIN_RETURN_IF_ERROR(Sync());
  }
  const uint64_t next = current_ + 1;
  const std::string path = PathOf(next);
  // Truncated: an earlier try may have left a file.
  TOCSIN_ASSIGN_OR_RETURN(FileDescriptor file,
                          OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND));
  const std::string begin =
      LogHeader(next) + FrameLogPayload(PackLogRecord(SampleLogEncoder::Encode(tally_)));
  Status begun = WriteAll(file.get(), begin, path);
  if (begun.ok()) begun = SyncDirectory(options_.directory);
  if (!begun.ok()) {
    // Best effort: what stays is an empty segment, which the next try or start takes over.
    static_cast<void>(RemoveFile(path));
    return Failure(begun);
  }
  const std::lock_guard lock(mutex_);
  file_ = std::move(file);
  current_ = next;
  current_end_ = begin.size();
  segments_[next] = {current_end_, options_.clock->Now()};
  encoder_.BeginSegment();
  return next;
}

Status SampleLog::WriteRecord(const std::string& record) {
  torn_tail_ = true;
  TOCSIN_RETURN_IF_ERROR(WriteAll(file_.get(), record, PathOf(current_)));
  unsynced_ = true;
  if (options_.sync_always) TOCSIN_RETURN_IF_ERROR(Sync());
  torn_tail_ = false;
  return {};
}

Status SampleLog::BeginRecord() {
  if (!file_.valid() || current_end_ >= options_.segment_bytes) {
    if (auto rolled = Roll(); !rolled.has_value()) return Failure(std::move(rolled).error());
  }
  return CutTornTail();
}

Status SampleLog::EndRecord(const std::string& payload, const SampleTally& added) {
  if (payload.size() > kMaxLogRecordBytes) {
    return ResourceExhaustedError("sample log: too many samples in one append");
  }
  const std::string record = FrameLogPayload(payload);
  if (Status written = WriteRecord(record); !written.ok()) {
    // At once if possible, so that nothing unacknowledged is found after a crash.
    static_cast<void>(CutTornTail());
    return written;
  }
  current_end_ += record.size();
  const std::lock_guard lock(mutex_);
  segments_[current_] = {current_end_, options_.clock->Now()};
  tally_ += added;
  return {};
}

Status SampleLog::Append(const SampleBatch& batch, Millis min_time,
                         const SampleLogEncoder::LabelsOf& labels_of) {
  TOCSIN_RETURN_IF_ERROR(BeginRecord());
  const Status written =
      EndRecord(PackLogRecord(encoder_.Encode(batch, min_time, labels_of)),
                {batch.samples.size(), batch.histograms.size(), batch.exemplars.size()});
  written.ok() ? encoder_.Commit() : encoder_.Rollback();
  return written;
}

Status SampleLog::Append(const Tombstone& deletion) {
  TOCSIN_RETURN_IF_ERROR(BeginRecord());
  return EndRecord(PackLogRecord(SampleLogEncoder::Encode(deletion)), {});
}

Status SampleLog::Trim(uint64_t needed, Nanos keep_since, uint64_t keep_bytes) {
  std::vector<uint64_t> doomed;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(needs_, [](const auto& need) { return need.expired(); });
    uint64_t wanted = needed;
    for (const auto& weak : needs_) {
      if (const auto need = weak.lock()) wanted = std::min(wanted, need->load());
    }
    uint64_t bytes = 0;
    for (const auto& [number, segment] : segments_) bytes += segment.end;
    for (auto it = segments_.begin(); it != segments_.end() && it->first < needed;) {
      const Segment& segment = it->second;
      if (it->first >= wanted && segment.last_write >= keep_since && bytes <= keep_bytes) break;
      bytes -= segment.end;
      doomed.push_back(it->first);
      it = segments_.erase(it);
    }
  }
  for (const uint64_t number : doomed) TOCSIN_RETURN_IF_ERROR(RemoveFile(PathOf(number)));
  return {};
}

uint64_t SampleLog::BytesFrom(uint64_t first) const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (auto it = segments_.lower_bound(first); it != segments_.end(); ++it) bytes += it->second.end;
  return bytes;
}

std::optional<std::pair<uint64_t, uint64_t>> SampleLog::SegmentFrom(uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto it = segments_.lower_bound(number);
  if (it == segments_.end()) return std::nullopt;
  return std::pair(it->first, it->second.end);
}

}  // namespace tocsin::storage
