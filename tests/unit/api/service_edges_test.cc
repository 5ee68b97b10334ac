// Services, peers and the calls between them.

#include "cpp/api/service_edges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/api/service_graph.h"
#include "tests/unit/api/trace_api.h"

namespace tocsin::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using traceql::kSec;
using traceql::Of;
using traceql::Span;
using traceql::TestSpan;

TestSpan Failed(TestSpan span) {
  span.status = SpanStatus::kError;
  return span;
}

TestSpan With(TestSpan span, std::string key, std::string value) {
  span.attrs.emplace_back(std::move(key), std::move(value));
  return span;
}

// front calls cart twice and once fails, cart calls a database and a queue; a third call is seen by
// its client alone, which has failed. Span 9 is of nobody, span 10's parent never came.
std::vector<TestSpan> Shop() {
  return {
      Of("front", SpanKind::kServer, Span(1, 1, 0, 10 * kSec, 4 * kSec)),
      Of("front", SpanKind::kClient, Span(1, 2, 1, 10 * kSec, kSec)),
      Of("cart", SpanKind::kServer, Span(1, 3, 2, 10 * kSec, kSec)),
      Failed(Of("front", SpanKind::kClient, Span(1, 4, 1, 11 * kSec, kSec))),
      Of("cart", SpanKind::kServer, Span(1, 5, 4, 11 * kSec, kSec)),
      With(
          With(Of("cart", SpanKind::kClient, Span(1, 6, 5, 11 * kSec, kSec)), "db.system", "mysql"),
          "server.address", "10.0.0.7"),
      With(Of("cart", SpanKind::kProducer, Span(1, 7, 5, 11 * kSec, kSec)), "messaging.system",
           "kafka"),
      With(Failed(Of("front", SpanKind::kClient, Span(1, 8, 1, 12 * kSec, kSec))), "peer.service",
           "bank"),
      Of("", SpanKind::kServer, Span(1, 9, 1, 12 * kSec, kSec)),
      Of("cart", SpanKind::kServer, Span(2, 10, 99, 13 * kSec, kSec)),
      With(Of("cart", SpanKind::kClient, Span(2, 11, 10, 13 * kSec, kSec)), "peer.service",
           "front"),
  };
}

MATCHER_P4(EdgeIs, source, target, calls, errors, "") {
  return arg.source == source && arg.target == target &&
         arg.calls == static_cast<uint64_t>(calls) && arg.errors == static_cast<uint64_t>(errors);
}

MATCHER_P4(NodeIs, name, peer, calls, errors, "") {
  return arg.name == name && arg.peer == peer && arg.calls == static_cast<uint64_t>(calls) &&
         arg.errors == static_cast<uint64_t>(errors);
}

const TempoQueries::Interrupted kNever = [] { return Status(); };
constexpr TimeWindow kAll = {kSec, 100 * kSec};

void ExpectShop(const TraceApi& api) {
  const auto graph = FindServiceGraph(api.queries(), kAll, kNever);
  ASSERT_TRUE(graph) << graph.error().message();
  EXPECT_THAT(graph->edges,
              ElementsAre(EdgeIs("cart", "kafka", 1, 0), EdgeIs("cart", "mysql", 1, 0),
                          EdgeIs("front", "bank", 1, 1), EdgeIs("front", "cart", 2, 1)));
  EXPECT_THAT(graph->nodes, ElementsAre(NodeIs("bank", true, 1, 1), NodeIs("cart", false, 3, 0),
                                        NodeIs("front", false, 1, 0), NodeIs("kafka", true, 1, 0),
                                        NodeIs("mysql", true, 1, 0)));
  EXPECT_EQ(graph->nodes[3].kind, PeerKind::kMessaging);
  EXPECT_EQ(graph->nodes[4].kind, PeerKind::kDatabase);
  EXPECT_FALSE(graph->nodes[0].p95.has_value());
  ASSERT_TRUE(graph->nodes[2].p95.has_value());
  EXPECT_NEAR(*graph->nodes[2].p95, 4, 0.5);
}

TEST(ServiceEdgesTest, CallsAreCountedOnWholeTracesHoweverTheyAreCut) {
  ExpectShop(TraceApi({Shop()}));
  std::vector<std::vector<TestSpan>> cut;
  for (const TestSpan& span : Shop()) cut.push_back({span});
  ExpectShop(TraceApi(cut));
  TempoOptions strict;
  strict.strict_traceql = true;
  ExpectShop(TraceApi({Shop()}, strict));
}

TEST(ServiceEdgesTest, EdgesBetweenServicesHaveNoPeers) {
  const auto edges = FindServiceEdges(TraceApi({Shop()}).queries(), kAll, kNever);
  ASSERT_TRUE(edges) << edges.error().message();
  EXPECT_THAT(*edges, ElementsAre(EdgeIs("front", "cart", 2, 1)));
}

TEST(ServiceEdgesTest, AnEmptyNameIsNoService) {
  TestSpan nobody = Span(1, 2, 1, 10 * kSec, kSec);
  nobody.resource = {{"service.name", ""}};
  const TraceApi api({{Of("front", SpanKind::kServer, Span(1, 1, 0, 10 * kSec, kSec)), nobody,
                       Of("cart", SpanKind::kServer, Span(1, 3, 2, 10 * kSec, kSec))}});
  const auto graph = FindServiceGraph(api.queries(), kAll, kNever);
  ASSERT_TRUE(graph) << graph.error().message();
  EXPECT_THAT(graph->edges, IsEmpty());
  EXPECT_THAT(graph->nodes, ElementsAre(NodeIs("cart", false, 1, 0), NodeIs("front", false, 1, 0)));
}

TEST(ServiceEdgesTest, ACallCountsWhereItsSpanStarts) {
  const auto graph =
      FindServiceGraph(TraceApi({Shop()}).queries(), {11 * kSec, 12 * kSec - 1}, kNever);
  ASSERT_TRUE(graph) << graph.error().message();
  EXPECT_THAT(graph->edges,
              ElementsAre(EdgeIs("cart", "kafka", 1, 0), EdgeIs("cart", "mysql", 1, 0),
                          EdgeIs("front", "cart", 1, 1)));
  EXPECT_THAT(graph->nodes, ElementsAre(NodeIs("cart", false, 1, 0), NodeIs("front", false, 0, 0),
                                        NodeIs("kafka", true, 1, 0), NodeIs("mysql", true, 1, 0)));
}

TEST(ServiceGraphTest, TheAnswerHasRatesAndShares) {
  TraceApi api({Shop()});
  RegisterServiceGraph(api.queries(), api.router());
  const http::Response answer = api.Get("/api/service_graph?start=0&end=20");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body,
              StartsWith(R"({"start":0,"end":20,"nodes":[{"name":"bank","type":"peer",)"
                         R"("kind":"","calls":1,"errors":1,"rate":0.05,)"
                         R"("errorRatio":1,"p95Ms":null},)"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"name":"mysql","type":"peer","kind":"database",)"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"source":"front","target":"cart","calls":2,"errors":1,)"
                                     R"("rate":0.1,"errorRatio":0.5}])"));
  EXPECT_EQ(api.Get("/api/service_graph").status, 200);
  const http::Response bad = api.Get("/api/service_graph?start=7");
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.body, HasSubstr("start and end go together"));
}

}  // namespace
}  // namespace tocsin::api
