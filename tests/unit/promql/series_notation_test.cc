// Series as text: what is read, and how what is wrong is refused.

#include "cpp/promql/series_notation.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "cpp/promql/load_command.h"
#include "cpp/promql/memory_source.h"

namespace tocsin::promql {
namespace {

std::string Text(const NotedValue& value) {
  if (value.blank) return "_";
  if (value.histogram != nullptr) return HistogramNotation(*value.histogram);
  return IsStaleNan(value.value) ? "stale" : std::to_string(static_cast<int>(value.value));
}

std::string ValuesOf(std::string_view line) {
  const Result<NotedSeries> series = ParseSeriesNotation(line);
  if (!series.has_value()) return std::string(series.error().message());
  std::string text;
  for (const NotedValue& value : series->values) text.append(Text(value)).append(" ");
  return text;
}

TEST(SeriesNotationTest, Labels) {
  EXPECT_EQ(ParseSeriesNotation("up 1")->labels, (Labels{{"__name__", "up"}}));
  EXPECT_EQ(ParseSeriesNotation("{} 1")->labels, Labels());
  EXPECT_EQ(ParseSeriesNotation(R"(up{a="x } y",b='\'"'}	1)")->labels,
            (Labels{{"__name__", "up"}, {"a", "x } y"}, {"b", "'\""}}));
  EXPECT_EQ(ParseSeriesNotation(R"({"a.b", "c d"="e"} 1)")->labels,
            (Labels{{"__name__", "a.b"}, {"c d", "e"}}));
  EXPECT_FALSE(ParseSeriesNotation(R"(up{a!="x"} 1)").has_value());
  EXPECT_FALSE(ParseSeriesNotation(R"(up{a="x)").has_value());
}

TEST(SeriesNotationTest, Floats) {
  EXPECT_EQ(ValuesOf("m 1 -2 +3 1e1 .5e1 stale _"), "1 -2 3 10 5 stale _ ");
  EXPECT_EQ(ValuesOf("m 1x2 1+2x3 10-2x2 -1-1x1 _x3 stalex1"),
            "1 1 1 1 3 5 7 10 8 6 -1 -2 _ _ _ stale stale ");
  EXPECT_EQ(ValuesOf("m 0x0   0x2"), "0 0 0 0 ");
  EXPECT_EQ(ValuesOf("m"), "");
  const auto special = ParseSeriesNotation("m Inf -inf NaN NaNx1");
  ASSERT_TRUE(special.has_value());
  ASSERT_EQ(special->values.size(), 5U);
  EXPECT_EQ(special->values[0].value, INFINITY);
  EXPECT_EQ(special->values[1].value, -INFINITY);
  EXPECT_TRUE(std::isnan(special->values[2].value));
  EXPECT_FALSE(IsStaleNan(special->values[2].value));
}

TEST(SeriesNotationTest, Histograms) {
  EXPECT_EQ(ValuesOf("m {{}} {{ }} {{count:1}}"), "{{}} {{}} {{count:1}} ");
  EXPECT_EQ(ValuesOf("m {{schema:1 sum:-0.3 count:3.1 z_bucket:7.1 z_bucket_w:0.05 "
                     "buckets:[5.1 10 7] offset:-3 n_buckets:[4.1 5] n_offset:-5}}"),
            "{{schema:1 count:3.1 sum:-0.3 z_bucket:7.1 z_bucket_w:0.05 offset:-3 "
            "buckets:[5.1 10 7] n_offset:-5 n_buckets:[4.1 5]}} ");
  EXPECT_EQ(ValuesOf("m {{schema:-53 sum:1 count:5 custom_values:[5 10] buckets:[1 4] "
                     "counter_reset_hint:gauge}}"),
            "{{schema:-53 count:5 sum:1 custom_values:[5 10] counter_reset_hint:gauge "
            "buckets:[1 4]}} ");
  EXPECT_EQ(ValuesOf("m {{sum:1 buckets:[1]}}+{{sum:2 buckets:[1 2]}}x2"),
            "{{sum:1 buckets:[1]}} {{sum:3 buckets:[2 2]}} {{sum:5 buckets:[3 4]}} ");
  EXPECT_EQ(ValuesOf("m {{sum:1}}-{{sum:2}}x1 {{sum:1}}x1"),
            "{{sum:1}} {{sum:-1}} {{sum:1}} {{sum:1}} ");
  const auto noted = ParseSeriesNotation("m {{counter_reset_hint:unknown}} {{}}");
  EXPECT_TRUE(noted->values[0].has_hint);
  EXPECT_FALSE(noted->values[1].has_hint);
}

TEST(SeriesNotationTest, WhatIsWrongIsRefusedWithItsPlace) {
  for (const auto& [line, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {"m 1 x", "1:5: parse error: expected a number: \"x\""},
           {"m 1+2", "1:6: parse error: expected how many times, as in 1+2x3"},
           {"m 1x", "1:5: parse error: expected how many times"},
           {"m 0x99999999999", "1:12: parse error: too many values: \"9999\""},
           {"m 1y", "1:4: parse error: unexpected in series values: \"y\""},
           {"m {{", "1:5: parse error: expected a histogram key with a colon"},
           {"m {{sum 1}}", "1:5: parse error: expected a histogram key with a colon: \"sum 1}}\""},
           {"m {{sum:1 sum:2}}",
            "1:11: parse error: duplicate key \"sum\" in histogram: \"sum:2}}\""},
           {"m {{size:1}}",
            "1:5: parse error: bad histogram descriptor found: \"size\": "
            "\"size:1}}\""},
           {"m {{buckets:[1 a]}}", "1:16: parse error: expected a number: \"a]}}\""},
           {"m {{buckets:[1", "1:15: parse error: invalid character in buckets description"},
           {"m {{schema:1.5}}",
            "1:12: parse error: expected a whole number of reasonable size: \"1.5}}\""},
           {"m {{schema:99}}",
            "1:16: parse error: histogram has an invalid schema, which must be between -4 and 8 "
            "for exponential buckets, or -53 for custom buckets, got schema 99"},
           {"m {{counter_reset_hint:maybe}}",
            "1:24: parse error: error parsing counter_reset_hint: unknown value: \"maybe}}\""},
           {"m {{schema:1}}+{{schema:0}}x1",
            "1:30: parse error: error combining histograms: cannot merge from schema 0 to 1"},
           {"m {{}}+1x2", "1:8: parse error: expected a histogram: \"1x2\""},
       }) {
    EXPECT_EQ(ValuesOf(line), message) << line;
  }
}

TEST(SeriesNotationTest, StartTimes) {
  EXPECT_TRUE(IsStartNotation(R"(m{a="@st x"}@st -1m)"));
  EXPECT_FALSE(IsStartNotation(R"(m{a="@st x"} -1)"));
  const auto starts = ParseStartNotation("m{a=\"b\"}@st -1m _ 0s _x2 -30sx1 -1m+15sx2");
  ASSERT_TRUE(starts.has_value()) << starts.error().message();
  EXPECT_EQ(starts->labels, (Labels{{"__name__", "m"}, {"a", "b"}}));
  const std::vector<std::optional<Millis>> expected = {
      -60'000, std::nullopt, 0,       std::nullopt, std::nullopt,
      -30'000, -30'000,      -60'000, -45'000,      -30'000};
  EXPECT_EQ(starts->offsets, expected);
  for (const char* line : {"m@st 1", "m@st -1m+15s", "m@st -1mx", "m@st -x2", "m@st 1m1"}) {
    EXPECT_FALSE(ParseStartNotation(line).has_value()) << line;
  }
}

std::vector<SeriesData> Loaded(std::string_view script) {
  MemorySource source;
  const Status status = LoadScript(script, &source);
  EXPECT_TRUE(status.ok()) << status.message();
  return *source.Select({}, 0, 1'000'000'000);
}

TEST(LoadScriptTest, SamplesStandAtTheirTimes) {
  const auto series =
      Loaded("# a comment\nload 5m\n  b 1 _ 3\n  a {{count:1}} 2\n\nload 1m\n  b _ 5\n");
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].labels.metric_name(), "a");
  ASSERT_EQ(series[0].histograms.size(), 1U);
  ASSERT_EQ(series[0].samples.size(), 1U);
  EXPECT_EQ(series[0].samples[0].t, 300'000);
  ASSERT_EQ(series[1].samples.size(), 3U);
  EXPECT_EQ(series[1].samples[1].t, 60'000);
  EXPECT_EQ(series[1].samples[2].t, 600'000);
}

TEST(LoadScriptTest, StartTimesAreRuns) {
  const auto series = Loaded("load 1m\n  m@st _ -30s -90s _\n  m 1 2 3 4\n");
  ASSERT_EQ(series.size(), 1U);
  ASSERT_EQ(series[0].starts.size(), 2U);
  EXPECT_EQ(series[0].starts[0].from, 60'000);
  EXPECT_EQ(series[0].starts[0].start, 30'000);
  EXPECT_EQ(series[0].starts[1].from, 180'000);
  EXPECT_EQ(series[0].starts[1].start, 0);
}

TEST(LoadScriptTest, HistogramsGetTheHintsOfAStore) {
  const auto series = Loaded(
      "load 1m\n"
      "  m {{count:1 buckets:[1]}} {{count:2 buckets:[2]}} {{count:1 buckets:[1]}} "
      "{{count:2 buckets:[2]}} 1 {{count:3 buckets:[3]}} "
      "{{count:4 buckets:[4] counter_reset_hint:reset}} "
      "{{count:5 buckets:[5] counter_reset_hint:gauge}} {{count:6 buckets:[6]}}\n");
  ASSERT_EQ(series.size(), 1U);
  std::vector<CounterResetHint> hints;
  for (const HistogramSample& sample : series[0].histograms) {
    hints.push_back(sample.histogram->counter_reset);
  }
  using enum CounterResetHint;
  EXPECT_EQ(hints, (std::vector{kUnknown, kNotReset, kUnknown, kNotReset, kUnknown, kUnknown,
                                kGauge, kUnknown}));
}

TEST(LoadScriptTest, NothingIsLoadedIfSomethingIsWrong) {
  MemorySource source;
  for (const char* script : {
           "load 1m\n  a 1\n\nload 1m\n  b x\n",
           "load 1m\n  a 1\n\neval instant at 0 a\n",
           "load 1m\n  a@st -1m\n",
           "load 1m\n  a@st -1m\n  b 1\n",
           "load 1m\n  a@st -1m -1m\n  a 1\n",
           "load\n  a 1\n",
           "load 292y\n  a 1x300000\n",
           "load 1m\n  a {{count:-1}}\n",
           "load_with_nhcb 1m\n  a_bucket{le=\"1\"} 2\n  a_bucket{le=\"2\"} 1\n",
       }) {
    EXPECT_EQ(LoadScript(script, &source).code(), StatusCode::kInvalidArgument) << script;
  }
  EXPECT_EQ(LoadScript("load 1m\n  a 1\n\n\nload 1m\n  b y\n", &source).message(),
            "line 6: 1:3: parse error: expected a number: \"y\"");
  EXPECT_TRUE(source.Select({}, 0, 1'000'000'000)->empty());
}

}  // namespace
}  // namespace tocsin::promql
