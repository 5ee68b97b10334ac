#include "cpp/scrape/target_pool.h"

#include <optional>

#include "cpp/base/log.h"
#include "cpp/scrape/target.h"

namespace tocsin::scrape {

TargetPool::TargetPool(Job job, const ScraperPorts& ports, ScrapeMetrics* metrics)
    : ports_(ports), metrics_(*metrics) {
  fetch_ = ports_.client(job.client);
  for (const TargetFiles& files : job.files) files_.emplace_back(files, ports_.telemetry);
  job_ = std::move(job);
}

TargetPool::~TargetPool() { metrics_.Targets(job_.name).Set(0); }

void TargetPool::SetJob(Job job) {
  if (!(job.client == job_.client)) fetch_ = ports_.client(job.client);
  if (job.files != job_.files) {
    files_.clear();
    for (const TargetFiles& files : job.files) files_.emplace_back(files, ports_.telemetry);
    next_look_ = 0;
  }
  job_ = std::move(job);
  changed_ = true;
}

void TargetPool::Refresh(Nanos now, Loops* retired) {
  if (!files_.empty() && now >= next_look_) {
    next_look_ = now + discover::FileDiscovery::kLookInterval;
    for (discover::FileDiscovery& files : files_) changed_ = files.Refresh(now) || changed_;
  }
  if (!changed_) return;
  changed_ = false;
  Replace(Discover(), retired);
}

TargetPool::Loops TargetPool::TakeLoops() {
  Loops loops;
  for (auto& [key, loop] : by_key_) loops.push_back(std::move(loop));
  by_key_.clear();
  by_url_.clear();
  return loops;
}

std::vector<Target> TargetPool::Discover() {
  dropped_.clear();
  dropped_count_ = 0;
  std::vector<TargetGroup> groups = job_.groups;
  for (const discover::FileDiscovery& files : files_) {
    for (TargetGroup& group : files.Groups()) groups.push_back(std::move(group));
  }
  std::vector<Target> targets;
  for (const TargetGroup& group : groups) {
    for (const std::string& address : group.targets) {
      Labels discovered = DiscoveredLabels(job_, address, group.labels);
      Result<std::optional<Target>> target = MakeTarget(job_, discovered);
      if (!target.has_value()) {
        log::Error("target refused",
                   {{"job", job_.name}, {"address", address}, {"err", target.error().message()}});
      } else if (target->has_value()) {
        targets.push_back(**std::move(target));
      } else {
        ++dropped_count_;
        const size_t kept = job_.keep_dropped_targets;
        if (kept == 0 || dropped_.size() < kept) dropped_.push_back(std::move(discovered));
      }
    }
  }
  return targets;
}

void TargetPool::Replace(std::vector<Target> targets, Loops* retired) {
  std::map<std::string, std::shared_ptr<TargetLoop>> before = std::move(by_key_);
  by_key_.clear();
  by_url_.clear();
  for (Target& target : targets) {
    std::string key = target.Key();
    if (by_key_.contains(key)) continue;  // Discovered twice.
    std::shared_ptr<const ScrapePlan> plan = MakePlan(job_, std::move(target), fetch_, ports_.stop);
    const auto old = before.find(key);
    std::shared_ptr<TargetLoop> loop;
    if (old != before.end() && old->second->CanTake(*plan)) {
      loop = std::move(old->second);
      before.erase(old);
      loop->Take(plan);
    } else {
      loop = std::make_shared<TargetLoop>(plan, ports_, &metrics_);
    }
    by_url_.emplace(plan->target.url, loop);
    by_key_.emplace(std::move(key), std::move(loop));
  }
  for (auto& [key, loop] : before) retired->push_back(std::move(loop));
  metrics_.Targets(job_.name).Set(static_cast<double>(by_key_.size()));
  Status refusal;
  if (job_.target_limit != 0 && by_key_.size() > job_.target_limit) {
    metrics_.target_limit.Add(1);
    refusal = ResourceExhaustedError(
        "target_limit exceeded (number of targets: " + std::to_string(by_key_.size()) +
        ", limit: " + std::to_string(job_.target_limit) + ")");
  }
  for (const auto& [key, loop] : by_key_) loop->SetRefusal(refusal);
}

}  // namespace tocsin::scrape
