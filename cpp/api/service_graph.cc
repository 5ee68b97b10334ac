#include "cpp/api/service_graph.h"

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/api/errors.h"
#include "cpp/api/params.h"
#include "cpp/api/service_edges.h"
#include "cpp/base/clock.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

std::string_view KindText(PeerKind kind) {
  switch (kind) {
    case PeerKind::kDatabase:
      return "database";
    case PeerKind::kMessaging:
      return "messaging";
    case PeerKind::kOther:
      break;
  }
  return "";
}

// Of a node or an edge.
template <class Counted>
void WriteCounts(const Counted& counted, double seconds, JsonWriter* w) {
  const auto calls = static_cast<double>(counted.calls);
  w->Key("calls").Uint(counted.calls);
  w->Key("errors").Uint(counted.errors);
  w->Key("rate").Double(calls / seconds);
  w->Key("errorRatio").Double(counted.calls == 0 ? 0 : static_cast<double>(counted.errors) / calls);
}

void WriteNode(const ServiceNode& node, double seconds, JsonWriter* w) {
  w->BeginObject();
  w->Key("name").String(node.name);
  w->Key("type").String(node.peer ? "peer" : "service");
  w->Key("kind").String(node.peer ? KindText(node.kind) : "");
  WriteCounts(node, seconds, w);
  w->Key("p95Ms");
  if (node.p95 && std::isfinite(*node.p95)) {
    w->Double(*node.p95 * 1000);
  } else {
    w->Null();
  }
  w->EndObject();
}

std::string GraphJson(const ServiceGraph& graph, const TimeWindow& window) {
  const double seconds = static_cast<double>(window.end - window.start) / kSecond;
  JsonWriter w;
  w.BeginObject();
  w.Key("start").Uint(window.start / kSecond);
  w.Key("end").Uint(window.end / kSecond);
  w.Key("nodes").BeginArray();
  for (const ServiceNode& node : graph.nodes) WriteNode(node, seconds, &w);
  w.EndArray().Key("edges").BeginArray();
  for (const ServiceEdge& edge : graph.edges) {
    w.BeginObject();
    w.Key("source").String(edge.source);
    w.Key("target").String(edge.target);
    WriteCounts(edge, seconds, &w);
    w.EndObject();
  }
  w.EndArray().EndObject();
  return std::move(w).Take();
}

// Whole seconds, so that the answer can say what was looked at; the last of them is not over yet.
Result<TimeWindow> ReadWindow(const Params& params) {
  TOCSIN_ASSIGN_OR_RETURN(const Params::SecondsRange range, params.Seconds());
  if (range.end != UINT64_MAX) return TimeWindow{range.start, range.end};
  const auto now = static_cast<uint64_t>(Clock::Real().Now() / kSecond + 1) * kSecond;
  return TimeWindow{now - kHour, now};
}

}  // namespace

void RegisterServiceGraph(const TempoQueries& queries, http::Router* router) {
  router->Handle("GET", "/api/service_graph", [&queries](const http::Request& request) {
    const Result<TimeWindow> window = ReadWindow(Params(request));
    if (!window) return TextError(window.error());
    const auto graph = FindServiceGraph(
        queries, *window, queries.InterruptedWhen([&request] { return request.Cancelled(); }));
    if (!graph) return TextError(graph.error());
    return http::Response::Json(200, GraphJson(*graph, *window));
  });
}

}  // namespace tocsin::api
