// traceql() over stored spans: what is counted, when, under which labels, and what is refused
// where.

#include "cpp/engine/trace_selector.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/engine/span_fixture.h"

namespace tocsin::engine {
namespace {

class TraceSelectorTest : public SpanFixture {
 protected:
  std::map<std::string, double> At(Nanos time, std::string_view query) {
    const auto result = engine_->promql().Query(query, engine_->series(), MillisAt(time));
    if (!result.has_value()) {
      ADD_FAILURE() << query << ": " << result.error().ToString();
      return {};
    }
    std::map<std::string, double> values;
    for (const auto& sample : std::get<promql::VectorValue>(result->value).samples) {
      values[sample.labels.ToString()] = sample.sample.v;
    }
    return values;
  }

  Status Refused(std::string_view query) {
    const auto result = engine_->promql().Query(query, engine_->series(), MillisAt(kStart));
    return result.has_value() ? Status() : Status(result.error());
  }
};

using Vector = std::map<std::string, double>;

TEST_F(TraceSelectorTest, GroupsAreSeriesWithTheNamesThatTraceQlGivesThem) {
  Send({{.trace = 1, .service = "shop", .start = kStart - kMinute, .failed = true},
        {.trace = 2, .service = "shop", .start = kStart - kMinute, .failed = true},
        {.trace = 3, .service = "cart", .start = kStart - kMinute, .failed = true},
        {.trace = 4, .service = "cart", .start = kStart - kMinute}});
  EXPECT_EQ(At(kStart, R"x(traceql("{ status = error } | rate() by (resource.service.name)"))x"),
            (Vector{{R"x({"resource.service.name"="cart"})x", 1.0 / 300},
                    {R"x({"resource.service.name"="shop"})x", 2.0 / 300}}));
  EXPECT_EQ(At(kStart, R"x(traceql("{ status = error } | count_over_time()"))x"),
            (Vector{{"{}", 3}}));
  EXPECT_EQ(At(kStart, R"x(traceql("{ } | count_over_time() by (status, kind)", 10m))x").size(),
            2U);
  EXPECT_EQ(At(kStart, R"x(sum by (service) (label_replace(
                 traceql("{ } | count_over_time() by (resource.service.name)"),
                 "service", "$1", "resource.service.name", "(.*)")))x"),
            (Vector{{R"x({service="cart"})x", 2}, {R"x({service="shop"})x", 2}}));
}

TEST_F(TraceSelectorTest, AWindowIsOpenOnTheLeft) {
  Send({{.trace = 1, .start = kStart - kMinute},
        {.trace = 2, .start = kStart - kMinute + 1},
        {.trace = 3, .start = kStart},
        {.trace = 4, .start = kStart + 1}});
  EXPECT_EQ(At(kStart, R"x(traceql("{ } | count_over_time()", 1m))x"), (Vector{{"{}", 2}}));
  EXPECT_EQ(At(kStart + kMinute, R"x(traceql("{ } | count_over_time()", 1m) offset 1m)x"),
            (Vector{{"{}", 2}}));
  EXPECT_EQ(At(kStart + kHour, R"x(traceql("{ } | count_over_time()", 1m) @ 1800000000)x"),
            (Vector{{"{}", 2}}));
  EXPECT_EQ(At(kStart + kHour, R"x(traceql("{ } | count_over_time()"))x"), (Vector{{"{}", 0}}));
  EXPECT_EQ(At(kStart + kHour, R"x(traceql("{ } | count_over_time() by (name)"))x"), Vector());
}

TEST_F(TraceSelectorTest, SpansAreSeenAtOnceAndOfOneTenantOnly) {
  Send({{.trace = 1, .start = kStart}});
  Send({{.trace = 2, .start = kStart}}, "another");
  EXPECT_EQ(At(kStart, R"x(traceql("{ } | count_over_time()"))x"), (Vector{{"{}", 1}}));
  ASSERT_TRUE(engine_->Flush().ok());
  EXPECT_EQ(At(kStart, R"x(traceql("{ } | count_over_time()"))x"), (Vector{{"{}", 1}}));
}

TEST_F(TraceSelectorTest, ARatioOfTracesAndOneOfSeriesAndTracesAreQueries) {
  Send({{.trace = 1, .start = kStart, .failed = true},
        {.trace = 2, .start = kStart},
        {.trace = 3, .start = kStart},
        {.trace = 4, .start = kStart}});
  EXPECT_EQ(At(kStart, R"x(traceql("({ status = error } | rate()) / ({ } | rate())"))x"),
            (Vector{{"{}", 0.25}}));
  EXPECT_EQ(At(kStart, R"x(traceql("{ status = error } | rate()") / traceql("{ } | rate()"))x"),
            (Vector{{"{}", 0.25}}));
  EXPECT_EQ(At(kStart, R"x(traceql("{ } | quantile_over_time(duration, .5, 0.99)"))x").size(), 2U);
  EXPECT_EQ(At(kStart, R"x(traceql("{ } | max_over_time(duration)") > 0.019)x"),
            (Vector{{"{}", 0.02}}));
}

TEST_F(TraceSelectorTest, TextsAreRefusedWithTheirPlaceInTheQuery) {
  const std::map<std::string, std::string> refused = {
      {R"x(up > traceql("{ status = error"))x", "1:31: parse error: in traceql(): "},
      {R"x(traceql("{ } | rate() by (nothing at all)"))x", "1:35: parse error: in traceql(): "},
      {R"x(traceql("{ status = error }") > 5)x",
       "1:10: parse error: in traceql(): spans alone are no numbers: add a metrics function"},
      {R"x(traceql("{ } | compare({ status = error })"))x",
       "1:16: parse error: in traceql(): compare() is not possible here"},
      {R"x(traceql("{ .a =~ \"(\" } | rate()"))x", "1:18: parse error: in traceql(): "}};
  for (const auto& [query, beginning] : refused) {
    const Status status = Refused(query);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << query;
    EXPECT_TRUE(std::string(status.message()).starts_with(beginning)) << status.message();
  }
}

TEST_F(TraceSelectorTest, StrictnessIsThatOfTempo) {
  constexpr std::string_view kLoose = "{ service.name = \"shop\" } | rate()";
  EXPECT_FALSE(CheckTraceQuery(kLoose).has_value());
  EXPECT_TRUE(CheckStrictTraceQuery(kLoose).has_value());
  const TraceSelector strict(engine_->spans(), {.tenant = "single-tenant", .strict = true});
  const auto answer = strict.Select({.query = kLoose, .times = {0, 1, 1}, .window = 1000});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code(), StatusCode::kInvalidArgument);
}

TEST_F(TraceSelectorTest, TimesWithoutSpansHaveNoneAndImpossibleOnesAreRefused) {
  const TraceSelector selector(engine_->spans(), {.tenant = "single-tenant"});
  const auto code = [&selector](Millis t, Millis window) {
    const auto answer =
        selector.Select({.query = "{ } | rate() by (name)", .times = {t, 1, 1}, .window = window});
    return answer.has_value() ? StatusCode::kOk : answer.error().code();
  };
  EXPECT_EQ(code(0, 300'000), StatusCode::kOk);
  EXPECT_EQ(code(-1'000'000, 300'000), StatusCode::kOk);
  EXPECT_EQ(code(INT64_MAX, 1), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(INT64_MIN, 1), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(0, INT64_MAX), StatusCode::kInvalidArgument);
}

TEST_F(TraceSelectorTest, AnInterruptionEndsTheEvaluation) {
  Send({{.trace = 1, .start = kStart}});
  const TraceSelector selector(engine_->spans(), {.tenant = "single-tenant"});
  const auto answer = selector.Select({.query = "{ } | rate()",
                                       .times = {MillisAt(kStart), 1, 1},
                                       .window = 1000,
                                       .interrupted = [] { return CancelledError("gone"); }});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code(), StatusCode::kCancelled);
}

// Some spans are sealed and some are not, and a trace is in several requests.
TEST_F(TraceSelectorTest, ARangeIsManyInstants) {
  std::mt19937 random(7);
  const auto below = [&random](int64_t n) {
    return std::uniform_int_distribution<int64_t>(0, n - 1)(random);
  };
  for (int request = 0; request < 4; ++request) {
    std::vector<SentSpan> spans;
    for (int i = 0; i < 50; ++i) {
      spans.push_back({.trace = static_cast<uint64_t>(1 + below(40)),
                       .service = below(2) == 0 ? "shop" : "cart",
                       .start = kStart + below(10 * kMinute),
                       .duration = 1 + below(kSecond),
                       .failed = below(3) == 0});
    }
    Send(spans);
    if (request == 1) {
      ASSERT_TRUE(engine_->Flush().ok());
    }
  }
  const std::vector<std::string> queries = {
      R"x(traceql("{ status = error } | rate() by (resource.service.name)", 90s))x",
      R"x(traceql("{ } | quantile_over_time(duration, .9) by (resource.service.name)", 1m))x",
      R"x(traceql("{ } | avg_over_time(duration) by (status)", 7m) offset 11s)x",
      R"x(traceql("{ status = error } | rate()", 17s) / traceql("{ } | rate()", 17s) > 0.3)x",
      R"x(topk(1, traceql("{ } | max_over_time(duration) by (resource.service.name)", 20m)))x"};
  for (const std::string& query : queries) {
    const promql::TimeRange range{MillisAt(kStart), MillisAt(kStart + 10 * kMinute), 37'000};
    const auto result = engine_->promql().QueryRange(query, engine_->series(), range);
    ASSERT_TRUE(result.has_value()) << result.error().ToString();
    std::map<Millis, Vector> by_time;
    for (const auto& series : std::get<promql::MatrixValue>(result->value).series) {
      for (const Sample& sample : series.samples)
        by_time[sample.t][series.labels.ToString()] = sample.v;
    }
    for (Millis t = range.start; t <= range.end; t += range.step) {
      EXPECT_EQ(by_time[t], At(t * kMillisecond, query)) << query << " at " << t;
    }
  }
}

}  // namespace
}  // namespace tocsin::engine
