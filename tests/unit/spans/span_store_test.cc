// The life of a span in the store: searchable at once, sealed when its trace is complete, the same
// to every reader wherever it is, and gone when its time is over.

#include "storage/spans/span_store.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "tests/unit/spans/store_fixture.h"

namespace tocsin::storage {
namespace {

class SpanStoreTest : public StoreTest {};

TEST_F(SpanStoreTest, SpansAreThereAsSoonAsTheyAreAcknowledged) {
  auto store = Open();
  EXPECT_EQ(MustAppend(*store, {{1, 10}, {2, 20}}), 1U);
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{10, 20}));
  EXPECT_EQ(observed_, (std::multiset<SpanId>{10, 20}));
  EXPECT_NE(TraceText(*store, 1).find("000000000000000a"), std::string::npos);
  EXPECT_EQ(TraceText(*store, 3), "");
  EXPECT_TRUE(Rows(*store, "other").empty());
  EXPECT_EQ(store->last_position(), 1U);
  EXPECT_EQ(store->GetStats().live_traces, 2U);
}

TEST_F(SpanStoreTest, AViewIsWhatWasThereWhenItWasTaken) {
  auto store = Open();
  MustAppend(*store, {{1, 10}});
  const auto view = store->View("t", 0, UINT64_MAX);
  MustAppend(*store, {{1, 11}});
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(SpanIdsOf(*view), (std::multiset<SpanId>{10}));
  EXPECT_EQ(view->Trace(TraceOf(1))->rows(), 1U);
  store.reset();
  EXPECT_EQ(SpanIdsOf(*view), (std::multiset<SpanId>{10}));
}

TEST_F(SpanStoreTest, AViewShowsBlocksThatTouchItsRangeAndWholeTraces) {
  auto store = Open();
  MustAppend(*store, {{1, 1, 1'000, 100}});
  ASSERT_TRUE(store->Flush().ok());
  MustAppend(*store, {{1, 2, 5'000, 100}});
  EXPECT_EQ(SpanIdsOf(*store->View("t", 0, 999)), (std::multiset<SpanId>{}));
  EXPECT_EQ(SpanIdsOf(*store->View("t", 1'100, 4'999)), (std::multiset<SpanId>{1}));
  EXPECT_EQ(SpanIdsOf(*store->View("t", 1'101, 5'000)), (std::multiset<SpanId>{2}));
  EXPECT_EQ(SpanIdsOf(*store->View("t", 5'101, 9'000)), (std::multiset<SpanId>{}));
  EXPECT_EQ(store->View("t", 9'000, 9'001)->Trace(TraceOf(1))->rows(), 2U);
}

TEST_F(SpanStoreTest, AnIdleTraceGoesToTheBlockAndTheBlockToASegment) {
  auto store = Open();
  MustAppend(*store, {{1, 10}, {2, 20}});
  clock_.Advance(5 * kSecond);
  MustAppend(*store, {{2, 21}});
  clock_.Advance(5 * kSecond);
  ASSERT_TRUE(store->RunDue().ok());  // Trace 1 is idle for ten seconds, trace 2 for five.
  EXPECT_EQ(store->GetStats().open_block_wire_bytes, 200U);
  ExpectAllThere(*store);
  clock_.Advance(5 * kSecond);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(store->GetStats().open_block_wire_bytes, 600U);
  EXPECT_EQ(store->GetStats().segments, 0U);
  clock_.Advance(5 * kMinute - 5 * kSecond);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(store->GetStats().segments, 1U);
  EXPECT_EQ(store->GetStats().live_bytes, 0U);
  EXPECT_EQ(store->GetStats().live_traces, 0U);
  ExpectAllThere(*store);
}

TEST_F(SpanStoreTest, ABlockIsCutAtItsBytes) {
  SpanStoreOptions options = Options();
  options.max_block_bytes = 1'000;
  auto store = Open(options);
  for (uint64_t i = 1; i <= 12; ++i) MustAppend(*store, {{i, i}});
  clock_.Advance(10 * kSecond);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(store->GetStats().segments, 2U);
  EXPECT_EQ(store->GetStats().open_block_wire_bytes, 400U);
  ExpectAllThere(*store);
}

TEST_F(SpanStoreTest, ATraceThatStaysOpenIsCut) {
  SpanStoreOptions options = Options();
  options.max_trace_live = kMinute;
  options.max_block_duration = 0;
  auto store = Open(options);
  for (SpanId i = 1; i <= 30; ++i) {
    MustAppend(*store, {{1, i, 1'000 * i}});
    clock_.Advance(5 * kSecond);
    ASSERT_TRUE(store->RunDue().ok());
  }
  EXPECT_GE(store->GetStats().segments, 1U);
  EXPECT_EQ(TraceText(*store, 1).size(), TraceText(*store, 1).size());
  EXPECT_EQ(store->View("t", 0, 0)->Trace(TraceOf(1))->rows(), 30U);
  ExpectAllThere(*store);
}

TEST_F(SpanStoreTest, ATraceOfMoreRowsThanASegmentTakesSeveral) {
  auto store = Open();
  std::vector<TestSpan> spans;
  for (SpanId i = 1; i <= 2 * kMaxSegmentRows + 5; ++i) spans.push_back({i % 50 == 0, i, i});
  MustAppend(*store, spans);
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_GE(store->GetStats().segments, 3U);
  ExpectAllThere(*store);
  const auto trace = store->View("t", 0, 0)->Trace(TraceOf(0));
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->rows() + store->View("t", 0, 0)->Trace(TraceOf(1))->rows(), spans.size());
  EXPECT_TRUE(std::is_sorted(trace->start.begin(), trace->start.end()));
}

TEST_F(SpanStoreTest, AnswersAreEqualBeforeAndAfterSealingAndRestart) {
  auto store = Open();
  for (SpanId i = 1; i <= 40; ++i) {
    // Starts that come out of order, and some that are equal.
    MustAppend(*store, {{i % 4, i, 1'000 - (i % 7) * 10}, {i % 3, 100 + i, 500}},
               i % 2 == 0 ? "t" : "u");
  }
  // A span that a client sent again in another request is shown once.
  ASSERT_TRUE(Append(*store, {{1, 5, 1'000 - 5 * 10}}, "u", "again").has_value());
  const auto answers = [&] {
    std::string all;
    for (uint64_t trace = 0; trace < 4; ++trace) {
      all += TraceText(*store, trace, "t") + "|" + TraceText(*store, trace, "u") + "|";
    }
    return all;
  };
  const std::string live = answers();
  EXPECT_EQ(std::count(live.begin(), live.end(), '\n'), 80);
  store.reset();
  store = Open();
  EXPECT_EQ(answers(), live);
  clock_.Advance(15 * kSecond);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_GT(store->GetStats().open_block_wire_bytes, 0U);
  EXPECT_EQ(answers(), live);
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(store->GetStats().live_bytes, 0U);
  EXPECT_EQ(answers(), live);
  store.reset();
  store = Open();
  EXPECT_EQ(answers(), live);
  ExpectAllThere(*store);
}

TEST_F(SpanStoreTest, TenantsDoNotSeeEachOther) {
  auto store = Open();
  MustAppend(*store, {{1, 10}}, "a");
  MustAppend(*store, {{1, 11}}, "b");
  ASSERT_TRUE(store->Flush().ok());
  MustAppend(*store, {{1, 12}}, "a");
  EXPECT_EQ(Rows(*store, "a"), (std::multiset<SpanId>{10, 12}));
  EXPECT_EQ(Rows(*store, "b"), (std::multiset<SpanId>{11}));
  EXPECT_EQ(store->View("a", 0, 0)->Trace(TraceOf(1))->rows(), 2U);
  store.reset();
  store = Open();
  ExpectAllThere(*store);
}

TEST_F(SpanStoreTest, ARepeatedRequestIsAcknowledgedAndNeitherStoredNorObserved) {
  auto store = Open();
  ASSERT_TRUE(Append(*store, {{1, 10}}, "t", "body").has_value());
  const auto repeat = Append(*store, {{1, 10}}, "t", "body");
  ASSERT_TRUE(repeat.has_value());
  EXPECT_TRUE(repeat->duplicate);
  EXPECT_EQ(repeat->position, 1U);
  ASSERT_TRUE(store->Flush().ok());  // The log file goes, its hashes stay.
  store.reset();
  store = Open();
  EXPECT_TRUE(Append(*store, {{1, 10}}, "t", "body")->duplicate);
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{10}));
  EXPECT_EQ(observed_, (std::multiset<SpanId>{10}));
  clock_.Advance(10 * kMinute);
  EXPECT_FALSE(Append(*store, {{1, 10}}, "t", "body")->duplicate);
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{10, 10}));
  // The same span, start and end: one in the trace.
  EXPECT_EQ(store->View("t", 0, 0)->Trace(TraceOf(1))->rows(), 1U);
}

TEST_F(SpanStoreTest, ConcurrentRepeatsAreStoredOnceAndObservedInOrder) {
  SpanStoreOptions options = Options();
  options.sync = LogSync::kAlways;
  auto store = Open(options);
  std::vector<LogPosition> positions;  // Written inside the store's append lock.
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (SpanId i = 1; i <= 50; ++i) {
        const auto done =
            store->Append({"t", Hash128(std::to_string(i)), MakeBatch({{i, i}})},
                          [&](const LoggedBatch& batch) { positions.push_back(batch.position); });
        ASSERT_TRUE(done.has_value());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(positions.size(), 50U);
  for (size_t i = 0; i < positions.size(); ++i) EXPECT_EQ(positions[i], i + 1);
  EXPECT_EQ(Rows(*store).size(), 50U);
}

TEST_F(SpanStoreTest, AnEmptyBatchIsAcknowledgedAndNothingElse) {
  auto store = Open();
  EXPECT_TRUE(Append(*store, {}, "t", "empty").has_value());
  EXPECT_FALSE(Append(*store, {}, "t", "empty")->duplicate);
  EXPECT_TRUE(observed_.empty());
  EXPECT_EQ(store->last_position(), 0U);
}

TEST_F(SpanStoreTest, TheLogIsKeptUntilTheCheckpointAndReplayedFromIt) {
  int wanted = 0;
  SpanStoreOptions options = Options();
  options.checkpoint = 0;
  options.want_checkpoint = [&] { ++wanted; };
  auto store = Open(options);
  MustAppend(*store, {{1, 10}});
  MustAppend(*store, {{2, 20}});
  MustAppend(*store, {{3, 30}});
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(wanted, 1);
  store.reset();
  store = Open(options);
  EXPECT_EQ(replayed_, (std::multiset<SpanId>{10, 20, 30}));  // Counted again, not stored again.
  ExpectAllThere(*store);
  EXPECT_EQ(store->GetStats().live_bytes, 0U);
  options.checkpoint = 2;
  store.reset();
  store = Open(options);
  EXPECT_EQ(replayed_, (std::multiset<SpanId>{30}));
  const uint64_t before = store->GetStats().log_bytes;
  store->SetCheckpoint(3);
  store->SetCheckpoint(1);  // Never back.
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_LT(store->GetStats().log_bytes, before);
  options.checkpoint = 0;
  store.reset();
  store = Open(options);
  EXPECT_TRUE(replayed_.empty());
  EXPECT_EQ(MustAppend(*store, {{4, 40}}), 4U);
}

TEST_F(SpanStoreTest, MemoryPressureSealsTheOldestEarly) {
  SpanStoreOptions options = Options();
  options.live_bytes_budget = 200'000;
  auto store = Open(options);
  for (SpanId i = 1; i <= 2'000; ++i) {
    MustAppend(*store, {{i, i}, {i, 10'000 + i}}, i % 3 == 0 ? "u" : "t");
    if (i % 50 == 0) {
      ASSERT_TRUE(store->RunDue().ok());
    }
    ASSERT_LE(store->GetStats().live_bytes, 300'000U);
  }
  EXPECT_GE(store->GetStats().segments, 3U);
  ExpectAllThere(*store);
  // A budget that was made smaller holds at the next start as well.
  options.live_bytes_budget = 20'000;
  store.reset();
  store = Open(options);
  EXPECT_LE(store->GetStats().live_bytes, 30'000U);
  ExpectAllThere(*store);
}

TEST_F(SpanStoreTest, WhoSendsFasterThanSealingIsToldSo) {
  SpanStoreOptions options = Options();
  options.live_bytes_budget = 100'000;
  auto store = Open(options);
  Result<SpanStore::AppendResult> last = SpanStore::AppendResult{};
  for (SpanId i = 1; last.has_value() && i < 1'000; ++i) {
    last = Append(*store, {{i, i}}, "t", std::to_string(i));
    if (last.has_value()) acknowledged_["t"].insert(i);
  }
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code(), StatusCode::kResourceExhausted);
  ExpectAllThere(*store);
  ASSERT_TRUE(store->RunDue().ok());
  MustAppend(*store, {{5'000, 5'000}});
  ExpectAllThere(*store);
}

TEST_F(SpanStoreTest, AFullDiskIsUnavailableWhileQueriesGoOnAndHeals) {
  bool full = false;
  SpanStoreOptions options = Options();
  options.live_bytes_budget = 100'000;
  options.log_write_hook = [&](size_t wanted) { return full ? wanted / 2 : wanted; };
  options.seal_hook = [&]() -> Status {
    return full ? UnavailableError("No space left on device") : Status();
  };
  auto store = Open(options);
  for (SpanId i = 1; i <= 50; ++i) MustAppend(*store, {{i, i}});
  full = true;
  const auto refused = Append(*store, {{99, 99}}, "t", "refused");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kUnavailable);
  clock_.Advance(10 * kSecond);
  EXPECT_TRUE(store->RunDue().ok());  // To the open block, in memory.
  clock_.Advance(10 * kMinute);
  EXPECT_EQ(store->RunDue().code(), StatusCode::kUnavailable);
  ExpectAllThere(*store);
  EXPECT_EQ(observed_.count(99), 0U);
  EXPECT_EQ(store->Flush().code(), StatusCode::kUnavailable);
  full = false;
  // The same request, repeated as senders do, is no duplicate of the one that was refused.
  ASSERT_TRUE(Append(*store, {{99, 99}}, "t", "refused").has_value());
  acknowledged_["t"].insert(99);
  clock_.Advance(10 * kSecond);
  ASSERT_TRUE(store->RunDue().ok());
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(store->GetStats().live_bytes, 0U);
  ExpectAllThere(*store);
  store.reset();
  store = Open();
  ExpectAllThere(*store);
}

TEST_F(SpanStoreTest, WithSealingBroken_TheHardBoundAnswersUnavailable) {
  SpanStoreOptions options = Options();
  options.live_bytes_budget = 50'000;
  options.seal_hook = []() -> Status { return UnavailableError("broken"); };
  auto store = Open(options);
  Result<SpanStore::AppendResult> last = SpanStore::AppendResult{};
  for (SpanId i = 1; last.has_value() && i < 1'000; ++i) {
    last = Append(*store, {{i, i}}, "t", std::to_string(i));
    clock_.Advance(kSecond);
    (void)store->RunDue().ok();
  }
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code(), StatusCode::kUnavailable);
}

TEST_F(SpanStoreTest, RetentionByAgeRemovesWholeVolumesAlsoUnderAReader) {
  SpanStoreOptions options = Options();
  options.block_retention = 10 * kDay;
  auto store = Open(options);
  const auto start_now = [&] { return static_cast<uint64_t>(clock_.Now()); };
  for (SpanId day = 1; day <= 15; ++day) {
    MustAppend(*store, {{day, day, start_now()}});
    ASSERT_TRUE(store->Flush().ok());
    clock_.Advance(kDay);
    if (day == 5) {
      EXPECT_EQ(Rows(*store).size(), 5U);
    }
  }
  auto view = store->View("t", 0, UINT64_MAX);
  const size_t seen = view->blocks().size();
  EXPECT_LE(seen, 12U);
  EXPECT_GE(seen, 10U);
  clock_.Advance(3 * kDay);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_LE(Rows(*store).size(), seen - 3);
  EXPECT_EQ(TraceText(*store, 5), "");
  // The view still answers from what it holds.
  EXPECT_EQ(SpanIdsOf(*view).size(), seen);
  clock_.Advance(30 * kDay);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_TRUE(Rows(*store).empty());
  view.reset();
  store.reset();
  store = Open(options);
  EXPECT_TRUE(Rows(*store).empty());
}

TEST_F(SpanStoreTest, RemovedVolumesLeaveTheDiskWithTheirLastReader) {
  SpanStoreOptions options = Options();
  options.block_retention = kDay;
  auto store = Open(options);
  MustAppend(*store, {{1, 1, static_cast<uint64_t>(clock_.Now())}});
  ASSERT_TRUE(store->Flush().ok());
  const std::string path = directory_ / "data/volumes/00000001";
  auto view = store->View("t", 0, UINT64_MAX);
  clock_.Advance(3 * kDay);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_TRUE(Rows(*store).empty());
  EXPECT_EQ(SpanIdsOf(*view).size(), 1U);
  EXPECT_TRUE(std::filesystem::exists(path));
  view.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SpanStoreTest, ViewsAreWholeWhileSealingGoesOn) {
  SpanStoreOptions options = Options();
  options.background = true;
  options.backpressure_wait = 20 * kSecond;
  options.live_bytes_budget = 300'000;
  options.trace_idle_period = 0;
  options.max_block_bytes = 20'000;
  auto store = Open(options);
  std::atomic<SpanId> acknowledged = 0;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (SpanId i = 1; i <= 6'000; ++i) {
      const auto appended = store->Append(
          {"t", Hash128(std::to_string(i)), MakeBatch({{i / 10, i}, {i / 7, 1'000'000 + i}})}, {});
      ASSERT_TRUE(appended.has_value()) << appended.error().ToString();
      acknowledged = i;
    }
    done = true;
  });
  size_t views = 0;
  while (!done) {
    const SpanId before = acknowledged;
    const std::multiset<SpanId> rows = Rows(*store);
    const SpanId after = acknowledged + 1;
    ASSERT_GE(rows.size(), 2 * before);
    ASSERT_LE(rows.size(), 2 * after);
    const std::set<SpanId> distinct(rows.begin(), rows.end());
    ASSERT_EQ(distinct.size(), rows.size());
    ++views;
  }
  writer.join();
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(Rows(*store).size(), 12'000U);
  EXPECT_GE(store->GetStats().segments, 1U);
  EXPECT_GT(views, 0U);
}

TEST_F(SpanStoreTest, TheCapHoldsWhileIngesting) {
  constexpr uint64_t kCap = 12 << 20;
  SpanStoreOptions options = Options();
  options.max_bytes = kCap;
  options.live_bytes_budget = 4 << 20;
  auto store = Open(options);
  uint64_t sent = 0;
  uint64_t most = 0;
  std::vector<std::string> names(200);
  for (SpanId i = 1; sent < 6 * kCap; ++i) {
    // Names that no codec makes small, so that bytes sent are bytes stored.
    std::vector<TestSpan> spans(200);
    for (size_t j = 0; j < spans.size(); ++j) {
      names[j].clear();
      for (uint64_t k = 0; k < 40; ++k) {
        const uint64_t word = Hash64(std::to_string(i * 200 + j), k);
        names[j].append(reinterpret_cast<const char*>(&word), sizeof(word));
      }
      spans[j] = {i * 200 + j, i * 200 + j, static_cast<uint64_t>(clock_.Now()), 5, names[j]};
      sent += names[j].size();
    }
    ASSERT_TRUE(Append(*store, spans, "t", std::to_string(i)).has_value());
    clock_.Advance(10 * kMillisecond);
    ASSERT_TRUE(store->RunDue().ok());
    most = std::max(most, DiskUsage(options.path));
  }
  EXPECT_LE(most, kCap + kCap / 10);
  EXPECT_GE(most, kCap / 2);
  // What is left is the newest, without a hole.
  const std::multiset<SpanId> rows = Rows(*store);
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(*rows.rbegin() - *rows.begin() + 1, rows.size());
  EXPECT_GE(rows.size() * 320, kCap / 3);
}

}  // namespace
}  // namespace tocsin::storage
