#include "cpp/api/search_json.h"

#include <algorithm>

#include "cpp/base/clock.h"
#include "cpp/lib/json.h"
#include "cpp/wire/attribute_json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

void WriteValue(const traceql::Value& value, JsonWriter* w) {
  switch (value.type) {
    case ValueType::kString:
      return wire::WriteStringValue(value.text, w);
    case ValueType::kBool:
      return wire::WriteBoolValue(value.integer != 0, w);
    case ValueType::kInt:
      return wire::WriteIntValue(value.integer, w);
    case ValueType::kDouble:
      return wire::WriteDoubleValue(value.number, w);
    case ValueType::kBytes:
      return wire::WriteBytesValue(value.text, w);
    case ValueType::kComposite:
      return wire::WriteCompositeValue(value.text, w);
    case ValueType::kEmpty:
      w->BeginObject().EndObject();
  }
}

std::string SpanSet(const traceql::SearchTrace& trace) {
  JsonWriter w;
  w.BeginObject().Key("spans").BeginArray();
  for (const traceql::SearchSpan& span : trace.spans) {
    w.BeginObject().Key("spanID").String(SpanIdToHex(span.id));
    if (span.name_asked) w.Key("name").String(span.name);
    w.Key("startTimeUnixNano").String(std::to_string(span.start));
    w.Key("durationNanos").String(std::to_string(span.duration));
    if (!span.attributes.empty()) {
      w.Key("attributes").BeginArray();
      for (const traceql::SearchAttribute& attribute : span.attributes) {
        w.BeginObject().Key("key").String(attribute.key).Key("value");
        WriteValue(attribute.value, &w);
        w.EndObject();
      }
      w.EndArray();
    }
    w.EndObject();
  }
  w.EndArray().Key("matched").Uint(trace.matched).EndObject();
  return std::move(w).Take();
}

std::string WithoutLeadingZeros(const TraceId& id) {
  const std::string hex = id.ToHex();
  return hex.substr(std::min(hex.find_first_not_of('0'), hex.size() - 1));
}

void WriteTrace(const traceql::SearchTrace& trace, JsonWriter* w) {
  w->BeginObject().Key("traceID").String(WithoutLeadingZeros(trace.id));
  w->Key("rootServiceName").String(trace.root_service);
  if (!trace.root_name.empty()) w->Key("rootTraceName").String(trace.root_name);
  w->Key("startTimeUnixNano").String(std::to_string(trace.start));
  if (const uint64_t millis = trace.duration / kMillisecond; millis > 0) {
    w->Key("durationMs").Uint(millis);
  }
  const std::string span_set = SpanSet(trace);
  w->Key("spanSet").Raw(span_set);
  w->Key("spanSets").BeginArray().Raw(span_set).EndArray();
  w->Key("serviceStats").BeginObject();
  for (const auto& [service, stats] : trace.services) {
    w->Key(service).BeginObject().Key("spanCount").Uint(stats.spans);
    if (stats.errors > 0) w->Key("errorCount").Uint(stats.errors);
    w->EndObject();
  }
  w->EndObject().EndObject();
}

}  // namespace

std::string SearchJson(const traceql::SearchResult& result) {
  JsonWriter w;
  w.BeginObject().Key("traces").BeginArray();
  for (const traceql::SearchTrace& trace : result.traces) WriteTrace(trace, &w);
  w.EndArray();
  const traceql::SearchStats& stats = result.stats;
  w.Key("metrics").BeginObject();
  w.Key("inspectedTraces").Uint(stats.inspected_traces);
  w.Key("inspectedBytes").String(std::to_string(stats.inspected_bytes));
  w.Key("inspectedSpans").String(std::to_string(stats.inspected_spans));
  w.Key("totalBlocks").Uint(stats.total_blocks);
  w.Key("completedJobs").Uint(stats.total_blocks);
  w.Key("totalJobs").Uint(stats.total_blocks);
  w.EndObject().EndObject();
  return std::move(w).Take();
}

}  // namespace tocsin::api
