/// The sample log: every Append as one checksummed record in a sequence of segment files, written
/// before the samples reach memory. It is what a restart replays, and what remote write reads.
///
/// A segment stands by itself (see log_record.h), so that damage in one does not reach the next.
/// Byte layout: storage/FORMAT.md, "Sample log".

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/model/ports.h"
#include "storage/series/log_record.h"
#include "storage/volume/files.h"

namespace tocsin::storage {

/// The writing side belongs to one thread at a time (the store's append lock); readers, sizes and
/// Trim may be used from others meanwhile.
class SampleLog : public std::enable_shared_from_this<SampleLog> {
 public:
  struct Options {
    std::string directory;
    /// A segment is closed when it is this large.
    size_t segment_bytes = size_t{8} << 20;
    /// fdatasync before every Append returns; otherwise only by Sync().
    bool sync_always = false;
    const Clock* clock = &Clock::Real();
  };

  /// Opens the directory, made if absent, and gives the records of the segments from `first` on to
  /// `visit`, oldest first. The torn end that a crash leaves in the last segment is cut off. Any
  /// other place that is no whole record is damage: it is logged, its segment is counted in
  /// damaged_segments() and left as it is, and the records behind it are given as far as they do
  /// not build on what is lost. Writing begins with a new segment.
  using Visitor = std::function<void(SampleLogRecord&&)>;
  static Result<std::shared_ptr<SampleLog>> Open(Options options, uint64_t first,
                                                 const Visitor& visit);

  /// What a segment holds as it lies there.
  struct SegmentCheck {
    std::string file;  ///< Its name.
    uint64_t records = 0;
    uint64_t samples = 0;  ///< Floats and histograms.
    uint64_t unknown = 0;  ///< Such in whole records that build on lost ones.
    uint64_t bytes = 0;
    uint64_t sound_bytes = 0;  ///< Of its header and whole records.
    bool damaged = false;      ///< False: if bytes are not sound, they are the end a crash leaves.
  };
  /// Reads every segment and changes nothing. No log is open on the directory.
  static Result<std::vector<SegmentCheck>> Check(const std::string& directory);

  /// Writes one record, all of it or nothing: after an error (kUnavailable, a full disk among the
  /// reasons) the log is as before, and a later Append may succeed.
  /// `min_time`: as of SampleLogRecord.
  Status Append(const SampleBatch& batch, Millis min_time,
                const SampleLogEncoder::LabelsOf& labels_of);
  /// The same for a deletion.
  Status Append(const Tombstone& deletion);

  /// Makes everything appended survive the loss of power.
  Status Sync();

  /// Closes the current segment and returns the number of the next: all that was appended so far
  /// lies before it. On an error nothing has changed.
  Result<uint64_t> Roll();

  /// Removes segments before `needed` that no open reader needs, or that are beyond the bounds on
  /// what is kept for readers: last written before `keep_since`, or too many bytes in all.
  Status Trim(uint64_t needed, Nanos keep_since, uint64_t keep_bytes);

  /// Bytes of all segments, and of those from `first` on.
  uint64_t Bytes() const { return BytesFrom(0); }
  uint64_t BytesFrom(uint64_t first) const;
  uint64_t damaged_segments() const { return damaged_segments_; }
  /// The first and the last segment that were replayed at the start; both 0 if there was none.
  std::pair<uint64_t, uint64_t> replayed() const { return replayed_; }

  /// A reader from `from` on; without it, of what will be appended from now on. `define` is told
  /// every definition that is read: the series may have left the head since. The reader keeps the
  /// log alive, and what it has not released from being trimmed within the bounds.
  using Define = std::function<void(SeriesId, const Labels&)>;
  std::unique_ptr<SampleReader> NewReader(const std::optional<tocsin::LogPosition>& from,
                                          Define define);

 private:
  friend class SampleLogReader;

  struct Segment {
    uint64_t end = 0;  ///< Bytes of whole records: readers go no further.
    Nanos last_write = 0;
  };
  /// The first segment that a reader needs. Shared with the reader.
  using Need = std::atomic<uint64_t>;

  explicit SampleLog(Options options) : options_(std::move(options)) {}

  Status Recover(uint64_t first, const Visitor& visit);
  Status CountLast();
  Status RecoverSegment(uint64_t number, bool last, const Visitor& visit);
  /// Rolls if the segment is full, and cuts off what a failed write left.
  Status BeginRecord();
  Status EndRecord(const std::string& payload, const SampleTally& added);
  void Count(const SampleLogRecord& record) {
    record.before.has_value() ? tally_ = *record.before : tally_ += record.tally();
  }
  Status WriteRecord(const std::string& record);
  Status CutTornTail();
  std::string PathOf(uint64_t number) const;
  /// The segment at or after `number`, and its readable end; nullopt if there is none.
  std::optional<std::pair<uint64_t, uint64_t>> SegmentFrom(uint64_t number) const;

  const Options options_;
  uint64_t damaged_segments_ = 0;
  std::pair<uint64_t, uint64_t> replayed_;
  uint64_t counted_ = 0;  ///< While it recovers: the last segment that the tally counts; 0: none.

  // The writing side.
  SampleLogEncoder encoder_;
  FileDescriptor file_;       ///< Of current_; not open before the first Append.
  uint64_t current_ = 0;      ///< The last segment there ever was. Changed with mutex_ held.
  uint64_t current_end_ = 0;  ///< Behind its last record.
  bool torn_tail_ = false;    ///< A failed write may have left bytes behind the last record.
  bool unsynced_ = false;

  mutable std::mutex mutex_;  ///< Guards those below.
  SampleTally tally_;         ///< Of all that was appended since the log began.
  std::map<uint64_t, Segment> segments_;
  std::vector<std::weak_ptr<Need>> needs_;
};

}  // namespace tocsin::storage
