/// One process a data directory. The lock is the kernel's (flock), so it ends with its process
/// however that ends; the file's text, the process id, is only for the message to the second one.

#pragma once

#include <memory>
#include <string>

#include "cpp/base/status.h"
#include "storage/volume/files.h"

namespace tocsin::storage {

class DirectoryLock {
 public:
  /// Locks `<directory>/LOCK`; the directory is made if absent. Held for as long as the object
  /// lives. kAlreadyExists if somebody holds it, within this process too; the message names the
  /// process id and, where `<directory>/server.json` tells it, the HTTP address.
  static Result<std::unique_ptr<DirectoryLock>> Acquire(const std::string& directory);

 private:
  explicit DirectoryLock(FileDescriptor file) : file_(std::move(file)) {}

  FileDescriptor file_;
};

}  // namespace tocsin::storage
