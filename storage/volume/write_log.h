/// LevelDB's write-ahead logs, looked over. Opening a database replays what is whole in them and
/// drops the rest without a word, so whoever wants to know must look before.

#pragma once

#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "storage/volume/finding.h"

namespace tocsin::storage {

/// Reads every `*.log` of the volume at `path`, which is not open, and changes nothing. A log that
/// ends in the front of a record is what a crash leaves, and a note; any other place that is no
/// sound record is damage. `where` is the file's name.
Result<std::vector<Finding>> CheckWriteLogs(const std::string& path);

}  // namespace tocsin::storage
