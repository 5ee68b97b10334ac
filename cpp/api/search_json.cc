#include "cpp/api/search_json.h"

#include <algorithm>
#include <vector>

#include "cpp/api/search_proto.h"
#include "cpp/api/value_json.h"
#include "cpp/base/clock.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

void WriteAttributes(const std::vector<traceql::SearchAttribute>& attributes, JsonWriter* w) {
  if (attributes.empty()) return;
  w->Key("attributes").BeginArray();
  for (const traceql::SearchAttribute& attribute : attributes) {
    w->BeginObject().Key("key").String(attribute.key).Key("value");
    WriteValue(attribute.value, w);
    w->EndObject();
  }
  w->EndArray();
}

std::string SpanSet(const traceql::SearchSpanset& spanset) {
  JsonWriter w;
  w.BeginObject().Key("spans").BeginArray();
  for (const traceql::SearchSpan& span : spanset.spans) {
    w.BeginObject().Key("spanID").String(SpanIdToHex(span.id));
    if (span.name_asked) w.Key("name").String(span.name);
    w.Key("startTimeUnixNano").String(std::to_string(span.start));
    w.Key("durationNanos").String(std::to_string(span.duration));
    WriteAttributes(span.attributes, &w);
    w.EndObject();
  }
  w.EndArray().Key("matched").Uint(spanset.matched);
  WriteAttributes(spanset.attributes, &w);
  w.EndObject();
  return std::move(w).Take();
}

void WriteTrace(const traceql::SearchTrace& trace, JsonWriter* w) {
  w->BeginObject().Key("traceID").String(ShortTraceId(trace.id));
  w->Key("rootServiceName").String(trace.root_service);
  if (!trace.root_name.empty()) w->Key("rootTraceName").String(trace.root_name);
  w->Key("startTimeUnixNano").String(std::to_string(trace.start));
  if (const uint64_t millis = trace.duration / kMillisecond; millis > 0) {
    w->Key("durationMs").Uint(millis);
  }
  w->Key("spanSet").Raw(SpanSet(trace.spansets[0]));
  w->Key("spanSets").BeginArray();
  for (const traceql::SearchSpanset& spanset : trace.spansets) w->Raw(SpanSet(spanset));
  w->EndArray();
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
  // One job at least, as over gRPC; all are done when the answer is there.
  const uint32_t jobs = std::max(stats.total_blocks, 1U);
  w.Key("completedJobs").Uint(jobs).Key("totalJobs").Uint(jobs);
  // Of object storage, which is not used here.
  w.Key("totalBlockBytes").String("0");
  w.Key("backendReads").String("0").Key("backendBytes").String("0");
  w.Key("additionalMetrics").BeginObject().EndObject();
  w.EndObject().EndObject();
  return std::move(w).Take();
}

}  // namespace tocsin::api
