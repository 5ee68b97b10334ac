#include "storage/series/sample_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "cpp/base/log.h"
#include "cpp/lib/compression.h"

namespace tocsin::storage {
namespace {

constexpr std::string_view kMagic{"tsclog\0", 7};
constexpr char kVersion = 2;  // Version 1 is read: its records stand as they are.
constexpr size_t kHeaderBytes = 16;
constexpr size_t kRecordHeaderBytes = 8;
constexpr std::string_view kSuffix = ".log";
constexpr uint32_t kMaxRecordBytes = 1U << 30;

// Magic and version, the low half of the segment's number, and a checksum of all: a file that was
// copied under another name is not taken for it.
std::string SegmentHeader(uint64_t number, char version) {
  std::string header(kMagic);
  header.push_back(version);
  PutFixed32(&header, static_cast<uint32_t>(number));
  PutFixed32(&header, Crc32c(header));
  return header;
}

std::optional<uint64_t> NumberOf(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

/// The version of the segment; nullopt if it does not begin as one of that number.
std::optional<char> VersionOf(std::string_view bytes, uint64_t number) {
  for (char version = 1; version <= kVersion; ++version) {
    if (bytes.starts_with(SegmentHeader(number, version))) return version;
  }
  return std::nullopt;
}

// A payload of version 2 begins with how its record is packed.
enum Packing : char { kPlain = 0, kZstd = 1 };
constexpr size_t kMinPacked = 256;  // Less gains nothing.
constexpr int kZstdLevel = 1;

std::string Pack(const std::string& record) {
  std::string payload;
  if (record.size() >= kMinPacked) {
    const std::string packed = lib::ZstdCompress(record, kZstdLevel);
    if (packed.size() < record.size()) {
      payload.reserve(packed.size() + 1);
      payload.push_back(kZstd);
      return payload += packed;
    }
  }
  payload.reserve(record.size() + 1);
  payload.push_back(kPlain);
  return payload += record;
}

/// Unpacks and decodes the payload of a segment of that version.
Result<SampleLogRecord> DecodePayload(std::string_view payload, char version,
                                      SampleLogDecoder* decoder) {
  if (version == 1) return decoder->Decode(payload);
  if (payload.empty()) return CorruptionError("sample log: an empty record");
  const char packing = payload.front();
  payload.remove_prefix(1);
  if (packing == kPlain) return decoder->Decode(payload);
  if (packing != kZstd) return CorruptionError("sample log: a record of an unknown packing");
  TOCSIN_ASSIGN_OR_RETURN(const std::string record, lib::ZstdDecompress(payload, kMaxRecordBytes));
  return decoder->Decode(record);
}

/// The payload of the record at the front of `bytes`; nullopt if there is no whole, sound record.
std::optional<std::string_view> RecordAt(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const uint32_t size = DecodeFixed32(bytes.data());
  const uint32_t crc = DecodeFixed32(bytes.data() + 4);
  if (size > bytes.size() - kRecordHeaderBytes) return std::nullopt;
  const std::string_view payload = bytes.substr(kRecordHeaderBytes, size);
  return Crc32c(payload) == crc ? std::optional(payload) : std::nullopt;
}

/// As it stands in a segment.
std::string Framed(const std::string& payload) {
  std::string record;
  record.reserve(kRecordHeaderBytes + payload.size());
  PutFixed32(&record, static_cast<uint32_t>(payload.size()));
  PutFixed32(&record, Crc32c(payload));
  return record += payload;
}

/// What is in `all` beyond `seen`.
SampleTally Beyond(const SampleTally& all, const SampleTally& seen) {
  const auto less = [](uint64_t a, uint64_t b) { return a > b ? a - b : 0; };
  return {less(all.samples, seen.samples), less(all.histograms, seen.histograms),
          less(all.exemplars, seen.exemplars)};
}

/// Gives the records of a segment to `visit` as far as they are sound; the bytes that they take,
/// the header included. 0: not even the header is sound.
size_t ReadSegment(std::string_view bytes, uint64_t number, const SampleLog::Visitor& visit) {
  const std::optional<char> version = VersionOf(bytes, number);
  if (!version.has_value()) return 0;
  size_t end = kHeaderBytes;
  SampleLogDecoder decoder(static_cast<uint8_t>(*version));
  while (const auto payload = RecordAt(bytes.substr(end))) {
    Result<SampleLogRecord> record = DecodePayload(*payload, *version, &decoder);
    if (!record.has_value()) break;
    if (visit) visit(*std::move(record));
    end += kRecordHeaderBytes + payload->size();
  }
  return end;
}

/// Ascending.
Result<std::vector<uint64_t>> ListSegments(const std::string& directory) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(directory));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = NumberOf(name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string FileName(uint64_t number) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%08llu.log", static_cast<unsigned long long>(number));
  return name.data();
}

}  // namespace

std::string SampleLog::PathOf(uint64_t number) const {
  return options_.directory + "/" + FileName(number);
}

Result<std::shared_ptr<SampleLog>> SampleLog::Open(Options options, uint64_t first,
                                                   const Visitor& visit) {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(options.directory));
  std::shared_ptr<SampleLog> log(new SampleLog(std::move(options)));
  TOCSIN_RETURN_IF_ERROR(log->Recover(first, visit));
  return log;
}

Status SampleLog::Recover(uint64_t first, const Visitor& visit) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListSegments(options_.directory));
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
  const size_t end = ReadSegment(bytes, number, [&](SampleLogRecord&& record) {
    Count(record);
    if (visit && !record.before.has_value()) visit(std::move(record));
  });
  if (last && end <= kHeaderBytes) {  // Begun, and nothing written: begin it again.
    current_ = std::min(current_, number - 1);
    return RemoveFile(path);
  }
  if (end < bytes.size() && last) {
    log::Warn("sample log: cut off a torn end",
              {{"file", path}, {"bytes", uint64_t{bytes.size() - end}}});
    if (::truncate(path.c_str(), static_cast<off_t>(end)) != 0) {
      return FileError(errno, "truncate " + path);
    }
  } else if (end < bytes.size()) {
    ++damaged_segments_;
    log::Error("sample log: a segment is damaged; what follows in it is lost",
               {{"file", path}, {"offset", uint64_t{end}}});
  }
  segments_[number] = {end, options_.clock->Now()};
  counted_ = number;
  return {};
}

// The last segment may never have been begun: then the one before knows the tally.
Status SampleLog::CountLast() {
  if (segments_.empty() || segments_.rbegin()->first == counted_) return {};
  const uint64_t number = segments_.rbegin()->first;
  TOCSIN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(PathOf(number)));
  ReadSegment(bytes, number, [this](const SampleLogRecord& record) { Count(record); });
  return {};
}

Result<std::vector<SampleLog::SegmentCheck>> SampleLog::Check(const std::string& directory) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListSegments(directory));
  std::vector<SegmentCheck> checks;
  for (const uint64_t number : numbers) {
    SegmentCheck check;
    check.file = FileName(number);
    check.last = number == numbers.back();
    TOCSIN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(directory + "/" + check.file));
    check.bytes = bytes.size();
    check.sound_bytes = ReadSegment(bytes, number, [&](SampleLogRecord&& record) {
      if (!record.before.has_value()) ++check.records;
      check.samples += record.samples.size() + record.histograms.size();
    });
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
      SegmentHeader(next, kVersion) + Framed(Pack(SampleLogEncoder::Encode(tally_)));
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
  if (payload.size() > kMaxRecordBytes) {
    return ResourceExhaustedError("sample log: too many samples in one append");
  }
  const std::string record = Framed(payload);
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
      EndRecord(Pack(encoder_.Encode(batch, min_time, labels_of)),
                {batch.samples.size(), batch.histograms.size(), batch.exemplars.size()});
  written.ok() ? encoder_.Commit() : encoder_.Rollback();
  return written;
}

Status SampleLog::Append(const Tombstone& deletion) {
  TOCSIN_RETURN_IF_ERROR(BeginRecord());
  return EndRecord(Pack(SampleLogEncoder::Encode(deletion)), {});
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

/// Follows the log record by record; private to this file, made by SampleLog::NewReader.
class SampleLogReader : public SampleReader {
 public:
  SampleLogReader(std::shared_ptr<SampleLog> log, const LogPosition& from, SampleLog::Define define,
                  std::shared_ptr<SampleLog::Need> need)
      : log_(std::move(log)), define_(std::move(define)), need_(std::move(need)), position_(from) {}

  Result<Run> Next(size_t max_items) override {
    Run run;
    while (Items(run) < max_items) {
      if (!record_.has_value()) {
        TOCSIN_ASSIGN_OR_RETURN(const bool found, ReadRecord(&run));
        if (!found) break;
      }
      Take(max_items, &run);
    }
    return run;
  }

  LogPosition position() const override { return position_; }

  void Release(const LogPosition& position) override { need_->store(position.segment); }

 private:
  static size_t Items(const Run& run) {
    return run.samples.size() + run.histograms.size() + run.exemplars.size();
  }

  /// Moves items of the record at hand to the run; with the last of them the record is done.
  void Take(size_t max_items, Run* run) {
    const size_t samples = record_->samples.size();
    const size_t histograms = samples + record_->histograms.size();
    const size_t items = record_->items();
    std::optional<SampleTally>& before = position_.before;
    while (position_.index < items && Items(*run) < max_items) {
      if (position_.index < samples) {
        run->samples.push_back(record_->samples[position_.index]);
        if (before.has_value()) ++before->samples;
      } else if (position_.index < histograms) {
        run->histograms.push_back(std::move(record_->histograms[position_.index - samples]));
        if (before.has_value()) ++before->histograms;
      } else {
        run->exemplars.push_back(std::move(record_->exemplars[position_.index - histograms]));
        if (before.has_value()) ++before->exemplars;
      }
      ++position_.index;
    }
    if (position_.index < items) return;
    record_.reset();
    position_ = {position_.segment, record_end_, 0, before};
  }

  /// Reads the record at the position; false if there is none yet.
  Result<bool> ReadRecord(Run* run) {
    while (true) {
      const auto segment = log_->SegmentFrom(position_.segment);
      if (!segment.has_value()) return false;
      const auto& [number, end] = *segment;
      if (number != opened_) TOCSIN_RETURN_IF_ERROR(OpenSegment(number, run));
      if (position_.offset < end) {
        TOCSIN_ASSIGN_OR_RETURN(const bool found, Decode(end));
        if (found) {
          if (record_->before.has_value()) Compare(*record_->before, run);
          return true;
        }
        run->gap = true;  // Damaged: what follows in this segment cannot be read.
      }
      if (!log_->SegmentFrom(number + 1).has_value()) return false;
      position_ = {number + 1, 0, 0, position_.before};
    }
  }

  /// The segment tells what was appended before it: what of that was not read is lost.
  void Compare(const SampleTally& before, Run* run) {
    if (position_.before.has_value()) {
      run->lost += Beyond(before, *position_.before);
      run->gap = run->gap || run->lost != SampleTally();
    }
    position_.before = before;
  }

  /// Opens the segment and decodes up to the position, for the state that records build on.
  Status OpenSegment(uint64_t number, Run* run) {
    if (number != position_.segment) {
      // Numbers have no gaps: the reader's own segment was trimmed, unless it had none yet.
      run->gap = run->gap || position_.segment != 0;
      position_ = {number, 0, 0, position_.before};
    }
    const std::string path = log_->PathOf(number);
    TOCSIN_ASSIGN_OR_RETURN(file_, OpenFile(path, O_RDONLY));
    TOCSIN_ASSIGN_OR_RETURN(const std::string header, ReadAt(file_.get(), 0, kHeaderBytes, path));
    opened_ = number;
    version_ = VersionOf(header, number).value_or('\0');
    decoder_ = SampleLogDecoder(static_cast<uint8_t>(version_));
    const LogPosition target = position_;
    position_.offset = kHeaderBytes;
    std::optional<SampleTally> before;
    const uint64_t end = log_->SegmentFrom(number)->second;
    while (position_.offset < std::min(target.offset, end)) {
      TOCSIN_ASSIGN_OR_RETURN(const bool found, Decode(end));
      if (!found) break;
      if (record_->before.has_value()) before = record_->before;
      if (before.has_value()) *before += record_->tally();
      record_.reset();
      position_.offset = record_end_;
    }
    position_.index = position_.offset == target.offset ? target.index : 0;
    const bool told = target.before.has_value() && position_.offset == target.offset;
    if (target.offset > 0 && !told) {
      position_.before = position_.index == 0 ? before : std::nullopt;
    }
    return {};
  }

  /// Decodes the record at the position's offset; false if it is damaged.
  Result<bool> Decode(uint64_t end) {
    if (version_ == '\0') return false;
    const std::string path = log_->PathOf(opened_);
    TOCSIN_ASSIGN_OR_RETURN(const std::string header,
                            ReadAt(file_.get(), position_.offset, kRecordHeaderBytes, path));
    if (header.size() < kRecordHeaderBytes) return false;
    const uint64_t size = kRecordHeaderBytes + uint64_t{DecodeFixed32(header.data())};
    if (size > end - position_.offset) return false;
    TOCSIN_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadAt(file_.get(), position_.offset, size, path));
    const auto payload = RecordAt(bytes);
    if (!payload.has_value()) return false;
    Result<SampleLogRecord> record = DecodePayload(*payload, version_, &decoder_);
    if (!record.has_value()) return false;
    for (const auto& [series, labels] : record->definitions) define_(series, labels);
    record_ = *std::move(record);
    record_end_ = position_.offset + size;
    return true;
  }

  std::shared_ptr<SampleLog> log_;
  SampleLog::Define define_;
  std::shared_ptr<SampleLog::Need> need_;
  LogPosition position_;
  FileDescriptor file_;
  uint64_t opened_ = 0;
  char version_ = '\0';  ///< Of the segment; 0: its header is damaged.
  SampleLogDecoder decoder_;
  std::optional<SampleLogRecord> record_;  ///< The one at the position.
  uint64_t record_end_ = 0;
};

std::unique_ptr<SampleReader> SampleLog::NewReader(const std::optional<LogPosition>& from,
                                                   Define define) {
  const std::lock_guard lock(mutex_);
  LogPosition position{current_ + 1, 0, 0, tally_};
  if (from.has_value() && from->segment <= current_) {
    position = *from;
  } else if (const auto last = segments_.find(current_); last != segments_.end()) {
    position = {current_, last->second.end, 0, tally_};
  }
  auto need = std::make_shared<Need>(position.segment);
  needs_.push_back(need);
  return std::make_unique<SampleLogReader>(shared_from_this(), position, std::move(define),
                                           std::move(need));
}

}  // namespace tocsin::storage
