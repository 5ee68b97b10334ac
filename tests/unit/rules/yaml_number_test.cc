// Whole numbers of YAML 1.1, each as promtool takes it for the limit of a group.

#include "cpp/rules/yaml_number.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace tocsin::rules {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

TEST(YamlNumberTest, AWholeNumberMayBeOfAnyBase) {
  const std::pair<std::string_view, int64_t> rows[] = {
      {"10", 10},
      {"0", 0},
      {"-0", 0},
      {"00", 0},
      {"+5", 5},
      {"-3", -3},
      {"010", 8},
      {"-010", -8},
      {"+010", 8},
      {"0_10", 8},
      {"0o10", 8},
      {"0O10", 8},
      {"0x10", 16},
      {"0X1f", 31},
      {"-0x1", -1},
      {"0x_1", 1},
      {"0b11", 3},
      {"0B1_1", 3},
      {"1_000", 1000},
      {"1__0", 10},
      {"1_", 1},
      {"-_1", -1},
      {"9223372036854775807", kMost},
      {"0x7fffffffffffffff", kMost},
      {"-9223372036854775808", kLeast},
  };
  for (const auto& [text, want] : rows) EXPECT_EQ(YamlWhole(text), want) << text;
}

TEST(YamlNumberTest, AFractionIsCutOff) {
  const std::pair<std::string_view, int64_t> rows[] = {
      {"5.0", 5},   {"5.9", 5},   {"-5.9", -5},  {"1.", 1},         {".5", 0},     {"1e3", 1000},
      {"1E2", 100}, {"1e+1", 10}, {"1e-1", 0},   {"1_e3", 1000},    {"1_0.5", 10}, {"08", 8},
      {"0_8", 8},   {"007.5", 7}, {"010.5", 10}, {"-1e30", kLeast},
  };
  for (const auto& [text, want] : rows) EXPECT_EQ(YamlWhole(text), want) << text;
}

TEST(YamlNumberTest, AnythingElseIsNone) {
  constexpr std::string_view kNone[] = {"",
                                        "_",
                                        "_1",
                                        "-",
                                        "+",
                                        ".",
                                        "++5",
                                        "+-5",
                                        "five",
                                        "1:30",
                                        "5 5",
                                        " 5",
                                        "1,000",
                                        "0x",
                                        "0b",
                                        "0o",
                                        "0o8",
                                        "0b2",
                                        "0xg",
                                        "0x-5",
                                        "0x+5",
                                        "0x1p3",
                                        "1e",
                                        "e1",
                                        "1e30",
                                        "1e400",
                                        "-1e400",
                                        ".inf",
                                        ".nan",
                                        "Inf",
                                        "nan",
                                        "9223372036854775808",
                                        "0xffffffffffffffff",
                                        "99999999999999999999"};
  for (const std::string_view text : kNone) {
    EXPECT_EQ(YamlWhole(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tocsin::rules
