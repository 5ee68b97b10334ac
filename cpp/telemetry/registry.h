/// Our own metrics, counted by prometheus-cpp.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/telemetry.h"
#include "cpp/telemetry/exposition.h"
#include "cpp/telemetry/family.h"

namespace tocsin::telemetry {

/// Remembers for each bucket the last trace that fell into it.
class ExemplarHistogram : public Histogram {
 public:
  /// `trace_id`: hexadecimal; "" for none.
  virtual void Observe(double value, std::string_view trace_id) = 0;
  void Observe(double value) override = 0;
};

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
  ExemplarHistogram& GetHistogram(std::string_view name, std::string_view help,
                                  const std::vector<double>& buckets,
                                  const MetricLabels& labels) override;
  Summary& GetSummary(std::string_view name, std::string_view help,
                      const std::vector<double>& quantiles, const MetricLabels& labels) override;

  /// Everything by name and labels, with process_* metrics read at this moment.
  std::vector<Family> Collect();

  /// Collect() as text.
  std::string Expose(Format format = Format::kText);

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace tocsin::telemetry
