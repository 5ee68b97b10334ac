/// The rules of OpenMetrics for one metric point: what its samples say together.

#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/metric_metadata.h"

namespace tocsin::scrape {

/// A sample of a family.
struct PointSample {
  std::string_view suffix;  ///< Of its name, behind the family's.
  const std::vector<Labels::Pair>& labels;
  double value = 0;
  bool has_exemplar = false;
};

class OpenMetricsPoint {
 public:
  OpenMetricsPoint(MetricType type, std::string_view family) : type_(type), family_(family) {}

  /// Checks the sample by itself and with those before it.
  Status Add(const PointSample& sample);
  /// Checks what is there when no sample follows.
  Status End() const;
  bool empty() const { return empty_; }

 private:
  Status CheckValue(const PointSample& sample) const;
  Status AddBucket(const PointSample& sample);
  Status EndHistogram(std::string_view count_name, std::string_view sum_name) const;

  MetricType type_;
  std::string family_;
  bool empty_ = true;
  std::optional<double> bound_;   // Of the last bucket.
  std::optional<double> bucket_;  // Its value.
  bool infinite_ = false;         // There was a bucket for all.
  bool odd_bound_ = false;
  bool negative_bound_ = false;
  std::optional<double> count_;
  std::optional<double> sum_;
};

/// Which suffixes the samples of a type have.
std::vector<std::string_view> SuffixesOf(MetricType type);

/// The label that tells the samples of one point apart; "" if there is none.
std::string_view PartLabel(MetricType type, std::string_view suffix, std::string_view family);

}  // namespace tocsin::scrape
