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
  EXPECT_EQ(index.Match(all), std::vector<SeriesId>{2});
  EXPECT_EQ(index.Match({}), std::vector<SeriesId>{2});
  EXPECT_EQ(index.listed(), 1U);
  EXPECT_EQ(index.known(), 2U);
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
    for (int query = 0; query < 200; ++query) {
      std::vector<Matcher> matchers;
      for (uint64_t n = random() % 4; n > 0; --n) {
        matchers.push_back(Make(static_cast<Matcher::Op>(random() % 4),
                                kNames[random() % kNames.size()],
                                kPatterns[random() % kPatterns.size()]));
      }
      std::vector<SeriesId> expected;
      for (const auto& [labels, id] : series) {
        const bool matches = std::ranges::all_of(
            matchers, [&](const Matcher& m) { return m.Matches(labels.Get(m.name)); });
        if (matches) expected.push_back(id);
      }
      ASSERT_EQ(index.Match(matchers), expected);
    }
  }
}

}  // namespace
}  // namespace tocsin::storage
