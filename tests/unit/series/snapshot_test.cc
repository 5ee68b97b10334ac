// A snapshot gives back what was put in, and refuses what it did not write.

#include "storage/series/snapshot.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/head.h"
#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

SnapshotSeries MakeSeries(SeriesId id, size_t chunks) {
  SnapshotSeries series{id, {{"__name__", "metric"}, {"id", std::to_string(id)}}, {}};
  Millis t = 0;
  for (size_t c = 0; c < chunks; ++c) {
    HeadSeries head;
    for (int i = 0; i < 10; ++i) head.Append({t += 1'000, static_cast<double>(id), nullptr, 0});
    head.Collect(INT64_MIN, INT64_MAX, &series.chunks);
  }
  return series;
}

struct Contents {
  std::vector<SnapshotSeries> series;
  std::vector<std::pair<SeriesId, Exemplar>> exemplars;
  std::vector<Tombstone> tombstones;
};

Result<SnapshotHeader> Read(std::string_view bytes, Contents* out) {
  return ReadSnapshot(
      bytes, {.header = [](const SnapshotHeader&) {},
              .series = [&](SnapshotSeries&& s) { out->series.push_back(std::move(s)); },
              .exemplar = [&](SeriesId id,
                              Exemplar&& e) { out->exemplars.emplace_back(id, std::move(e)); },
              .tombstone = [&](Tombstone&& t) { out->tombstones.push_back(std::move(t)); }});
}

std::string Build(SeriesId count) {
  std::string bytes;
  SnapshotBuilder builder(
      {.log_segment = 12, .next_id = 999, .min_time = -7'200'000, .next_block = 5},
      [&](std::string_view piece) -> Status {
        bytes += piece;
        return {};
      });
  builder.Add({.from = 1, .to = 2, .block = 3, .series = {4, 5}});
  builder.Add(1, {Labels{{"trace_id", "abc"}}, 2.5, 77});
  for (SeriesId id = 1; id <= count; ++id) builder.Add(MakeSeries(id, id % 3));
  EXPECT_TRUE(builder.Finish().ok());
  return bytes;
}

TEST(SnapshotTest, ContentsComeBack) {
  for (const SeriesId count : {0U, 1U, 5U, 20'000U}) {  // The last takes several sections.
    Contents contents;
    const auto header = Read(Build(count), &contents);
    ASSERT_TRUE(header.has_value()) << header.error().ToString();
    EXPECT_EQ(header->log_segment, 12U);
    EXPECT_EQ(header->next_id, 999U);
    EXPECT_EQ(header->min_time, -7'200'000);
    EXPECT_EQ(header->next_block, 5U);
    ASSERT_EQ(contents.tombstones.size(), 1U);
    EXPECT_EQ(contents.tombstones[0].series, (std::vector<SeriesId>{4, 5}));
    ASSERT_EQ(contents.exemplars.size(), 1U);
    EXPECT_EQ(contents.exemplars[0].second, (Exemplar{Labels{{"trace_id", "abc"}}, 2.5, 77}));
    ASSERT_EQ(contents.series.size(), count);
    for (SeriesId id = 1; id <= count; ++id) {
      const SnapshotSeries& found = contents.series[id - 1];
      const SnapshotSeries expected = MakeSeries(id, id % 3);
      ASSERT_EQ(found.id, id);
      ASSERT_EQ(found.labels, expected.labels);
      ASSERT_EQ(found.chunks.size(), expected.chunks.size());
      for (size_t i = 0; i < found.chunks.size(); ++i) {
        ASSERT_EQ(found.chunks[i].bytes(), expected.chunks[i].bytes());
        ASSERT_EQ(found.chunks[i].count, expected.chunks[i].count);
        ASSERT_EQ(found.chunks[i].first_t, expected.chunks[i].first_t);
        ASSERT_EQ(found.chunks[i].last_t, expected.chunks[i].last_t);
      }
    }
  }
}

TEST(SnapshotTest, EveryTruncationAndEveryBitFlipIsAnError) {
  const std::string bytes = Build(5);
  for (size_t size = 0; size < bytes.size(); ++size) {
    Contents contents;
    ASSERT_EQ(Read(bytes.substr(0, size), &contents).error().code(), StatusCode::kCorruption)
        << size;
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    Contents contents;
    ASSERT_FALSE(Read(flipped, &contents).has_value()) << bit;
  }
  Contents contents;
  EXPECT_FALSE(Read(bytes + std::string(1, '\0'), &contents).has_value());
  EXPECT_FALSE(Read(bytes + bytes, &contents).has_value());
}

}  // namespace
}  // namespace tocsin::storage
