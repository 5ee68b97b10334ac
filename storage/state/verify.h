/// Looks over a StateDb that is not open: every checksum.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "storage/volume/finding.h"

namespace tocsin::storage {

struct StateDiagnosis {
  uint64_t values = 0;
  std::vector<Finding> findings;
};

/// Changes nothing. `path` is that of the StateDb; the caller holds the lock of the data directory.
/// No directory is no finding: there may have been nothing to keep.
Result<StateDiagnosis> DiagnoseState(const std::string& path);

}  // namespace tocsin::storage
