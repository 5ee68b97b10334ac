/// The live log: what has been acknowledged and is not sealed yet, as a sequence of append-only
/// files. It is written in one order, dropped whole file by whole file from its old end, and never
/// rewritten. Bytes: storage/FORMAT.md, "Live log". Why files: docs/decisions/0001-live-log.md.
///
/// Failures. A torn tail (the last record of a killed process) is cut off by Recover(). A damaged
/// record in the middle is skipped, and reading goes on at the next valid one; both are logged and
/// counted, neither stops the process. A write that fails or is cut short (a full disk) leaves no
/// trace: the file is cut back, Append() answers kUnavailable, and works again when the disk does.
/// When a sync fails, what it should have made durable is written once more to a new file.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "storage/spans/log_format.h"
#include "storage/spans/recent_requests.h"
#include "storage/volume/files.h"

namespace tocsin::storage {

/// What an acknowledgement survives besides the death of the process.
enum class LogSync : uint8_t {
  kAlways,    ///< Loss of power: WaitDurable() waits for the disk; many waiters share one sync.
  kInterval,  ///< Loss of power, but for the last interval.
};

struct LiveLogOptions {
  std::string path;  ///< A directory; made if absent.
  LogSync sync = LogSync::kInterval;
  Nanos sync_interval = 100 * kMillisecond;
  /// A new file is begun when one has reached this.
  uint64_t file_bytes = uint64_t{16} << 20;
  size_t max_recent_requests = RecentRequests::kMaxRequests;
  /// For tests of a full disk. `write_hook`, asked before each write of so many bytes, says how
  /// many of them find room. `sync_hook` returns the errno of a sync, 0 for none.
  std::function<size_t(size_t)> write_hook;
  std::function<int()> sync_hook;
};

/// Thread-safe once Recover() has returned.
class LiveLog {
 public:
  /// Looks at the directory. kFailedPrecondition for files of a later format version.
  static Result<std::unique_ptr<LiveLog>> Open(LiveLogOptions options, Telemetry& telemetry);
  /// Syncs what is not synced and joins the syncing thread.
  ~LiveLog();
  LiveLog(const LiveLog&) = delete;
  LiveLog& operator=(const LiveLog&) = delete;

  /// The least position that Recover() can give; above every one if there are no files.
  LogPosition first_position() const;

  /// Gives every valid record, in order, and makes the log ready to append above the highest of
  /// them and of `floor`. `now` decides which requests are still remembered. Called once, before
  /// anything below. The record's views last for the call.
  using RecordVisitor = std::function<void(const LogRecord&)>;
  Status Recover(LogPosition floor, Nanos now, const RecordVisitor& visit);

  struct Entry {
    LogKind kind = LogKind::kSpans;
    Nanos received = 0;
    Hash128Value body_hash;
    std::string_view tenant;
    std::string_view payload;
  };
  struct Appended {
    LogPosition position = 0;
    bool duplicate = false;  ///< Nothing was written; `position` is that of the first request.
  };
  /// Writes the record, unless the same request (tenant and body hash) was appended less than ten
  /// minutes before `entry.received`. On OK the record survives the end of this process.
  Result<Appended> Append(const Entry& entry);

  /// The position of that request if it is one of the last ten minutes.
  std::optional<LogPosition> FindRecent(std::string_view tenant, const Hash128Value& body_hash,
                                        Nanos now) const;
  /// How many of them are known.
  size_t recent_requests() const;

  /// Returns once everything up to `position` survives the loss of power; at once with kInterval.
  /// kUnavailable if the disk refuses.
  Status WaitDurable(LogPosition position);

  /// Removes the files that hold no position of `low_water` or above, oldest first; the request
  /// hashes in them are kept for their ten minutes. The file that is being written stays.
  Status DropBefore(LogPosition low_water, Nanos now);

  /// Begins a new file, if the present one has a record, so that the old one can be dropped.
  Status Roll();

  /// Makes `directory` and copies there, durably, everything that was appended before the call.
  Status CopyTo(const std::string& directory);

  /// Of all files and side files.
  uint64_t bytes() const;
  /// Of the file that is being written.
  uint64_t active_bytes() const;
  LogPosition last_position() const;
  /// The least position of the file that is being written: what is below can be dropped.
  LogPosition active_first() const;

 private:
  struct File {
    std::string path;
    FileDescriptor fd;
    uint64_t bytes = 0;
    LogPosition first = 0;      // Of its header.
    LogPosition last = 0;       // first - 1 while it has no record.
    uint64_t synced_bytes = 0;  // Under mutex_, as all of this.
    LogPosition synced_last = 0;
  };
  struct SideFile {
    std::string path;
    Nanos newest = 0;
    uint64_t bytes = 0;
  };

  LiveLog(LiveLogOptions options, Telemetry& telemetry);

  Status Scan();
  Status LoadSideFile(const std::string& path, Nanos now);
  Status RecoverFile(File& file, bool newest, const RecordVisitor& visit);
  std::string PathOf(uint64_t number, std::string_view extension) const;
  Status RollLocked(LogPosition first);
  Status WriteLocked(File& file, std::string_view head, std::string_view payload);
  Status SyncOnce();
  Status SyncFile(File& file);
  Status SyncDescriptor(const File& file) const;
  Status RewriteLocked();
  Status CopyTailsLocked(const std::vector<std::shared_ptr<File>>& from, File& to);
  void SyncPeriodically();
  Status DropOldest(const std::shared_ptr<File>& file, Nanos now);

  const LiveLogOptions options_;
  Counter& damaged_ranges_;
  Counter& torn_tails_;
  Counter& written_bytes_;

  // Lock order: drop_mutex_ before mutex_; sync_mutex_ is never held together with another.
  std::mutex drop_mutex_;  // One thread drops at a time.
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<File>> files_;  // Oldest first; the last is written to.
  std::deque<SideFile> side_files_;
  uint64_t next_number_ = 1;
  LogPosition last_position_ = 0;
  bool must_roll_ = false;     // The tail of the last file could not be cut back.
  bool must_rewrite_ = false;  // A sync has failed since the last one that succeeded.
  RecentRequests recent_;

  std::mutex sync_mutex_;
  std::condition_variable sync_done_;
  bool syncing_ = false;
  bool stopping_ = false;
  LogPosition durable_ = 0;
  std::thread sync_thread_;
};

}  // namespace tocsin::storage
