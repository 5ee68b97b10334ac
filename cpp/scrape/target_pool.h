/// The targets of one job.

#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/discover/file_discovery.h"
#include "cpp/scrape/job.h"
#include "cpp/scrape/scrape_metrics.h"
#include "cpp/scrape/scraper.h"
#include "cpp/scrape/target_loop.h"

namespace tocsin::scrape {

/// Not thread-safe; its loops are.
class TargetPool {
 public:
  using Loops = std::vector<std::shared_ptr<TargetLoop>>;

  /// Borrows what the ports point to.
  TargetPool(Job job, const ScraperPorts& ports, ScrapeMetrics* metrics);
  ~TargetPool();
  TargetPool(const TargetPool&) = delete;
  TargetPool& operator=(const TargetPool&) = delete;

  const Job& job() const { return job_; }

  /// Another configuration of the same name. Counts from the next Refresh() on.
  void SetJob(Job job);
  /// Looks whether the targets have changed. Loops that have lost their target are moved to
  /// `retired`.
  void Refresh(Nanos now, Loops* retired);
  /// All loops, which are then no longer here.
  Loops TakeLoops();

  /// Ordered by URL.
  const std::multimap<std::string, std::shared_ptr<TargetLoop>>& loops() const { return by_url_; }
  const std::vector<Labels>& dropped() const { return dropped_; }
  size_t dropped_count() const { return dropped_count_; }
  bool follows_files() const { return !files_.empty(); }

 private:
  std::vector<Target> Discover();
  void Replace(std::vector<Target> targets, Loops* retired);

  Job job_;
  const ScraperPorts& ports_;
  ScrapeMetrics& metrics_;
  http::FetchFunction fetch_;
  std::vector<discover::FileDiscovery> files_;
  bool changed_ = true;
  Nanos next_look_ = 0;
  std::map<std::string, std::shared_ptr<TargetLoop>> by_key_;
  std::multimap<std::string, std::shared_ptr<TargetLoop>> by_url_;
  std::vector<Labels> dropped_;
  size_t dropped_count_ = 0;
};

}  // namespace tocsin::scrape
