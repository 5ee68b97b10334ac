#include "cpp/telemetry/family_json.h"

#include <cmath>
#include <cstdint>

#include "cpp/base/clock.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"
#include "cpp/lib/json_float.h"

namespace tocsin::telemetry {
namespace {

using lib::JsonWriter;

std::string_view TypeName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "COUNTER";
    case MetricKind::kGauge:
      return "GAUGE";
    case MetricKind::kHistogram:
      return "HISTOGRAM";
    case MetricKind::kSummary:
      return "SUMMARY";
  }
  return "UNTYPED";
}

// 64-bit integers are strings: not every reader of JSON has such numbers.
void WriteCount(uint64_t value, JsonWriter* w) { w->String(std::to_string(value)); }

void WriteTime(double seconds, JsonWriter* w) {
  const auto millis = static_cast<int64_t>(std::llround(seconds * 1'000));
  w->String(FormatRfc3339(millis * kMillisecond));
}

void WriteLabel(std::string_view name, std::string_view value, JsonWriter* w) {
  w->BeginObject().Key("name").String(name).Key("value").String(value).EndObject();
}

void WriteBucket(const Bucket& bucket, JsonWriter* w) {
  w->BeginObject().Key("cumulativeCount");
  WriteCount(bucket.cumulative_count, w);
  w->Key("upperBound");
  lib::WriteFloat(bucket.upper_bound, w);
  if (bucket.exemplar.has_value()) {
    w->Key("exemplar").BeginObject().Key("label").BeginArray();
    WriteLabel("trace_id", bucket.exemplar->trace_id, w);
    w->EndArray().Key("value");
    lib::WriteFloat(bucket.exemplar->value, w);
    w->Key("timestamp");
    WriteTime(bucket.exemplar->time, w);
    w->EndObject();
  }
  w->EndObject();
}

void WriteHistogram(const Metric& metric, JsonWriter* w) {
  w->Key("sampleCount");
  WriteCount(metric.buckets.empty() ? 0 : metric.buckets.back().cumulative_count, w);
  w->Key("sampleSum");
  lib::WriteFloat(metric.value, w);
  w->Key("bucket").BeginArray();
  for (const Bucket& bucket : metric.buckets) {
    // The last one says no more than the count, if it has no exemplar.
    if (std::isfinite(bucket.upper_bound) || bucket.exemplar.has_value()) WriteBucket(bucket, w);
  }
  w->EndArray();
}

void WriteSummary(const Metric& metric, JsonWriter* w) {
  w->Key("sampleCount");
  WriteCount(metric.count, w);
  w->Key("sampleSum");
  lib::WriteFloat(metric.value, w);
  w->Key("quantile").BeginArray();
  for (const Quantile& quantile : metric.quantiles) {
    w->BeginObject().Key("quantile");
    lib::WriteFloat(quantile.quantile, w);
    w->Key("value");
    lib::WriteFloat(quantile.value, w);
    w->EndObject();
  }
  w->EndArray();
}

// The member that holds what is particular to a kind.
std::string_view MemberName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
    case MetricKind::kSummary:
      return "summary";
  }
  return "untyped";
}

void WriteMetric(const Metric& metric, MetricKind kind, JsonWriter* w) {
  w->BeginObject();
  if (!metric.labels.empty()) {
    w->Key("label").BeginArray();
    for (const auto& [name, value] : metric.labels) WriteLabel(name, value, w);
    w->EndArray();
  }
  w->Key(MemberName(kind)).BeginObject();
  if (kind == MetricKind::kHistogram) {
    WriteHistogram(metric, w);
  } else if (kind == MetricKind::kSummary) {
    WriteSummary(metric, w);
  } else {
    w->Key("value");
    lib::WriteFloat(metric.value, w);
  }
  if (kind != MetricKind::kGauge && metric.created > 0) {
    w->Key("createdTimestamp");
    WriteTime(metric.created, w);
  }
  w->EndObject().EndObject();
}

}  // namespace

std::string FamiliesAsJson(const std::vector<Family>& families,
                           const std::function<bool(std::string_view name)>& wanted) {
  JsonWriter w;
  w.BeginArray();
  for (const Family& family : families) {
    if (!wanted(family.name)) continue;
    w.BeginObject().Key("name").String(family.name).Key("help").String(family.help);
    w.Key("type").String(TypeName(family.kind)).Key("metric").BeginArray();
    for (const Metric& metric : family.metrics) WriteMetric(metric, family.kind, &w);
    w.EndArray().EndObject();
  }
  w.EndArray();
  return std::move(w).Take();
}

}  // namespace tocsin::telemetry
