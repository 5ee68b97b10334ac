// How much may be pinned, and what becomes of it when room is wanted.

#include <cerrno>
#include <filesystem>
#include <string>

#include "cpp/base/coding.h"
#include "cpp/base/log.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/spans/side_file.h"
#include "storage/spans/span_store.h"
#include "storage/volume/files.h"
#include "storage/volume/write_hook.h"
#include "tests/unit/spans/store_fixture.h"

namespace tocsin::storage {
namespace {

constexpr uint64_t kCap = 12 << 20;
constexpr uint64_t kSpans = 200;  // Of a large trace, which takes 64 kB.

class PinningTest : public StoreTest {
 protected:
  SpanStoreOptions Capped() const {
    SpanStoreOptions options = Options();
    options.max_bytes = kCap;
    options.live_bytes_budget = 4 << 20;
    return options;
  }

  // Spans with names that no codec makes small, so that bytes sent are bytes stored.
  void SendLarge(SpanStore& store, uint64_t trace) {
    std::vector<std::string> names(kSpans);
    std::vector<TestSpan> spans(kSpans);
    for (size_t i = 0; i < kSpans; ++i) {
      const SpanId id = ++last_id_;
      for (uint64_t k = 0; k < 40; ++k) {
        const uint64_t word = Hash64(std::to_string(id), k);
        names[i].append(reinterpret_cast<const char*>(&word), sizeof(word));
      }
      spans[i] = {trace, id, static_cast<uint64_t>(clock_.Now()), 5, names[i], 320};
    }
    MustAppend(store, spans);
    clock_.Advance(10 * kMillisecond);
    ASSERT_TRUE(store.RunDue().ok());
  }

  static bool IsThere(const SpanStore& store, uint64_t trace) {
    return !TraceText(store, trace).empty();
  }

 private:
  SpanId last_id_ = 0;
};

TEST_F(PinningTest, AQuarterOfTheStoreMayBePinned) {
  auto store = Open(Capped());
  for (uint64_t trace = 1; trace <= 80; ++trace) SendLarge(*store, trace);
  ASSERT_TRUE(store->Flush().ok());
  uint64_t pinned = 0;
  Status refused;
  while (refused.ok() && pinned < 80) {
    refused = store->Pin("t", TraceOf(pinned + 1));
    if (refused.ok()) {
      ++pinned;
    }
  }
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(refused.message().find("a quarter of the store, 3145728 bytes"), std::string_view::npos)
      << refused.message();
  EXPECT_GE(pinned, 40U);
  EXPECT_LE(pinned, 50U);
  EXPECT_EQ(store->Pinned("t").size(), pinned);
  // What is pinned is no second time; what was unpinned makes room; a restart changes nothing.
  EXPECT_TRUE(store->Pin("t", TraceOf(1)).ok());
  store.reset();
  store = Open(Capped());
  EXPECT_EQ(store->Pin("t", TraceOf(80)).code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(store->Unpin("t", TraceOf(1)).ok());
  ASSERT_TRUE(store->Unpin("t", TraceOf(2)).ok());
  EXPECT_TRUE(store->Pin("t", TraceOf(80)).ok());
}

TEST_F(PinningTest, WhatIsPinnedOutlivesTheCap) {
  auto store = Open(Capped());
  SendLarge(*store, 1);
  SendLarge(*store, 2);
  ASSERT_TRUE(store->Pin("t", TraceOf(1)).ok());
  for (uint64_t trace = 3; trace < 400; ++trace) SendLarge(*store, trace);
  EXPECT_LE(DiskUsage(Capped().path), kCap + kCap / 10);
  EXPECT_TRUE(IsThere(*store, 1));
  EXPECT_FALSE(IsThere(*store, 2));
}

TEST_F(PinningTest, WhatOutgrewItsQuarterIsNotKeptAtTheCostOfWhatComes) {
  auto store = Open(Capped());
  ASSERT_TRUE(store->Pin("t", TraceOf(1)).ok());  // Nothing is there of it yet.
  for (int i = 0; i < 100; ++i) SendLarge(*store, 1);
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(store->Pin("t", TraceOf(2)).code(), StatusCode::kResourceExhausted);
  uint64_t most = 0;
  for (uint64_t trace = 2; trace < 400; ++trace) {
    SendLarge(*store, trace);
    most = std::max(most, DiskUsage(Capped().path));
  }
  EXPECT_LE(most, kCap + kCap / 10);
  const auto left = store->View("t", 0, 0)->Trace(TraceOf(1));
  ASSERT_TRUE(left.has_value());
  EXPECT_LE(left->rows() * 320, kCap / 4 + kCap / 20);
  EXPECT_TRUE(IsThere(*store, 399));
}

TEST_F(PinningTest, WhatCannotBeCopiedYetKeepsItsVolumeAlsoOverARestart) {
  SpanStoreOptions options = Options();
  options.block_retention = kDay;
  auto store = Open(options);
  SendLarge(*store, 1);
  SendLarge(*store, 2);
  ASSERT_TRUE(store->Flush().ok());
  ASSERT_TRUE(store->Pin("t", TraceOf(1)).ok());
  clock_.Advance(3 * kDay);
  // The disk is full, but gives room when something is removed.
  SetWriteHook([](WriteStep step, std::string_view, size_t) -> WriteVerdict {
    return {step == WriteStep::kWrite || step == WriteStep::kCreate ? ENOSPC : 0, 0};
  });
  log::SetLevel(log::Level::kError);
  (void)store->RunDue();
  store.reset();
  log::SetLevel(log::Level::kInfo);
  SetWriteHook(nullptr);
  store = Open(options);
  EXPECT_TRUE(IsThere(*store, 1));
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_TRUE(IsThere(*store, 1));
  EXPECT_FALSE(IsThere(*store, 2));
  EXPECT_FALSE(std::filesystem::exists(options.path + "/volumes/00000001"));
}

TEST_F(PinningTest, ADamagedListIsPutAsideAndTheTracesServed) {
  auto store = Open();
  SendLarge(*store, 1);
  ASSERT_TRUE(store->Flush().ok());
  ASSERT_TRUE(store->Pin("t", TraceOf(1)).ok());
  store.reset();
  const std::string path = Options().path + "/pins";
  std::string bytes = *ReadFile(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  log::SetLevel(log::Level::kError);
  store = Open();
  log::SetLevel(log::Level::kInfo);
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(IsThere(*store, 1));
  EXPECT_TRUE(store->Pinned("t").empty());
  EXPECT_TRUE(std::filesystem::exists(path + ".damaged"));
  EXPECT_TRUE(store->Pin("t", TraceOf(1)).ok());
  store.reset();
  EXPECT_EQ(Open()->Pinned("t"), std::vector<TraceId>{TraceOf(1)});
}

TEST_F(PinningTest, TenThousandTracesMayBePinned) {
  auto store = Open();
  ASSERT_TRUE(store->Pin("t", TraceOf(1)).ok());
  store.reset();
  std::string body;
  PutVarint64(&body, 1);
  PutSizedBytes(&body, "t");
  PutVarint64(&body, Pins::kMaxPins);
  for (uint64_t i = 0; i < Pins::kMaxPins; ++i) body += TraceOf(i).ToBytes();
  const std::string path = Options().path + "/pins";
  ASSERT_TRUE(WriteFileAtomically(path, SealFrame(body, Compression::kNone)).ok());
  store = Open();
  EXPECT_EQ(store->Pinned("t").size(), Pins::kMaxPins);
  EXPECT_EQ(store->Pin("u", TraceOf(1)).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(store->Pin("t", TraceOf(1)).ok());
  ASSERT_TRUE(store->Unpin("t", TraceOf(1)).ok());
  EXPECT_TRUE(store->Pin("u", TraceOf(1)).ok());
}

}  // namespace
}  // namespace tocsin::storage
