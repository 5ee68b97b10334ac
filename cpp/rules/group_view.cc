#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/rules/group.h"

namespace tocsin::rules {
namespace {

/// A rule whose metrics were not seen for so long shows the health "nodata"; for a shorter time
/// they may be away without that.
constexpr Nanos kDataAbsence = kHour;

}  // namespace

std::shared_ptr<const GroupView> Group::MakeView() const {
  auto view = std::make_shared<GroupView>();
  view->name = spec_.name;
  view->file = spec_.file;
  view->interval = interval_;
  view->query_offset = query_offset_;
  view->limit = spec_.limit;
  view->evaluation_time = evaluation_time_;
  view->last_evaluation = last_evaluation_;
  for (const Rule& rule : rules_) view->rules.push_back(ViewOf(rule));
  return view;
}

std::string_view Group::HealthOf(const Rule& rule) const {
  if (!rule.evaluated) return "unknown";
  if (!rule.error.ok() || !rule.template_error.ok()) return "err";
  const bool absent = !rule.last_data || rule.last_evaluation - *rule.last_data > kDataAbsence;
  return !rule.found_data && absent ? "nodata" : "ok";
}

RuleView Group::ViewOf(const Rule& rule) const {
  RuleView view;
  view.alerting = rule.spec->alerting;
  view.name = rule.spec->name;
  view.query = rule.query;
  view.hold = rule.spec->hold;
  view.keep_firing_for = rule.spec->keep_firing_for;
  view.labels = OwnLabels(*rule.spec);
  for (const TemplatedText& text : rule.spec->annotations) {
    view.annotations.emplace_back(text.name, text.text);
  }
  view.health = HealthOf(rule);
  view.failed = !rule.error.ok();
  if (view.health == "err") {
    view.last_error = rule.error.ok() ? rule.template_error.message() : rule.error.message();
  } else if (view.health == "nodata") {
    view.last_error = "no selector of the expression finds any series";
  }
  view.evaluation_time = rule.evaluation_time;
  view.last_evaluation = rule.last_evaluation;
  if (!rule.alerting) return view;
  AlertState most = AlertState::kInactive;
  for (ActiveAlert& alert : rule.alerting->Alerts()) {
    most = std::max(most, alert.state);
    if (alert.state == AlertState::kInactive) continue;
    view.alerts.push_back({std::move(alert.labels), std::move(alert.annotations),
                           std::string(AlertStateName(alert.state)), alert.active_at,
                           alert.keep_firing_since, alert.value});
  }
  const bool unknown = !rule.evaluated && view.alerts.empty();
  view.state = unknown ? "unknown" : AlertStateName(most);
  return view;
}

}  // namespace tocsin::rules
