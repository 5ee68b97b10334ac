#include "storage/columnar/integers.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::storage {
namespace {

using Numbers = std::vector<uint64_t>;

std::string Encoded(const Numbers& values, Packing packing = Packing::kZstd) {
  std::string bytes;
  PutIntegers(values, packing, &bytes);
  return bytes;
}

/// Some parts of a list of `count`: none, the first, the last, a few within, all.
std::vector<Slice> SlicesOf(size_t count) {
  std::vector<Slice> slices = {{0, 0}, {count, count}, {0, count}, {count / 3, count / 2}};
  if (count > 0) slices.insert(slices.end(), {{0, 1}, {count - 1, count}, {count / 2, count}});
  return slices;
}

template <class T>
std::vector<T> Cut(const std::vector<T>& values, Slice slice) {
  return {values.begin() + static_cast<ptrdiff_t>(slice.first),
          values.begin() + static_cast<ptrdiff_t>(slice.last)};
}

void ExpectRoundTrip(const Numbers& values) {
  for (const Packing packing : {Packing::kPlain, Packing::kZstd}) {
    const std::string bytes = Encoded(values, packing);
    ByteReader in(bytes);
    EXPECT_EQ(ReadIntegers(&in, values.size()), values);
    EXPECT_TRUE(in.AtEnd());
    for (const Slice slice : SlicesOf(values.size())) {
      ByteReader again(bytes);
      EXPECT_EQ(ReadIntegers(&again, values.size(), slice), Cut(values, slice));
      EXPECT_TRUE(again.AtEnd());
    }
  }
}

TEST(IntegersTest, GiveBackEveryValue) {
  const uint64_t most = UINT64_MAX;
  const uint64_t half = uint64_t{1} << 63;
  for (const Numbers& values :
       std::vector<Numbers>{{},
                            {0},
                            {most},
                            {5, 5, 5},
                            {0, most},
                            {most, 0, half, half - 1},
                            {1, 2, 3, 4},
                            {most, most - 1, most - 2},
                            {1000, 2000, 5000, 1000},
                            {1'700'000'000'000'000'000, 1'700'000'000'001'000'000},
                            {0, half, 0, half}}) {
    ExpectRoundTrip(values);
  }
}

TEST(IntegersTest, GiveBackRandomValuesOfEveryWidthAndTrend) {
  std::mt19937_64 random(1);
  for (uint32_t width = 1; width <= 64; ++width) {
    for (const size_t count : {1U, 2U, 63U, 64U, 65U, 1000U}) {
      Numbers flat;
      Numbers rising;
      Numbers mixed;
      uint64_t sum = random();
      for (size_t i = 0; i < count; ++i) {
        flat.push_back(random() >> (64 - width));
        rising.push_back(sum += flat.back());
        mixed.push_back(random() >> (random() % width));
      }
      ExpectRoundTrip(flat);
      ExpectRoundTrip(rising);
      ExpectRoundTrip(mixed);
    }
  }
}

TEST(IntegersTest, TakeFewBytesForWhatHasAPattern) {
  Numbers constant(10'000, 257);
  Numbers regular;
  Numbers microseconds;
  Numbers narrow;
  std::mt19937_64 random(2);
  for (uint64_t i = 0; i < 10'000; ++i) {
    regular.push_back(1'700'000'000'000'000'000 + i * 15'000'000'000);
    microseconds.push_back(1000 * (random() % 1'000'000));
    narrow.push_back(500 + random() % 64);
  }
  EXPECT_LT(Encoded(constant).size(), 10U);
  EXPECT_LT(Encoded(regular).size(), 100U);
  EXPECT_LT(Encoded(microseconds).size(), 10'000U * 5 / 2 + 200);  // 20 bits each.
  EXPECT_LT(Encoded(narrow).size(), 10'000U * 6 / 8 + 100);
}

TEST(IntegersTest, LongTailsCostOnlyThemselves) {
  // One value in a thousand needs 60 bits; the others 10.
  Numbers values;
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) values.push_back(random() >> (i % 1000 == 0 ? 4 : 54));
  EXPECT_LT(Encoded(values).size(), 10'000U * 12 / 8);
}

TEST(IntegersTest, CutOrChangedBytesNeverCrash) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 20; ++round) {
    Numbers values;
    for (int i = 0; i < 300; ++i) values.push_back(random() >> (random() % 60));
    const std::string bytes = Encoded(values);
    for (size_t size = 0; size < bytes.size(); ++size) {
      ByteReader in(std::string_view(bytes).substr(0, size));
      ReadIntegers(&in, values.size());
      EXPECT_TRUE(in.failed());
    }
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(random());
      ByteReader in(changed);
      const Numbers read = ReadIntegers(&in, values.size());
      EXPECT_TRUE(in.failed() || read.size() == values.size());
      ByteReader again(changed);
      const Numbers part = ReadIntegers(&again, values.size(), {100, 150});
      EXPECT_TRUE(again.failed() || part.size() == 50U);
    }
  }
}

std::string EncodedCodes(const std::vector<uint32_t>& codes, uint32_t distinct) {
  std::string bytes;
  PutCodes(codes, distinct, Packing::kZstd, &bytes);
  return bytes;
}

TEST(CodesTest, GiveBackEveryCode) {
  std::mt19937_64 random(5);
  for (const uint32_t distinct : {1U, 2U, 255U, 256U, 257U, 65'536U, 70'000U, 20'000'000U}) {
    for (const size_t count : {0U, 1U, 2U, 1'000U}) {
      std::vector<uint32_t> codes;
      std::vector<uint32_t> appearing;
      uint32_t seen = 0;
      for (size_t i = 0; i < count; ++i) {
        codes.push_back(static_cast<uint32_t>(random() % distinct));
        const bool next = seen == 0 || (seen < distinct && random() % 2 == 0);
        appearing.push_back(next ? seen++ : static_cast<uint32_t>(random() % seen));
      }
      for (const auto& input : {codes, appearing}) {
        const std::string bytes = EncodedCodes(input, distinct);
        ByteReader in(bytes);
        EXPECT_EQ(ReadCodes(&in, count, distinct), input);
        EXPECT_TRUE(in.AtEnd());
        for (const Slice slice : SlicesOf(count)) {
          ByteReader again(bytes);
          EXPECT_EQ(ReadCodes(&again, count, distinct, slice), Cut(input, slice));
          EXPECT_TRUE(again.AtEnd());
        }
      }
    }
  }
}

TEST(CodesTest, AllDistinctCodesAndOneCodeCostNothing) {
  std::vector<uint32_t> codes(60'000);
  for (const uint32_t step : {0U, 1U}) {
    for (uint32_t i = 0; i < codes.size(); ++i) codes[i] = i * step;
    const std::string bytes = EncodedCodes(codes, 60'000);
    EXPECT_LT(bytes.size(), 5U);
    ByteReader in(bytes);
    EXPECT_EQ(ReadCodes(&in, 60'000, 60'000, {7, 11}), Cut(codes, {7, 11}));
    EXPECT_TRUE(in.AtEnd());
  }
  codes[59'999] = 5;
  EXPECT_LT(EncodedCodes(codes, 60'000).size(), 200U);
}

TEST(CodesTest, ACodeBeyondTheDictionaryIsAFailure) {
  for (const uint32_t distinct : {4U, 300U}) {
    std::vector<uint32_t> codes(1'000, 0);
    for (uint32_t i = 0; i < codes.size(); ++i) codes[i] = i % distinct;
    const std::string bytes = EncodedCodes(codes, distinct);
    ByteReader in(bytes);
    ReadCodes(&in, codes.size(), distinct - 1);
    EXPECT_TRUE(in.failed());
  }
  const std::string one = EncodedCodes(std::vector<uint32_t>(5, 9), 10);
  ByteReader in(one);
  ReadCodes(&in, 5, 9);
  EXPECT_TRUE(in.failed());
}

TEST(RandomTest, IdsAndDoublesComeBackAndAWrongCountIsAFailure) {
  std::mt19937_64 random(6);
  for (const size_t count : {0U, 1U, 100U}) {
    Numbers values;
    for (size_t i = 0; i < count; ++i) values.push_back(random());
    std::string bytes;
    PutRandom(values, &bytes);
    PutDoubleBits(values, Packing::kZstd, &bytes);
    ByteReader in(bytes);
    EXPECT_EQ(ReadRandom(&in, count), values);
    EXPECT_EQ(ReadDoubleBits(&in, count), values);
    EXPECT_TRUE(in.AtEnd());
    for (const Slice slice : SlicesOf(count)) {
      ByteReader part(bytes);
      EXPECT_EQ(ReadRandom(&part, count, slice), Cut(values, slice));
    }
    ByteReader again(bytes);
    ReadRandom(&again, count + 1);
    EXPECT_TRUE(again.failed());
  }
}

}  // namespace
}  // namespace tocsin::storage
