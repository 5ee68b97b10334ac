#include "cpp/rules/alerting_rule.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tocsin::rules {
namespace {

constexpr std::string_view kAlertName = "alertname";
constexpr std::string_view kAlertStateLabel = "alertstate";

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

Result<AlertingRule::AlertMap> AlertingRule::Instantiate(std::span<const QuerySample> samples,
                                                         const tmpl::AlertEnvironment& environment,
                                                         Nanos now) const {
  AlertMap alerts;
  alerts.reserve(samples.size());
  for (const QuerySample& sample : samples) {
    ActiveAlert alert;
    alert.labels = sample.labels;
    alert.labels.Remove(kMetricName);
    for (const TemplatedText& label : spec_.labels) {
      alert.labels.Set(label.name,
                       label.parsed.ExpandOrExplain(environment, sample.labels, sample.value));
    }
    alert.labels.Set(kAlertName, spec_.name);
    for (const TemplatedText& annotation : spec_.annotations) {
      alert.annotations.emplace_back(
          annotation.name,
          annotation.parsed.ExpandOrExplain(environment, sample.labels, sample.value));
    }
    alert.value = sample.value;
    alert.active_at = now;
    Labels key = alert.labels;
    if (!alerts.emplace(std::move(key), std::move(alert)).second) {
      return FailedPreconditionError(
          "vector contains metrics with the same labelset after applying alert labels");
    }
  }
  return alerts;
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
  }
}

Result<std::vector<AlertingRule::Series>> AlertingRule::Update(
    std::span<const QuerySample> samples, const tmpl::AlertEnvironment& environment, Nanos now,
    size_t limit) {
  TOCSIN_ASSIGN_OR_RETURN(AlertMap given, Instantiate(samples, environment, now));
  for (auto& [labels, alert] : given) {
    const auto known = alerts_.find(labels);
    if (known != alerts_.end() && known->second.state != AlertState::kInactive) {
      known->second.value = alert.value;
      known->second.annotations = alert.annotations;
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
  if (!saved_.empty()) {
    // As in Prometheus, the evaluation that restores writes no series of its own.
    RestoreAsPrometheus(now);
    return std::vector<Series>{};
  }
  return PresentSeries();
}

std::vector<ActiveAlert> AlertingRule::TakeDue(Nanos now, Nanos resend_delay, Nanos validity) {
  std::vector<ActiveAlert> due;
  for (auto& [labels, alert] : alerts_) {
    if (alert.state == AlertState::kPending) continue;
    const bool is_news = !alert.last_sent_at || alert.resolved_at.value_or(0) > *alert.last_sent_at;
    if (!is_news && now - *alert.last_sent_at <= resend_delay) continue;
    alert.last_sent_at = now;
    alert.valid_until = now + validity;
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
      alert.active_at = now + restore_.grace_period - spec_.hold;
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
