// How many spans a sampled one stands for.

#include "cpp/traceql/sampling_weight.h"

#include <gtest/gtest.h>

namespace tocsin::traceql {
namespace {

TEST(SamplingWeightTest, TheInverseOfTheProbability) {
  EXPECT_EQ(SamplingWeight("ot=th:0"), 1);
  EXPECT_EQ(SamplingWeight("ot=th:8"), 2);
  EXPECT_EQ(SamplingWeight("ot=th:c"), 4);
  EXPECT_EQ(SamplingWeight("ot=th:80000000000000"), 2);
  EXPECT_DOUBLE_EQ(SamplingWeight("ot=th:e6666666666666"), 10);
  EXPECT_EQ(SamplingWeight("ot=th:ffffffffffffff"), 0x1p56);
}

TEST(SamplingWeightTest, TheThresholdStandsAmongOthers) {
  EXPECT_EQ(SamplingWeight("vendor=a:b, ot=rv:abcdef;th:c;x:1 ,other=1"), 4);
  EXPECT_EQ(SamplingWeight("other=th:c"), 1);
}

TEST(SamplingWeightTest, WhatCannotBeReadWeighsOne) {
  for (const char* bad : {"", "ot", "ot=", "ot=th", "ot=th:", "ot=th:g", "ot=th:C",
                          "ot=th:000000000000000", ",,,;;;", "ot=rv:1"}) {
    EXPECT_EQ(SamplingWeight(bad), 1) << bad;
  }
}

}  // namespace
}  // namespace tocsin::traceql
