#include "tests/unit/promql/script_compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "cpp/base/format.h"
#include "cpp/model/native_histogram_buckets.h"
#include "cpp/model/native_histogram_math.h"

namespace tocsin::promql {
namespace {

// 1e-6 relative, as upstream. A stale marker is no other NaN.
bool AlmostEqual(double a, double b) {
  if (IsStaleNan(a) || IsStaleNan(b)) return IsStaleNan(a) && IsStaleNan(b);
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  constexpr double kEpsilon = 1e-6;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < kEpsilon * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kEpsilon;
}

bool SameSide(const std::vector<HistogramSpan>& a_spans, const std::vector<double>& a_counts,
              const std::vector<HistogramSpan>& b_spans, const std::vector<double>& b_counts) {
  return a_spans == b_spans && std::ranges::equal(a_counts, b_counts, AlmostEqual);
}

// As upstream: bounds and thresholds exactly, counts nearly, hints only where the script has one.
bool SameHistogram(const NotedValue& want, const NativeHistogram& got) {
  NativeHistogram a = *want.histogram;
  NativeHistogram b = got;
  CompactHistogram(&a);
  CompactHistogram(&b);
  if (want.has_hint && a.counter_reset != b.counter_reset) return false;
  if (a.schema != b.schema || a.zero_threshold != b.zero_threshold) return false;
  if (a.custom_buckets() && a.custom_values != b.custom_values) return false;
  return AlmostEqual(a.count, b.count) && AlmostEqual(a.sum, b.sum) &&
         AlmostEqual(a.zero_count, b.zero_count) &&
         SameSide(a.positive_spans, a.positive_buckets, b.positive_spans, b.positive_buckets) &&
         SameSide(a.negative_spans, a.negative_buckets, b.negative_spans, b.negative_buckets);
}

// What came: a float or a histogram.
struct Got {
  double value = 0;
  HistogramPtr histogram;

  std::string ToString() const {
    return histogram != nullptr ? HistogramNotation(*histogram) : FormatGoFloat(value);
  }
};

std::string ToString(const NotedValue& want) {
  return want.histogram != nullptr ? HistogramNotation(*want.histogram) : FormatGoFloat(want.value);
}

bool Same(const NotedValue& want, const Got& got) {
  if ((want.histogram != nullptr) != (got.histogram != nullptr)) return false;
  return want.histogram != nullptr ? SameHistogram(want, *got.histogram)
                                   : AlmostEqual(want.value, got.value);
}

std::string CompareSeries(const NotedSeries& expected, const TimeRange& range,
                          const SeriesData& data) {
  std::map<Millis, Got> actual;
  for (const Sample& sample : data.samples) actual[sample.t] = {sample.v, nullptr};
  for (const HistogramSample& sample : data.histograms) {
    if (actual.contains(sample.t)) return "a float and a histogram at one time";
    actual[sample.t] = {0, sample.histogram};
  }
  for (size_t i = 0; i < expected.values.size(); ++i) {
    if (expected.values[i].blank) continue;
    const Millis t = range.start + static_cast<Millis>(i) * range.step;
    if (t > range.end) return "more values are expected than the range has";
    const std::string at = "at " + FormatGoFloat(static_cast<double>(t) / 1000) + "s ";
    const std::string want = ToString(expected.values[i]);
    const auto it = actual.find(t);
    if (it == actual.end()) return at + "expected " + want + ", got no value";
    if (!Same(expected.values[i], it->second)) {
      return at + "expected " + want + ", got " + it->second.ToString();
    }
    actual.erase(it);
  }
  if (actual.empty()) return "";
  return "at " + FormatGoFloat(static_cast<double>(actual.begin()->first) / 1000) +
         "s expected no value, got " + actual.begin()->second.ToString();
}

std::string CompareMatrix(const Evaluation& evaluation, const std::vector<SeriesData>& actual) {
  if (evaluation.Expects("ordered")) return "expected an ordered vector, got a matrix";
  if (!std::ranges::is_sorted(actual, {}, &SeriesData::labels)) {
    return "expected series in order, got them unsorted";
  }
  const TimeRange& range = evaluation.range_vector ? *evaluation.range_vector : evaluation.range;
  for (const NotedSeries& want : evaluation.series) {
    const auto it = std::ranges::find(actual, want.labels, &SeriesData::labels);
    if (it == actual.end()) return "expected " + want.labels.ToString() + ", got no such series";
    const std::string difference = CompareSeries(want, range, *it);
    if (!difference.empty()) return want.labels.ToString() + ": " + difference;
  }
  for (const SeriesData& data : actual) {
    if (std::ranges::find(evaluation.series, data.labels, &NotedSeries::labels) ==
        evaluation.series.end()) {
      return "expected no " + data.labels.ToString() + ", got it with " +
             std::to_string(data.samples.size()) + " floats and " +
             std::to_string(data.histograms.size()) + " histograms";
    }
  }
  return actual.size() == evaluation.series.size() ? "" : "a series came twice";
}

std::string CompareVector(const Evaluation& evaluation, const std::vector<VectorSample>& actual) {
  for (size_t i = 0; i < evaluation.series.size(); ++i) {
    const NotedSeries& want = evaluation.series[i];
    const auto it = std::ranges::find(actual, want.labels, &VectorSample::labels);
    if (it == actual.end()) return "expected " + want.labels.ToString() + ", got no such series";
    if (evaluation.Expects("ordered") && it != actual.begin() + static_cast<std::ptrdiff_t>(i)) {
      return "expected " + want.labels.ToString() + " at place " + std::to_string(i + 1) +
             ", got it at " + std::to_string(it - actual.begin() + 1);
    }
    const Got got{it->sample.v, it->histogram};
    if (!Same(want.values.front(), got)) {
      return want.labels.ToString() + ": expected " + ToString(want.values.front()) + ", got " +
             got.ToString();
    }
  }
  for (const VectorSample& sample : actual) {
    if (std::ranges::find(evaluation.series, sample.labels, &NotedSeries::labels) ==
        evaluation.series.end()) {
      return "expected no " + sample.labels.ToString() + ", got it with " +
             Got{sample.sample.v, sample.histogram}.ToString();
    }
  }
  return actual.size() == evaluation.series.size() ? "" : "a series came twice";
}

std::string CompareAnnotations(const Evaluation& evaluation, const std::string& kind,
                               const std::vector<std::string>& actual) {
  if (evaluation.Expects("no_" + kind) && !actual.empty()) {
    return "expected no " + kind + ", got " + actual.front();
  }
  if (!evaluation.Expects(kind)) return "";
  const auto matches = [&kind](const Expectation& e, const std::string& message) {
    return e.kind == kind && e.Matches(message);
  };
  for (const Expectation& expectation : evaluation.expectations) {
    if (expectation.kind != kind) continue;
    if (std::ranges::none_of(actual, [&](const auto& m) { return matches(expectation, m); })) {
      return "expected " + kind + " " + expectation.text + ", got " +
             (actual.empty() ? "none" : actual.front());
    }
  }
  for (const std::string& message : actual) {
    if (std::ranges::none_of(evaluation.expectations,
                             [&](const Expectation& e) { return matches(e, message); })) {
      return "expected no other " + kind + ", got " + message;
    }
  }
  return "";
}

}  // namespace

std::string CompareValue(const Evaluation& evaluation, const Value& value) {
  if (evaluation.string) {
    const auto* string = std::get_if<StringValue>(&value);
    if (string == nullptr) return "expected a string, got another type";
    return string->value == *evaluation.string
               ? ""
               : "expected \"" + *evaluation.string + "\", got \"" + string->value + "\"";
  }
  if (const auto* scalar = std::get_if<ScalarValue>(&value)) {
    if (!evaluation.scalar) return "expected series, got a scalar";
    return AlmostEqual(scalar->sample.v, *evaluation.scalar)
               ? ""
               : "expected " + FormatGoFloat(*evaluation.scalar) + ", got " +
                     FormatGoFloat(scalar->sample.v);
  }
  if (evaluation.scalar) return "expected a scalar, got another type";
  if (const auto* matrix = std::get_if<MatrixValue>(&value)) {
    return CompareMatrix(evaluation, matrix->series);
  }
  if (const auto* vector = std::get_if<VectorValue>(&value)) {
    return CompareVector(evaluation, vector->samples);
  }
  return "expected series, got a string";
}

std::string Compare(const Evaluation& evaluation, const Result<QueryResult>& result) {
  if (evaluation.Expects("fail")) {
    if (result.has_value()) return "expected a failure, got a result";
    const std::string message(result.error().message());
    for (const Expectation& expectation : evaluation.expectations) {
      if (expectation.kind == "fail" && !expectation.Matches(message)) {
        return "expected the failure " + expectation.text + ", got " + message;
      }
    }
    return "";
  }
  if (!result.has_value()) {
    return "expected a result, got the failure " + std::string(result.error().message());
  }
  std::string difference = CompareAnnotations(evaluation, "warn", result->warnings);
  if (difference.empty()) difference = CompareAnnotations(evaluation, "info", result->infos);
  return difference.empty() ? CompareValue(evaluation, result->value) : difference;
}

}  // namespace tocsin::promql
