// No trace grows beyond its bound, wherever its spans are.

#include "storage/spans/span_store.h"
#include "tests/unit/spans/store_fixture.h"

namespace tocsin::storage {
namespace {

class TraceBoundTest : public StoreTest {
 protected:
  SpanStore::AppendResult Send(SpanStore& store, const std::vector<TestSpan>& spans,
                               std::string_view tenant = "t") {
    const auto appended = Append(store, spans, tenant, "body " + std::to_string(++bodies_));
    EXPECT_TRUE(appended.has_value()) << appended.error().ToString();
    return appended.value_or(SpanStore::AppendResult{});
  }
  TestSpan Span(uint64_t trace, SpanId id) const {
    return {trace, id, static_cast<uint64_t>(clock_.Now()), 10};
  }
  uint64_t WireSize() const { return MakeBatch({Span(1, 1)})->wire_size[0]; }

  SpanStoreOptions Bounded(uint64_t spans) const {
    SpanStoreOptions options = Options();
    options.limits.max_bytes_per_trace = spans * WireSize() + WireSize() / 2;
    return options;
  }
};

TEST_F(TraceBoundTest, WhatGoesBeyondIsRefusedAndTheRestTaken) {
  auto store = Open(Bounded(3));
  EXPECT_EQ(Send(*store, {Span(1, 1), Span(2, 2), Span(1, 3)}).refused, 0U);
  const auto result = Send(*store, {Span(1, 4), Span(1, 5), Span(2, 6), Span(1, 7)});
  EXPECT_EQ(result.refused, 2U);
  EXPECT_TRUE(result.refusal.starts_with("TRACE_TOO_LARGE: max size of trace (")) << result.refusal;
  EXPECT_NE(result.refusal.find(TraceOf(1).ToHex()), std::string::npos);
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{1, 2, 3, 4, 6}));
  EXPECT_EQ(observed_, (std::multiset<SpanId>{1, 2, 3, 4, 6}));
  // Nothing is left of a request: it has no record.
  const LogPosition before = store->last_position();
  EXPECT_EQ(Send(*store, {Span(1, 8)}).refused, 1U);
  EXPECT_EQ(store->last_position(), before);
}

TEST_F(TraceBoundTest, SealedSpansCount) {
  auto store = Open(Bounded(3));
  EXPECT_EQ(Send(*store, {Span(1, 1), Span(1, 2), Span(1, 3), Span(2, 4)}).refused, 0U);
  ASSERT_TRUE(store->Flush().ok());
  // A large one is remembered.
  EXPECT_EQ(Send(*store, {Span(1, 5)}).refused, 1U);
  // A small one is found out about when the trace is back.
  EXPECT_EQ(Send(*store, {Span(2, 6)}).refused, 0U);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(Send(*store, {Span(2, 7), Span(2, 8)}).refused, 1U);
  // And all the same after a restart.
  store.reset();
  store = Open(Bounded(3));
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(Send(*store, {Span(2, 9)}).refused, 1U);
  EXPECT_EQ(Send(*store, {Span(1, 10)}).refused, 0U);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(Send(*store, {Span(1, 11)}).refused, 1U);
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{1, 2, 3, 4, 6, 7, 10}));
}

TEST_F(TraceBoundTest, ALateSpanOfABlockThatIsFullCounts) {
  SpanStoreOptions options = Bounded(3);
  options.max_block_bytes = 1;  // The block is full with its first trace.
  auto store = Open(options);
  EXPECT_EQ(Send(*store, {Span(1, 1), Span(1, 2)}).refused, 0U);
  EXPECT_EQ(Send(*store, {Span(2, 3)}).refused, 0U);
  clock_.Advance(options.trace_idle_period + 1);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(Send(*store, {Span(1, 4), Span(1, 5)}).refused, 1U);
}

TEST_F(TraceBoundTest, DeletedSpansMakeRoom) {
  auto store = Open(Bounded(2));
  EXPECT_EQ(Send(*store, {Span(1, 1), Span(1, 2)}).refused, 0U);
  EXPECT_EQ(Send(*store, {Span(1, 3)}).refused, 1U);
  ASSERT_TRUE(store->Delete("t", std::vector<TraceDeletion>{{TraceOf(1), {}}}).has_value());
  EXPECT_EQ(Send(*store, {Span(1, 4), Span(1, 5)}).refused, 0U);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(Send(*store, {Span(1, 6)}).refused, 1U);
}

TEST_F(TraceBoundTest, LimitsAreSetWhileTheStoreRuns) {
  auto store = Open();
  EXPECT_EQ(Send(*store, {Span(1, 1), Span(1, 2), Span(1, 3)}).refused, 0U);
  SpanLimits limits;
  limits.max_bytes_per_trace = WireSize();
  limits.tenants["free"].max_bytes_per_trace = 0;
  store->SetLimits(limits);
  EXPECT_EQ(Send(*store, {Span(1, 4)}).refused, 1U);
  EXPECT_EQ(Send(*store, {Span(1, 5), Span(1, 6)}, "free").refused, 0U);
  store->SetLimits({});
  EXPECT_EQ(Send(*store, {Span(1, 7)}).refused, 0U);
}

}  // namespace
}  // namespace tocsin::storage
