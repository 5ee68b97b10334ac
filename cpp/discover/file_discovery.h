/// `file_sd_configs`: targets that stand in files which others write.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/target_group.h"

namespace tocsin::discover {

/// Reads a target file: a list of `{targets: [...], labels: {...}}`, as JSON if `name` ends with
/// .json, else as YAML. Each group gets `__meta_filepath`. kInvalidArgument, with the place.
Result<std::vector<TargetGroup>> ParseTargetFile(std::string_view name, std::string_view text);

/// Follows the files of one configuration entry. Belongs to one thread.
class FileDiscovery {
 public:
  FileDiscovery(TargetFiles files, Telemetry* telemetry);

  /// Looks at the files: reads those that are new or have changed, and all of them when the refresh
  /// interval is over. A file that cannot be read or is wrong keeps its last good groups, is logged
  /// and counted; one that is gone has none. True if the groups have changed.
  bool Refresh(Nanos now);

  /// Of all files, in the order of their names.
  std::vector<TargetGroup> Groups() const;

  /// How often it is worth while to look.
  static constexpr Nanos kLookInterval = 2 * kSecond;

 private:
  struct File {
    std::string stamp;  // Changes when the file does.
    std::vector<TargetGroup> groups;
  };

  const TargetFiles files_;
  Counter& errors_;
  Nanos next_full_ = 0;
  std::map<std::string, File> known_;
};

}  // namespace tocsin::discover
