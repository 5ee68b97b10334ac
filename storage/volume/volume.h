/// Volume: one LevelDB directory, and the only place that knows LevelDB.
///
/// A volume holds binary keys and values, ordered by key. It is tuned for what Tocsin writes: few
/// large values (columns), written once, removed by dropping the whole directory. Nothing is
/// compressed here and no value is checksummed again: the values carry their own frames
/// (storage/columnar/frame.h). Tables are read with pread, and each volume has its own compaction
/// thread, so that one volume's compaction never stalls another's writes.
///
/// Failures of the operating system, a full disk among them, are kUnavailable; damaged files are
/// kCorruption. After a failed write the volume accepts no writes until it has reopened itself,
/// which the next write tries: a disk that has room again heals without a restart. Reads go on all
/// the time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"

namespace tocsin::storage {

/// Thread-safe.
class Volume {
 public:
  struct Options {
    /// Bytes of the write buffer; up to two exist while one is flushed.
    size_t write_buffer = size_t{4} << 20;
    /// Bytes of one table file.
    size_t table_bytes = size_t{64} << 20;
    /// Table files kept open. LevelDB takes no less than 64.
    int open_tables = 64;
    /// Make the directory, and its parents, if it is not there.
    bool create = true;
    /// Nothing on disk is changed, and no lock is taken: for damaged volumes, read-only media and
    /// full disks. Writes are refused with kFailedPrecondition.
    bool read_only = false;
  };

  struct Entry {
    std::string_view key;
    std::string_view value;
  };

  /// Errors: kNotFound (no directory and !create), kAlreadyExists (open in this or another
  /// process), kCorruption, kUnavailable.
  static Result<std::unique_ptr<Volume>> Open(const std::string& path, const Options& options,
                                              Telemetry& telemetry);
  /// Waits for a running compaction; what was written without `sync` may still be in the operating
  /// system's cache.
  ~Volume();
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  /// Writes all entries or none. With `sync` they survive the loss of power once this returns OK,
  /// without it the end of the process. After an error the entries may or may not be there.
  /// Returns kFailedPrecondition for a read-only or closed volume.
  Status Write(std::span<const Entry> entries, bool sync);
  Status Put(std::string_view key, std::string_view value, bool sync);
  /// One change: sets the value of a key, or with nullopt removes it.
  struct Change {
    std::string_view key;
    std::optional<std::string_view> value;
  };
  /// Makes all changes or none; otherwise as Write.
  Status Apply(std::span<const Change> changes, bool sync);
  /// Removes the keys, all or none; an absent key is no error.
  Status Delete(std::span<const std::string> keys, bool sync);

  /// kNotFound if there is no such key.
  Result<std::string> Get(std::string_view key) const;

  /// Calls `visit` for every key that begins with `prefix`, in key order, until it returns false.
  /// The views last for the call. `visit` must not use this volume. Sees a consistent state.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
  Status Scan(std::string_view prefix, const Visitor& visit) const;

  /// The first entry at or after `key`, for skipping over large values; kNotFound at the end.
  struct OwnedEntry {
    std::string key;
    std::string value;
  };
  Result<OwnedEntry> Seek(std::string_view key) const;

  /// Flushes the write buffer and merges all tables. Takes as long as reading and writing
  /// everything; reads and writes go on.
  Status CompactAll();

  /// Makes `directory` and puts there, while reads and writes go on, a volume with everything that
  /// was written before the call: tables as links where the file system has them. Writes wait for
  /// as long as the write buffer takes to be copied. kAlreadyExists if the directory is there.
  Status Snapshot(const std::string& directory) const;

  /// Closes and opens again. Done by itself on the first write after a failed one; REQUIRES
  /// nothing. If the disk still refuses writes, reads go on and kUnavailable is returned.
  Status Reopen();

  /// Further calls return kFailedPrecondition. Done by the destructor.
  void Close();

  /// Bytes of the files of the directory.
  uint64_t DiskBytes() const;

  const std::string& path() const;
  bool read_only() const;

 private:
  struct Rep;
  explicit Volume(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace tocsin::storage
