/// Follows the alerts of all rules from evaluation to evaluation. Private to this folder.

#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "cpp/backtest/backtest.h"
#include "cpp/rules/views.h"

namespace tocsin::backtest {

using GroupViews = std::vector<std::shared_ptr<const rules::GroupView>>;

class AlertPeriods {
 public:
  /// `groups`: in the order in which they are always given.
  AlertPeriods(const GroupViews& groups, size_t max_periods);

  /// Looks at the groups that were evaluated at `now`. kResourceExhausted beyond the bound.
  Status Look(const GroupViews& groups, Nanos now);

  /// Rule by rule; of each, by pending_since and labels.
  std::vector<AlertPeriod> TakePeriods();
  /// Without the number of queries.
  std::vector<RuleReport> TakeReports() { return std::move(reports_); }

 private:
  struct Open {
    size_t period = 0;
    Nanos seen = 0;
  };
  struct Rule {
    std::vector<AlertPeriod> periods;
    std::unordered_map<Labels, Open, LabelsHash> open;
  };

  Status LookAt(const rules::RuleView& view, Nanos now, Rule* rule, const RuleReport& report);
  static void Note(const rules::AlertView& alert, Nanos now, AlertPeriod* period);

  const size_t max_periods_;
  size_t periods_ = 0;
  std::vector<Rule> rules_;  ///< Of all groups, one after the other.
  std::vector<RuleReport> reports_;
};

}  // namespace tocsin::backtest
