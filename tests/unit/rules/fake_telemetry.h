/// Metrics that a test can read.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/telemetry.h"

namespace tocsin::rules {

/// By "name{label=value,...}"; of a histogram the number of observations.
class FakeTelemetry : public Telemetry {
 public:
  Counter& GetCounter(std::string_view name, std::string_view /*help*/,
                      const MetricLabels& labels) override {
    return metrics_[Key(name, labels)];
  }
  Gauge& GetGauge(std::string_view name, std::string_view /*help*/,
                  const MetricLabels& labels) override {
    return metrics_[Key(name, labels)];
  }
  Histogram& GetHistogram(std::string_view name, std::string_view /*help*/,
                          const std::vector<double>& /*buckets*/,
                          const MetricLabels& labels) override {
    return metrics_[Key(name, labels)];
  }
  Summary& GetSummary(std::string_view name, std::string_view help,
                      const std::vector<double>& quantiles, const MetricLabels& labels) override {
    return None().GetSummary(name, help, quantiles, labels);
  }

  /// -1 if there is no such metric.
  double Value(const std::string& key) const {
    const auto metric = metrics_.find(key);
    return metric == metrics_.end() ? -1 : metric->second.value;
  }

 private:
  struct Metric : Counter, Gauge, Histogram {
    void Add(double by) override { value += by; }
    void Set(double to) override { value = to; }
    void Observe(double /*observed*/) override { value += 1; }
    double value = 0;
  };

  static std::string Key(std::string_view name, const MetricLabels& labels) {
    std::string key(name);
    for (const auto& [label, value] : labels) key += "{" + label + "=" + value + "}";
    return key;
  }

  std::map<std::string, Metric> metrics_;
};

}  // namespace tocsin::rules
