/// Fetches the metrics of other processes at intervals and hands them to a SampleSink, with the
/// series that Prometheus adds for every scrape: `up`, `scrape_duration_seconds`,
/// `scrape_samples_scraped`, `scrape_samples_post_metric_relabeling`, `scrape_series_added`.
///
/// A series that a scrape no longer has, and every series of a target that cannot be scraped, ends
/// with a stale marker at the time of that scrape. The series of a target that is gone for good end
/// when it would have been scraped next.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/base/telemetry.h"
#include "cpp/base/thread_pool.h"
#include "cpp/http/client.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/model/ports.h"
#include "cpp/scrape/job.h"

namespace tocsin::scrape {

class TargetLoop;
class TargetPool;
struct ScrapeMetrics;

enum class Health : uint8_t { kUnknown, kUp, kDown };

/// "unknown", "up", "down".
std::string_view HealthName(Health health);

/// What `/api/v1/targets` tells of a target that is scraped.
struct ActiveTarget {
  std::string pool;          ///< The job's name in the configuration: `scrapePool`.
  Labels discovered_labels;  ///< Before relabelling.
  Labels labels;             ///< After it, without those that begin with two underscores.
  std::string url;           ///< `scrapeUrl`, with parameters; as it is requested.
  Nanos interval = 0;
  Nanos timeout = 0;
  Health health = Health::kUnknown;
  std::string last_error;   ///< "" if the last scrape succeeded.
  Nanos last_scrape = 0;    ///< When it began; 0 if there was none.
  Nanos last_duration = 0;  ///< How long it took.
};

/// One that relabelling has dropped.
struct DroppedTarget {
  std::string pool;
  Labels discovered_labels;
};

/// Of `/api/v1/targets/metadata`.
struct TargetMetadata {
  std::string pool;
  Labels labels;  ///< As in ActiveTarget.
  MetricMetadata metadata;
};

/// Of `/api/v1/targets/relabel_steps`: what one rule makes of a target.
struct RelabelStep {
  relabel::Rule rule;
  Labels output;
  bool keep = true;  ///< False in the last step if the rule drops the target.
};

/// Where a Scraper gets things from and puts them. All is borrowed.
struct ScraperPorts {
  SampleSink* sink = nullptr;
  /// Makes what fetches for a job, once a job and configuration.
  std::function<http::FetchFunction(const http::ClientOptions&)> client;
  const Clock* clock = &Clock::Real();  ///< Measures how long a scrape takes.
  /// Scrapes run there, so that a slow target delays no other; null: inside RunDue().
  ThreadPool* pool = nullptr;
  Telemetry* telemetry = &Telemetry::None();
  std::stop_token stop = {};  ///< The Scraper's own.
};

/// Thread-safe, but RunDue() is for one thread.
class Scraper {
 public:
  explicit Scraper(ScraperPorts ports);
  /// Breaks off the scrapes that are running. Writes no stale markers: after a restart the series
  /// go on.
  ~Scraper();
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  /// Replaces all jobs. A target that the new ones have too, with the same labels and URL, goes on
  /// where it was. Takes effect in the next RunDue().
  void SetJobs(std::vector<Job> jobs);

  /// Looks for changes of the targets, and starts the scrapes that are due at `now`: each target
  /// first at its own offset in the interval (or soon, see Job::spread), and then every interval
  /// from there. Intervals that were missed are not made up for, and a target whose last scrape
  /// still runs is left out. Returns how long until there is something to do again.
  Nanos RunDue(Nanos now);

  /// The names of the jobs, sorted.
  std::vector<std::string> Pools() const;
  /// All targets, or those of one pool: by pool, and in a pool by URL. "" is every pool.
  std::vector<ActiveTarget> Targets(std::string_view pool = {}) const;
  std::vector<DroppedTarget> Dropped(std::string_view pool = {}) const;
  /// How many targets each pool's relabelling has dropped, also beyond keep_dropped_targets.
  std::map<std::string, size_t> DroppedCounts() const;
  /// What the scrapes have told of metric families, at most `limit_per_target` of each target (0:
  /// all), of the family `metric` only if it is not empty.
  std::vector<TargetMetadata> Metadata(std::string_view metric, size_t limit_per_target) const;
  /// The relabelling of a target with these labels, step by step. kNotFound: no such pool.
  Result<std::vector<RelabelStep>> RelabelSteps(std::string_view pool, const Labels& labels) const;

 private:
  /// A loop that has no target any more.
  struct Retired {
    std::shared_ptr<TargetLoop> loop;
    Nanos end = 0;    // When its series end.
    Nanos after = 0;  // When that is written: its target may come back.
  };

  void ApplyJobs(Nanos now);
  Nanos StartDue(Nanos now);
  void Start(const std::shared_ptr<TargetLoop>& loop, Nanos time);
  Nanos EndRetired(Nanos now);
  std::vector<const TargetPool*> PoolsNamed(std::string_view name) const;

  std::stop_source stop_;
  const ScraperPorts ports_;
  const std::unique_ptr<ScrapeMetrics> metrics_;
  mutable std::mutex mutex_;  // Guards what follows; never held while something is fetched.
  std::condition_variable idle_;
  size_t running_ = 0;
  std::optional<std::vector<Job>> new_jobs_;
  std::map<std::string, std::unique_ptr<TargetPool>, std::less<>> pools_;
  std::vector<Retired> retired_;
};

}  // namespace tocsin::scrape
