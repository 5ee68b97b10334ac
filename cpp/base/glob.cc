#include "cpp/base/glob.h"

#include <glob.h>

namespace tocsin {

std::vector<std::string> ExpandGlob(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  // Unsafe beside threads only in what it is not asked for: the homes of users (GLOB_TILDE).
  const int code = glob(  // NOLINT(concurrency-mt-unsafe)
      pattern.c_str(), 0, nullptr, &found);
  for (size_t i = 0; code == 0 && i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  globfree(&found);
  return paths;
}

bool HasWildcard(const std::string& pattern) {
  return pattern.find_first_of("*?[") != std::string::npos;
}

}  // namespace tocsin
