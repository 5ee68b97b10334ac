#include "cpp/server/scrape_service.h"

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "cpp/server/outside.h"

namespace tocsin::server {
namespace {

// Scrapes wait more than they work: threads are added for targets that hang, so that they hold up
// no others.
constexpr size_t kScrapeThreads = 4;
constexpr size_t kMaxScrapeThreads = 1'024;
constexpr size_t kScrapesQueued = 10'000;

using scrape::Protocol;

struct NamedProtocol {
  std::string_view name;
  Protocol protocol;
  std::string_view media_type;
};

constexpr std::array kProtocols{
    NamedProtocol{"PrometheusProto", Protocol::kProtobuf, "application/vnd.google.protobuf"},
    NamedProtocol{"OpenMetricsText1.0.0", Protocol::kOpenMetrics1, "application/openmetrics-text"},
    NamedProtocol{"OpenMetricsText0.0.1", Protocol::kOpenMetrics001,
                  "application/openmetrics-text"},
    NamedProtocol{"PrometheusText1.0.0", Protocol::kText1, "text/plain"},
    NamedProtocol{"PrometheusText0.0.4", Protocol::kText004, "text/plain"}};

std::vector<Protocol> ProtocolsOf(const config::ScrapeCommon& common) {
  std::vector<Protocol> protocols;
  for (const std::string& name : common.scrape_protocols) {
    for (const NamedProtocol& known : kProtocols) {
      if (known.name == name) protocols.push_back(known.protocol);
    }
  }
  if (!protocols.empty()) return protocols;
  // Only protobuf has native histograms.
  protocols = scrape::Job().protocols;
  if (common.scrape_native_histograms) protocols.insert(protocols.begin(), Protocol::kProtobuf);
  return protocols;
}

void SetCommon(const config::ScrapeCommon& common, scrape::Job* job) {
  job->protocols = ProtocolsOf(common);
  job->escaping = common.metric_name_escaping_scheme;
  job->extra_metrics = common.extra_scrape_metrics;
  job->rules.native_histograms = common.scrape_native_histograms;
  job->rules.classic_histograms = common.always_scrape_classic_histograms;
  job->rules.convert_classic = common.convert_classic_histograms_to_nhcb;
  job->rules.label_limit = common.label_limit;
  job->rules.label_name_length_limit = common.label_name_length_limit;
  job->rules.label_value_length_limit = common.label_value_length_limit;
  job->sample_limit = common.sample_limit;
  job->target_limit = common.target_limit;
  job->body_size_limit = common.body_size_limit;
  job->keep_dropped_targets = common.keep_dropped_targets;
}

scrape::Job JobOf(const config::Scrape& configured) {
  scrape::Job job;
  job.name = configured.job_name;
  job.scheme = configured.scheme;
  job.metrics_path = configured.metrics_path;
  job.params = configured.params;
  job.interval = configured.scrape_interval;
  job.timeout = configured.scrape_timeout;
  SetCommon(configured.common, &job);
  for (const NamedProtocol& known : kProtocols) {
    if (known.name == configured.fallback_scrape_protocol) {
      job.fallback_media_type = known.media_type;
    }
  }
  job.compression = configured.enable_compression;
  job.rules.honor_labels = configured.honor_labels;
  job.rules.honor_timestamps = configured.honor_timestamps;
  job.rules.track_timestamps_staleness = configured.track_timestamps_staleness;
  job.rules.relabelling = configured.metric_relabel_configs;
  job.bucket_limit = configured.native_histogram_bucket_limit;
  job.min_bucket_factor = configured.native_histogram_min_bucket_factor;
  job.relabelling = configured.relabel_configs;
  job.groups = configured.static_configs;
  job.files = configured.file_sd_configs;
  job.client = configured.client;
  return job;
}

std::vector<scrape::Job> JobsOf(const config::Config& config, const std::string& own_address) {
  std::vector<scrape::Job> jobs;
  jobs.reserve(config.scrape_configs.size() + 1);
  for (const config::Scrape& configured : config.scrape_configs) jobs.push_back(JobOf(configured));
  if (config.self_scrape) {
    scrape::Job self;
    self.name = "tempo";
    self.interval = config.scrape_interval;
    self.timeout = config.scrape_timeout;
    SetCommon(config.scrape_common, &self);
    self.groups.push_back({{own_address}, {}});
    // `up` is there at once, and nobody else is troubled.
    self.spread = false;
    jobs.push_back(std::move(self));
  }
  return jobs;
}

}  // namespace

ScrapeService::ScrapeService(const config::Config& config, std::string own_address,
                             SampleSink* sink, Telemetry* telemetry)
    : own_address_(std::move(own_address)),
      pool_("scrape", kScrapeThreads, kMaxScrapeThreads, kScrapesQueued),
      scraper_({.sink = sink, .client = &ClientOf, .pool = &pool_, .telemetry = telemetry}),
      loop_("scrape-loop", [this] { return scraper_.RunDue(Clock::Real().Now()); }) {
  scraper_.SetJobs(JobsOf(config, own_address_));
  loop_.Start(0);
}

void ScrapeService::Reload(const config::Config& config) {
  scraper_.SetJobs(JobsOf(config, own_address_));
  loop_.Wake();
}

}  // namespace tocsin::server
