// Backtests over spans: with dimensions that were never configured, and where no series were kept.

#include <gmock/gmock.h>

#include "cpp/backtest/backtest.h"
#include "cpp/wire/proto/otlp.pb.h"
#include "tests/unit/backtest/world.h"

namespace tocsin::backtest {
namespace {

using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SpanBacktestTest : public World {
 protected:
  /// One span of service "shop" that ends `after` the start.
  void Send(Nanos after, const std::string& route, bool failed,
            Nanos duration = 20 * kMillisecond) {
    ExportTraceServiceRequest request;
    auto* resource_spans = request.add_resource_spans();
    const auto add = [](auto* attribute, const std::string& key, const std::string& value) {
      attribute->set_key(key);
      attribute->mutable_value()->set_string_value(value);
    };
    add(resource_spans->mutable_resource()->add_attributes(), "service.name", "shop");
    add(resource_spans->mutable_resource()->add_attributes(), "k8s.cluster", "east");
    auto* span = resource_spans->add_scope_spans()->add_spans();
    ++next_id_;
    span->set_trace_id(TraceId{1, next_id_}.ToBytes());
    span->set_span_id(SpanIdToBytes(next_id_));
    span->set_name("GET");
    add(span->add_attributes(), "http.route", route);
    span->set_start_time_unix_nano(static_cast<uint64_t>(kStart + after - duration));
    span->set_end_time_unix_nano(static_cast<uint64_t>(kStart + after));
    if (failed) {
      span->mutable_status()->set_code(opentelemetry::proto::trace::v1::Status::STATUS_CODE_ERROR);
    }
    const auto sent = engine_->Export("single-tenant", request.SerializeAsString());
    ASSERT_TRUE(sent.has_value()) << sent.error().ToString();
  }

  /// Ten minutes of two routes, a span each every five seconds; /pay fails from the third to the
  /// sixth minute. `collect`: series are written as well, every 15 s.
  void Serve(bool collect) {
    for (Nanos after = 0; after <= 10 * kMinute; after += 5 * kSecond) {
      clock_.Set(kStart + after);
      Send(after, "/pay", after > 3 * kMinute && after <= 6 * kMinute);
      Send(after, "/list", false);
      if (!collect || after % (15 * kSecond) != 0) continue;
      ASSERT_TRUE(engine_->Collect().ok());
    }
  }

  static const MetricOrigin* OriginOf(const Report& report, std::string_view metric) {
    for (const MetricOrigin& origin : report.origins) {
      if (origin.metric == metric) return &origin;
    }
    return nullptr;
  }

  uint64_t next_id_ = 0;
};

/// An alert on the share of errors by one label.
std::string ErrorsBy(const std::string& label, const std::string& share_and_rest) {
  const std::string calls = "sum by (" + label + ") (rate(traces_spanmetrics_calls_total";
  return Group("15s", "\n  - alert: Errors\n    expr: >\n      " + calls +
                          "{status_code=\"STATUS_CODE_ERROR\"}[1m]))\n      / " + calls +
                          "[1m])) > " + share_and_rest);
}

const std::string kByRoute = ErrorsBy("http_route", "0.5\n    for: 30s\n");
const std::string kByService = ErrorsBy("service", "0.3\n");

TEST_F(SpanBacktestTest, ADimensionThatWasNeverConfiguredIsReadFromTheSpans) {
  Serve(/*collect=*/true);
  const Report report = RunFor(kByRoute, 10 * kMinute);
  ASSERT_EQ(report.periods.size(), 1U) << testing::PrintToString(Texts(report));
  const AlertPeriod& period = report.periods[0];
  EXPECT_EQ(period.labels.Get("http_route"), "/pay");
  // Half of the last minute has failed after half a minute of failures.
  EXPECT_GE(period.pending_since, kStart + 3 * kMinute + 15 * kSecond);
  EXPECT_LE(period.pending_since, kStart + 4 * kMinute);
  EXPECT_EQ(*period.firing_since - period.pending_since, 30 * kSecond);
  EXPECT_GE(*period.resolved_at, kStart + 6 * kMinute + 15 * kSecond);
  EXPECT_LE(*period.resolved_at, kStart + 7 * kMinute);
  EXPECT_EQ(period.peak, 1);
  const MetricOrigin* origin = OriginOf(report, "traces_spanmetrics_calls_total");
  ASSERT_NE(origin, nullptr);
  EXPECT_EQ(origin->source, MetricOrigin::Source::kSpans);
  EXPECT_THAT(origin->dimensions, ElementsAre("http_route"));
  EXPECT_EQ(origin->reason, "the stored series have no label http_route");
  EXPECT_THAT(report.warnings, IsEmpty());
}

TEST_F(SpanBacktestTest, ARuleThatStoredSeriesAnswerReadsThem) {
  Serve(/*collect=*/true);
  const Report stored = RunFor(kByService, 10 * kMinute);
  EXPECT_EQ(OriginOf(stored, "traces_spanmetrics_calls_total")->source,
            MetricOrigin::Source::kStored);
  ASSERT_EQ(stored.periods.size(), 1U);
  // Spans end at the times at which series were collected, so both say the same.
  Options options;
  options.from_spans = true;
  const Report derived = RunFor(kByService, 10 * kMinute, options);
  EXPECT_EQ(OriginOf(derived, "traces_spanmetrics_calls_total")->source,
            MetricOrigin::Source::kSpans);
  EXPECT_EQ(OriginOf(derived, "traces_spanmetrics_calls_total")->reason, "asked for");
  EXPECT_EQ(Texts(derived), Texts(stored));
}

TEST_F(SpanBacktestTest, SpansAnswerWhereNoSeriesWereKept) {
  Serve(/*collect=*/false);
  const Report report = RunFor(kByService, 10 * kMinute);
  ASSERT_EQ(report.periods.size(), 1U);
  const MetricOrigin* origin = OriginOf(report, "traces_spanmetrics_calls_total");
  EXPECT_EQ(origin->source, MetricOrigin::Source::kSpans);
  EXPECT_THAT(origin->reason, HasSubstr("there are spans but no stored series"));
  // Sealed and read again they say the same.
  ASSERT_TRUE(engine_->spans().Flush().ok());
  Options options;
  options.from_spans = true;
  EXPECT_EQ(Texts(RunFor(kByService, 10 * kMinute, options)), Texts(report));
  options.step_by_step = true;
  EXPECT_EQ(Texts(RunFor(kByService, 10 * kMinute, options)), Texts(report));
}

TEST_F(SpanBacktestTest, AskedForDimensionsSplitWhatIsNotAggregated) {
  Serve(/*collect=*/true);
  const std::string kRules = Group("15s", R"(
  - alert: Traffic
    expr: rate(traces_spanmetrics_calls_total{status_code!="STATUS_CODE_ERROR"}[1m]) > 0
    for: 1h
)");
  EXPECT_EQ(RunFor(kRules, 2 * kMinute).periods.size(), 1U);
  Options options;
  options.dimensions = {"http.route", "k8s.cluster"};
  const Report report = RunFor(kRules, 2 * kMinute, options);
  ASSERT_EQ(report.periods.size(), 2U);
  EXPECT_EQ(report.periods[0].labels.Get("http_route"), "/list");
  EXPECT_EQ(report.periods[0].labels.Get("k8s_cluster"), "east");
  EXPECT_EQ(report.periods[1].labels.Get("http_route"), "/pay");
}

TEST_F(SpanBacktestTest, LatenciesAreDerivedToo) {
  Serve(/*collect=*/false);
  for (int i = 0; i < 60; ++i) {
    Send(5 * kMinute + i * kSecond, "/slow", false, 3 * kSecond);
  }
  const Report report = RunFor(R"(
groups:
- name: g
  interval: 15s
  rules:
  - alert: Slow
    expr: >
      histogram_quantile(0.95, sum by (le, http_route)
      (rate(traces_spanmetrics_latency_bucket[1m]))) > 1000
)",
                               10 * kMinute);
  ASSERT_EQ(report.periods.size(), 1U);
  EXPECT_EQ(report.periods[0].labels.Get("http_route"), "/slow");
}

TEST_F(SpanBacktestTest, MetricsThatSpansCannotGiveAreWarnedOf) {
  Serve(/*collect=*/false);
  const Report report = RunFor(R"(
groups:
- {name: g, rules: [{alert: A, expr: "rate(traces_spanmetrics_size_total[5m]) > 1"}]}
)",
                               10 * kMinute);
  EXPECT_THAT(report.warnings,
              ElementsAre("metric traces_spanmetrics_size_total has no data in the range"));
}

}  // namespace
}  // namespace tocsin::backtest
