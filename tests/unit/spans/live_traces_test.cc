// Rows move from live to the open block to sealed; at every moment each unsealed row is in exactly
// one piece of a view, and of every trace a prefix of the log is sealed.

#include "storage/spans/live_traces.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/unit/spans/test_support.h"

namespace tocsin::storage {
namespace {

using Moved = LiveTraces::Moved;

std::multiset<SpanId> Visible(LiveTraces& live) {
  std::vector<std::shared_ptr<const LiveParts>> all;
  live.AppendParts(&all);
  std::multiset<SpanId> ids;
  for (const auto& parts : all) {
    const LiveBlock block(parts);
    const auto span_ids = *block.SpanIds();
    EXPECT_EQ(span_ids.size(), block.rows());
    ids.insert(span_ids.begin(), span_ids.end());
  }
  return ids;
}

std::vector<SpanId> RowsOf(const CutBlock& cut) {
  std::vector<SpanId> ids;
  for (const RowRef& row : SortRows(cut).rows) ids.push_back(row.batch->span_id[row.row]);
  return ids;
}

void Seal(LiveTraces& live, const CutBlock& cut) {
  std::vector<std::shared_ptr<const SpanBatch>> freed;
  live.MarkSealed(cut, &freed);
}

TEST(LiveTracesTest, ATraceIsIdleWhenItsYoungestRowsAre) {
  LiveTraces live({});
  live.Insert(1, 100, MakeBatch({{1, 10}, {2, 20}}));
  live.Insert(2, 200, MakeBatch({{1, 11}}));
  EXPECT_EQ(live.MoveIdle(99, 300), Moved::kNothing);
  EXPECT_EQ(live.MoveIdle(199, 300), Moved::kSome);  // Only trace 2.
  EXPECT_EQ(live.block_rows(), 1U);
  EXPECT_EQ(live.block_opened(), 300);
  EXPECT_EQ(live.MoveIdle(199, 301), Moved::kNothing);
  EXPECT_EQ(live.MoveIdle(200, 302), Moved::kSome);
  EXPECT_EQ(live.block_rows(), 3U);
  EXPECT_EQ(live.block_wire_bytes(), 600U);
  EXPECT_EQ(live.block_opened(), 300);
  EXPECT_EQ(Visible(live), (std::multiset<SpanId>{10, 11, 20}));
}

TEST(LiveTracesTest, LateRowsFollowTheirTraceIntoTheBlock) {
  LiveTraces live({});
  live.Insert(1, 100, MakeBatch({{1, 10}}));
  ASSERT_EQ(live.MoveIdle(100, 200), Moved::kSome);
  live.Insert(2, 300, MakeBatch({{1, 11}, {3, 30}}));
  EXPECT_EQ(live.block_rows(), 2U);
  const CutBlock cut = live.Cut();
  EXPECT_EQ(RowsOf(cut), (std::vector<SpanId>{10, 11}));
  EXPECT_EQ(SortRows(cut).through, (std::vector<uint64_t>{2}));
  EXPECT_EQ(live.block_rows(), 0U);
  // Rows that come after the cut begin the trace anew.
  live.Insert(3, 400, MakeBatch({{1, 12}}));
  EXPECT_EQ(Visible(live), (std::multiset<SpanId>{10, 11, 12, 30}));
  Seal(live, cut);
  EXPECT_EQ(Visible(live), (std::multiset<SpanId>{12, 30}));
  EXPECT_EQ(live.oldest(), 2U);
}

TEST(LiveTracesTest, TheOldestBatchLeavesWhole) {
  LiveTraces live({});
  live.Insert(1, 100, MakeBatch({{1, 10}, {2, 20}}));
  live.Insert(2, 200, MakeBatch({{1, 11}}));
  live.Insert(3, 300, MakeBatch({{3, 30}}));
  EXPECT_EQ(live.MoveOldest(99, 400), Moved::kNothing);
  EXPECT_EQ(live.MoveOldest(100, 400), Moved::kSome);
  const CutBlock cut = live.Cut();
  EXPECT_EQ(RowsOf(cut), (std::vector<SpanId>{10, 11, 20}));  // Trace 1 with its younger rows.
  Seal(live, cut);
  EXPECT_EQ(live.oldest(), 3U);
  EXPECT_EQ(live.traces(), 1U);
}

TEST(LiveTracesTest, AFullBlockTakesNoMoreButAnEmptyOneTakesAnyTrace) {
  LiveTraces live({.rows = 4, .wire_bytes = 1'000'000});
  live.Insert(1, 100, MakeBatch({{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}, {2, 6}}));
  EXPECT_EQ(live.MoveIdle(100, 100), Moved::kBlockFull);
  EXPECT_EQ(live.block_rows(), 5U);
  EXPECT_TRUE(live.block_full());
  live.Insert(2, 100, MakeBatch({{1, 7}}));  // Late, and no room: it starts anew.
  EXPECT_EQ(live.block_rows(), 5U);
  const CutBlock cut = live.Cut();
  EXPECT_EQ(RowsOf(cut), (std::vector<SpanId>{1, 2, 3, 4, 5}));
  Seal(live, cut);
  EXPECT_EQ(live.MoveIdle(100, 100), Moved::kSome);
  EXPECT_EQ(RowsOf(live.Cut()), (std::vector<SpanId>{7, 6}));
}

TEST(LiveTracesTest, WireBytesFillABlock) {
  LiveTraces live({.rows = 100, .wire_bytes = 500});
  live.Insert(1, 100, MakeBatch({{1, 1}, {2, 2}, {3, 3}, {4, 4}}));
  EXPECT_EQ(live.MoveIdle(100, 100), Moved::kBlockFull);
  EXPECT_EQ(live.block_rows(), 3U);
  EXPECT_TRUE(live.block_full());
}

TEST(LiveTracesTest, RowsOfACutAreSortedByTraceStartAndSpan) {
  LiveTraces live({});
  live.Insert(1, 0, MakeBatch({{2, 5, 300}, {1, 9, 200}, {2, 4, 300}, {1, 8, 100}}));
  live.Insert(2, 0, MakeBatch({{1, 7, 150}, {2, 3, 900}}));
  ASSERT_EQ(live.MoveOldest(0, 0), Moved::kSome);
  const CutBlock cut = live.Cut();
  EXPECT_EQ(RowsOf(cut), (std::vector<SpanId>{8, 7, 9, 4, 5, 3}));
  EXPECT_EQ(SortRows(cut).trace_begin, (std::vector<uint32_t>{0, 3}));
}

TEST(LiveTracesTest, MemoryIsCountedUntilTheLastRowIsSealed) {
  LiveTraces live({});
  live.Insert(1, 100, MakeBatch({{1, 10}, {2, 20}}));
  const size_t bytes = live.bytes();
  EXPECT_GT(bytes, 500U);
  live.Insert(2, 200, MakeBatch({{1, 11}}));
  ASSERT_EQ(live.MoveIdle(100, 300), Moved::kSome);
  Seal(live, live.Cut());  // Trace 2: the batch still holds a row of trace 1.
  EXPECT_GT(live.bytes(), bytes);
  ASSERT_EQ(live.MoveIdle(200, 300), Moved::kSome);
  const CutBlock cut = live.Cut();
  std::vector<std::shared_ptr<const SpanBatch>> freed;
  live.MarkSealed(cut, &freed);
  EXPECT_EQ(freed.size(), 2U);
  EXPECT_EQ(live.bytes(), 0U);
  EXPECT_EQ(live.traces(), 0U);
  EXPECT_TRUE(live.empty());
}

TEST(LiveTracesTest, SealedTracesOfARecoveredBatchStayOut) {
  LiveTraces live({});
  live.Insert(7, 100, MakeBatch({{1, 10}, {2, 20}, {1, 11}}), {true, false});
  EXPECT_EQ(Visible(live), (std::multiset<SpanId>{20}));
  EXPECT_EQ(live.MoveOldest(100, 100), Moved::kSome);
  EXPECT_EQ(RowsOf(live.Cut()), (std::vector<SpanId>{20}));
}

TEST(LiveTracesTest, ManySmallBatchesAreFewPieces) {
  LiveTraces live({});
  for (uint64_t i = 1; i <= 10'000; ++i) live.Insert(i, 0, MakeBatch({{i, i}}));
  std::vector<std::shared_ptr<const LiveParts>> parts;
  live.AppendParts(&parts);
  EXPECT_LE(parts.size(), 4U);
  EXPECT_EQ(Visible(live).size(), 10'000U);
}

TEST(LiveTracesTest, AnyScheduleSealsEveryRowOnceAndOfEachTraceAPrefix) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    LiveTraces live({.rows = static_cast<uint32_t>(1 + random() % 40), .wire_bytes = 4'000});
    std::multiset<SpanId> unsealed;
    std::map<uint64_t, LogPosition> through;  // By trace.
    std::map<SpanId, LogPosition> position_of;
    LogPosition position = 0;
    SpanId next = 1;
    Nanos now = 0;
    const auto cut_and_seal = [&] {
      const CutBlock cut = live.Cut();
      ASSERT_EQ(Visible(live), unsealed);
      const SortedRows sorted = SortRows(cut);
      for (size_t trace = 0; trace < sorted.trace_begin.size(); ++trace) {
        const size_t end = trace + 1 < sorted.trace_begin.size() ? sorted.trace_begin[trace + 1]
                                                                 : sorted.rows.size();
        for (size_t i = sorted.trace_begin[trace]; i < end; ++i) {
          const RowRef& row = sorted.rows[i];
          const uint64_t id = row.batch->traces[row.batch->trace[row.row]].low;
          const SpanId span = row.batch->span_id[row.row];
          // Nothing at or below what an earlier segment claimed, nothing above what this claims.
          ASSERT_GT(position_of[span], through[id]);
          ASSERT_LE(position_of[span], sorted.through[trace]);
          ASSERT_EQ(unsealed.erase(span), 1U);
        }
        const RowRef& row = sorted.rows[sorted.trace_begin[trace]];
        through[row.batch->traces[row.batch->trace[row.row]].low] = sorted.through[trace];
      }
      if (random() % 2 == 0) {  // Rows go on arriving while the block is written.
        live.Insert(++position, now, MakeBatch({{random() % 8, next}}));
        position_of[next] = position;
        unsealed.insert(next++);
      }
      Seal(live, cut);
    };
    for (int step = 0; step < 60; ++step) {
      now += static_cast<Nanos>(random() % 3);
      switch (random() % 4) {
        case 0:
        case 1: {
          std::vector<TestSpan> spans(1 + random() % 12);
          for (TestSpan& span : spans) {
            span.trace = random() % 8;
            span.id = next++;
            position_of[span.id] = position + 1;
            unsealed.insert(span.id);
          }
          live.Insert(++position, now, MakeBatch(spans));
          break;
        }
        case 2:
          while (live.MoveIdle(now - 4, now) == Moved::kBlockFull) cut_and_seal();
          break;
        case 3:
          if (live.MoveOldest(now - 6, now) == Moved::kBlockFull || live.block_full()) {
            cut_and_seal();
          }
          break;
      }
      ASSERT_EQ(Visible(live), unsealed);
      // What is below oldest() is sealed.
      for (const SpanId span : unsealed) ASSERT_GE(position_of[span], live.oldest());
    }
    while (!live.empty()) {
      while (live.MoveOldest(INT64_MAX, now) == Moved::kSome) {
      }
      cut_and_seal();
    }
    EXPECT_TRUE(unsealed.empty());
    EXPECT_EQ(live.bytes(), 0U);
    EXPECT_EQ(live.traces(), 0U);
  }
}

}  // namespace
}  // namespace tocsin::storage
