/// Which services call which, how often and how well, counted from the spans of a time range: all
/// of them, on whole traces, with the same answer however the store has cut them.
///
/// An edge between services is a span whose parent is a span of another service (`service.name`);
/// it is counted by the start of the called span. It has failed if that span's status is an error,
/// or its parent is a CLIENT or PRODUCER span whose status is one.
///
/// A peer is what services call that sends no spans itself. It is seen from CLIENT and PRODUCER
/// spans that no span has as its parent, and named by the first of these attributes of the span
/// that is there: peer.service, db.system.name, db.system, messaging.system, server.address,
/// net.peer.name. A name that is a service in the same range is no peer: that it could be joined is
/// not known, so such calls are left out rather than counted twice.
///
/// What a service is called for is its entry spans: those whose parent is not of the same service,
/// is missing or has not arrived. Spans without service.name count nowhere.
///
/// Parents are those of TraceQL. Where spans share an id, as Zipkin's do, a child of both counts as
/// the child of the first of them, so that what a server does can count as one more call of it.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cpp/api/tempo_queries.h"
#include "cpp/base/status.h"

namespace tocsin::api {

struct ServiceEdge {
  std::string source;
  std::string target;
  uint64_t calls = 0;
  uint64_t errors = 0;
};

enum class PeerKind : uint8_t { kOther, kDatabase, kMessaging };

struct ServiceNode {
  std::string name;
  bool peer = false;
  PeerKind kind = PeerKind::kOther;  ///< Of a peer.
  uint64_t calls = 0;                ///< Entry spans; of a peer the calls to it.
  uint64_t errors = 0;
  /// Seconds, of the entry spans' durations, as quantile_over_time() estimates it. Not of peers.
  std::optional<double> p95;
};

struct ServiceGraph {
  std::vector<ServiceNode> nodes;  ///< By name, each once.
  std::vector<ServiceEdge> edges;  ///< By source, then target, each pair once.
};

/// Edges between services, by source and target. Errors are those of TempoQueries::Measure.
Result<std::vector<ServiceEdge>> FindServiceEdges(const TempoQueries& queries,
                                                  const TimeWindow& window,
                                                  const TempoQueries::Interrupted& interrupted);

/// Services, peers and both kinds of edges.
Result<ServiceGraph> FindServiceGraph(const TempoQueries& queries, const TimeWindow& window,
                                      const TempoQueries::Interrupted& interrupted);

}  // namespace tocsin::api
