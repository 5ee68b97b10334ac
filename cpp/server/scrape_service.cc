#include "cpp/server/scrape_service.h"

#include <utility>
#include <vector>

#include "cpp/http/client.h"

namespace tocsin::server {
namespace {

constexpr size_t kScrapesAtOnce = 4;
constexpr size_t kScrapesQueued = 1000;

std::vector<scrape::Job> JobsOf(const config::Config& config, const std::string& own_address) {
  std::vector<scrape::Job> jobs;
  for (const config::Scrape& configured : config.scrape_configs) {
    scrape::Job job;
    job.name = configured.job_name;
    job.scheme = configured.scheme;
    job.metrics_path = configured.metrics_path;
    job.interval = configured.scrape_interval;
    job.timeout = configured.scrape_timeout;
    for (const config::ScrapeTargets& targets : configured.static_configs) {
      job.groups.push_back({targets.targets, targets.labels});
    }
    jobs.push_back(std::move(job));
  }
  if (config.self_scrape) {
    scrape::Job self;
    self.name = "tempo";
    self.interval = config.scrape_interval;
    self.timeout = config.scrape_timeout;
    self.groups.push_back({{own_address}, {}});
    jobs.push_back(std::move(self));
  }
  return jobs;
}

}  // namespace

ScrapeService::ScrapeService(const config::Config& config, const std::string& own_address,
                             SampleSink* sink)
    : pool_("scrape", kScrapesAtOnce, kScrapesQueued),
      scraper_(JobsOf(config, own_address), sink, &http::Fetch, &Clock::Real(), &pool_),
      loop_("scrape-loop", [this] { return scraper_.RunDue(Clock::Real().Now()); }) {
  loop_.Start(0);
}

}  // namespace tocsin::server
