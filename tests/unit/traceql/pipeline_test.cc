// Structural operators and pipelines, with answers worked out by hand. Each table is asked of every
// layout: where a trace lies must not show.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"
#include "tests/unit/traceql/fake_view.h"
#include "tests/unit/traceql/search_view.h"

namespace tocsin::traceql {
namespace {

std::vector<std::pair<std::string, FakeView>> Layouts(const std::vector<TestSpan>& spans) {
  std::vector<TestSpan> reversed(spans.rbegin(), spans.rend());
  std::vector<std::vector<TestSpan>> each;
  each.reserve(spans.size());
  for (const TestSpan& span : spans) each.push_back({span});
  const auto middle = spans.begin() + static_cast<ptrdiff_t>(spans.size() / 2);
  std::vector<std::pair<std::string, FakeView>> layouts;
  layouts.emplace_back("one block that knows it is whole", FakeView({spans}, true));
  layouts.emplace_back("whole, the other way round", FakeView({reversed}, true));
  layouts.emplace_back("one block that knows nothing", FakeView({spans}));
  layouts.emplace_back("two blocks",
                       FakeView({{spans.begin(), middle}, {middle, spans.end()}}, true));
  layouts.emplace_back("a block for each span", FakeView(each, true));
  return layouts;
}

struct Case {
  std::string_view text;
  std::string_view spans;
};

void ExpectSpans(const std::vector<TestSpan>& spans, const std::vector<Case>& cases) {
  for (const auto& [name, view] : Layouts(spans)) {
    for (const Case& c : cases)
      EXPECT_EQ(SpansFound(view, c.text), c.spans) << c.text << " in " << name;
  }
}

TEST(PipelineTest, StructuralOperators) {
  ExpectSpans(
      Family(),
      {
          {R"({ span:id = "1" } >> { })", "2 3 4"},
          {R"({ .service.name="frontend" } >> { .service.name="db" })", "4"},
          {R"({ name = "GET /" } > { })", "2 3"},
          {"{ status = error } > { }", "4"},
          {R"({ resource.service.name = "db" } << { })", "1 2"},
          {R"({ resource.service.name = "db" } < { })", "2"},
          {R"({ span:id = "2" } ~ { })", "3"},
          {"{ } ~ { }", "2 3"},
          {R"({ span:id = "1" } !>> { })", "1 5"},
          {R"({ name = "GET /" } !> { })", "1 4 5"},
          {R"({ resource.service.name = "db" } !<< { })", "3 4 5"},
          {R"({ resource.service.name = "db" } !< { })", "1 3 4 5"},
          {R"({ span:id = "2" } !~ { })", "1 2 4 5"},
          {"{ .nowhere = 1 } !> { status = error }", "2"},
          {"{ status = error } !> { .nowhere = 1 }", ""},
          {R"({ span:id = "1" } &>> { resource.service.name = "db" })", "1 4"},
          {R"({ resource.service.name = "db" } &<< { status = error })", "2 4"},
          {R"({ span:id = "1" } &> { })", "1 2 3"},
          {R"({ span:id = "4" } &< { })", "2 4"},
          {R"({ span:id = "2" } &~ { })", "2 3"},
          {R"({ span:id = "3" } &>> { })", ""},
          {R"({ span:id = "1" } >> { span:id = "2" } >> { })", "4"},
          {R"({ span:id = "1" } >> ({ span:id = "2" } >> { }))", "4"},
          {R"({ status = error } && { span:id = "1" } >> { span:id = "3" })", "2 3"},
          {R"({ status = error } && { span:id = "3" } >> { span:id = "1" })", ""},
          {R"({ rootName = "GET /" } >> { traceDuration = 5s && parent.status = error })", "4"},
      });
}

// 1 and 2 are roots; 5 and 6 are each other's parents and 7 hangs below them; 8 names itself; two
// spans have the id 9, below either root; 10 hangs below the first of them.
std::vector<TestSpan> OddFamily() {
  return {
      Span(1, 1, 0, kSec, kSec),      Span(1, 2, 0, 2 * kSec, kSec),  Span(1, 3, 1, 3 * kSec, kSec),
      Span(1, 4, 2, 4 * kSec, kSec),  Span(1, 5, 6, 5 * kSec, kSec),  Span(1, 6, 5, 6 * kSec, kSec),
      Span(1, 7, 5, 7 * kSec, kSec),  Span(1, 8, 8, 8 * kSec, kSec),  Span(1, 9, 1, 9 * kSec, kSec),
      Span(1, 9, 2, 10 * kSec, kSec), Span(1, 10, 9, 11 * kSec, kSec)};
}

TEST(PipelineTest, StructuralOperatorsOnOddTraces) {
  ExpectSpans(OddFamily(), {
                               {R"({ span:id = "1" } >> { })", "3 9 10"},
                               {R"({ span:id = "2" } >> { })", "4 9"},
                               {"{ } ~ { }", "3 4 6 7 9 9"},
                               {R"({ span:id = "1" } ~ { })", ""},
                               {R"({ span:id = "5" } >> { })", "6 7"},
                               {R"({ span:id = "6" } >> { })", "5 7"},
                               {R"({ span:id = "5" || span:id = "6" } >> { })", "5 6 7"},
                               {R"({ span:id = "7" } << { })", "5 6"},
                               {R"({ span:id = "5" } << { })", "6"},
                               {R"({ span:id = "5" } < { })", "6"},
                               {R"({ span:id = "8" } >> { })", ""},
                               {R"({ span:id = "8" } > { })", ""},
                               {R"({ span:id = "8" } << { })", ""},
                               {R"({ parent.name = "span 8" })", ""},
                               {R"({ nestedSetLeft = 0 })", "5 6 7 8"},
                               {R"({ nestedSetParent = -1 })", "1 2"},
                           });
}

// 1 -> 2 -> 3; 4, 5 and 6 are a ring, each the child of the next and 6 of 4; 4 -> 7 -> 8; 9, which
// names itself, -> 10. In group b are 2, 5, 6 and 7, in group a all others.
std::vector<TestSpan> FamilyWithARing() {
  const std::vector<SpanId> parents = {0, 1, 2, 5, 6, 4, 4, 7, 9, 9};
  std::vector<TestSpan> spans;
  for (SpanId id = 1; id <= parents.size(); ++id) {
    spans.push_back(Span(1, id, parents[id - 1], id * kSec, kSec));
    const bool b = id == 2 || (id >= 5 && id <= 7);
    spans.back().attrs = {{"g", b ? "b" : "a"}};
  }
  return spans;
}

TEST(PipelineTest, StructuralOperatorsOnRings) {
  ExpectSpans(FamilyWithARing(), {
                                     {"{ } >> { }", "2 3 4 5 6 7 8 10"},
                                     {"{ } << { }", "1 2 4 5 6 7 9"},
                                     {R"({ span:id = "4" } << { })", "5 6"},
                                     {R"({ span:id = "4" || span:id = "8" } << { })", "4 5 6 7"},
                                     {R"({ span:id = "4" || span:id = "6" } << { })", "4 5 6"},
                                     {R"({ span:id = "4" } !<< { })", "1 2 3 4 7 8 9 10"},
                                     {R"({ span:id = "4" } >> { })", "5 6 7 8"},
                                     {R"({ span:id = "a" } << { })", "9"},
                                     {R"({ span:id = "9" } << { })", ""},
                                 });
}

TEST(PipelineTest, StructuralOperatorsOnRingsWithinGroups) {
  ExpectSpans(FamilyWithARing(), {
                                     {"{ } | by(.g) | { } >> { }", "3 5 6 7 8 10"},
                                     {"{ } | by(.g) | { } << { }", "1 4 5 6 9"},
                                     {"{ } | by(.g) | { } !>> { }", "1 2 4 9"},
                                     {"{ } | by(.g) | { } !<< { }", "2 3 7 8 10"},
                                     {"{ } | by(.g) | { } &>> { }", "1 3 4 5 6 7 8 9 10"},
                                     {"{ } | by(.g) | { } > { }", "5 10"},
                                     {"{ } | by(.g) | { } < { }", "6 9"},
                                     {"{ } | by(.g) | { } ~ { }", "6 7"},
                                     {R"({ } | by(.g) | { span:id = "6" } >> { })", "5 7"},
                                     {R"({ } | by(.g) | { span:id = "5" } << { })", "6"},
                                     {R"({ } | by(.g) | { span:id = "8" } << { })", "4"},
                                     {"{ } | by(span:id) | { } >> { }", ""},
                                     {"{ } | by(span:id) | { } << { }", ""},
                                     {"{ } | by(trace:id) | { } << { }", "1 2 4 5 6 7 9"},
                                 });
}

// What these cost must not grow with the product of rows and levels: then they would take minutes.
void ExpectMatched(const FakeView& view, const std::vector<std::pair<std::string, uint32_t>>& all) {
  for (const auto& [text, matched] : all) {
    const SearchResult result = MustSearch(view, text);
    EXPECT_EQ(result.traces.empty() ? 0 : result.traces[0].matched, matched) << text;
  }
}

TEST(PipelineTest, AChainOfManySpansInGroups) {
  std::vector<TestSpan> chain;
  for (uint64_t i = 1; i <= 100'000; ++i) chain.push_back(Span(1, i, i - 1, i * kMs, kMs));
  chain.front().status = SpanStatus::kError;
  chain.back().status = SpanStatus::kError;
  ExpectMatched(FakeView({chain}, true), {
                                             {"{ } | by(span:id) | { } >> { }", 0},
                                             {"{ } | by(span:id) | { } << { }", 0},
                                             {"{ } | by(status) | { } >> { }", 99'998},
                                             {"{ } | by(status) | { } << { }", 99'998},
                                         });
}

TEST(PipelineTest, ARingOfManySpans) {
  constexpr uint64_t kSpans = 100'000;
  std::vector<TestSpan> ring;
  for (uint64_t i = 1; i <= kSpans; ++i) {
    ring.push_back(Span(1, i, i == 1 ? kSpans : i - 1, i * kMs, kMs));
  }
  ring[70'000].status = SpanStatus::kError;
  ExpectMatched(FakeView({ring}, true), {
                                            {"{ } << { }", kSpans},
                                            {"{ } >> { }", kSpans},
                                            {R"({ span:id = "5" } << { })", kSpans - 1},
                                            {"{ } | by(span:id) | { } >> { }", 0},
                                            {"{ } | by(span:id) | { } << { }", 0},
                                            {"{ } | by(status) | { } >> { }", kSpans - 1},
                                            {"{ } | by(status) | { } &<< { }", kSpans - 1},
                                        });
}

// 1 and 2 are each other's parents. The odd ones are a chain below 1, the even ones hang below 2.
TEST(PipelineTest, ManySpansBelowARing) {
  constexpr uint64_t kSpans = 100'000;
  std::vector<TestSpan> spans = {Span(1, 1, 2, 0, kMs), Span(1, 2, 1, 0, kMs)};
  for (uint64_t i = 3; i <= kSpans; ++i) {
    spans.push_back(Span(1, i, i % 2 == 0 ? 2 : i - 2, i * kMs, kMs));
  }
  ExpectMatched(FakeView({spans}, true), {
                                             {"{ } << { }", kSpans / 2},
                                             {"{ } | by(span:id) | { } << { }", 0},
                                             {"{ } | by(trace:id) | { } >> { }", kSpans},
                                         });
}

TEST(PipelineTest, ATraceOfManyLevels) {
  std::vector<TestSpan> chain;
  for (uint64_t i = 1; i <= 3'000; ++i) chain.push_back(Span(1, i, i - 1, i * kMs, kMs));
  const FakeView view({chain}, true);
  SearchOptions options;
  const auto matched = [&](std::string_view text) {
    const SearchResult result = MustSearch(view, text, options);
    return result.traces.empty() ? 0 : result.traces[0].matched;
  };
  EXPECT_EQ(matched(R"({ span:id = "1" } >> { })"), 2'999U);
  EXPECT_EQ(matched("{ } >> { }"), 2'999U);
  EXPECT_EQ(matched("{ } << { }"), 2'999U);
  EXPECT_EQ(matched("{ } > { }"), 2'999U);
  EXPECT_EQ(matched("{ } ~ { }"), 0U);
  EXPECT_EQ(matched("{ nestedSetRight = 6000 }"), 1U);
}

TEST(PipelineTest, Aggregates) {
  ExpectSpans(Family(), {
                            {"{ } | count() > 4", "1 2 3 4 5"},
                            {"{ } | count() > 5", ""},
                            {"count() = 5", "1 2 3 4 5"},
                            {"{ } | count() = 5 | { status = error }", "2"},
                            {"{ status = error } | count() != 1", ""},
                            {"{ .nowhere = 1 } | count() = 0", ""},
                            {"{ .x != nil } | avg(.x) = -0.5", "2 4"},
                            {"{ } | avg(.x) = -0.5", "1 2 3 4 5"},
                            {"{ } | min(.x) = -7", "1 2 3 4 5"},
                            {"{ } | sum(.y) = 5", "1 2 3 4 5"},
                            {"{ } | sum(.ratio) = 0.5", "1 2 3 4 5"},
                            {"max(duration) >= 5s", "1 2 3 4 5"},
                            {"max(duration) > 3s | { status = error || .http.status = 500 }", "2"},
                            {"{ } | max(.nowhere) > 0", ""},
                            {"{ } | max(.nowhere) < 1", ""},
                            {"{ } | max(.k) < 1", ""},
                            {"{ } | min(.x) + max(.x) < 0", "1 2 3 4 5"},
                            {"{ } | max(.x) - min(.x) = 13", "1 2 3 4 5"},
                            {"{ } | max(.x) ^ 2 = 36", "1 2 3 4 5"},
                            {"{ } | -max(.x) = -6", "1 2 3 4 5"},
                            {"{ } | count() > max(.x)", ""},
                            {"{ } | count() < max(.x)", "1 2 3 4 5"},
                            {"{ } | 10 = count() * 2", "1 2 3 4 5"},
                            {"{ } | count() / 2 = 2", "1 2 3 4 5"},
                            {"{ } | avg(1 + .y) = 3.5", "1 2 3 4 5"},
                            {"{ } | max(duration / 1s) = 5", "1 2 3 4 5"},
                            {"{ } | max(event.n) = 1", "1 2 3 4 5"},
                            {"{ } | max(span:childCount) = 2", "1 2 3 4 5"},
                            {"{ } | max(parent.duration) = 5s", "1 2 3 4 5"},
                        });
}

TEST(PipelineTest, PipelinesInParentheses) {
  ExpectSpans(Family(),
              {
                  {"({ .x != nil } | count()) > 1", "2 4"},
                  {"2 = ({ .x != nil } | count())", "2 4"},
                  {"({ .x != nil } | count()) + ({ status = error } | count()) = 3", "2 4"},
                  {"({ status = error } | count()) < ({ .x != nil } | count())", "2 4"},
                  {"({ status = ok } | count()) < ({ status = error } | count())", "2"},
                  {"({ status = ok } | count()) = ({ .nowhere = 1 } | count())", ""},
                  {"({ status = error } | avg(duration)) > ({ .x = -7 } | avg(duration))", "2 4"},
                  {"({ status = ok } | avg(duration)) < ({ .x = -7 } | avg(duration))", ""},
                  {"({ .x != nil } | count() > 1) && ({ status = error } | count() > 0)", "2 4"},
                  {"({ .x != nil } | count() > 2) || ({ status = error })", "2"},
                  {"({ status = error } | count() > 0) >> { }", "4"},
                  {"({ } | by(resource.service.name) | count()) > 1", "1 2"},
                  {"({ } | by(resource.service.name) | count() > 1) > { }", "2 3 4"},
              });
}

TEST(PipelineTest, GroupsAreSpansets) {
  ExpectSpans(
      Family(),
      {
          {"{ } | by(resource.service.name) | count() > 1", "1 2"},
          {"by(resource.service.name) | { status = error }", "2"},
          {"{ } | by(.k) | count() = 3", "3 4 5"},
          {"{ } | by(resource.service.name) | by(status) | count() = 1", "1 2 3 4 5"},
          {"{ } | by(resource.service.name, status) | count() = 1", "1 2 3 4 5"},
          {"{ } | by(.x > 0) | count() = 4", "1 3 4 5"},
          {"{ } | by(.http.status_code) | count() = 1", "1 2"},
          {"{ } | by(resource.service.name) | coalesce() | count() = 5", "1 2 3 4 5"},
          {"{ } | by(resource.service.name) | { } > { }", "2"},
          {"{ } | by(status) | { } >> { }", "3 4"},
          {"{ } | by(status) | { } << { }", "1"},
          {"{ } | by(kind) | { } ~ { }", ""},
          {"{ } | by(resource.service.name) | { kind = server } && { status = error }", "1 2"},
          {"{ } | by(status) | { kind = server } && { status = error }", ""},
          {"{ } | by(resource.service.name) | max(duration) < 2s", "3 4 5"},
          {"{ } | by(rootName) | count() = 5", "1 2 3 4 5"},
          {"{ } | by(parent.name) | count() = 2", "1 2 3 5"},
          {"{ } | by(event:name) | count() = 4", "1 3 4 5"},
          {"{ } | by(span:id) | count() = 1", "1 2 3 4 5"},
          {"{ } | select(.k, duration)", "1 2 3 4 5"},
      });
}

TEST(PipelineTest, TracesWithoutASpan) {
  std::vector<TestSpan> spans = Family();
  spans.push_back(Span(2, 21, 0, 20 * kSec, kSec));
  spans.push_back(Span(2, 22, 21, 21 * kSec, kSec));
  ExpectSpans(spans, {
                         {"!{ status = error }", "21 22"},
                         {"!{ status = ok }", "1 2 3 4 5 21 22"},
                         {"!{ }", ""},
                         {"{ span:childCount > 0 } && !{ status = error }", "21 22"},
                         {"!(!{ status = error })", "1 2 3 4 5"},
                         {"{ } | by(resource.service.name) | !{ status = error }", "3 4 5 21 22"},
                     });
}

std::string Shown(const std::vector<SearchAttribute>& attributes) {
  std::string out;
  for (const SearchAttribute& a : attributes) {
    out.append(out.empty() ? "" : ", ").append(a.key).append("=");
    if (a.value.type == ValueType::kString) out.append("\"" + a.value.text + "\"");
    if (a.value.type == ValueType::kInt) out.append(std::to_string(a.value.integer));
    if (a.value.type == ValueType::kDouble) out.append(std::to_string(a.value.number));
    if (a.value.type == ValueType::kBool) out.append(a.value.integer != 0 ? "true" : "false");
  }
  return out;
}

TEST(PipelineTest, SpansetsSayWhatTheyWereSplitByAndTheirAggregates) {
  const auto shown = [](const SpanView& view, std::string_view text) {
    std::string out;
    const SearchResult result = MustSearch(view, text);
    for (const SearchTrace& trace : result.traces) {
      for (const SearchSpanset& spanset : trace.spansets) {
        out.append("[").append(Shown(spanset.attributes)).append("]");
      }
    }
    return out;
  };
  for (const auto& [name, view] : Layouts(Family())) {
    EXPECT_EQ(shown(view, "{ } | by(resource.service.name) | count() > 0"),
              R"([by(resource.service.name)="frontend", count()=2])"
              R"([by(resource.service.name)="db", count()=1])"
              R"([by(resource.service.name)="backend", count()=1])"
              R"([by(resource.service.name)="orphan", count()=1])")
        << name;
    EXPECT_EQ(shown(view, "{ } | by(cluster) | max(duration) > 1ns | { status = error }"),
              R"([by(cluster)="app-cluster", max(duration)="5s"])")
        << name;
    EXPECT_EQ(shown(view, "{ } | by(.k) | count() = 3"), R"([by(.k)="nil", count()=3])") << name;
    EXPECT_EQ(shown(view, "{ } | avg(duration) > 1ms"), R"([avg(duration)="1.62s"])") << name;
    EXPECT_EQ(shown(view, "{ } | avg(.x) < 1"), "[avg(.x)=-0.500000]") << name;
    EXPECT_EQ(shown(view, "{ } | count() = 5 | by(.x > 0)"),
              "[by(.x > 0)=false, count()=5][by(.x > 0)=true, count()=5]")
        << name;
    EXPECT_EQ(shown(view, "{ } | by(.k) | count() = 3 | coalesce()"), "[]") << name;
  }
}

TEST(PipelineTest, SelectedFieldsAreShown) {
  for (const auto& [name, view] : Layouts(Family())) {
    const SearchResult result =
        MustSearch(view, "{ status = error } | select(.x, resource.cluster, .nowhere, kind)");
    ASSERT_EQ(result.traces.size(), 1U);
    EXPECT_EQ(Shown(result.traces[0].spansets[0].spans[0].attributes),
              R"(status="error", x=6, cluster="app-cluster", kind="client")")
        << name;
  }
}

TEST(PipelineTest, WholeTracesAreNotReadAgain) {
  std::vector<TestSpan> spans;
  for (uint64_t i = 1; i <= 200; ++i) {
    spans.push_back(Span(i, 1, 0, i * kSec, kMs));
    for (uint64_t child = 0; child < i % 10; ++child) {
      spans.push_back(Span(i, 2 + child, 1, i * kSec + child, kMs));
    }
  }
  const FakeView view({spans}, true);
  SearchOptions options;
  options.limit = 3;
  const SearchResult result = MustSearch(view, "{ } >> { } | count() > 8", options);
  ASSERT_EQ(result.traces.size(), 3U);
  EXPECT_EQ(result.traces[0].id.low, 199U);
  EXPECT_EQ(result.traces[1].id.low, 189U);
  EXPECT_EQ(result.traces[0].matched, 9U);
  EXPECT_EQ(view.traces_read(), 0);
}

TEST(PipelineTest, ABudgetAndAClientThatLeftEndASearch) {
  std::vector<TestSpan> spans;
  for (uint64_t i = 1; i <= 500; ++i) spans.push_back(Span(1, i, 0, i * kSec, kMs));
  const FakeView view({spans, {Span(1, 900, 0, kSec, kMs)}}, true);
  const Result<Query> query = Parse("{ } | by(span:id)");
  ASSERT_TRUE(query.has_value());
  SearchOptions options;
  options.max_bytes = 10'000;
  const Result<SearchResult> refused = Search(view, *query, options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kResourceExhausted);
  options.max_bytes = 1 << 20;
  MemoryPool memory(10'000);
  options.memory = &memory;
  EXPECT_EQ(Search(view, *query, options).error().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(memory.used(), 0U);
  options.memory = nullptr;
  int told = 0;
  options.progress = [&](const SearchStats& stats) {
    ++told;
    EXPECT_EQ(stats.total_blocks, 2U);
  };
  EXPECT_TRUE(Search(view, *query, options).has_value());
  EXPECT_EQ(told, 2);
  options.interrupted = [] { return Status(StatusCode::kCancelled, "gone"); };
  EXPECT_EQ(Search(view, *query, options).error().code(), StatusCode::kCancelled);
}

TEST(PipelineTest, ASearchCanBeInterruptedWithinABlock) {
  const FakeView view({Family()}, true);
  for (const std::string_view text : {"{ } >> { }", "{ } | count() > 1", "({ } | { }) && { }"}) {
    const Result<Query> query = Parse(text);
    ASSERT_TRUE(query.has_value());
    int asked = 0;
    int allowed = 2;
    SearchOptions options;
    options.interrupted = [&]() -> Status {
      if (asked++ < allowed) return {};
      return CancelledError("the client went away");
    };
    EXPECT_TRUE(Search(view, *query, options).has_value()) << text;
    EXPECT_EQ(asked, 2) << text << ": before the block and in it";
    asked = 0;
    allowed = 1;
    const Result<SearchResult> result = Search(view, *query, options);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code(), StatusCode::kCancelled);
  }
}

}  // namespace
}  // namespace tocsin::traceql
