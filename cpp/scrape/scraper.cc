#include "cpp/scrape/scraper.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/scrape/exposition.h"

namespace tocsin::scrape {
namespace {

constexpr std::string_view kAccept =
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
constexpr Millis kMaxAhead = 10 * kMinute / kMillisecond;
constexpr std::string_view kExported = "exported_";

double Seconds(Nanos nanos) { return static_cast<double>(nanos) / static_cast<double>(kSecond); }

/// The labels that every sample of the target gets.
Labels TargetLabels(const Job& job, const TargetGroup& group, const std::string& address) {
  Labels labels({{"job", job.name}, {"instance", address}});
  for (const auto& [name, value] : group.labels) {
    if (!name.starts_with("__")) labels.Set(name, value);
  }
  return labels;
}

std::string TargetUrl(const Job& job, const TargetGroup& group, const std::string& address) {
  const std::string_view scheme = group.labels.Get("__scheme__");
  const std::string_view path = group.labels.Get("__metrics_path__");
  std::string url(scheme.empty() ? std::string_view(job.scheme) : scheme);
  url.append("://").append(address);
  return url.append(path.empty() ? std::string_view(job.metrics_path) : path);
}

/// Joins the labels of a sample with those of its target, as `honor_labels` says.
Labels Joined(Labels sample, const Labels& target, bool honor_labels) {
  for (const auto& [name, value] : target) {
    const std::string exposed(sample.Get(name));
    if (exposed.empty()) {
      sample.Set(name, value);
    } else if (!honor_labels) {
      std::string renamed = std::string(kExported) + name;
      while (sample.Has(renamed) || target.Has(renamed)) renamed.insert(0, kExported);
      sample.Set(renamed, exposed);
      sample.Set(name, value);
    }
  }
  return sample;
}

/// What one scrape brought.
struct Scraped {
  std::vector<RefSample> samples;
  std::vector<RefExemplar> exemplars;
  std::vector<SeriesRef> tracked;  // Series that end when they are missing; sorted, unique.
  size_t exposed = 0;
};

}  // namespace

struct Scraper::Target {
  Job job;  // Without its groups.
  Labels labels;
  std::string url;
  struct {
    SeriesRef up = 0;
    SeriesRef duration = 0;
    SeriesRef scraped = 0;
    SeriesRef post_relabeling = 0;
    SeriesRef added = 0;
  } report;  // The series about the scrape itself.

  Nanos next_due = std::numeric_limits<Nanos>::min();  // Of RunDue()'s thread.
  std::vector<SeriesRef> live;  // Of the running scrape: the series of the one before, sorted.
  bool running = false;
  TargetStatus status;

  Result<Scraped> Fetch(const http::FetchFunction& fetch, SampleSink* sink, Millis time) const;
  Status Append(SampleSink* sink, Result<Scraped>* scraped, Millis time, Nanos took);
};

Result<Scraped> Scraper::Target::Fetch(const http::FetchFunction& fetch, SampleSink* sink,
                                       Millis time) const {
  http::ClientRequest request;
  request.url = url;
  request.headers = {{"Accept", std::string(kAccept)},
                     {"X-Prometheus-Scrape-Timeout-Seconds", std::to_string(Seconds(job.timeout))}};
  request.timeout = job.timeout;
  request.max_response_bytes = job.body_size_limit;
  TOCSIN_ASSIGN_OR_RETURN(const http::Response response, fetch(request));
  if (response.status != 200) {
    return UnavailableError("server returned HTTP status " + std::to_string(response.status) + " " +
                            std::string(http::ReasonPhrase(response.status)));
  }
  TOCSIN_ASSIGN_OR_RETURN(
      std::vector<ExposedSample> exposed,
      ParseExposition(response.body, FormatOf(response.Header("content-type"))));
  if (job.sample_limit != 0 && exposed.size() > job.sample_limit) {
    return ResourceExhaustedError("the scrape has " + std::to_string(exposed.size()) +
                                  " samples; sample_limit is " + std::to_string(job.sample_limit));
  }
  Scraped scraped;
  scraped.exposed = exposed.size();
  for (ExposedSample& sample : exposed) {
    if (job.honor_timestamps && sample.timestamp.value_or(0) > time + kMaxAhead) continue;
    const SeriesRef series = sink->Ref(Joined(std::move(sample.labels), labels, job.honor_labels));
    // A sample with a time of its own is not known to be of this moment: it never goes stale.
    const bool own_time = job.honor_timestamps && sample.timestamp.has_value();
    if (!own_time) scraped.tracked.push_back(series);
    scraped.samples.push_back({series, {own_time ? *sample.timestamp : time, sample.value}});
    if (sample.exemplar.has_value()) {
      if (sample.exemplar->t == 0) sample.exemplar->t = time;
      scraped.exemplars.push_back({series, *std::move(sample.exemplar)});
    }
  }
  std::ranges::sort(scraped.tracked);
  const auto repeated = std::ranges::unique(scraped.tracked);
  scraped.tracked.erase(repeated.begin(), repeated.end());
  return scraped;
}

/// Writes what was scraped, the stale markers of what was not, and the report, all or nothing.
Status Scraper::Target::Append(SampleSink* sink, Result<Scraped>* scraped, Millis time,
                               Nanos took) {
  Scraped nothing;
  Scraped& found = scraped->has_value() ? **scraped : nothing;
  std::vector<RefSample>& samples = found.samples;
  std::vector<SeriesRef> changed;
  std::ranges::set_difference(live, found.tracked, std::back_inserter(changed));
  for (const SeriesRef gone : changed) samples.push_back({gone, {time, StaleNan()}});
  changed.clear();
  std::ranges::set_difference(found.tracked, live, std::back_inserter(changed));
  const auto exposed = static_cast<double>(found.exposed);
  samples.push_back({report.up, {time, scraped->has_value() ? 1.0 : 0.0}});
  samples.push_back({report.duration, {time, Seconds(took)}});
  samples.push_back({report.scraped, {time, exposed}});
  samples.push_back({report.post_relabeling, {time, exposed}});
  samples.push_back({report.added, {time, static_cast<double>(changed.size())}});
  TOCSIN_RETURN_IF_ERROR(sink->Put({.samples = samples, .exemplars = found.exemplars}));
  live = std::move(found.tracked);
  return {};
}

Scraper::Scraper(std::vector<Job> jobs, SampleSink* sink, http::FetchFunction fetch,
                 const Clock* clock, ThreadPool* pool)
    : sink_(sink), fetch_(std::move(fetch)), clock_(clock), pool_(pool) {
  for (Job& job : jobs) {
    const std::vector<TargetGroup> groups = std::exchange(job.groups, {});
    for (const TargetGroup& group : groups) {
      for (const std::string& address : group.targets) {
        auto target = std::make_unique<Target>();
        target->job = job;
        target->labels = TargetLabels(job, group, address);
        target->url = TargetUrl(job, group, address);
        const auto series = [&](std::string_view name) {
          Labels labels = target->labels;
          labels.Set(kMetricName, name);
          return sink_->Ref(labels);
        };
        target->report.up = series("up");
        target->report.duration = series("scrape_duration_seconds");
        target->report.scraped = series("scrape_samples_scraped");
        target->report.post_relabeling = series("scrape_samples_post_metric_relabeling");
        target->report.added = series("scrape_series_added");
        target->status.job = job.name;
        target->status.labels = target->labels;
        target->status.url = target->url;
        target->status.interval = job.interval;
        target->status.timeout = job.timeout;
        targets_.push_back(std::move(target));
      }
    }
  }
}

Scraper::~Scraper() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return running_ == 0; });
}

Nanos Scraper::RunDue(Nanos now) {
  Nanos wait = kMinute;
  for (const auto& owned : targets_) {
    Target* const target = owned.get();
    if (target->next_due <= now) {
      const bool first = target->next_due == std::numeric_limits<Nanos>::min();
      const Nanos missed = first ? 0 : (now - target->next_due) / target->job.interval;
      target->next_due = (first ? now : target->next_due) + (missed + 1) * target->job.interval;
      std::unique_lock lock(mutex_);
      if (!target->running) {
        target->running = true;
        ++running_;
        lock.unlock();
        const auto scrape = [this, target, now] { Scrape(target, now); };
        if (pool_ == nullptr) {
          scrape();
        } else if (!pool_->TrySubmit(scrape)) {
          log::Warn("scrape skipped", {{"url", target->url}, {"err", "too many scrapes waiting"}});
          lock.lock();
          target->running = false;
          --running_;
        }
      }
    }
    wait = std::min(wait, target->next_due - now);
  }
  return wait;
}

void Scraper::Scrape(Target* target, Nanos due) {
  const Millis time = due / kMillisecond;
  const Nanos start = clock_->Now();
  Result<Scraped> scraped = target->Fetch(fetch_, sink_, time);
  const Nanos took = clock_->Now() - start;
  Status error = scraped.has_value() ? Status() : scraped.error();
  const Status appended = target->Append(sink_, &scraped, time, took);
  if (error.ok()) error = appended;
  if (!appended.ok()) {
    log::Error("scrape not stored", {{"url", target->url}, {"err", appended.ToString()}});
  } else if (!error.ok()) {
    log::Debug("scrape failed", {{"url", target->url}, {"err", error.ToString()}});
  }
  const std::lock_guard lock(mutex_);
  target->status.health = error.ok() ? Health::kUp : Health::kDown;
  target->status.last_error = error.message();
  target->status.last_scrape = due;
  target->status.last_duration = took;
  target->running = false;
  --running_;
  idle_.notify_all();
}

std::vector<TargetStatus> Scraper::Targets() const {
  const std::lock_guard lock(mutex_);
  std::vector<TargetStatus> statuses;
  statuses.reserve(targets_.size());
  for (const auto& target : targets_) statuses.push_back(target->status);
  return statuses;
}

}  // namespace tocsin::scrape
