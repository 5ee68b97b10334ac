// Which traces a query finds, in which order, and what it shows of them.

#include "cpp/traceql/search.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/parser.h"
#include "tests/unit/traceql/fake_view.h"
#include "tests/unit/traceql/search_view.h"

namespace tocsin::traceql {
namespace {

std::vector<uint64_t> TracesFound(const SearchResult& result) {
  std::vector<uint64_t> ids;
  ids.reserve(result.traces.size());
  for (const SearchTrace& trace : result.traces) ids.push_back(trace.id.low);
  return ids;
}

struct Case {
  std::string_view text;
  std::string_view spans;
};

void ExpectSpans(const SpanView& view, const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(SpansFound(view, c.text), c.spans) << c.text;
}

TEST(SearchTest, IntrinsicsOfTheSpan) {
  ExpectSpans(FakeView({Family()}),
              {
                  {"{}", "1 2 3 4 5"},
                  {"{ true }", "1 2 3 4 5"},
                  {"{ false }", ""},
                  {"{ duration > 1s }", "1 2"},
                  {"{ 1s <= duration }", "1 2 4"},
                  {"{ duration = 0s }", "5"},
                  {"{ duration != 100ms }", "1 2 4 5"},
                  {"{ duration / 2 >= 1s }", "1 2"},
                  {"{ duration > 1.5 * 1s }", "1 2"},
                  {"{ name = \"GET /\" }", "1"},
                  {"{ name != \"GET /\" }", "2 3 4 5"},
                  {"{ name =~ \"span .\" }", "3 4 5"},
                  {"{ name =~ \"pan\" }", ""},
                  {"{ name !~ \"span.*\" }", "1 2"},
                  {"{ name < \"POST\" }", "1"},
                  {"{ status = error }", "2"},
                  {"{ status != error }", "1 3 4 5"},
                  {"{ statusMessage = \"boom\" }", "2"},
                  {"{ statusMessage = \"\" }", "1 3 4 5"},
                  {"{ kind = server || kind = client }", "1 2"},
                  {"{ kind = unspecified }", "3 4 5"},
                  {"{ instrumentation:name = \"grpc\" }", "3"},
                  {"{ instrumentation:version = \"1.2\" }", "3"},
                  {"{ instrumentation:name = \"\" }", "1 2 4 5"},
                  {"{ instrumentation:name != \"grpc\" }", "1 2 4 5"},
                  {"{ event:name = \"exception\" }", "2"},
                  {"{ event:name = \"exception\" && event:name = \"retry\" }", "2"},
                  {"{ event:timeSinceStart > 8ms }", "2"},
                  {"{ event:timeSinceStart / 1ms = 5 }", "2"},
                  {"{ event:timeSinceStart > 9ms }", ""},
                  {"{ parent = nil }", "1"},
                  {"{ parent != nil }", "2 3 4 5"},
              });
}

TEST(SearchTest, IdsIgnoreCaseAndPadding) {
  ExpectSpans(FakeView({Family()}),
              {
                  {"{ trace:id = \"1\" }", "1 2 3 4 5"},
                  {"{ trace:id = \"00000000000000000000000000000001\" }", "1 2 3 4 5"},
                  {"{ trace:id != \"01\" }", ""},
                  {"{ trace:id = \"2\" }", ""},
                  {"{ trace:id = \"1\" || trace:id = \"2\" }", "1 2 3 4 5"},
                  {"{ trace:id = \"nonsense\" }", ""},
                  {"{ trace:id =~ \"0+1\" }", "1 2 3 4 5"},
                  {"{ span:id = \"0000000000000002\" }", "2"},
                  {"{ span:id = \"2\" || span:id = \"03\" }", "2 3"},
                  {"{ span:id != \"2\" }", "1 3 4 5"},
                  {"{ span:parentID = \"1\" }", "2 3"},
                  {"{ span:parentID != \"1\" }", "4 5"},
                  {"{ link:traceID = \"AB00000000000000cd\" }", "4"},
                  {"{ link:traceID = \"00000000000000ab00000000000000cd\" }", "4"},
                  {"{ link:spanID = \"EF\" }", "4"},
                  {"{ link:spanID != \"EF\" }", ""},
              });
}

TEST(SearchTest, UnscopedIsTheFirstScopeThatHasIt) {
  ExpectSpans(FakeView({Family()}),
              {
                  {"{ .k = \"of span\" }", "1"},
                  {"{ .k = \"of resource\" }", "2"},
                  {"{ resource.k = \"of resource\" }", "1 2"},
                  {"{ span.k = \"of resource\" }", ""},
                  {"{ cluster = \"app-cluster\" }", "1 2"},
                  {"{ .why = \"because\" }", "4"},
                  {"{ link.why = \"because\" }", "4"},
                  {"{ .library = \"x\" }", "3"},
                  {"{ instrumentation.library = \"x\" }", "3"},
                  {"{ .exception.type = \"IOError\" }", "2"},
                  {"{ event.exception.type =~ \"IO.*\" }", "2"},
                  {"{ event.n = 1 && event.n = 2 }", "2"},
                  {"{ event.n > 2 }", ""},
                  {"{ event.n < event.n }", "2"},  // Each of its values meets each.
                  {"{ event.n + 1 = 3 }", "2"},
                  {"{ event.n != 1 }", "2"},
                  {"{ service.name = \"backend\" || service.name = \"db\" }", "3 4"},
                  {"{ service.name =~ \".*\" && service.name != \"orphan\" }", "1 2 3 4"},
              });
}

TEST(SearchTest, AbsentAndOtherTypes) {
  ExpectSpans(FakeView({Family()}), {
                                        {"{ .k != \"x\" }", "1 2"},
                                        {"{ .k !~ \"x\" }", "1 2"},
                                        {"{ .k = nil }", "3 4 5"},
                                        {"{ nil = .k }", "3 4 5"},
                                        {"{ .k != nil }", "1 2"},
                                        {"{ .nowhere = nil }", "1 2 3 4 5"},
                                        {"{ .nowhere != nil }", ""},
                                        {"{ event.n = nil }", "1 3 4 5"},
                                        {"{ nil = nil }", ""},
                                        {"{ nil != nil }", ""},
                                        {"{ .k != \"of span\" || .k = nil }", "2 3 4 5"},
                                        {"{ .http.status_code >= 500 }", "1"},
                                        {"{ .http.status_code = \"500\" }", "2"},
                                        {"{ .http.status_code != 400 }", "1"},
                                        {"{ .http.status_code < \"6\" }", "2"},
                                        {"{ .ratio = 0.5 }", "2"},
                                        {"{ .ratio < 1 }", "2"},
                                        {"{ .ok }", "1"},
                                        {"{ !.ok }", "2 3 4 5"},
                                        {"{ .ok = false }", "3"},
                                        {"{ .ok != true }", "3"},
                                        {"{ .ok || status = error }", "1 2"},
                                        {"{ status = error || .missing }", "2"},
                                        {"{ .missing && status = error }", ""},
                                        {"{ !(.k = \"of span\") }", "2 3 4 5"},
                                        {"{ (.k = \"of span\") = .ok }", "1 3"},
                                        {"{ .ok != (status = error) }", "1"},
                                        {"{ (status = error) = (duration > 1s) }", "2 3 4 5"},
                                        {"{ (duration > 1s) = true }", "1 2"},
                                        {"{ false != (duration > 1s) }", "1 2"},
                                        {"{ .k }", ""},
                                        {"{ .x + .y }", ""},
                                    });
}

TEST(SearchTest, Arithmetic) {
  ExpectSpans(FakeView({Family()}), {
                                        {"{ 2 ^ 3 = 8 }", "1 2 3 4 5"},
                                        {"{ 7 / 2 = 3 }", "1 2 3 4 5"},
                                        {"{ 7 / 2.0 = 3.5 }", "1 2 3 4 5"},
                                        {"{ -7 % 3 = -1 }", "1 2 3 4 5"},
                                        {"{ 1 < 1h }", "1 2 3 4 5"},
                                        {"{ .x + .y = 9 }", "2"},
                                        {"{ .x / .y = 2 }", "2"},
                                        {"{ .x / .y = -3 }", "4"},
                                        {"{ .x > .y }", "2"},
                                        {"{ .x * .x = 49 }", "4"},
                                        {"{ -.x = 7 }", "4"},
                                        {"{ .x ^ 2 = 36 }", "2"},
                                        {"{ .x % .zero = 0 }", ""},
                                        {"{ .x / .zero = nil }", "1 2 3 4 5"},
                                        {"{ .x - 1s < 0 }", "2 4"},
                                        {"{ minInt / -1 = minInt }", "1 2 3 4 5"},
                                        {"{ maxInt + 1 = minInt }", "1 2 3 4 5"},
                                    });
}

TEST(SearchTest, Arrays) {
  ExpectSpans(FakeView({Family()}), {
                                        {"{ .tags = \"red\" }", "3"},
                                        {"{ .tags = \"red\" || .tags = \"green\" }", "3"},
                                        {"{ .tags = \"green\" }", ""},
                                        {"{ .tags != \"red\" }", ""},
                                        {"{ .tags != \"green\" }", "3"},
                                        {"{ .tags != 5 }", ""},
                                        {"{ .tags =~ \"b.*\" }", "3"},
                                        {"{ .tags !~ \"b.*\" }", ""},
                                        {"{ .tags !~ \"g.*\" }", "3"},
                                        {"{ .sizes > 2 }", "3"},
                                        {"{ .sizes < 1 }", ""},
                                        {"{ .sizes = 1 }", "3"},
                                        {"{ .empty != \"x\" }", ""},
                                        {"{ .empty != nil }", "3"},
                                    });
}

TEST(SearchTest, AConditionMeetsAnArrayOfBools) {
  std::vector<TestSpan> spans = {Span(1, 1, 0, kSec, 1), Span(1, 2, 1, kSec, 1),
                                 Span(1, 3, 1, kSec, 1), Span(1, 4, 1, kSec, 1)};
  spans[0].attrs = {{"flags", ArrayValue{{false, true}}}};
  spans[1].attrs = {{"flags", ArrayValue{{false}}}};
  spans[2].attrs = {{"flags", ArrayValue{{true}}}};
  ExpectSpans(FakeView({spans}), {
                                     {"{ (name = \"span 1\") = .flags }", "1 2"},
                                     {"{ .flags != (name = \"span 1\") }", "3"},
                                     {"{ true = (.flags = true) }", "1 3"},
                                 });
}

TEST(SearchTest, IntrinsicsOfTheTrace) {
  ExpectSpans(FakeView({Family()}),
              {
                  {"{ traceDuration = 5s }", "1 2 3 4 5"},
                  {"{ traceDuration > 5s }", ""},
                  {"{ rootName = \"GET /\" }", "1 2 3 4 5"},
                  {"{ rootServiceName = \"frontend\" && status = error }", "2"},
                  {"{ rootServiceName != \"frontend\" }", ""},
                  {"{ !(rootServiceName = \"frontend\") }", ""},
                  {"{ !(rootServiceName = \"backend\") && status = error }", "2"},
                  {"{ (rootName = \"GET /\") = true }", "1 2 3 4 5"},
                  {"{ span:childCount = 2 }", "1"},
                  {"{ span:childCount > 0 }", "1 2"},
                  {"{ nestedSetParent < 0 }", "1"},
                  {"{ nestedSetParent >= 0 }", "2 3 4 5"},
                  {"{ nestedSetParent = -1 }", "1"},
                  {"{ nestedSetParent = 1 }", "2 3"},
                  {"{ nestedSetLeft = 1 && nestedSetRight = 8 }", "1"},
                  {"{ nestedSetLeft = 2 && nestedSetRight = 5 }", "2"},
                  {"{ nestedSetLeft = 3 && nestedSetRight = 4 }", "4"},
                  {"{ nestedSetLeft = 0 }", "5"},
                  {"{ parent.name = \"GET /\" }", "2 3"},
                  {"{ parent.duration > 3s }", "2 3"},
                  {"{ parent.status = error }", "4"},
                  {"{ parent.k = \"of span\" }", "2 3"},
                  {"{ parent.resource.k = \"of resource\" }", "2 3 4"},
                  {"{ parent.span.k = nil }", "1 4 5"},
                  {"{ parent.resource.service.name != resource.service.name }", "3 4"},
                  {"{ duration < parent.duration / 4 }", "3"},
              });
}

TEST(SearchTest, TraceLevelConditionsSeeSpansOfAllBlocks) {
  const std::vector<TestSpan> all = Family();
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    const FakeView view({{all.begin(), all.begin() + static_cast<ptrdiff_t>(cut)},
                         {all.begin() + static_cast<ptrdiff_t>(cut), all.end()}});
    ExpectSpans(view,
                {
                    {"{ rootServiceName = \"frontend\" && status = error }", "2"},
                    {"{ parent.status = error }", "4"},
                    {"{ span:childCount = 2 }", "1"},
                    {"{ traceDuration = 5s && .library = \"x\" }", "3"},
                    {"{ status = error } && { .library = \"x\" }", "2 3"},
                    {"{ status = error } && { .nowhere = 1 }", ""},
                    {"{ status = error } || { .nowhere = 1 }", "2"},
                    {"({ status = error } || { .nowhere = 1 }) && { .library = \"x\" }", "2 3"},
                });
  }
}

TEST(SearchTest, AnswersNewestFirst) {
  std::vector<std::vector<TestSpan>> blocks(5);
  // Traces 1..50 start a second apart, scattered over the blocks; each has a second span, later.
  for (uint64_t i = 1; i <= 50; ++i) {
    blocks[(i * 7) % 5].push_back(Span(i, 2 * i, 0, i * kSec, 10 * kMs));
    blocks[(i * 3) % 5].push_back(Span(i, 2 * i + 1, 2 * i, (i + 20) * kSec, 10 * kMs));
  }
  const FakeView view(blocks);
  SearchOptions options;
  options.limit = 7;
  const std::vector<uint64_t> newest = {50, 49, 48, 47, 46, 45, 44};
  EXPECT_EQ(TracesFound(MustSearch(view, "{}", options)), newest);
  EXPECT_EQ(TracesFound(MustSearch(view, "{ parent != nil }", options)), newest);
  // Trace 50 has its newest span in one block and its start in another.
  options.limit = 1'000;
  const SearchResult all = MustSearch(view, "{ parent != nil }", options);
  ASSERT_EQ(all.traces.size(), 50U);
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(all.traces[i].start, (50 - i) * kSec);
    EXPECT_EQ(all.traces[i].duration, 20 * kSec + 10 * kMs);
  }
  options.limit = 0;
  EXPECT_TRUE(MustSearch(view, "{}", options).traces.empty());
}

TEST(SearchTest, EqualStartsAreOrderedById) {
  std::vector<TestSpan> block;
  for (const uint64_t trace : {5U, 3U, 9U, 1U, 7U}) block.push_back(Span(trace, trace, 0, kSec, 1));
  const FakeView view({block});
  EXPECT_EQ(TracesFound(MustSearch(view, "{}")), (std::vector<uint64_t>{1, 3, 5, 7, 9}));
}

TEST(SearchTest, ReadsNoFurtherThanNeeded) {
  std::vector<std::vector<TestSpan>> blocks;
  for (uint64_t block = 0; block < 20; ++block) {
    blocks.emplace_back();
    for (uint64_t i = 1; i <= 100; ++i) {
      blocks.back().push_back(Span(block * 100 + i, i, 0, (block * 100 + i) * kSec, kMs));
    }
  }
  const FakeView view(blocks);
  const SearchResult result = MustSearch(view, "{ duration > 0s }");
  EXPECT_EQ(result.traces.size(), 20U);
  EXPECT_EQ(result.traces[0].id.low, 2'000U);
  EXPECT_EQ(result.stats.inspected_blocks, 1U);
  EXPECT_EQ(result.stats.total_blocks, 20U);
  EXPECT_EQ(result.stats.inspected_spans, 100U);
  EXPECT_EQ(result.stats.inspected_traces, 100U);
  EXPECT_GT(result.stats.inspected_bytes, 0U);
  EXPECT_EQ(view.traces_read(), 20);
}

TEST(SearchTest, ARangeSelectsTracesByTheirMatchingSpans) {
  std::vector<TestSpan> spans = Family();
  const FakeView view({{spans[0], spans[1]}, {spans[2], spans[3], spans[4]}});
  const auto found = [&](std::string_view text, uint64_t start, uint64_t end) {
    SearchOptions options;
    options.start = start;
    options.end = end;
    const SearchResult result = MustSearch(view, text, options);
    return result.traces.empty() ? 0 : result.traces[0].matched;
  };
  // Span 4 runs from 11 s to 12 s. All matching spans are shown once one is in the range.
  EXPECT_EQ(found("{ .x = -7 }", 11 * kSec, 11 * kSec + 1), 1U);
  EXPECT_EQ(found("{ .x = -7 }", 12 * kSec, 20 * kSec), 1U);
  EXPECT_EQ(found("{ .x = -7 }", 12 * kSec + 2, 20 * kSec), 0U);
  EXPECT_EQ(found("{ .x = -7 }", 0, 11 * kSec), 0U);
  EXPECT_EQ(found("{ .x != nil }", 12 * kSec + 2, 20 * kSec), 2U);
  EXPECT_EQ(found("{}", 15 * kSec, 20 * kSec), 5U);
  EXPECT_EQ(found("{}", 15 * kSec + 1, 20 * kSec), 0U);
  EXPECT_EQ(found("{ traceDuration > 1s }", 14 * kSec, 14 * kSec), 5U);
  EXPECT_EQ(found("{ status = error } && { .library = \"x\" }", 12 * kSec, 12 * kSec), 2U);
}

TEST(SearchTest, ASpanThatEndsBeforeItStartsEndsAtItsStart) {
  TestSpan broken = Span(1, 1, 0, 10 * kSec, 0);
  broken.end = 0;
  const FakeView view({{broken}, {Span(2, 2, 0, 5 * kSec, kSec)}});
  EXPECT_EQ(TracesFound(MustSearch(view, "{}")), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(TracesFound(MustSearch(view, "{ duration = 0s }")), (std::vector<uint64_t>{1}));
  SearchOptions options;
  options.start = 9 * kSec;
  options.end = 11 * kSec;
  EXPECT_EQ(TracesFound(MustSearch(view, "{}", options)), (std::vector<uint64_t>{1}));
}

TEST(SearchTest, TraceDurationsAreLimitedOnDemand) {
  const FakeView view({{Span(1, 1, 0, kSec, 1 * kSec), Span(2, 2, 0, kSec, 2 * kSec)},
                       {Span(3, 3, 0, kSec, 3 * kSec), Span(1, 4, 1, 4 * kSec, kSec)}});
  SearchOptions options;
  options.min_trace_duration = 2 * kSec;
  options.max_trace_duration = 3 * kSec;
  EXPECT_EQ(TracesFound(MustSearch(view, "{}", options)), (std::vector<uint64_t>{2, 3}));
}

TEST(SearchTest, ShowsTheTraceAndWhatTheQueryAskedFor) {
  const FakeView view({Family()});
  const SearchResult result = MustSearch(
      view,
      "{ name != \"\" && resource.service.name != \"x\" && (status = error || .x = -7 || "
      "duration = 0s || .tags = \"red\") && parent.name != \"y\" }");
  ASSERT_EQ(result.traces.size(), 1U);
  const SearchTrace& trace = result.traces[0];
  EXPECT_EQ(trace.id.low, 1U);
  EXPECT_EQ(trace.root_service, "frontend");
  EXPECT_EQ(trace.root_name, "GET /");
  EXPECT_EQ(trace.start, 10 * kSec);
  EXPECT_EQ(trace.duration, 5 * kSec);
  EXPECT_EQ(trace.matched, 3U);
  ASSERT_EQ(trace.spansets[0].spans.size(), 3U);
  EXPECT_EQ(trace.spansets[0].spans[0].id, 2U);  // By start.
  EXPECT_EQ(trace.spansets[0].spans[1].id, 4U);
  EXPECT_EQ(trace.spansets[0].spans[2].id, 3U);
  EXPECT_EQ(trace.spansets[0].spans[0].name, "POST /api/users");
  EXPECT_TRUE(trace.spansets[0].spans[0].name_asked);
  EXPECT_EQ(trace.spansets[0].spans[0].start, 11 * kSec);
  EXPECT_EQ(trace.spansets[0].spans[0].duration, 2 * kSec);
  std::string shown;
  for (const SearchAttribute& a : trace.spansets[0].spans[0].attributes) {
    shown.append(a.key).append("=").append(a.value.text).append(std::to_string(a.value.integer));
    shown.push_back(';');
  }
  EXPECT_EQ(shown, "service.name=frontend0;status=error0;x=6;parent.name=GET /0;");
  ASSERT_EQ(trace.services.size(), 4U);
  EXPECT_EQ(trace.services.at("frontend").spans, 2U);
  EXPECT_EQ(trace.services.at("frontend").errors, 1U);
  EXPECT_EQ(trace.services.at("orphan").spans, 1U);
  EXPECT_FALSE(MustSearch(view, "{}").traces[0].spansets[0].spans[0].name_asked);
}

TEST(SearchTest, SpansAreCutAndCounted) {
  std::vector<TestSpan> spans;
  spans.reserve(130);
  for (uint64_t i = 0; i < 130; ++i) spans.push_back(Span(1, i + 1, 0, kSec + 130 - i, 1));
  const FakeView view({spans});
  const SearchResult few = MustSearch(view, "{}");
  ASSERT_EQ(few.traces.size(), 1U);
  EXPECT_EQ(few.traces[0].matched, 130U);
  ASSERT_EQ(few.traces[0].spansets[0].spans.size(), 3U);
  EXPECT_EQ(few.traces[0].spansets[0].spans[0].id, 130U);
  SearchOptions options;
  options.spans_per_spanset = 0;
  EXPECT_EQ(MustSearch(view, "{}", options).traces[0].spansets[0].spans.size(), 130U);
}

TEST(SearchTest, WithoutARootTheNameSaysSo) {
  const FakeView view({{Span(1, 2, 1, kSec, kSec)}});
  const SearchResult result = MustSearch(view, "{}");
  ASSERT_EQ(result.traces.size(), 1U);
  EXPECT_EQ(result.traces[0].root_service, "<root span not yet received>");
  EXPECT_EQ(result.traces[0].root_name, "");
  EXPECT_TRUE(MustSearch(view, "{ rootName != \"x\" }").traces.empty());
}

TEST(SearchTest, CyclesAndDuplicatesAreSurvived) {
  const FakeView view({{Span(1, 1, 1, kSec, 1), Span(1, 2, 3, kSec, 1), Span(1, 3, 2, kSec, 1),
                        Span(1, 4, 0, kSec, 1), Span(1, 4, 0, kSec, 1), Span(1, 4, 4, kSec, 2)}});
  EXPECT_EQ(SpansFound(view, "{ nestedSetLeft = 0 }"), "1 2 3 4");
  EXPECT_EQ(SpansFound(view, "{ nestedSetParent = -1 }"), "4");
  EXPECT_EQ(SpansFound(view, "{ parent.name = \"span 3\" }"), "2");
}

TEST(SearchTest, CanBeInterruptedBetweenBlocksAndTraces) {
  std::vector<std::vector<TestSpan>> blocks;
  for (uint64_t i = 1; i <= 10; ++i) blocks.push_back({Span(i, i, 0, kSec, 1)});
  const FakeView view(blocks);
  const Result<Query> query = Parse("{}");
  ASSERT_TRUE(query.has_value());
  int asked = 0;
  for (int allowed = 0; allowed < 20; ++allowed) {
    asked = 0;
    SearchOptions options;
    options.interrupted = [&]() -> Status {
      if (asked++ < allowed) return {};
      return CancelledError("the client went away");
    };
    const Result<SearchResult> result = Search(view, *query, options);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code(), StatusCode::kCancelled);
  }
  EXPECT_EQ(asked, 20);
}

class BrokenView final : public SpanView {
 public:
  explicit BrokenView(const SpanView& view) : view_(view) {}
  std::span<const std::shared_ptr<const SpanBlock>> blocks() const override {
    return view_.blocks();
  }
  Result<SpanBatch> Trace(const TraceId&) const override {
    return CorruptionError("segment 7: bad checksum");
  }

 private:
  const SpanView& view_;
};

TEST(SearchTest, ErrorsOfTheViewAreReturned) {
  const FakeView view({Family()});
  const Result<Query> query = Parse("{}");
  ASSERT_TRUE(query.has_value());
  const Result<SearchResult> result = Search(BrokenView(view), *query, {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace tocsin::traceql
