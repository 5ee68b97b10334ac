/// One target over time: when it is due, how its last scrape went, and what is known of its series.

#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/client.h"
#include "cpp/model/ports.h"
#include "cpp/scrape/job.h"
#include "cpp/scrape/sample_collector.h"
#include "cpp/scrape/scrape_metrics.h"
#include "cpp/scrape/scraper.h"
#include "cpp/scrape/target.h"

namespace tocsin::scrape {

/// What a scrape of a target needs to know. Never changed once shared.
struct ScrapePlan {
  Target target;
  std::string pool;
  Labels labels;  ///< target.PublicLabels().
  CollectRules rules;
  size_t body_size_limit = 0;
  bool extra_metrics = false;
  bool spread = true;
  std::string fallback_media_type;
  http::ClientRequest request;
  http::FetchFunction fetch;
};

/// Of a target and its job. `fetch` is what the job fetches with; `stop` ends it early.
std::shared_ptr<const ScrapePlan> MakePlan(const Job& job, Target target,
                                           const http::FetchFunction& fetch, std::stop_token stop);

/// Thread-safe, but scrapes come one at a time: Begin() sees to that.
class TargetLoop {
 public:
  /// Borrows the ports' parts.
  TargetLoop(std::shared_ptr<const ScrapePlan> plan, const ScraperPorts& ports,
             ScrapeMetrics* metrics);

  /// Whether what is known of the series stays good under another plan.
  bool CanTake(const ScrapePlan& plan) const;
  /// From the next scrape on. REQUIRES: CanTake(*plan).
  void Take(std::shared_ptr<const ScrapePlan> plan);
  /// All scrapes fail with this; OK: no more.
  void SetRefusal(Status refusal);

  /// When the next scrape is due; the first answer sets it.
  Nanos NextDue(Nanos now);
  /// The scrape that is due at `now` begins: sets the next one. The time of its samples, or nullopt
  /// if the one before still runs.
  std::optional<Nanos> Begin(Nanos now);
  /// It could not be run after all.
  void Abandon();
  /// Runs it, with `time` from Begin().
  void Run(Nanos time);
  bool running() const;

  ActiveTarget Describe() const;
  std::vector<MetricMetadata> Metadata() const;

  /// Adds the series that are not to end with another loop.
  void AddTracked(std::unordered_set<SeriesRef>* refs) const;
  /// Ends all series but those of `alive`, at `time`. REQUIRES: nothing runs any more.
  void EndSeries(const std::unordered_set<SeriesRef>& alive, Millis time);

 private:
  struct Scrape;

  Result<http::Response> Fetch(const ScrapePlan& plan, Scrape* scrape) const;
  void Collect(const ScrapePlan& plan, Scrape* scrape);
  void AddReport(const ScrapePlan& plan, const Scrape& scrape, Nanos took, Collected* out);
  void Store(const ScrapePlan& plan, Scrape* scrape);
  std::vector<SeriesRef> ReportSeries(const ScrapePlan& plan);

  SampleSink& sink_;
  const Clock& clock_;
  ScrapeMetrics& metrics_;

  mutable std::mutex mutex_;
  std::shared_ptr<const ScrapePlan> plan_;
  Status refusal_;
  bool running_ = false;
  std::optional<Nanos> next_due_;
  Health health_ = Health::kUnknown;
  std::string last_error_;
  Nanos last_scrape_ = 0;
  Nanos last_duration_ = 0;

  mutable std::mutex series_mutex_;  // Held while an answer is read.
  SeriesMemory series_;
  MetadataMemory metadata_;
  std::vector<SeriesRef> report_;  // In the order of AddReport().
  std::vector<SeriesRef> owed_;    // Their ends could not be stored.
};

}  // namespace tocsin::scrape
