// A snapshot is a store of its own with everything that was acknowledged before it was taken.

#include <atomic>
#include <thread>

#include "tests/unit/spans/store_fixture.h"

namespace tocsin::storage {
namespace {

class SnapshotTest : public StoreTest {
 protected:
  TestSpan Span(uint64_t trace, SpanId id) const {
    return {trace, id, static_cast<uint64_t>(clock_.Now()) + id, 10};
  }
  std::unique_ptr<SpanStore> OpenCopy(const std::string& path) {
    SpanStoreOptions options = Options();
    options.path = path;
    return Open(std::move(options));
  }
};

TEST_F(SnapshotTest, HasWhatIsSealedLiveDeletedPinnedAndRedacted) {
  auto store = Open();
  for (int volume = 0; volume < 3; ++volume) {
    const auto id = static_cast<SpanId>(volume * 10);
    MustAppend(*store, {Span(1, id + 1), Span(2, id + 2), Span(3, id + 3)});
    ASSERT_TRUE(store->Flush().ok());
    clock_.Advance(2 * kDay);
  }
  MustAppend(*store, {Span(1, 31), Span(4, 32)});
  ASSERT_TRUE(store->Delete("t", std::vector<TraceDeletion>{{TraceOf(2), {}}}).has_value());
  for (const SpanId id : {2U, 12U, 22U}) acknowledged_["t"].erase(id);
  ASSERT_TRUE(store->Pin("t", TraceOf(1)).ok());
  ASSERT_TRUE(store->Redact("t", {.key = "url"}, {}).ok());
  MustAppend(*store, {Span(1, 33)}, "other");

  const std::string copy = directory_ / "copy";
  ASSERT_TRUE(store->Snapshot(copy).ok());
  EXPECT_EQ(store->Snapshot(copy).code(), StatusCode::kAlreadyExists);
  const std::string trace = TraceText(*store, 1);
  // Neither feels what becomes of the other.
  const auto at_snapshot = acknowledged_;
  MustAppend(*store, {Span(1, 34)});
  ASSERT_TRUE(store->Delete("t", std::vector<TraceDeletion>{{TraceOf(3), {}}}).has_value());
  ASSERT_TRUE(store->Flush().ok());
  auto restored = OpenCopy(copy);
  ASSERT_NE(restored, nullptr);
  for (const auto& [tenant, rows] : at_snapshot) EXPECT_EQ(Rows(*restored, tenant), rows);
  EXPECT_EQ(TraceText(*restored, 1), trace);
  EXPECT_EQ(trace.find("url="), std::string::npos);
  EXPECT_EQ(restored->Pinned("t"), std::vector<TraceId>{TraceOf(1)});
  ASSERT_TRUE(restored->Flush().ok());
  for (const auto& [tenant, rows] : at_snapshot) EXPECT_EQ(Rows(*restored, tenant), rows);
  for (const SpanId id : {3U, 13U, 23U}) acknowledged_["t"].erase(id);
  ExpectAllThere(*store);
  store.reset();
  store = Open();
  ExpectAllThere(*store);
}

TEST_F(SnapshotTest, IsTakenWhileSpansArriveAndAreSealedAndMerged) {
  SpanStoreOptions options = Options();
  options.background = true;
  options.max_block_bytes = 4'000;
  options.trace_idle_period = 1;
  auto store = Open(options);
  std::atomic<bool> stop = false;
  std::atomic<SpanId> acknowledged = 0;
  std::thread sender([&] {
    for (SpanId id = 1; !stop; ++id) {
      const auto put = Append(*store, {Span(id % 50, id)}, "t", "body " + std::to_string(id));
      ASSERT_TRUE(put.has_value()) << put.error().ToString();
      acknowledged = id;
      if (id % 20 == 0) clock_.Advance(kSecond);
      if (id % 500 != 0) continue;
      ASSERT_TRUE(store->Flush().ok());
    }
  });
  for (int s = 1; s <= 4; ++s) {
    while (acknowledged < static_cast<SpanId>(s) * 700) std::this_thread::yield();
    const SpanId had = acknowledged;
    const std::string path = directory_ / ("copy" + std::to_string(s));
    const Status taken = store->Snapshot(path);
    ASSERT_TRUE(taken.ok()) << taken.ToString();
    const auto copy = OpenCopy(path);
    ASSERT_NE(copy, nullptr);
    const auto rows = Rows(*copy);
    const std::set<SpanId> once(rows.begin(), rows.end());
    EXPECT_EQ(once.size(), rows.size());
    for (SpanId id = 1; id <= had; ++id) EXPECT_TRUE(once.contains(id)) << id;
    // And nothing after a gap: a prefix of the log.
    EXPECT_EQ(once.size(), once.empty() ? 0 : *once.rbegin());
  }
  stop = true;
  sender.join();
}

}  // namespace
}  // namespace tocsin::storage
