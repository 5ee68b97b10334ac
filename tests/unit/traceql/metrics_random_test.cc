// Random spans in random layouts, against a computation span by span.

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/traceql/metrics_view.h"

namespace tocsin::traceql {
namespace {

using Random = std::mt19937_64;

constexpr uint64_t kStep = 7 * kSec;

std::vector<TestSpan> RandomSpans(Random& random) {
  std::vector<TestSpan> spans;
  const uint64_t traces = 1 + random() % 20;
  for (uint64_t trace = 1; trace <= traces; ++trace) {
    const uint64_t count = 1 + random() % 8;
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t id = trace * 100 + i;
      // On a boundary of intervals now and then.
      uint64_t start = (80 + random() % 80) * kSec + random() % kSec;
      if (random() % 4 == 0) start -= start % kStep;
      TestSpan span = Span(trace, id, i == 0 ? 0 : trace * 100, start, random() % (8 * kSec));
      span.name = "n" + std::to_string(random() % 3);
      span.status = static_cast<SpanStatus>(random() % 3);
      if (random() % 5 != 0) span.resource = {{"service", "s" + std::to_string(random() % 4)}};
      if (random() % 3 != 0) span.attrs.emplace_back("n", static_cast<int64_t>(random() % 50));
      if (random() % 9 == 0) span.attrs = {{"n", static_cast<double>(random() % 100) / 8}};
      if (random() % 9 == 0) span.attrs = {{"n", "text"}};
      spans.push_back(std::move(span));
    }
  }
  return spans;
}

std::vector<std::vector<TestSpan>> Spread(const std::vector<TestSpan>& spans, Random& random) {
  std::vector<std::vector<TestSpan>> blocks(1 + random() % 6);
  const bool by_trace = random() % 2 == 0;
  for (const TestSpan& span : spans) {
    blocks[(by_trace ? span.trace.low : random()) % blocks.size()].push_back(span);
    // Received once more, here or elsewhere.
    if (random() % 10 == 0) blocks[random() % blocks.size()].push_back(span);
  }
  return blocks;
}

std::optional<double> NumberOf(const TestSpan& span) {
  for (const auto& [key, value] : span.attrs) {
    if (key != "n") continue;
    if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
    if (const auto* number = std::get_if<double>(&value)) return *number;
    return std::nullopt;
  }
  return std::nullopt;
}

std::string ServiceOf(const TestSpan& span) {
  return span.resource.empty() ? "nil" : std::get<std::string>(span.resource[0].second);
}

// Measured values by series and by interval; the intervals of (91 s, 147 s] are those that end at
// 98, 105, ... 147.
using Values = std::map<std::string, std::vector<std::vector<double>>>;

constexpr size_t kIntervals = 8;

MetricsOptions Range() {
  MetricsOptions options;
  options.start = 100 * kSec;
  options.end = 146 * kSec;
  options.step = kStep;
  return options;
}

Values Collect(const std::vector<TestSpan>& spans,
               const std::function<bool(const TestSpan&)>& wanted,
               const std::function<std::string(const TestSpan&)>& series,
               const std::function<std::optional<double>(const TestSpan&)>& number) {
  Values values;
  for (const TestSpan& span : spans) {
    const std::optional<double> value = number(span);
    if (!wanted(span) || !value) continue;
    for (size_t i = 0; i < kIntervals; ++i) {
      const uint64_t end = (98 + 7 * i) * kSec;
      if (span.start > end - kStep && span.start <= end) {
        auto& intervals = values[series(span)];
        intervals.resize(kIntervals);
        intervals[i].push_back(*value);
      }
    }
  }
  return values;
}

Shown Reduce(const Values& values,
             const std::function<double(const std::vector<double>&)>& reduce) {
  Shown shown;
  for (const auto& [series, intervals] : values) {
    for (const std::vector<double>& of_interval : intervals) {
      shown[series].push_back(reduce(of_interval));
    }
  }
  return shown;
}

void ExpectNear(const Shown& actual, const Shown& expected, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (const auto& [series, values] : expected) {
    ASSERT_TRUE(actual.contains(series)) << what << " " << series;
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_NEAR(actual.at(series)[i], values[i], 1e-9 * std::max(1.0, std::abs(values[i])))
          << what << " " << series << " at " << i;
    }
  }
}

double CountOf(const std::vector<double>& values) { return static_cast<double>(values.size()); }

double OrAbsent(const std::vector<double>& values,
                const std::function<double(const std::vector<double>&)>& reduce) {
  return values.empty() ? kAbsent : reduce(values);
}

struct Case {
  std::string query;
  Shown expected;
};

std::vector<Case> CasesFor(const std::vector<TestSpan>& spans) {
  const auto all = [](const TestSpan&) { return true; };
  const auto errors = [](const TestSpan& span) { return span.status == SpanStatus::kError; };
  const auto by_service = [](const TestSpan& span) {
    return "resource.service=\"" + ServiceOf(span) + "\"";
  };
  const auto one = [](const TestSpan&) { return std::optional(1.0); };
  const auto seconds = [](const TestSpan& span) {
    return std::optional(static_cast<double>(span.end - span.start) / 1e9);
  };
  const auto sum = [](const std::vector<double>& values) {
    return OrAbsent(values, [](const std::vector<double>& v) {
      double total = 0;
      for (const double value : v) total += value;
      return total;
    });
  };
  const auto greatest = [](const std::vector<double>& values) {
    return OrAbsent(values, [](const auto& v) { return *std::max_element(v.begin(), v.end()); });
  };
  const auto least = [](const std::vector<double>& values) {
    return OrAbsent(values, [](const auto& v) { return *std::min_element(v.begin(), v.end()); });
  };
  return {
      {"{ } | count_over_time() by (resource.service)",
       Reduce(Collect(spans, all, by_service, one), CountOf)},
      {"{ status = error } | rate() by (resource.service)",
       Reduce(Collect(spans, errors, by_service, one),
              [](const std::vector<double>& v) { return CountOf(v) / 7; })},
      {"{ } | count_over_time() by (name, status)",
       Reduce(Collect(
                  spans, all,
                  [](const TestSpan& span) {
                    constexpr const char* kWords[] = {"unset", "ok", "error"};
                    return "name=\"" + span.name + "\", status=\"" +
                           kWords[static_cast<size_t>(span.status)] + "\"";
                  },
                  one),
              CountOf)},
      {"{ } | sum_over_time(span.n) by (resource.service)",
       Reduce(Collect(spans, all, by_service, NumberOf), sum)},
      {"{ } | max_over_time(span.n) by (resource.service)",
       Reduce(Collect(spans, all, by_service, NumberOf), greatest)},
      {"{ } | min_over_time(duration) by (resource.service)",
       Reduce(Collect(spans, all, by_service, seconds), least)},
      {"{ } | avg_over_time(duration) by (resource.service)",
       Reduce(Collect(spans, all, by_service, seconds),
              [&](const std::vector<double>& v) {
                return v.empty() ? kAbsent : sum(v) / CountOf(v);
              })},
      {"({ status = error } | count_over_time()) / ({ } | count_over_time())",
       [&] {
         Shown shown;
         const auto named = [](const TestSpan&) {
           return std::string("__name__=\"(count_over_time / count_over_time)\"");
         };
         const Shown total = Reduce(Collect(spans, all, named, one), CountOf);
         const Shown failed = Reduce(Collect(spans, errors, named, one), CountOf);
         for (const auto& [series, values] : total) {
           for (size_t i = 0; i < values.size(); ++i) {
             const double part = failed.contains(series) ? failed.at(series)[i] : 0;
             shown[series].push_back(values[i] == 0 ? kAbsent : part / values[i]);
           }
         }
         return shown;
       }()},
  };
}

TEST(MetricsRandomTest, EveryLayoutGivesWhatSpansGiveOneByOne) {
  Random random(20'261'122);
  for (int round = 0; round < 60; ++round) {
    const std::vector<TestSpan> spans = RandomSpans(random);
    const auto blocks = Spread(spans, random);
    const LayoutView marked(blocks);
    const FakeView plain(blocks);
    for (const Case& one : CasesFor(spans)) {
      const std::string what = "round " + std::to_string(round) + ": " + one.query;
      ExpectNear(Show(Evaluate(marked, one.query, Range())), one.expected, what);
      ExpectNear(Show(Evaluate(plain, one.query, Range())), one.expected, what + " (unmarked)");
    }
  }
}

TEST(MetricsRandomTest, TheAnswerIsTheSameHoweverManyThreadsRead) {
  Random random(77);
  ThreadPool pool("metrics", 3, 16);
  for (int round = 0; round < 40; ++round) {
    const LayoutView view(Spread(RandomSpans(random), random));
    for (const char* query :
         {"{ } | rate() by (resource.service)", "{ } | quantile_over_time(duration, .5, .9)",
          "{ } | sum_over_time(span.n) by (name)", "{ } | avg_over_time(duration) by (status)",
          "{ } | min_over_time(duration)", "{ } | histogram_over_time(duration) by (name)",
          "{ } | compare({ status = error }, 3)"}) {
      MetricsOptions options = Range();
      options.exemplars = 10;
      const MetricsResult alone = Evaluate(view, query, options);
      options.helpers = {.pool = &pool, .always = true};
      const MetricsResult shared = Evaluate(view, query, options);
      ExpectNear(Show(shared), Show(alone), query);
      ASSERT_EQ(shared.series.size(), alone.series.size());
      for (size_t i = 0; i < alone.series.size(); ++i) {
        const auto& [theirs, ours] =
            std::pair(shared.series[i].exemplars, alone.series[i].exemplars);
        ASSERT_EQ(theirs.size(), ours.size()) << query;
        for (size_t k = 0; k < ours.size(); ++k) EXPECT_EQ(theirs[k].labels, ours[k].labels);
      }
      EXPECT_EQ(shared.stats.inspected_spans, alone.stats.inspected_spans);
    }
  }
}

// The bucket of a value of at least 2, found by doubling.
double BucketOf(double value) {
  double bound = 2;
  while (bound < value) bound *= 2;
  return bound;
}

TEST(MetricsRandomTest, QuantilesLieInTheBucketOfTheTrueOne) {
  Random random(5);
  for (int round = 0; round < 40; ++round) {
    const std::vector<TestSpan> spans = RandomSpans(random);
    const Values values = Collect(
        spans, [](const TestSpan&) { return true; }, [](const TestSpan&) { return "p=0.9"; },
        [](const TestSpan& span) {
          return std::optional(static_cast<double>(span.end - span.start));
        });
    const Shown shown = Show(Evaluate(LayoutView(Spread(spans, random)),
                                      "{ } | quantile_over_time(duration, .9)", Range()));
    if (values.empty()) {
      ASSERT_TRUE(shown.empty());
      continue;
    }
    for (size_t i = 0; i < kIntervals; ++i) {
      std::vector<double> sorted = values.at("p=0.9")[i];
      std::erase_if(sorted, [](double value) { return value < 2; });
      std::sort(sorted.begin(), sorted.end());
      const double actual = shown.at("p=0.9")[i] * 1e9;
      if (sorted.empty()) {
        ASSERT_EQ(actual, 0);
        continue;
      }
      const auto rank = static_cast<size_t>(std::ceil(0.9 * static_cast<double>(sorted.size())));
      const double bound = BucketOf(sorted[rank - 1]);
      ASSERT_LE(actual, bound * (1 + 1e-9));
      // It begins at the bound of the last bucket before that is not empty.
      double floor = bound / 2;
      for (const double value : sorted) {
        if (BucketOf(value) < bound) floor = std::min(floor, BucketOf(value));
      }
      ASSERT_GE(actual, floor * (1 - 1e-9));
    }
  }
}

}  // namespace
}  // namespace tocsin::traceql
