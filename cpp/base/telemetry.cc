#include "cpp/base/telemetry.h"

namespace tocsin {
namespace {

class NoCounter : public Counter {
 public:
  void Add(double) override {}
};
class NoGauge : public Gauge {
 public:
  void Set(double) override {}
};
class NoHistogram : public Histogram {
 public:
  void Observe(double) override {}
};

class NoSummary : public Summary {
 public:
  void Observe(double) override {}
};

class NoTelemetry : public Telemetry {
 public:
  Counter& GetCounter(std::string_view, std::string_view, const MetricLabels&) override {
    return counter_;
  }
  Gauge& GetGauge(std::string_view, std::string_view, const MetricLabels&) override {
    return gauge_;
  }
  Histogram& GetHistogram(std::string_view, std::string_view, const std::vector<double>&,
                          const MetricLabels&) override {
    return histogram_;
  }
  Summary& GetSummary(std::string_view, std::string_view, const std::vector<double>&,
                      const MetricLabels&) override {
    return summary_;
  }

 private:
  NoCounter counter_;
  NoGauge gauge_;
  NoHistogram histogram_;
  NoSummary summary_;
};

}  // namespace

Telemetry& Telemetry::None() {
  static NoTelemetry none;
  return none;
}

}  // namespace tocsin
