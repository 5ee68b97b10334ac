// A chunk gives back the samples that it was given, bit by bit, and takes no bytes for what they
// are not. Damage is never more than wrong samples: what holds a chunk has a checksum.

#include "storage/series/chunk.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

ChunkBuilder Build(const std::vector<Sample>& samples) {
  ChunkBuilder builder;
  for (const Sample& sample : samples) builder.Append(sample);
  return builder;
}

std::vector<Sample> Decode(const ChunkBuilder& builder, Millis from = INT64_MIN,
                           Millis to = INT64_MAX) {
  std::vector<Sample> samples;
  const Status decoded = DecodeChunk(builder.bytes(), builder.count(), from, to, &samples);
  EXPECT_TRUE(decoded.ok()) << decoded.ToString();
  return samples;
}

TEST(ChunkTest, AnEmptyChunkHasNoSamples) {
  std::vector<Sample> samples;
  EXPECT_TRUE(DecodeChunk(ChunkBuilder().bytes(), 0, INT64_MIN, INT64_MAX, &samples).ok());
  EXPECT_TRUE(samples.empty());
}

TEST(ChunkTest, ExtremesComeBackBitByBit) {
  using Limits = std::numeric_limits<double>;
  const std::vector<Sample> samples = {{INT64_MIN, Limits::infinity()},
                                       {-1, -0.0},
                                       {0, StaleNan()},
                                       {1, Limits::quiet_NaN()},
                                       {2, Limits::denorm_min()},
                                       {1'000'000'000'000, Limits::max()},
                                       {INT64_MAX, -Limits::infinity()}};
  const ChunkBuilder chunk = Build(samples);
  EXPECT_EQ(Decode(chunk), samples);
  EXPECT_EQ(chunk.first_t(), INT64_MIN);
  EXPECT_EQ(chunk.last_t(), INT64_MAX);
}

TEST(ChunkTest, StepsAtTheEdgesOfEveryCodeComeBack) {
  for (const int64_t edge : {1L, 63L, 64L, 65L, 8'191L, 8'192L, 8'193L, 524'287L, 524'288L}) {
    std::vector<Sample> samples = {{0, 0}, {2'000'000, 0}};
    samples.push_back({samples.back().t + 2'000'000 + edge, 0});
    samples.push_back({samples.back().t + 2'000'000, 0});
    samples.push_back({samples.back().t + 2'000'000 - edge, 0});
    EXPECT_EQ(Decode(Build(samples)), samples) << edge;
  }
}

TEST(ChunkTest, RandomChunksComeBackAtEveryLength) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<Sample> samples(1 + random() % kMaxChunkSamples);
    Millis t = static_cast<Millis>(random() % 1'000'000'000'000);
    double counter = 0;
    for (Sample& sample : samples) {
      t += 1 + static_cast<Millis>(random() % (uint64_t{1} << (random() % 24)));
      counter += static_cast<double>(random() % 1'000);
      const double any = std::bit_cast<double>(random());
      sample = {t, seed % 3 == 0 ? any : seed % 3 == 1 ? counter : counter / 7};
    }
    ChunkBuilder builder;
    for (size_t i = 0; i < samples.size(); ++i) {
      builder.Append(samples[i]);
      const std::vector<Sample> so_far(samples.begin(),
                                       samples.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      ASSERT_EQ(Decode(builder), so_far);
    }
  }
}

TEST(ChunkTest, OnlySamplesInTheRangeAreGiven) {
  std::vector<Sample> samples;
  for (Millis t = 0; t < 10; ++t) samples.push_back({t * 10, static_cast<double>(t)});
  const ChunkBuilder chunk = Build(samples);
  for (Millis from = -5; from <= 100; from += 5) {
    for (Millis to = -5; to <= 100; to += 5) {
      std::vector<Sample> expected;
      for (const Sample& sample : samples) {
        if (sample.t >= from && sample.t <= to) expected.push_back(sample);
      }
      ASSERT_EQ(Decode(chunk, from, to), expected) << from << " to " << to;
    }
  }
}

TEST(ChunkTest, ASteadySeriesTakesTwoBitsASample) {
  ChunkBuilder chunk;
  for (uint32_t i = 0; i < kMaxChunkSamples; ++i) chunk.Append({15'000 * i, 42});
  EXPECT_LE(chunk.bytes().size(), 16 + 4 + kMaxChunkSamples / 4);
}

TEST(ChunkTest, ACutChunkIsCorruptionOrShorter) {
  std::mt19937_64 random(1);
  std::vector<Sample> samples;
  for (Millis t = 1; t <= 20; ++t) samples.push_back({t * t, static_cast<double>(random())});
  const ChunkBuilder chunk = Build(samples);
  for (size_t size = 0; size < chunk.bytes().size(); ++size) {
    std::vector<Sample> out;
    const Status decoded =
        DecodeChunk(chunk.bytes().substr(0, size), chunk.count(), INT64_MIN, INT64_MAX, &out);
    ASSERT_EQ(decoded.code(), StatusCode::kCorruption) << size;
  }
}

TEST(ChunkTest, FlippedBitsNeverGiveTimesThatDoNotAscend) {
  std::vector<Sample> samples;
  for (Millis t = 1; t <= 20; ++t) samples.push_back({t * 1'000, static_cast<double>(t % 3)});
  const ChunkBuilder chunk = Build(samples);
  for (size_t bit = 0; bit < chunk.bytes().size() * 8; ++bit) {
    std::string flipped(chunk.bytes());
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    std::vector<Sample> out;
    static_cast<void>(DecodeChunk(flipped, chunk.count(), INT64_MIN, INT64_MAX, &out));
    for (size_t i = 1; i < out.size(); ++i) ASSERT_LT(out[i - 1].t, out[i].t) << bit;
  }
}

}  // namespace
}  // namespace tocsin::storage
