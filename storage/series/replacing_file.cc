#include "storage/series/replacing_file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace tocsin::storage {

Result<ReplacingFile> ReplacingFile::Create(const std::string& path) {
  ReplacingFile file(path);
  TOCSIN_ASSIGN_OR_RETURN(file.file_, OpenFile(file.Temporary(), O_WRONLY | O_CREAT | O_TRUNC));
  return file;
}

ReplacingFile::~ReplacingFile() {
  // Best effort: the next Create takes it over.
  if (file_.valid()) static_cast<void>(RemoveFile(Temporary()));
}

Status ReplacingFile::Write(std::string_view bytes) {
  TOCSIN_RETURN_IF_ERROR(WriteAll(file_.get(), bytes, Temporary()));
  size_ += bytes.size();
  return {};
}

Status ReplacingFile::Commit() {
  if (::fsync(file_.get()) != 0) return FileError(errno, "sync " + Temporary());
  if (::rename(Temporary().c_str(), path_.c_str()) != 0) {
    return FileError(errno, "rename " + Temporary());
  }
  file_ = FileDescriptor();
  return SyncDirectory(std::filesystem::path(path_).parent_path().string());
}

}  // namespace tocsin::storage
