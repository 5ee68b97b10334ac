#include "cpp/rules/alerting_rule.h"

#include <algorithm>
#include <string>
#include <utility>

#include "cpp/rules/saturated.h"

namespace tocsin::rules {
namespace {

constexpr std::string_view kAlertName = "alertname";
constexpr std::string_view kAlertStateLabel = "alertstate";
constexpr std::string_view kTraces = "traces";
constexpr int kEvaluationsToRestore = 2;

}  // namespace

std::string_view AlertStateName(AlertState state) {
  switch (state) {
    case AlertState::kInactive:
      return "inactive";
    case AlertState::kPending:
      return "pending";
    case AlertState::kFiring:
      return "firing";
  }
  return "unknown";
}

/// What the elements of one evaluation would be as alerts.
class AlertingRule::Instances {
 public:
  Instances(AlertingRule* rule, const tmpl::AlertEnvironment& environment, Nanos now,
            const TraceFinder& find_traces)
      : rule_(*rule),
        plain_(environment),
        environment_(environment),
        now_(now),
        find_traces_(find_traces) {
    environment_.traces = [this] { return Traces(); };
  }

  Result<AlertMap> Make(std::span<const QuerySample> samples) {
    AlertMap alerts;
    alerts.reserve(samples.size());
    for (const QuerySample& sample : samples) {
      ActiveAlert alert = MakeOne(sample);
      Labels key = alert.labels;
      if (!alerts.emplace(std::move(key), std::move(alert)).second) {
        return FailedPreconditionError(
            "vector contains metrics with the same labelset after applying alert labels");
      }
    }
    return alerts;
  }

  Status TakeError() { return std::move(error_); }

 private:
  /// More than are carried, so that those of before are found again.
  static constexpr size_t kCandidates = 4 * kTracesMax;

  ActiveAlert MakeOne(const QuerySample& sample) {
    ActiveAlert alert;
    alert.labels = sample.labels;
    alert.labels.Remove(kMetricName);
    element_ = alert.labels;
    for (const TemplatedText& label : rule_.spec_.labels) {
      alert.labels.Set(label.name, Expand(plain_, "label", label, sample));
    }
    alert.labels.Set(kAlertName, rule_.spec_.name);
    const auto known = rule_.alerts_.find(alert.labels);
    const bool goes_on =
        known != rule_.alerts_.end() && known->second.state != AlertState::kInactive;
    known_ = goes_on ? &known->second : nullptr;
    fires_ = now_ - (goes_on ? known_->active_at : now_) >= rule_.spec_.hold;
    looked_ = false;
    traces_ = goes_on ? known_->traces : std::vector<std::string>();
    traces_at_ = goes_on ? known_->traces_at : std::nullopt;
    for (const TemplatedText& annotation : rule_.spec_.annotations) {
      alert.annotations.emplace_back(annotation.name,
                                     Expand(environment_, "annotation", annotation, sample));
    }
    if (fires_ && !rule_.own_traces_) AnnotateTraces(&alert.annotations);
    alert.traces = std::move(traces_);
    alert.traces_at = traces_at_;
    alert.value = sample.value;
    alert.active_at = now_;
    return alert;
  }

  std::string Expand(const tmpl::AlertEnvironment& environment, std::string_view what,
                     const TemplatedText& text, const QuerySample& sample) {
    Status error;
    std::string expanded = text.parsed.ExpandOrExplain(environment, sample, &error);
    if (!error.ok() && error_.ok()) {
      error_ = error.WithContext(std::string(what) + " \"" + text.name + "\"");
    }
    return expanded;
  }

  void AnnotateTraces(Annotations* annotations) {
    const std::vector<std::string>& ids = Traces();
    if (ids.empty()) return;
    std::string list;
    for (const std::string& id : ids) list.append(list.empty() ? "" : ",").append(id);
    const auto place =
        std::ranges::lower_bound(*annotations, kTraces, {}, &Annotations::value_type::first);
    annotations->emplace(place, kTraces, std::move(list));
  }

  /// Of the element at hand: looked for when it begins to fire and now and then while it does.
  /// Those of before stay in their places as long as they are found again.
  const std::vector<std::string>& Traces() {
    if (std::exchange(looked_, true) || !find_traces_) return traces_;
    const bool begins = fires_ && (known_ == nullptr || known_->state != AlertState::kFiring);
    const bool fresh = traces_at_ && now_ - *traces_at_ < kTracesPeriod;
    if (fresh && !begins) return traces_;
    std::optional<std::vector<std::string>> found = find_traces_(element_, kCandidates);
    if (!found) return traces_;
    traces_at_ = now_;
    std::erase_if(traces_, [&found](const std::string& id) { return std::erase(*found, id) == 0; });
    for (std::string& id : *found) {
      if (traces_.size() >= kTracesMax) break;
      traces_.push_back(std::move(id));
    }
    return traces_;
  }

  AlertingRule& rule_;
  const tmpl::AlertEnvironment& plain_;  ///< Labels must not change with the traces found.
  tmpl::AlertEnvironment environment_;
  const Nanos now_;
  const TraceFinder& find_traces_;
  Status error_;
  // Of the element at hand.
  Labels element_;
  const ActiveAlert* known_ = nullptr;
  bool fires_ = false;
  bool looked_ = false;
  std::vector<std::string> traces_;
  std::optional<Nanos> traces_at_;
};

AlertingRule::AlertingRule(const RuleSpec* spec)
    : spec_(*spec),
      own_traces_(std::ranges::find(spec->annotations, kTraces, &TemplatedText::name) !=
                  spec->annotations.end()) {}

void AlertingRule::CopyFrom(AlertingRule* former) {
  alerts_ = std::move(former->alerts_);
  saved_ = std::move(former->saved_);
  saved_at_ = former->saved_at_;
  evaluations_to_restore_ = former->evaluations_to_restore_;
  restore_ = former->restore_;
}

bool AlertingRule::Leave(ActiveAlert* alert, Nanos now) const {
  if (alert->state == AlertState::kFiring && spec_.keep_firing_for > 0) {
    if (!alert->keep_firing_since) alert->keep_firing_since = now;
    if (now - *alert->keep_firing_since < spec_.keep_firing_for) return true;
  }
  if (alert->state == AlertState::kFiring) {
    alert->state = AlertState::kInactive;
    alert->resolved_at = now;
  }
  return false;
}

void AlertingRule::Hold(ActiveAlert* alert, Nanos now) const {
  const bool held = now - alert->active_at >= spec_.hold;
  if (alert->state == AlertState::kPending && held) {
    alert->state = AlertState::kFiring;
    alert->fired_at = now;
  } else if (alert->state == AlertState::kFiring && !held) {
    // `for` was raised by a reload.
    alert->state = AlertState::kPending;
    alert->fired_at.reset();
    alert->last_sent_at.reset();
    alert->keep_firing_since.reset();
  }
}

Result<std::vector<AlertingRule::Series>> AlertingRule::Update(
    std::span<const QuerySample> samples, const tmpl::AlertEnvironment& environment, Nanos now,
    size_t limit, const TraceFinder& find_traces) {
  Instances instances(this, environment, now, find_traces);
  Result<AlertMap> made = instances.Make(samples);
  template_error_ = instances.TakeError();
  if (!made.has_value()) return Failure(made.error());
  AlertMap& given = *made;
  for (auto& [labels, alert] : given) {
    const auto known = alerts_.find(labels);
    if (known != alerts_.end() && known->second.state != AlertState::kInactive) {
      known->second.value = alert.value;
      known->second.annotations = alert.annotations;
      known->second.traces = alert.traces;
      known->second.traces_at = alert.traces_at;
    } else {
      alerts_.insert_or_assign(labels, alert);
    }
  }
  size_t active = 0;
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    ActiveAlert& alert = it->second;
    if (given.contains(it->first)) {
      alert.keep_firing_since.reset();
      Hold(&alert, now);
      ++active;
    } else if (Leave(&alert, now)) {
      Hold(&alert, now);
      ++active;
    } else if (alert.state == AlertState::kPending ||
               now - *alert.resolved_at > kResolvedRetention) {
      it = alerts_.erase(it);
      continue;
    }
    ++it;
  }
  if (limit > 0 && active > limit) {
    alerts_.clear();
    return FailedPreconditionError("exceeded limit of " + std::to_string(limit) + " with " +
                                   std::to_string(active) + " alerts");
  }
  silent_ = evaluations_to_restore_ > 0;
  if (!silent_) return PresentSeries();
  // Not before the second evaluation: the first may see too little of what was scraped since.
  if (--evaluations_to_restore_ == 0) RestoreAsPrometheus(now);
  return std::vector<Series>{};
}

std::vector<ActiveAlert> AlertingRule::TakeDue(Nanos now, Nanos resend_delay, Nanos validity) {
  std::vector<ActiveAlert> due;
  for (auto& [labels, alert] : alerts_) {
    if (alert.state == AlertState::kPending) continue;
    const bool is_news = !alert.last_sent_at || alert.resolved_at.value_or(0) > *alert.last_sent_at;
    if (!is_news && now - *alert.last_sent_at <= resend_delay) continue;
    alert.last_sent_at = now;
    alert.valid_until = SaturatedSum(now, validity);
    due.push_back(alert);
  }
  std::ranges::sort(due, {}, &ActiveAlert::labels);
  return due;
}

void AlertingRule::Restore(std::vector<ActiveAlert> alerts, Nanos saved_at, Nanos now,
                           const RestoreOptions& options) {
  restore_ = options;
  saved_at_ = saved_at;
  const bool exact = options.policy == RestorePolicy::kExact;
  if (!exact) evaluations_to_restore_ = kEvaluationsToRestore;
  const bool too_long = now - saved_at > options.outage_tolerance;
  if (!exact && (too_long || spec_.hold < options.grace_period)) return;
  for (ActiveAlert& alert : alerts) {
    if (exact && too_long && alert.state == AlertState::kPending) continue;
    if (!exact && alert.state == AlertState::kInactive) continue;
    // Whoever listens may have been away too, so everything is news again.
    alert.last_sent_at.reset();
    Labels key = alert.labels;
    (exact ? alerts_ : saved_).insert_or_assign(std::move(key), std::move(alert));
  }
}

void AlertingRule::RestoreAsPrometheus(Nanos now) {
  for (auto& [labels, alert] : alerts_) {
    const auto saved = saved_.find(labels);
    if (saved == saved_.end()) continue;
    const Nanos since = saved->second.active_at;
    const Nanos remaining = spec_.hold - (saved_at_ - since);
    if (remaining <= 0) {
      alert.active_at = since;  // It was firing: it fires again at the next evaluation.
    } else if (remaining < restore_.grace_period) {
      alert.active_at = now - (spec_.hold - restore_.grace_period);
    } else {
      alert.active_at = since + (now - saved_at_);  // The time away does not count.
    }
  }
  saved_.clear();
}

std::vector<ActiveAlert> AlertingRule::Alerts() const {
  std::vector<ActiveAlert> alerts;
  alerts.reserve(alerts_.size());
  for (const auto& [labels, alert] : alerts_) alerts.push_back(alert);
  std::ranges::sort(alerts, {}, &ActiveAlert::labels);
  return alerts;
}

void AlertingRule::AppendSeries(const ActiveAlert& alert, std::vector<Series>* series) const {
  Labels state = alert.labels;
  state.Set(kMetricName, "ALERTS");
  state.Set(kAlertStateLabel, AlertStateName(alert.state));
  series->push_back({std::move(state), 1});
  Labels since = alert.labels;
  since.Set(kMetricName, "ALERTS_FOR_STATE");
  const int64_t active_since = alert.active_at / kSecond;
  series->push_back({std::move(since), static_cast<double>(active_since)});
}

std::vector<AlertingRule::Series> AlertingRule::PresentSeries() const {
  std::vector<Series> series;
  for (const auto& [labels, alert] : alerts_) {
    if (alert.state != AlertState::kInactive) AppendSeries(alert, &series);
  }
  return series;
}

}  // namespace tocsin::rules
