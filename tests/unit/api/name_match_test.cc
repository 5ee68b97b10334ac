// How well names fit what is typed.

#include "cpp/api/name_match.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::api {
namespace {

using Algorithm = NameMatchOptions::Algorithm;

std::optional<double> Score(std::string_view term, std::string_view name,
                            NameMatchOptions options = {}) {
  return NameMatch(std::vector{term}, options).Score(name);
}

std::optional<double> Similar(std::string_view term, std::string_view name, double threshold) {
  return Score(term, name, {.algorithm = Algorithm::kJaroWinkler, .threshold = threshold});
}

TEST(NameMatchTest, WithoutATermEveryNameFits) {
  EXPECT_EQ(NameMatch({}, {}).Score("up"), 1);
  EXPECT_EQ(Score("", "up"), 1);
}

TEST(NameMatchTest, ANameThatBeginsWithTheTermScoresOne) {
  EXPECT_EQ(Score("http_req", "http_requests_total"), 1);
  EXPECT_EQ(Similar("http_req", "http_requests_total", 0), 1);
  EXPECT_EQ(Score("up", "up"), 1);
}

TEST(NameMatchTest, ASubsequenceNeedsEveryCharacterInItsOrder) {
  EXPECT_TRUE(Score("htot", "http_requests_total"));
  EXPECT_FALSE(Score("toth", "http_total"));
  EXPECT_FALSE(Score("upp", "up"));
  EXPECT_FALSE(Score("x", ""));
}

TEST(NameMatchTest, RunsCountByTheirSquareAndGapsByTheirShareOfTheName) {
  // "ab" in "xabyy": (2² - 1/5 before - 2/5/2 behind) / 2².
  EXPECT_NEAR(*Score("ab", "xabyy"), 0.999 * (4 - 0.2 - 0.2) / 4, 1e-12);
  // "ab" in "axxb": (1 + 1 - 2/4 between) / 2².
  EXPECT_NEAR(*Score("ab", "axxb"), 0.999 * (2 - 0.5) / 4, 1e-12);
  // The best of all starts.
  EXPECT_NEAR(*Score("ab", "axab"), 0.999 * (4 - 0.5) / 4, 1e-12);
}

TEST(NameMatchTest, ASubstringScoresTheLessTheLaterItComes) {
  EXPECT_NEAR(*Similar("b", "abc", 0), 0.55, 1e-12);
  EXPECT_NEAR(*Similar("c", "abc", 0), 0.1, 1e-12);
  EXPECT_FALSE(Similar("ac", "abc", 0));
}

TEST(NameMatchTest, SimilarNamesFitFromTheThresholdOn) {
  EXPECT_NEAR(*Similar("martha", "marhta", 0.9), 0.961111, 1e-6);
  EXPECT_NEAR(*Similar("dixon", "dicksonx", 0.5), 0.813333, 1e-6);
  EXPECT_FALSE(Similar("dixon", "dicksonx", 0.9));
  EXPECT_FALSE(Similar("abc", "xyz", 0.01));
  EXPECT_FALSE(Similar("abc", "", 0.01));
}

TEST(NameMatchTest, TheThresholdHoldsForSubsequencesToo) {
  EXPECT_TRUE(Score("ab", "axxb", {.threshold = 0.3}));
  EXPECT_FALSE(Score("ab", "axxb", {.threshold = 0.5}));
}

TEST(NameMatchTest, CaseCountsUnlessItIsSaidNotTo) {
  EXPECT_FALSE(Score("HTTP", "http"));
  EXPECT_EQ(Score("HTTP", "http", {.case_sensitive = false}), 1);
  EXPECT_EQ(Score("é", "É", {.case_sensitive = false}), 1);
}

TEST(NameMatchTest, CharactersAreCountedNotBytes) {
  EXPECT_NEAR(*Similar("b", "äbc", 0), *Similar("b", "abc", 0), 1e-12);
  EXPECT_NEAR(*Score("ab", "äabéé"), *Score("ab", "xabyy"), 1e-12);
  EXPECT_FALSE(Score("\xff", "abc"));
}

TEST(NameMatchTest, OfSeveralTermsTheBestCounts) {
  const NameMatch match(std::vector<std::string_view>{"zz", "total", "http"}, {});
  EXPECT_EQ(match.Score("http_total"), 1);
  EXPECT_LT(*match.Score("rpc_total"), 1);
  EXPECT_FALSE(match.Score("up"));
}

}  // namespace
}  // namespace tocsin::api
