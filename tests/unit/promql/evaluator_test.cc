// What scripts cannot show well: ways of evaluation that must agree with each other, histograms
// beside floats in every kind of row, bounds on memory.

#include "cpp/promql/evaluator.h"

#include <array>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/promql/engine.h"
#include "cpp/promql/histogram_stats.h"
#include "cpp/promql/memory_source.h"
#include "cpp/promql/start_times.h"

namespace tocsin::promql {
namespace {

constexpr Millis kMinuteMillis = 60'000;

HistogramPtr Counting(double count, CounterResetHint hint = CounterResetHint::kUnknown) {
  NativeHistogram histogram;
  histogram.counter_reset = hint;
  histogram.count = count;
  histogram.sum = 2 * count;
  histogram.positive_spans = {{0, 1}};
  histogram.positive_buckets = {count};
  return std::make_shared<const NativeHistogram>(std::move(histogram));
}

std::string Render(const Result<QueryResult>& result) {
  if (!result.has_value()) return "error: " + std::string(result.error().message());
  std::string text;
  for (const SeriesData& series : std::get<MatrixValue>(result->value).series) {
    text += series.labels.ToString() + ":";
    for (const Sample& sample : series.samples) {
      text += " " + std::to_string(sample.t) + "=" + std::to_string(sample.v);
    }
    for (const HistogramSample& sample : series.histograms) {
      text += " " + std::to_string(sample.t) + "=" + FormatHistogram(*sample.histogram);
    }
    text += "\n";
  }
  for (const std::string& warning : result->warnings) text += warning.substr(0, warning.rfind('('));
  return text;
}

// Floats, histograms and stale markers of all sorts.
void AddRandomSeries(std::mt19937* random, MemorySource* source) {
  for (int i = 0; i < 12; ++i) {
    std::vector<TimedValue> values;
    double count = 0;
    const bool may_have_histograms = i % 3 == 0;
    for (Millis t = 0; t < 30 * kMinuteMillis; t += kMinuteMillis / 2) {
      if ((*random)() % 5 == 0) continue;
      count = (*random)() % 20 == 0 ? 0 : count + static_cast<double>((*random)() % 9);
      TimedValue value{.t = t + static_cast<Millis>((*random)() % 1000), .value = count};
      if ((*random)() % 25 == 0) value.value = StaleNan();
      if (may_have_histograms && (*random)() % 2 == 0) value.histogram = Counting(count);
      values.push_back(value);
    }
    source->Add(Labels{{"__name__", "m_total"},
                       {"group", std::string(1, static_cast<char>('a' + i % 4))},
                       {"i", std::to_string(i)}},
                values);
  }
}

// `expr * 1` is a vector that has to be there as a whole before it can be aggregated.
TEST(EvaluatorTest, AggregatingSeriesAsTheyComeChangesNothing) {
  constexpr std::array kAggregations = {"sum", "avg",   "count",  "min",
                                        "max", "group", "stddev", "stdvar"};
  constexpr std::array kInner = {"m_total", "rate(m_total[3m])", "avg_over_time(m_total[90s])",
                                 "last_over_time(m_total[2m] offset 1m)",
                                 "changes(m_total[5m:40s])"};
  for (unsigned seed = 0; seed < 5; ++seed) {
    std::mt19937 random(seed);
    MemorySource source;
    AddRandomSeries(&random, &source);
    for (const bool delayed : {false, true}) {
      EngineOptions options;
      options.delayed_name_removal = delayed;
      const Engine engine(options);
      for (const std::string aggregation : kAggregations) {
        for (const std::string inner : kInner) {
          for (const std::string grouping : {" by (group) ", " without (i) ", " "}) {
            const std::string query = aggregation + grouping + "(" + inner + ")";
            const std::string whole = aggregation + grouping + "((" + inner + ") * 1)";
            const TimeRange range{0, 30 * kMinuteMillis, 70'000};
            ASSERT_EQ(Render(engine.QueryRange(query, source, range)),
                      Render(engine.QueryRange(whole, source, range)))
                << query << ", seed " << seed;
          }
        }
      }
    }
  }
}

class NamesTest : public testing::Test {
 protected:
  void Add(const Labels& labels) {
    source_.Add(labels, std::vector<TimedValue>{{.t = 0, .value = 1}, {.t = 60'000, .value = 61}});
  }
  std::string Sum() {
    return Render(Engine({}).QueryRange("sum(rate({job='x'}[2m]))", source_, {60'000, 60'000, 1}));
  }

  MemorySource source_;
};

TEST_F(NamesTest, SeriesOfSeveralNamesAreAddedUp) {
  Add(Labels{{"__name__", "a_total"}, {"job", "x"}, {"i", "1"}});
  Add(Labels{{"__name__", "b_total"}, {"job", "x"}, {"i", "2"}});
  EXPECT_EQ(Sum(), "{}: 60000=1.016667\n");
}

TEST_F(NamesTest, SeriesThatAreTheSameWithoutTheirNamesAreRefusedNotAddedUp) {
  Add(Labels{{"__name__", "a_total"}, {"job", "x"}});
  Add(Labels{{"__name__", "b_total"}, {"job", "x"}});
  EXPECT_EQ(Sum(), "error: vector cannot contain metrics with the same labelset");
}

TEST_F(NamesTest, TypesAndUnitsAreNamesToo) {
  Add(Labels{{"__name__", "a_total"}, {"__type__", "counter"}, {"job", "x"}});
  Add(Labels{{"__name__", "a_total"}, {"__type__", "gauge"}, {"job", "x"}});
  EXPECT_EQ(Sum(), "error: vector cannot contain metrics with the same labelset");
}

TEST_F(NamesTest, LabelsThatSortBeforeTheNameStay) {
  Add(Labels{{"A", "1"}, {"__name__", "a_total"}, {"__a", "2"}, {"job", "x"}});
  const auto result = Engine({}).QueryRange("rate({job='x'}[2m])", source_, {60'000, 60'000, 1});
  EXPECT_EQ(Render(result), "{A=\"1\", __a=\"2\", job=\"x\"}: 60000=0.508333\n");
}

TEST(HistogramsInMemoryTest, CountForWhatTheyAreWorth) {
  MemorySource source;
  std::vector<TimedValue> values;
  for (Millis t = 0; t <= 10 * kMinuteMillis; t += kMinuteMillis) {
    values.push_back({.t = t, .histogram = Counting(static_cast<double>(t))});
  }
  source.Add(Labels{{"__name__", "h"}}, values);
  const size_t worth = SamplesWorth(*values[0].histogram);
  EXPECT_GT(worth, 5U);
  const TimeRange range{0, 9 * kMinuteMillis, kMinuteMillis};
  EngineOptions options;
  options.max_samples = 10 * worth;
  EXPECT_TRUE(Engine(options).QueryRange("h", source, range).has_value());
  options.max_samples = 10 * worth - 1;
  const auto refused = Engine(options).QueryRange("h", source, range);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kResourceExhausted);
  // A window of them too, while it is being looked at.
  options.max_samples = 5 * worth;
  EXPECT_EQ(
      Engine(options).Query("count_over_time(h[9m])", source, 9 * kMinuteMillis).error().code(),
      StatusCode::kResourceExhausted);
}

TEST(HistogramResultsTest, AreInVectorsAndMatrices) {
  MemorySource source;
  source.Add(
      Labels{{"__name__", "h"}},
      std::vector<TimedValue>{{.t = 0, .value = 7}, {.t = 60'000, .histogram = Counting(3)}});
  const Engine engine({});
  const auto instant = engine.Query("h", source, 60'000);
  ASSERT_TRUE(instant.has_value());
  const VectorSample& sample = std::get<VectorValue>(instant->value).samples.at(0);
  ASSERT_NE(sample.histogram, nullptr);
  EXPECT_EQ(sample.histogram->count, 3);
  EXPECT_EQ(sample.sample.t, 60'000);

  for (const auto& result : {engine.QueryRange("h", source, {0, 60'000, 60'000}),
                             engine.Query("h[2m]", source, 60'000)}) {
    ASSERT_TRUE(result.has_value());
    const SeriesData& series = std::get<MatrixValue>(result->value).series.at(0);
    ASSERT_EQ(series.samples.size(), 1U);
    EXPECT_EQ(series.samples[0].v, 7);
    ASSERT_EQ(series.histograms.size(), 1U);
    EXPECT_EQ(series.histograms[0].t, 60'000);
  }
}

TEST(StepSeriesTest, FloatsAndHistogramsTakeTurns) {
  RowBuffer row(4);
  row.values()[0] = 5;
  row.SetHistogram(2, Counting(1));
  StepVector vector = {StepSeries::Make(Labels{{"a", "x"}}, row.row())};
  row.Clear();
  row.SetHistogram(1, Counting(2));
  vector.push_back(StepSeries::Make(Labels{{"a", "x"}}, row.row()));
  ASSERT_TRUE(MergeSameLabels(&vector).ok());
  ASSERT_EQ(vector.size(), 1U);
  EXPECT_EQ(vector[0].At(0), 5);
  EXPECT_EQ(vector[0].HistogramAt(0), nullptr);
  EXPECT_EQ(vector[0].HistogramAt(1)->count, 2);
  EXPECT_EQ(vector[0].HistogramAt(2)->count, 1);
  EXPECT_FALSE(vector[0].Has(3));
  EXPECT_FALSE(vector[0].Has(17));

  row.Clear();
  row.values()[2] = 1;
  vector.push_back(StepSeries::Make(Labels{{"a", "x"}}, row.row()));
  EXPECT_EQ(MergeSameLabels(&vector).code(), StatusCode::kFailedPrecondition);
}

TEST(StepSeriesTest, ARowIsCutAtWhatIsThere) {
  RowBuffer row(5);
  EXPECT_TRUE(StepSeries::Make(Labels(), row.row()).values.empty());
  row.SetHistogram(3, Counting(1));
  row.values()[1] = 0;
  const StepSeries series = StepSeries::Make(Labels(), row.row());
  EXPECT_EQ(series.first, 1U);
  EXPECT_EQ(series.end(), 4U);
  row.SetAbsent(3);
  EXPECT_EQ(StepSeries::Make(Labels(), row.row()).end(), 2U);
}

TEST(LabelKeysTest, AreThoseOfViews) {
  const Labels labels{{"a", "x"}, {"b", "y"}, {"d", "z"}};
  const std::vector<LabelView> view = {{"a", "x"}, {"b", "y"}, {"d", "z"}};
  for (const bool keep : {true, false}) {
    for (const std::vector<std::string>& names :
         {std::vector<std::string>{}, {"b"}, {"d", "a", "d"}, {"c"}, {"e", "0"}}) {
      LabelKeys keys(names, keep);
      const std::string key = keys.Of(labels);
      EXPECT_EQ(keys.Of(view), key);
      EXPECT_EQ(keys.Select(view), keys.Select(labels));
      // A key is that of the labels that make it.
      EXPECT_EQ(keys.Of(keys.Select(labels)), key);
    }
  }
}

TEST(StartTimesTest, HoldFromTheirSampleOn) {
  const std::vector<StartTime> starts = {{100, 50}, {200, 0}, {300, 250}};
  EXPECT_EQ(StartAt(starts, 99), 0);
  EXPECT_EQ(StartAt(starts, 100), 50);
  EXPECT_EQ(StartAt(starts, 299), 0);
  EXPECT_EQ(StartAt(starts, 1000), 250);
  EXPECT_EQ(StartAt({}, 1000), 0);
  std::vector<Millis> expanded;
  const std::vector<Sample> samples = {{50, 1}, {150, 1}, {250, 1}, {300, 1}};
  ExpandStarts(starts, std::span<const Sample>(samples), &expanded);
  EXPECT_EQ(expanded, (std::vector<Millis>{0, 50, 0, 250}));
}

TEST(StartTimesTest, CountOnlyWhereTheyAreAskedFor) {
  MemorySource source;
  source.Add(Labels{{"__name__", "m_total"}},
             std::vector<TimedValue>{{.t = 0, .value = 5, .start = -1000},
                                     {.t = 60'000, .value = 7, .start = 30'000}});
  EngineOptions options;
  options.parser = ParserOptions::Everything();
  const auto value = [&](std::string_view query) {
    const auto result = Engine(options).Query(query, source, 60'000);
    if (!result.has_value()) return -1.0;
    const auto& samples = std::get<VectorValue>(result->value).samples;
    return samples.empty() ? -2.0 : samples[0].sample.v;
  };
  EXPECT_EQ(value("resets(m_total[2m])"), 0);
  EXPECT_EQ(value("start_timestamp(m_total)"), -2);
  options.use_start_timestamps = true;
  EXPECT_EQ(value("resets(m_total[2m])"), 1);
  EXPECT_EQ(value("start_timestamp(m_total)"), 30);
  EXPECT_EQ(value("start_timestamp(m_total + 1)"), -2);
  EXPECT_EQ(value("irate(m_total[2m])"), 7.0 / 60);
}

TEST(StartTimesTest, OverlapsAreCountedInTheirWarning) {
  MemorySource source;
  source.Add(Labels{{"__name__", "m_total"}},
             std::vector<TimedValue>{{.t = 60'000, .value = 5, .start = 1000},
                                     {.t = 120'000, .value = 7, .start = 2000}});
  EngineOptions options;
  options.use_start_timestamps = true;
  const auto result =
      Engine(options).QueryRange("rate(m_total[3m])", source, {120'000, 150'000, 30'000});
  ASSERT_TRUE(result.has_value());
  ASSERT_EQ(result->warnings.size(), 1U);
  EXPECT_EQ(result->warnings[0],
            "PromQL warning: sample has start time that overlaps with previous sample timestamp "
            "for metric \"m_total\" (2 occurrences) (1:6)");
}

TEST(HistogramStatsTest, SayWhatOnlyTheBucketsTell) {
  NativeHistogram moved = *Counting(4);
  moved.positive_spans = {{1, 1}};
  const std::vector<HistogramSample> all = {{0, Counting(3)},
                                            {1, Counting(4)},
                                            {2, std::make_shared<const NativeHistogram>(moved)},
                                            {3, Counting(9, CounterResetHint::kGauge)}};
  std::vector<HistogramSample> reduced;
  ReduceToStats(all, &reduced);
  ASSERT_EQ(reduced.size(), 4U);
  EXPECT_EQ(reduced[0].histogram->counter_reset, CounterResetHint::kUnknown);
  EXPECT_EQ(reduced[1].histogram->counter_reset, CounterResetHint::kNotReset);
  EXPECT_EQ(reduced[2].histogram->counter_reset, CounterResetHint::kReset);
  EXPECT_EQ(reduced[3].histogram->counter_reset, CounterResetHint::kGauge);
  EXPECT_EQ(reduced[2].histogram->count, 4);
  EXPECT_EQ(reduced[2].histogram->sum, 8);
  EXPECT_TRUE(reduced[2].histogram->positive_buckets.empty());
}

TEST(TypeLabelTest, DecidesWhatIsACounterIfAskedTo) {
  MemorySource source;
  const std::vector<TimedValue> values = {{.t = 0, .value = 1}, {.t = 60'000, .value = 2}};
  source.Add(Labels{{"__name__", "a_total"}, {"__type__", "gauge"}}, values);
  source.Add(Labels{{"__name__", "b"}, {"__type__", "counter"}}, values);
  const auto infos = [&](std::string_view query, bool by_type) {
    EngineOptions options;
    options.type_and_unit_labels = by_type;
    const auto result = Engine(options).Query(query, source, 60'000);
    return result.has_value() ? result->infos : std::vector<std::string>{"failed"};
  };
  EXPECT_TRUE(infos("rate(a_total[2m])", false).empty());
  EXPECT_EQ(infos("rate(b[2m])", false).size(), 1U);
  EXPECT_TRUE(infos("rate(b[2m])", true).empty());
  EXPECT_EQ(infos("rate(a_total[2m])", true),
            std::vector<std::string>{
                "PromQL info: metric might not be a counter, __type__ label is not set to "
                "\"counter\" or \"histogram\", got \"gauge\": \"a_total\" (1:6)"});
}

}  // namespace
}  // namespace tocsin::promql
