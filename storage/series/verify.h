/// Looks over a series store that is not open: every checksum, every sample.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "storage/volume/finding.h"

namespace tocsin::storage {

struct SeriesDiagnosis {
  uint64_t volumes = 0;
  uint64_t blocks = 0;
  uint64_t block_samples = 0;
  uint64_t log_segments = 0;
  uint64_t log_samples = 0;
  uint64_t snapshot_series = 0;
  std::vector<Finding> findings;
};

/// Changes nothing. `directory` is that of the store; the caller holds the lock of the data
/// directory. What is damaged is a finding; an error is only what keeps it from being read at all.
/// Memory: a log segment, a snapshot, a series of a block.
Result<SeriesDiagnosis> DiagnoseSeries(const std::string& directory);

}  // namespace tocsin::storage
