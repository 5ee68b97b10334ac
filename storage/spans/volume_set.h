/// The sealed data of a store: a sequence of volumes, each a LevelDB directory with the segments of
/// some stretch of time. The last one is written to; it is rolled by age and size. Whole volumes
/// are removed, from the oldest, by age and by the size of the store. storage/FORMAT.md, "Directory
/// layout".

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "storage/spans/merge_record.h"
#include "storage/spans/segment.h"
#include "storage/spans/segment_marks.h"
#include "storage/spans/trace_index.h"
#include "storage/volume/volume.h"

namespace tocsin::storage {

/// One volume. Segments and views share it; a volume that was removed from its set deletes its
/// directory when the last of them lets go, so a running query never loses what it reads.
class StoredVolume {
 public:
  StoredVolume(uint64_t number, std::string path)
      : number_(number), path_(std::move(path)), index_(number) {}
  ~StoredVolume();
  StoredVolume(const StoredVolume&) = delete;
  StoredVolume& operator=(const StoredVolume&) = delete;

  uint64_t number() const { return number_; }
  const std::string& path() const { return path_; }

  /// Null for a volume that could not be opened.
  Volume* volume() const { return volume_.get(); }
  /// Of the traces of its segments. The store keeps it complete.
  TraceIndex& index() const { return index_; }
  /// Closed and put in order: nothing in it is merged any more.
  bool settled() const { return settled_.load(); }
  /// It leaves the disk with its last user. Not before all that outlives it has been copied: until
  /// then the next start finds it again.
  void RemoveWhenUnused() { remove_ = true; }

 private:
  friend class VolumeSet;

  const uint64_t number_;
  const std::string path_;
  mutable TraceIndex index_;
  std::unique_ptr<Volume> volume_;
  std::atomic<bool> remove_{false};
  // The set's own book-keeping, under the lock of the set's owner.
  Nanos created_ = 0;
  Nanos closed_ = 0;                  // 0: open for writing.
  uint64_t max_end_ = 0;              // Of all segments.
  uint64_t known_bytes_ = 0;          // As last measured.
  bool measured_settled_ = false;     // `known_bytes_` is of after `settled_`.
  std::atomic<bool> settled_{false};  // Closed and compacted: its size no longer changes.
};

/// A segment as the store knows it without reading. Shared by the store and its views; immutable
/// but for its marks and the mark of damage.
class StoredSegment : public std::enable_shared_from_this<StoredSegment> {
 public:
  StoredSegment(SegmentStub stub, std::string tenant, std::shared_ptr<StoredVolume> volume)
      : stub_(stub), tenant_(std::move(tenant)), volume_(std::move(volume)) {}

  const SegmentStub& stub() const { return stub_; }
  const std::string& tenant() const { return tenant_; }
  const std::shared_ptr<StoredVolume>& volume() const { return volume_; }
  SegmentMarks& marks() const { return marks_; }

  bool damaged() const { return damaged_.load(std::memory_order_relaxed); }
  /// Puts the segment aside: later views do not have it. Logs and counts the first time.
  void MarkDamaged(const Status& why, Counter& damaged_segments) const;
  /// The segment has lost a value filter or counts, and goes on without. Logs and counts the first
  /// time.
  void NoteDamagedShortcut(const Status& why, Counter& damaged_shortcuts) const;

  /// A reader of its own for each query.
  Result<std::shared_ptr<const SegmentReader>> OpenReader(std::shared_ptr<ColumnCache> cache) const;
  /// One that shows what is redacted.
  Result<std::shared_ptr<const SegmentReader>> OpenUnredacted(
      std::shared_ptr<ColumnCache> cache) const;

 private:
  const SegmentStub stub_;
  const std::string tenant_;
  const std::shared_ptr<StoredVolume> volume_;
  mutable SegmentMarks marks_;
  mutable std::atomic<bool> damaged_{false};
  mutable std::atomic<bool> shortcut_damaged_{false};
};

using SegmentList = std::vector<std::shared_ptr<const StoredSegment>>;

/// How a cap on the whole store divides. Everything follows from `max_bytes`; 0 means no cap.
struct StoreSizes {
  explicit StoreSizes(uint64_t max_bytes);

  uint64_t max_bytes;
  uint64_t volume_bytes;    ///< A volume is rolled at this.
  uint64_t log_bytes;       ///< The live log is relieved beyond this.
  uint64_t log_file_bytes;  ///< One file of it.
  /// Kept free of settled data, for what comes and goes: LevelDB's own log beside its first table,
  /// one compaction, one segment on its way.
  uint64_t reserve_bytes;
};

/// Not thread-safe: one sealing thread at a time. What it hands out may be used from any thread.
class VolumeSet {
 public:
  struct Options {
    std::string path;  ///< A directory; made if absent.
    StoreSizes sizes{0};
    Nanos retention = 720 * kHour;  ///< 0: for ever.
  };

  /// Opens all volumes. One that is damaged is opened read-only, or, where that fails too, left
  /// aside until retention comes to it; both are logged and counted.
  static Result<std::unique_ptr<VolumeSet>> Open(Options options, Nanos now, Telemetry& telemetry);

  /// Every segment found by Open(), by number. Handed out once.
  SegmentList TakeSegments() { return std::move(found_); }

  /// Segments that a merge has replaced and whose values are still in the volume: they are not
  /// shown, and to be removed when no view reads them any more.
  struct Replaced {
    std::shared_ptr<StoredVolume> volume;
    Merged merged;
  };
  /// Those found by Open(). Handed out once.
  std::vector<Replaced> TakeReplaced() { return std::move(replaced_); }

  /// Oldest first.
  const std::deque<std::shared_ptr<StoredVolume>>& volumes() const { return volumes_; }

  /// The number for the next segment; each call gives another.
  uint64_t NextSegmentNumber() { return next_segment_++; }
  /// Numbers below are not given any more, whatever the volumes have.
  void SkipSegmentNumbers(uint64_t below) { next_segment_ = std::max(next_segment_, below); }

  /// Writes the segments and their split marks in one synced batch, all or none, and adds them to
  /// the volume's index. After an error the same call may be repeated; that the first one may have
  /// worked in part does no harm.
  Result<std::vector<std::shared_ptr<const StoredSegment>>> Write(
      std::string_view tenant, const std::vector<SealedSegment>& segments, Nanos now);

  /// Writes `segments` (one or none; it gets the number merged.by) and the record of the merge in
  /// one synced batch: from then on the segments merged.replaced of that volume count as gone.
  Result<SegmentList> WriteReplacing(const std::shared_ptr<StoredVolume>& volume,
                                     std::string_view tenant, std::vector<SealedSegment>* segments,
                                     const Merged& merged);
  /// Removes the values and marks of these segments and the record, in one batch. May run on any
  /// thread.
  static Status RemoveSegments(StoredVolume& volume, const Merged& merged);

  /// Takes out the volumes whose newest span ended longer than the retention ago (a span whose end
  /// lies outside of the time in which its volume was written counts as ending at the edge of that
  /// time), and then the oldest ones for as long as they and `other_bytes` (the live log) leave
  /// less than `wanted_bytes` and the reserve under the cap. Their segments are no longer to be
  /// shown. `may_go` is asked before each: one that is old waits for it, and those after it; the
  /// cap does not.
  std::vector<std::shared_ptr<StoredVolume>> Retain(
      Nanos now, uint64_t other_bytes, uint64_t wanted_bytes,
      const std::function<bool(const StoredVolume&)>& may_go);

  /// Closes the volume that is written to if it is full or old.
  void RollIfDue(Nanos now, uint64_t wanted_bytes);

  /// A closed volume that is to be compacted; null if there is none. Each is given once.
  std::shared_ptr<StoredVolume> TakeUncompacted();
  /// Compacts it. May run on any thread while the set is used.
  static void Compact(StoredVolume& volume);

  /// Bytes on disk, those of removed volumes that a view still holds included.
  uint64_t DiskBytes();
  size_t size() const { return volumes_.size(); }

 private:
  VolumeSet(Options options, Telemetry& telemetry);

  Status OpenExisting(uint64_t number, Nanos now);
  void LoadSegments(const std::shared_ptr<StoredVolume>& volume);
  void LoadMarks(const std::shared_ptr<StoredVolume>& volume, SegmentList* segments);
  void DropReplaced(const std::shared_ptr<StoredVolume>& volume, SegmentList* segments);
  Status OpenNext(Nanos now);
  void Close(const std::shared_ptr<StoredVolume>& volume, Nanos now);
  bool Expired(size_t index, Nanos now) const;
  std::shared_ptr<StoredVolume> RemoveOldest(Nanos now, std::string_view reason);
  StoredVolume* writable() const;
  Volume::Options VolumeOptions() const;
  Nanos VolumeDuration() const;

  const Options options_;
  Telemetry& telemetry_;
  Counter& damaged_volumes_;
  Counter& damaged_segments_;
  std::deque<std::shared_ptr<StoredVolume>> volumes_;  // Oldest first.
  std::vector<std::weak_ptr<StoredVolume>> leaving_;   // Removed, perhaps still held by a view.
  std::deque<std::shared_ptr<StoredVolume>> uncompacted_;
  SegmentList found_;
  std::vector<Replaced> replaced_;
  uint64_t next_volume_ = 1;
  uint64_t next_segment_ = 1;
};

}  // namespace tocsin::storage
