/// The handles of our own metrics. Modules count through these; cpp/telemetry implements them with
/// prometheus-cpp and serves them on /metrics. A handle lives as long as its Telemetry.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin {

/// All of them are thread-safe and cheap enough for once a request, not for once a span.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double by) = 0;  ///< REQUIRES: by >= 0.
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

/// Quantiles over the last ten minutes, computed here: for names that peers have so. Costs more
/// than a histogram, which can also be added up.
class Summary {
 public:
  virtual ~Summary() = default;
  virtual void Observe(double value) = 0;
};

class Telemetry {
 public:
  using MetricLabels = std::vector<std::pair<std::string, std::string>>;

  virtual ~Telemetry() = default;
  /// The metric of that name and labels, made at the first call. `help` is taken from that call.
  virtual Counter& GetCounter(std::string_view name, std::string_view help,
                              const MetricLabels& labels = {}) = 0;
  virtual Gauge& GetGauge(std::string_view name, std::string_view help,
                          const MetricLabels& labels = {}) = 0;
  /// `buckets`: ascending upper bounds, without +Inf.
  virtual Histogram& GetHistogram(std::string_view name, std::string_view help,
                                  const std::vector<double>& buckets,
                                  const MetricLabels& labels = {}) = 0;
  /// `quantiles`: ascending, above 0 and below 1.
  virtual Summary& GetSummary(std::string_view name, std::string_view help,
                              const std::vector<double>& quantiles,
                              const MetricLabels& labels = {}) = 0;

  /// Counts nothing: for tests and tools. Lives for ever.
  static Telemetry& None();
};

}  // namespace tocsin
