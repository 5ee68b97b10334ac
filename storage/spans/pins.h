/// Pins: the traces that outlive retention. A small file, replaced as a whole by every change.
/// Byte layout: storage/FORMAT.md, "Pins".

#pragma once

#include <cstdint>
#include <map>
#include <mutex>
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

  /// Of all tenants together: each change writes them all.
  static constexpr size_t kMaxPins = 10'000;

  /// OK once the change is on disk. Pinning what is pinned, and the reverse, changes nothing.
  /// Pin: kResourceExhausted if there are kMaxPins.
  Status Pin(std::string_view tenant, const TraceId& id);
  Status Unpin(std::string_view tenant, const TraceId& id);

  bool Has(std::string_view tenant, const TraceId& id) const;
  /// Ascending.
  std::vector<TraceId> Of(std::string_view tenant) const;

  /// How much is pinned, as far as it was measured: a number that is kept in memory, for whoever
  /// measures. A trace of no bytes counts as not measured: it may come yet.
  using Sizes = std::map<TraceId, uint64_t>;
  void SetBytes(std::string_view tenant, const Sizes& bytes);
  uint64_t MeasuredBytes() const;
  /// By tenant, ascending; `again`: all of them.
  std::map<std::string, std::vector<TraceId>> Unmeasured(bool again) const;

 private:
  // The bytes of each.
  using ByTenant = std::map<std::string, Sizes, std::less<>>;
  Status SaveLocked(ByTenant changed);

  std::string path_;
  mutable std::mutex mutex_;
  ByTenant pins_;
};

}  // namespace tocsin::storage
