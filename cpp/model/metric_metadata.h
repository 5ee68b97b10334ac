/// What a metric family is: told by exporters and remote writers, shown by the metadata API.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

enum class MetricType : uint8_t {
  kUnknown,
  kCounter,
  kGauge,
  kHistogram,
  kGaugeHistogram,
  kSummary,
  kInfo,
  kStateSet,
};

/// As the exposition formats and the API write it: "counter", "gaugehistogram", "unknown"...
constexpr std::string_view MetricTypeName(MetricType type) {
  switch (type) {
    case MetricType::kUnknown:
      return "unknown";
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kGaugeHistogram:
      return "gaugehistogram";
    case MetricType::kSummary:
      return "summary";
    case MetricType::kInfo:
      return "info";
    case MetricType::kStateSet:
      return "stateset";
  }
  return "unknown";
}

struct MetricMetadata {
  /// The family's name as samples carry it: `http_requests_total` for a counter, the name without
  /// `_bucket`, `_sum`, `_count` for histograms and summaries.
  std::string family;
  MetricType type = MetricType::kUnknown;
  std::string help;
  std::string unit;

  friend bool operator==(const MetricMetadata&, const MetricMetadata&) = default;
};

/// Tells what is known about metric families. Thread-safe.
class MetadataSource {
 public:
  virtual ~MetadataSource() = default;

  /// The newest that was told of the family; nullopt if nothing was.
  virtual std::optional<MetricMetadata> MetadataOf(std::string_view family) const = 0;
  /// Of all families, ordered by name.
  virtual std::vector<MetricMetadata> AllMetadata() const = 0;
};

}  // namespace tocsin
