/// What an evaluation has to say besides its result.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/model/labels.h"
#include "cpp/promql/ast.h"

namespace tocsin::promql {

/// Where and how much histogram_quantile had to bend the buckets of a classic histogram.
struct ForcedMonotonicity {
  double min_bucket = 0;
  double max_bucket = 0;
  double max_diff = 0;
};

/// Collects warnings and infos; of equal texts the first position is kept. Not thread-safe.
class Annotations {
 public:
  void Warn(PosRange pos, std::string_view text) { Add(pos, true, text); }
  void Info(PosRange pos, std::string_view text) { Add(pos, false, text); }
  /// A warning that tells how often it came, if more than once.
  void WarnCounted(PosRange pos, std::string_view text, size_t times = 1) {
    Add(pos, true, text).count += times;
  }
  /// Such infos of one metric become one, with the whole range of buckets and times.
  void InfoForcedMonotonicity(PosRange pos, std::string_view metric_name, Millis t,
                              const ForcedMonotonicity& forced);

  /// "PromQL warning: text (line:column)", in the order in which they came.
  std::vector<std::string> Warnings(std::string_view query) const { return Render(query, true); }
  std::vector<std::string> Infos(std::string_view query) const { return Render(query, false); }

 private:
  struct Entry {
    PosRange pos;
    bool is_warning = false;
    std::string text;
    size_t merged = 0;  ///< How many forced histograms; 0 for every other kind.
    size_t count = 0;   ///< How often it came, of those that are counted.
    ForcedMonotonicity forced;
    Millis min_time = 0;
    Millis max_time = 0;
  };

  Entry& Add(PosRange pos, bool is_warning, std::string_view text);
  std::vector<std::string> Render(std::string_view query, bool warnings) const;

  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> by_text_;
};

/// "ignored histogram in max aggregation"
std::string HistogramIgnoredText(AggregateOp op);

/// ` for metric name "x"`, or nothing for a series without a name.
std::string ForMetricName(std::string_view metric_name);

}  // namespace tocsin::promql
