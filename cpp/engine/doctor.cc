#include "cpp/engine/doctor.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "storage/spans/directory_lock.h"

namespace tocsin::engine {

std::vector<storage::Finding> Diagnosis::Findings() const {
  std::vector<storage::Finding> all;
  for (const auto* findings : {&spans.findings, &series.findings, &state.findings}) {
    all.insert(all.end(), findings->begin(), findings->end());
  }
  std::ranges::stable_sort(all, std::ranges::greater(), &storage::Finding::damage);
  return all;
}

bool Diagnosis::healthy() const {
  return std::ranges::none_of(Findings(), &storage::Finding::damage);
}

Result<Diagnosis> Diagnose(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path + "/spans", error)) {
    return NotFoundError(path + " is no data directory: it has no spans/");
  }
  TOCSIN_ASSIGN_OR_RETURN(const auto lock, storage::DirectoryLock::Acquire(path));
  Diagnosis diagnosis;
  TOCSIN_ASSIGN_OR_RETURN(diagnosis.spans, storage::DiagnoseSpans(path + "/spans"));
  TOCSIN_ASSIGN_OR_RETURN(diagnosis.series, storage::DiagnoseSeries(path + "/series"));
  TOCSIN_ASSIGN_OR_RETURN(diagnosis.state, storage::DiagnoseState(path + "/state"));
  return diagnosis;
}

}  // namespace tocsin::engine
