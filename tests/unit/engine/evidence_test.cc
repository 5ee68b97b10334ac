// Traces that show why an alert holds: which, in which order, and none that are not there.

#include "cpp/engine/evidence.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/engine/evidence_reads.h"
#include "cpp/promql/parser.h"
#include "cpp/rules/engine_query.h"
#include "cpp/rules/manager.h"
#include "tests/unit/engine/span_fixture.h"
#include "tests/unit/rules/fake_sink.h"

namespace tocsin::engine {
namespace {

using Ids = std::vector<std::string>;

class EvidenceTest : public SpanFixture {
 protected:
  Ids TracesOf(std::string_view query, const Labels& labels, size_t max = 5) {
    const auto expr = promql::Parse(query, promql::ParserOptions::Everything());
    if (!expr.has_value()) {
      ADD_FAILURE() << query << ": " << expr.error().ToString();
      return {};
    }
    return engine_->evidence().TracesOf(*expr, labels, MillisAt(clock_.Now()), max);
  }

  // What the generator says of the spans so far goes into the series.
  void Collect() {
    clock_.Advance(15 * kSecond);
    ASSERT_TRUE(engine_->Collect().ok());
  }
};

TEST_F(EvidenceTest, OfTraceqlTheTracesThatItsQueryCountsNewestFirst) {
  Send({{.trace = 1, .service = "shop", .start = kStart - 3 * kSecond, .failed = true},
        {.trace = 2, .service = "shop", .start = kStart - 1 * kSecond, .failed = true},
        {.trace = 3, .service = "cart", .start = kStart - 2 * kSecond, .failed = true},
        {.trace = 4, .service = "shop", .start = kStart - 2 * kSecond},
        {.trace = 5, .service = "shop", .start = kStart - 6 * kMinute, .failed = true}});
  constexpr auto kQuery =
      R"x(traceql("{ status = error } | rate() by (resource.service.name)") > 0)x";
  const Labels shop{{"alertname", "Errors"}, {"resource.service.name", "shop"}};
  EXPECT_EQ(TracesOf(kQuery, shop), (Ids{IdOf(2), IdOf(1)}));
  EXPECT_EQ(TracesOf(kQuery, shop, 1), Ids{IdOf(2)});
  EXPECT_EQ(TracesOf(kQuery, shop, 0), Ids());
  EXPECT_EQ(TracesOf(kQuery, {{"resource.service.name", "none"}}), Ids());
  // A group that is not among the labels any more is no restriction.
  EXPECT_EQ(TracesOf(kQuery, {{"alertname", "Errors"}}), (Ids{IdOf(2), IdOf(3), IdOf(1)}));
}

TEST_F(EvidenceTest, OfAQuotientTheNumerator) {
  Send({{.trace = 1, .start = kStart, .failed = true}, {.trace = 2, .start = kStart}});
  EXPECT_EQ(TracesOf(R"x(traceql("({ status = error } | rate()) / ({ } | rate())") > 0.1)x", {}),
            Ids{IdOf(1)});
  EXPECT_EQ(
      TracesOf(R"x(traceql("{ status = error } | rate()") / traceql("{ } | rate()") > 0.1)x", {}),
      Ids{IdOf(1)});
  EXPECT_EQ(TracesOf(R"x(0.1 < traceql("{ status = error } | rate()"))x", {}), Ids{IdOf(1)});
}

TEST_F(EvidenceTest, OfWhatIsMeasuredTheExtremesFirst) {
  Send({{.trace = 1, .start = kStart - 1 * kSecond, .duration = 2 * kSecond},
        {.trace = 2, .start = kStart - 3 * kSecond, .duration = 9 * kSecond},
        {.trace = 3, .start = kStart - 2 * kSecond, .duration = 1 * kMillisecond}});
  EXPECT_EQ(TracesOf(R"x(traceql("{ } | quantile_over_time(duration, .99)") > 1)x", {}, 2),
            (Ids{IdOf(2), IdOf(1)}));
  EXPECT_EQ(TracesOf(R"x(traceql("{ } | min_over_time(duration)") < 1)x", {}, 1), Ids{IdOf(3)});
}

TEST_F(EvidenceTest, LabelsFindTheValuesOfEveryType) {
  Send({{.trace = 1, .start = kStart, .failed = true, .attributes = {{"code", "500"}}},
        {.trace = 2, .start = kStart, .attributes = {{"code", "200"}}}});
  constexpr auto kQuery = R"x(traceql("{ } | rate() by (span.code, status, kind)") > 0)x";
  EXPECT_EQ(TracesOf(kQuery, {{"span.code", "500"}, {"status", "error"}, {"kind", "unspecified"}}),
            Ids{IdOf(1)});
  EXPECT_EQ(TracesOf(kQuery, {{"span.code", "200"}, {"status", "error"}}), Ids());
  EXPECT_EQ(TracesOf(kQuery, {{"status", "unset"}}), Ids{IdOf(2)});
}

TEST_F(EvidenceTest, OfSeriesTheExemplarsWhoseLabelsAgree) {
  Send({{.trace = 1, .service = "shop", .start = kStart, .failed = true},
        {.trace = 2, .service = "shop", .start = kStart, .duration = 300 * kMillisecond},
        {.trace = 3, .service = "cart", .start = kStart, .failed = true}});
  Collect();
  constexpr auto kLatency =
      "histogram_quantile(0.95, sum by (le, service_name) "
      "(rate(traces_spanmetrics_latency_bucket[5m]))) > 0.1";
  const Labels shop{{"service_name", "shop"}, {"severity", "page"}};
  EXPECT_EQ(TracesOf(kLatency, shop), (Ids{IdOf(2), IdOf(1)}));  // The slowest first.
  // Its counters have no exemplars of their own: the histogram counts the same spans.
  constexpr auto kErrors =
      "sum by (service_name) (rate(traces_spanmetrics_calls_total"
      "{status_code=\"STATUS_CODE_ERROR\"}[5m])) / "
      "sum by (service_name) (rate(traces_spanmetrics_calls_total[5m])) > 0.05";
  EXPECT_EQ(TracesOf(kErrors, shop), Ids{IdOf(1)});
  EXPECT_EQ(TracesOf(kErrors, {{"service_name", "cart"}}), Ids{IdOf(3)});
  EXPECT_EQ(TracesOf(kErrors, {{"service_name", "none"}}), Ids());
  EXPECT_EQ(TracesOf("absent(traces_spanmetrics_calls_total)", {}), Ids());
  EXPECT_EQ(TracesOf("vector(1) > 0", {}), Ids());
}

TEST_F(EvidenceTest, ExemplarsOfAnotherTimeAreNone) {
  Send({{.trace = 1, .start = kStart}});
  Collect();
  constexpr auto kNow = "rate(traces_spanmetrics_latency_bucket[5m]) > 0";
  EXPECT_EQ(TracesOf(kNow, {}), Ids{IdOf(1)});
  clock_.Advance(10 * kMinute);
  EXPECT_EQ(TracesOf(kNow, {}), Ids());
  EXPECT_EQ(TracesOf("rate(traces_spanmetrics_latency_bucket[5m] offset 10m) > 0", {}),
            Ids{IdOf(1)});
  EXPECT_EQ(TracesOf("max_over_time(rate(traces_spanmetrics_latency_bucket[5m])[10m:1m]) > 0", {}),
            Ids{IdOf(1)});
}

TEST_F(EvidenceTest, ATraceThatIsNotThereIsNotGiven) {
  Send({{.trace = 1, .start = kStart, .failed = true}, {.trace = 2, .start = kStart}});
  Collect();
  const storage::TraceDeletion deletion{.trace = TraceId{1, 2}, .spans = {}};
  ASSERT_TRUE(engine_->DeleteTraces("single-tenant", {&deletion, 1}).has_value());
  EXPECT_EQ(TracesOf("rate(traces_spanmetrics_latency_bucket[5m]) > 0", {}), Ids{IdOf(1)});
}

TEST_F(EvidenceTest, AnAlertOfARuleCarriesThem) {
  promql::ParserOptions parser = promql::ParserOptions::Everything();
  parser.check_traces = CheckTraceQuery;
  auto file = rules::ParseRuleFile("rules.yaml", R"x(
groups:
- name: traces
  interval: 15s
  rules:
  - alert: Failing
    expr: traceql("{ status = error } | rate() by (resource.service.name)") > 0
    labels: {severity: page}
    annotations: {summary: '{{ index $labels "resource.service.name" }}'}
  - alert: Always
    expr: vector(1)
)x",
                                   parser);
  ASSERT_TRUE(file.has_value()) << file.error().ToString();
  rules::FakeSink recorder;
  const auto state = engine_->state().Section("rules");
  rules::Manager manager({}, {.query = rules::EngineQuery(engine_->promql(), engine_->series()),
                              .samples = engine_->series(),
                              .state = *state,
                              .alerts = recorder,
                              .telemetry = Telemetry::None(),
                              .clock = clock_,
                              .evidence = &engine_->evidence()});
  std::vector<rules::RuleFile> files;
  files.push_back(*std::move(file));
  ASSERT_TRUE(manager.Load(std::move(files), clock_.Now()).ok());
  Send({{.trace = 1, .start = kStart, .failed = true}, {.trace = 2, .start = kStart}});
  clock_.Advance(15 * kSecond);
  manager.RunDue(clock_.Now());
  ASSERT_EQ(recorder.sent.size(), 2U);
  const Alert& failing = recorder.sent[0];
  EXPECT_EQ(
      failing.labels,
      (Labels{{"alertname", "Failing"}, {"resource.service.name", "shop"}, {"severity", "page"}}));
  EXPECT_EQ(FindAnnotation(failing.annotations, "summary"), "shop");
  EXPECT_EQ(FindAnnotation(failing.annotations, "traces"), IdOf(1));
  EXPECT_EQ(recorder.sent[1].annotations, Annotations());
}

TEST(EvidenceReadsTest, WindowsFollowRangesOffsetsAndSubqueries) {
  const auto expr = promql::Parse(
      "max_over_time(rate(a[5m] offset 1m)[1h:1m] offset 10m) + b @ 100 + on () traceql(`x`, 2m)");
  ASSERT_TRUE(expr.has_value());
  const std::vector<EvidenceRead> reads = ReadsOf(*expr, 10'000'000, 300'000);
  ASSERT_EQ(reads.size(), 3U);
  EXPECT_EQ(reads[0].until, 10'000'000 - 600'000 - 60'000);
  EXPECT_EQ(reads[0].after, 10'000'000 - 600'000 - 3'600'000 - 60'000 - 300'000);
  EXPECT_TRUE(reads[0].highest);
  EXPECT_EQ(reads[1].until, 100'000);
  EXPECT_EQ(reads[1].after, -200'000);
  EXPECT_FALSE(reads[1].highest);
  EXPECT_NE(reads[2].traces, nullptr);
  EXPECT_EQ(reads[2].after, 10'000'000 - 120'000);
}

TEST(EvidenceReadsTest, OnlyWhatMakesItTrueIsRead) {
  const auto names = [](std::string_view query) {
    const auto expr = promql::Parse(query);
    EXPECT_TRUE(expr.has_value()) << query;
    std::string text;
    for (const EvidenceRead& read : ReadsOf(*expr, 0, 1)) text += read.series->name + " ";
    return text;
  };
  EXPECT_EQ(names("a / b > c"), "a ");
  EXPECT_EQ(names("a - b"), "a ");
  EXPECT_EQ(names("1 - a"), "a ");
  EXPECT_EQ(names("a unless b"), "a ");
  EXPECT_EQ(names("a and b"), "a b ");
  EXPECT_EQ(names("(a or b) > 0"), "a b ");
  EXPECT_EQ(names("0.5 < a"), "a ");
  EXPECT_EQ(names("absent(a) or b"), "b ");
  EXPECT_EQ(names("topk(3, -a)"), "a ");
}

}  // namespace
}  // namespace tocsin::engine
