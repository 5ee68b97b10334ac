/// The scraper with its threads: the configured jobs, or by default the server itself as job
/// `tempo`, so that `up{job="tempo"}` is there.

#pragma once

#include <memory>
#include <string>

#include "cpp/base/thread_pool.h"
#include "cpp/config/config.h"
#include "cpp/engine/periodic.h"
#include "cpp/model/ports.h"
#include "cpp/scrape/scraper.h"

namespace tocsin::server {

class ScrapeService {
 public:
  /// Scrapes until destroyed. `own_address` is where our own /metrics is. Borrows the sink.
  ScrapeService(const config::Config& config, const std::string& own_address, SampleSink* sink);

 private:
  ThreadPool pool_;
  scrape::Scraper scraper_;
  engine::Periodic loop_;
};

}  // namespace tocsin::server
