/// What the scrapes of one target have told of metric families.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/scrape/exposition.h"

namespace tocsin::scrape {

/// Belongs to one thread at a time.
class MetadataMemory {
 public:
  /// Begins a scrape. OpenMetrics names a family without the suffix that its samples have.
  void Begin(Format format);
  void Take(const ExposedMetadata& told);
  /// Ends a scrape: returns what it has changed, and forgets families that were not told for ten
  /// scrapes.
  std::vector<MetricMetadata> End();

  /// All, ordered by name.
  std::vector<MetricMetadata> All() const;

 private:
  struct Family {
    MetricMetadata metadata;
    Format format = Format::kText;
    uint64_t told = 0;     // In which scrape, last.
    uint64_t changed = 0;  // The same.
  };

  static MetricMetadata AsSamplesHaveIt(const Family& family);

  uint64_t scrape_ = 0;
  Format format_ = Format::kText;
  std::unordered_map<std::string, Family, StringHash, std::equal_to<>> families_;
};

}  // namespace tocsin::scrape
