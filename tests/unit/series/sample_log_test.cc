// The log survives a cut at every byte, a full disk, and damage in the middle; a reader that is
// stopped anywhere goes on where it was.

#include "storage/series/sample_log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

Labels LabelsFor(SeriesId id) { return {{"id", std::to_string(id)}}; }

using Samples = std::vector<RefSample>;

/// A log, and what it gave at its opening.
struct Opened {
  std::shared_ptr<SampleLog> log;
  std::vector<Samples> records;
};

Opened Open(const std::string& directory, uint64_t first = 0, size_t segment_bytes = 1 << 20) {
  Opened opened;
  auto log = SampleLog::Open(
      {.directory = directory, .segment_bytes = segment_bytes}, first,
      [&](SampleLogRecord&& record) { opened.records.push_back(std::move(record.samples)); });
  EXPECT_TRUE(log.has_value()) << log.error().ToString();
  if (log.has_value()) opened.log = *std::move(log);
  return opened;
}

/// The append of that number: two samples, and the number as value.
Samples Numbered(int number) {
  const auto t = static_cast<Millis>(number);
  return {{1 + static_cast<SeriesRef>(number % 3), {t, static_cast<double>(number)}},
          {4, {t, static_cast<double>(number)}}};
}

Status AppendTo(SampleLog& log, int number) {
  return log.Append({.samples = Numbered(number)}, 0, LabelsFor);
}

std::vector<int> Numbers(const std::vector<Samples>& records) {
  std::vector<int> numbers;
  for (const Samples& samples : records) {
    EXPECT_EQ(samples.size(), 2U);
    for (const RefSample& sample : samples) EXPECT_EQ(sample.sample.v, samples[0].sample.v);
    numbers.push_back(static_cast<int>(samples[0].sample.v));
  }
  return numbers;
}

std::vector<int> UpTo(int count, int first = 1) {
  std::vector<int> numbers;
  for (int i = first; i <= count; ++i) numbers.push_back(i);
  return numbers;
}

std::string Bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void PutBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::vector<fs::path> Files(const std::string& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// Everything a reader has to give, in runs of `max_items`.
std::vector<int> ReadAll(SampleReader& reader, size_t max_items, bool* gap = nullptr) {
  Samples samples;
  while (true) {
    auto run = reader.Next(max_items);
    EXPECT_TRUE(run.has_value()) << run.error().ToString();
    if (gap != nullptr) *gap = *gap || run->gap;
    if (run->samples.empty()) break;
    EXPECT_LE(run->samples.size(), max_items);
    samples.insert(samples.end(), run->samples.begin(), run->samples.end());
  }
  std::vector<int> numbers;
  for (size_t i = 0; i < samples.size(); i += 2) {
    numbers.push_back(static_cast<int>(samples[i].sample.v));
  }
  return numbers;
}

TEST(SampleLogTest, WhatIsAppendedIsReplayedAcrossSegments) {
  const TemporaryDirectory directory;
  for (int start = 0; start < 3; ++start) {
    const Opened opened = Open(directory.path(), 0, 200);
    EXPECT_EQ(Numbers(opened.records), UpTo(start * 30));
    for (int i = 1; i <= 30; ++i) ASSERT_TRUE(AppendTo(*opened.log, (start * 30) + i).ok());
  }
  EXPECT_GT(Files(directory.path()).size(), 6U);
}

TEST(SampleLogTest, ALogCutAtAnyByteGivesTheWholeRecordsBeforeTheCut) {
  const TemporaryDirectory original;
  std::vector<size_t> ends;
  {
    const Opened opened = Open(original.path());
    for (int i = 1; i <= 8; ++i) {
      ASSERT_TRUE(AppendTo(*opened.log, i).ok());
      ends.push_back(fs::file_size(Files(original.path())[0]));
    }
  }
  const std::string bytes = Bytes(Files(original.path())[0]);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    SCOPED_TRACE(testing::Message() << "first " << size << " bytes");
    const TemporaryDirectory cut;
    PutBytes(cut.path() + "/00000001.log", bytes.substr(0, size));
    const auto whole =
        static_cast<int>(std::ranges::count_if(ends, [&](size_t end) { return end <= size; }));
    {
      const Opened opened = Open(cut.path());
      ASSERT_EQ(Numbers(opened.records), UpTo(whole));
      EXPECT_EQ(opened.log->damaged_segments(), 0U);
      ASSERT_TRUE(AppendTo(*opened.log, whole + 1).ok());
    }
    ASSERT_EQ(Numbers(Open(cut.path()).records), UpTo(whole + 1));
  }
}

TEST(SampleLogTest, DamageReachesNoOtherSegment) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path(), 0, 1);  // A segment for each record.
    for (int i = 1; i <= 3; ++i) ASSERT_TRUE(AppendTo(*opened.log, i).ok());
  }
  const fs::path middle = Files(directory.path())[1];
  const std::string bytes = Bytes(middle);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    PutBytes(middle, flipped);
    Opened opened = Open(directory.path());
    // If its first record, the tally, is lost, a series of the second one can be told.
    std::erase_if(opened.records, [](const Samples& samples) {
      return samples.empty() || (samples.size() == 1 && samples[0].sample.v == 2);
    });
    ASSERT_EQ(Numbers(opened.records), (std::vector<int>{1, 3})) << bit;
    ASSERT_EQ(opened.log->damaged_segments(), 1U);
  }
}

TEST(SampleLogTest, AFullDiskLeavesTheLogAsItWas) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path());
    ASSERT_TRUE(AppendTo(*opened.log, 1).ok());
    const auto size = fs::file_size(Files(directory.path())[0]);
    for (rlim_t room = 0; room < 12; ++room) {
      const FullDisk full(size + room);
      EXPECT_EQ(AppendTo(*opened.log, 99).code(), StatusCode::kUnavailable);
      EXPECT_EQ(fs::file_size(Files(directory.path())[0]), size);
    }
    ASSERT_TRUE(AppendTo(*opened.log, 2).ok());
    ASSERT_TRUE(AppendTo(*opened.log, 3).ok());
  }
  EXPECT_EQ(Numbers(Open(directory.path()).records), UpTo(3));
}

TEST(SampleLogTest, ADiskThatIsFullFromTheStartHealsToo) {
  const TemporaryDirectory directory;
  const Opened opened = Open(directory.path());
  {
    const FullDisk full(8);
    EXPECT_EQ(AppendTo(*opened.log, 1).code(), StatusCode::kUnavailable);
    EXPECT_FALSE(opened.log->Roll().has_value());
  }
  ASSERT_TRUE(AppendTo(*opened.log, 1).ok());
  EXPECT_EQ(Numbers(Open(directory.path()).records), UpTo(1));
}

TEST(SampleLogTest, ReplayBeginsAtTheSegmentAskedFor) {
  const TemporaryDirectory directory;
  uint64_t second = 0;
  {
    const Opened opened = Open(directory.path());
    ASSERT_TRUE(AppendTo(*opened.log, 1).ok());
    second = *opened.log->Roll();
    ASSERT_TRUE(AppendTo(*opened.log, 2).ok());
  }
  EXPECT_EQ(Numbers(Open(directory.path(), second).records), (std::vector<int>{2}));
}

TEST(SampleLogTest, NumbersOfSegmentsAreNotUsedAgain) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path(), 7);
    EXPECT_EQ(*opened.log->Roll(), 7U);
  }
  // The segment was empty, but everything before it may be gone: it alone knows the tally.
  EXPECT_EQ(*Open(directory.path(), 7).log->Roll(), 8U);
}

TEST(SampleLogTest, AReaderFollowsTheLogInRunsOfAnySize) {
  for (const size_t max_items : {1U, 2U, 3U, 5U, 1'000U}) {
    const TemporaryDirectory directory;
    const Opened opened = Open(directory.path(), 0, 150);
    const auto reader = opened.log->NewReader(LogPosition(), [](SeriesId, const Labels&) {});
    for (int i = 1; i <= 40; ++i) {
      ASSERT_TRUE(AppendTo(*opened.log, i).ok());
      if (i % 10 == 0) {
        EXPECT_EQ(ReadAll(*reader, max_items), UpTo(i, i - 9));
      }
    }
  }
}

TEST(SampleLogTest, WithoutAPositionAReaderBeginsAtTheEnd) {
  const TemporaryDirectory directory;
  const Opened opened = Open(directory.path());
  const auto before = opened.log->NewReader({}, [](SeriesId, const Labels&) {});
  ASSERT_TRUE(AppendTo(*opened.log, 1).ok());
  const auto after = opened.log->NewReader({}, [](SeriesId, const Labels&) {});
  ASSERT_TRUE(AppendTo(*opened.log, 2).ok());
  EXPECT_EQ(ReadAll(*before, 10), UpTo(2));
  EXPECT_EQ(ReadAll(*after, 10), UpTo(2, 2));
}

TEST(SampleLogTest, AReaderThatStopsAnywhereGoesOnThereAfterARestart) {
  const TemporaryDirectory directory;
  Samples all;
  {
    const Opened opened = Open(directory.path(), 0, 150);
    for (int i = 1; i <= 20; ++i) ASSERT_TRUE(AppendTo(*opened.log, i).ok());
    for (const int number : UpTo(20)) {
      for (const RefSample& sample : Numbered(number)) all.push_back(sample);
    }
  }
  for (size_t stop = 0; stop <= all.size(); ++stop) {
    LogPosition position;
    {
      const Opened opened = Open(directory.path());
      const auto reader = opened.log->NewReader(LogPosition(), [](SeriesId, const Labels&) {});
      if (stop > 0) {
        ASSERT_EQ(reader->Next(stop)->samples.size(), stop);
      }
      position = reader->position();
    }
    const Opened opened = Open(directory.path());
    std::vector<SeriesId> defined;
    const auto reader =
        opened.log->NewReader(position, [&](SeriesId id, const Labels&) { defined.push_back(id); });
    const auto run = reader->Next(1'000);
    ASSERT_TRUE(run.has_value());
    EXPECT_FALSE(run->gap);
    ASSERT_EQ(run->samples.size(), all.size() - stop);
    for (size_t i = 0; i < run->samples.size(); ++i) {
      EXPECT_EQ(run->samples[i].series, all[stop + i].series);
      EXPECT_EQ(run->samples[i].sample, all[stop + i].sample);
      EXPECT_NE(std::ranges::find(defined, run->samples[i].series), defined.end());
    }
  }
}

TEST(SampleLogTest, SegmentsThatAReaderNeedsAreKeptWithinTheBounds) {
  const TemporaryDirectory directory;
  const Opened opened = Open(directory.path(), 0, 1);
  const auto reader = opened.log->NewReader(LogPosition(), [](SeriesId, const Labels&) {});
  for (int i = 1; i <= 10; ++i) ASSERT_TRUE(AppendTo(*opened.log, i).ok());
  const uint64_t next = *opened.log->Roll();
  ASSERT_TRUE(opened.log->Trim(next, 0, UINT64_MAX).ok());
  EXPECT_EQ(Files(directory.path()).size(), 11U);
  EXPECT_EQ(ReadAll(*reader, 3), UpTo(10));
  reader->Release({5, 0, 0});
  ASSERT_TRUE(opened.log->Trim(next, 0, UINT64_MAX).ok());
  EXPECT_EQ(Files(directory.path()).size(), 7U);
  // Too many bytes: the oldest go although they are needed, those of the head never.
  ASSERT_TRUE(opened.log->Trim(8, 0, 0).ok());
  EXPECT_EQ(Files(directory.path()).size(), 4U);
  // Too old.
  ASSERT_TRUE(opened.log->Trim(next, INT64_MAX, UINT64_MAX).ok());
  EXPECT_EQ(Files(directory.path()).size(), 1U);
}

TEST(SampleLogTest, AReaderIsToldOfAGap) {
  const TemporaryDirectory directory;
  const Opened opened = Open(directory.path(), 0, 1);
  const auto reader = opened.log->NewReader(LogPosition(), [](SeriesId, const Labels&) {});
  ASSERT_TRUE(AppendTo(*opened.log, 1).ok());
  bool gap = false;
  EXPECT_EQ(ReadAll(*reader, 10, &gap), UpTo(1));
  EXPECT_FALSE(gap);
  for (int i = 2; i <= 5; ++i) ASSERT_TRUE(AppendTo(*opened.log, i).ok());
  ASSERT_TRUE(opened.log->Trim(4, INT64_MAX, UINT64_MAX).ok());
  EXPECT_EQ(ReadAll(*reader, 10, &gap), UpTo(5, 4));
  EXPECT_TRUE(gap);
}

TEST(SampleLogTest, AReaderPassesOverDamage) {
  const TemporaryDirectory directory;
  const Opened opened = Open(directory.path(), 0, 1);
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(AppendTo(*opened.log, i).ok());
  const fs::path middle = Files(directory.path())[1];
  std::string bytes = Bytes(middle);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  PutBytes(middle, bytes);
  const auto reader = opened.log->NewReader(LogPosition(), [](SeriesId, const Labels&) {});
  bool gap = false;
  EXPECT_EQ(ReadAll(*reader, 10, &gap), (std::vector<int>{1, 3}));
  EXPECT_TRUE(gap);
}

SampleTally LostUntilTheEnd(SampleReader& reader) {
  SampleTally lost;
  while (true) {
    const auto run = reader.Next(3);
    EXPECT_TRUE(run.has_value()) << run.error().ToString();
    lost += run->lost;
    if (run->samples.empty() && run->exemplars.empty()) return lost;
  }
}

TEST(SampleLogTest, WhatAGapHeldIsKnownExactly) {
  const TemporaryDirectory directory;
  LogPosition position;
  {
    const Opened opened = Open(directory.path(), 0, 1);
    const auto reader = opened.log->NewReader(LogPosition(), [](SeriesId, const Labels&) {});
    ASSERT_TRUE(AppendTo(*opened.log, 1).ok());
    ASSERT_EQ(reader->Next(1)->samples.size(), 1U);
    position = reader->position();
    for (int i = 2; i <= 6; ++i) ASSERT_TRUE(AppendTo(*opened.log, i).ok());
    const std::vector<RefExemplar> exemplars = {{.series = 4, .exemplar = {Labels(), 1, 7}}};
    ASSERT_TRUE(opened.log->Append({.exemplars = exemplars}, 0, LabelsFor).ok());
    ASSERT_TRUE(AppendTo(*opened.log, 8).ok());
    ASSERT_TRUE(opened.log->Trim(6, INT64_MAX, UINT64_MAX).ok());
    // Appends 2 to 5; of the first the reader has the rest in memory.
    EXPECT_EQ(LostUntilTheEnd(*reader), (SampleTally{.samples = 8}));
  }
  // A process that comes later finds that more is gone, that rest too; the log goes on counting.
  const Opened opened = Open(directory.path(), 0, 1);
  const auto reader = opened.log->NewReader(position, [](SeriesId, const Labels&) {});
  const auto last = opened.log->NewReader({}, [](SeriesId, const Labels&) {});
  ASSERT_TRUE(AppendTo(*opened.log, 9).ok());
  ASSERT_TRUE(opened.log->Trim(9, INT64_MAX, UINT64_MAX).ok());
  EXPECT_EQ(LostUntilTheEnd(*reader), (SampleTally{.samples = 13, .exemplars = 1}));
  EXPECT_EQ(reader->position().before, (SampleTally{.samples = 16, .exemplars = 1}));
  EXPECT_EQ(LostUntilTheEnd(*last), SampleTally());
}

TEST(SampleLogTest, ARestartWithNothingAppendedKeepsTheCount) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path());
    ASSERT_TRUE(AppendTo(*opened.log, 1).ok());
    const uint64_t next = *opened.log->Roll();
    ASSERT_TRUE(opened.log->Trim(next, INT64_MAX, UINT64_MAX).ok());
  }
  for (int start = 0; start < 3; ++start) {
    const Opened opened = Open(directory.path());
    const auto reader = opened.log->NewReader({}, [](SeriesId, const Labels&) {});
    EXPECT_EQ(reader->position().before, (SampleTally{.samples = 2}));
  }
}

TEST(SampleLogTest, APositionOfALogThatIsLostIsTheEnd) {
  const TemporaryDirectory directory;
  const Opened opened = Open(directory.path());
  ASSERT_TRUE(AppendTo(*opened.log, 1).ok());
  const auto reader =
      opened.log->NewReader(LogPosition{900, 900, 9}, [](SeriesId, const Labels&) {});
  ASSERT_TRUE(AppendTo(*opened.log, 2).ok());
  EXPECT_EQ(ReadAll(*reader, 10), UpTo(2, 2));
}

}  // namespace
}  // namespace tocsin::storage
