// Which metrics queries take counted rows, and when they do not.

#include "cpp/traceql/metrics_counts.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/block_pruning.h"
#include "tests/unit/traceql/metrics_view.h"

namespace tocsin::traceql {
namespace {

constexpr uint64_t kMinuteNanos = 60 * kSec;

CountDetail DetailOf(std::string_view text) {
  const Result<Query> query = Parse(text, {});
  EXPECT_TRUE(query.has_value()) << text;
  return query.has_value() ? DetailFor(*query->metrics) : CountDetail::kRows;
}

TEST(MetricsCountsTest, FiltersAndGroupsOfWhatIsCountedNeedNoRows) {
  for (const std::string_view query :
       {"{ } | rate()", "{ } | count_over_time() by (resource.service.name)",
        "{ status = error && kind != server } | rate() by (status, kind)",
        R"({ resource.service.name =~ "a.*" || nestedSetParent < 0 } | rate())",
        "{ parent = nil } | { resource.service.name } | rate()",
        "{ nestedSetParent < 0 && true } | rate() by (resource.service.name)"}) {
    EXPECT_EQ(DetailOf(query), CountDetail::kCounts) << query;
  }
  for (const std::string_view query :
       {"{ } | quantile_over_time(duration, .5)", "{ status = ok } | histogram_over_time(duration)",
        "{ } | histogram_over_time(span:duration) by (kind)"}) {
    EXPECT_EQ(DetailOf(query), CountDetail::kDurations) << query;
  }
}

TEST(MetricsCountsTest, EverythingElseNeedsRows) {
  for (const std::string_view query :
       {"{ name = `a` } | rate()", "{ } | rate() by (name)", "{ .service.name = `a` } | rate()",
        "{ span.service.name = `a` } | rate()", "{ duration > 1s } | rate()",
        "{ nestedSetParent < 5 } | rate()", "{ nestedSetParent < span.n } | rate()",
        "{ parent.resource.service.name = `a` } | rate()", "{ } | rate() by (rootName)",
        "{ status = error } >> { } | rate()", "{ } && { status = error } | rate()",
        "{ } | count() > 1 | rate()", "{ } | by(status) | rate()", "{ } | sum_over_time(duration)",
        "{ } | max_over_time(duration)", "{ } | quantile_over_time(traceDuration, .5)",
        "{ } | histogram_over_time(span.size)", "{ } | compare({ status = error })"}) {
    EXPECT_EQ(DetailOf(query), CountDetail::kRows) << query;
  }
}

// Spans of two services, whose counts say ten times as many.
class CountedBlock final : public BatchBlock {
 public:
  explicit CountedBlock(const std::vector<TestSpan>& spans)
      : BatchBlock(std::make_shared<const SpanBatch>(MakeBatch(spans))) {
    std::vector<TestSpan> alike = spans;
    for (TestSpan& span : alike) span.start = span.end = 0;
    counted_.spans =
        std::make_shared<BatchBlock>(std::make_shared<const SpanBatch>(MakeBatch(alike)));
    for (uint32_t row = 0; row < spans.size(); ++row) {
      const uint64_t minute = (spans[row].start - 1) / kMinuteNanos;
      counted_.cells.push_back({.row = row,
                                .count = 10,
                                .first = minute * kMinuteNanos + 1,
                                .last = (minute + 1) * kMinuteNanos});
    }
    whole_.assign(spans.size(), 1);
  }
  Result<std::span<const uint8_t>> Whole() const override {
    ++read_;
    return std::span(whole_).first(Traces()->size());
  }
  Result<std::shared_ptr<const CountedRows>> Counted(bool /*with_durations*/) const override {
    return std::make_shared<const CountedRows>(counted_);
  }
  int times_read() const { return read_; }

 private:
  CountedRows counted_;
  std::vector<uint8_t> whole_;
  mutable int read_ = 0;
};

class CountedView final : public SpanView {
 public:
  explicit CountedView(const std::vector<std::vector<TestSpan>>& blocks) {
    for (const auto& spans : blocks) {
      counted_.push_back(std::make_shared<const CountedBlock>(spans));
      blocks_.push_back(counted_.back());
    }
  }
  std::span<const std::shared_ptr<const SpanBlock>> blocks() const override { return blocks_; }
  Result<SpanBatch> Trace(const TraceId& /*id*/) const override { return SpanBatch(); }
  int times_read() const {
    int sum = 0;
    for (const auto& block : counted_) sum += block->times_read();
    return sum;
  }

 private:
  std::vector<std::shared_ptr<const CountedBlock>> counted_;
  std::vector<std::shared_ptr<const SpanBlock>> blocks_;
};

// One span of "a" in minute 1 and one of "b" in minute 3; in a second block one of "a" in minute 7.
std::vector<std::vector<TestSpan>> Spans() {
  const auto span = [](std::string_view service, uint64_t id, uint64_t start) {
    TestSpan made;
    made.trace = {.high = 0, .low = id};
    made.id = id;
    made.start = start;
    made.end = start + kSec;
    made.resource = {{"service.name", std::string(service)}};
    return made;
  };
  return {{span("a", 1, kMinuteNanos + 5), span("b", 2, 3 * kMinuteNanos + 30 * kSec)},
          {span("a", 3, 7 * kMinuteNanos + kSec)}};
}

MetricsOptions Minutes(uint64_t start, uint64_t end, uint64_t step) {
  MetricsOptions options;
  options.start = start * kMinuteNanos;
  options.end = end * kMinuteNanos;
  options.step = step * kMinuteNanos;
  return options;
}

TEST(MetricsCountsTest, StepsOfWholeMinutesTakeTheCounts) {
  const CountedView view(Spans());
  const Shown shown =
      Show(Evaluate(view, "{ } | count_over_time() by (resource.service.name)", Minutes(2, 8, 2)));
  EXPECT_EQ(shown, (Shown{{"resource.service.name=\"a\"", {0, 0, 10}},
                          {"resource.service.name=\"b\"", {10, 0, 0}}}));
  EXPECT_EQ(view.times_read(), 0);
}

TEST(MetricsCountsTest, ABlockThatAnIntervalCutsIsRead) {
  const CountedView view(Spans());
  MetricsOptions options = Minutes(0, 9, 1);
  options.step = 90 * kSec;  // The first one ends in the middle of minute 1.
  const Shown shown = Show(Evaluate(view, "{ } | count_over_time()", options));
  ASSERT_EQ(shown.size(), 1U);
  double sum = 0;
  for (const double value : shown.begin()->second) sum += value;
  // The second block lies within one of them as a whole.
  EXPECT_EQ(sum, 1 + 1 + 10);
  EXPECT_EQ(view.times_read(), 1);
}

TEST(MetricsCountsTest, ABlockWithinOneIntervalNeedsNoWholeMinutes) {
  const CountedView view({Spans()[1]});
  MetricsOptions options = Minutes(0, 9, 1);
  options.step = 45 * kSec;
  const Shown shown = Show(Evaluate(view, "{ } | count_over_time()", options));
  double sum = 0;
  for (const double value : shown.begin()->second) sum += value;
  EXPECT_EQ(sum, 10);
  EXPECT_EQ(view.times_read(), 0);
}

TEST(MetricsCountsTest, OnlyBlocksWithExemplarsAreRead) {
  const CountedView view(Spans());
  MetricsOptions options = Minutes(2, 8, 2);
  options.exemplars = 100;
  const MetricsResult result =
      Evaluate(view, R"({ resource.service.name = "b" } | rate())", options);
  ASSERT_EQ(result.series.size(), 1U);
  ASSERT_EQ(result.series[0].exemplars.size(), 1U);
  EXPECT_EQ(Text(result.series[0].exemplars[0].labels[1].value), "\"0000000000000002\"");
  EXPECT_EQ(view.times_read(), 1);
}

TEST(MetricsCountsTest, WeightsNeedRows) {
  const CountedView view(Spans());
  Evaluate(view, "{ } | rate() with(extrapolate=true)", Minutes(2, 8, 2));
  EXPECT_EQ(view.times_read(), 2);
}

// A block that answers questions from a list of what holds.
class KnowingBlock final : public BatchBlock {
 public:
  explicit KnowingBlock(std::string knows)
      : BatchBlock(std::make_shared<const SpanBatch>(MakeBatch(Spans()[0]))),
        knows_(std::move(knows)) {}
  bool MayMatch(const Field& /*field*/, Op /*op*/, const Literal& literal) const override {
    return literal.text == knows_;
  }

 private:
  std::string knows_;
};

TEST(BlockPruningTest, ABlockIsPassedOverWhereNothingCanBeSelected) {
  const KnowingBlock block("here");
  const auto may = [&](std::string_view text) {
    const Result<Query> query = Parse(text, {});
    EXPECT_TRUE(query.has_value()) << text;
    return query.has_value() && MaySelect(block, query->pipeline);
  };
  for (const std::string_view text :
       {"{ }", "{ .a = `here` }", "{ .a = `gone` || .a = `here` }", "{ !(.a = `gone`) }",
        "{ .a = `gone` } || { .a = `here` }", "{ .a = `gone` } && { .a = `here` }",
        "{ .a = `gone` } >> { .a = `here` }", "{ .a = `here` } &>> { .a = `gone` }", "{ .a = nil }",
        "{ .a = .b }", "{ `here` = .a } | count() > 1", "{ rootName = `gone` }",
        "{ span:id = `12` }", "{ .a }"}) {
    EXPECT_TRUE(may(text)) << text;
  }
  for (const std::string_view text :
       {"{ .a = `gone` }", "{ .a = `gone` && .a = `here` }", "{ .a = `gone` } || { .a = `lost` }",
        "{ .a = `gone` } && { .a = `lost` }", "{ .a = `here` } >> { .a = `gone` }",
        "{ .a =~ `gone` } | select(.b)", "({ .a = `gone` } | count() > 1)"}) {
    EXPECT_FALSE(may(text)) << text;
  }
}

}  // namespace
}  // namespace tocsin::traceql
