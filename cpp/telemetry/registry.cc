#include "cpp/telemetry/registry.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cpp/base/clock.h"

namespace tocsin::telemetry {
namespace {

class CounterHandle : public Counter {
 public:
  explicit CounterHandle(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double by) override { counter_.Increment(by); }

 private:
  prometheus::Counter& counter_;
};

class GaugeHandle : public Gauge {
 public:
  explicit GaugeHandle(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }

 private:
  prometheus::Gauge& gauge_;
};

class HistogramHandle : public Histogram {
 public:
  explicit HistogramHandle(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

prometheus::Labels ToPrometheus(const Telemetry::MetricLabels& labels) {
  return {labels.begin(), labels.end()};
}

// Resident pages from /proc/self/statm, the only place that has the present and not the peak value.
double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenFiles() {
  std::error_code error;
  double count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++count;
  }
  return count;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

struct Registry::Rep {
  template <class Handle>
  using Handles = std::map<std::pair<std::string, MetricLabels>, std::unique_ptr<Handle>>;

  std::mutex mutex;
  prometheus::Registry registry;
  Handles<CounterHandle> counters;
  Handles<GaugeHandle> gauges;
  Handles<HistogramHandle> histograms;
  double cpu_reported = 0;
};

Registry::Registry() : rep_(std::make_unique<Rep>()) {
  GetGauge("process_start_time_seconds", "Start time of the process, Unix seconds.", {})
      .Set(static_cast<double>(Clock::Real().Now()) * 1e-9);
}

Registry::~Registry() = default;

Counter& Registry::GetCounter(std::string_view name, std::string_view help,
                              const MetricLabels& labels) {
  const std::scoped_lock lock(rep_->mutex);
  auto& handle = rep_->counters[{std::string(name), labels}];
  if (handle == nullptr) {
    auto& family = prometheus::BuildCounter()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(rep_->registry);
    handle = std::make_unique<CounterHandle>(family.Add(ToPrometheus(labels)));
  }
  return *handle;
}

Gauge& Registry::GetGauge(std::string_view name, std::string_view help,
                          const MetricLabels& labels) {
  const std::scoped_lock lock(rep_->mutex);
  auto& handle = rep_->gauges[{std::string(name), labels}];
  if (handle == nullptr) {
    auto& family = prometheus::BuildGauge()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(rep_->registry);
    handle = std::make_unique<GaugeHandle>(family.Add(ToPrometheus(labels)));
  }
  return *handle;
}

Histogram& Registry::GetHistogram(std::string_view name, std::string_view help,
                                  const std::vector<double>& buckets, const MetricLabels& labels) {
  const std::scoped_lock lock(rep_->mutex);
  auto& handle = rep_->histograms[{std::string(name), labels}];
  if (handle == nullptr) {
    auto& family = prometheus::BuildHistogram()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(rep_->registry);
    handle = std::make_unique<HistogramHandle>(family.Add(ToPrometheus(labels), buckets));
  }
  return *handle;
}

std::string Registry::Expose() {
  GetGauge("process_resident_memory_bytes", "Resident memory.", {}).Set(ResidentBytes());
  GetGauge("process_open_fds", "Open file descriptors.", {}).Set(OpenFiles());
  Counter& cpu = GetCounter("process_cpu_seconds_total", "User and system CPU time.", {});
  {
    const std::scoped_lock lock(rep_->mutex);
    const double now = CpuSeconds();
    cpu.Add(now - rep_->cpu_reported);
    rep_->cpu_reported = now;
  }
  return prometheus::TextSerializer().Serialize(rep_->registry.Collect());
}

}  // namespace tocsin::telemetry
