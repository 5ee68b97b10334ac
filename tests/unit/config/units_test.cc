// Sizes and numbers, as people write them and as they must not.

#include "cpp/config/units.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace tocsin::config {
namespace {

TEST(UnitsTest, BinarySizesHaveNoOtherUnits) {
  for (const std::string_view text : {"2K", "2KB", "2Ki", "2KiB", "2kib", "2048"}) {
    EXPECT_EQ(ParseBinarySize(text), 2'048U) << text;
  }
  EXPECT_EQ(ParseBinarySize("1.5MB"), 3U << 19);
  EXPECT_EQ(ParseBinarySize("MB"), std::nullopt);
}

TEST(UnitsTest, Sizes) {
  constexpr std::pair<std::string_view, uint64_t> kGood[] = {
      {"0", 0},
      {"1_000_000", 1'000'000},
      {"52428800", 52'428'800},
      {"0x100", 256},
      {"30GB", 30'000'000'000},
      {"30gb", 30'000'000'000},
      {"30 GB", 30'000'000'000},
      {"30G", 30'000'000'000},
      {"30Gi", uint64_t{30} << 30},
      {"30GiB", uint64_t{30} << 30},
      {"1.5GB", 1'500'000'000},
      {".5Ki", 512},
      {"200MB", 200'000'000},
      {"1B", 1},
      {"1k", 1'000},
      {"1KiB", 1'024},
      {"2TiB", uint64_t{2} << 40},
      {"1PB", 1'000'000'000'000'000},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, size] : kGood) EXPECT_EQ(ParseSize(text), size) << text;
  for (const std::string_view bad :
       {"", "GB", "30XB", "30GBs", "30iB", "-1", "1__", "_1", "1.2.3GB", "1.GB", "1e3", "30G B",
        "18446744073709551616", "99999999PB", "0xzz", "30 GB "}) {
    EXPECT_EQ(ParseSize(bad), std::nullopt) << bad;
  }
}

TEST(UnitsTest, CountsAndBools) {
  EXPECT_EQ(ParseCount("10_000"), 10'000U);
  EXPECT_EQ(ParseCount("0x1f"), 31U);
  for (const std::string_view bad :
       {"", "-1", "1.5", "1k", "_1", "1_", "0x", "18446744073709551616"}) {
    EXPECT_EQ(ParseCount(bad), std::nullopt) << bad;
  }
  for (const std::string_view yes : {"true", "True", "yes", "on"}) EXPECT_EQ(ParseBool(yes), true);
  for (const std::string_view no : {"false", "NO", "off"}) EXPECT_EQ(ParseBool(no), false);
  for (const std::string_view bad : {"", "1", "y", "truth"}) {
    EXPECT_EQ(ParseBool(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace tocsin::config
