/// YAML and overrides to a Config.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/config/config.h"

namespace tocsin::config {

struct Source {
  std::string text;       ///< YAML; empty for none.
  std::string file_name;  ///< For messages, and the folder that relative paths are relative to.
  /// `--set key.path=value`, in order; each wins over the file and over those before it.
  std::vector<std::pair<std::string, std::string>> overrides;
  /// Receivers listen only if the file or an override names them: for those who start a Prometheus.
  bool only_named_receivers = false;
};

struct Loaded {
  Config config;
  std::vector<std::string> warnings;  ///< "file:3:5: ...": accepted, but without effect.
  /// The effective configuration as YAML, each value with where it came from as a comment.
  std::string effective;
};

/// kInvalidArgument "FILE: line L, column C: ..." for bad YAML, an unknown key (with the nearest
/// known one), a value of the wrong type or out of range; the first error is returned and nothing
/// is half-applied. Overrides are checked in the same way and named by their key path.
Result<Loaded> Load(const Source& source);

}  // namespace tocsin::config
