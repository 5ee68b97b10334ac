// What becomes of every sample: new, late, repeated, refused; floats and histograms, with their
// start timestamps; in the head, in blocks, and across restarts.

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/series/histograms.h"
#include "tests/unit/series/store_fixture.h"

namespace tocsin::storage {
namespace {

class SeriesAppendTest : public SeriesStoreTest {
 protected:
  AppendOutcome Put(const std::vector<RefSample>& samples,
                    const std::vector<RefHistogram>& histograms = {}) {
    const auto outcome = store_->Append({.samples = samples, .histograms = histograms});
    EXPECT_TRUE(outcome.has_value()) << outcome.error().ToString();
    return outcome.value_or(AppendOutcome());
  }
  static HistogramPtr Observed(uint32_t seed) {
    std::mt19937_64 random(seed);
    NativeHistogram histogram = RandomHistogram(random);
    Observe(random, &histogram);
    return std::make_shared<NativeHistogram>(histogram);
  }
  SeriesData One(const std::string& name) {
    auto selected = store_->Select(Named(name), INT64_MIN, INT64_MAX);
    EXPECT_TRUE(selected.has_value() && selected->size() == 1) << name;
    return selected.has_value() && !selected->empty() ? selected->front() : SeriesData();
  }
};

TEST_F(SeriesAppendTest, TheOutcomeSaysWhatBecameOfEverySample) {
  options_.max_series = 1;
  Open();
  const SeriesRef m = store_->Ref({{"__name__", "m"}});
  const SeriesRef over = store_->Ref({{"__name__", "over"}});
  Put({{m, {kStart + 10, 1}}, {m, {kStart + 20, 2}}});
  const AppendOutcome outcome = Put({{m, {kStart + 20, 2}},  // Repeated.
                                     {m, {kStart + 10, 1}},  // Repeated, not newest.
                                     {m, {kStart + 20, 3}},  // Another value.
                                     {m, {kStart + 15, 3}},  // Out of order.
                                     {m, {kStart + kDay / kMillisecond, 3}},  // Far ahead.
                                     {over, {kStart + 30, 1}},
                                     {m, {kStart + 30, 5}},
                                     {m, {kStart + 30, 5}},  // Twice in one append.
                                     {m, {kStart + 30, 6}}});
  EXPECT_EQ(outcome.samples, 1U);
  EXPECT_EQ(outcome.repeated, 3U);
  EXPECT_EQ(outcome.duplicates, 2U);
  EXPECT_EQ(outcome.out_of_order, 1U);
  EXPECT_EQ(outcome.out_of_bounds, 1U);
  EXPECT_EQ(outcome.limited, 1U);
  EXPECT_EQ(outcome.refused(), 5U);
  EXPECT_EQ(outcome.first_refusal,
            "duplicate sample for timestamp: series m, timestamp " + std::to_string(kStart + 20));
  EXPECT_EQ(SamplesOf("m"),
            (std::vector<Sample>{{kStart + 10, 1}, {kStart + 20, 2}, {kStart + 30, 5}}));
  EXPECT_EQ(
      Put({{over, {kStart + 40, 1}}}).first_refusal,
      "series limit reached: no more than 1 series, timestamp " + std::to_string(kStart + 40));
}

TEST_F(SeriesAppendTest, LateSamplesWithinTheWindowAreTaken) {
  options_.out_of_order_window = kMinute;
  Open();
  const SeriesRef m = store_->Ref({{"__name__", "m"}});
  Put({{m, {kStart + 60'000, 6}}, {m, {kStart + 30'000, 3}}, {m, {kStart + 45'000, 4}}});
  AppendOutcome outcome = Put({{m, {kStart + 30'000, 3}},
                               {m, {kStart + 45'000, 5}},
                               {m, {kStart + 10'000, 1}},
                               {m, {kStart + 10'000, 2}}});
  EXPECT_EQ(outcome.samples, 1U);
  EXPECT_EQ(outcome.repeated, 1U);
  EXPECT_EQ(outcome.duplicates, 2U);
  outcome = Put({{m, {kStart - 1, 0}}});
  EXPECT_EQ(outcome.out_of_order, 1U);
  EXPECT_EQ(outcome.first_refusal,
            "too old sample: series m, timestamp " + std::to_string(kStart - 1));
  const std::vector<Sample> expected = {
      {kStart + 10'000, 1}, {kStart + 30'000, 3}, {kStart + 45'000, 4}, {kStart + 60'000, 6}};
  for (int start = 0; start < 3; ++start) {
    EXPECT_EQ(SamplesOf("m"), expected);
    if (start == 1) {
      ASSERT_TRUE(store_->Flush().ok());
    }
    Open();
  }
}

TEST_F(SeriesAppendTest, FloatsAndHistogramsOfOneSeriesMix) {
  const SeriesRef m = store_->Ref({{"__name__", "m"}});
  const HistogramPtr first = Observed(1);
  auto changed = std::make_shared<NativeHistogram>(*first);
  changed->sum += 1;
  const HistogramPtr second = changed;
  const AppendOutcome outcome =
      Put({{m, {kStart + 1, 1}}, {m, {kStart + 3, 3}}, {m, {kStart + 6, StaleNan()}}},
          {{m, {kStart + 2, first}},
           {m, {kStart + 4, second}},
           {m, {kStart + 5, second}},
           {m, {kStart + 5, first}},
           {m, {kStart + 5, second}}});
  EXPECT_EQ(outcome.samples, 3U);
  EXPECT_EQ(outcome.histograms, 3U);
  EXPECT_EQ(outcome.duplicates, 1U);
  EXPECT_EQ(outcome.repeated, 1U);
  for (int start = 0; start < 3; ++start) {
    const SeriesData data = One("m");
    EXPECT_EQ(data.samples,
              (std::vector<Sample>{{kStart + 1, 1}, {kStart + 3, 3}, {kStart + 6, StaleNan()}}));
    EXPECT_EQ(data.histograms,
              (std::vector<HistogramSample>{
                  {kStart + 2, first}, {kStart + 4, second}, {kStart + 5, second}}));
    if (start == 1) {
      ASSERT_TRUE(store_->Flush().ok());
    }
    Open();
  }
}

TEST_F(SeriesAppendTest, ABadHistogramIsRefusedAndNothingIsApplied) {
  const SeriesRef m = store_->Ref({{"__name__", "m"}});
  NativeHistogram bad = *Observed(1);
  bad.positive_buckets.push_back(1);
  const RefSample sample{m, {kStart, 1}};
  const RefHistogram histogram{m, {kStart + 1, std::make_shared<NativeHistogram>(bad)}};
  EXPECT_EQ(store_->Put({.samples = {&sample, 1}, .histograms = {&histogram, 1}}).code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(Select().empty());
}

TEST_F(SeriesAppendTest, StartTimestampsAreGivenBackAsRuns) {
  const SeriesRef m = store_->Ref({{"__name__", "m"}});
  Put({{m, {kStart + 10, 1}, kStart}, {m, {kStart + 20, 2}, kStart}});
  Put({{m, {kStart + 30, 0}, kStart + 25}}, {{m, {kStart + 40, Observed(1)}, kStart + 25}});
  Put({{m, {kStart + 50, 7}, 0}});
  const std::vector<std::pair<Millis, Millis>> expected = {
      {kStart + 10, kStart}, {kStart + 30, kStart + 25}, {kStart + 50, 0}};
  for (int start = 0; start < 3; ++start) {
    std::vector<std::pair<Millis, Millis>> runs;
    for (const auto& [from, begun] : One("m").starts) runs.emplace_back(from, begun);
    EXPECT_EQ(runs, expected);
    if (start == 1) {
      ASSERT_TRUE(store_->Flush().ok());
    }
    Open();
  }
}

TEST_F(SeriesAppendTest, ReadersGetHistogramsAndStarts) {
  const auto reader = store_->OpenReader(std::nullopt);
  const SeriesRef m = store_->Ref({{"__name__", "m"}});
  Put({{m, {kStart + 1, 1}, 5}}, {{m, {kStart + 2, Observed(1)}, 6}});
  const auto run = reader->Next(1);
  ASSERT_TRUE(run.has_value());
  ASSERT_EQ(run->samples.size(), 1U);
  EXPECT_EQ(run->samples[0].start, 5);
  EXPECT_TRUE(run->histograms.empty());
  const auto rest = reader->Next(10);
  ASSERT_EQ(rest->histograms.size(), 1U);
  EXPECT_EQ(rest->histograms[0].sample, (HistogramSample{kStart + 2, Observed(1)}));
  EXPECT_EQ(rest->histograms[0].start, 6);
}

TEST_F(SeriesAppendTest, RandomHistoriesWithAWindowReadLikeAMap) {
  constexpr Millis kWindow = 5 * 3'600'000;
  for (uint32_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    options_.directory = directory.path();
    options_.out_of_order_window = kWindow * kMillisecond;
    store_ = *SeriesStore::Open(options_);
    std::map<std::string, std::map<Millis, std::pair<double, HistogramPtr>>> expected;
    Millis now = kStart;
    for (int step = 0; step < 300; ++step) {
      now += 1 + static_cast<Millis>(random() % 300'000);
      clock_.Set(now * kMillisecond);
      std::vector<RefSample> samples;
      std::vector<RefHistogram> histograms;
      for (uint64_t n = random() % 8; n > 0; --n) {
        const std::string name = "m" + std::to_string(random() % 5);
        // Whole seconds: some meet again. All within the window of every sample so far.
        Millis t =
            now - static_cast<Millis>(random() % 2 == 0 ? random() % (kWindow - 600'000) : 0);
        t -= t % 10'000;
        const SeriesRef ref = store_->Ref({{"__name__", name}});
        if (random() % 4 == 0) {
          const HistogramPtr histogram = Observed(static_cast<uint32_t>(random() % 3));
          histograms.push_back({ref, {t, histogram}});
        } else {
          samples.push_back({ref, {t, static_cast<double>(random() % 100)}});
        }
      }
      // The map takes them as the store says it does: by time, floats first at one time.
      std::vector<std::pair<Millis, std::pair<std::string, std::pair<double, HistogramPtr>>>> order;
      for (const RefSample& s : samples) {
        order.push_back(
            {s.sample.t,
             {std::string(store_->LabelsOf(s.series).metric_name()), {s.sample.v, nullptr}}});
      }
      for (const RefHistogram& h : histograms) {
        order.push_back(
            {h.sample.t,
             {std::string(store_->LabelsOf(h.series).metric_name()), {0, h.sample.histogram}}});
      }
      if (!samples.empty() && !histograms.empty())
        std::ranges::stable_sort(order, {}, [](const auto& o) { return o.first; });
      for (const auto& [t, item] : order) expected[item.first].try_emplace(t, item.second);
      ASSERT_TRUE(store_->Put({.samples = samples, .histograms = histograms}).ok());
      if (random() % 15 == 0) {
        ASSERT_TRUE(store_->Maintain().ok());
      }
      if (random() % 40 == 0) {
        ASSERT_TRUE(store_->Flush().ok());
      }
      if (random() % 25 == 0) {
        store_.reset();
        store_ = *SeriesStore::Open(options_);
      }
    }
    for (const auto& [name, map] : expected) {
      if (map.empty()) continue;
      std::vector<Sample> floats;
      std::vector<HistogramSample> histograms;
      for (const auto& [t, value] : map) {
        if (value.second == nullptr) {
          floats.push_back({t, value.first});
        } else {
          histograms.push_back({t, value.second});
        }
      }
      const SeriesData data = One(name);
      ASSERT_EQ(data.samples, floats) << name;
      ASSERT_EQ(data.histograms, histograms) << name;
    }
    EXPECT_GT(store_->Stats().blocks, 0U);
    store_.reset();
  }
}

}  // namespace
}  // namespace tocsin::storage
