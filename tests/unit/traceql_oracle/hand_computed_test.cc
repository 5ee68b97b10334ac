// Before the oracle judges the engine it answers what was worked out by hand. The engine answers
// the same table.

#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/traceql_oracle/engine.h"
#include "tests/unit/traceql_oracle/evaluator.h"
#include "tests/unit/traceql_oracle/metrics_evaluator.h"
#include "tests/unit/traceql_oracle/query.h"
#include "tests/unit/traceql_oracle/trace.h"

namespace tocsin::oracle {
namespace {

constexpr uint64_t kBase = 1'800'000'000'000'000'000;
constexpr uint64_t kMs = 1'000'000;

Span MakeSpan(int trace, int id, int parent, uint64_t start_ms, uint64_t duration_ms) {
  Span span;
  span.trace_id = std::string(31, '0') + std::to_string(trace);
  span.id = std::string(15, '0') + std::to_string(id);
  if (parent != 0) span.parent_id = std::string(15, '0') + std::to_string(parent);
  span.start = kBase + start_ms * kMs;
  span.end = span.start + duration_ms * kMs;
  return span;
}

// Trace 1: 1 -> (2 -> 4, 3), and 5 -> 6, where the parent of 5 was not received. Trace 2, which is
// newer: 1, alone; 2 and 3 are each the other's parent; 4 is its own.
std::vector<Span> Traces() {
  Span a = MakeSpan(1, 1, 0, 1'000, 5'000);
  a.name = "GET /";
  a.kind = "server";
  a.resource = {{"service.name", "frontend"}, {"k", "of resource"}};
  a.attributes = {{"status", int64_t{500}}, {"k", "of span"}, {"ok", true}, {"x", int64_t{6}}};
  Span b = MakeSpan(1, 2, 1, 2'000, 2'000);
  b.name = "POST /api/users";
  b.kind = "client";
  b.status = "error";
  b.status_message = "boom";
  b.resource = a.resource;
  b.attributes = {{"status", "500"}, {"x", int64_t{7}}, {"y", int64_t{2}}};
  b.events = {{b.start + 5 * kMs, "exception", {{"n", int64_t{1}}}},
              {b.start + 9 * kMs, "retry", {{"n", int64_t{2}}}}};
  Span c = MakeSpan(1, 3, 1, 3'000, 100);
  c.name = "work";
  c.resource = {{"service.name", "backend"}};
  c.scope_name = "grpc";
  c.scope_version = "1.2";
  c.scope_attributes = {{"library", "x"}};
  c.attributes = {{"tags", Array{"red", "blue"}}, {"ok", false}};
  Span d = MakeSpan(1, 4, 2, 2'500, 1'000);
  d.name = "query";
  d.resource = {{"service.name", "db"}};
  d.links = {{std::string(30, '0') + "ab", std::string(14, '0') + "ef", {{"why", "because"}}}};
  d.attributes = {{"x", int64_t{-7}}, {"y", int64_t{2}}, {"f", 0.5}};
  Span e = MakeSpan(1, 5, 9, 4'000, 0);
  e.name = "late";
  Span f = MakeSpan(1, 6, 5, 4'000, 10);
  f.name = "later";
  Span g = MakeSpan(2, 1, 0, 20'000, 1'000);
  g.name = "GET /";
  g.resource = {{"service.name", "backend"}};
  g.status = "error";
  Span h = MakeSpan(2, 2, 3, 20'100, 10);
  Span i = MakeSpan(2, 3, 2, 20'200, 10);
  Span j = MakeSpan(2, 4, 4, 20'300, 10);
  return {a, b, c, d, e, f, g, h, i, j};
}

struct Row {
  std::string query;  // As Print() must write it.
  Pipeline pipeline;
  std::string expected;  // "1: 2 3 | 4": of trace 1 a spanset with the spans 2 and 3, and another.
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.query; }

Node A(std::string name) { return Attribute("", std::move(name)); }
Node I(std::string name) { return Intrinsic(std::move(name)); }
Node N(int64_t number) { return Literal(number); }
Node T(std::string text) { return Literal(std::move(text)); }
Node W(std::string word) { return Literal(Word{std::move(word)}); }
Node Ms(int64_t count) { return Literal(Elapsed{count * static_cast<int64_t>(kMs)}); }
Node Op(std::string op, Node left, Node right) {
  return Operation(std::move(op), {std::move(left), std::move(right)});
}
Node Not(Node node) { return Operation("!", {std::move(node)}); }
Row Where(std::string query, Node condition, std::string expected) {
  return {std::move(query), {Take(Filter(std::move(condition)))}, std::move(expected)};
}
Spanset Named(std::string name) { return Filter(Op("=", I("name"), T(std::move(name)))); }
Row Two(std::string query, std::string op, Spanset left, Spanset right, std::string expected) {
  return {std::move(query),
          {Take(Combine(std::move(op), std::move(left), std::move(right)))},
          std::move(expected)};
}

std::vector<Row> FilterRows() {
  return {
      {"{ }", {Take(Everything())}, "2: 1 2 3 4, 1: 1 2 4 3 5 6"},
      Where("{ .ok }", A("ok"), "1: 1"),
      Where("{ !.ok }", Not(A("ok")), "2: 1 2 3 4, 1: 2 4 3 5 6"),
      // The span's own attribute hides the resource's.
      Where("{ .k = \"of resource\" }", Op("=", A("k"), T("of resource")), "1: 2"),
      Where("{ resource.k = \"of resource\" }",
            Op("=", Attribute("resource", "k"), T("of resource")), "1: 1 2"),
      // A value of another type does not match, and neither does one that is not there.
      Where("{ .status = 500 }", Op("=", A("status"), N(500)), "1: 1"),
      Where("{ .status != 500 }", Op("!=", A("status"), N(500)), ""),
      Where("{ .x != 6 }", Op("!=", A("x"), N(6)), "1: 2 4"),
      Where("{ .y = nil }", Op("=", A("y"), Node()), "2: 1 2 3 4, 1: 1 3 5 6"),
      Where("{ nil = nil }", Op("=", Node(), Node()), ""),
      Where("{ status = error }", Op("=", I("status"), W("error")), "2: 1, 1: 2"),
      Where("{ kind != unspecified }", Op("!=", I("kind"), W("unspecified")), "1: 1 2"),
      Where("{ duration > 1s }", Op(">", I("duration"), Ms(1'000)), "1: 1 2"),
      Where("{ traceDuration >= 5s }", Op(">=", I("traceDuration"), Ms(5'000)), "1: 1 2 4 3 5 6"),
      Where("{ rootName = \"GET /\" && name != rootName }",
            Op("&&", Op("=", I("rootName"), T("GET /")), Op("!=", I("name"), I("rootName"))),
            "2: 2 3 4, 1: 2 4 3 5 6"),
      Where("{ name =~ \"POST\" }", Op("=~", I("name"), T("POST")), ""),
      Where("{ name =~ \"POST.*\" }", Op("=~", I("name"), T("POST.*")), "1: 2"),
      Where("{ .tags = \"red\" }", Op("=", A("tags"), T("red")), "1: 3"),
      Where("{ .tags != \"red\" }", Op("!=", A("tags"), T("red")), ""),
      Where("{ .tags !~ \"g.*\" }", Op("!~", A("tags"), T("g.*")), "1: 3"),
      Where("{ event.n = 2 }", Op("=", Attribute("event", "n"), N(2)), "1: 2"),
      Where("{ event:timeSinceStart > 8ms }", Op(">", I("event:timeSinceStart"), Ms(8)), "1: 2"),
      Where("{ link.why = \"because\" }", Op("=", Attribute("link", "why"), T("because")), "1: 4"),
      Where("{ link:spanID = \"EF\" }", Op("=", I("link:spanID"), T("EF")), "1: 4"),
      Where("{ instrumentation:version = \"1.2\" }",
            Op("=", I("instrumentation:version"), T("1.2")), "1: 3"),
      Where("{ parent.x = 7 }", Op("=", OfParent(A("x")), N(7)), "1: 4"),
      Where("{ span:childCount = 2 }", Op("=", I("span:childCount"), N(2)), "1: 1"),
      Where("{ nestedSetParent < 0 }", Op("<", I("nestedSetParent"), N(0)), "2: 1, 1: 1"),
      Where("{ trace:id = \"1\" }", Op("=", I("trace:id"), T("1")), "1: 1 2 4 3 5 6"),
      // Integers stay integers; the remainder has the sign of the dividend.
      Where("{ .x / .y = 3 }", Op("=", Op("/", A("x"), A("y")), N(3)), "1: 2"),
      Where("{ .x % .y = (-1) }", Op("=", Op("%", A("x"), A("y")), N(-1)), "1: 4"),
      Where("{ .f * 2 = 1 }", Op("=", Op("*", A("f"), N(2)), N(1)), "1: 4"),
      Where("{ 2 ^ 3 ^ 2 = 512 && .x = 6 }",
            Op("&&", Op("=", Op("^", N(2), Op("^", N(3), N(2))), N(512)), Op("=", A("x"), N(6))),
            "1: 1"),
      // && and || bind alike, so this is not the same without the parentheses.
      Where("{ .x = 6 || .x = 7 && .y = 2 }",
            Op("&&", Op("||", Op("=", A("x"), N(6)), Op("=", A("x"), N(7))), Op("=", A("y"), N(2))),
            "1: 2"),
      Where("{ .x = 6 || (.x = 7 && .y = 2) }",
            Op("||", Op("=", A("x"), N(6)), Op("&&", Op("=", A("x"), N(7)), Op("=", A("y"), N(2)))),
            "1: 1 2"),
      Where("{ status = error || .missing }",
            Op("||", Op("=", I("status"), W("error")), A("missing")), "2: 1, 1: 2"),
      Two("{ .ok } && { status = error }", "&&", Filter(A("ok")),
          Filter(Op("=", I("status"), W("error"))), "1: 1 2"),
      Two("{ .ok } || { status = error }", "||", Filter(A("ok")),
          Filter(Op("=", I("status"), W("error"))), "2: 1, 1: 1 2"),
  };
}

std::vector<Row> StructureRows() {
  const Spanset root = Filter(Op("=", I("parent"), Node()));
  const auto all = [] { return Everything(); };
  return {
      // What a received span names as its parent counts, below an orphan too; going round in a
      // circle nobody comes below itself.
      Two("{ parent = nil } >> { }", ">>", root, all(), "1: 2 4 3"),
      Two("{ } >> { }", ">>", all(), all(), "2: 2 3, 1: 2 4 3 6"),
      Two("{ } << { }", "<<", all(), all(), "2: 2 3, 1: 1 2 5"),
      Two("{ parent = nil } > { }", ">", root, all(), "1: 2 3"),
      Two("{ name = \"query\" } < { }", "<", Named("query"), all(), "1: 2"),
      Two("{ name = \"query\" } << { }", "<<", Named("query"), all(), "1: 1 2"),
      Two("{ } ~ { }", "~", all(), all(), "1: 2 3"),
      Two("{ name = \"work\" } ~ { }", "~", Named("work"), all(), "1: 2"),
      Two("{ parent = nil } !>> { }", "!>>", root, all(), "2: 1 2 3 4, 1: 1 5 6"),
      Two("{ } !<< { }", "!<<", all(), all(), "2: 1 4, 1: 4 3 6"),
      Two("{ name = \"query\" } !< { }", "!<", Named("query"), all(), "2: 1 2 3 4, 1: 1 4 3 5 6"),
      Two("{ } !~ { }", "!~", all(), all(), "2: 1 2 3 4, 1: 1 4 5 6"),
      Two("{ parent = nil } !> { name = \"work\" }", "!>", root, Named("work"), ""),
      Two("{ parent = nil } &> { .x = 7 }", "&>", root, Filter(Op("=", A("x"), N(7))), "1: 1 2"),
      Two("{ name = \"query\" } &<< { .ok }", "&<<", Named("query"), Filter(A("ok")), "1: 1 4"),
      Two("{ name = \"work\" } &~ { }", "&~", Named("work"), all(), "1: 2 3"),
      Two("{ name = \"late\" } &>> { }", "&>>", Named("late"), all(), "1: 5 6"),
      // They bind more tightly than && and ||.
      Two("{ .ok } && { parent = nil } > { name = \"work\" }", "&&", Filter(A("ok")),
          Combine(">", root, Named("work")), "1: 1 3"),
      Two("({ .ok } && { parent = nil }) > { name = \"work\" }", ">",
          Combine("&&", Filter(A("ok")), root), Named("work"), "1: 3"),
  };
}

Stage Having(Node left, std::string op, Node right) {
  return Step("filter", {Op(std::move(op), std::move(left), std::move(right))});
}
Node Count() { return Aggregate("count"); }
Spanset Without(Spanset spans) {
  Spanset none;
  none.op = "!";
  none.args.push_back(std::move(spans));
  return none;
}
Spanset Nested(Pipeline stages) {
  Spanset spans;
  spans.op = "|";
  spans.stages = std::move(stages);
  return spans;
}

std::vector<Row> PipelineRows() {
  const Stage all = Take(Everything());
  const Stage by_service = Step("by", {Attribute("resource", "service.name")});
  return {
      {"{ } | count() > 4", {all, Having(Count(), ">", N(4))}, "1: 1 2 4 3 5 6"},
      {"count() > 4", {Having(Count(), ">", N(4))}, "1: 1 2 4 3 5 6"},
      {"{ } | 4 = count()", {all, Having(N(4), "=", Count())}, "2: 1 2 3 4"},
      {"{ .x = 6 } | { .ok }",
       {Take(Filter(Op("=", A("x"), N(6)))), Take(Filter(A("ok")))},
       "1: 1"},
      {"{ } | by(resource.service.name)", {all, by_service}, "2: 1 | 2 3 4, 1: 1 2 | 4 | 3 | 5 6"},
      {"{ } | by(resource.service.name) | count() = 2",
       {all, by_service, Having(Count(), "=", N(2))},
       "1: 1 2 | 5 6"},
      {"{ } | by(resource.service.name) | coalesce()",
       {all, by_service, Step("coalesce", {})},
       "2: 1 2 3 4, 1: 1 2 4 3 5 6"},
      {"{ } | by(kind) | by(.ok)",
       {all, Step("by", {I("kind")}), Step("by", {A("ok")})},
       "2: 1 2 3 4, 1: 1 | 2 | 4 5 6 | 3"},
      {"{ } | max(duration) >= 5s",
       {all, Having(Aggregate("max", {I("duration")}), ">=", Ms(5'000))},
       "1: 1 2 4 3 5 6"},
      // 6, 7 and -7; the spans without .x do not count, and a trace without any has no answer.
      {"{ } | avg(.x) = 2", {all, Having(Aggregate("avg", {A("x")}), "=", N(2))}, "1: 1 2 4 3 5 6"},
      {"{ } | min(.x) < 0", {all, Having(Aggregate("min", {A("x")}), "<", N(0))}, "1: 1 2 4 3 5 6"},
      {"{ } | sum(.x) = 6", {all, Having(Aggregate("sum", {A("x")}), "=", N(6))}, "1: 1 2 4 3 5 6"},
      {"{ } | sum(.x) + max(.y) = 8",
       {all, Having(Op("+", Aggregate("sum", {A("x")}), Aggregate("max", {A("y")})), "=", N(8))},
       "1: 1 2 4 3 5 6"},
      {"{ .x != nil } | count() > min(.y)",
       {Take(Filter(Op("!=", A("x"), Node()))), Having(Count(), ">", Aggregate("min", {A("y")}))},
       "1: 1 2 4"},
      {"({ .x != nil } | count()) > ({ .y != nil } | count())",
       {Having(Piped({Take(Filter(Op("!=", A("x"), Node())))}, Count()), ">",
               Piped({Take(Filter(Op("!=", A("y"), Node())))}, Count()))},
       "1: 1 2 4"},
      {"!{ .ok }", {Take(Without(Filter(A("ok"))))}, "2: 1 2 3 4"},
      {"{ .ok } | select(.x)", {Take(Filter(A("ok"))), Step("select", {A("x")})}, "1: 1"},
      {"({ .ok } | count() = 1) >> { }",
       {Take(Combine(">>", Nested({Take(Filter(A("ok"))), Having(Count(), "=", N(1))}),
                     Everything()))},
       "1: 2 4 3"},
      {"{ .x != nil } | { .x = 6 } > { }",
       {Take(Filter(Op("!=", A("x"), Node()))),
        Take(Combine(">", Filter(Op("=", A("x"), N(6))), Everything()))},
       "1: 2"},
  };
}

// "trace 0001 ...", "  set of ...", "    span 0002 ...": the digits of an answer alone.
std::string Brief(const std::string& answer) {
  std::string brief;
  bool first = true;
  std::istringstream lines(answer);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string what;
    std::string id;
    words >> what >> id;
    if (line.starts_with("trace ")) {
      brief += (brief.empty() ? "" : ", ") + id.substr(id.size() - 1) + ":";
      first = true;
    } else if (line.starts_with("  set ")) {
      if (!first) brief += " |";
      first = false;
    } else if (line.starts_with("    span ")) {
      brief += " " + id.substr(id.size() - 1);
    } else if (line.starts_with("refused") || line.starts_with("failed")) {
      return line;
    }
  }
  return brief;
}

SearchLimits AllSpans() {
  SearchLimits limits;
  limits.spans_per_spanset = 0;
  return limits;
}

class OracleTest : public testing::TestWithParam<Row> {};

TEST_P(OracleTest, AnswersAsByHand) {
  EXPECT_EQ(Print(GetParam().pipeline), GetParam().query);
  EXPECT_EQ(Brief(Search(Traces(), GetParam().pipeline, AllSpans())), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Filters, OracleTest, testing::ValuesIn(FilterRows()));
INSTANTIATE_TEST_SUITE_P(Structure, OracleTest, testing::ValuesIn(StructureRows()));
INSTANTIATE_TEST_SUITE_P(Pipelines, OracleTest, testing::ValuesIn(PipelineRows()));

class EngineTest : public testing::TestWithParam<Row> {};

TEST_P(EngineTest, AnswersAsByHand) {
  const auto view = Layouts().front().make(Traces());
  EXPECT_EQ(Brief(SearchEngine(*view, GetParam().query, AllSpans())), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Filters, EngineTest, testing::ValuesIn(FilterRows()));
INSTANTIATE_TEST_SUITE_P(Structure, EngineTest, testing::ValuesIn(StructureRows()));
INSTANTIATE_TEST_SUITE_P(Pipelines, EngineTest, testing::ValuesIn(PipelineRows()));

struct MetricsRow {
  Metric metric;
  uint64_t step_ms;
  std::string query;
  std::string expected;
};

void PrintTo(const MetricsRow& row, std::ostream* out) { *out << row.query; }

// Of the first ten seconds, which hold trace 1.
MetricsRange RangeOf(const MetricsRow& row) {
  return {kBase + 1'000 * kMs, kBase + 4'000 * kMs, row.step_ms * kMs, false};
}

Metric Series(std::string function, std::vector<Node> argument = {}, std::vector<Node> by = {}) {
  Metric metric;
  metric.pipeline = {Take(Everything())};
  metric.function = std::move(function);
  metric.argument = std::move(argument);
  metric.by = std::move(by);
  return metric;
}
Metric Quantiles(std::vector<double> quantiles) {
  Metric metric = Series("quantile_over_time", {I("duration")});
  metric.quantiles = std::move(quantiles);
  return metric;
}
Metric Then(Metric metric, std::string op, double number) {
  metric.second.push_back({std::move(op), number});
  return metric;
}
Metric Both(std::string op, Metric left, Metric right) {
  Metric metric;
  metric.op = std::move(op);
  metric.args = {std::move(left), std::move(right)};
  return metric;
}
Metric Number(double number) {
  Metric metric;
  metric.op = "number";
  metric.number = number;
  return metric;
}
Metric Errors() {
  Metric metric = Series("rate");
  metric.pipeline = {Take(Filter(Op("=", I("status"), W("error"))))};
  return metric;
}

std::vector<MetricsRow> MetricsRows() {
  const auto service = [] { return Attribute("resource", "service.name"); };
  const auto rates = [&] { return Series("rate", {}, {service()}); };
  return {
      // A span belongs to the interval that its start ends or lies in.
      {Series("count_over_time"), 1'000, "{ } | count_over_time()",
       "series {__name__=\"count_over_time\"} 1800000001000:1 1800000002000:1 1800000003000:2 "
       "1800000004000:2\n"},
      // The ends of a range are moved to multiples of the step.
      {Series("rate"), 10'000, "{ } | rate()",
       "series {__name__=\"rate\"} 1800000000000:0 1800000010000:0.6\n"},
      {Series("max_over_time", {I("duration")}), 1'000, "{ } | max_over_time(duration)",
       "series {__name__=\"max_over_time\"} 1800000001000:5 1800000002000:2 1800000003000:1 "
       "1800000004000:0.01\n"},
      {Series("avg_over_time", {A("x")}, {I("kind")}), 10'000, "{ } | avg_over_time(.x) by (kind)",
       "series {kind=\"client\"} 1800000010000:7\nseries {kind=\"server\"} 1800000010000:6\n"
       "series {kind=\"unspecified\"} 1800000010000:-7\n"},
      {rates(), 10'000, "{ } | rate() by (resource.service.name)",
       "series {resource.service.name=\"backend\"} 1800000000000:0 1800000010000:0.1\n"
       "series {resource.service.name=\"db\"} 1800000000000:0 1800000010000:0.1\n"
       "series {resource.service.name=\"frontend\"} 1800000000000:0 1800000010000:0.2\n"
       "series {resource.service.name=\"nil\"} 1800000000000:0 1800000010000:0.2\n"},
      {Then(rates(), "topk", 1), 10'000, "{ } | rate() by (resource.service.name) | topk(1)",
       "series {resource.service.name=\"backend\"} 1800000000000:0\n"
       "series {resource.service.name=\"frontend\"} 1800000010000:0.2\n"},
      {Then(rates(), ">", 0.1), 10'000, "{ } | rate() by (resource.service.name) > 0.1",
       "series {resource.service.name=\"frontend\"} 1800000010000:0.2\n"
       "series {resource.service.name=\"nil\"} 1800000010000:0.2\n"},
      // 5 s, 2 s, 1 s, 100 ms, 10 ms and nothing, which is in no bucket.
      {Series("histogram_over_time", {I("duration")}), 10'000,
       "{ } | histogram_over_time(duration)",
       "series {__bucket=float 0.016777216} 1800000000000:0 1800000010000:1\n"
       "series {__bucket=float 0.134217728} 1800000000000:0 1800000010000:1\n"
       "series {__bucket=float 1.073741824} 1800000000000:0 1800000010000:1\n"
       "series {__bucket=float 2.147483648} 1800000000000:0 1800000010000:1\n"
       "series {__bucket=float 8.589934592} 1800000000000:0 1800000010000:1\n"},
      {Quantiles({0.5, 1}), 10'000, "{ } | quantile_over_time(duration, 0.5, 1.0)",
       "series {p=float 0.5} 1800000000000:0 1800000010000:1.07374182\n"
       "series {p=float 1} 1800000000000:0 1800000010000:8.58993459\n"},
      // Nothing divided by nothing is no point.
      {Both("/", Errors(), Series("rate")), 10'000,
       "({ status = error } | rate()) / ({ } | rate())",
       "series {__name__=\"(rate / rate)\"} 1800000010000:0.166666667\n"},
      {Both("/", rates(), Series("rate")), 10'000,
       "({ } | rate() by (resource.service.name)) / ({ } | rate())",
       "series {resource.service.name=\"backend\"} 1800000010000:0.166666667\n"
       "series {resource.service.name=\"db\"} 1800000010000:0.166666667\n"
       "series {resource.service.name=\"frontend\"} 1800000010000:0.333333333\n"
       "series {resource.service.name=\"nil\"} 1800000010000:0.333333333\n"},
      {Both("*", Number(100), Series("rate")), 10'000, "100 * ({ } | rate())",
       "series {__name__=\"rate\"} 1800000000000:0 1800000010000:60\n"},
  };
}

class MetricsTest : public testing::TestWithParam<MetricsRow> {};

TEST_P(MetricsTest, OracleAndEngineAnswerAsByHand) {
  EXPECT_EQ(Print(GetParam().metric), GetParam().query);
  EXPECT_EQ(Metrics(Traces(), GetParam().metric, RangeOf(GetParam())), GetParam().expected);
  const auto view = Layouts().front().make(Traces());
  EXPECT_EQ(MetricsEngine(*view, GetParam().query, RangeOf(GetParam())), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(HandComputed, MetricsTest, testing::ValuesIn(MetricsRows()));

}  // namespace
}  // namespace tocsin::oracle
