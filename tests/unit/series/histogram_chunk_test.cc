// Histograms come back as they were put in, bit by bit, hints and start timestamps included.

#include "storage/series/histogram_chunk.h"

#include <bit>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/series/histograms.h"

namespace tocsin::storage {
namespace {

struct Closed {
  std::string bytes;
  ChunkExtent extent;
};

Closed Close(const std::vector<HistogramSample>& samples, Millis start = 0) {
  OpenHistograms open;
  for (const HistogramSample& sample : samples) {
    EXPECT_TRUE(open.Takes(*sample.histogram));
    open.Append(sample, start);
  }
  return {open.Seal(), {open.count(), open.first_t(), open.last_t()}};
}

TEST(HistogramChunkTest, RandomHistogramsComeBack) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    NativeHistogram current = RandomHistogram(random);
    std::vector<HistogramSample> samples;
    Millis t = 1'000;
    for (uint64_t n = 1 + (random() % 50); n > 0; --n) {
      Observe(random, &current);
      samples.push_back({t, std::make_shared<NativeHistogram>(current)});
      t += 1 + static_cast<Millis>(random() % 30'000);
    }
    const Closed closed = Close(samples, 77);
    std::vector<HistogramSample> out;
    std::vector<StartMark> starts;
    const Status decoded = DecodeHistograms(closed.bytes, closed.extent, &out, &starts);
    ASSERT_TRUE(decoded.ok()) << decoded.ToString();
    ASSERT_EQ(out, samples);
    EXPECT_EQ(starts, (std::vector<StartMark>{{0, 77}}));
    std::string alone;
    PutHistogram(current, &alone);
    ByteReader in(alone);
    const NativeHistogram back = GetHistogram(&in);
    EXPECT_TRUE(in.AtEnd());
    EXPECT_EQ((HistogramSample{0, std::make_shared<NativeHistogram>(back)}),
              (HistogramSample{0, std::make_shared<NativeHistogram>(current)}));
  }
}

TEST(HistogramChunkTest, AnotherLayoutDoesNotFit) {
  std::mt19937_64 random(1);
  const NativeHistogram histogram = RandomHistogram(random);
  OpenHistograms open;
  open.Append({1, std::make_shared<NativeHistogram>(histogram)}, 0);
  EXPECT_TRUE(open.Takes(histogram));
  NativeHistogram other = histogram;
  ++other.schema;
  EXPECT_FALSE(open.Takes(other));
  other = histogram;
  other.zero_threshold += 1;
  EXPECT_FALSE(open.Takes(other));
  other = histogram;
  other.positive_spans.push_back({1, 1});
  other.positive_buckets.push_back(0);
  EXPECT_FALSE(open.Takes(other));
}

TEST(HistogramChunkTest, AHistogramThatMovesLittleTakesFewBytes) {
  NativeHistogram histogram;
  histogram.schema = 3;
  histogram.positive_spans = {{-10, 40}};
  histogram.positive_buckets.assign(40, 1'000);
  histogram.count = 40'000;
  std::vector<HistogramSample> samples;
  for (int i = 0; i < 100; ++i) {
    histogram.positive_buckets[static_cast<size_t>(i % 40)] += 3;
    histogram.count += 3;
    histogram.sum += 1.5;
    samples.push_back({i * Millis{15'000}, std::make_shared<NativeHistogram>(histogram)});
  }
  EXPECT_LT(Close(samples).bytes.size(), 100U * 14U);
}

TEST(HistogramChunkTest, NoDamageIsFatal) {
  std::mt19937_64 random(3);
  NativeHistogram current = RandomHistogram(random);
  std::vector<HistogramSample> samples;
  for (Millis t = 1; t < 6; ++t) {
    Observe(random, &current);
    samples.push_back({t, std::make_shared<NativeHistogram>(current)});
  }
  const Closed closed = Close(samples);
  for (size_t size = 0; size < closed.bytes.size(); ++size) {
    std::vector<HistogramSample> out;
    const std::string_view cut = std::string_view(closed.bytes).substr(0, size);
    EXPECT_FALSE(DecodeHistograms(cut, closed.extent, &out, nullptr).ok()) << size;
  }
  for (size_t bit = 0; bit < closed.bytes.size() * 8; ++bit) {
    std::string flipped = closed.bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    std::vector<HistogramSample> out;
    static_cast<void>(DecodeHistograms(flipped, closed.extent, &out, nullptr));
  }
}

}  // namespace
}  // namespace tocsin::storage
