#include "storage/volume/env.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tocsin::storage {
namespace {

leveldb::Status ErrnoStatus(const std::string& path, int error) {
  const std::string reason = std::generic_category().message(error);
  return error == ENOENT ? leveldb::Status::NotFound(path, reason)
                         : leveldb::Status::IOError(path, reason);
}

// A table on disk. LevelDB's own maps up to a thousand of them into memory; a column is read once
// and then kept decoded, so that a mapping would only make resident memory unaccountable.
class PreadFile final : public leveldb::RandomAccessFile {
 public:
  PreadFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PreadFile() override { ::close(fd_); }
  PreadFile(const PreadFile&) = delete;
  PreadFile& operator=(const PreadFile&) = delete;

  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* scratch) const override {
    size_t got = 0;
    while (got < n) {
      const ssize_t size = ::pread(fd_, scratch + got, n - got, static_cast<off_t>(offset + got));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return ErrnoStatus(path_, errno);
      if (size == 0) break;
      got += static_cast<size_t>(size);
    }
    *result = leveldb::Slice(scratch, got);
    return {};
  }

 private:
  const std::string path_;
  const int fd_;
};

class MemoryRandomAccessFile final : public leveldb::RandomAccessFile {
 public:
  explicit MemoryRandomAccessFile(std::shared_ptr<const std::string> bytes)
      : bytes_(std::move(bytes)) {}
  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* scratch) const override {
    const size_t begin = std::min<uint64_t>(offset, bytes_->size());
    const size_t size = std::min(n, bytes_->size() - begin);
    std::copy_n(bytes_->data() + begin, size, scratch);
    *result = leveldb::Slice(scratch, size);
    return {};
  }

 private:
  const std::shared_ptr<const std::string> bytes_;
};

class MemorySequentialFile final : public leveldb::SequentialFile {
 public:
  explicit MemorySequentialFile(std::string bytes) : bytes_(std::move(bytes)) {}
  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override {
    const size_t size = std::min(n, bytes_.size() - at_);
    std::copy_n(bytes_.data() + at_, size, scratch);
    at_ += size;
    *result = leveldb::Slice(scratch, size);
    return {};
  }
  leveldb::Status Skip(uint64_t n) override {
    at_ += std::min<uint64_t>(n, bytes_.size() - at_);
    return {};
  }

 private:
  const std::string bytes_;
  size_t at_ = 0;
};

class MemoryWritableFile final : public leveldb::WritableFile {
 public:
  explicit MemoryWritableFile(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
  leveldb::Status Append(const leveldb::Slice& data) override {
    bytes_->append(data.data(), data.size());
    return {};
  }
  leveldb::Status Close() override { return {}; }
  leveldb::Status Flush() override { return {}; }
  leveldb::Status Sync() override { return {}; }

 private:
  const std::shared_ptr<std::string> bytes_;
};

class SilentLogger final : public leveldb::Logger {
 public:
  void Logv(const char*, std::va_list) override {}
};

class NoLock final : public leveldb::FileLock {};

}  // namespace

VolumeEnv::VolumeEnv(bool read_only)
    : leveldb::EnvWrapper(leveldb::Env::Default()), read_only_(read_only) {}

VolumeEnv::~VolumeEnv() {
  {
    const std::lock_guard lock(work_mutex_);
    stopping_ = true;
  }
  work_ready_.notify_all();
  if (worker_.joinable()) worker_.join();
}

VolumeEnv::Bytes VolumeEnv::FindInMemory(const std::string& path) {
  const std::lock_guard lock(files_mutex_);
  const auto it = files_.find(path);
  return it == files_.end() ? nullptr : it->second;
}

leveldb::Status VolumeEnv::NewRandomAccessFile(const std::string& path,
                                               leveldb::RandomAccessFile** file) {
  *file = nullptr;
  if (const Bytes bytes = FindInMemory(path)) {
    *file = new MemoryRandomAccessFile(bytes);  // LevelDB deletes what it is given.
    return {};
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(path, errno);
  *file = new PreadFile(path, fd);
  return {};
}

leveldb::Status VolumeEnv::NewSequentialFile(const std::string& path,
                                             leveldb::SequentialFile** file) {
  if (const Bytes bytes = FindInMemory(path)) {
    *file = new MemorySequentialFile(*bytes);
    return {};
  }
  return EnvWrapper::NewSequentialFile(path, file);
}

leveldb::Status VolumeEnv::NewWritableFile(const std::string& path, leveldb::WritableFile** file) {
  if (!read_only_) return EnvWrapper::NewWritableFile(path, file);
  {
    const std::lock_guard lock(work_mutex_);
    if (frozen_) {
      *file = nullptr;
      return leveldb::Status::IOError(path, "read-only");
    }
  }
  auto bytes = std::make_shared<std::string>();
  {
    const std::lock_guard lock(files_mutex_);
    files_[path] = bytes;
  }
  *file = new MemoryWritableFile(std::move(bytes));
  return {};
}

leveldb::Status VolumeEnv::NewAppendableFile(const std::string& path,
                                             leveldb::WritableFile** file) {
  if (!read_only_) return EnvWrapper::NewAppendableFile(path, file);
  *file = nullptr;
  return leveldb::Status::NotSupported(path, "read-only");
}

leveldb::Status VolumeEnv::NewLogger(const std::string&, leveldb::Logger** logger) {
  // LevelDB's LOG files tell what Tocsin's metrics tell, and would be renamed at every start.
  *logger = new SilentLogger;
  return {};
}

bool VolumeEnv::FileExists(const std::string& path) {
  return FindInMemory(path) != nullptr || EnvWrapper::FileExists(path);
}

leveldb::Status VolumeEnv::GetChildren(const std::string& path, std::vector<std::string>* names) {
  const leveldb::Status status = EnvWrapper::GetChildren(path, names);
  const std::lock_guard lock(files_mutex_);
  for (const auto& [file, bytes] : files_) {
    if (!file.starts_with(path + "/")) continue;
    const std::string name = file.substr(path.size() + 1);
    if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
  }
  return status;
}

leveldb::Status VolumeEnv::GetFileSize(const std::string& path, uint64_t* size) {
  if (const Bytes bytes = FindInMemory(path)) {
    *size = bytes->size();
    return {};
  }
  return EnvWrapper::GetFileSize(path, size);
}

leveldb::Status VolumeEnv::RemoveFile(const std::string& path) {
  if (!read_only_) return EnvWrapper::RemoveFile(path);
  const std::lock_guard lock(files_mutex_);
  files_.erase(path);
  return {};
}

leveldb::Status VolumeEnv::RenameFile(const std::string& from, const std::string& to) {
  if (!read_only_) return EnvWrapper::RenameFile(from, to);
  const std::lock_guard lock(files_mutex_);
  const auto it = files_.find(from);
  if (it == files_.end()) return leveldb::Status::NotSupported(from, "read-only");
  Bytes bytes = std::move(it->second);
  files_.erase(it);
  files_[to] = std::move(bytes);
  return {};
}

leveldb::Status VolumeEnv::CreateDir(const std::string& path) {
  return read_only_ ? leveldb::Status() : EnvWrapper::CreateDir(path);
}

leveldb::Status VolumeEnv::LockFile(const std::string& path, leveldb::FileLock** lock) {
  if (read_only_) {
    *lock = new NoLock;
    return {};
  }
  errno = 0;  // It stays so where the lock is held in this very process.
  leveldb::Status status = EnvWrapper::LockFile(path, lock);
  lock_refused_ = !status.ok() && (errno == 0 || errno == EAGAIN);
  return status;
}

leveldb::Status VolumeEnv::UnlockFile(leveldb::FileLock* lock) {
  if (!read_only_) return EnvWrapper::UnlockFile(lock);
  delete lock;
  return {};
}

void VolumeEnv::Schedule(void (*function)(void*), void* argument) {
  {
    const std::lock_guard lock(work_mutex_);
    work_.emplace_back(function, argument);
    if (!worker_.joinable()) worker_ = std::thread([this] { Work(); });
  }
  work_ready_.notify_one();
}

void VolumeEnv::Freeze() {
  {
    const std::lock_guard lock(work_mutex_);
    frozen_ = true;
  }
  work_ready_.notify_one();
}

void VolumeEnv::Work() {
  std::unique_lock lock(work_mutex_);
  while (true) {
    work_ready_.wait(lock,
                     [this] { return stopping_ || (!work_.empty() && (!read_only_ || frozen_)); });
    if (work_.empty()) return;
    const auto [function, argument] = work_.front();
    work_.pop_front();
    lock.unlock();
    function(argument);
    lock.lock();
  }
}

}  // namespace tocsin::storage
