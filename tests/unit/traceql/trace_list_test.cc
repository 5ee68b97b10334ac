// All traces that satisfy a query, wherever their spans are.

#include "cpp/traceql/trace_list.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/parser.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::traceql {
namespace {

// Three traces in two blocks; the spans of trace 2 are in both.
FakeView ThreeTraces() {
  const auto span = [](uint64_t trace, SpanId id, SpanId parent, uint64_t start,
                       SpanStatus status) {
    TestSpan made;
    made.trace = {0, trace};
    made.id = id;
    made.parent = parent;
    made.start = start;
    made.end = start + 10;
    made.name = "span " + std::to_string(id);
    made.status = status;
    return made;
  };
  return FakeView(
      {{span(1, 1, 0, 100, SpanStatus::kOk), span(2, 2, 0, 200, SpanStatus::kUnset)},
       {span(2, 3, 2, 250, SpanStatus::kError), span(3, 4, 0, 300, SpanStatus::kError)}});
}

std::vector<uint64_t> Listed(const SpanView& view, std::string_view text,
                             const TraceListOptions& options = {}) {
  const Result<Query> query = Parse(text.empty() ? "{}" : text);
  EXPECT_TRUE(query.has_value());
  const auto ids = ListTraces(view, text.empty() ? nullptr : &*query, options);
  EXPECT_TRUE(ids.has_value());
  std::vector<uint64_t> numbers;
  for (const TraceId& id : *ids) numbers.push_back(id.low);
  std::ranges::sort(numbers);
  return numbers;
}

using Numbers = std::vector<uint64_t>;

TEST(TraceListTest, WithoutAQueryEveryTraceOnce) {
  EXPECT_EQ(Listed(ThreeTraces(), ""), (Numbers{1, 2, 3}));
  EXPECT_EQ(Listed(FakeView({}), ""), Numbers());
}

TEST(TraceListTest, AQueryJudgesTracesAsAWhole) {
  EXPECT_EQ(Listed(ThreeTraces(), "{}"), (Numbers{1, 2, 3}));
  EXPECT_EQ(Listed(ThreeTraces(), "{ status = error }"), (Numbers{2, 3}));
  EXPECT_EQ(Listed(ThreeTraces(), "{ rootName = \"span 2\" && status = error }"), (Numbers{2}));
  EXPECT_EQ(Listed(ThreeTraces(), "{ name = \"none\" }"), Numbers());
}

TEST(TraceListTest, ARangeSelectsTracesWithAMatchingSpanInIt) {
  EXPECT_EQ(Listed(ThreeTraces(), "", {.start = 110, .end = 210}), (Numbers{1, 2}));
  EXPECT_EQ(Listed(ThreeTraces(), "", {.start = 111, .end = 199}), Numbers());
  EXPECT_EQ(Listed(ThreeTraces(), "", {.start = 255}), (Numbers{2, 3}));
  EXPECT_EQ(Listed(ThreeTraces(), "{ status = error }", {.end = 249}), Numbers());
  EXPECT_EQ(Listed(ThreeTraces(), "{ status = error }", {.end = 250}), (Numbers{2}));
}

TEST(TraceListTest, ItCanBeInterrupted) {
  TraceListOptions options;
  options.interrupted = []() -> Status { return CancelledError("enough"); };
  const auto ids = ListTraces(ThreeTraces(), nullptr, options);
  ASSERT_FALSE(ids.has_value());
  EXPECT_EQ(ids.error().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace tocsin::traceql
