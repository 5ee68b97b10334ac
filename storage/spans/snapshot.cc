// SpanStore: a copy of its directory while it runs.
//
// Nothing is sealed, and no log file dropped, while the copy is made: what is in no volume is then
// in the log. Appends go on, into a log file that is begun for them and not copied.

#include <filesystem>
#include <set>
#include <system_error>

#include <unistd.h>

#include "storage/spans/span_store.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

// A volume that could not be opened, as it is: nothing writes to it.
Status CopyFiles(const std::string& from, const std::string& to) {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(to));
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(from));
  for (const std::string& name : names) {
    TOCSIN_RETURN_IF_ERROR(LinkOrCopyFile(from + "/" + name, to + "/" + name));
  }
  return SyncDirectory(to);
}

}  // namespace

Status LiveLog::CopyTo(const std::string& directory) {
  const std::lock_guard drop_lock(drop_mutex_);
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(directory));
  const LogPosition target = last_position();
  TOCSIN_RETURN_IF_ERROR(Roll());
  // What is synced is changed no more.
  TOCSIN_RETURN_IF_ERROR(SyncOnce());
  std::vector<std::string> paths;
  {
    const std::lock_guard lock(mutex_);
    if (files_.back()->first <= target) {
      return UnavailableError("the live log was written anew after a failed sync");
    }
    for (const auto& file : files_) {
      if (file != files_.back()) paths.push_back(file->path);
    }
    for (const SideFile& side : side_files_) paths.push_back(side.path);
  }
  for (const std::string& path : paths) {
    TOCSIN_RETURN_IF_ERROR(CopyFile(path, directory + path.substr(path.rfind('/'))));
  }
  return SyncDirectory(directory);
}

Status SpanStore::Snapshot(const std::string& directory) {
  std::error_code error;
  if (fs::exists(directory, error)) {
    return AlreadyExistsError("there is a " + directory + " already");
  }
  const std::string volumes = directory + "/volumes";
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(volumes));
  const std::lock_guard lock(seal_mutex_);
  std::set<std::shared_ptr<StoredVolume>> all(unsaved_.begin(), unsaved_.end());
  all.insert(volumes_->volumes().begin(), volumes_->volumes().end());
  for (const auto& volume : all) {
    const std::string to = volumes + "/" + fs::path(volume->path()).filename().string();
    TOCSIN_RETURN_IF_ERROR(volume->volume() == nullptr ? CopyFiles(volume->path(), to)
                                                       : volume->volume()->Snapshot(to));
  }
  TOCSIN_RETURN_IF_ERROR(SyncDirectory(volumes));
  TOCSIN_RETURN_IF_ERROR(log_->CopyTo(directory + "/log"));
  for (const char* const name : {"/pins", "/redactions"}) {
    const std::string from = options_.path + name;
    if (::access(from.c_str(), F_OK) != 0) continue;
    TOCSIN_RETURN_IF_ERROR(CopyFile(from, directory + name));
  }
  return SyncDirectory(directory);
}

}  // namespace tocsin::storage
