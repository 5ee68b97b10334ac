#include "cpp/model/labels.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(LabelsTest, PairsAreSortedUniqueAndNotEmpty) {
  const Labels labels({{"b", "1"}, {"a", "2"}, {"b", "3"}, {"c", ""}, {"d", "4"}, {"d", ""}});
  EXPECT_EQ(labels.ToString(), R"({a="2", b="3"})");
  EXPECT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels.Get("b"), "3");
  EXPECT_EQ(labels.Get("c"), "");
  EXPECT_FALSE(labels.Has("d"));
}

TEST(LabelsTest, SetReplacesAddsAndRemoves) {
  Labels labels;
  labels.Set("m", "1");
  labels.Set("a", "2");
  labels.Set("z", "3");
  labels.Set("m", "4");
  EXPECT_EQ(labels, (Labels{{"a", "2"}, {"m", "4"}, {"z", "3"}}));
  labels.Set("a", "");
  labels.Remove("z");
  labels.Remove("absent");
  EXPECT_EQ(labels, (Labels{{"m", "4"}}));
}

TEST(LabelsTest, TextIsThatOfPrometheus) {
  EXPECT_EQ(Labels().ToString(), "{}");
  EXPECT_EQ((Labels{{"__name__", "up"}}).ToString(), "up");
  EXPECT_EQ((Labels{{"__name__", "up"}, {"job", "tempo"}}).ToString(), R"(up{job="tempo"})");
  EXPECT_EQ((Labels{{"a", "quote \" slash \\ line\n"}}).ToString(),
            R"({a="quote \" slash \\ line\n"})");
}

TEST(LabelsTest, NameAndValueAreToldApartByTheHash) {
  EXPECT_EQ((Labels{{"a", "b"}, {"c", "d"}}).Hash(), (Labels{{"c", "d"}, {"a", "b"}}).Hash());
  EXPECT_NE((Labels{{"ab", "c"}}).Hash(), (Labels{{"a", "bc"}}).Hash());
  EXPECT_NE((Labels{{"a", "b"}, {"c", "d"}}).Hash(), (Labels{{"a", "d"}, {"c", "b"}}).Hash());
  EXPECT_NE(Labels().Hash(), (Labels{{"a", "b"}}).Hash());
}

TEST(LabelsTest, OnlyOneNanIsStale) {
  EXPECT_TRUE(IsStaleNan(StaleNan()));
  EXPECT_FALSE(IsStaleNan(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(IsStaleNan(0));
}

}  // namespace
}  // namespace tocsin
