// What is known of an expression before it is evaluated.

#include "cpp/backtest/expression_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/promql/parser.h"

namespace tocsin::backtest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FactsTest : public testing::Test {
 protected:
  const ExpressionFacts& Facts(std::string_view text) {
    auto parsed = promql::Parse(text, promql::ParserOptions::Everything());
    EXPECT_TRUE(parsed.has_value()) << parsed.error().ToString();
    expr_ = *std::move(parsed);
    facts_ = FactsOf(expr_, {});
    return facts_;
  }

  promql::Expr expr_;
  ExpressionFacts facts_;
};

constexpr Millis kMinutes = 60'000;

TEST_F(FactsTest, ReachIsTheSumOfWhatLooksBack) {
  EXPECT_EQ(Facts("1 + 2").reach, 0);
  EXPECT_EQ(Facts("up").reach, 5 * kMinutes);
  EXPECT_EQ(Facts("up offset 10m").reach, 15 * kMinutes);
  EXPECT_EQ(Facts("rate(x[30m]) > on () rate(x[1h] offset 1h)").reach, 120 * kMinutes);
  EXPECT_EQ(Facts("max_over_time(rate(x[5m])[1h:1m] offset 30m)").reach, 95 * kMinutes);
}

TEST_F(FactsTest, WhatIsOnlyKnownInAQueryHasNoReach) {
  EXPECT_EQ(Facts("x @ 100").reach, std::nullopt);
  EXPECT_FALSE(Facts("x @ 100").depends_on_range);
  EXPECT_TRUE(Facts("x @ end()").depends_on_range);
  EXPECT_TRUE(Facts("rate(x[step() * 2])").depends_on_range);
  EXPECT_EQ(Facts("rate(x[step() * 2])").reach, std::nullopt);
}

TEST_F(FactsTest, LabelsAreThoseNamedAroundASelector) {
  const ExpressionFacts& facts = Facts(
      "sum by (route, le) (rate(calls{status=\"x\", zone!=\"\"}[5m]))"
      " / on (route) group_left (owner) sum without (pod) (label_replace(b, \"n\", \"$1\", "
      "\"src\", \"(.*)\"))");
  ASSERT_EQ(facts.selectors.size(), 2U);
  EXPECT_EQ(facts.selectors[0].metric, "calls");
  EXPECT_THAT(facts.selectors[0].labels, ElementsAre("le", "owner", "route", "status", "zone"));
  EXPECT_EQ(facts.selectors[1].metric, "b");
  EXPECT_THAT(facts.selectors[1].labels, ElementsAre("owner", "route", "src"));
}

TEST_F(FactsTest, ASelectorOfManyNamesMayGiveEachOfThem) {
  const ExpressionFacts& facts = Facts("{__name__=~\"job:.*\"}");
  ASSERT_EQ(facts.selectors.size(), 1U);
  EXPECT_EQ(facts.selectors[0].metric, "");
  EXPECT_THAT(facts.selectors[0].labels, IsEmpty());
  EXPECT_TRUE(MayGive(*facts.selectors[0].selector, "job:x"));
  EXPECT_FALSE(MayGive(*facts.selectors[0].selector, "up"));
}

}  // namespace
}  // namespace tocsin::backtest
