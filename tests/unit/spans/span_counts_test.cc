// The rows of a segment counted are the rows of the segment.

#include "storage/spans/span_counts.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "cpp/model/span_duration.h"
#include "cpp/traceql/metrics_buckets.h"
#include "storage/columnar/frame.h"

namespace tocsin::storage {
namespace {

constexpr uint64_t kMinuteNanos = 60'000'000'000;

struct TestRow {
  std::string service;  // "-": none.
  SpanKind kind = SpanKind::kServer;
  SpanStatus status = SpanStatus::kUnset;
  bool root = false;
  uint64_t start = 0;
  uint64_t end = 0;
};

SpanCounter CounterOf(const std::vector<TestRow>& rows) {
  uint64_t first = UINT64_MAX;
  for (const TestRow& row : rows) first = std::min(first, row.start);
  SpanCounter counter(first);
  std::map<std::string, uint32_t> services{{"-", 0}};
  for (const TestRow& row : rows) {
    if (!services.contains(row.service)) services[row.service] = counter.AddService(row.service);
    counter.Add({.service = services[row.service],
                 .kind = row.kind,
                 .status = row.status,
                 .root = row.root,
                 .start = row.start,
                 .end = row.end});
  }
  return counter;
}

// What is counted together, as words, and how many that are.
std::map<std::string, uint64_t> Told(const traceql::CountedRows& counted) {
  const traceql::SpanBlock& spans = *counted.spans;
  const auto service = *spans.Attribute(AttrScope::kResource, "service.name");
  std::map<std::string, uint64_t> told;
  for (const auto& cell : counted.cells) {
    const uint32_t code = service == nullptr ? 0 : service->codes[cell.row];
    const uint64_t duration = (*spans.Ends())[cell.row] - (*spans.Starts())[cell.row];
    told[(code == 0 ? "-" : service->values[code - 1].text) + " kind " +
         std::to_string(static_cast<int>((*spans.Kinds())[cell.row])) + " status " +
         std::to_string(static_cast<int>((*spans.Statuses())[cell.row])) +
         ((*spans.ParentSpanIds())[cell.row] == 0 ? " root" : "") + " bucket " +
         std::to_string(traceql::BucketOfInt(static_cast<int64_t>(duration))) + " from " +
         std::to_string(cell.first) + " to " + std::to_string(cell.last)] += cell.count;
  }
  return told;
}

TEST(SpanCountsTest, RowsAreCountedByWhatTheyHaveInCommon) {
  const uint64_t minute = 1'000 * kMinuteNanos;
  const std::vector<TestRow> rows = {
      {"shop", SpanKind::kServer, SpanStatus::kError, true, minute + 1, minute + 9},
      {"shop", SpanKind::kServer, SpanStatus::kError, true, minute + kMinuteNanos, minute},
      {"shop", SpanKind::kServer, SpanStatus::kError, true, minute + kMinuteNanos + 1,
       minute + kMinuteNanos + 7},
      {"-", SpanKind::kClient, SpanStatus::kUnset, false, minute, minute + 5},
      {"", SpanKind::kClient, SpanStatus::kUnset, false, minute, minute + 5},
  };
  const SpanCounter counter = CounterOf(rows);
  const auto counts = DecodeCounts(counter.Counts(), 5);
  ASSERT_TRUE(counts.has_value()) << counts.error().ToString();
  const std::string first = " from 59940000000001 to 60000000000000";
  const std::string second = " from 60000000000001 to 60060000000000";
  const std::string third = " from 60060000000001 to 60120000000000";
  const std::map<std::string, uint64_t> expected = {
      {"shop kind 2 status 2 root bucket 0" + second, 2},
      {"shop kind 2 status 2 root bucket 0" + third, 1},
      {"- kind 3 status 0 bucket 0" + first, 1},
      {" kind 3 status 0 bucket 0" + first, 1}};
  EXPECT_EQ(Told(**counts), expected);
  const auto durations = DecodeCounts(counter.CountsByDuration(), 5);
  ASSERT_TRUE(durations.has_value()) << durations.error().ToString();
  const std::map<std::string, uint64_t> by_duration = {
      {"shop kind 2 status 2 root bucket 68" + second, 1},  // 8 ns.
      {"shop kind 2 status 2 root bucket 0" + second, 1},   // Ends before it starts.
      {"shop kind 2 status 2 root bucket 68" + third, 1},   // 6 ns.
      {"- kind 3 status 0 bucket 68" + first, 1},
      {" kind 3 status 0 bucket 68" + first, 1}};
  EXPECT_EQ(Told(**durations), by_duration);
}

TEST(SpanCountsTest, EveryDurationKeepsItsBucket) {
  std::vector<TestRow> rows;
  for (int bit = 0; bit < 64; ++bit) {
    for (const uint64_t more : {0U, 1U, 2U}) {
      rows.push_back({.service = "-", .end = (uint64_t{1} << bit) + more});
    }
  }
  rows.push_back({.service = "-", .end = UINT64_MAX});
  std::map<int, uint64_t> expected;
  for (const TestRow& row : rows) {
    ++expected[traceql::BucketOfInt(DurationBetween(row.start, row.end))];
  }
  const auto counted =
      DecodeCounts(CounterOf(rows).CountsByDuration(), static_cast<uint32_t>(rows.size()));
  ASSERT_TRUE(counted.has_value()) << counted.error().ToString();
  std::map<int, uint64_t> buckets;
  for (const auto& cell : (*counted)->cells) {
    const uint64_t duration = (*(*counted)->spans->Ends())[cell.row];
    buckets[traceql::BucketOfInt(static_cast<int64_t>(duration))] += cell.count;
  }
  EXPECT_EQ(buckets, expected);
}

TEST(SpanCountsTest, TheFirstMinuteAndTheLastAreWhole) {
  for (const uint64_t start : {uint64_t{0}, uint64_t{1}, UINT64_MAX - 1, UINT64_MAX}) {
    const auto counted = DecodeCounts(CounterOf({{.service = "-", .start = start}}).Counts(), 1);
    ASSERT_TRUE(counted.has_value()) << counted.error().ToString();
    ASSERT_EQ((*counted)->cells.size(), 1U);
    EXPECT_LE((*counted)->cells[0].first, start);
    EXPECT_GE((*counted)->cells[0].last, start);
  }
}

TEST(SpanCountsTest, TheOrderOfTheRowsDoesNotShow) {
  std::vector<TestRow> rows;
  for (uint64_t i = 0; i < 200; ++i) {
    rows.push_back({.service = "s" + std::to_string(i % 7), .start = (i % 3) * kMinuteNanos + 5});
  }
  const std::string counts = CounterOf(rows).Counts();
  std::ranges::reverse(rows);
  EXPECT_EQ(CounterOf(rows).Counts(), counts);
}

TEST(SpanCountsTest, WhatWouldHardlyBeSmallerIsNotMade) {
  std::vector<TestRow> rows;
  for (uint64_t i = 0; i < 300; ++i) {
    rows.push_back({.service = "-", .start = 120 * i * kMinuteNanos, .end = 0});
  }
  EXPECT_EQ(CounterOf(rows).Counts(), "");
  rows.resize(60);
  EXPECT_NE(CounterOf(rows).Counts(), "");
  // Forty years are too many minutes.
  rows.push_back({.service = "-", .start = uint64_t{40 * 366 * 1'440} * kMinuteNanos});
  EXPECT_EQ(CounterOf(rows).Counts(), "");
}

TEST(SpanCountsTest, MinutesAreTakenTogetherWhereThatSaves) {
  std::vector<TestRow> rows;
  for (uint64_t i = 0; i < 300; ++i) {
    rows.push_back({.service = "-", .start = (7 + i) * kMinuteNanos});
  }
  const auto counted = DecodeCounts(CounterOf(rows).Counts(), 300);
  ASSERT_TRUE(counted.has_value()) << counted.error().ToString();
  ASSERT_EQ((*counted)->cells.size(), 61U);
  EXPECT_EQ((*counted)->cells[0].first, 5 * kMinuteNanos + 1);
  EXPECT_EQ((*counted)->cells[0].last, 10 * kMinuteNanos);
  EXPECT_EQ((*counted)->cells[0].count, 4U);
  EXPECT_EQ((*counted)->cells[1].count, 5U);
}

TEST(SpanCountsTest, DamageIsAnError) {
  std::vector<TestRow> rows(50, TestRow{.service = "shop", .start = 5, .end = 9});
  const std::string frame = CounterOf(rows).CountsByDuration();
  EXPECT_TRUE(DecodeCounts(frame, 50).has_value());
  EXPECT_FALSE(DecodeCounts(frame, 49).has_value());
  EXPECT_FALSE(DecodeCounts(frame, 51).has_value());
  // Of a body whose checksum is right.
  const std::string body = *OpenFrame(frame);
  for (size_t at = 0; at < body.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = body;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto counted = DecodeCounts(SealFrame(damaged, Compression::kNone), 50);
      if (!counted.has_value()) continue;
      uint64_t sum = 0;
      for (const auto& cell : (*counted)->cells) sum += cell.count;
      EXPECT_EQ(sum, 50U);
    }
  }
}

}  // namespace
}  // namespace tocsin::storage
