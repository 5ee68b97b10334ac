#include "storage/volume/files.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  if (fd < 0) return Failure(FileError(errno, "open " + path));
  return FileDescriptor(fd);
}

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FileError(written < 0 ? errno : ENOSPC, "write " + path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
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
    if (::fdatasync(file.get()) != 0) return FileError(errno, "sync " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return FileError(errno, "rename " + path);
    return {};
  }();
  if (!written.ok()) {
    ::unlink(temporary.c_str());  // Best effort: the next writer truncates it anyway.
    return written;
  }
  return SyncDirectory(fs::path(path).parent_path().string());
}

Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FileError(errno, "remove " + path);
  return {};
}

Status RemoveTree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return FileError(error.value(), "remove " + path);
  return {};
}

Status MakeDirectory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FileError(error.value(), "make directory " + path);
  return {};
}

Status SyncDirectory(const std::string& path) {
  TOCSIN_ASSIGN_OR_RETURN(const FileDescriptor directory, OpenFile(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0) return FileError(errno, "sync " + path);
  return {};
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
