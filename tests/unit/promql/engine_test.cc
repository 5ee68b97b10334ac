// The engine's contract: types of results, codes of errors, bounds, options. What expressions come
// to is in the scripts.

#include "cpp/promql/engine.h"

#include <array>
#include <limits>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/promql/memory_source.h"
#include "cpp/promql/natural_order.h"
#include "cpp/promql/step_vector.h"
namespace tocsin::promql {
namespace {

constexpr Millis kMinuteMillis = 60'000;

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    for (const char* instance : {"1", "2"}) {
      std::vector<TimedValue> values;
      for (Millis t = 0; t <= 10 * kMinuteMillis; t += kMinuteMillis) {
        values.push_back({.t = t, .value = static_cast<double>(t) / 1000});
      }
      source_.Add(Labels{{"__name__", "up"}, {"instance", instance}}, values);
    }
  }

  StatusCode CodeOf(std::string_view query, const EngineOptions& options = {}) {
    const auto result = Engine(options).Query(query, source_, 0);
    return result.has_value() ? StatusCode::kOk : result.error().code();
  }

  MemorySource source_;
};

TEST_F(EngineTest, AnInstantQueryHasTheTypeOfItsExpression) {
  const Engine engine({});
  const auto scalar = engine.Query("1 + 1", source_, 5000);
  ASSERT_TRUE(scalar.has_value());
  EXPECT_EQ(std::get<ScalarValue>(scalar->value).sample.v, 2);
  EXPECT_EQ(std::get<ScalarValue>(scalar->value).sample.t, 5000);

  const auto string = engine.Query("('a')", source_, 5000);
  ASSERT_TRUE(string.has_value());
  EXPECT_EQ(std::get<StringValue>(string->value).value, "a");

  const auto vector = engine.Query("up", source_, 90'000);
  ASSERT_TRUE(vector.has_value());
  const auto& samples = std::get<VectorValue>(vector->value).samples;
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].sample.t, 90'000);  // Of the evaluation, not of the sample.
  EXPECT_EQ(samples[0].sample.v, 60);

  const auto matrix = engine.Query("up[2m]", source_, 90'000);
  ASSERT_TRUE(matrix.has_value());
  const auto& series = std::get<MatrixValue>(matrix->value).series;
  ASSERT_EQ(series.size(), 2U);
  ASSERT_EQ(series[0].samples.size(), 2U);
  EXPECT_EQ(series[0].samples[0].t, 0);
}

TEST_F(EngineTest, ARangeQueryIsAlwaysAMatrix) {
  const Engine engine({});
  const auto scalar = engine.QueryRange("time()", source_, {0, 2 * kMinuteMillis, kMinuteMillis});
  ASSERT_TRUE(scalar.has_value());
  const auto& series = std::get<MatrixValue>(scalar->value).series;
  ASSERT_EQ(series.size(), 1U);
  EXPECT_TRUE(series[0].labels.empty());
  ASSERT_EQ(series[0].samples.size(), 3U);
  EXPECT_EQ(series[0].samples[2].v, 120);
  // The end counts only if a step falls on it.
  const auto uneven = engine.QueryRange("up", source_, {0, 119'999, kMinuteMillis});
  ASSERT_TRUE(uneven.has_value());
  EXPECT_EQ(std::get<MatrixValue>(uneven->value).series[0].samples.size(), 2U);
}

TEST_F(EngineTest, ErrorsHaveTheirCodes) {
  EXPECT_EQ(CodeOf("up{"), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("up / on() up"), StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf("topk(scalar(nothing), up)"), StatusCode::kFailedPrecondition);
  const Engine engine({});
  const auto code = [&](std::string_view query, const TimeRange& range) {
    return engine.QueryRange(query, source_, range).error().code();
  };
  EXPECT_EQ(code("up[5m]", {0, 1, 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("'a'", {0, 1, 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("up", {0, 1, 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("up", {0, 1, -1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("up", {1, 0, 1}), StatusCode::kInvalidArgument);
  constexpr Millis kMax = std::numeric_limits<Millis>::max();
  EXPECT_EQ(code("up", {0, kMax, 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(engine.Query("up", source_, kMax).error().code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, StatsCountWhatTheStepsLookAt) {
  const Engine engine({});
  QueryOptions options;
  options.per_step_stats = true;
  const TimeRange range{5 * kMinuteMillis, 7 * kMinuteMillis, kMinuteMillis};
  const auto windows = engine.QueryRange("rate(up[3m])", source_, range, options);
  ASSERT_TRUE(windows.has_value());
  // Two series, three samples in each window.
  EXPECT_EQ(windows->stats.total_samples, 18U);
  ASSERT_EQ(windows->stats.samples_per_step.size(), 3U);
  EXPECT_EQ(windows->stats.samples_per_step[1], std::pair(6 * kMinuteMillis, uint64_t{6}));
  EXPECT_GE(windows->stats.peak_samples, 5U);

  // What does not change is evaluated once, and counts for every step all the same.
  const auto pinned = engine.QueryRange("up @ 120", source_, range, options);
  ASSERT_TRUE(pinned.has_value());
  EXPECT_EQ(pinned->stats.total_samples, 6U);
  const auto unasked = engine.QueryRange("up", source_, range);
  ASSERT_TRUE(unasked.has_value());
  EXPECT_EQ(unasked->stats.total_samples, 0U);
}

TEST_F(EngineTest, AQueryEndsWhenItIsInterruptedOrOutOfItsOwnTime) {
  QueryOptions options;
  options.interrupted = [] { return CancelledError("nobody waits for it"); };
  const auto interrupted = Engine({}).Query("up", source_, 0, options);
  ASSERT_FALSE(interrupted.has_value());
  EXPECT_EQ(interrupted.error().message(), "nobody waits for it");

  QueryOptions hurried;
  hurried.timeout = 1;
  const auto late = Engine({}).Query("up", source_, 0, hurried);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(EngineTest, DistantTimesAndLongRangesAreHarmless) {
  EngineOptions options;
  options.parser = ParserOptions::Everything();
  options.max_samples = 10'000;
  const Engine engine(options);
  for (const Millis t : {Millis{1'000'000'000'000'000'000}, Millis{-1'000'000'000'000'000'000}}) {
    for (const char* query :
         {"up", "up offset 292y", "up offset -292y", "rate(up[292y])", "max_over_time(up[292y:1y])",
          "sum_over_time(up[1y:1ms])", "up @ 1e15", "up @ -1e15 offset 292y", "minute()",
          "timestamp(up)", "predict_linear(up[1y], 1e300)", "year(vector(1e300))",
          "year(vector(NaN))"}) {
      static_cast<void>(engine.Query(query, source_, t));
    }
  }
}

TEST_F(EngineTest, TheHighestTreesEvaluate) {
  std::string chain = "up";
  for (uint32_t i = 1; i < kMaxExpressionHeight; ++i) chain += " or up";
  std::string calls = "up";
  for (uint32_t i = 2; i < kMaxExpressionNesting; ++i) calls = "abs(" + calls + ")";
  std::string subqueries = "up";
  for (uint32_t i = 2; i < 50; ++i) subqueries = "max_over_time(" + subqueries + "[2m:1m])";
  const Engine engine({});
  for (const std::string& query : {chain, calls, subqueries}) {
    const auto result = engine.QueryRange(query, source_, {0, 10 * kMinuteMillis, kMinuteMillis});
    ASSERT_TRUE(result.has_value()) << result.error().message();
    EXPECT_EQ(std::get<MatrixValue>(result->value).series.size(), 2U);
  }
}

TEST_F(EngineTest, AllQueriesShareTheirMemory) {
  MemoryPool memory(16 * 21);
  EngineOptions options;
  options.memory = &memory;
  const Engine engine(options);
  const auto code = [&](std::string_view query) {
    const auto result = engine.QueryRange(query, source_, {0, 9 * kMinuteMillis, kMinuteMillis});
    return result.has_value() ? StatusCode::kOk : result.error().code();
  };
  EXPECT_EQ(code("up"), StatusCode::kOk);
  EXPECT_EQ(code("up + up"), StatusCode::kResourceExhausted);
  EXPECT_EQ(memory.used(), 0U);
  MemoryLease others(&memory);
  ASSERT_TRUE(others.Take(16 * 10));
  EXPECT_EQ(code("up"), StatusCode::kResourceExhausted);
  EXPECT_EQ(memory.used(), 16U * 10);
}

TEST_F(EngineTest, SamplesInMemoryAreBounded) {
  EngineOptions options;
  options.max_samples = 21;
  EXPECT_EQ(CodeOf("up", options), StatusCode::kOk);
  const Engine engine(options);
  const auto over = [&](std::string_view query, Millis end) {
    const auto result = engine.QueryRange(query, source_, {0, end, kMinuteMillis});
    return !result.has_value() && result.error().code() == StatusCode::kResourceExhausted;
  };
  EXPECT_FALSE(over("up", 9 * kMinuteMillis));
  EXPECT_TRUE(over("up", 10 * kMinuteMillis));
  // What an operand held is given back: these never hold more than one vector and a scalar.
  EXPECT_FALSE(over("abs(ceil(floor(up)))", 9 * kMinuteMillis));
  EXPECT_FALSE(over("sum(sum(up))", 9 * kMinuteMillis));
  EXPECT_TRUE(over("up + up", 9 * kMinuteMillis));
  EXPECT_TRUE(over("1", 21 * kMinuteMillis));
  // Before anything of that size is made.
  EXPECT_EQ(engine.QueryRange("1", source_, {0, 1'000'000'000'000'000, 1}).error().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(engine.Query("sum_over_time(up[200y:1ms])", source_, 0).error().code(),
            StatusCode::kResourceExhausted);
}

// Its time passes with every look at it.
class HastyClock : public Clock {
 public:
  Nanos Now() const override { return now_ += kSecond; }

 private:
  mutable std::atomic<Nanos> now_ = 0;
};

TEST_F(EngineTest, AQueryThatTakesTooLongEnds) {
  EngineOptions options;
  options.timeout = 100;
  const HastyClock clock;
  const auto result = Engine(options, clock).Query("up", source_, 0);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(result.error().message(), "query timed out in expression evaluation");
}

TEST_F(EngineTest, AQueryThatIsCancelledEnds) {
  std::stop_source stop;
  QueryOptions options;
  options.cancel = stop.get_token();
  const Engine engine({});
  EXPECT_TRUE(engine.Query("up", source_, 0, options).has_value());
  stop.request_stop();
  const auto result = engine.Query("up", source_, 0, options);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kCancelled);
}

TEST_F(EngineTest, TheLookbackOfAQueryOverridesThatOfTheEngine) {
  const Engine engine({});
  QueryOptions options;
  const auto count = [&](Millis lookback) {
    options.lookback = lookback;
    const auto result = engine.Query("up", source_, 10 * kMinuteMillis + 30'000, options);
    return std::get<VectorValue>(result->value).samples.size();
  };
  EXPECT_EQ(count(0), 2U);
  EXPECT_EQ(count(30'001), 2U);
  EXPECT_EQ(count(30'000), 0U);
}

class BrokenSource : public SeriesSource {
 public:
  Result<std::vector<SeriesData>> Select(std::span<const Matcher> matchers, Millis from,
                                         Millis to) const override {
    static_cast<void>(matchers);
    static_cast<void>(from);
    static_cast<void>(to);
    return CorruptionError("block 7: checksum mismatch");
  }
};

TEST_F(EngineTest, ErrorsOfTheSourceComeThrough) {
  const BrokenSource broken;
  for (const char* query : {"up", "rate(up[5m])", "sum(up)", "up + up", "absent(up)",
                            "timestamp(up)", "up[5m]", "max_over_time(up[5m:])",
                            "histogram_count(up)", "scalar(up)", "label_join(up, 'a', 'b')"}) {
    const auto result = Engine({}).Query(query, broken, 0);
    ASSERT_FALSE(result.has_value()) << query;
    EXPECT_EQ(result.error().code(), StatusCode::kCorruption) << query;
    EXPECT_EQ(result.error().message(), "block 7: checksum mismatch");
  }
}

TEST_F(EngineTest, AnnotationsNameTheirPlaceOnce) {
  const Engine engine({});
  const auto result = engine.QueryRange("1 +\n  rate(up[5m]) + rate(up[5m])", source_,
                                        {0, 10 * kMinuteMillis, kMinuteMillis});
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->warnings.empty());
  ASSERT_EQ(result->infos.size(), 1U);
  EXPECT_EQ(result->infos[0],
            "PromQL info: metric might not be a counter, name does not end in "
            "_total/_sum/_count/_bucket: \"up\" (2:8)");
}

TEST_F(EngineTest, ManyThreadsMayAskOneEngine) {
  const Engine engine({});
  std::vector<std::thread> threads;
  std::array<double, 4> sums{};
  for (double& sum : sums) {
    threads.emplace_back([this, &engine, &sum] {
      for (int i = 0; i < 50; ++i) {
        const auto result = engine.Query("sum(up)", source_, 10 * kMinuteMillis);
        if (result.has_value()) sum += std::get<VectorValue>(result->value).samples[0].sample.v;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const double sum : sums) EXPECT_EQ(sum, 50 * 1200);
}

TEST_F(EngineTest, AParsedExpressionIsAsGoodAsItsText) {
  const Engine engine({});
  const std::string query = "sum(rate(up[5m])) > 0";
  const Result<Expr> expr = Parse(query);
  ASSERT_TRUE(expr.has_value());
  const auto parsed = engine.QueryParsed(*expr, query, source_, 10 * kMinuteMillis);
  const auto text = engine.Query(query, source_, 10 * kMinuteMillis);
  ASSERT_TRUE(parsed.has_value() && text.has_value());
  EXPECT_EQ(parsed->infos, text->infos);
  EXPECT_EQ(std::get<VectorValue>(parsed->value).samples[0].sample.v,
            std::get<VectorValue>(text->value).samples[0].sample.v);
}

TEST(MatcherTest, MatchesTheWholeValue) {
  const auto matches = [](Matcher::Op op, std::string_view pattern, std::string_view value) {
    return Matcher::Make(op, "a", pattern)->Matches(value);
  };
  EXPECT_TRUE(matches(Matcher::Op::kRegex, "a|b", "b"));
  EXPECT_FALSE(matches(Matcher::Op::kRegex, "a|b", "ab"));
  EXPECT_TRUE(matches(Matcher::Op::kRegex, ".*", "a\nb"));
  EXPECT_TRUE(matches(Matcher::Op::kNotRegex, "a.c", "abcd"));
  EXPECT_TRUE(matches(Matcher::Op::kEqual, "", ""));
  EXPECT_TRUE(matches(Matcher::Op::kNotEqual, "", "x"));
  EXPECT_FALSE(Matcher::Make(Matcher::Op::kRegex, "a", "a)(b.").has_value());
}

TEST(StepVectorTest, KeysAreExact) {
  LabelKeys keys({"b", "a"}, /*keep=*/true);
  const std::string one = keys.Of(Labels{{"a", "x"}, {"b", "y"}, {"c", "z"}});
  EXPECT_EQ(one, keys.Of(Labels{{"a", "x"}, {"b", "y"}}));
  EXPECT_NE(one, keys.Of(Labels{{"a", "xb"}, {"b", ""}}));
  const std::string a = keys.Of(Labels{{"a", "x"}});
  EXPECT_NE(a, keys.Of(Labels{{"b", "x"}}));
  LabelKeys others({"a"}, /*keep=*/false);
  EXPECT_EQ(others.Select(Labels{{"a", "x"}, {"b", "y"}}), Labels({{"b", "y"}}));
}

TEST(StepVectorTest, SeriesThatTakeTurnsAreOne) {
  const double none = Absent();
  const auto series = [](std::string_view name, const std::vector<double>& values) {
    return StepSeries::Make(Labels{{"a", std::string(name)}}, values);
  };
  StepVector vector = {series("x", {1, none, none, 4}), series("y", {1, 1, 1, 1}),
                       series("x", {none, 2, none, none})};
  ASSERT_TRUE(MergeSameLabels(&vector).ok());
  ASSERT_EQ(vector.size(), 2U);
  EXPECT_EQ(vector[0].At(0), 1);
  EXPECT_EQ(vector[0].At(1), 2);
  EXPECT_TRUE(IsAbsent(vector[0].At(2)));
  EXPECT_EQ(vector[0].At(3), 4);
  EXPECT_TRUE(IsAbsent(vector[0].At(4)));
  vector.push_back(series("y", {none, 7, none, none}));
  EXPECT_EQ(MergeSameLabels(&vector).code(), StatusCode::kFailedPrecondition);
}

TEST(NaturalOrderTest, IsAStrictWeakOrder) {
  std::mt19937 random(1);
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) {
    std::string text;
    for (size_t n = random() % 5; n > 0; --n) text.push_back("0019a."[random() % 6]);
    texts.push_back(text);
  }
  for (const std::string& a : texts) {
    EXPECT_FALSE(NaturallyBefore(a, a));
    for (const std::string& b : texts) {
      EXPECT_EQ(NaturallyBefore(a, b) || NaturallyBefore(b, a), a != b) << a << " " << b;
      for (const std::string& c : texts) {
        if (NaturallyBefore(a, b) && NaturallyBefore(b, c)) {
          EXPECT_TRUE(NaturallyBefore(a, c)) << a << " " << b << " " << c;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tocsin::promql
