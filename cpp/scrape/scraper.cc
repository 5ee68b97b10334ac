#include "cpp/scrape/scraper.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "cpp/scrape/scrape_metrics.h"
#include "cpp/scrape/target_loop.h"
#include "cpp/scrape/target_pool.h"

namespace tocsin::scrape {

namespace {

ScraperPorts WithStop(ScraperPorts ports, std::stop_token stop) {
  ports.stop = std::move(stop);
  return ports;
}

}  // namespace

Scraper::Scraper(ScraperPorts ports)
    : ports_(WithStop(std::move(ports), stop_.get_token())),
      metrics_(std::make_unique<ScrapeMetrics>(ports_.telemetry)) {}

Scraper::~Scraper() {
  stop_.request_stop();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return running_ == 0; });
}

void Scraper::SetJobs(std::vector<Job> jobs) {
  const std::lock_guard lock(mutex_);
  new_jobs_ = std::move(jobs);
}

Nanos Scraper::RunDue(Nanos now) {
  ApplyJobs(now);
  const Nanos next_end = EndRetired(now);
  return std::min(next_end, StartDue(now));
}

void Scraper::ApplyJobs(Nanos now) {
  const std::lock_guard lock(mutex_);
  TargetPool::Loops retired;
  if (new_jobs_.has_value()) {
    std::map<std::string, std::unique_ptr<TargetPool>, std::less<>> before = std::move(pools_);
    pools_.clear();
    for (Job& job : *new_jobs_) {
      const auto known = before.find(job.name);
      const std::string name = job.name;
      if (known == before.end()) {
        pools_.emplace(name, std::make_unique<TargetPool>(std::move(job), ports_, metrics_.get()));
      } else {
        known->second->SetJob(std::move(job));
        pools_.emplace(name, std::move(known->second));
        before.erase(known);
      }
    }
    for (const auto& [name, pool] : before) {
      for (auto& loop : pool->TakeLoops()) retired.push_back(std::move(loop));
    }
    new_jobs_.reset();
  }
  for (const auto& [name, pool] : pools_) pool->Refresh(now, &retired);
  for (auto& loop : retired) {
    const Nanos interval = loop->Describe().interval;
    // Its target may be back by then, with samples of the same series at later times.
    const Nanos end = loop->NextDue(now);
    retired_.push_back({std::move(loop), end, end + interval + interval / 10});
  }
}

Nanos Scraper::StartDue(Nanos now) {
  std::vector<std::pair<std::shared_ptr<TargetLoop>, Nanos>> due;
  Nanos wait = kMinute;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, pool] : pools_) {
      if (pool->follows_files()) wait = std::min(wait, discover::FileDiscovery::kLookInterval);
      for (const auto& [url, loop] : pool->loops()) {
        if (loop->NextDue(now) <= now) {
          const std::optional<Nanos> time = loop->Begin(now);
          if (time.has_value()) due.emplace_back(loop, *time);
        }
        wait = std::min(wait, loop->NextDue(now) - now);
      }
    }
    running_ += due.size();
  }
  for (const auto& [loop, time] : due) Start(loop, time);
  return wait;
}

void Scraper::Start(const std::shared_ptr<TargetLoop>& loop, Nanos time) {
  const auto ended = [this] {
    const std::lock_guard lock(mutex_);
    --running_;
    idle_.notify_all();
  };
  const auto scrape = [loop, time, ended] {
    loop->Run(time);
    ended();
  };
  if (ports_.pool == nullptr) {
    scrape();
  } else if (!ports_.pool->TrySubmit(scrape)) {
    metrics_->skipped.Add(1);
    loop->Abandon();
    ended();
  }
}

Nanos Scraper::EndRetired(Nanos now) {
  std::vector<Retired> ready;
  TargetPool::Loops active;
  Nanos wait = kMinute;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(retired_, [&](Retired& retired) {
      if (retired.after > now || retired.loop->running()) {
        wait = std::min(wait, std::max(retired.after - now, kSecond));
        return false;
      }
      ready.push_back(std::move(retired));
      return true;
    });
    if (ready.empty()) return wait;
    for (const auto& [name, pool] : pools_) {
      for (const auto& [url, loop] : pool->loops()) active.push_back(loop);
    }
  }
  std::unordered_set<SeriesRef> alive;
  for (const auto& loop : active) loop->AddTracked(&alive);
  for (const Retired& retired : ready) {
    retired.loop->EndSeries(alive, retired.end / kMillisecond);
  }
  return wait;
}

std::vector<std::string> Scraper::Pools() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  names.reserve(pools_.size());
  for (const auto& [name, pool] : pools_) names.push_back(name);
  return names;
}

std::vector<const TargetPool*> Scraper::PoolsNamed(std::string_view name) const {
  std::vector<const TargetPool*> pools;
  for (const auto& [own_name, pool] : pools_) {
    if (name.empty() || name == own_name) pools.push_back(pool.get());
  }
  return pools;
}

std::vector<ActiveTarget> Scraper::Targets(std::string_view pool) const {
  const std::lock_guard lock(mutex_);
  std::vector<ActiveTarget> targets;
  for (const TargetPool* one : PoolsNamed(pool)) {
    for (const auto& [url, loop] : one->loops()) targets.push_back(loop->Describe());
  }
  return targets;
}

std::vector<DroppedTarget> Scraper::Dropped(std::string_view pool) const {
  const std::lock_guard lock(mutex_);
  std::vector<DroppedTarget> targets;
  for (const TargetPool* one : PoolsNamed(pool)) {
    for (const Labels& labels : one->dropped()) targets.push_back({one->job().name, labels});
  }
  return targets;
}

std::map<std::string, size_t> Scraper::DroppedCounts() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, size_t> counts;
  for (const auto& [name, pool] : pools_) counts.emplace(name, pool->dropped_count());
  return counts;
}

std::vector<TargetMetadata> Scraper::Metadata(std::string_view metric,
                                              size_t limit_per_target) const {
  TargetPool::Loops loops;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, pool] : pools_) {
      for (const auto& [url, loop] : pool->loops()) loops.push_back(loop);
    }
  }
  std::vector<TargetMetadata> all;
  for (const auto& loop : loops) {
    const ActiveTarget target = loop->Describe();
    size_t taken = 0;
    for (MetricMetadata& metadata : loop->Metadata()) {
      if (!metric.empty() && metadata.family != metric) continue;
      if (limit_per_target != 0 && taken == limit_per_target) break;
      ++taken;
      all.push_back({target.pool, target.labels, std::move(metadata)});
    }
  }
  return all;
}

Result<std::vector<RelabelStep>> Scraper::RelabelSteps(std::string_view pool,
                                                       const Labels& labels) const {
  relabel::Rules rules;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pools_.find(pool);
    if (found == pools_.end()) {
      return NotFoundError("scrape pool \"" + std::string(pool) + "\" not found");
    }
    rules = found->second->job().relabelling;
  }
  std::vector<RelabelStep> steps;
  Labels output = labels;
  for (size_t i = 0; i < rules.rules().size(); ++i) {
    const bool keep = rules.ApplyOne(i, &output);
    steps.push_back({rules.rules()[i], keep ? output : Labels(), keep});
    if (!keep) break;
  }
  return steps;
}

}  // namespace tocsin::scrape
