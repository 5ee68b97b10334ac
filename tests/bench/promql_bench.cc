// What queries over 20,000 series of span metrics cost in the engine alone: the source fills its
// buffer with next to no decoding. An hour at 15 s; instant queries, and ranges of an hour at 30 s.

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "cpp/promql/engine.h"

namespace tocsin::promql {
namespace {

constexpr Millis kScrape = 15'000;
constexpr Millis kHour = 3'600'000;
constexpr Millis kStart = 1'700'000'000'000;

// Series with interned labels, in order, as a store has them.
class DecodedSource final : public SeriesSource {
 public:
  DecodedSource() {
    std::vector<std::string_view> bounds;
    for (const char* le :
         {"+Inf", "0.1", "0.2", "0.4", "0.8", "1.6", "12.8", "3.2", "6.4", "0.05"}) {
      bounds.push_back(Intern(le));
    }
    std::ranges::sort(bounds);
    std::mt19937_64 random(7);
    for (int service = 0; service < 50; ++service) {
      const std::string_view name = Intern("service-" + std::to_string(100 + service));
      for (int span = 0; span < 40; ++span) {
        const std::string_view span_name =
            Intern("GET /api/resource/" + std::to_string(100 + span));
        for (const std::string_view le : bounds) AddSeries(name, span_name, le, &random);
      }
    }
    // Ordered by labels: the bound comes before the names.
    std::ranges::stable_sort(series_, {}, [](const Series& s) { return s.labels[1].value; });
  }

  Result<std::vector<SeriesData>> Select(std::span<const Matcher> /*matchers*/, Millis /*from*/,
                                         Millis /*to*/) const override {
    return InternalError("the engine scans");
  }

  Status Scan(const SeriesRequest& request, const Scanner& scanner) const override {
    std::vector<Sample> samples;
    for (const Series& series : series_) {
      const Millis first = kStart - kHour + series.offset;
      const auto begin = std::max<Millis>(0, (request.from - first + kScrape - 1) / kScrape);
      const auto end = std::min<Millis>((request.to - first) / kScrape + 1,
                                        static_cast<Millis>(series.counts.size()));
      samples.clear();
      for (Millis i = begin; i < end; ++i) {
        samples.push_back({first + i * kScrape, series.counts[static_cast<size_t>(i)]});
      }
      TOCSIN_RETURN_IF_ERROR(scanner({series.labels, samples}));
    }
    return Status();
  }

 private:
  struct Series {
    std::vector<LabelView> labels;
    Millis offset = 0;
    std::vector<float> counts;
  };

  std::string_view Intern(std::string text) { return texts_.emplace_back(std::move(text)); }

  void AddSeries(std::string_view service, std::string_view span, std::string_view le,
                 std::mt19937_64* random) {
    Series series;
    series.labels = {{"__name__", "traces_spanmetrics_latency_bucket"},
                     {"le", le},
                     {"service_name", service},
                     {"span_kind", "SPAN_KIND_SERVER"},
                     {"span_name", span},
                     {"status_code", "STATUS_CODE_UNSET"}};
    series.offset = (service.back() - '0') * 100;
    float count = 0;
    for (Millis t = 0; t <= 2 * kHour; t += kScrape) {
      count += static_cast<float>((*random)() % 8);
      series.counts.push_back(count);
    }
    series_.push_back(std::move(series));
  }

  std::deque<std::string> texts_;
  std::vector<Series> series_;
};

const DecodedSource& Source() {
  static const DecodedSource source;
  return source;
}

constexpr std::string_view kQueries[] = {
    "histogram_quantile(0.95, sum(rate(traces_spanmetrics_latency_bucket[5m])) by (service_name, "
    "le))",
    "sum(rate(traces_spanmetrics_latency_bucket[5m]))",
    "rate(traces_spanmetrics_latency_bucket[5m])",
    "sum by (service_name) (traces_spanmetrics_latency_bucket)",
    "max by (service_name) (avg_over_time(traces_spanmetrics_latency_bucket[5m]))",
};

void Report(benchmark::State& state, const Result<QueryResult>& result) {
  if (!result.has_value()) state.SkipWithError(std::string(result.error().message()).c_str());
}

void BM_Instant(benchmark::State& state) {
  const Engine engine({});
  const std::string_view query = kQueries[state.range(0)];
  state.SetLabel(std::string(query));
  for (auto unused : state) Report(state, engine.Query(query, Source(), kStart + kHour));
}
BENCHMARK(BM_Instant)->DenseRange(0, 4)->Unit(benchmark::kMillisecond);

void BM_Range(benchmark::State& state) {
  const Engine engine({});
  const std::string_view query = kQueries[state.range(0)];
  state.SetLabel(std::string(query));
  for (auto unused : state) {
    Report(state, engine.QueryRange(query, Source(), {kStart, kStart + kHour, 30'000}));
  }
}
BENCHMARK(BM_Range)->DenseRange(0, 4)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tocsin::promql

BENCHMARK_MAIN();
