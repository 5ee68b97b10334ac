#include "cpp/scrape/scrape_metrics.h"

namespace tocsin::scrape {

ScrapeMetrics::ScrapeMetrics(Telemetry* telemetry)
    : sample_limit(telemetry->GetCounter("prometheus_target_scrapes_exceeded_sample_limit_total",
                                         "Scrapes that had more samples than sample_limit.")),
      body_size_limit(
          telemetry->GetCounter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                                "Scrapes whose answer was larger than body_size_limit.")),
      bucket_limit(telemetry->GetCounter(
          "prometheus_target_scrapes_exceeded_bucket_limit_total",
          "Scrapes with a native histogram beyond native_histogram_bucket_limit.")),
      label_limits(telemetry->GetCounter(
          "prometheus_target_scrape_pool_exceeded_label_limits_total",
          "Scrapes with labels beyond label_limit, or longer than their limits.")),
      target_limit(
          telemetry->GetCounter("prometheus_target_scrape_pool_exceeded_target_limit_total",
                                "How often a job came to have more targets than target_limit.")),
      duplicates(telemetry->GetCounter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                                       "Scraped samples at the time of another one.")),
      out_of_order(telemetry->GetCounter("prometheus_target_scrapes_sample_out_of_order_total",
                                         "Scraped samples older than their series' newest.")),
      out_of_bounds(telemetry->GetCounter("prometheus_target_scrapes_sample_out_of_bounds_total",
                                          "Scraped samples too far in the past or the future.")),
      skipped(telemetry->GetCounter("tempo_scrapes_skipped_total",
                                    "Scrapes left out because too many others were running.")),
      telemetry_(*telemetry) {}

Gauge& ScrapeMetrics::Targets(const std::string& job) {
  return telemetry_.GetGauge("prometheus_target_scrape_pool_targets",
                             "Targets of a job that are scraped.", {{"scrape_job", job}});
}

}  // namespace tocsin::scrape
