/// The few file operations that the stores need beside LevelDB: for their logs, their side files
/// and the directories of volumes. Every failure of the operating system is kUnavailable and
/// names the path and the reason, a full disk among them; a missing file is kNotFound.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::storage {

/// Owns an open file. Movable.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// The Status of `error` (an errno) from doing `what` ("write /data/log/00000001.log").
Status FileError(int error, std::string_view what);

/// `flags` as for open(2); O_CLOEXEC is added. New files are readable by the owner and the group.
Result<FileDescriptor> OpenFile(const std::string& path, int flags);

/// Writes all of `bytes` at the file's position. `path` is for the error. After an error some of
/// the bytes may be there.
Status WriteAll(int fd, std::string_view bytes, const std::string& path);

/// Cuts the file, or fills it with zeros, to `size` bytes.
Status Truncate(int fd, uint64_t size, const std::string& path);

/// Makes the file's bytes durable.
Status SyncFile(int fd, const std::string& path);

/// Up to `size` bytes at `offset`: fewer only at the end of the file.
Result<std::string> ReadAt(int fd, uint64_t offset, size_t size, const std::string& path);

Result<std::string> ReadFile(const std::string& path);

/// Replaces the file by a temporary one beside it: after a crash it holds the old bytes or the new.
Status WriteFileAtomically(const std::string& path, std::string_view bytes);

/// Absent is no error.
Status RemoveFile(const std::string& path);

/// What ends so is the left-over of a crash and may be removed.
inline constexpr std::string_view kTemporarySuffix = ".tmp";

/// Replaces `to`, which then is one or the other also after a crash.
Status RenameFile(const std::string& from, const std::string& to);

/// A new file `to` with the bytes that `from` has: another name for the same file where that can
/// be, so `from` must not be changed in place any more, else a copy.
Status LinkOrCopyFile(const std::string& from, const std::string& to);

/// The same, always a copy, and durable but for its name.
Status CopyFile(const std::string& from, const std::string& to);

/// The directory with all that it holds, at once: it is renamed to end in kTemporarySuffix first,
/// so that no crash leaves some of it. Absent is no error.
Status RemoveTree(const std::string& path);

/// With its parents.
Status MakeDirectory(const std::string& path);

/// Makes the creation and removal of files in the directory durable.
Status SyncDirectory(const std::string& path);

/// The names in a directory, sorted.
Result<std::vector<std::string>> ListDirectory(const std::string& path);

/// What `du` says of a directory: allocated bytes of everything in it. Files that vanish meanwhile
/// are left out.
uint64_t DiskUsage(const std::string& path);

}  // namespace tocsin::storage
