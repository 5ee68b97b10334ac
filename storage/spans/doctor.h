/// Looks over the span store of a closed data directory: every record of the live log, every
/// volume, every column of every segment, and that indexes, marks and counts agree with them.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "storage/volume/finding.h"

namespace tocsin::storage {

struct SpanDiagnosis {
  uint64_t volumes = 0;
  uint64_t segments = 0;
  uint64_t spans = 0;        ///< Rows of all readable segments, the deleted ones included.
  uint64_t log_records = 0;  ///< Valid ones.
  std::vector<Finding> findings;
};

/// Reads everything below `path` (<data>/spans) and changes nothing. The caller holds the
/// DirectoryLock. An error only if nothing can be read at all.
Result<SpanDiagnosis> DiagnoseSpans(const std::string& path);

}  // namespace tocsin::storage
