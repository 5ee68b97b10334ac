/// File names with wildcards.

#pragma once

#include <string>
#include <vector>

namespace tocsin {

/// The paths that there are of "rules/*.yaml", in their order; a pattern without wildcards is the
/// path itself, if there is such a file. Empty if nothing matches or a folder cannot be read.
std::vector<std::string> ExpandGlob(const std::string& pattern);

/// Does it hold one of `*?[`?
bool HasWildcard(const std::string& pattern);

}  // namespace tocsin
