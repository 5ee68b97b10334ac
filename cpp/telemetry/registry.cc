#include "cpp/telemetry/registry.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/summary.h>

#include "cpp/base/clock.h"
#include "cpp/telemetry/process.h"

namespace tocsin::telemetry {
namespace {

double UnixSeconds() { return static_cast<double>(Clock::Real().Now()) * 1e-9; }

class CounterHandle : public Counter {
 public:
  void Add(double by) override { counter_.Increment(by); }

  void CollectInto(Metric* metric) const {
    metric->value = counter_.Collect().counter.value;
    metric->created = created_;
  }

 private:
  prometheus::Counter counter_;
  const double created_ = UnixSeconds();
};

class GaugeHandle : public Gauge {
 public:
  void Set(double value) override { gauge_.Set(value); }

  void CollectInto(Metric* metric) const { metric->value = gauge_.Collect().gauge.value; }

 private:
  prometheus::Gauge gauge_;
};

class HistogramHandle : public ExemplarHistogram {
 public:
  explicit HistogramHandle(const std::vector<double>& bounds)
      : bounds_(bounds), histogram_(bounds) {}

  void Observe(double value) override { histogram_.Observe(value); }

  void Observe(double value, std::string_view trace_id) override {
    histogram_.Observe(value);
    if (trace_id.empty()) return;
    const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
    const std::scoped_lock lock(mutex_);
    exemplars_.resize(bounds_.size() + 1);
    exemplars_[static_cast<size_t>(bucket)] = {
        .trace_id = std::string(trace_id), .value = value, .time = UnixSeconds()};
  }

  void CollectInto(Metric* metric) const {
    const auto collected = histogram_.Collect().histogram;
    metric->value = collected.sample_sum;
    metric->created = created_;
    const std::scoped_lock lock(mutex_);
    for (size_t i = 0; i < collected.bucket.size(); ++i) {
      metric->buckets.push_back({.upper_bound = collected.bucket[i].upper_bound,
                                 .cumulative_count = collected.bucket[i].cumulative_count,
                                 .exemplar = i < exemplars_.size() ? exemplars_[i] : std::nullopt});
    }
  }

 private:
  const std::vector<double> bounds_;
  prometheus::Histogram histogram_;
  const double created_ = UnixSeconds();
  mutable std::mutex mutex_;
  std::vector<std::optional<Exemplar>> exemplars_;  // By bucket; empty until there is one.
};

class SummaryHandle : public Summary {
 public:
  explicit SummaryHandle(const std::vector<double>& quantiles)
      : summary_(WithErrors(quantiles), std::chrono::minutes(10), kAgeBuckets) {}

  void Observe(double value) override { summary_.Observe(value); }

  void CollectInto(Metric* metric) const {
    const auto collected = summary_.Collect().summary;
    metric->value = collected.sample_sum;
    metric->count = collected.sample_count;
    metric->created = created_;
    for (const auto& quantile : collected.quantile) {
      metric->quantiles.push_back({.quantile = quantile.quantile, .value = quantile.value});
    }
  }

 private:
  static constexpr int kAgeBuckets = 5;

  // The ranks that are given may be off by a tenth of what lies beyond them.
  static prometheus::Summary::Quantiles WithErrors(const std::vector<double>& quantiles) {
    prometheus::Summary::Quantiles out;
    for (const double quantile : quantiles) {
      out.emplace_back(quantile, std::min(quantile, 1 - quantile) / 10);
    }
    return out;
  }

  mutable prometheus::Summary summary_;
  const double created_ = UnixSeconds();
};

}  // namespace

struct Registry::Rep {
  // By name, then by labels.
  template <class Handle>
  struct Kind {
    struct Named {
      std::string help;
      std::map<MetricLabels, std::unique_ptr<Handle>> handles;
    };
    std::map<std::string, Named, std::less<>> families;

    template <class... Args>
    Handle& Get(std::string_view name, std::string_view help, MetricLabels labels,
                const Args&... args) {
      std::ranges::sort(labels);
      auto family = families.find(name);
      if (family == families.end()) {
        family = families.emplace(name, Named{std::string(help), {}}).first;
      }
      auto& handle = family->second.handles[std::move(labels)];
      if (handle == nullptr) handle = std::make_unique<Handle>(args...);
      return *handle;
    }

    void CollectInto(MetricKind kind, std::vector<Family>* out) const {
      for (const auto& [name, named] : families) {
        Family& family = out->emplace_back(
            Family{.name = name, .help = named.help, .kind = kind, .metrics = {}});
        for (const auto& [labels, handle] : named.handles) {
          Metric& metric = family.metrics.emplace_back();
          metric.labels = labels;
          handle->CollectInto(&metric);
        }
      }
    }
  };

  std::mutex mutex;
  Kind<CounterHandle> counters;
  Kind<GaugeHandle> gauges;
  Kind<HistogramHandle> histograms;
  Kind<SummaryHandle> summaries;
  double cpu_reported = 0;
};

Registry::Registry() : rep_(std::make_unique<Rep>()) {
  Registry::GetGauge("process_start_time_seconds", "Start time of the process, Unix seconds.", {})
      .Set(UnixSeconds());
}

Registry::~Registry() = default;

Counter& Registry::GetCounter(std::string_view name, std::string_view help,
                              const MetricLabels& labels) {
  const std::scoped_lock lock(rep_->mutex);
  return rep_->counters.Get(name, help, labels);
}

Gauge& Registry::GetGauge(std::string_view name, std::string_view help,
                          const MetricLabels& labels) {
  const std::scoped_lock lock(rep_->mutex);
  return rep_->gauges.Get(name, help, labels);
}

ExemplarHistogram& Registry::GetHistogram(std::string_view name, std::string_view help,
                                          const std::vector<double>& buckets,
                                          const MetricLabels& labels) {
  const std::scoped_lock lock(rep_->mutex);
  return rep_->histograms.Get(name, help, labels, buckets);
}

Summary& Registry::GetSummary(std::string_view name, std::string_view help,
                              const std::vector<double>& quantiles, const MetricLabels& labels) {
  const std::scoped_lock lock(rep_->mutex);
  return rep_->summaries.Get(name, help, labels, quantiles);
}

std::vector<Family> Registry::Collect() {
  GetGauge("process_resident_memory_bytes", "Resident memory.", {}).Set(ResidentBytes());
  GetGauge("process_heap_bytes", "Memory that the allocator has given out.", {}).Set(HeapBytes());
  GetGauge("process_open_fds", "Open file descriptors.", {}).Set(OpenFiles());
  Counter& cpu = GetCounter("process_cpu_seconds_total", "User and system CPU time.", {});
  const std::scoped_lock lock(rep_->mutex);
  const double now = CpuSeconds();
  cpu.Add(now - rep_->cpu_reported);
  rep_->cpu_reported = now;
  std::vector<Family> families;
  rep_->counters.CollectInto(MetricKind::kCounter, &families);
  rep_->gauges.CollectInto(MetricKind::kGauge, &families);
  rep_->histograms.CollectInto(MetricKind::kHistogram, &families);
  rep_->summaries.CollectInto(MetricKind::kSummary, &families);
  std::ranges::sort(families, {}, &Family::name);
  return families;
}

std::string Registry::Expose(Format format) { return telemetry::Expose(Collect(), format); }

}  // namespace tocsin::telemetry
