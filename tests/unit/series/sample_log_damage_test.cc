// What is left of a damaged sample log: everything that does not build on the lost bytes is given,
// to a restart and to readers alike, and no byte of the damaged file is destroyed. The end that a
// crash leaves is no damage.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/sample_log.h"
#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

Labels LabelsFor(SeriesId id) { return {{"id", std::to_string(id)}}; }

std::string Bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string Random(size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string Flipped(std::string bytes, size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  return bytes;
}

/// What a log gave at its opening.
struct Opened {
  std::shared_ptr<SampleLog> log;
  std::vector<double> values;
  size_t histograms = 0;
  size_t exemplars = 0;
  size_t deletions = 0;
};

Opened Open(const std::string& directory) {
  Opened opened;
  auto log = SampleLog::Open({.directory = directory}, 0, [&](SampleLogRecord&& record) {
    for (const RefSample& sample : record.samples) opened.values.push_back(sample.sample.v);
    opened.histograms += record.histograms.size();
    opened.exemplars += record.exemplars.size();
    if (record.deletion.has_value()) ++opened.deletions;
  });
  EXPECT_TRUE(log.has_value()) << log.error().ToString();
  if (log.has_value()) opened.log = *std::move(log);
  return opened;
}

Status AppendFloat(SampleLog& log, SeriesId id, double value) {
  const RefSample sample{id, {static_cast<Millis>(value), value}};
  return log.Append({.samples = {&sample, 1}}, 0, LabelsFor);
}

SampleLog::SegmentCheck Checked(const std::string& directory) {
  const auto checks = SampleLog::Check(directory);
  EXPECT_TRUE(checks.has_value() && !checks->empty());
  return checks.has_value() && !checks->empty() ? checks->front() : SampleLog::SegmentCheck();
}

/// A log of one segment: the second record, from `begin` to `end`, is the one that gets damaged.
class SampleLogDamageTest : public ::testing::Test {
 protected:
  SampleLogDamageTest() {
    const Opened opened = Open(directory_.path());
    EXPECT_TRUE(AppendFloat(*opened.log, 1, 1).ok());
    begin_ = Bytes(file_).size();
    EXPECT_TRUE(AppendFloat(*opened.log, 1, 2).ok());
    end_ = Bytes(file_).size();
    EXPECT_TRUE(AppendFloat(*opened.log, 1, 3).ok());  // Against the 2.
    EXPECT_TRUE(AppendFloat(*opened.log, 9, 4).ok());  // The first of its series.
    const RefSample next{9, {5, 5}};
    const RefHistogram histogram{1, {5, std::make_shared<const NativeHistogram>()}};
    const RefExemplar exemplar{1, {Labels(), 5, 5}};
    EXPECT_TRUE(
        opened.log
            ->Append(
                {.samples = {&next, 1}, .histograms = {&histogram, 1}, .exemplars = {&exemplar, 1}},
                0, LabelsFor)
            .ok());
    EXPECT_TRUE(opened.log->Append(Tombstone{0, 1, 1, {1}}).ok());
    bytes_ = Bytes(file_);
  }

  void Put(const std::string& bytes) const {
    fs::remove(directory_.path() + "/00000002.log");
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << bytes;
  }

  const TemporaryDirectory directory_;
  const std::string file_ = directory_.path() + "/00000001.log";
  std::string bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

TEST_F(SampleLogDamageTest, ABitCostsItsRecordAndTheFloatsThatBuildOnIt) {
  for (size_t bit = begin_ * 8; bit < end_ * 8; ++bit) {
    SCOPED_TRACE(bit);
    Put(Flipped(bytes_, bit));
    for (int start = 0; start < 2; ++start) {
      const Opened opened = Open(directory_.path());
      std::vector<double> expected = {1, 4, 5};
      if (start == 1) expected.push_back(6);
      ASSERT_EQ(opened.values, expected);
      EXPECT_EQ(opened.histograms, 1U);
      EXPECT_EQ(opened.exemplars, 1U);
      EXPECT_EQ(opened.deletions, 1U);
      EXPECT_EQ(opened.log->damaged_segments(), 1U);
      if (start == 0) {
        ASSERT_TRUE(AppendFloat(*opened.log, 1, 6).ok());
      }
    }
    ASSERT_EQ(Bytes(file_), Flipped(bytes_, bit));
  }
}

TEST_F(SampleLogDamageTest, ACheckTellsWhatIsLost) {
  EXPECT_FALSE(Checked(directory_.path()).damaged);
  EXPECT_EQ(Checked(directory_.path()).samples, 6U);
  Put(Flipped(bytes_, begin_ * 8 + 100));
  const SampleLog::SegmentCheck check = Checked(directory_.path());
  EXPECT_TRUE(check.damaged);
  EXPECT_EQ(check.bytes - check.sound_bytes, end_ - begin_);
  EXPECT_EQ(check.samples, 4U);
  EXPECT_EQ(check.unknown, 1U);
}

TEST_F(SampleLogDamageTest, ABitOfTheLastRecordIsDamageToo) {
  const std::string two = bytes_.substr(0, end_);
  for (size_t bit = begin_ * 8; bit < end_ * 8; ++bit) {
    SCOPED_TRACE(bit);
    Put(Flipped(two, bit));
    EXPECT_TRUE(Checked(directory_.path()).damaged);
    const Opened opened = Open(directory_.path());
    ASSERT_EQ(opened.values, std::vector<double>{1});
    EXPECT_EQ(opened.log->damaged_segments(), 1U);
    ASSERT_EQ(Bytes(file_), Flipped(two, bit));
  }
}

TEST_F(SampleLogDamageTest, GarbageIsDamageAndStays) {
  const std::vector<std::string> garbage = {Random(bytes_.size()),
                                            bytes_.substr(0, 16) + Random(300), Flipped(bytes_, 3),
                                            bytes_.substr(0, begin_) + Random(300)};
  for (const std::string& bytes : garbage) {
    Put(bytes);
    EXPECT_TRUE(Checked(directory_.path()).damaged);
    {
      const Opened opened = Open(directory_.path());
      EXPECT_EQ(opened.log->damaged_segments(), 1U);
      ASSERT_TRUE(AppendFloat(*opened.log, 1, 7).ok());
    }
    ASSERT_EQ(Bytes(file_), bytes);
    const Opened again = Open(directory_.path());
    ASSERT_FALSE(again.values.empty());
    EXPECT_EQ(again.values.back(), 7);
    EXPECT_EQ(again.log->damaged_segments(), 1U);
  }
}

TEST_F(SampleLogDamageTest, ACutIsNoneAlsoWithZerosBehindIt) {
  for (size_t size = 0; size < bytes_.size(); ++size) {
    for (const size_t zeros : {0U, 64U, 5'000U}) {
      SCOPED_TRACE(testing::Message() << "first " << size << " bytes and " << zeros << " zeros");
      Put(bytes_.substr(0, size) + std::string(zeros, '\0'));
      ASSERT_FALSE(Checked(directory_.path()).damaged);
      const Opened opened = Open(directory_.path());
      EXPECT_EQ(opened.log->damaged_segments(), 0U);
      ASSERT_TRUE(AppendFloat(*opened.log, 1, 7).ok());
      EXPECT_EQ(Open(directory_.path()).values.back(), 7);
    }
  }
}

TEST_F(SampleLogDamageTest, ACutEndOfASegmentBeforeTheLastIsDamage) {
  {
    const Opened opened = Open(directory_.path());
    ASSERT_TRUE(AppendFloat(*opened.log, 1, 7).ok());
  }
  fs::resize_file(file_, bytes_.size() - 1);
  EXPECT_TRUE(Checked(directory_.path()).damaged);
  EXPECT_EQ(Open(directory_.path()).log->damaged_segments(), 1U);
}

TEST_F(SampleLogDamageTest, AReaderGoesOnBehindDamageAndTellsItOnce) {
  for (const size_t bit : {begin_ * 8 + 2, begin_ * 8 + 100, size_t{3}, bytes_.size() * 8 - 1}) {
    SCOPED_TRACE(bit);
    Put(Flipped(bytes_, bit));
    const bool header = bit < 8;
    std::vector<double> expected = header ? std::vector<double>() : std::vector<double>{1, 4, 5};
    if (bit / 8 >= end_) expected = {1, 2, 3, 4, 5};
    const Opened opened = Open(directory_.path());
    const auto reader = opened.log->NewReader(LogPosition(), [](SeriesId, const Labels&) {});
    const auto first = reader->Next(100);
    ASSERT_TRUE(first.has_value());
    std::vector<double> values;
    for (const RefSample& sample : first->samples) values.push_back(sample.sample.v);
    EXPECT_EQ(values, expected);
    EXPECT_TRUE(first->gap);
    const auto none = reader->Next(100);
    ASSERT_TRUE(none.has_value());
    EXPECT_TRUE(none->samples.empty());
    EXPECT_FALSE(none->gap);

    // What is appended now is found, also by a reader that goes on from there later.
    const LogPosition position = reader->position();
    ASSERT_TRUE(AppendFloat(*opened.log, 1, 7).ok());
    const auto later = opened.log->NewReader(position, [](SeriesId, const Labels&) {});
    for (SampleReader* each : {reader.get(), later.get()}) {
      const auto run = each->Next(100);
      ASSERT_TRUE(run.has_value());
      ASSERT_EQ(run->samples.size(), 1U);
      EXPECT_EQ(run->samples[0].sample.v, 7);
      EXPECT_FALSE(run->gap);
    }
  }
}

TEST_F(SampleLogDamageTest, WhatAReaderDoesNotGetIsCountedOnce) {
  Put(Flipped(bytes_, begin_ * 8 + 100));
  const Opened opened = Open(directory_.path());
  for (const size_t max_items : {1U, 100U}) {
    const auto reader = opened.log->NewReader(LogPosition(), [](SeriesId, const Labels&) {});
    SampleTally lost;
    for (int i = 0; i < 10; ++i) {
      const auto run = reader->Next(max_items);
      ASSERT_TRUE(run.has_value());
      lost += run->lost;
      if (i == 5) {
        ASSERT_TRUE(AppendFloat(*opened.log, 1, 7).ok());
      }
    }
    // The 3. How many were in the damaged record nobody knows.
    EXPECT_EQ(lost, (SampleTally{.samples = 1}));
  }
}

}  // namespace
}  // namespace tocsin::storage
