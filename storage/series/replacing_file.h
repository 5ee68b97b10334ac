/// A file that is written piece by piece beside the one that it replaces: after a crash there is
/// the old one or the new one.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "storage/volume/files.h"

namespace tocsin::storage {

class ReplacingFile {
 public:
  static Result<ReplacingFile> Create(const std::string& path);
  ReplacingFile(ReplacingFile&&) = default;
  ReplacingFile& operator=(ReplacingFile&&) = default;
  /// Removes what was written, unless Commit succeeded.
  ~ReplacingFile();

  Status Write(std::string_view bytes);
  uint64_t size() const { return size_; }
  /// Makes it durable and puts it in the place of the old one.
  Status Commit();

 private:
  explicit ReplacingFile(std::string path) : path_(std::move(path)) {}
  std::string Temporary() const { return path_ + ".tmp"; }

  std::string path_;
  FileDescriptor file_;
  uint64_t size_ = 0;
};

}  // namespace tocsin::storage
