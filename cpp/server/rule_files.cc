#include "cpp/server/rule_files.h"

#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include <glob.h>

#include "cpp/base/log.h"
#include "cpp/server/engine_options.h"

namespace tocsin::server {
namespace {

Status Expand(const std::string& pattern, std::set<std::string>* paths) {
  glob_t found{};
  // Unsafe beside threads only in what it is not asked for: the homes of users (GLOB_TILDE).
  const int code = glob(  // NOLINT(concurrency-mt-unsafe)
      pattern.c_str(), 0, nullptr, &found);
  for (size_t i = 0; code == 0 && i < found.gl_pathc; ++i) paths->insert(found.gl_pathv[i]);
  globfree(&found);
  const bool wildcard = pattern.find_first_of("*?[") != std::string::npos;
  if (code != 0 && !(code == GLOB_NOMATCH && wildcard)) {
    return NotFoundError("rule_files: cannot read " + pattern);
  }
  return {};
}

}  // namespace

Result<std::vector<rules::RuleFile>> ReadRuleFiles(const std::vector<std::string>& globs) {
  std::set<std::string> paths;
  for (const std::string& pattern : globs) TOCSIN_RETURN_IF_ERROR(Expand(pattern, &paths));
  std::vector<rules::RuleFile> files;
  for (const std::string& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return NotFoundError("rule_files: cannot read " + path);
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    TOCSIN_ASSIGN_OR_RETURN(rules::RuleFile file, rules::ParseRuleFile(path, text, ServedPromQl()));
    for (const std::string& warning : file.warnings) {
      log::Warn("rule file", {{"warning", warning}});
    }
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace tocsin::server
