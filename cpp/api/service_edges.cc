#include "cpp/api/service_edges.h"

#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "cpp/traceql/metrics.h"

namespace tocsin::api {
namespace {

using Interrupted = TempoQueries::Interrupted;

constexpr std::string_view kService = "resource.service.name";
constexpr std::string_view kCaller = "parent.resource.service.name";

constexpr std::string_view kEdges =
    "{ resource.service.name != \"\" && parent.resource.service.name != \"\" && "
    "parent.resource.service.name != resource.service.name } | count_over_time() "
    "by(parent.resource.service.name, resource.service.name, status, parent.status, parent.kind)";

// A comparison with a parent that is not there cannot be made, and its negation is true.
constexpr std::string_view kEntrySpans =
    "{ resource.service.name != \"\" && !(parent.resource.service.name = resource.service.name) }";
constexpr std::string_view kCount = " | count_over_time() by(resource.service.name, status)";
constexpr std::string_view kDurations =
    " | quantile_over_time(duration, 0.95) by(resource.service.name)";

struct PeerAttribute {
  std::string_view field;
  PeerKind kind;
};

// The first that a span has names its peer.
constexpr auto kPeerAttributes = std::to_array<PeerAttribute>({
    {"span.peer.service", PeerKind::kOther},
    {"span.db.system.name", PeerKind::kDatabase},
    {"span.db.system", PeerKind::kDatabase},
    {"span.messaging.system", PeerKind::kMessaging},
    {"span.server.address", PeerKind::kOther},
    {"span.net.peer.name", PeerKind::kOther},
});

struct Counts {
  uint64_t calls = 0;
  uint64_t errors = 0;
};

std::string LabelOf(const traceql::MetricsSeries& series, std::string_view name) {
  for (const traceql::MetricsLabel& label : series.labels) {
    if (label.name == name) return traceql::LabelText(label.value);
  }
  return "";
}

void Add(const traceql::MetricsSeries& series, bool failed, Counts* counts) {
  const auto calls = static_cast<uint64_t>(series.values[0]);
  counts->calls += calls;
  if (failed) counts->errors += calls;
}

bool HasFailed(const traceql::MetricsSeries& series) {
  if (LabelOf(series, "status") == "error") return true;
  const std::string kind = LabelOf(series, "parent.kind");
  return (kind == "client" || kind == "producer") && LabelOf(series, "parent.status") == "error";
}

std::string PeerQuery() {
  std::string named;
  std::string by(kService);
  for (const PeerAttribute& attribute : kPeerAttributes) {
    if (!named.empty()) named.append(" || ");
    named.append(attribute.field).append(" != nil");
    by.append(", ").append(attribute.field);
  }
  return "{ (kind = client || kind = producer) && span:childCount = 0 && resource.service.name != "
         "\"\" && (" +
         named + ") } | count_over_time() by(" + by + ", status)";
}

// One value of each series, of the spans that start in the window.
Result<traceql::MetricsResult> Measure(const TempoQueries& queries, std::string_view traceql,
                                       const TimeWindow& window, const Interrupted& interrupted) {
  traceql::MetricsOptions options;
  options.start = window.start;
  options.end = window.end;
  options.instant = true;
  return queries.Measure(traceql, std::move(options), interrupted);
}

using Edges = std::map<std::pair<std::string, std::string>, Counts>;
using Nodes = std::map<std::string, ServiceNode>;

Status CountEdges(const TempoQueries& queries, const TimeWindow& window,
                  const Interrupted& interrupted, Edges* edges) {
  TOCSIN_ASSIGN_OR_RETURN(const traceql::MetricsResult result,
                          Measure(queries, kEdges, window, interrupted));
  for (const traceql::MetricsSeries& series : result.series) {
    Add(series, HasFailed(series),
        &(*edges)[{LabelOf(series, kCaller), LabelOf(series, kService)}]);
  }
  return {};
}

Status CountEntries(const TempoQueries& queries, const TimeWindow& window,
                    const Interrupted& interrupted, Nodes* nodes) {
  TOCSIN_ASSIGN_OR_RETURN(
      const traceql::MetricsResult counted,
      Measure(queries, std::string(kEntrySpans).append(kCount), window, interrupted));
  for (const traceql::MetricsSeries& series : counted.series) {
    Counts counts;
    Add(series, HasFailed(series), &counts);
    ServiceNode& node = (*nodes)[LabelOf(series, kService)];
    node.calls += counts.calls;
    node.errors += counts.errors;
  }
  TOCSIN_ASSIGN_OR_RETURN(
      const traceql::MetricsResult durations,
      Measure(queries, std::string(kEntrySpans).append(kDurations), window, interrupted));
  for (const traceql::MetricsSeries& series : durations.series) {
    const auto node = nodes->find(LabelOf(series, kService));
    if (node != nodes->end()) node->second.p95 = series.values[0];
  }
  return {};
}

// REQUIRES: `nodes` has all services.
Status CountPeers(const TempoQueries& queries, const TimeWindow& window,
                  const Interrupted& interrupted, Nodes* nodes, Edges* edges) {
  TOCSIN_ASSIGN_OR_RETURN(const traceql::MetricsResult result,
                          Measure(queries, PeerQuery(), window, interrupted));
  Nodes peers;
  for (const traceql::MetricsSeries& series : result.series) {
    for (const auto& [field, kind] : kPeerAttributes) {
      std::string name = LabelOf(series, field);
      if (name.empty()) continue;
      if (nodes->contains(name)) break;
      ServiceNode& peer = peers[name];
      if (!peer.peer || peer.kind == PeerKind::kOther) peer.kind = kind;
      peer.peer = true;
      Counts counts;
      Add(series, HasFailed(series), &counts);
      peer.calls += counts.calls;
      peer.errors += counts.errors;
      Counts& edge = (*edges)[{LabelOf(series, kService), std::move(name)}];
      edge.calls += counts.calls;
      edge.errors += counts.errors;
      break;
    }
  }
  nodes->merge(peers);
  return {};
}

std::vector<ServiceEdge> ListOf(const Edges& edges) {
  std::vector<ServiceEdge> list;
  list.reserve(edges.size());
  for (const auto& [ends, counts] : edges) {
    list.push_back({ends.first, ends.second, counts.calls, counts.errors});
  }
  return list;
}

}  // namespace

Result<std::vector<ServiceEdge>> FindServiceEdges(const TempoQueries& queries,
                                                  const TimeWindow& window,
                                                  const Interrupted& interrupted) {
  Edges edges;
  TOCSIN_RETURN_IF_ERROR(CountEdges(queries, window, interrupted, &edges));
  return ListOf(edges);
}

Result<ServiceGraph> FindServiceGraph(const TempoQueries& queries, const TimeWindow& window,
                                      const Interrupted& interrupted) {
  Edges edges;
  Nodes nodes;
  TOCSIN_RETURN_IF_ERROR(CountEntries(queries, window, interrupted, &nodes));
  TOCSIN_RETURN_IF_ERROR(CountEdges(queries, window, interrupted, &edges));
  // A caller may have begun before the range, and then none of its entry spans is in it. It must
  // be known as a service before peers are looked for.
  for (const auto& [ends, counts] : edges) nodes[ends.first];
  TOCSIN_RETURN_IF_ERROR(CountPeers(queries, window, interrupted, &nodes, &edges));
  for (const auto& [ends, counts] : edges) nodes[ends.first];
  ServiceGraph graph;
  graph.nodes.reserve(nodes.size());
  for (auto& [name, node] : nodes) {
    node.name = name;
    graph.nodes.push_back(std::move(node));
  }
  graph.edges = ListOf(edges);
  return graph;
}

}  // namespace tocsin::api
