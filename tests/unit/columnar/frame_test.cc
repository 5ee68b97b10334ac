#include "storage/columnar/frame.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/columnar/bloom.h"
#include "storage/columnar/section.h"
#include "storage/columnar/strings.h"

namespace tocsin::storage {
namespace {

TEST(FrameTest, GivesTheBodyBack) {
  for (const auto compression : {Compression::kNone, Compression::kZstd, Compression::kLz4}) {
    for (const std::string& body : {std::string(), std::string("x"), std::string(100'000, 'y')}) {
      const std::string frame = SealFrame(body, compression);
      EXPECT_EQ(OpenFrame(frame).value(), body);
      EXPECT_LE(frame.size(), body.size() + 16);
    }
  }
}

TEST(FrameTest, EveryFlippedBitAndEveryTruncationIsCorruption) {
  for (const auto compression : {Compression::kNone, Compression::kZstd, Compression::kLz4}) {
    const std::string frame = SealFrame("a body, a body, a body, a body, a body", compression);
    for (size_t size = 0; size < frame.size(); ++size) {
      EXPECT_EQ(OpenFrame(frame.substr(0, size)).error().code(), StatusCode::kCorruption);
    }
    for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
      std::string flipped = frame;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_EQ(OpenFrame(flipped).error().code(), StatusCode::kCorruption) << bit;
    }
  }
}

TEST(SectionTest, IsCompressedOnlyWhereThatPays) {
  const std::string same(1'000, 's');
  std::string plain;
  std::string packed;
  PutSection(same, Packing::kPlain, &plain);
  PutSection(same, Packing::kZstd, &packed);
  EXPECT_EQ(plain.size(), 1'003U);
  EXPECT_LT(packed.size(), 50U);
  for (const std::string& bytes : {plain, packed}) {
    ByteReader in(bytes);
    EXPECT_EQ(ReadSection(&in, 1'000), same);
    EXPECT_TRUE(in.AtEnd());
    ByteReader limited(bytes);
    EXPECT_EQ(ReadSection(&limited, 999), "");
    EXPECT_TRUE(limited.failed());
    for (size_t size = 0; size < bytes.size(); ++size) {
      ByteReader cut(std::string_view(bytes).substr(0, size));
      ReadSection(&cut, 1'000);
      EXPECT_TRUE(cut.failed());
    }
  }
}

TEST(StringsTest, GiveEveryStringBack) {
  StringList strings;
  for (int i = 0; i < 500; ++i) {
    strings.Append(std::string(static_cast<size_t>(i % 7), static_cast<char>(i)));
  }
  strings.Append(std::string(1'000'000, 'b'));
  std::string bytes;
  PutStrings(strings, Packing::kZstd, &bytes);
  ByteReader in(bytes);
  const StringList read = ReadStrings(&in, strings.size());
  ASSERT_TRUE(in.AtEnd());
  ASSERT_EQ(read.size(), strings.size());
  for (size_t i = 0; i < strings.size(); ++i) EXPECT_EQ(read[i], strings[i]);
  for (const size_t wrong : {strings.size() - 1, strings.size() + 1}) {
    ByteReader again(bytes);
    ReadStrings(&again, wrong);
    EXPECT_FALSE(again.AtEnd());
  }
}

TEST(BloomTest, HasNoFalseNegativesAndFewFalsePositives) {
  std::vector<uint64_t> hashes;
  hashes.reserve(10'000);
  const auto hash = [](uint64_t i) { return (i + 1) * 0x9e3779b97f4a7c15U; };
  for (uint64_t i = 0; i < 10'000; ++i) hashes.push_back(hash(i));
  const std::string filter = BuildBloom(hashes);
  EXPECT_EQ(filter.size(), 12'500U);
  for (const uint64_t h : hashes) ASSERT_TRUE(BloomMayContain(filter, h));
  size_t wrong = 0;
  for (uint64_t i = 10'000; i < 110'000; ++i) wrong += BloomMayContain(filter, hash(i)) ? 1U : 0U;
  EXPECT_LT(wrong, 2'000U);
  EXPECT_FALSE(BloomMayContain(BuildBloom({}), 1));
  EXPECT_TRUE(BloomMayContain("", 1));
}

}  // namespace
}  // namespace tocsin::storage
