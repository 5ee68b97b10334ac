#include "storage/volume/env.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/volume/files.h"
#include "storage/volume/write_hook.h"

namespace tocsin::storage {
namespace {

leveldb::Status ErrnoStatus(const std::string& path, int error) {
  const std::string reason = std::generic_category().message(error);
  return error == ENOENT ? leveldb::Status::NotFound(path, reason)
                         : leveldb::Status::IOError(path, reason);
}

leveldb::Status ToLevelDb(const std::string& path, const Status& status) {
  if (status.ok()) return {};
  return leveldb::Status::IOError(path, std::string(status.message()));
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

// A file that LevelDB writes. As its own but for the gate and the hook.
class DiskFile final : public leveldb::WritableFile {
 public:
  DiskFile(std::string path, int fd, std::shared_mutex& gate)
      : path_(std::move(path)), fd_(fd), gate_(gate) {
    buffer_.reserve(kBufferBytes);
  }
  ~DiskFile() override {
    if (fd_ >= 0) DiskFile::Close();
  }
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;

  leveldb::Status Append(const leveldb::Slice& data) override {
    if (buffer_.size() + data.size() <= kBufferBytes) {
      buffer_.append(data.data(), data.size());
      return {};
    }
    leveldb::Status status = Flush();
    if (!status.ok()) return status;
    if (data.size() <= kBufferBytes) {
      buffer_.assign(data.data(), data.size());
      return {};
    }
    return Write({data.data(), data.size()});
  }
  leveldb::Status Flush() override {
    const std::string_view bytes = buffer_;
    const leveldb::Status status = bytes.empty() ? leveldb::Status() : Write(bytes);
    buffer_.clear();
    return status;
  }
  leveldb::Status Sync() override {
    // Files that a manifest names must be in the directory before it is.
    if (NameOf(path_).starts_with("MANIFEST")) {
      const Status synced = SyncDirectory(path_.substr(0, path_.rfind('/')));
      if (!synced.ok()) return ToLevelDb(path_, synced);
    }
    leveldb::Status flushed = Flush();
    if (!flushed.ok()) return flushed;
    return ToLevelDb(path_, SyncFile(fd_, path_));
  }
  leveldb::Status Close() override {
    leveldb::Status status = Flush();
    if (::close(std::exchange(fd_, -1)) != 0 && status.ok()) status = ErrnoStatus(path_, errno);
    return status;
  }

  static std::string_view NameOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

 private:
  static constexpr size_t kBufferBytes = size_t{64} << 10;

  leveldb::Status Write(std::string_view bytes) {
    const std::shared_lock pass(gate_);
    return ToLevelDb(path_, WriteAll(fd_, bytes, path_));
  }

  const std::string path_;
  int fd_;
  std::shared_mutex& gate_;
  std::string buffer_;
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
  if (!read_only_) return NewDiskFile(path, file);
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

leveldb::Status VolumeEnv::NewDiskFile(const std::string& path, leveldb::WritableFile** file) {
  *file = nullptr;
  const std::shared_lock pass(gate_);
  // What is there, of a crash say, may have another name in a snapshot: it is not written over.
  const Status removed = storage::RemoveFile(path);
  if (!removed.ok()) return ToLevelDb(path, removed);
  const int refused = AskWriteHook(WriteStep::kCreate, path).error;
  if (refused != 0) return ErrnoStatus(path, refused);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus(path, errno);
  *file = new DiskFile(path, fd, gate_);
  return {};
}

leveldb::Status VolumeEnv::NewAppendableFile(const std::string& path,
                                             leveldb::WritableFile** file) {
  // Asked for only with options.reuse_logs, which stays off: nothing here is opened for more.
  *file = nullptr;
  return leveldb::Status::NotSupported(path, "append to what is there");
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
  if (!read_only_) {
    const std::shared_lock pass(gate_);
    return ToLevelDb(path, storage::RemoveFile(path));
  }
  const std::lock_guard lock(files_mutex_);
  files_.erase(path);
  return {};
}

leveldb::Status VolumeEnv::RenameFile(const std::string& from, const std::string& to) {
  if (!read_only_) {
    const std::shared_lock pass(gate_);
    return ToLevelDb(from, storage::RenameFile(from, to));
  }
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

Status VolumeEnv::Snapshot(const std::string& from, const std::string& to) {
  const std::unique_lock closed(gate_);
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(from));
  for (const std::string& name : names) {
    const bool table = name.ends_with(".ldb") || name.ends_with(".sst");
    const bool state = name == "CURRENT" || name.starts_with("MANIFEST-") || name.ends_with(".log");
    const std::string source = from + "/" + name;
    const std::string target = to + "/" + name;
    if (table) TOCSIN_RETURN_IF_ERROR(LinkOrCopyFile(source, target));
    if (state) TOCSIN_RETURN_IF_ERROR(CopyFile(source, target));
  }
  return SyncDirectory(to);
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
