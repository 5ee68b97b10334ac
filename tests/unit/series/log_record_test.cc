// Records come back as they were appended; a record that was rolled back leaves no trace in those
// after it; no damage gets past the decoder as more than wrong values.

#include "storage/series/log_record.h"

#include <bit>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/series/histograms.h"
#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

Labels LabelsFor(SeriesId id) { return {{"__name__", "metric"}, {"id", std::to_string(id)}}; }

struct Append {
  std::vector<RefSample> samples;
  std::vector<RefHistogram> histograms;
  std::vector<RefExemplar> exemplars;
};

Append RandomAppend(std::mt19937_64& random) {
  Append append;
  for (uint64_t n = random() % 20; n > 0; --n) {
    const double value =
        random() % 3 == 0 ? std::bit_cast<double>(random()) : static_cast<double>(random() % 1'000);
    append.samples.push_back({1 + random() % 30, {static_cast<Millis>(random() % 100'000), value}});
  }
  for (RefSample& sample : append.samples) {
    if (random() % 4 == 0) sample.start = static_cast<Millis>(random() % 3);
  }
  for (uint64_t n = random() % 3; n > 0; --n) {
    NativeHistogram histogram = RandomHistogram(random);
    Observe(random, &histogram);
    append.histograms.push_back(
        {1 + random() % 30,
         {static_cast<Millis>(random() % 100'000), std::make_shared<NativeHistogram>(histogram)},
         static_cast<Millis>(random() % 2)});
  }
  for (uint64_t n = random() % 4; n > 0; --n) {
    append.exemplars.push_back({1 + random() % 30,
                                {{{"trace_id", std::to_string(random())}},
                                 static_cast<double>(random() % 9),
                                 static_cast<Millis>(random())}});
  }
  return append;
}

void ExpectEqual(const SampleLogRecord& record, const Append& append) {
  ASSERT_EQ(record.samples.size(), append.samples.size());
  for (size_t i = 0; i < append.samples.size(); ++i) {
    EXPECT_EQ(record.samples[i].series, append.samples[i].series);
    EXPECT_EQ(record.samples[i].sample, append.samples[i].sample);
    EXPECT_EQ(record.samples[i].start, append.samples[i].start);
  }
  ASSERT_EQ(record.histograms.size(), append.histograms.size());
  for (size_t i = 0; i < append.histograms.size(); ++i) {
    EXPECT_EQ(record.histograms[i].series, append.histograms[i].series);
    EXPECT_EQ(record.histograms[i].sample, append.histograms[i].sample);
    EXPECT_EQ(record.histograms[i].start, append.histograms[i].start);
  }
  ASSERT_EQ(record.exemplars.size(), append.exemplars.size());
  for (size_t i = 0; i < append.exemplars.size(); ++i) {
    EXPECT_EQ(record.exemplars[i].series, append.exemplars[i].series);
    EXPECT_EQ(record.exemplars[i].exemplar, append.exemplars[i].exemplar);
  }
  for (const auto& [id, labels] : record.definitions) EXPECT_EQ(labels, LabelsFor(id));
}

TEST(LogRecordTest, RecordsComeBackAlsoAroundOnesThatWereRolledBack) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    SampleLogEncoder encoder;
    for (int segment = 0; segment < 3; ++segment) {
      encoder.BeginSegment();
      SampleLogDecoder decoder;
      for (int i = 0; i < 20; ++i) {
        const Append append = RandomAppend(random);
        const std::string record =
            encoder.Encode({append.samples, append.histograms, append.exemplars}, i, LabelsFor);
        if (random() % 3 == 0) {
          encoder.Rollback();
          continue;
        }
        encoder.Commit();
        const auto decoded = decoder.Decode(record);
        ASSERT_TRUE(decoded.has_value()) << decoded.error().ToString();
        ExpectEqual(*decoded, append);
        EXPECT_EQ(decoded->min_time, i);
        EXPECT_FALSE(decoded->deletion.has_value());
      }
    }
  }
}

/// Every item is one of the append, and the others are counted. A start timestamp may be unknown.
void ExpectPart(const SampleLogRecord& record, const Append& append) {
  const auto is_part = [](const auto& items, const auto& of, const auto& same) {
    size_t next = 0;
    for (const auto& item : items) {
      while (next < of.size() && !(of[next].series == item.series && same(of[next], item))) ++next;
      if (next++ == of.size()) return false;
    }
    return true;
  };
  const auto same_start = [](const auto& a, const auto& b) {
    return b.start == 0 || a.start == b.start;
  };
  EXPECT_TRUE(is_part(record.samples, append.samples, [&](const auto& a, const auto& b) {
    return a.sample == b.sample && a.start == b.start;
  }));
  EXPECT_TRUE(is_part(record.histograms, append.histograms, [&](const auto& a, const auto& b) {
    return a.sample == b.sample && same_start(a, b);
  }));
  EXPECT_TRUE(is_part(record.exemplars, append.exemplars,
                      [](const auto& a, const auto& b) { return a.exemplar == b.exemplar; }));
  EXPECT_EQ(record.tally(), (SampleTally{append.samples.size(), append.histograms.size(),
                                         append.exemplars.size()}));
  for (const auto& [id, labels] : record.definitions) EXPECT_EQ(labels, LabelsFor(id));
}

TEST(LogRecordTest, BehindLostRecordsOnlyWhatIsCertainIsGiven) {
  SampleTally given;
  SampleTally unknown;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    SampleLogEncoder encoder;
    SampleLogDecoder decoder;
    bool lost = false;
    for (int i = 0; i < 20; ++i) {
      const Append append = RandomAppend(random);
      const std::string record =
          encoder.Encode({append.samples, append.histograms, append.exemplars}, i, LabelsFor);
      encoder.Commit();
      if (random() % 8 == 0) {
        decoder.LoseRecords();
        lost = true;
        continue;
      }
      const auto decoded = decoder.Decode(record);
      ASSERT_TRUE(decoded.has_value()) << decoded.error().ToString();
      if (!lost) {
        ExpectEqual(*decoded, append);
        continue;
      }
      ExpectPart(*decoded, append);
      unknown += decoded->unknown;
      given += {decoded->samples.size(), decoded->histograms.size(), decoded->exemplars.size()};
    }
  }
  for (const SampleTally& tally : {given, unknown}) {
    EXPECT_GT(tally.samples, 100U);
    EXPECT_GT(tally.histograms, 100U);
    EXPECT_GT(tally.exemplars, 100U);
  }
}

TEST(LogRecordTest, AnUnchangedSampleTakesThreeBytes) {
  std::vector<RefSample> samples;
  for (SeriesRef id = 1; id <= 1'000; ++id) samples.push_back({id, {1'000, 42}});
  SampleLogEncoder encoder;
  const std::string first = encoder.Encode({.samples = samples}, 0, LabelsFor);
  encoder.Commit();
  for (RefSample& sample : samples) sample.sample.t += 15'000;
  EXPECT_LE(encoder.Encode({.samples = samples}, 0, LabelsFor).size(), 3'020U);
  EXPECT_GT(first.size(), 3'020U);
}

TEST(LogRecordTest, DeletionsComeBack) {
  const Tombstone deletion{-5, INT64_MAX, 7, {1, 2, 4'000'000'000}};
  const auto decoded = SampleLogDecoder().Decode(SampleLogEncoder::Encode(deletion));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().ToString();
  ASSERT_TRUE(decoded->deletion.has_value());
  EXPECT_EQ(decoded->deletion->from, deletion.from);
  EXPECT_EQ(decoded->deletion->to, deletion.to);
  EXPECT_EQ(decoded->deletion->block, deletion.block);
  EXPECT_EQ(decoded->deletion->series, deletion.series);
}

TEST(LogRecordTest, NoDamageIsFatal) {
  const std::vector<RefSample> samples = {{1, {10, 1}}, {2, {10, 2}}};
  const std::vector<RefExemplar> exemplars = {{2, {Labels{{"trace_id", "ab"}}, 3, 10}}};
  SampleLogEncoder encoder;
  const std::string record =
      encoder.Encode({.samples = samples, .exemplars = exemplars}, 0, LabelsFor);
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_EQ(SampleLogDecoder().Decode(record.substr(0, size)).error().code(),
              StatusCode::kCorruption)
        << size;
  }
  for (size_t bit = 0; bit < record.size() * 8; ++bit) {
    std::string flipped = record;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    static_cast<void>(SampleLogDecoder().Decode(flipped));
  }
  EXPECT_EQ(SampleLogDecoder().Decode(record + "x").error().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace tocsin::storage
