// Numbers and changes of native histograms. What expressions make of them is in the scripts.

#include "cpp/promql/native_histogram.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/promql/series_notation.h"

namespace tocsin::promql {
namespace {

using Note = HistogramNote;

HistogramPtr Read(const std::string& text) {
  const Result<NotedSeries> series = ParseSeriesNotation("m " + text);
  EXPECT_TRUE(series.has_value()) << text;
  return series->values.front().histogram;
}

// One minute apart, from 0 on.
std::vector<HistogramSample> Samples(const std::vector<std::string>& texts) {
  std::vector<HistogramSample> samples;
  for (const std::string& text : texts) {
    samples.push_back({static_cast<Millis>(samples.size()) * 60'000, Read(text)});
  }
  return samples;
}

std::string Text(const HistogramResult& result) {
  return result.histogram != nullptr ? HistogramNotation(*result.histogram) : "nothing";
}

double Quantile(double phi, const std::string& text) {
  return QuantileOfHistogram(phi, *Read(text)).value;
}

TEST(QuantileOfHistogramTest, InterpolatesByKindOfBucket) {
  const std::string exponential = "{{count:4 sum:6 offset:1 buckets:[2 2]}}";  // (1,2] (2,4]
  EXPECT_DOUBLE_EQ(Quantile(0.25, exponential), std::exp2(0.5));
  EXPECT_DOUBLE_EQ(Quantile(0.5, exponential), 2);
  EXPECT_DOUBLE_EQ(Quantile(1, exponential), 4);
  EXPECT_DOUBLE_EQ(Quantile(0.25, "{{count:4 sum:-6 n_offset:1 n_buckets:[2 2]}}"),
                   -std::exp2(1.5));
  const std::string custom = "{{schema:-53 count:4 sum:6 custom_values:[1 3] buckets:[1 2 1]}}";
  EXPECT_DOUBLE_EQ(Quantile(0.5, custom), 2);
  EXPECT_DOUBLE_EQ(Quantile(0.125, custom), 0.5);
  EXPECT_DOUBLE_EQ(Quantile(0.9, custom), 3);
  EXPECT_DOUBLE_EQ(Quantile(0.1, "{{schema:-53 count:4 sum:6 custom_values:[-1 3] buckets:[4]}}"),
                   -1);
}

TEST(QuantileOfHistogramTest, TheZeroBucketReachesToThePopulatedSide) {
  EXPECT_DOUBLE_EQ(Quantile(0.25, "{{count:4 z_bucket:4 z_bucket_w:1}}"), -0.5);
  EXPECT_DOUBLE_EQ(Quantile(0.25, "{{count:4 z_bucket:4 z_bucket_w:1 offset:1 buckets:[0]}}"),
                   0.25);
  EXPECT_DOUBLE_EQ(Quantile(0.25, "{{count:4 z_bucket:4 z_bucket_w:1 n_offset:1 n_buckets:[0]}}"),
                   -0.75);
}

TEST(QuantileOfHistogramTest, SpecialCases) {
  const std::string some = "{{count:1 sum:1 buckets:[1]}}";
  EXPECT_EQ(Quantile(-0.1, some), -INFINITY);
  EXPECT_EQ(Quantile(1.1, some), INFINITY);
  EXPECT_TRUE(std::isnan(Quantile(NAN, some)));
  EXPECT_TRUE(std::isnan(Quantile(0.5, "{{}}")));
  const HistogramPtr with_nan = Read("{{count:4 sum:NaN buckets:[1 1]}}");
  EXPECT_TRUE(std::isnan(QuantileOfHistogram(0.9, *with_nan).value));
  EXPECT_TRUE(QuantileOfHistogram(0.9, *with_nan).notes.Has(Note::kQuantileIsNan));
  EXPECT_TRUE(QuantileOfHistogram(0.1, *with_nan).notes.Has(Note::kQuantileIsSkewed));
  // -Inf and +Inf were observed: nothing is missing.
  EXPECT_TRUE(QuantileOfHistogram(0.1, *Read("{{count:2 sum:NaN buckets:[1 1]}}")).notes.empty());
}

TEST(FractionOfHistogramTest, IsTheInverseOfTheQuantile) {
  for (const char* text : {"{{count:4 sum:6 offset:1 buckets:[2 2]}}",
                           "{{count:4 sum:6 z_bucket:2 z_bucket_w:0.5 buckets:[1 1]}}",
                           "{{schema:3 count:4 sum:-6 n_offset:1 n_buckets:[2 2]}}",
                           "{{schema:-53 count:4 sum:6 custom_values:[1 3] buckets:[2 2]}}"}) {
    const HistogramPtr histogram = Read(text);
    for (const double phi : {0.01, 0.3, 0.5, 0.77}) {
      const double value = QuantileOfHistogram(phi, *histogram).value;
      EXPECT_NEAR(FractionOfHistogram(-INFINITY, value, *histogram).value, phi, 1e-12) << text;
    }
    EXPECT_EQ(FractionOfHistogram(-INFINITY, INFINITY, *histogram).value, 1);
    EXPECT_EQ(FractionOfHistogram(1, 1, *histogram).value, 0);
    EXPECT_TRUE(std::isnan(FractionOfHistogram(NAN, 1, *histogram).value));
  }
  const HistogramNumber with_nan =
      FractionOfHistogram(-INFINITY, INFINITY, *Read("{{count:4 sum:NaN buckets:[1 1]}}"));
  EXPECT_EQ(with_nan.value, 0.5);
  EXPECT_TRUE(with_nan.notes.Has(Note::kFractionWithoutNan));
}

TEST(VarianceOfHistogramTest, TakesTheMiddlesOfBuckets) {
  EXPECT_DOUBLE_EQ(VarianceOfHistogram(
                       *Read("{{schema:-53 count:2 sum:4 custom_values:[0 2 4] buckets:[0 1 1]}}")),
                   1);
  EXPECT_DOUBLE_EQ(VarianceOfHistogram(*Read("{{count:2 sum:0 z_bucket:2 z_bucket_w:0.1}}")), 0);
}

TEST(ExtrapolatedRateTest, StretchesToTheRange) {
  const auto samples = Samples({"{{sum:1 count:2 buckets:[2]}}", "{{sum:2 count:4 buckets:[4]}}",
                                "{{sum:3 count:6 buckets:[6]}}"});
  HistogramWindow window{.histograms = samples, .start = -30'000, .end = 150'000, .range = 180'000};
  // Seen for 120 s: half a minute more on either side.
  EXPECT_EQ(Text(ExtrapolatedRate(window, RateKind::kIncrease)),
            "{{count:6 sum:3 counter_reset_hint:gauge buckets:[6]}}");
  EXPECT_NEAR(ExtrapolatedRate(window, RateKind::kRate).histogram->count, 6.0 / 180, 1e-12);
  const HistogramResult delta = ExtrapolatedRate(window, RateKind::kDelta);
  EXPECT_TRUE(delta.notes.Has(Note::kNotGauge));
  window.histograms = window.histograms.first(1);
  EXPECT_EQ(Text(ExtrapolatedRate(window, RateKind::kRate)), "nothing");
}

TEST(ExtrapolatedRateTest, KnowsResets) {
  const auto samples = Samples({"{{count:5 buckets:[5]}}", "{{count:2 buckets:[2]}}",
                                "{{count:3 buckets:[0 3]}}", "{{count:4 buckets:[0 4]}}"});
  const HistogramWindow window{
      .histograms = samples, .start = -1, .end = 180'000, .range = 180'001};
  // 2 after the first reset; 3 after the second, and 1 more.
  const HistogramResult result = ExtrapolatedRate(window, RateKind::kIncrease);
  EXPECT_NEAR(result.histogram->count, 6, 1e-3);
  EXPECT_TRUE(result.notes.empty());
}

TEST(ExtrapolatedRateTest, AKnownStartNeedsNoGuess) {
  const auto samples = Samples({"{{count:5 buckets:[5]}}"});
  const std::vector<Millis> starts = {-30'000};
  const HistogramWindow window{
      .histograms = samples, .starts = starts, .start = -60'000, .end = 0, .range = 60'000};
  EXPECT_EQ(ExtrapolatedRate(window, RateKind::kIncrease).histogram->count, 5);
  EXPECT_EQ(Text(ExtrapolatedRate(window, RateKind::kDelta)), "nothing");
}

TEST(ExtrapolatedRateTest, WhatDoesNotFitIsNoted) {
  const std::string custom = "{{schema:-53 count:9 custom_values:[1 2] buckets:[9]}}";
  const auto mixed = Samples({"{{count:5 buckets:[5]}}", "{{count:6 buckets:[6]}}", custom});
  const HistogramWindow window{.histograms = mixed, .start = -1, .end = 120'000, .range = 120'001};
  const HistogramResult result = ExtrapolatedRate(window, RateKind::kRate);
  EXPECT_EQ(result.histogram, nullptr);
  EXPECT_TRUE(result.notes.Has(Note::kMixedSchemas));
  const auto bounds = Samples({custom, "{{schema:-53 count:10 custom_values:[1] buckets:[9 1]}}"});
  const HistogramWindow reconciled{
      .histograms = bounds, .start = -1, .end = 60'000, .range = 60'001};
  EXPECT_TRUE(ExtrapolatedRate(reconciled, RateKind::kRate)
                  .notes.Has(Note::kBoundsReconciledInSubtraction));
}

TEST(InstantRateTest, IsTheLastDifference) {
  const auto samples = Samples({"{{count:5 buckets:[5]}}", "{{count:11 buckets:[5 6]}}"});
  EXPECT_EQ(Text(InstantRate(samples[0], samples[1], /*counter=*/true)),
            "{{count:0.1 counter_reset_hint:gauge offset:1 buckets:[0.1]}}");
  const HistogramResult delta = InstantRate(samples[0], samples[1], /*counter=*/false);
  EXPECT_EQ(delta.histogram->count, 6);
  EXPECT_TRUE(delta.notes.Has(Note::kNotGauge));
  EXPECT_EQ(InstantRate(samples[1], {120'000, samples[0].histogram}, true).histogram->count * 60,
            5);
}

TEST(ExtendedRateTest, InterpolatesAtTheBounds) {
  const auto samples = Samples({"{{count:2 buckets:[2]}}", "{{count:4 buckets:[4]}}",
                                "{{count:6 buckets:[6]}}", "{{count:1 buckets:[1]}}"});
  HistogramWindow window{.histograms = samples, .start = 30'000, .end = 90'000, .range = 60'000};
  EXPECT_DOUBLE_EQ(ExtendedRate(window, RateKind::kIncrease, /*smoothed=*/true).histogram->count,
                   2);
  window.histograms = window.histograms.first(2);
  EXPECT_DOUBLE_EQ(ExtendedRate(window, RateKind::kIncrease, /*smoothed=*/false).histogram->count,
                   2);
  // The reset lies in (120 s, 180 s]: a half of what came after it counts.
  window = {.histograms = samples, .start = 120'000, .end = 150'000, .range = 30'000};
  EXPECT_DOUBLE_EQ(ExtendedRate(window, RateKind::kIncrease, /*smoothed=*/true).histogram->count,
                   0.5);
}

TEST(StartTimeTest, TellsOfResets) {
  EXPECT_FALSE(IsStartTimeReset(0, 100, 0, 200));
  EXPECT_FALSE(IsStartTimeReset(50, 100, 50, 200));
  EXPECT_TRUE(IsStartTimeReset(50, 100, 150, 200));
  EXPECT_FALSE(IsStartTimeReset(50, 100, 200, 200));
  EXPECT_TRUE(IsStartTimeReset(50, 100, 100, 200));    // A delta.
  EXPECT_FALSE(IsStartTimeReset(100, 100, 100, 200));  // An unknown start.
  EXPECT_TRUE(IsStartTimeOverlap(50, 100, 60));
  EXPECT_FALSE(IsStartTimeOverlap(50, 100, 50));
  EXPECT_FALSE(IsStartTimeOverlap(50, 100, 100));
}

TEST(HistogramTotalTest, SumsAndAveragesWithoutLoss) {
  HistogramTotal sum(HistogramTotal::Kind::kSum);
  for (const char* text :
       {"{{sum:1e100 count:1}}", "{{sum:1 count:1}}", "{{sum:-1e100 count:1}}"}) {
    EXPECT_TRUE(sum.Add(*Read(text)));
  }
  EXPECT_EQ(sum.Value(true)->sum, 1);
  HistogramTotal average(HistogramTotal::Kind::kAverage);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(average.Add(*Read("{{sum:1.5e308 count:1e308}}")));
  EXPECT_DOUBLE_EQ(average.Value(true)->sum, 1.5e308);
  EXPECT_DOUBLE_EQ(average.Value(true)->count, 1e308);
}

TEST(HistogramTotalTest, NotesWhatDoesNotAgree) {
  HistogramTotal total(HistogramTotal::Kind::kSum);
  EXPECT_TRUE(total.Add(*Read("{{count:1 buckets:[1] counter_reset_hint:reset}}")));
  EXPECT_TRUE(total.Add(*Read("{{count:1 buckets:[1] counter_reset_hint:not_reset}}")));
  EXPECT_TRUE(total.notes().Has(Note::kResetCollisionInAggregation));
  EXPECT_EQ(total.Value(true)->counter_reset, CounterResetHint::kUnknown);
  EXPECT_FALSE(total.Add(*Read("{{schema:-53 count:1 custom_values:[1] buckets:[1]}}")));
  EXPECT_TRUE(total.incompatible());
  EXPECT_FALSE(total.Add(*Read("{{count:1 buckets:[1]}}")));
  EXPECT_TRUE(total.notes().Has(Note::kMixedSchemas));
}

TEST(HistogramNoteTest, WordsAreUpstreams) {
  EXPECT_EQ(TextOf(Note::kMixedWithFloats, "m"),
            "encountered a mix of histograms and floats for metric name \"m\"");
  EXPECT_EQ(TextOf(Note::kQuantileIsNan, ""),
            "input to histogram_quantile has NaN observations, result is NaN");
  EXPECT_TRUE(IsWarning(Note::kNotCounter));
  EXPECT_FALSE(IsWarning(Note::kBoundsReconciledInAddition));
}

}  // namespace
}  // namespace tocsin::promql
