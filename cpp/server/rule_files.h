/// Finds and reads the rule files that the configuration names, and tells whether they have
/// changed.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/rules/rule_file.h"

namespace tocsin::server {

/// What tells one version of a file from another, as far as its directory entry says.
struct FileVersion {
  int64_t modified = 0;  ///< Nanoseconds.
  uint64_t size = 0;
  uint64_t inode = 0;

  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

/// By path. A file that is gone between being found and looked at has the version {}.
using FileVersions = std::map<std::string, FileVersion>;

struct RuleFiles {
  std::vector<rules::RuleFile> files;  ///< Ordered by path.
  FileVersions versions;               ///< As they were before they were read.
};

/// The files that the globs match, each once. kNotFound: a glob without wildcards matches nothing.
Result<FileVersions> FindRuleFiles(const std::vector<std::string>& globs);

/// Reads every file that the globs match. All files or none: the first complaint is returned.
Result<RuleFiles> ReadRuleFiles(const std::vector<std::string>& globs);

}  // namespace tocsin::server
