// A chunk gives back the samples that it was given, bit by bit, open and closed, and takes no bytes
// for what they are not. Damage is never more than wrong samples: what holds a chunk has a
// checksum.

#include "storage/series/float_chunk.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/open_chunk.h"
#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

ChunkExtent ExtentOf(const std::vector<Sample>& samples) {
  return {static_cast<uint32_t>(samples.size()), samples.front().t, samples.back().t};
}

std::vector<Sample> RoundTrip(const std::vector<Sample>& samples) {
  std::vector<Sample> out;
  const Status decoded = DecodeFloats(EncodeFloats(samples, {}), ExtentOf(samples), &out, nullptr);
  EXPECT_TRUE(decoded.ok()) << decoded.ToString();
  return out;
}

std::vector<Sample> ThroughOpen(const std::vector<Sample>& samples) {
  OpenChunk open;
  for (const Sample& sample : samples) open.Append(sample, 0);
  std::vector<Sample> out;
  std::string arena("something before");
  const size_t at = CopyOpenFloats(open.View(), &arena);
  ReadOpenFloats(Rebase(open.View(), arena.data() + at), &out);
  return out;
}

TEST(FloatChunkTest, ExtremesComeBackBitByBit) {
  using Limits = std::numeric_limits<double>;
  const std::vector<Sample> samples = {{INT64_MIN / 4, Limits::infinity()},
                                       {-1, -0.0},
                                       {2, Limits::denorm_min()},
                                       {3, 9007199254740992.0},
                                       {4, -9007199254740992.0},
                                       {1'000'000'000'000, Limits::max()},
                                       {INT64_MAX, -Limits::infinity()}};
  EXPECT_EQ(RoundTrip(samples), samples);
  EXPECT_EQ(ThroughOpen(samples), samples);
  const std::vector<Sample> nans = {{0, StaleNan()}, {1, Limits::quiet_NaN()}};
  EXPECT_EQ(RoundTrip(nans), nans);
  EXPECT_EQ(ThroughOpen(nans), nans);
}

std::vector<Sample> RandomSamples(uint32_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Sample> samples(1 + (random() % kMaxChunkSamples));
  Millis t = static_cast<Millis>(random() % 1'000'000'000'000);
  const uint64_t steady = random() % 2;
  double counter = 0;
  for (Sample& sample : samples) {
    t += steady != 0 && random() % 50 != 0
             ? 15'000
             : 1 + static_cast<Millis>(random() % (uint64_t{1} << (random() % 24)));
    counter += static_cast<double>(random() % (uint64_t{1} << (random() % 40)));
    if (random() % 60 == 0) counter = 0;
    double any = std::bit_cast<double>(random());
    if (std::isnan(any)) any = 1;
    const double forms[] = {any, counter, counter / 7, counter / 1'000, 42};
    sample = {t, forms[seed % 5]};
  }
  return samples;
}

TEST(FloatChunkTest, RandomChunksComeBackAtEveryLength) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const std::vector<Sample> samples = RandomSamples(seed);
    ASSERT_EQ(RoundTrip(samples), samples);
    OpenChunk open;
    for (size_t i = 0; i < samples.size(); ++i) {
      open.Append(samples[i], 0);
      const std::vector<Sample> so_far(samples.begin(),
                                       samples.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      std::vector<Sample> out;
      ReadOpenFloats(open.View(), &out);
      ASSERT_EQ(out, so_far);
    }
    ASSERT_EQ(open.Seal(), EncodeFloats(samples, {}));
  }
}

TEST(FloatChunkTest, StartTimestampsComeBackAndCostNothingWhereThereAreNone) {
  const std::vector<Sample> samples = {{1'000, 1}, {2'000, 2}, {3'000, 0}, {4'000, 1}};
  const std::vector<StartMark> starts = {{0, 500}, {2, 2'500}, {3, 0}};
  std::vector<Sample> out;
  std::vector<StartMark> marks;
  const std::string bytes = EncodeFloats(samples, starts);
  ASSERT_TRUE(DecodeFloats(bytes, ExtentOf(samples), &out, &marks).ok());
  EXPECT_EQ(out, samples);
  EXPECT_EQ(marks, starts);
  EXPECT_GT(bytes.size(), EncodeFloats(samples, {}).size());
  OpenChunk open;
  const Millis given[] = {500, 500, 2'500, 0};
  for (size_t i = 0; i < samples.size(); ++i) open.Append(samples[i], given[i]);
  EXPECT_EQ(*open.starts(), starts);
  EXPECT_EQ(open.Seal(), bytes);
}

TEST(FloatChunkTest, BytesAreFewForWhatMetricsDo) {
  std::vector<Sample> steady;
  std::vector<Sample> counter;
  std::vector<Sample> seconds;
  std::mt19937_64 random(1);
  for (uint32_t i = 0; i < kMaxChunkSamples; ++i) {
    const Millis t = 1'700'000'000'000 + (Millis{15'000} * i);
    steady.push_back({t, 42});
    const double last = counter.empty() ? 1e6 : counter.back().v;
    counter.push_back({t, last + static_cast<double>(random() % 16)});
    seconds.push_back({t, static_cast<double>(i * 123'456'789ULL) / 1e9});
  }
  EXPECT_LE(EncodeFloats(steady, {}).size(), 6U);
  EXPECT_LE(EncodeFloats(counter, {}).size(), (kMaxChunkSamples / 2) + 10U) << "four bits each";
  EXPECT_LE(EncodeFloats(seconds, {}).size(), 24U) << "equal steps of a decimal fraction";
  counter[60].v = 0;  // A reset costs itself, not its neighbours.
  for (uint32_t i = 61; i < kMaxChunkSamples; ++i) counter[i].v -= 1e6;
  EXPECT_LE(EncodeFloats(counter, {}).size(), (kMaxChunkSamples / 2) + 24U);
}

TEST(FloatChunkTest, ACutChunkIsCorruption) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const std::vector<Sample> samples = RandomSamples(seed);
    const std::string bytes = EncodeFloats(samples, std::vector<StartMark>{{0, 7}});
    for (size_t size = 0; size < bytes.size(); ++size) {
      std::vector<Sample> out;
      ASSERT_EQ(
          DecodeFloats(std::string_view(bytes).substr(0, size), ExtentOf(samples), &out, nullptr)
              .code(),
          StatusCode::kCorruption)
          << size;
    }
  }
}

TEST(FloatChunkTest, FlippedBitsNeverGiveTimesThatDoNotAscend) {
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const std::vector<Sample> samples = RandomSamples(seed);
    const std::string bytes = EncodeFloats(samples, {});
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      std::vector<Sample> out;
      if (!DecodeFloats(flipped, ExtentOf(samples), &out, nullptr).ok()) continue;
      for (size_t i = 1; i < out.size(); ++i) ASSERT_LT(out[i - 1].t, out[i].t) << bit;
    }
  }
}

}  // namespace
}  // namespace tocsin::storage
