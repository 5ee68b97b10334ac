#include "cpp/wire/otlp_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/format.h"
#include "cpp/wire/otlp_metrics_read.h"

namespace tocsin::wire {
namespace {

using View = std::string_view;

// The width of the zero bucket when the sender says none, as in Prometheus.
constexpr double kZeroThreshold = 1e-128;
// Of an exemplar's labels; OpenMetrics.
constexpr size_t kExemplarCharacters = 128;
// target_info is written so often that a look-back of five minutes always finds it, and so many
// times at most.
constexpr Millis kTargetInfoInterval = 150'000;
constexpr Millis kTargetInfoCount = 100;
constexpr size_t kReasonsShown = 10;
// Bucket indices that ValidateHistogram takes.
constexpr int64_t kMaxIndex = int64_t{1} << 30;

constexpr View kServiceName = "service.name";
constexpr View kServiceNamespace = "service.namespace";
constexpr View kServiceInstance = "service.instance.id";

Millis MillisOf(uint64_t nanos) { return static_cast<Millis>(nanos / uint64_t{kMillisecond}); }

View Find(const OtlpAttributes& attributes, View key) {
  for (const auto& [name, value] : attributes) {
    if (name == key) return value;
  }
  return {};
}

std::string Hex(View bytes) {
  std::string hex;
  for (const char byte : bytes) {
    hex += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
    hex += "0123456789abcdef"[static_cast<uint8_t>(byte) & 15];
  }
  return hex;
}

size_t Characters(View text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

MetricType TypeOf(OtlpMetricKind kind) {
  switch (kind) {
    case OtlpMetricKind::kGauge:
    case OtlpMetricKind::kSum:
      return MetricType::kGauge;
    case OtlpMetricKind::kMonotonicSum:
      return MetricType::kCounter;
    case OtlpMetricKind::kHistogram:
    case OtlpMetricKind::kExponentialHistogram:
      return MetricType::kHistogram;
    case OtlpMetricKind::kSummary:
      return MetricType::kSummary;
    case OtlpMetricKind::kNone:
      return MetricType::kUnknown;
  }
  return MetricType::kUnknown;
}

bool HasTemporality(OtlpMetricKind kind) {
  return kind != OtlpMetricKind::kGauge && kind != OtlpMetricKind::kSummary;
}

// The populated buckets of one side, 2^scale_down of the sender's in each; a gap of up to two empty
// ones is cheaper than a span.
struct SparseBuckets {
  std::vector<HistogramSpan> spans;
  std::vector<double> counts;
  uint64_t total = 0;    // Wraps, as the sender's count does.
  bool in_range = true;  // All indices are such that a histogram can have.

  void Add(const OtlpBuckets& buckets, int32_t scale_down) {
    std::optional<int64_t> last;
    for (size_t i = 0; i < buckets.counts.size(); ++i) {
      const uint64_t count = buckets.counts[i];
      if (count == 0) continue;
      total += count;
      const int64_t theirs = int64_t{buckets.offset} + static_cast<int64_t>(i);
      const int64_t index = (theirs >> std::min(scale_down, 62)) + 1;
      if (std::abs(index) > kMaxIndex) in_range = false;
      if (!in_range) return;
      if (last && index == *last) {
        counts.back() += static_cast<double>(count);
        continue;
      }
      const int64_t gap = last ? index - *last - 1 : index;
      if (!last || gap > 2) {
        spans.push_back({.offset = static_cast<int32_t>(gap), .length = 0});
      } else {
        counts.insert(counts.end(), static_cast<size_t>(gap), 0.0);
        spans.back().length += static_cast<uint32_t>(gap);
      }
      ++spans.back().length;
      counts.push_back(static_cast<double>(count));
      last = index;
    }
  }
};

Result<HistogramPtr> NativeHistogramOf(const OtlpDataPoint& point) {
  if (point.scale < kMinExponentialSchema) {
    return InvalidArgumentError("an exponential histogram of scale " + std::to_string(point.scale) +
                                "; the coarsest is -4");
  }
  const int32_t scale_down = std::max(0, point.scale - kMaxExponentialSchema);
  SparseBuckets positive;
  SparseBuckets negative;
  positive.Add(point.positive, scale_down);
  negative.Add(point.negative, scale_down);
  if (!positive.in_range || !negative.in_range) {
    return InvalidArgumentError("a bucket of an exponential histogram is beyond every number");
  }
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->schema = point.scale - scale_down;
  histogram->zero_threshold = point.zero_threshold > 0 ? point.zero_threshold : kZeroThreshold;
  histogram->zero_count = static_cast<double>(point.zero_count);
  histogram->count = static_cast<double>(point.count);
  histogram->sum = point.sum.value_or(0);
  histogram->positive_spans = std::move(positive.spans);
  histogram->positive_buckets = std::move(positive.counts);
  histogram->negative_spans = std::move(negative.spans);
  histogram->negative_buckets = std::move(negative.counts);
  TOCSIN_RETURN_IF_ERROR(ValidateHistogram(*histogram));
  const uint64_t found = positive.total + negative.total + point.zero_count;
  const bool fits = std::isnan(histogram->sum) ? found <= point.count : found == point.count;
  if (!fits) {
    return InvalidArgumentError("the buckets hold " + std::to_string(found) +
                                " observations, and the count is " + std::to_string(point.count));
  }
  return histogram;
}

class Translator {
 public:
  Translator(const OtlpMetricsLimits& limits, OtlpMetrics* out) : limits_(limits), out_(*out) {}

  bool exhausted() const { return exhausted_; }

  void BeginResource(const OtlpAttributes& resource) {
    resource_ = resource;
    const View name = Find(resource, kServiceName);
    const View space = Find(resource, kServiceNamespace);
    job_ = space.empty() || name.empty() ? std::string(name)
                                         : std::string(space) + "/" + std::string(name);
    instance_ = Find(resource, kServiceInstance);
    earliest_ = std::numeric_limits<Millis>::max();
    latest_ = 0;
  }

  bool Metric(const OtlpMetric& metric) {
    for (const OtlpDataPoint& point : metric.points) {
      earliest_ = std::min(earliest_, MillisOf(point.time));
      latest_ = std::max(latest_, MillisOf(point.time));
    }
    family_ = PrometheusMetricName(metric.name, metric.unit, metric.kind);
    if (const std::string wrong = Refusal(metric); !wrong.empty()) {
      Reject(metric, metric.points.size(), wrong);
      return true;
    }
    if (metric.points.empty()) return true;
    out_.metadata.push_back({.family = family_,
                             .type = TypeOf(metric.kind),
                             .help = std::string(metric.description),
                             .unit = PrometheusUnit(metric.unit)});
    for (const OtlpDataPoint& point : metric.points) {
      Point(metric, point);
      if (out_.samples.size() > limits_.max_samples) {
        exhausted_ = true;
        return false;
      }
    }
    return true;
  }

  void EndResource() {
    if (earliest_ > latest_) return;  // No point.
    OtlpAttributes others;
    for (const auto& attribute : resource_) {
      const View key = attribute.first;
      if (key != kServiceName && key != kServiceNamespace && key != kServiceInstance) {
        others.push_back(attribute);
      }
    }
    if (others.empty() || (job_.empty() && instance_.empty())) return;
    Result<Labels> labels = LabelsOf(others);
    if (!labels.has_value()) return;  // An attribute without a name.
    labels->Set(kMetricName, "target_info");
    out_.metadata.push_back({.family = "target_info",
                             .type = MetricType::kGauge,
                             .help = "Target metadata",
                             .unit = {}});
    const Millis first = std::max(earliest_, latest_ - kTargetInfoCount * kTargetInfoInterval);
    for (Millis t = first; t < latest_; t += kTargetInfoInterval) AddTargetInfo(*labels, t);
    AddTargetInfo(*labels, latest_);
  }

 private:
  // Why nothing of the metric can be taken; "" if it can.
  std::string Refusal(const OtlpMetric& metric) const {
    if (metric.kind == OtlpMetricKind::kNone) {
      return metric.points.empty() ? "" : "a kind of metric that is not known";
    }
    if (HasTemporality(metric.kind) && metric.temporality != OtlpTemporality::kCumulative) {
      return metric.temporality == OtlpTemporality::kDelta
                 ? "delta temporality is not taken; send cumulative"
                 : "its temporality is not said";
    }
    return family_.empty() ? "nothing of its name can be a name in Prometheus" : "";
  }

  void Reject(const OtlpMetric& metric, size_t points, std::string_view reason) {
    if (points == 0) return;
    out_.rejected_points += points;
    if (++reasons_ > kReasonsShown) return;
    out_.rejection += (out_.rejection.empty() ? "metric \"" : "\nmetric \"") +
                      std::string(metric.name) + "\": " + std::string(reason);
  }

  void Point(const OtlpMetric& metric, const OtlpDataPoint& point) {
    Result<Labels> labels = LabelsOf(point.attributes);
    if (!labels.has_value()) return Reject(metric, 1, labels.error().message());
    base_ = *std::move(labels);
    switch (metric.kind) {
      case OtlpMetricKind::kHistogram:
        return Classic(metric, point);
      case OtlpMetricKind::kExponentialHistogram:
        return Native(metric, point);
      case OtlpMetricKind::kSummary:
        return Summary(point);
      default:
        Add(point, family_, point.value).exemplars = ExemplarsOf(point);
    }
  }

  // As Prometheus: attributes in the order of their keys, whose names may fall together.
  Result<Labels> LabelsOf(const OtlpAttributes& attributes) const {
    OtlpAttributes sorted = attributes;
    std::ranges::stable_sort(sorted, {}, &OtlpAttributes::value_type::first);
    std::vector<Labels::Pair> pairs;
    for (auto& [key, value] : sorted) {
      if (key == kMetricName) continue;
      std::string name = PrometheusLabelName(key);
      if (name.empty()) return InvalidArgumentError("the attribute \"" + key + "\" is no name");
      const auto same = std::ranges::find(pairs, name, &Labels::Pair::first);
      if (same != pairs.end() && !same->second.empty()) {
        same->second += ";" + value;
      } else {
        pairs.emplace_back(std::move(name), std::move(value));
      }
    }
    Labels labels(std::move(pairs));
    if (!job_.empty()) labels.Set("job", job_);
    if (!instance_.empty()) labels.Set("instance", instance_);
    return labels;
  }

  OtlpSample& Add(const OtlpDataPoint& point, View name, double value) {
    OtlpSample& sample = out_.samples.emplace_back();
    sample.labels = base_;
    sample.labels.Set(kMetricName, name);
    sample.t = MillisOf(point.time);
    sample.start = MillisOf(point.start);
    sample.value = point.no_recorded_value() ? StaleNan() : value;
    return sample;
  }

  void Native(const OtlpMetric& metric, const OtlpDataPoint& point) {
    HistogramPtr histogram;
    if (!point.no_recorded_value()) {
      Result<HistogramPtr> made = NativeHistogramOf(point);
      if (!made.has_value()) return Reject(metric, 1, made.error().message());
      histogram = *std::move(made);
    }
    OtlpSample& sample = Add(point, family_, 0);
    sample.histogram = std::move(histogram);
    sample.exemplars = ExemplarsOf(point);
  }

  void Classic(const OtlpMetric& metric, const OtlpDataPoint& point) {
    const std::vector<double>& bounds = point.explicit_bounds;
    if (std::ranges::any_of(bounds, [](double bound) { return std::isnan(bound); }) ||
        std::ranges::adjacent_find(bounds, std::greater_equal<>()) != bounds.end()) {
      return Reject(metric, 1, "the bounds of a histogram do not ascend");
    }
    if (point.sum) Add(point, family_ + "_sum", *point.sum);
    const auto count = static_cast<double>(point.count);
    Add(point, family_ + "_count", count);
    std::vector<Exemplar> exemplars = ExemplarsOf(point);
    const auto add_bucket = [&](std::string_view le, double value, double bound) {
      OtlpSample& sample = Add(point, family_ + "_bucket", value);
      sample.labels.Set("le", le);
      const auto inside = std::ranges::stable_partition(
          exemplars, [bound](const Exemplar& exemplar) { return exemplar.value > bound; });
      sample.exemplars.assign(std::make_move_iterator(inside.begin()),
                              std::make_move_iterator(inside.end()));
      exemplars.erase(inside.begin(), inside.end());
    };
    uint64_t cumulative = 0;
    for (size_t i = 0; i < bounds.size() && i < point.bucket_counts.size(); ++i) {
      if (std::isinf(bounds[i]) && bounds[i] > 0) break;  // That bucket comes anyway.
      cumulative += point.bucket_counts[i];
      add_bucket(FormatGoFixed(bounds[i]), static_cast<double>(cumulative), bounds[i]);
    }
    add_bucket("+Inf", count, std::numeric_limits<double>::infinity());
  }

  void Summary(const OtlpDataPoint& point) {
    Add(point, family_ + "_sum", point.sum.value_or(0));
    Add(point, family_ + "_count", static_cast<double>(point.count));
    for (const auto& [quantile, value] : point.quantiles) {
      Add(point, family_, value).labels.Set("quantile", FormatGoFixed(quantile));
    }
  }

  static std::vector<Exemplar> ExemplarsOf(const OtlpDataPoint& point) {
    std::vector<Exemplar> exemplars;
    for (const OtlpExemplar& read : point.exemplars) {
      Exemplar& exemplar = exemplars.emplace_back();
      exemplar.t = MillisOf(read.time);
      exemplar.value = read.value;
      std::vector<Labels::Pair> ids;
      if (!read.trace_id.empty()) ids.emplace_back("trace_id", Hex(read.trace_id));
      if (!read.span_id.empty()) ids.emplace_back("span_id", Hex(read.span_id));
      size_t characters = 0;
      for (const auto& [name, value] : ids) characters += name.size() + value.size();
      for (const auto& [name, value] : read.attributes) {
        characters += Characters(name) + Characters(value);
      }
      // All of the attributes, or none: half of them would mislead.
      std::vector<Labels::Pair> pairs;
      if (characters <= kExemplarCharacters) {
        for (const auto& [name, value] : read.attributes) {
          if (!name.empty()) pairs.emplace_back(name, value);
        }
      }
      pairs.insert(pairs.end(), ids.begin(), ids.end());
      exemplar.labels = Labels(std::move(pairs));
    }
    std::ranges::stable_sort(exemplars, {}, &Exemplar::t);
    return exemplars;
  }

  // Several resources of a request may be one target.
  void AddTargetInfo(const Labels& labels, Millis t) {
    if (!target_infos_.emplace(labels.Hash(), t).second) return;
    OtlpSample& sample = out_.samples.emplace_back();
    sample.labels = labels;
    sample.t = t;
    sample.value = 1;
  }

  const OtlpMetricsLimits& limits_;
  OtlpMetrics& out_;
  bool exhausted_ = false;
  size_t reasons_ = 0;
  std::set<std::pair<uint64_t, Millis>> target_infos_;
  // Of the resource.
  OtlpAttributes resource_;
  std::string job_;
  std::string instance_;
  Millis earliest_ = 0;
  Millis latest_ = 0;
  // Of the metric, and of the point.
  std::string family_;
  Labels base_;
};

}  // namespace

Result<OtlpMetrics> DecodeOtlpMetrics(std::string_view body, const OtlpMetricsLimits& limits) {
  OtlpMetrics result;
  Translator translator(limits, &result);
  OtlpMetricsVisitor visitor;
  visitor.begin_resource = [&](const OtlpAttributes& resource) {
    translator.BeginResource(resource);
  };
  visitor.metric = [&](const OtlpMetric& metric) { return translator.Metric(metric); };
  visitor.end_resource = [&] { translator.EndResource(); };
  WireError error;
  if (ReadOtlpMetrics(body, limits.max_items, visitor, &error)) return result;
  if (error.at == nullptr) {
    return ResourceExhaustedError("the OTLP request has too many data points; send fewer");
  }
  return InvalidArgumentError(std::string("malformed OTLP metrics: ") + error.what + ", at byte " +
                              std::to_string(error.at - body.data()));
}

}  // namespace tocsin::wire
