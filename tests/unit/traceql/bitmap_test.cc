// Sets of rows that are made many rows at a time hold what asking row by row finds.

#include "cpp/traceql/bitmap.h"

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::traceql {
namespace {

constexpr uint32_t kValues = 5;

template <class T>
class BitmapTest : public testing::Test {
 protected:
  // Around the sizes of words and of what is loaded at once; the first value out of line.
  static constexpr std::array<uint32_t, 10> kSizes = {0, 1, 15, 16, 63, 64, 65, 127, 128, 1'000};

  std::vector<T> Draw(uint32_t size, T above) {
    std::vector<T> values(size);
    for (T& value : values) value = static_cast<T>(above + random_() % kValues);
    return values;
  }

  std::mt19937 random_{7};
};

using Widths = testing::Types<uint8_t, uint32_t>;
TYPED_TEST_SUITE(BitmapTest, Widths);

TYPED_TEST(BitmapTest, EqualFindsEachPlace) {
  // Also where only the upper bits tell values apart.
  constexpr auto kHigh = static_cast<TypeParam>(std::numeric_limits<TypeParam>::max() - kValues);
  for (const TypeParam above : {TypeParam{0}, kHigh}) {
    for (const uint32_t size : this->kSizes) {
      const std::vector<TypeParam> values = this->Draw(size + 1, above);
      const std::span<const TypeParam> shown = std::span(values).subspan(1);
      for (uint32_t i = 0; i <= kValues; ++i) {
        const auto wanted = static_cast<TypeParam>(above + i);
        const Bitmap found = Bitmap::Equal(shown, wanted);
        ASSERT_EQ(found.size(), size);
        for (uint32_t row = 0; row < size; ++row) {
          ASSERT_EQ(found.Test(row), shown[row] == wanted) << row << " of " << size;
        }
        EXPECT_EQ(found.Count(), std::count(shown.begin(), shown.end(), wanted));
      }
    }
  }
}

TYPED_TEST(BitmapTest, EqualLooksAtAllOfAValue) {
  const TypeParam high = TypeParam{1} << (sizeof(TypeParam) * 8 - 1);
  const std::vector<TypeParam> values(64, high);
  EXPECT_TRUE(Bitmap::Equal(values, 0).None());
  EXPECT_TRUE(Bitmap::Equal(values, high).All());
}

TYPED_TEST(BitmapTest, EveryVerdictIsFollowed) {
  for (const uint32_t size : this->kSizes) {
    const std::vector<TypeParam> values = this->Draw(size, 0);
    for (uint32_t wanted = 0; wanted < 1U << kValues; ++wanted) {
      std::vector<uint8_t> verdict_of;
      for (uint32_t i = 0; i < kValues; ++i) verdict_of.push_back(wanted >> i & 1);
      const Bitmap found = Bitmap::WhereVerdict(values, verdict_of);
      uint32_t count = 0;
      for (uint32_t row = 0; row < size; ++row) {
        ASSERT_EQ(found.Test(row), (wanted >> values[row] & 1) != 0) << wanted << ", row " << row;
        count += wanted >> values[row] & 1;
      }
      EXPECT_EQ(found.Count(), count) << "nothing is behind the last row";
    }
  }
}

}  // namespace
}  // namespace tocsin::traceql
