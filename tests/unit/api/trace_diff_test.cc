// Which span became which, and what is told of it.

#include "cpp/api/trace_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/api/trace_diff_api.h"
#include "cpp/api/trace_diff_json.h"
#include "cpp/lib/json.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using traceql::kMs;
using traceql::MakeBatch;
using traceql::Span;
using traceql::TestSpan;

TestSpan Named(SpanId id, SpanId parent, std::string name, uint64_t duration) {
  TestSpan span = Span(1, id, parent, 1000 + id, duration);
  span.name = std::move(name);
  return span;
}

std::vector<TestSpan> Base() {
  std::vector<TestSpan> spans = {Named(1, 0, "root", 100 * kMs), Named(2, 1, "query", 40 * kMs),
                                 Named(3, 1, "query", 10 * kMs), Named(4, 1, "gone", 5 * kMs)};
  spans[1].attrs = {{"db", "users"}, {"file.size", int64_t{1000}}};
  spans[2].attrs = {{"db", "orders"}};
  return spans;
}

struct Both {
  Both(const std::vector<TestSpan>& a, const std::vector<TestSpan>& b)
      : base_batch(MakeBatch(a)),
        compare_batch(MakeBatch(b)),
        base(base_batch),
        compare(compare_batch),
        diff(Compare(base, compare, [] { return Status(); }).value()) {}
  SpanBatch base_batch;
  SpanBatch compare_batch;
  DiffTrace base;
  DiffTrace compare;
  TraceDiff diff;
};

TEST(TraceDiffTest, EqualTracesDifferInNothing) {
  const Both both(Base(), Base());
  EXPECT_EQ(both.diff.matched, 4U);
  EXPECT_THAT(both.diff.modified, IsEmpty());
  EXPECT_THAT(both.diff.added, IsEmpty());
  EXPECT_THAT(both.diff.removed, IsEmpty());
}

TEST(TraceDiffTest, SmallDifferencesAndTheOrderOfSiblingsDoNotCount) {
  std::vector<TestSpan> other = Base();
  std::swap(other[1].attrs, other[2].attrs);
  std::swap(other[1].end, other[2].end);
  other[0].end = other[0].start + 120 * kMs;
  other[2].attrs[1].second = int64_t{1040};
  const Both both(Base(), other);
  EXPECT_EQ(both.diff.matched, 4U);
  EXPECT_THAT(both.diff.modified, IsEmpty());
}

TEST(TraceDiffTest, ChangesAdditionsAndRemovals) {
  std::vector<TestSpan> other = Base();
  other[1].end = other[1].start + 90 * kMs;
  other[1].status = SpanStatus::kError;
  other[1].attrs = {{"db", "users"}, {"retry", true}};
  other[3].name = "new";
  const Both both(Base(), other);
  EXPECT_EQ(both.diff.matched, 3U);
  ASSERT_EQ(both.diff.modified.size(), 1U);
  const std::vector<TraceDiff::Change>& changes = both.diff.modified[0].changes;
  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0].target, TraceDiff::Change::Target::kDuration);
  EXPECT_EQ(changes[1].target, TraceDiff::Change::Target::kStatus);
  EXPECT_EQ(changes[2].key, "file.size");
  EXPECT_EQ(changes[2].op, TraceDiff::Change::Op::kRemove);
  EXPECT_EQ(changes[3].key, "retry");
  EXPECT_EQ(changes[3].op, TraceDiff::Change::Op::kAdd);
  EXPECT_THAT(both.diff.added, ElementsAre(3));
  EXPECT_THAT(both.diff.removed, ElementsAre(3));
  EXPECT_THAT(both.compare.PathOf(3), ElementsAre(0, 2));
  ASSERT_EQ(both.diff.warnings.size(), 1U);
  EXPECT_EQ(both.diff.warnings[0].code, "ambiguous_span_match");
}

TEST(TraceDiffTest, CirclesOrphansRepeatsAndDepthHaveAnEnd) {
  std::vector<TestSpan> odd = {Named(1, 2, "a", 1), Named(2, 1, "b", 1), Named(3, 99, "c", 1),
                               Named(3, 3, "d", 1), Named(4, 4, "e", 1)};
  EXPECT_EQ(Both(odd, odd).diff.matched, odd.size());
  EXPECT_EQ(DiffTrace(MakeBatch(odd)).repeated_ids(), 1U);
  std::vector<TestSpan> deep;
  for (SpanId id = 1; id <= 20'000; ++id) deep.push_back(Named(id, id - 1, "x", 1));
  const Both both(deep, deep);
  EXPECT_EQ(both.diff.matched, deep.size());
  EXPECT_EQ(both.base.PathOf(19'999).size(), deep.size());
}

TEST(TraceDiffTest, ManySpansThatAreAlikeArePairedInTime) {
  std::vector<TestSpan> many = {Named(1, 0, "root", 1)};
  for (SpanId id = 2; id <= 30'000; ++id) many.push_back(Named(id, 1, "x", id * kMs));
  std::vector<TestSpan> other = many;
  for (TestSpan& span : other) span.end = span.start + 7 * (span.end - span.start);
  const Both both(many, other);
  EXPECT_EQ(both.diff.matched, many.size());
}

// Each must be looked at with each other, attribute by attribute, to see that they differ.
TEST(TraceDiffTest, ComparingHasAnEndAndCanBeStopped) {
  std::vector<TestSpan> many;
  for (SpanId id = 1; id <= 2'000; ++id) {
    many.push_back(Named(id, 0, "x", kMs));
    for (int i = 0; i < 50; ++i) many.back().attrs.emplace_back("a" + std::to_string(i), "same");
    many.back().attrs.emplace_back("z", "base " + std::to_string(id));
  }
  std::vector<TestSpan> other = many;
  for (TestSpan& span : other) span.attrs.back().second = "other";
  const Both both(many, other);
  EXPECT_EQ(both.diff.matched, many.size());
  int asked = 0;
  const auto stopped = Compare(both.base, both.compare, [&asked]() -> Status {
    if (++asked < 3) return {};
    return CancelledError("the client has left");
  });
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code(), StatusCode::kCancelled);
  EXPECT_EQ(asked, 3);
}

TEST(TraceDiffTest, SumsStayWithinTheirType) {
  const std::vector<TestSpan> base = {Named(1, 0, "x", uint64_t{3} << 61),
                                      Named(2, 1, "y", uint64_t{3} << 61),
                                      Named(3, 1, "z", uint64_t{1} << 62)};
  const Both both({Named(1, 0, "x", kMs)}, base);
  const auto summary = lib::Json::Parse(EncodeTraceSummary(both.base, both.compare, both.diff));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->Find("compare")->Find("sumSpanDurationMs")->integer, INT64_MAX / 1'000'000);
  EXPECT_GT(summary->Find("stats")->Find("sumSpanDurationDeltaMs")->integer, 0);
}

TEST(TraceDiffTest, ASummaryDoesWithoutAPatchThatIsTooLarge) {
  const Both both(Base(), {Named(9, 0, "other", 1)});
  const auto composed =
      lib::Json::Parse(EncodeTraceComposed(both.base, both.compare, both.diff, 400));
  ASSERT_TRUE(composed.has_value());
  EXPECT_EQ(composed->Find("patch"), nullptr);
  EXPECT_EQ(composed->Find("patchOmitted")->Find("reason")->string, "over_budget");
  EXPECT_NE(composed->Find("summary"), nullptr);
}

TEST(TraceDiffTest, ThePatchIsBounded) {
  const Both both(Base(), {Named(9, 0, "other", 1)});
  EXPECT_TRUE(EncodeTracePatch(both.base, both.compare, both.diff, 10'000).has_value());
  EXPECT_EQ(EncodeTracePatch(both.base, both.compare, both.diff, 400).error().code(),
            StatusCode::kFailedPrecondition);
}

TEST(TraceDiffTest, Documents) {
  std::vector<TestSpan> other = Base();
  other[0].end = other[0].start + 300 * kMs;
  const Both both(Base(), other);
  const auto patch =
      lib::Json::Parse(EncodeTracePatch(both.base, both.compare, both.diff, 10'000).value());
  ASSERT_TRUE(patch.has_value());
  const lib::Json& change = patch->Find("modified")->array[0].Find("changes")->array[0];
  EXPECT_EQ(change.Find("target")->Find("name")->string, "duration_nanos");
  EXPECT_EQ(change.Find("before")->integer, 100'000'000);
  EXPECT_EQ(change.Find("after")->integer, 300'000'000);
  const auto summary = lib::Json::Parse(EncodeTraceSummary(both.base, both.compare, both.diff));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->Find("signals")->Find("traceLatency")->string, "increased");
  EXPECT_EQ(summary->Find("signals")->Find("structure")->string, "unchanged");
  EXPECT_EQ(summary->Find("stats")->Find("sumSpanDurationDeltaMs")->integer, 200);
  EXPECT_EQ(summary->Find("services")->array.size(), 1U);
}

TEST(TraceDiffRequestTest, WhatIsWrongIsNamed) {
  const auto request = ReadTraceDiffRequest(
      R"({"BASE":{"traceID":"0a","start":1,"end":2},"compare":{"traceId":"0b","start":null}})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->format, kTracePatch);
  EXPECT_EQ(request->base_window.end, 2U * kSecond);
  for (const char* bad :
       {"", "[]", "{}", R"({"base":{"traceId":"0a"}})", R"({"base":1,"compare":2})",
        R"({"base":{"traceId":"x"},"compare":{"traceId":"0b"}})",
        R"({"base":{"traceId":"0a","start":"1"},"compare":{"traceId":"0b"}})",
        R"({"base":{"traceId":"0a","start":3,"end":2},"compare":{"traceId":"0b"}})",
        R"({"base":{"traceId":"0a"},"compare":{"traceId":"0b"},"format":"xml"})"}) {
    EXPECT_EQ(ReadTraceDiffRequest(bad).error().code(), StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace tocsin::api
