#include "storage/state/verify.h"

#include <algorithm>
#include <memory>

#include "cpp/base/telemetry.h"
#include "storage/columnar/frame.h"
#include "storage/volume/volume.h"
#include "storage/volume/write_log.h"

namespace tocsin::storage {

Result<StateDiagnosis> DiagnoseState(const std::string& path) {
  StateDiagnosis found;
  // The values saved last are in the log, whose damage opening would hide.
  if (const auto logs = CheckWriteLogs(path); logs.has_value()) {
    for (const Finding& finding : *logs) {
      found.findings.push_back({finding.damage, "state/" + finding.where, finding.what});
    }
  }
  const Result<std::unique_ptr<Volume>> volume =
      Volume::Open(path, {.create = false, .read_only = true}, Telemetry::None());
  if (!volume.has_value()) {
    if (volume.error().code() == StatusCode::kNotFound) return found;
    found.findings.push_back({true, "state", std::string(volume.error().message())});
    return found;
  }
  const Status scanned = (*volume)->Scan({}, [&](std::string_view key, std::string_view frame) {
    ++found.values;
    if (const Result<std::string> value = OpenFrame(frame); !value.has_value()) {
      std::string name(key);
      std::ranges::replace(name, '\0', '/');
      found.findings.push_back({true, "state/" + name, std::string(value.error().message())});
    }
    return true;
  });
  if (!scanned.ok()) found.findings.push_back({true, "state", std::string(scanned.message())});
  return found;
}

}  // namespace tocsin::storage
