#include "cpp/base/rfc3339.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(Rfc3339Test, PrintsAsGoDoes) {
  constexpr Nanos kNoon = 1'795'361'802 * kSecond;
  EXPECT_EQ(FormatRfc3339(kNoon), "2026-11-22T15:36:42Z");
  EXPECT_EQ(FormatRfc3339(kNoon + 123 * kMillisecond), "2026-11-22T15:36:42.123Z");
  EXPECT_EQ(FormatRfc3339(kNoon + 1), "2026-11-22T15:36:42.000000001Z");
  EXPECT_EQ(FormatRfc3339(-kMillisecond), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatRfc3339(0), "0001-01-01T00:00:00Z");
}

}  // namespace
}  // namespace tocsin
