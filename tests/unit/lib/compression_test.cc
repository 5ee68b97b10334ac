// Whatever is compressed comes back; whatever was not compressed is refused; nothing grows beyond
// its bound.

#include "cpp/lib/compression.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tocsin::lib {
namespace {

std::string Text(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) text += "word" + std::to_string(random() % 50) + ' ';
  text.resize(size);
  return text;
}

TEST(CompressionTest, EveryFormatRoundTripsAtEverySize) {
  for (const size_t size : {0U, 1U, 100U, 5'000U, 300'000U}) {
    SCOPED_TRACE(testing::Message() << size << " bytes");
    const std::string text = Text(size, 7);
    EXPECT_EQ(Gunzip(Gzip(text), size), text);
    EXPECT_EQ(ZstdDecompress(ZstdCompress(text, 1), size), text);
    EXPECT_EQ(Lz4Decompress(Lz4Compress(text), size), text);
    EXPECT_EQ(SnappyDecompress(SnappyCompress(text), size), text);
  }
}

TEST(CompressionTest, ContentOverTheBoundIsExhaustionAndCostsNoMemory) {
  const std::string bomb(50'000'000, 'a');
  EXPECT_EQ(Gunzip(Gzip(bomb, 9), 1'000).error().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(ZstdDecompress(ZstdCompress(bomb, 1), 1'000).error().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(SnappyDecompress(SnappyCompress(bomb), 1'000).error().code(),
            StatusCode::kResourceExhausted);
}

TEST(CompressionTest, EveryTruncationIsCorruption) {
  const std::string text = Text(400, 3);
  const std::string gzip = Gzip(text);
  for (size_t size = 0; size < gzip.size(); ++size) {
    EXPECT_EQ(Gunzip(gzip.substr(0, size), 1'000).error().code(), StatusCode::kCorruption) << size;
  }
  const std::string zstd = ZstdCompress(text, 1);
  for (size_t size = 0; size < zstd.size(); ++size) {
    EXPECT_EQ(ZstdDecompress(zstd.substr(0, size), 1'000).error().code(), StatusCode::kCorruption);
  }
  const std::string lz4 = Lz4Compress(text);
  for (size_t size = 0; size < lz4.size(); ++size) {
    EXPECT_EQ(Lz4Decompress(lz4.substr(0, size), 400).error().code(), StatusCode::kCorruption);
  }
  const std::string snappy = SnappyCompress(text);
  for (size_t size = 0; size < snappy.size(); ++size) {
    EXPECT_FALSE(SnappyDecompress(snappy.substr(0, size), 1'000).has_value()) << size;
  }
}

TEST(CompressionTest, GzipMembersMayFollowOneAnother) {
  EXPECT_EQ(Gunzip(Gzip("one ") + Gzip("two"), 100), "one two");
}

TEST(CompressionTest, TextAfterAGzipMemberIsCorruption) {
  EXPECT_EQ(Gunzip(Gzip("one") + "junk", 100).error().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace tocsin::lib
