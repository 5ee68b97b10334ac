#include "cpp/http/accept.h"

#include <gtest/gtest.h>

namespace tocsin::http {
namespace {

TEST(ReadChoicesTest, NamesVersionsAndWeights) {
  const auto choices = ReadChoices(" Text/HTML;version=2 ; q=0.5, ,*/*;q=x,a;q=7");
  ASSERT_EQ(choices.size(), 3);
  EXPECT_EQ(choices[0].name, "text/html");
  EXPECT_EQ(choices[0].version, "2");
  EXPECT_EQ(choices[0].weight, 0.5);
  EXPECT_EQ(choices[1].weight, 0);
  EXPECT_EQ(choices[2].weight, 1);
}

TEST(AcceptsGzipTest, UnlessItsWeightIsNothing) {
  EXPECT_TRUE(AcceptsGzip("gzip"));
  EXPECT_TRUE(AcceptsGzip("deflate, gzip;q=1.0, *;q=0.5"));
  EXPECT_FALSE(AcceptsGzip(""));
  EXPECT_FALSE(AcceptsGzip("identity, gzip;q=0"));
}

}  // namespace
}  // namespace tocsin::http
