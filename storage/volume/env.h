/// The leveldb::Env of one volume: pread instead of mmap, a background thread of its own, a gate
/// that holds up every change of the directory while a snapshot of it is taken, and for read-only
/// volumes a layer of memory above the directory, so that LevelDB's recovery changes nothing on
/// disk. Private to storage/volume.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <leveldb/env.h>

#include "cpp/base/status.h"

namespace tocsin::storage {

/// Thread-safe, as LevelDB demands.
class VolumeEnv final : public leveldb::EnvWrapper {
 public:
  explicit VolumeEnv(bool read_only);
  /// REQUIRES: the database that used it is closed.
  ~VolumeEnv() override;
  VolumeEnv(const VolumeEnv&) = delete;
  VolumeEnv& operator=(const VolumeEnv&) = delete;

  /// Read-only volumes: the database is open, and nothing more is to be written, not even in
  /// memory. Until then its background work waits.
  void Freeze();

  /// Puts into `to`, an existing directory, what a crash at this moment would leave in `from`:
  /// tables as links, as nothing changes them, everything else as copies. LevelDB opens that, with
  /// every write that had returned.
  Status Snapshot(const std::string& from, const std::string& to);

  /// The directory's lock is held by somebody else: set by a failed LockFile.
  bool lock_refused() const { return lock_refused_; }

  leveldb::Status NewRandomAccessFile(const std::string& path,
                                      leveldb::RandomAccessFile** file) override;
  leveldb::Status NewSequentialFile(const std::string& path,
                                    leveldb::SequentialFile** file) override;
  leveldb::Status NewWritableFile(const std::string& path, leveldb::WritableFile** file) override;
  leveldb::Status NewAppendableFile(const std::string& path, leveldb::WritableFile** file) override;
  leveldb::Status NewLogger(const std::string& path, leveldb::Logger** logger) override;
  bool FileExists(const std::string& path) override;
  leveldb::Status GetChildren(const std::string& path, std::vector<std::string>* names) override;
  leveldb::Status GetFileSize(const std::string& path, uint64_t* size) override;
  leveldb::Status RemoveFile(const std::string& path) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status CreateDir(const std::string& path) override;
  leveldb::Status LockFile(const std::string& path, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void*), void* argument) override;

 private:
  using Bytes = std::shared_ptr<std::string>;
  Bytes FindInMemory(const std::string& path);
  leveldb::Status NewDiskFile(const std::string& path, leveldb::WritableFile** file);
  void Work();

  const bool read_only_;
  // Shared: a change of a file or of the directory. Exclusive: a snapshot.
  std::shared_mutex gate_;
  bool lock_refused_ = false;

  std::mutex files_mutex_;
  std::map<std::string, Bytes> files_;  // Read-only volumes: what LevelDB believes it wrote.

  std::mutex work_mutex_;
  std::condition_variable work_ready_;
  std::deque<std::pair<void (*)(void*), void*>> work_;
  bool stopping_ = false;
  bool frozen_ = false;
  std::thread worker_;  // Started by the first Schedule.
};

}  // namespace tocsin::storage
