#include "storage/spans/directory_lock.h"

#include <cerrno>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "cpp/base/log.h"
#include "cpp/lib/json.h"

namespace tocsin::storage {
namespace {

// The first line, if it is a process id.
std::string_view ProcessId(std::string_view text) {
  const size_t digits = text.find_first_not_of("0123456789");
  return text.substr(0, digits);
}

std::string HttpAddress(const std::string& directory) {
  const Result<std::string> text = ReadFile(directory + "/server.json");
  if (!text.has_value()) return {};
  const Result<lib::Json> json = lib::Json::Parse(*text);
  if (!json.has_value()) return {};
  const lib::Json* addresses = json->Find("addresses");
  const lib::Json* http = addresses == nullptr ? nullptr : addresses->Find("http");
  return http == nullptr ? std::string() : std::string(http->StringOr(""));
}

Status InUse(const std::string& directory) {
  std::string message = "the data directory " + directory + " is in use";
  if (const Result<std::string> text = ReadFile(directory + "/LOCK"); text.has_value()) {
    if (const std::string_view pid = ProcessId(*text); !pid.empty()) {
      message += " by process ";
      message += pid;
    }
  }
  if (const std::string address = HttpAddress(directory); !address.empty()) {
    message += ", which listens on " + address;
  }
  return AlreadyExistsError(message);
}

}  // namespace

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::Acquire(const std::string& directory) {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(directory));
  const std::string path = directory + "/LOCK";
  TOCSIN_ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(path, O_RDWR | O_CREAT));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Failure(InUse(directory));
    return Failure(FileError(errno, "lock " + path));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    log::Warn("lock_without_pid", {{"file", path}});  // A full disk. The lock holds all the same.
  }
  return std::unique_ptr<DirectoryLock>(new DirectoryLock(std::move(file)));
}

}  // namespace tocsin::storage
