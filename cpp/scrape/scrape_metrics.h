/// What the scraper counts of itself, under Prometheus's names.

#pragma once

#include <string>

#include "cpp/base/telemetry.h"

namespace tocsin::scrape {

struct ScrapeMetrics {
  explicit ScrapeMetrics(Telemetry* telemetry);

  Counter& sample_limit;
  Counter& body_size_limit;
  Counter& bucket_limit;
  Counter& label_limits;
  Counter& target_limit;
  Counter& duplicates;
  Counter& out_of_order;
  Counter& out_of_bounds;
  Counter& skipped;

  /// How many targets a job has.
  Gauge& Targets(const std::string& job);

 private:
  Telemetry& telemetry_;
};

}  // namespace tocsin::scrape
