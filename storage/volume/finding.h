/// What somebody who looks over a directory finds in it. Every part of storage that can be looked
/// over has a function that reports in these.

#pragma once

#include <string>

namespace tocsin::storage {

struct Finding {
  /// False: worth knowing, and nothing is lost: what a crash leaves, or was put aside before.
  bool damage = true;
  std::string where;  ///< A file or volume, relative to the data directory, and the place in it.
  std::string what;   ///< A sentence.
};

}  // namespace tocsin::storage
