// Kernels that carry state from window to window give what looking at each window alone gives.

#include "cpp/promql/sliding.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/promql/kahan.h"

namespace tocsin::promql {
namespace {

std::vector<Sample> RandomSamples(std::mt19937_64* random, bool nasty) {
  std::vector<Sample> samples;
  Millis t = 0;
  for (size_t i = 0; i < (*random)() % 120; ++i) {
    t += 1 + static_cast<Millis>((*random)() % 20'000);
    double value = static_cast<double>((*random)() % 1'000) / 8;
    if (nasty) {
      switch ((*random)() % 12) {
        case 0:
          value = std::numeric_limits<double>::quiet_NaN();
          break;
        case 1:
          value = std::numeric_limits<double>::infinity();
          break;
        case 2:
          value = -std::numeric_limits<double>::max();
          break;
        case 3:
          value = 1e100;
          break;
        default:
          break;
      }
    }
    samples.push_back({t, value});
  }
  return samples;
}

WindowGrid RandomGrid(std::mt19937_64* random) {
  WindowGrid grid;
  grid.times.steps = {static_cast<Millis>((*random)() % 100'000),
                      1 + static_cast<Millis>((*random)() % 30'000), 1 + (*random)() % 60};
  grid.times.offset = static_cast<Millis>((*random)() % 20'000) - 10'000;
  grid.range = 1 + static_cast<Millis>((*random)() % 300'000);
  return grid;
}

std::vector<Sample> Inside(const std::vector<Sample>& samples, const WindowGrid& grid,
                           size_t step) {
  std::vector<Sample> inside;
  for (const Sample& sample : samples) {
    if (sample.t > grid.Start(step) && sample.t <= grid.End(step)) inside.push_back(sample);
  }
  return inside;
}

bool Same(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
}

// `alone` is not called for an empty window.
template <class Alone>
void ExpectSlides(const RangeKernel& kernel, bool nasty, double tolerance, const Alone& alone) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::vector<Sample> samples = RandomSamples(&random, nasty);
    const WindowGrid grid = RandomGrid(&random);
    std::vector<double> out(grid.times.steps.count);
    kernel({samples}, grid, out);
    for (size_t step = 0; step < out.size(); ++step) {
      const std::vector<Sample> inside = Inside(samples, grid, step);
      if (inside.empty()) {
        ASSERT_TRUE(IsAbsent(out[step])) << step;
      } else {
        ASSERT_TRUE(Same(out[step], alone(inside), tolerance))
            << step << ": " << out[step] << " and " << alone(inside);
      }
    }
  }
}

TEST(SlidingTest, SumsAreThoseOfEachWindow) {
  const auto alone = [](const std::vector<Sample>& window) {
    KahanSum sum;
    for (const Sample& sample : window) sum.Add(sample.v);
    return sum.Value();
  };
  // Eighths add up exactly, in any order.
  ExpectSlides(SumKernel(false), /*nasty=*/false, 0, alone);
  ExpectSlides(SumKernel(false), /*nasty=*/true, 1e-15, alone);
}

TEST(SlidingTest, AveragesAreThoseOfEachWindow) {
  const auto alone = [](const std::vector<Sample>& window) {
    KahanMean mean;
    for (const Sample& sample : window) mean.Add(sample.v);
    return mean.Value();
  };
  ExpectSlides(SumKernel(true), /*nasty=*/false, 0, alone);
  ExpectSlides(SumKernel(true), /*nasty=*/true, 1e-15, alone);
}

TEST(SlidingTest, ExtremesAreThoseOfEachWindow) {
  for (const bool maximum : {false, true}) {
    ExpectSlides(ExtremeKernel(maximum), /*nasty=*/true, 0,
                 [maximum](const std::vector<Sample>& window) {
                   double best = window.front().v;
                   for (const Sample& sample : window) {
                     const bool better = maximum ? sample.v > best : sample.v < best;
                     if (better || std::isnan(best)) best = sample.v;
                   }
                   return best;
                 });
  }
}

TEST(SlidingTest, CountsOfChangesAreThoseOfEachWindow) {
  for (const bool resets : {false, true}) {
    ExpectSlides(CountChangesKernel(resets, false), /*nasty=*/true, 0,
                 [resets](const std::vector<Sample>& window) {
                   double count = 0;
                   for (size_t i = 1; i < window.size(); ++i) {
                     const double a = window[i - 1].v;
                     const double b = window[i].v;
                     const bool differs = a != b && !(std::isnan(a) && std::isnan(b));
                     count += (resets ? b < a : differs) ? 1 : 0;
                   }
                   return count;
                 });
  }
}

TEST(SlidingTest, IncreasesAreThoseOfEachWindow) {
  const Function* const increase = FindFunction("increase");
  const auto kernel = MakeRangeKernel({increase, {}, false, false});
  ASSERT_TRUE(kernel.has_value());
  for (uint64_t seed = 0; seed < 400; ++seed) {
    std::mt19937_64 random(seed);
    const std::vector<Sample> samples = RandomSamples(&random, false);
    const WindowGrid grid = RandomGrid(&random);
    std::vector<double> all(grid.times.steps.count);
    (*kernel)({samples}, grid, all);
    for (size_t step = 0; step < all.size(); ++step) {
      // The same step alone, over nothing but its own samples.
      WindowGrid single = grid;
      single.times.steps = {grid.times.steps.At(step), 1, 1};
      std::vector<double> one(1);
      (*kernel)({Inside(samples, grid, step)}, single, one);
      if (IsAbsent(one[0])) {
        ASSERT_TRUE(IsAbsent(all[step]));
      } else {
        ASSERT_EQ(all[step], one[0]) << "seed " << seed << " step " << step;
      }
    }
  }
}

TEST(QuantileTest, IsTheWeightedMeanOfItsNeighbours) {
  std::vector<double> values = {4, 1, 3, 2};
  EXPECT_EQ(QuantileOf(0, &values), 1);
  EXPECT_EQ(QuantileOf(1, &values), 4);
  EXPECT_EQ(QuantileOf(0.5, &values), 2.5);
  EXPECT_EQ(QuantileOf(-1, &values), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(QuantileOf(1.1, &values), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(QuantileOf(std::nan(""), &values)));
  values.clear();
  EXPECT_TRUE(std::isnan(QuantileOf(0.5, &values)));
}

}  // namespace
}  // namespace tocsin::promql
