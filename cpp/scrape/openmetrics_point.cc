#include "cpp/scrape/openmetrics_point.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpp/scrape/text_reader.h"

namespace tocsin::scrape {
namespace {

Failure Wrong(std::string_view what) { return InvalidArgumentError(what); }

const std::string* FindLabel(const std::vector<Labels::Pair>& labels, std::string_view name) {
  const auto found = std::ranges::find(labels, name, &Labels::Pair::first);
  return found == labels.end() ? nullptr : &found->second;
}

bool IsCount(double value) { return value >= 0 && value == std::floor(value); }

}  // namespace

std::vector<std::string_view> SuffixesOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return {"_total", "_created"};
    case MetricType::kSummary:
      return {"", "_sum", "_count", "_created"};
    case MetricType::kHistogram:
      return {"_bucket", "_sum", "_count", "_created"};
    case MetricType::kGaugeHistogram:
      return {"_bucket", "_gsum", "_gcount"};
    case MetricType::kInfo:
      return {"_info"};
    default:
      return {""};
  }
}

std::string_view PartLabel(MetricType type, std::string_view suffix, std::string_view family) {
  if (suffix == "_bucket") return "le";
  if (type == MetricType::kSummary && suffix.empty()) return "quantile";
  if (type == MetricType::kStateSet) return family;
  return "";
}

Status OpenMetricsPoint::Add(const PointSample& sample) {
  empty_ = false;
  TOCSIN_RETURN_IF_ERROR(CheckValue(sample));
  const bool counts = sample.suffix == "_total" || sample.suffix == "_bucket";
  if (sample.has_exemplar && !counts) {
    return Wrong("an exemplar is for counters and buckets only");
  }
  if (sample.suffix == "_bucket") return AddBucket(sample);
  if (sample.suffix == "_count" || sample.suffix == "_gcount") count_ = sample.value;
  if (sample.suffix == "_sum" || sample.suffix == "_gsum") sum_ = sample.value;
  const std::string_view part = PartLabel(type_, sample.suffix, family_);
  if (part.empty()) return {};
  const std::string* const value = FindLabel(sample.labels, part);
  if (value == nullptr) return Wrong("the label \"" + std::string(part) + "\" is missing");
  if (type_ == MetricType::kSummary) {
    const std::optional<double> quantile = ParseNumber(*value);
    if (!quantile.has_value() || !(*quantile >= 0 && *quantile <= 1)) {
      return Wrong("a quantile is from 0 to 1");
    }
  }
  return {};
}

Status OpenMetricsPoint::CheckValue(const PointSample& sample) const {
  const double value = sample.value;
  const std::string_view suffix = sample.suffix;
  if (suffix == "_created") {
    return std::isfinite(value) ? Status() : Wrong("a time of creation is finite");
  }
  switch (type_) {
    case MetricType::kCounter:
      if (!(value >= 0)) return Wrong("a counter is neither NaN nor negative");
      return {};
    case MetricType::kInfo:
      if (value != 1) return Wrong("the value of an info is 1");
      return {};
    case MetricType::kStateSet:
      if (value != 0 && value != 1) return Wrong("the value of a state is 0 or 1");
      return {};
    case MetricType::kSummary:
      if (suffix.empty()) {
        return value < 0 ? Wrong("the value of a quantile is not negative") : Status();
      }
      [[fallthrough]];
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram:
      if (suffix == "_gsum") return std::isnan(value) ? Wrong("a sum is not NaN") : Status();
      if (suffix == "_sum") {
        return value >= 0 ? Status() : Wrong("a sum is neither NaN nor negative");
      }
      return IsCount(value) ? Status() : Wrong("a count is a whole number and not negative");
    default:
      return {};
  }
}

Status OpenMetricsPoint::AddBucket(const PointSample& sample) {
  const std::string* const le = FindLabel(sample.labels, "le");
  if (le == nullptr) return Wrong("the label \"le\" is missing");
  if (infinite_ || odd_bound_) return Wrong("a bucket stands behind the one for all");
  if (bucket_.has_value() && sample.value < *bucket_) return Wrong("buckets are cumulative");
  bucket_ = sample.value;
  if (*le == " Inf") {
    odd_bound_ = true;
    return {};
  }
  const std::optional<double> bound = ParseNumber(*le);
  if (!bound.has_value() || std::isnan(*bound)) return Wrong("the label \"le\" is no number");
  if (bound_.has_value() && *bound <= *bound_) return Wrong("buckets are in the order of \"le\"");
  bound_ = bound;
  infinite_ = *bound == std::numeric_limits<double>::infinity();
  negative_bound_ = negative_bound_ || *bound < 0;
  return {};
}

Status OpenMetricsPoint::End() const {
  if (empty_) return {};
  if (type_ == MetricType::kHistogram) return EndHistogram("_count", "_sum");
  if (type_ == MetricType::kGaugeHistogram) return EndHistogram("_gcount", "_gsum");
  return {};
}

Status OpenMetricsPoint::EndHistogram(std::string_view count_name,
                                      std::string_view sum_name) const {
  const bool count_alone = count_.has_value() && (odd_bound_ || !bucket_.has_value());
  if (!infinite_ && !count_alone) {
    return Wrong("a histogram has no bucket with le=\"+Inf\"");
  }
  if (infinite_ && count_.has_value() && *count_ != *bucket_) {
    return Wrong("a histogram's " + std::string(count_name) + " is not that of its +Inf bucket");
  }
  if (sum_.has_value() && !count_.has_value()) {
    return Wrong("a histogram has " + std::string(sum_name) + " and no " + std::string(count_name));
  }
  const bool gauge = type_ == MetricType::kGaugeHistogram;
  if (count_.has_value() && !sum_.has_value() && (gauge || *count_ == 0)) {
    return Wrong("a histogram has " + std::string(count_name) + " and no " + std::string(sum_name));
  }
  if (!gauge && negative_bound_ && sum_.has_value()) {
    return Wrong("a histogram with a negative \"le\" has no _sum");
  }
  if (gauge && !negative_bound_ && sum_.value_or(0) < 0) {
    return Wrong("a _gsum is negative where no \"le\" is");
  }
  return {};
}

}  // namespace tocsin::scrape
