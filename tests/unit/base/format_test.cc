// Numbers as Go prints them (fmt's %v and %.4g, strconv.FormatFloat with 'f' and -1), by its rules.

#include "cpp/base/format.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(FormatTest, GoFloatIsPercentV) {
  EXPECT_EQ(FormatGoFloat(0), "0");
  EXPECT_EQ(FormatGoFloat(-0.0), "-0");
  EXPECT_EQ(FormatGoFloat(1), "1");
  EXPECT_EQ(FormatGoFloat(0.1), "0.1");
  EXPECT_EQ(FormatGoFloat(-1.5), "-1.5");
  EXPECT_EQ(FormatGoFloat(0.0001), "0.0001");
  EXPECT_EQ(FormatGoFloat(0.00001), "1e-05");
  EXPECT_EQ(FormatGoFloat(123456), "123456");
  EXPECT_EQ(FormatGoFloat(123456.789), "123456.789");
  EXPECT_EQ(FormatGoFloat(1e6), "1e+06");
  EXPECT_EQ(FormatGoFloat(1234567.8), "1.2345678e+06");
  EXPECT_EQ(FormatGoFloat(1e100), "1e+100");
  EXPECT_EQ(FormatGoFloat(5e-324), "5e-324");
  EXPECT_EQ(FormatGoFloat(kInf), "+Inf");
  EXPECT_EQ(FormatGoFloat(-kInf), "-Inf");
  EXPECT_EQ(FormatGoFloat(kNan), "NaN");
  EXPECT_EQ(FormatGoFloat(-kNan), "NaN");
}

TEST(FormatTest, GoFixedNeverHasAnExponent) {
  EXPECT_EQ(FormatGoFixed(0), "0");
  EXPECT_EQ(FormatGoFixed(100), "100");
  EXPECT_EQ(FormatGoFixed(1234567.8), "1234567.8");
  EXPECT_EQ(FormatGoFixed(1e-7), "0.0000001");
  EXPECT_EQ(FormatGoFixed(1e23), "100000000000000000000000");
  EXPECT_EQ(FormatGoFixed(-2.5e-3), "-0.0025");
  EXPECT_EQ(FormatGoFixed(kInf), "+Inf");
}

TEST(FormatTest, SampleValuesHaveAnExponentOnlyFarOut) {
  EXPECT_EQ(FormatSampleValue(0), "0");
  EXPECT_EQ(FormatSampleValue(1e-6), "0.000001");
  EXPECT_EQ(FormatSampleValue(9.9e-7), "9.9e-07");
  EXPECT_EQ(FormatSampleValue(1e20), "100000000000000000000");
  EXPECT_EQ(FormatSampleValue(1e21), "1e+21");
  EXPECT_EQ(FormatSampleValue(-1.5e300), "-1.5e+300");
  EXPECT_EQ(FormatSampleValue(0.3), "0.3");
  EXPECT_EQ(FormatSampleValue(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(FormatSampleValue(kNan), "NaN");
  EXPECT_EQ(FormatSampleValue(-kInf), "-Inf");
}

TEST(FormatTest, GeneralRoundsToThePrecision) {
  EXPECT_EQ(FormatGoGeneral(1234.5678, 4), "1235");
  EXPECT_EQ(FormatGoGeneral(0.123456, 4), "0.1235");
  EXPECT_EQ(FormatGoGeneral(123456, 4), "1.235e+05");
  EXPECT_EQ(FormatGoGeneral(1e-10, 4), "1e-10");
  EXPECT_EQ(FormatGoGeneral(kInf, 4), "+Inf");
}

TEST(FormatTest, FixedAndScientificTakeAPrecision) {
  EXPECT_EQ(FormatGoFixed(1.005, 1), "1.0");
  EXPECT_EQ(FormatGoFixed(-2, 0), "-2");
  EXPECT_EQ(FormatGoFixed(-1e308, 100).size(), 411U);
  EXPECT_EQ(FormatGoFixed(kNan, 2), "NaN");
  EXPECT_EQ(FormatGoScientific(1234.5, 2), "1.23e+03");
  EXPECT_EQ(FormatGoScientific(-kInf, 2), "-Inf");
  EXPECT_EQ(FormatGoScientific(0), "0e+00");
  EXPECT_EQ(FormatGoScientific(1), "1e+00");
  EXPECT_EQ(FormatGoScientific(-0.15), "-1.5e-01");
  EXPECT_EQ(FormatGoScientific(kInf), "+Inf");
}

TEST(FormatTest, OpenMetricsNumbersLookLikeFloats) {
  EXPECT_EQ(FormatOpenMetricsFloat(0), "0.0");
  EXPECT_EQ(FormatOpenMetricsFloat(1), "1.0");
  EXPECT_EQ(FormatOpenMetricsFloat(0.25), "0.25");
  EXPECT_EQ(FormatOpenMetricsFloat(-0.1), "-0.1");
  EXPECT_EQ(FormatOpenMetricsFloat(1e6), "1e+06");
  EXPECT_EQ(FormatOpenMetricsFloat(kInf), "+Inf");
  EXPECT_EQ(FormatOpenMetricsFloat(kNan), "NaN");
}

TEST(FormatTest, ParsesWhatGoParses) {
  EXPECT_EQ(ParseGoFloat("1"), 1);
  EXPECT_EQ(ParseGoFloat("1.0"), 1);
  EXPECT_EQ(ParseGoFloat("+1e3"), 1000);
  EXPECT_EQ(ParseGoFloat("-.5"), -0.5);
  EXPECT_EQ(ParseGoFloat("5."), 5);
  EXPECT_EQ(ParseGoFloat("0x1p4"), 16);
  EXPECT_EQ(ParseGoFloat("0X.8P1"), 1);
  EXPECT_EQ(ParseGoFloat("+Inf"), kInf);
  EXPECT_EQ(ParseGoFloat("-inf"), -kInf);
  EXPECT_EQ(ParseGoFloat("INFINITY"), kInf);
  EXPECT_TRUE(std::isnan(*ParseGoFloat("NaN")));
  EXPECT_EQ(ParseGoFloat("1e999"), kInf);
  EXPECT_EQ(ParseGoFloat("-1e999"), -kInf);
  EXPECT_EQ(ParseGoFloat("1e-999"), 0);
}

TEST(FormatTest, RefusesWhatGoRefuses) {
  for (const char* text :
       {"",     "+",    "-",   ".",   "e5",     "1e", "1e+",   " 1",    "1 ", "1x",
        "0x10", "0xp1", "++1", "+-1", "nan(1)", "in", "1_000", "--inf", "0x", "1..2"}) {
    EXPECT_FALSE(ParseGoFloat(text).has_value()) << text;
  }
}

TEST(FormatTest, EveryTextParsesBackToTheSameDouble) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (std::isnan(value)) continue;
    for (const std::string& text : {FormatGoFloat(value), FormatGoFixed(value),
                                    FormatSampleValue(value), FormatOpenMetricsFloat(value)}) {
      ASSERT_EQ(std::bit_cast<uint64_t>(*ParseGoFloat(text)), std::bit_cast<uint64_t>(value))
          << text;
    }
  }
}

}  // namespace
}  // namespace tocsin
