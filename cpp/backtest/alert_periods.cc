#include "cpp/backtest/alert_periods.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace tocsin::backtest {

AlertPeriods::AlertPeriods(const GroupViews& groups, size_t max_periods)
    : max_periods_(max_periods) {
  for (const auto& group : groups) {
    for (const rules::RuleView& rule : group->rules) {
      RuleReport& report = reports_.emplace_back();
      report.file = group->file;
      report.group = group->name;
      report.name = rule.name;
      report.alerting = rule.alerting;
    }
  }
  rules_.resize(reports_.size());
}

Status AlertPeriods::Look(const GroupViews& groups, Nanos now) {
  size_t index = 0;
  for (const auto& group : groups) {
    if (group->last_evaluation != now) {
      index += group->rules.size();
      continue;
    }
    for (const rules::RuleView& view : group->rules) {
      RuleReport& report = reports_[index];
      ++report.evaluations;
      if (view.failed) ++report.failures;
      if (view.health == "err") {
        report.last_error = view.last_error;
        report.last_error_at = now;
      }
      TOCSIN_RETURN_IF_ERROR(LookAt(view, now, &rules_[index], report));
      ++index;
    }
  }
  return {};
}

Status AlertPeriods::LookAt(const rules::RuleView& view, Nanos now, Rule* rule,
                            const RuleReport& report) {
  if (view.alerts.empty() && rule->open.empty()) return {};
  for (const rules::AlertView& alert : view.alerts) {
    auto open = rule->open.find(alert.labels);
    if (open == rule->open.end()) {
      if (++periods_ > max_periods_) {
        return ResourceExhaustedError("there are more than " + std::to_string(max_periods_) +
                                      " alert periods: shorten the time, or leave rules out");
      }
      AlertPeriod& period = rule->periods.emplace_back();
      period.file = report.file;
      period.group = report.group;
      period.alert = view.name;
      period.labels = alert.labels;
      period.pending_since = alert.active_at;
      period.peak = alert.value;
      open = rule->open.emplace(alert.labels, Open{rule->periods.size() - 1, now}).first;
    }
    open->second.seen = now;
    Note(alert, now, &rule->periods[open->second.period]);
  }
  std::erase_if(rule->open, [&](const auto& entry) {
    if (entry.second.seen == now) return false;
    rule->periods[entry.second.period].resolved_at = now;
    return true;
  });
  return {};
}

void AlertPeriods::Note(const rules::AlertView& alert, Nanos now, AlertPeriod* period) {
  ++period->evaluations;
  // A NaN is no peak, and gives way to whatever comes.
  if (!(alert.value <= period->peak)) period->peak = alert.value;
  if (period->firing_since) return;
  period->value = alert.value;
  period->annotations = alert.annotations;
  if (alert.state == "firing") period->firing_since = now;
}

std::vector<AlertPeriod> AlertPeriods::TakePeriods() {
  std::vector<AlertPeriod> all;
  all.reserve(periods_);
  for (Rule& rule : rules_) {
    std::ranges::sort(rule.periods, [](const AlertPeriod& a, const AlertPeriod& b) {
      return std::tie(a.pending_since, a.labels) < std::tie(b.pending_since, b.labels);
    });
    std::ranges::move(rule.periods, std::back_inserter(all));
  }
  return all;
}

}  // namespace tocsin::backtest
