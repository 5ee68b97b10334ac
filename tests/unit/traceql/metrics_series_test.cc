// Arithmetic, ranking and limits of series.

#include "cpp/traceql/metrics_series.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/unit/traceql/metrics_view.h"

namespace tocsin::traceql {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

MetricsLabel Label(std::string name, std::string text) {
  MetricsLabel label{std::move(name), {}};
  label.value.type = ValueType::kString;
  label.value.text = std::move(text);
  return label;
}

MetricsLabel Label(std::string name, int64_t number) {
  MetricsLabel label{std::move(name), {}};
  label.value.type = ValueType::kInt;
  label.value.integer = number;
  return label;
}

MetricsSeries Make(std::vector<MetricsLabel> labels, std::vector<double> values) {
  return {std::move(labels), std::move(values), {}};
}

Shown ShowSet(SeriesSet series) {
  MetricsResult result;
  result.series = std::move(series);
  return Show(result);
}

TEST(MetricsSeriesTest, EqualLabelsInAnyOrderArePartners) {
  const SeriesSet left = {Make({Label("a", "x"), Label("b", "y")}, {6, 8}),
                          Make({Label("a", "z")}, {1, 1})};
  const SeriesSet right = {Make({Label("b", "y"), Label("a", "x")}, {2, 4})};
  EXPECT_EQ(ShowSet(Combine(Op::kDivide, left, right)), (Shown{{"a=\"x\", b=\"y\"", {3, 2}}}));
}

TEST(MetricsSeriesTest, TypesOfLabelsCount) {
  const SeriesSet left = {Make({Label("a", "1")}, {6})};
  const SeriesSet right = {Make({Label("a", int64_t{1})}, {2})};
  EXPECT_TRUE(Combine(Op::kAdd, left, right).empty());
}

TEST(MetricsSeriesTest, AnUnlabelledSideIsAPartnerToAll) {
  const SeriesSet many = {Make({Label("a", "x")}, {6}), Make({Label("a", "y")}, {8})};
  const SeriesSet one = {Make({Label("__name__", "rate")}, {2})};
  EXPECT_EQ(ShowSet(Combine(Op::kDivide, many, one)), (Shown{{"a=\"x\"", {3}}, {"a=\"y\"", {4}}}));
  EXPECT_EQ(ShowSet(Combine(Op::kDivide, one, many)),
            (Shown{{"a=\"x\"", {2.0 / 6}}, {"a=\"y\"", {0.25}}}));
  EXPECT_EQ(ShowSet(Combine(Op::kMultiply, one, one)),
            (Shown{{"__name__=\"(rate * rate)\"", {4}}}));
}

TEST(MetricsSeriesTest, WhatIsMissingStaysMissingAndNothingIsDividedByZero) {
  const SeriesSet left = {Make({}, {1, kNone, 1, 0})};
  const SeriesSet right = {Make({}, {kNone, 1, 0, 0})};
  for (const Op op : {Op::kAdd, Op::kSubtract, Op::kMultiply}) {
    const SeriesSet out = Combine(op, left, right);
    EXPECT_TRUE(std::isnan(out[0].values[0]) && std::isnan(out[0].values[1]));
    EXPECT_FALSE(std::isnan(out[0].values[2]));
  }
  const SeriesSet quotients = Combine(Op::kDivide, left, right);
  for (const double value : quotients[0].values) EXPECT_TRUE(std::isnan(value));
}

TEST(MetricsSeriesTest, NumbersStandOnEitherSide) {
  const SeriesSet set = {Make({Label("a", "x")}, {4, 0})};
  EXPECT_EQ(ShowSet(CombineWithNumber(Op::kSubtract, set, 1, true)), (Shown{{"a=\"x\"", {-3, 1}}}));
  EXPECT_EQ(ShowSet(CombineWithNumber(Op::kSubtract, set, 1, false)),
            (Shown{{"a=\"x\"", {3, -1}}}));
  EXPECT_EQ(ShowSet(CombineWithNumber(Op::kDivide, set, 8, true)),
            (Shown{{"a=\"x\"", {2, kAbsent}}}));
}

TEST(MetricsSeriesTest, TheGreatestOfEachPointStay) {
  SeriesSet set = {Make({Label("a", "1")}, {1, 5, kNone, 2}), Make({Label("a", "2")}, {2, 4, 1, 2}),
                   Make({Label("a", "3")}, {3, 3, 2, 2})};
  SeriesSet top = set;
  KeepTop(2, true, &top);
  EXPECT_EQ(ShowSet(top), (Shown{{"a=\"1\"", {kAbsent, 5, kAbsent, 2}},
                                 {"a=\"2\"", {2, 4, 1, 2}},
                                 {"a=\"3\"", {3, kAbsent, 2, kAbsent}}}));
  KeepTop(1, false, &set);
  EXPECT_EQ(ShowSet(set), (Shown{{"a=\"1\"", {1, kAbsent, kAbsent, 2}},
                                 {"a=\"2\"", {kAbsent, kAbsent, 1, kAbsent}},
                                 {"a=\"3\"", {kAbsent, 3, kAbsent, kAbsent}}}));
}

TEST(MetricsSeriesTest, EveryComparisonKeepsItsPoints) {
  const auto kept = [](Op op) {
    SeriesSet set = {Make({}, {1, 2, 3, kNone})};
    KeepWhere(op, 2, &set);
    return ShowSet(set)[""];
  };
  EXPECT_EQ(kept(Op::kEqual), (std::vector<double>{kAbsent, 2, kAbsent, kAbsent}));
  EXPECT_EQ(kept(Op::kNotEqual), (std::vector<double>{1, kAbsent, 3, kAbsent}));
  EXPECT_EQ(kept(Op::kLess), (std::vector<double>{1, kAbsent, kAbsent, kAbsent}));
  EXPECT_EQ(kept(Op::kLessEqual), (std::vector<double>{1, 2, kAbsent, kAbsent}));
  EXPECT_EQ(kept(Op::kGreater), (std::vector<double>{kAbsent, kAbsent, 3, kAbsent}));
  EXPECT_EQ(kept(Op::kGreaterEqual), (std::vector<double>{kAbsent, 2, 3, kAbsent}));
}

TEST(MetricsSeriesTest, SeriesWithoutASampleGo) {
  SeriesSet set = {Make({Label("a", "x")}, {kNone, kNone}), Make({Label("a", "y")}, {kNone, 0})};
  DropEmptySeries(&set);
  EXPECT_EQ(ShowSet(set), (Shown{{"a=\"y\"", {kAbsent, 0}}}));
}

TEST(MetricsSeriesTest, LabelsThatAreNotNumbersCanBeSorted) {
  SeriesSet set;
  for (const double number : {2.0, kNone, -1.0, kNone, 0.5}) {
    MetricsSeries series = Make({Label("x", "")}, {number});
    series.labels[0].value.type = ValueType::kDouble;
    series.labels[0].value.number = number;
    set.push_back(std::move(series));
  }
  SortSeries(&set);
  EXPECT_EQ(set[0].values[0], -1);
  EXPECT_EQ(set[1].values[0], 0.5);
}

TEST(MetricsSeriesTest, ExemplarsLieOnTheirSeries) {
  SeriesSet set = {Make({}, {1, 2, kNone})};
  set[0].exemplars = {{{}, kNone, 5}, {{}, kNone, 10}, {{}, 7, 11}, {{}, 7, 25}, {{}, 7, 99}};
  PlaceExemplars(std::vector<int64_t>{10, 20, 30}, &set);
  ASSERT_EQ(set[0].exemplars.size(), 3U);
  EXPECT_EQ(set[0].exemplars[0].value, 1);
  EXPECT_EQ(set[0].exemplars[1].value, 1);
  EXPECT_EQ(set[0].exemplars[2].value, 7);
}

TEST(MetricsSeriesTest, TheLargestStayInTheirOrder) {
  SeriesSet set = {Make({Label("a", "1")}, {1, kNone}), Make({Label("a", "2")}, {9, 1}),
                   Make({Label("a", "3")}, {0, 5})};
  KeepLargest(2, &set);
  ASSERT_EQ(set.size(), 2U);
  EXPECT_EQ(Text(set[0].labels), "a=\"2\"");
  EXPECT_EQ(Text(set[1].labels), "a=\"3\"");
}

}  // namespace
}  // namespace tocsin::traceql
