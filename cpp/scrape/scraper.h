/// Fetches the metrics of other processes at intervals and hands them to a SampleSink, with the
/// series that Prometheus adds for every scrape: `up`, `scrape_duration_seconds`,
/// `scrape_samples_scraped`, `scrape_samples_post_metric_relabeling`, `scrape_series_added`.
///
/// A series that a scrape no longer has, and every series of a target that cannot be scraped, ends
/// with a stale marker at the time of that scrape.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/thread_pool.h"
#include "cpp/http/client.h"
#include "cpp/http/message.h"
#include "cpp/model/labels.h"
#include "cpp/model/ports.h"

namespace tocsin::scrape {

/// `scrape_configs[].static_configs[]`.
struct TargetGroup {
  std::vector<std::string> targets = {};  ///< "host:port".
  /// Added to every sample. `__scheme__` and `__metrics_path__` replace the job's; other names with
  /// two leading underscores are dropped.
  Labels labels = {};
};

/// `scrape_configs[]`.
struct Job {
  std::string name = {};
  std::string scheme = "http";
  std::string metrics_path = "/metrics";
  Nanos interval = kMinute;
  Nanos timeout = 10 * kSecond;
  bool honor_labels = false;  ///< Off: an exposed label that a target has becomes `exported_...`.
  bool honor_timestamps = true;       ///< But samples more than ten minutes ahead are dropped.
  size_t sample_limit = 0;            ///< A scrape with more fails; 0 is no limit.
  size_t body_size_limit = 64 << 20;  ///< A scrape with more bytes fails.
  std::vector<TargetGroup> groups = {};
};

enum class Health : uint8_t { kUnknown, kUp, kDown };

/// What `/api/v1/targets` tells.
struct TargetStatus {
  std::string job;
  Labels labels;
  std::string url;
  Nanos interval = 0;
  Nanos timeout = 0;
  Health health = Health::kUnknown;
  std::string last_error;  ///< "" if the last scrape succeeded.
  Nanos last_scrape = 0;   ///< When it was due; 0 if there was none.
  Nanos last_duration = 0;
};

/// Thread-safe, but RunDue() is for one thread.
class Scraper {
 public:
  /// Borrows `sink`, and `pool` if it is not null: then scrapes run there, so that a slow target
  /// delays no other; otherwise inside RunDue(). The clock measures how long a scrape takes.
  Scraper(std::vector<Job> jobs, SampleSink* sink, http::FetchFunction fetch, const Clock* clock,
          ThreadPool* pool);
  /// Waits for the scrapes that are running.
  ~Scraper();
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  /// Starts the scrapes that are due at `now`: each target at once at the first call, and then
  /// every interval from there. Intervals that were missed are not made up for, and a target whose
  /// last scrape still runs is left out. Returns how long until the next one is due.
  Nanos RunDue(Nanos now);

  /// All targets, in the order of the configuration.
  std::vector<TargetStatus> Targets() const;

 private:
  struct Target;

  void Scrape(Target* target, Nanos due);

  SampleSink* const sink_;
  const http::FetchFunction fetch_;
  const Clock* const clock_;
  ThreadPool* const pool_;
  std::vector<std::unique_ptr<Target>> targets_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  size_t running_ = 0;  // Guarded by mutex_, as are the targets' `running` and `status`.
};

}  // namespace tocsin::scrape
