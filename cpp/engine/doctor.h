/// Looks over a whole data directory: is everything there, and is it what was written?

#pragma once

#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "storage/series/verify.h"
#include "storage/spans/doctor.h"
#include "storage/state/verify.h"

namespace tocsin::engine {

struct Diagnosis {
  storage::SpanDiagnosis spans;
  storage::SeriesDiagnosis series;
  storage::StateDiagnosis state;

  /// Of all parts, damage first.
  std::vector<storage::Finding> Findings() const;
  /// Nothing is damaged.
  bool healthy() const;
};

/// Reads everything and changes nothing. kNotFound: this is no data directory; kAlreadyExists: a
/// process holds it, which the message names.
Result<Diagnosis> Diagnose(const std::string& path);

}  // namespace tocsin::engine
