#include "storage/columnar/batch_codec.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/crc32c.h"
#include "cpp/model/span_batch_builder.h"
#include "storage/columnar/frame.h"
#include "tests/unit/columnar/batches.h"

namespace tocsin::storage {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

void ExpectSame(const SpanBatch& a, const SpanBatch& b) {
  ASSERT_EQ(a.rows(), b.rows());
  for (uint32_t row = 0; row < a.rows(); ++row) EXPECT_EQ(Describe(a, row), Describe(b, row));
  // Not only the same meaning: the same columns.
  EXPECT_EQ(a.strings.blob(), b.strings.blob());
  EXPECT_EQ(a.strings.ends(), b.strings.ends());
  EXPECT_EQ(a.ints, b.ints);
  EXPECT_EQ(a.traces, b.traces);
  EXPECT_EQ(a.attr_begin, b.attr_begin);
  EXPECT_EQ(a.keys.size(), b.keys.size());
  EXPECT_EQ(a.attrs.size(), b.attrs.size());
  EXPECT_EQ(a.resources.size(), b.resources.size());
  EXPECT_EQ(a.scopes.size(), b.scopes.size());
  EXPECT_EQ(a.extras.size(), b.extras.size());
}

TEST(BatchCodecTest, GivesBackEveryField) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const SpanBatch batch = RandomBatch(seed, {.rows = static_cast<uint32_t>(seed)});
    const auto decoded = DecodeBatch(EncodeBatch(batch));
    ASSERT_TRUE(decoded.has_value()) << seed << decoded.error().ToString();
    ExpectSame(batch, *decoded);
  }
}

TEST(BatchCodecTest, AnEmptyBatchAndALargeOne) {
  ExpectSame(SpanBatch(), DecodeBatch(EncodeBatch(SpanBatch())).value());
  const SpanBatch large = RealisticBatch(1, 20'000);
  ExpectSame(large, DecodeBatch(EncodeBatch(large)).value());
  SpanBatchBuilder builder;
  std::string value;
  value.resize(50'000'000, 'x');
  builder.AddString("big", value);
  const SpanBatch big = std::move(builder).Finish();
  ExpectSame(big, DecodeBatch(EncodeBatch(big)).value());
}

TEST(BatchCodecTest, EveryFlippedBitAndEveryTruncationIsCorruption) {
  const std::string bytes = EncodeBatch(RandomBatch(3, {.rows = 5}));
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(DecodeBatch(std::string_view(bytes).substr(0, size)).error().code(),
              StatusCode::kCorruption);
  }
  EXPECT_EQ(DecodeBatch(bytes + "x").error().code(), StatusCode::kCorruption);
  std::string flipped = bytes;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(DecodeBatch(flipped).error().code(), StatusCode::kCorruption) << bit;
    flipped[bit / 8] = bytes[bit / 8];
  }
}

// Walks everything a decoded batch points at.
size_t Use(const SpanBatch& batch) {
  size_t used = batch.MemoryBytes();
  for (uint32_t row = 0; row < batch.rows(); ++row) used += Describe(batch, row).size();
  return used;
}

TEST(BatchCodecTest, WhateverPassesTheChecksumIsSafeToUse) {
  // Each byte of the body is changed behind the checksum's back: an error, or a batch that is
  // whole.
  size_t refused = 0;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const std::string body = OpenFrame(EncodeBatch(RandomBatch(seed, {.rows = 6}))).value();
    for (size_t at = 0; at < body.size(); ++at) {
      for (const int change : {1, 0x80, 0xff}) {
        std::string changed = body;
        changed[at] = static_cast<char>(changed[at] ^ change);
        const auto batch = DecodeBatch(SealFrame(changed, Compression::kNone));
        if (batch) {
          EXPECT_GT(Use(*batch), 0U);
        } else {
          EXPECT_EQ(batch.error().code(), StatusCode::kCorruption);
          ++refused;
        }
      }
    }
    for (size_t size = 0; size < body.size(); ++size) {
      EXPECT_FALSE(DecodeBatch(SealFrame(body.substr(0, size), Compression::kNone)).has_value());
    }
  }
  EXPECT_GT(refused, 1'000U);
}

TEST(BatchCodecTest, ABombOfCountsCostsNoMemory) {
  std::string body = "\x01";
  for (int i = 0; i < 13; ++i) body += "\xff\xff\xff\xff\x03";  // 2^30 - 1 of everything.
  EXPECT_EQ(DecodeBatch(SealFrame(body, Compression::kNone)).error().code(),
            StatusCode::kCorruption);
}

TEST(BatchCodecTest, ReadsWhatVersion1Wrote) {
  const std::string fixture = TOCSIN_SOURCE_DIR "/storage/fixtures/v1/batch";
  const auto batch = DecodeBatch(ReadFile(fixture + "/batch"));
  ASSERT_TRUE(batch.has_value()) << batch.error().ToString();
  EXPECT_EQ(std::to_string(Crc32c(Describe(*batch))) + "\n", ReadFile(fixture + "/rows.crc32c"));
}

}  // namespace
}  // namespace tocsin::storage
