/// Our own metrics, kept and exposed by prometheus-cpp.

#pragma once

#include <memory>
#include <string>

#include "cpp/base/telemetry.h"

namespace tocsin::telemetry {

/// Thread-safe. Handles live as long as the registry.
class Registry : public Telemetry {
 public:
  Registry();
  ~Registry() override;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter& GetCounter(std::string_view name, std::string_view help,
                      const MetricLabels& labels) override;
  Gauge& GetGauge(std::string_view name, std::string_view help,
                  const MetricLabels& labels) override;
  Histogram& GetHistogram(std::string_view name, std::string_view help,
                          const std::vector<double>& buckets, const MetricLabels& labels) override;

  /// Everything in the Prometheus text format 0.0.4, with process_* metrics read at this moment.
  std::string Expose();

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace tocsin::telemetry
