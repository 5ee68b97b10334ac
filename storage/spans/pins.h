/// Pins: the traces that outlive retention. A small file, replaced as a whole by every change.
/// Byte layout: storage/FORMAT.md, "Pins".

#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"

namespace tocsin::storage {

/// Thread-safe.
class Pins {
 public:
  /// Reads the file; without one nothing is pinned. kCorruption if it is damaged.
  Status Load(std::string path);

  /// OK once the change is on disk. Pinning what is pinned, and the reverse, changes nothing.
  Status Pin(std::string_view tenant, const TraceId& id);
  Status Unpin(std::string_view tenant, const TraceId& id);

  /// Ascending.
  std::vector<TraceId> Of(std::string_view tenant) const;

 private:
  using ByTenant = std::map<std::string, std::set<TraceId>, std::less<>>;
  Status SaveLocked(ByTenant changed);

  std::string path_;
  mutable std::mutex mutex_;
  ByTenant pins_;
};

}  // namespace tocsin::storage
