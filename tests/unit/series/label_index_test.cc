// The index finds exactly the series that a scan over all label sets finds, in the order of labels.

#include "storage/series/label_index.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

using promql::Matcher;

Matcher Make(Matcher::Op op, std::string_view name, std::string_view value) {
  auto made = Matcher::Make(op, name, value);
  EXPECT_TRUE(made.has_value()) << made.error().ToString();
  return *std::move(made);
}

TEST(LabelIndexTest, ALabelSetHasOneSeries) {
  LabelIndex index;
  const Labels labels{{"__name__", "up"}, {"job", "tempo"}};
  EXPECT_EQ(index.Find(labels), kNoSeries);
  index.Add(7, labels);
  EXPECT_EQ(index.Find(labels), 7U);
  EXPECT_EQ(index.Find({{"__name__", "up"}}), kNoSeries);
  EXPECT_EQ(index.LabelsOf(7), labels);
  EXPECT_EQ(index.ValueOf(7, "job"), "tempo");
  EXPECT_EQ(index.ValueOf(7, "other"), "");
  EXPECT_FALSE(index.Knows(6));
  EXPECT_FALSE(index.Knows(8));
}

TEST(LabelIndexTest, OnlyListedSeriesAreMatched) {
  LabelIndex index;
  index.Add(1, {{"a", "x"}});
  index.Add(2, {{"a", "y"}});
  const std::vector<Matcher> all = {Make(Matcher::Op::kRegex, "a", ".+")};
  EXPECT_TRUE(index.Match(all).empty());
  EXPECT_TRUE(index.Match({}).empty());
  const std::vector<SeriesId> ids = {2, 2};
  index.List(ids);
  index.List(ids);
  index.Order();
  EXPECT_EQ(index.Match(all), std::vector<SeriesId>{2});
  EXPECT_EQ(index.Match({}), std::vector<SeriesId>{2});
  EXPECT_EQ(index.listed(), 1U);
  EXPECT_EQ(index.live(), 2U);
  EXPECT_EQ(index.RankOf(2), 0U);
}

TEST(LabelIndexTest, UnlistedSeriesAreKnownButNotFound) {
  LabelIndex index;
  for (SeriesId id = 1; id <= 4; ++id) {
    index.Add(id, {{"__name__", "m"}, {"id", std::to_string(id)}});
  }
  index.List(std::vector<SeriesId>{4, 3, 2, 1});
  index.Order();
  index.Unlist(std::vector<SeriesId>{1, 3, 3});
  EXPECT_EQ(index.Match({}), (std::vector<SeriesId>{2, 4}));
  EXPECT_TRUE(index.Match(std::vector<Matcher>{Make(Matcher::Op::kEqual, "id", "3")}).empty());
  EXPECT_EQ(index.Find({{"__name__", "m"}, {"id", "3"}}), 3U);
  EXPECT_EQ(index.live(), 2U);
  EXPECT_EQ(index.RankOf(4), 1U);
  index.List(std::vector<SeriesId>{3});
  EXPECT_FALSE(index.ordered());
  index.Order();
  EXPECT_EQ(index.Match({}), (std::vector<SeriesId>{2, 3, 4}));
  EXPECT_EQ(index.live(), 3U);
}

TEST(LabelIndexTest, ViewsShareTheirTexts) {
  LabelIndex index;
  index.Add(1, {{"__name__", "m"}, {"job", "a"}});
  index.Add(2, {{"__name__", "n"}, {"job", "a"}});
  std::vector<promql::LabelView> first;
  std::vector<promql::LabelView> second;
  index.View(1, &first);
  index.View(2, &second);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[1].name, "job");
  EXPECT_EQ(first[1].value, "a");
  EXPECT_EQ(first[1].value.data(), second[1].value.data());
}

TEST(LabelIndexTest, StatisticsCountSeriesAndValues) {
  LabelIndex index;
  index.Add(1, {{"__name__", "a"}, {"le", "1"}});
  index.Add(2, {{"__name__", "a"}, {"le", "10"}});
  index.Add(3, {{"__name__", "b"}});
  index.List(std::vector<SeriesId>{1, 2, 3});
  promql::HeadStatistics stats;
  index.Describe(1, &stats);
  using Lines = std::vector<promql::NamedCount>;
  EXPECT_EQ(stats.series, 3U);
  EXPECT_EQ(stats.label_pairs, 4U);
  EXPECT_EQ(stats.series_by_metric_name, (Lines{{"a", 2}}));
  EXPECT_EQ(stats.values_by_label_name, (Lines{{"__name__", 2}}));
  EXPECT_EQ(stats.bytes_by_label_name, (Lines{{"__name__", 3}}));
  EXPECT_EQ(stats.series_by_label_pair, (Lines{{"__name__=a", 2}}));
}

TEST(LabelIndexTest, EveryMatcherAgreesWithAScan) {
  static const std::vector<std::string> kNames = {"__name__", "job", "le", "nowhere"};
  static const std::vector<std::string> kPatterns = {"", "a", "b", "a|b", "a.*", ".*", ".+", "c?"};
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    LabelIndex index;
    std::map<Labels, SeriesId> series;
    for (SeriesId id = 1; id <= 120; ++id) {
      std::vector<Labels::Pair> pairs;
      for (const char* name : {"__name__", "job", "le"}) {
        const std::string value(random() % 3, static_cast<char>('a' + random() % 3));
        if (random() % 4 != 0) pairs.emplace_back(name, value);
      }
      const Labels labels(pairs);
      if (!series.emplace(labels, id).second) continue;
      index.Add(id, labels);
      if (random() % 3 == 0) {  // Listed one by one and together, in any order.
        index.List(std::vector<SeriesId>{id});
      }
    }
    std::vector<SeriesId> ids;
    for (const auto& [labels, id] : series) ids.push_back(id);
    std::ranges::shuffle(ids, random);
    index.List(ids);
    index.Order();
    for (int query = 0; query < 200; ++query) {
      std::vector<Matcher> matchers;
      for (uint64_t n = random() % 4; n > 0; --n) {
        matchers.push_back(Make(static_cast<Matcher::Op>(random() % 4),
                                kNames[random() % kNames.size()],
                                kPatterns[random() % kPatterns.size()]));
      }
      std::vector<SeriesId> expected;
      for (const auto& [labels, id] : series) {
        if (promql::MatchesAll(matchers, labels)) expected.push_back(id);
      }
      ASSERT_EQ(index.Match(matchers), expected);
    }
  }
}

}  // namespace
}  // namespace tocsin::storage
