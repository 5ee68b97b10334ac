// The runner of test scripts: what it takes as right, and that it takes nothing else.

#include "tests/unit/promql/script.h"

#include <string>

#include <gtest/gtest.h>

namespace tocsin::promql {
namespace {

EngineOptions Everything() {
  EngineOptions options;
  options.parser = ParserOptions::Everything();
  options.use_start_timestamps = true;
  return options;
}

const std::string kLoad = R"(
load 1m
  floats{a="b"} 1 2 3 4 5
  histograms {{schema:0 sum:1 count:2 buckets:[1 1]}}+{{sum:1 count:2 buckets:[1 1]}}x4
  bounds {{schema:-53 sum:1 count:3 custom_values:[5 10] buckets:[1 2]}}x4
)";

// The failures of evaluations over these series; "" if all is well.
std::string FailureOf(const std::string& evaluation) {
  const ScriptOutcome outcome = RunScript(kLoad + "\n" + evaluation, Everything());
  return outcome.failures.empty() ? "" : outcome.failures.front().text;
}

TEST(ScriptTest, WhatIsRightPasses) {
  const ScriptOutcome outcome = RunScript(kLoad + R"(
eval instant at 4m floats
  floats{a="b"} 5

eval range from 0 to 2m step 1m floats
  floats{a="b"} 1 2 3

eval instant at 2m histograms
  histograms {{schema:0 sum:3 count:6 buckets:[3 3]}}

eval instant at 2m histograms
  histograms {{schema:0 sum:3 count:6 buckets:[3 3] counter_reset_hint:not_reset}}

eval instant at 2m bounds
  bounds {{schema:-53 sum:1 count:3 custom_values:[5 10] buckets:[1 2]}}

eval instant at 4m floats[2m]
  expect range vector from 3m to 4m step 1m
  floats{a="b"} 4 5

eval instant at 0 "text"
  expect string "text"

eval instant at 0 1 + 1
  2

eval instant at 4m floats + on () floats
  expect no_warn
  expect no_info
  {} 10

eval instant at 0 histogram_quantile(2, nothing)
  expect warn regex: .*should be between 0 and 1, got 2.*

clear

eval instant at 4m floats
)",
                                          Everything());
  EXPECT_EQ(outcome.evaluations, 11U);
  for (const ScriptFailure& failure : outcome.failures) ADD_FAILURE() << failure.text;
}

TEST(ScriptTest, AlteredFloatsFail) {
  EXPECT_NE(FailureOf("eval instant at 4m floats\n  floats{a=\"b\"} 5.1\n"), "");
  EXPECT_NE(FailureOf("eval instant at 4m floats\n  floats{a=\"c\"} 5\n"), "");
  EXPECT_NE(FailureOf("eval instant at 4m floats\n"), "");
  EXPECT_NE(FailureOf("eval instant at 4m floats\n  floats{a=\"b\"} 5\n  floats{a=\"c\"} 5\n"), "");
  EXPECT_NE(FailureOf("eval instant at 4m floats\n  floats{a=\"b\"} {{}}\n"), "");
  EXPECT_NE(FailureOf("eval instant at 0 1\n  2\n"), "");
  EXPECT_NE(FailureOf("eval instant at 0 1\n  {} 1\n"), "");
  EXPECT_NE(FailureOf("eval instant at 0 \"a\"\n  expect string \"b\"\n"), "");
}

TEST(ScriptTest, AlteredRangesFail) {
  const std::string range = "eval range from 0 to 2m step 1m floats\n  floats{a=\"b\"} ";
  EXPECT_EQ(FailureOf(range + "1 2 3\n"), "");
  for (const char* values : {"1 2 4", "1 2", "1 2 3 4", "1 _ 3", "_ 1 2 3", "1 {{}} 3", "stale"}) {
    EXPECT_NE(FailureOf(range + values + "\n"), "") << values;
  }
}

TEST(ScriptTest, AlteredHistogramsFail) {
  const std::string instant = "eval instant at 2m histograms\n  histograms ";
  EXPECT_EQ(FailureOf(instant + "{{schema:0 sum:3 count:6 buckets:[3 3]}}\n"), "");
  // Empty buckets mean nothing, and 1e-7 is not seen.
  EXPECT_EQ(FailureOf(instant + "{{sum:3 count:6.0000001 offset:-1 buckets:[0 3 3 0]}}\n"), "");
  for (const char* altered : {
           "{{schema:0 sum:3 count:7 buckets:[3 3]}}",
           "{{schema:0 sum:4 count:6 buckets:[3 3]}}",
           "{{schema:1 sum:3 count:6 buckets:[3 3]}}",
           "{{schema:0 sum:3 count:6 buckets:[3 4]}}",
           "{{schema:0 sum:3 count:6 buckets:[3 3 1]}}",
           "{{schema:0 sum:3 count:6 offset:1 buckets:[3 3]}}",
           "{{schema:0 sum:3 count:6 n_buckets:[3 3]}}",
           "{{schema:0 sum:3 count:6 n_buckets:[1] buckets:[3 3]}}",
           "{{schema:0 sum:3 count:6 z_bucket:1 buckets:[3 3]}}",
           "{{schema:0 sum:3 count:6 z_bucket_w:0.001 buckets:[3 3]}}",
           "{{schema:0 sum:3 count:6 buckets:[3 3] counter_reset_hint:gauge}}",
           "{{schema:0 sum:3 count:6 buckets:[3 3] counter_reset_hint:unknown}}",
           "{{schema:0 sum:NaN count:6 buckets:[3 3]}}",
           "6",
       }) {
    EXPECT_NE(FailureOf(instant + altered + "\n"), "") << altered;
  }
  const std::string bounds = "eval instant at 2m bounds\n  bounds {{schema:-53 sum:1 count:3 ";
  EXPECT_EQ(FailureOf(bounds + "custom_values:[5 10] buckets:[1 2]}}\n"), "");
  EXPECT_NE(FailureOf(bounds + "custom_values:[5 11] buckets:[1 2]}}\n"), "");
  EXPECT_NE(FailureOf(bounds + "custom_values:[5 10 20] buckets:[1 2]}}\n"), "");
  EXPECT_NE(FailureOf("eval range from 0 to 1m step 1m bounds\n  bounds {{schema:-53 sum:1 count:3 "
                      "custom_values:[5 10] buckets:[1 2]}} _\n"),
            "");
}

TEST(ScriptTest, AlteredAnnotationsAndFailuresFail) {
  const std::string instant = "eval instant at 4m rate(floats[5m])\n  ";
  const std::string value = "\n  {a=\"b\"} 0.016666666666666666\n";
  const std::string info =
      "PromQL info: metric might not be a counter, name does not end in "
      "_total/_sum/_count/_bucket: \"floats\" (1:6)";
  EXPECT_EQ(FailureOf(instant + "expect info" + value), "");
  EXPECT_EQ(FailureOf(instant + "expect info msg: " + info + value), "");
  EXPECT_NE(FailureOf(instant + "expect info msg: " + info + "!" + value), "");
  EXPECT_NE(FailureOf(instant + "expect info regex: flots" + value), "");
  EXPECT_NE(FailureOf(instant + "expect no_info" + value), "");
  EXPECT_NE(FailureOf(instant + "expect warn" + value), "");
  EXPECT_NE(FailureOf("eval instant at 0 1\n  expect fail\n"), "");
  EXPECT_NE(FailureOf("eval instant at 0 floats + on () histograms[1m]\n"), "");
}

TEST(ScriptTest, OrderCounts) {
  const std::string load = "load 1m\n  m{a=\"1\"} 2\n  m{a=\"2\"} 1\n\neval instant at 0 sort(m)\n";
  const std::string right = "  expect ordered\n  m{a=\"2\"} 1\n  m{a=\"1\"} 2\n";
  const std::string wrong = "  expect ordered\n  m{a=\"1\"} 2\n  m{a=\"2\"} 1\n";
  EXPECT_TRUE(RunScript(load + right, Everything()).failures.empty());
  EXPECT_EQ(RunScript(load + wrong, Everything()).failures.size(), 1U);
}

TEST(ScriptTest, WhatCannotBeReadFailsAtItsLine) {
  const ScriptOutcome outcome = RunScript(R"(load 1m
  m 1 2 x

evaluate 1

eval instant at 0 1
  expect nothing

load_with_nhcb 1m
  m_bucket{le="1"} 5
  m_bucket{le="2"} 4

eval instant at 0 2
  2
)",
                                          Everything());
  ASSERT_EQ(outcome.failures.size(), 4U);
  EXPECT_EQ(outcome.evaluations, 5U);
  EXPECT_EQ(outcome.failures[0].line, 1U);
  EXPECT_EQ(outcome.failures[0].text, "line 2: 1:7: parse error: expected a number: \"x\"");
  EXPECT_EQ(outcome.failures[1].line, 4U);
  EXPECT_EQ(outcome.failures[2].line, 6U);
  EXPECT_EQ(outcome.failures[3].line, 9U);
}

TEST(ScriptTest, ClassicHistogramsAreLoadedAsNativeOnes) {
  const ScriptOutcome outcome = RunScript(R"(load_with_nhcb 1m
  m_bucket{le="1"} 1+1x2
  m_bucket{le="2"} 3+3x2
  m_bucket{le="+Inf"} 4+4x2
  m_sum 5+5x2

eval instant at 2m m
  m {{schema:-53 count:12 sum:15 custom_values:[1 2] buckets:[3 6 3]}}

eval instant at 2m m_bucket{le="1"}
  m_bucket{le="1"} 3
)",
                                          Everything());
  for (const ScriptFailure& failure : outcome.failures) ADD_FAILURE() << failure.text;
}

}  // namespace
}  // namespace tocsin::promql
