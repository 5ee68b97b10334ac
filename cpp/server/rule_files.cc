#include "cpp/server/rule_files.h"

#include <fstream>
#include <iterator>
#include <utility>

#include <sys/stat.h>

#include "cpp/base/clock.h"
#include "cpp/base/glob.h"
#include "cpp/base/log.h"
#include "cpp/server/engine_options.h"

namespace tocsin::server {
namespace {

FileVersion VersionOf(const char* path) {
  struct stat found{};
  if (stat(path, &found) != 0) return {};
  return {.modified = found.st_mtim.tv_sec * kSecond + found.st_mtim.tv_nsec,
          .size = static_cast<uint64_t>(found.st_size),
          .inode = found.st_ino};
}

Status Expand(const std::string& pattern, FileVersions* versions) {
  const std::vector<std::string> paths = ExpandGlob(pattern);
  for (const std::string& path : paths) versions->emplace(path, VersionOf(path.c_str()));
  if (paths.empty() && !HasWildcard(pattern)) {
    return NotFoundError("rule_files: cannot read " + pattern);
  }
  return {};
}

}  // namespace

Result<FileVersions> FindRuleFiles(const std::vector<std::string>& globs) {
  FileVersions versions;
  for (const std::string& pattern : globs) {
    TOCSIN_RETURN_IF_ERROR(Expand(pattern, &versions));
  }
  return versions;
}

Result<RuleFiles> ReadRuleFiles(const std::vector<std::string>& globs) {
  RuleFiles read;
  TOCSIN_ASSIGN_OR_RETURN(read.versions, FindRuleFiles(globs));
  for (const auto& [path, version] : read.versions) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return NotFoundError("rule_files: cannot read " + path);
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    TOCSIN_ASSIGN_OR_RETURN(rules::RuleFile file, rules::ParseRuleFile(path, text, ServedPromQl()));
    for (const std::string& warning : file.warnings) {
      log::Warn("rule file", {{"warning", warning}});
    }
    read.files.push_back(std::move(file));
  }
  return read;
}

}  // namespace tocsin::server
