/// Addresses of other servers, as a configuration or a file that others write lists them: of what
/// is scraped, and of Alertmanagers.

#pragma once

#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/labels.h"

namespace tocsin {

/// `static_configs[]`, or an entry of a target file.
struct TargetGroup {
  std::vector<std::string> targets = {};  ///< Addresses: "host:port".
  Labels labels = {};                     ///< Of all of them; also __meta_..., __scheme__...

  friend bool operator==(const TargetGroup&, const TargetGroup&) = default;
};

/// `file_sd_configs[]`.
struct TargetFiles {
  /// Paths, absolute or relative to the working directory; the last part may have one `*`.
  std::vector<std::string> patterns = {};
  Nanos refresh_interval = 5 * kMinute;  ///< Also read when they were not seen to change.

  friend bool operator==(const TargetFiles&, const TargetFiles&) = default;
};

}  // namespace tocsin
