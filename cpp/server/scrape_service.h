/// The scraper with its threads: the configured jobs, or by default the server itself as job
/// `tempo`, so that `up{job="tempo"}` is there.

#pragma once

#include <string>

#include "cpp/base/telemetry.h"
#include "cpp/base/thread_pool.h"
#include "cpp/config/config.h"
#include "cpp/engine/periodic.h"
#include "cpp/model/ports.h"
#include "cpp/scrape/scraper.h"

namespace tocsin::server {

class ScrapeService {
 public:
  /// Scrapes until destroyed. `own_address` is where our own /metrics is. Borrows the others.
  ScrapeService(const config::Config& config, std::string own_address, SampleSink* sink,
                Telemetry* telemetry);

  /// Scrapes what this configuration says from now on; targets that stay the same go on as they
  /// were. Thread-safe.
  void Reload(const config::Config& config);

  /// For the API. Thread-safe; lives as long as the service.
  const scrape::Scraper& scraper() const { return scraper_; }

 private:
  const std::string own_address_;
  ThreadPool pool_;
  scrape::Scraper scraper_;
  engine::Periodic loop_;
};

}  // namespace tocsin::server
