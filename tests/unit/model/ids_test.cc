#include "cpp/model/ids.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(TraceIdTest, BytesAndHexadecimalTextReadBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1'000; ++i) {
    const TraceId id{random(), random() >> (random() % 64)};
    EXPECT_EQ(TraceId::FromBytes(id.ToBytes().data()), id);
    EXPECT_EQ(TraceId::FromHex(id.ToHex()), id);
  }
}

TEST(TraceIdTest, NumericOrderIsTheOrderOfBytesAndOfText) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 1'000; ++i) {
    const TraceId a{random() % 3, random()};
    const TraceId b{random() % 3, random()};
    EXPECT_EQ(a < b, a.ToBytes() < b.ToBytes());
    EXPECT_EQ(a < b, a.ToHex() < b.ToHex());
  }
}

TEST(TraceIdTest, ShortTextIsPaddedOnTheLeft) {
  EXPECT_EQ(TraceId::FromHex("abc123def456"), (TraceId{0, 0xabc123def456U}));
  EXPECT_EQ(TraceId::FromHex("ABC123DEF456"), TraceId::FromHex("abc123def456"));
  EXPECT_EQ(TraceId::FromHex("0"), TraceId());
  EXPECT_EQ(TraceId::FromHex("10000000000000000"), (TraceId{1, 0}));
}

TEST(TraceIdTest, TextThatIsNoIdIsRefused) {
  EXPECT_FALSE(TraceId::FromHex("").has_value());
  EXPECT_FALSE(TraceId::FromHex(std::string(33, '1')).has_value());
  for (int c = 0; c < 256; ++c) {
    const bool is_digit =
        std::string("0123456789abcdefABCDEF").find(static_cast<char>(c)) != std::string::npos;
    EXPECT_EQ(TraceId::FromHex(std::string("1") + static_cast<char>(c)).has_value(), is_digit) << c;
  }
}

TEST(SpanIdTest, BytesAndTextReadBack) {
  const SpanId id = 0x0123456789abcdefU;
  EXPECT_EQ(SpanIdToHex(id), "0123456789abcdef");
  EXPECT_EQ(SpanIdToBytes(id), "\x01\x23\x45\x67\x89\xab\xcd\xef");
  EXPECT_EQ(SpanIdFromBytes(SpanIdToBytes(id).data()), id);
}

}  // namespace
}  // namespace tocsin
