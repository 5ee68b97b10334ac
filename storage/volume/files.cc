#include "storage/volume/files.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/volume/write_hook.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0640;

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Status FileError(int error, std::string_view what) {
  std::string message(what);
  message += ": ";
  message += std::error_code(error, std::generic_category()).message();
  const StatusCode code = error == ENOENT ? StatusCode::kNotFound : StatusCode::kUnavailable;
  return {code, message};
}

Result<FileDescriptor> OpenFile(const std::string& path, int flags) {
  if ((flags & (O_CREAT | O_TRUNC)) != 0) {
    if (const int error = AskWriteHook(WriteStep::kCreate, path).error; error != 0) {
      return Failure(FileError(error, "open " + path));
    }
  }
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  if (fd < 0) return Failure(FileError(errno, "open " + path));
  return FileDescriptor(fd);
}

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  const WriteVerdict verdict = AskWriteHook(WriteStep::kWrite, path, bytes.size());
  if (verdict.error != 0) bytes = bytes.substr(0, verdict.bytes);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FileError(written < 0 ? errno : ENOSPC, "write " + path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return verdict.error == 0 ? Status() : FileError(verdict.error, "write " + path);
}

Status Truncate(int fd, uint64_t size, const std::string& path) {
  int error = AskWriteHook(WriteStep::kTruncate, path).error;
  if (error == 0 && ::ftruncate(fd, static_cast<off_t>(size)) != 0) error = errno;
  return error == 0 ? Status() : FileError(error, "truncate " + path);
}

Status SyncFile(int fd, const std::string& path) {
  int error = AskWriteHook(WriteStep::kSync, path).error;
  if (error == 0 && ::fdatasync(fd) != 0) error = errno;
  return error == 0 ? Status() : FileError(error, "sync " + path);
}

Result<std::string> ReadAt(int fd, uint64_t offset, size_t size, const std::string& path) {
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failure(FileError(errno, "read " + path));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

Result<std::string> ReadFile(const std::string& path) {
  TOCSIN_ASSIGN_OR_RETURN(const FileDescriptor file, OpenFile(path, O_RDONLY));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return Failure(FileError(errno, "stat " + path));
  return ReadAt(file.get(), 0, static_cast<size_t>(info.st_size), path);
}

Status WriteFileAtomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  Status written = [&]() -> Status {
    TOCSIN_ASSIGN_OR_RETURN(const FileDescriptor file,
                            OpenFile(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    TOCSIN_RETURN_IF_ERROR(WriteAll(file.get(), bytes, temporary));
    TOCSIN_RETURN_IF_ERROR(SyncFile(file.get(), temporary));
    return RenameFile(temporary, path);
  }();
  if (!written.ok()) {
    // Best effort: the next writer truncates it anyway.
    static_cast<void>(RemoveFile(temporary));
    return written;
  }
  return SyncDirectory(fs::path(path).parent_path().string());
}

Status RenameFile(const std::string& from, const std::string& to) {
  int error = AskWriteHook(WriteStep::kRename, to).error;
  if (error == 0 && ::rename(from.c_str(), to.c_str()) != 0) error = errno;
  return error == 0 ? Status() : FileError(error, "rename " + from + " to " + to);
}

Status RemoveFile(const std::string& path) {
  int error = AskWriteHook(WriteStep::kRemove, path).error;
  if (error == 0 && ::unlink(path.c_str()) != 0 && errno != ENOENT) error = errno;
  return error == 0 ? Status() : FileError(error, "remove " + path);
}

Status RemoveTree(const std::string& path) {
  const std::string leaving = path.ends_with(kTemporarySuffix) ? path : path + ".tmp";
  if (leaving != path) {
    const Status renamed = RenameFile(path, leaving);
    if (renamed.code() == StatusCode::kNotFound) return {};
    TOCSIN_RETURN_IF_ERROR(renamed);
  }
  std::error_code error;
  if (const int refused = AskWriteHook(WriteStep::kRemove, leaving).error; refused != 0) {
    error.assign(refused, std::generic_category());
  } else {
    fs::remove_all(leaving, error);
  }
  if (error) return FileError(error.value(), "remove " + leaving);
  return {};
}

Status MakeDirectory(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  if (const int refused = AskWriteHook(WriteStep::kCreate, path).error; refused != 0) {
    return FileError(refused, "make directory " + path);
  }
  fs::create_directories(path, error);
  if (error) return FileError(error.value(), "make directory " + path);
  return {};
}

Status SyncDirectory(const std::string& path) {
  TOCSIN_ASSIGN_OR_RETURN(const FileDescriptor directory, OpenFile(path, O_RDONLY | O_DIRECTORY));
  int error = AskWriteHook(WriteStep::kSync, path).error;
  if (error == 0 && ::fsync(directory.get()) != 0) error = errno;
  return error == 0 ? Status() : FileError(error, "sync " + path);
}

Status CopyFile(const std::string& from, const std::string& to) {
  constexpr size_t kPiece = size_t{1} << 20;
  TOCSIN_ASSIGN_OR_RETURN(const FileDescriptor source, OpenFile(from, O_RDONLY));
  TOCSIN_ASSIGN_OR_RETURN(const FileDescriptor target, OpenFile(to, O_WRONLY | O_CREAT | O_EXCL));
  for (uint64_t at = 0;;) {
    TOCSIN_ASSIGN_OR_RETURN(const std::string piece, ReadAt(source.get(), at, kPiece, from));
    if (piece.empty()) break;
    TOCSIN_RETURN_IF_ERROR(WriteAll(target.get(), piece, to));
    at += piece.size();
  }
  return SyncFile(target.get(), to);
}

Status LinkOrCopyFile(const std::string& from, const std::string& to) {
  int error = AskWriteHook(WriteStep::kRename, to).error;
  if (error == 0 && ::link(from.c_str(), to.c_str()) != 0) error = errno;
  // Another file system, or one without links.
  if (error == EXDEV || error == EPERM || error == EOPNOTSUPP || error == EMLINK) {
    return CopyFile(from, to);
  }
  return error == 0 ? Status() : FileError(error, "link " + from + " to " + to);
}

Result<std::vector<std::string>> ListDirectory(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator it(path, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return Failure(FileError(error.value(), "list " + path));
  std::sort(names.begin(), names.end());
  return names;
}

uint64_t DiskUsage(const std::string& path) {
  constexpr uint64_t kBlock = 512;  // The unit of st_blocks, whatever the file system's own is.
  struct stat info{};
  uint64_t bytes = 0;
  if (::lstat(path.c_str(), &info) == 0) bytes = static_cast<uint64_t>(info.st_blocks) * kBlock;
  std::error_code error;
  fs::directory_iterator it(path, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->is_symlink(ignored)) {
      bytes += DiskUsage(it->path().string());
    } else if (::lstat(it->path().c_str(), &info) == 0) {
      bytes += static_cast<uint64_t>(info.st_blocks) * kBlock;
    }
  }
  return bytes;
}

}  // namespace tocsin::storage
