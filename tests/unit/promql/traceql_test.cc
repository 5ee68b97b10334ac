// traceql() in a query: how it is written, which times and windows its port is asked for, and what
// the rest of an expression makes of its answers. What a text means is the business of cpp/engine.

#include <array>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/promql/engine.h"
#include "cpp/promql/memory_source.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/pretty.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {
namespace {

constexpr Millis kMinuteMillis = 60'000;

// Two services: the value of `a` is the time in seconds, that of `b` the window in seconds, at even
// minutes only.
class FakeTraces final : public TraceSelector {
 public:
  struct Asked {
    std::string query;
    Millis start;
    Millis step;
    size_t count;
    Millis window;

    friend bool operator==(const Asked&, const Asked&) = default;
  };

  Result<StepVector> Select(const TraceRequest& request) const override {
    asked_.push_back({std::string(request.query), request.times.start, request.times.step,
                      request.times.count, request.window});
    if (request.interrupted) TOCSIN_RETURN_IF_ERROR(request.interrupted());
    if (request.query == "broken") return UnavailableError("the disk is gone");
    std::vector<double> a(request.times.count);
    std::vector<double> b(request.times.count, Absent());
    for (size_t i = 0; i < request.times.count; ++i) {
      const Millis t = request.times.At(i);
      a[i] = static_cast<double>(t) / 1000;
      if (t / kMinuteMillis % 2 == 0) b[i] = static_cast<double>(request.window) / 1000;
    }
    return StepVector{StepSeries::Make(Labels{{"resource.service.name", "a"}}, a),
                      StepSeries::Make(Labels{{"resource.service.name", "b"}}, b)};
  }

  std::vector<Asked> TakeAsked() const { return std::exchange(asked_, {}); }

 private:
  mutable std::vector<Asked> asked_;
};

// Refuses what has a "!" in it, there.
std::optional<TraceQueryError> RefuseMarked(std::string_view query) {
  TraceQueryError error;
  for (size_t i = 0; i < query.size(); i += Utf8Length(query.substr(i))) {
    if (query[i] == '!') {
      error.message = "a mark";
      return error;
    }
    ++error.column;
    if (query[i] == '\n') {
      ++error.line;
      error.column = 1;
    }
  }
  return std::nullopt;
}

class TraceqlTest : public testing::Test {
 protected:
  TraceqlTest() {
    options_.traces = &traces_;
    options_.parser = ParserOptions::Everything();
    options_.parser.check_traces = RefuseMarked;
    const std::array<TimedValue, 2> up = {
        {{.t = 0, .value = 1}, {.t = 10 * kMinuteMillis, .value = 1}}};
    source_.Add(Labels{{"__name__", "up"}, {"resource.service.name", "a"}}, up);
  }

  std::map<std::string, double> At(Millis t, std::string_view query) {
    const auto result = Engine(options_).Query(query, source_, t);
    if (!result.has_value()) {
      ADD_FAILURE() << query << ": " << result.error().ToString();
      return {};
    }
    std::map<std::string, double> values;
    for (const VectorSample& sample : std::get<VectorValue>(result->value).samples) {
      values[sample.labels.ToString()] = sample.sample.v;
      EXPECT_EQ(sample.sample.t, t);
    }
    return values;
  }

  // Values by service.
  std::map<std::string, std::vector<Sample>> Over(const TimeRange& range, std::string_view query) {
    const auto result = Engine(options_).QueryRange(query, source_, range);
    if (!result.has_value()) {
      ADD_FAILURE() << query << ": " << result.error().ToString();
      return {};
    }
    std::map<std::string, std::vector<Sample>> values;
    for (const SeriesData& series : std::get<MatrixValue>(result->value).series) {
      values[std::string(series.labels.Get("resource.service.name"))] = series.samples;
    }
    return values;
  }

  Status Refused(std::string_view query) {
    const auto expr = Parse(query, options_.parser);
    return expr.has_value() ? Status() : Status(expr.error());
  }

  FakeTraces traces_;
  MemorySource source_;
  EngineOptions options_;
};

using Asked = FakeTraces::Asked;

TEST_F(TraceqlTest, IsPrintedAsItIsParsed) {
  const std::array<std::string, 8> texts = {
      R"x(traceql("{ status = error } | rate()"))x",
      R"x(traceql("{ .a = \"x\" } | rate()", 5m))x",
      R"x(traceql("{ } | rate()") offset 1h)x",
      R"x(traceql("{ } | rate()", 1m30s) @ 10.000 offset -5m)x",
      R"x(traceql("{ } | rate()") @ end())x",
      R"x(sum by ("resource.service.name") (traceql("{ } | rate()")) > 0.5)x",
      R"x(max_over_time(traceql("{ } | rate()", 1m)[1h:5m] offset 1d))x",
      R"x(traceql("{ } | rate()", step() * 2) / on ("resource.service.name") up)x"};
  for (const std::string& text : texts) {
    const auto expr = Parse(text, options_.parser);
    ASSERT_TRUE(expr.has_value()) << text << ": " << expr.error().ToString();
    EXPECT_EQ(ToString(*expr), text);
    const auto again = Parse(Pretty(*expr), options_.parser);
    ASSERT_TRUE(again.has_value()) << text;
    EXPECT_TRUE(*again == *expr) << text;
  }
}

TEST_F(TraceqlTest, QuotesAndSpellingsDoNotCount) {
  const auto backticks = Parse("traceql(`{ .a = \"x\" } | rate()`, 300)", options_.parser);
  const auto quotes = Parse(R"x(traceql ( '{ .a = "x" } | rate()', 5m ))x", options_.parser);
  ASSERT_TRUE(backticks.has_value() && quotes.has_value());
  EXPECT_TRUE(*backticks == *quotes);
  EXPECT_EQ(backticks->type(), ValueType::kVector);
  const auto other = Parse("traceql(`{ .a = \"x\" } | rate()`, 6m)", options_.parser);
  EXPECT_FALSE(*backticks == *other);
}

TEST_F(TraceqlTest, WithoutParenthesesItIsTheNameOfAMetric) {
  for (const char* text : {"traceql", R"x(traceql{a="b"})x", "rate(traceql[5m])"}) {
    const auto expr = Parse(text, options_.parser);
    ASSERT_TRUE(expr.has_value()) << text;
    EXPECT_EQ(ToString(*expr), text);
  }
}

TEST_F(TraceqlTest, WhatIsNotWrittenSoIsRefusedWithItsPlace) {
  const std::map<std::string, std::string> refused = {
      {"traceql()", R"x(1:9: parse error: unexpected ")" in traceql(), expected string)x"},
      {"traceql(up)",
       R"x(1:9: parse error: unexpected identifier "up" in traceql(), expected string)x"},
      {R"x(traceql("x", ))x",
       R"x(1:14: parse error: unexpected ")" in traceql(), expected number, duration, step(), or range())x"},
      {R"x(traceql("x" 5m))x",
       R"x(1:13: parse error: unexpected duration "5m" in traceql(), expected ")")x"},
      {R"x(traceql("x", 0s))x", "1:14: parse error: duration must be greater than 0"},
      {R"x(traceql("x") offset 1m offset 2m)x",
       "1:1: parse error: offset may not be set multiple times"},
  };
  for (const auto& [text, message] : refused) {
    EXPECT_EQ(Refused(text).message(), message) << text;
    EXPECT_EQ(Refused(text).code(), StatusCode::kInvalidArgument) << text;
  }
  const std::string range(Refused(R"x(rate(traceql("x")[5m]))x").message());
  EXPECT_TRUE(range.starts_with("1:18: parse error: no range allowed behind traceql()")) << range;
  EXPECT_FALSE(Refused(R"x(rate(traceql("x")))x").ok());
}

TEST_F(TraceqlTest, AnErrorInsideHasItsPlaceInTheQuery) {
  const std::map<std::string, std::string> places = {
      {R"x(traceql("!"))x", "1:10"},
      {R"x(up + traceql("ab!c"))x", "1:17"},
      {R"x(traceql("\"a\" \u00e9 \x41 \101!"))x", "1:32"},
      {"traceql(`é!`)", "1:12"},
      {"up +\n  traceql(`{ }\n | !`)", "3:4"},
      {R"x(traceql("{ }\n | !"))x", "1:18"},
      {R"x(traceql('it\'s!'))x", "1:15"},
  };
  for (const auto& [text, place] : places) {
    EXPECT_EQ(Refused(text).message(), place + ": parse error: in traceql(): a mark") << text;
  }
  options_.parser.check_traces = nullptr;
  EXPECT_TRUE(Refused(R"x(traceql("!"))x").ok());
}

TEST_F(TraceqlTest, WithoutAPortItIsSaidToBeUnavailable) {
  options_.traces = nullptr;
  const auto result = Engine(options_).Query(R"x(traceql("x") > 0)x", source_, 0);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.error().message(), "traceql() is not available here");
}

TEST_F(TraceqlTest, TheWindowIsTheLookbackUnlessItIsNamed) {
  const Engine engine(options_);
  const auto ask = [&](std::string_view query, Millis lookback) {
    QueryOptions options;
    options.lookback = lookback;
    EXPECT_TRUE(engine.Query(query, source_, 600'000, options).has_value());
    return traces_.TakeAsked().at(0).window;
  };
  EXPECT_EQ(ask(R"x(traceql("x"))x", 0), 300'000);
  EXPECT_EQ(ask(R"x(traceql("x"))x", 1000), 1000);
  EXPECT_EQ(ask(R"x(traceql("x", 1h))x", 1000), 3'600'000);
  ASSERT_TRUE(
      engine.QueryRange(R"x(traceql("x", step() * 2))x", source_, {0, 60'000, 15'000}).has_value());
  EXPECT_EQ(traces_.TakeAsked().at(0).window, 30'000);
}

TEST_F(TraceqlTest, ARangeIsAskedForAtOnce) {
  const auto values = Over({0, 4 * kMinuteMillis, kMinuteMillis}, R"x(traceql("x", 2m))x");
  EXPECT_EQ(traces_.TakeAsked(), (std::vector<Asked>{{"x", 0, kMinuteMillis, 5, 120'000}}));
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(values.at("a").size(), 5U);
  ASSERT_EQ(values.at("b").size(), 3U);
  EXPECT_EQ(values.at("b")[1].t, 2 * kMinuteMillis);
  EXPECT_EQ(values.at("b")[1].v, 120);
}

TEST_F(TraceqlTest, OffsetAndAtMoveTheTimesThatAreAskedFor) {
  EXPECT_EQ(At(600'000, R"x(traceql("x") offset 1m)x").at(R"x({"resource.service.name"="a"})x"),
            540);
  EXPECT_EQ(traces_.TakeAsked(), (std::vector<Asked>{{"x", 540'000, 1, 1, 300'000}}));
  EXPECT_EQ(At(600'000, R"x(traceql("x") @ 100)x").at(R"x({"resource.service.name"="a"})x"), 100);
  traces_.TakeAsked();

  const auto pinned = Over({0, 120'000, 60'000}, R"x(traceql("x") @ end() offset 30s)x");
  EXPECT_EQ(traces_.TakeAsked(), (std::vector<Asked>{{"x", 90'000, 60'000, 1, 300'000}}));
  ASSERT_EQ(pinned.at("a").size(), 3U);
  for (const Sample& sample : pinned.at("a")) EXPECT_EQ(sample.v, 90);
}

TEST_F(TraceqlTest, ASubqueryHasItsValuesOverTime) {
  EXPECT_EQ(At(600'000, R"x(avg_over_time(traceql("x")[4m:1m]))x")
                .at(R"x({"resource.service.name"="a"})x"),
            (600 + 540 + 480 + 420) / 4.0);
  EXPECT_EQ(At(600'000, R"x(count_over_time(traceql("x")[4m:1m]))x")
                .at(R"x({"resource.service.name"="b"})x"),
            2);
}

TEST_F(TraceqlTest, TheRestOfALanguageTakesItAsAVector) {
  EXPECT_EQ(At(600'000, R"x(sum(traceql("x")))x"), (std::map<std::string, double>{{"{}", 900}}));
  EXPECT_EQ(At(600'000, R"x(count by ("resource.service.name") (traceql("x")))x").size(), 2U);
  EXPECT_EQ(At(600'000, R"x(traceql("x") > 500)x").size(), 1U);
  EXPECT_EQ(At(600'000, R"x(traceql("x") * on ("resource.service.name") up)x").size(), 1U);
  EXPECT_EQ(At(600'000, R"x(up and on ("resource.service.name") traceql("x"))x").size(), 1U);
  EXPECT_EQ(At(600'000, R"x(absent(traceql("x")))x").size(), 0U);
  EXPECT_EQ(At(600'000, R"x(timestamp(traceql("x") offset 1m))x")
                .at(R"x({"resource.service.name"="a"})x"),
            600);
  EXPECT_EQ(At(600'000, R"x(sum by (service) (label_replace(traceql("x"), "service", "$1",
                                                       "resource.service.name", "(.*)")))x")
                .at(R"x({service="b"})x"),
            300);
}

TEST_F(TraceqlTest, ErrorsOfThePortComeThrough) {
  const auto result = Engine(options_).Query(R"x(traceql("broken"))x", source_, 0);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kUnavailable);
}

TEST_F(TraceqlTest, TheQueryEndsWhenItIsToldTo) {
  const auto code = [&](const QueryOptions& options) {
    const auto result = Engine(options_).Query(R"x(traceql("x"))x", source_, 0, options);
    return result.has_value() ? StatusCode::kOk : result.error().code();
  };
  std::stop_source stop;
  stop.request_stop();
  QueryOptions stopped;
  stopped.cancel = stop.get_token();
  EXPECT_EQ(code(stopped), StatusCode::kCancelled);
  // The first question is of the evaluator, the second one of the port.
  int questions = 0;
  QueryOptions interrupted;
  interrupted.interrupted = [&questions]() -> Status {
    return ++questions < 2 ? Status() : CancelledError("gone");
  };
  EXPECT_EQ(code(interrupted), StatusCode::kCancelled);
}

TEST_F(TraceqlTest, ValuesCountAsSamples) {
  options_.max_samples = 10;
  const auto result = Engine(options_).QueryRange(R"x(traceql("x"))x", source_,
                                                  {0, 9 * kMinuteMillis, kMinuteMillis});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kResourceExhausted);

  options_.max_samples = 1000;
  QueryOptions with_stats;
  with_stats.stats = true;
  const auto counted = Engine(options_).QueryRange(
      R"x(traceql("x"))x", source_, {0, 3 * kMinuteMillis, kMinuteMillis}, with_stats);
  ASSERT_TRUE(counted.has_value());
  EXPECT_EQ(counted->stats.total_samples, 6U);
}

}  // namespace
}  // namespace tocsin::promql
