// Reading the sample log while it is written: a SampleReader for SampleLog::NewReader.

#include <algorithm>
#include <utility>

#include <fcntl.h>

#include "cpp/base/coding.h"
#include "storage/series/log_segment.h"
#include "storage/series/sample_log.h"

namespace tocsin::storage {
namespace {

/// What is in `all` beyond `seen`.
SampleTally Beyond(const SampleTally& all, const SampleTally& seen) {
  const auto less = [](uint64_t a, uint64_t b) { return a > b ? a - b : 0; };
  return {less(all.samples, seen.samples), less(all.histograms, seen.histograms),
          less(all.exemplars, seen.exemplars)};
}

}  // namespace

/// Follows the log record by record; made by SampleLog::NewReader.
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
          if (position_.index == 0 && record_->unknown != SampleTally()) Miss(run);
          return true;
        }
        run->gap = true;
        TOCSIN_RETURN_IF_ERROR(PassDamage(end));
        continue;
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

  /// Of the record at hand, what builds on records that are damaged.
  void Miss(Run* run) {
    run->gap = true;
    run->lost += record_->unknown;
    if (position_.before.has_value()) *position_.before += record_->unknown;
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
    TOCSIN_ASSIGN_OR_RETURN(const std::string header,
                            ReadAt(file_.get(), 0, kLogHeaderBytes, path));
    opened_ = number;
    version_ = LogVersionOf(header, number).value_or('\0');
    decoder_ = SampleLogDecoder(static_cast<uint8_t>(version_));
    const LogPosition target = position_;
    position_.offset = kLogHeaderBytes;
    std::optional<SampleTally> before;
    const uint64_t end = log_->SegmentFrom(number)->second;
    while (position_.offset < std::min(target.offset, end)) {
      TOCSIN_ASSIGN_OR_RETURN(const bool found, Decode(end));
      if (!found) {
        TOCSIN_RETURN_IF_ERROR(PassDamage(end));
        continue;
      }
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
                            ReadAt(file_.get(), position_.offset, kLogFrameBytes, path));
    if (header.size() < kLogFrameBytes) return false;
    const uint64_t size = kLogFrameBytes + uint64_t{DecodeFixed32(header.data())};
    if (size > end - position_.offset) return false;
    TOCSIN_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadAt(file_.get(), position_.offset, size, path));
    const auto payload = LogPayloadAt(bytes);
    if (!payload.has_value()) return false;
    Result<SampleLogRecord> record = DecodeLogPayload(*payload, version_, &decoder_);
    if (!record.has_value()) return false;
    for (const auto& [series, labels] : record->definitions) define_(series, labels);
    record_ = *std::move(record);
    record_end_ = position_.offset + size;
    return true;
  }

  /// Goes from a damaged place to the next whole record, or to the end of what is there.
  Status PassDamage(uint64_t end) {
    std::optional<size_t> next;
    if (version_ != '\0') {
      TOCSIN_ASSIGN_OR_RETURN(
          const std::string bytes,
          ReadAt(file_.get(), position_.offset, end - position_.offset, log_->PathOf(opened_)));
      next = FindLogRecord(bytes, 1, version_);
    }
    decoder_.LoseRecords();
    const uint64_t offset = next.has_value() ? position_.offset + *next : end;
    position_ = {position_.segment, offset, 0, position_.before};
    return {};
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
