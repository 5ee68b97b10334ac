#include "cpp/api/metrics_json.h"

#include <cmath>
#include <vector>

#include "cpp/api/value_json.h"
#include "cpp/lib/json.h"
#include "cpp/lib/json_float.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

void WriteLabels(const std::vector<traceql::MetricsLabel>& labels, JsonWriter* w) {
  if (labels.empty()) return;
  w->Key("labels").BeginArray();
  for (const traceql::MetricsLabel& label : labels) {
    w->BeginObject().Key("key").String(label.name).Key("value");
    WriteValue(label.value, w);
    w->EndObject();
  }
  w->EndArray();
}

void WriteNumber(double value, JsonWriter* w) {
  if (value == 0) return;
  lib::WriteFloat(value, &w->Key("value"));
}

void WriteTimestamp(int64_t timestamp_ms, JsonWriter* w) {
  if (timestamp_ms != 0) w->Key("timestampMs").String(std::to_string(timestamp_ms));
}

void WriteExemplars(const std::vector<traceql::MetricsExemplar>& exemplars, JsonWriter* w) {
  if (exemplars.empty()) return;
  w->Key("exemplars").BeginArray();
  for (const traceql::MetricsExemplar& exemplar : exemplars) {
    w->BeginObject();
    WriteLabels(exemplar.labels, w);
    WriteNumber(exemplar.value, w);
    WriteTimestamp(exemplar.timestamp_ms, w);
    w->EndObject();
  }
  w->EndArray();
}

void WriteRest(const traceql::MetricsResult& result, JsonWriter* w) {
  const traceql::MetricsStats& stats = result.stats;
  w->Key("metrics").BeginObject();
  const auto number = [w](std::string_view key, uint64_t value) {
    if (value != 0) w->Key(key).Uint(value);
  };
  const auto text = [w](std::string_view key, uint64_t value) {
    if (value != 0) w->Key(key).String(std::to_string(value));
  };
  number("inspectedTraces", stats.inspected_traces);
  text("inspectedBytes", stats.inspected_bytes);
  number("totalBlocks", stats.total_blocks);
  number("completedJobs", stats.total_blocks);
  number("totalJobs", stats.total_blocks);
  text("inspectedSpans", stats.inspected_spans);
  w->EndObject();
  if (!result.partial.empty()) {
    w->Key("status").String("PARTIAL").Key("message").String(result.partial);
  }
}

}  // namespace

std::string QueryRangeJson(const traceql::MetricsResult& result) {
  JsonWriter w;
  w.BeginObject().Key("series").BeginArray();
  for (const traceql::MetricsSeries& series : result.series) {
    w.BeginObject();
    WriteLabels(series.labels, &w);
    w.Key("samples").BeginArray();
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (std::isnan(series.values[i])) continue;
      w.BeginObject();
      WriteTimestamp(result.timestamps_ms[i], &w);
      WriteNumber(series.values[i], &w);
      w.EndObject();
    }
    w.EndArray();
    WriteExemplars(series.exemplars, &w);
    w.EndObject();
  }
  w.EndArray();
  WriteRest(result, &w);
  w.EndObject();
  return std::move(w).Take();
}

std::string QueryInstantJson(const traceql::MetricsResult& result) {
  JsonWriter w;
  w.BeginObject().Key("series").BeginArray();
  for (const traceql::MetricsSeries& series : result.series) {
    w.BeginObject();
    WriteLabels(series.labels, &w);
    WriteNumber(series.values.back(), &w);
    w.EndObject();
  }
  w.EndArray();
  WriteRest(result, &w);
  w.EndObject();
  return std::move(w).Take();
}

}  // namespace tocsin::api
