#include "cpp/alerting/inhibitor.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "cpp/base/hash.h"
#include "cpp/base/record.h"

namespace tocsin::alerting {
namespace {

struct Source {
  Nanos ends_at = 0;
  bool is_target = false;  ///< It matches the other side of the rule too.
};

// By fingerprint.
using Sources = std::map<uint64_t, Source>;

struct Rule {
  routing::InhibitRule config;
  /// By the values of the labels that must be equal.
  std::unordered_map<std::string, Sources, StringHash, std::equal_to<>> sources;

  std::string EqualKey(const Labels& labels) const {
    RecordWriter writer;
    for (const std::string& name : config.equal) writer.Text(labels.Get(name));
    return std::move(writer).Take();
  }
};

}  // namespace

class Inhibitor::Impl {
 public:
  explicit Impl(std::span<const routing::InhibitRule> rules) {
    for (const routing::InhibitRule& rule : rules) rules_.push_back({rule, {}});
  }

  void Update(const Alert& alert) {
    const std::lock_guard lock(mutex_);
    for (Rule& rule : rules_) {
      if (!routing::MatchesAll(rule.config.source, alert.labels)) continue;
      rule.sources[rule.EqualKey(alert.labels)][Fingerprint(alert.labels)] = {
          .ends_at = alert.ends_at,
          .is_target = routing::MatchesAll(rule.config.target, alert.labels)};
    }
  }

  void Forget(const Labels& labels) {
    const std::lock_guard lock(mutex_);
    for (Rule& rule : rules_) {
      const auto it = rule.sources.find(rule.EqualKey(labels));
      if (it == rule.sources.end()) continue;
      it->second.erase(Fingerprint(labels));
      if (it->second.empty()) rule.sources.erase(it);
    }
  }

  std::vector<uint64_t> Inhibiting(const Labels& labels, Nanos now) const {
    std::vector<uint64_t> fingerprints;
    const std::shared_lock lock(mutex_);
    for (const Rule& rule : rules_) {
      if (rule.sources.empty() || !routing::MatchesAll(rule.config.target, labels)) continue;
      const auto it = rule.sources.find(rule.EqualKey(labels));
      if (it == rule.sources.end()) continue;
      const bool both = routing::MatchesAll(rule.config.source, labels);
      size_t listed = 0;
      for (const auto& [fingerprint, source] : it->second) {
        if (source.ends_at <= now || (both && source.is_target)) continue;
        fingerprints.push_back(fingerprint);
        if (++listed == kListedMax) break;
      }
    }
    std::ranges::sort(fingerprints);
    const auto [first, last] = std::ranges::unique(fingerprints);
    fingerprints.erase(first, last);
    return fingerprints;
  }

 private:
  mutable std::shared_mutex mutex_;
  std::vector<Rule> rules_;
};

Inhibitor::Inhibitor(std::span<const routing::InhibitRule> rules)
    : impl_(std::make_unique<Impl>(rules)) {}
Inhibitor::~Inhibitor() = default;

void Inhibitor::Update(const Alert& alert) { impl_->Update(alert); }
void Inhibitor::Forget(const Labels& labels) { impl_->Forget(labels); }
std::vector<uint64_t> Inhibitor::Inhibiting(const Labels& labels, Nanos now) const {
  return impl_->Inhibiting(labels, now);
}

}  // namespace tocsin::alerting
