/// A group of rules: evaluated together at one time, in order, so that a rule sees what those
/// before it wrote. Private to this folder.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/ports.h"
#include "cpp/model/state_store.h"
#include "cpp/rules/alerting_rule.h"
#include "cpp/rules/options.h"
#include "cpp/rules/rule_file.h"
#include "cpp/rules/views.h"

namespace tocsin::rules {

/// What StateStore::Load gave.
using SavedState = std::map<std::string, std::string, std::less<>>;

class Group {
 public:
  /// `options` and `ports` must outlive the group.
  Group(GroupSpec spec, const Options& options, const Ports& ports);
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  /// When the next evaluation is due: a nominal time, the same after every restart.
  Nanos next_due() const { return next_due_; }
  Nanos interval() const { return interval_; }
  const GroupSpec& spec() const { return spec_; }

  /// Makes the first nominal time after `now` the next one.
  void Schedule(Nanos now);

  /// Evaluates at the last nominal time that is not after `now`, counts those missed before it, and
  /// saves the state. REQUIRES: next_due() <= now.
  void Run(Nanos now);

  /// Takes over what was saved before the process began.
  void Restore(const SavedState& saved, Nanos now);
  /// Takes over schedule and state of this group's former version. Rules that are not there any
  /// more leave their series to this group, which ends them at its next evaluation.
  void CopyFrom(Group* former);
  /// Ends the series of all rules: the group is going away.
  void End(Nanos now);

  /// The keys under which this group saves.
  std::vector<std::string> StateKeys() const;
  std::shared_ptr<const GroupView> view() const { return view_; }

 private:
  using SeriesMap = std::unordered_map<Labels, SeriesRef, LabelsHash>;

  struct Rule {
    const RuleSpec* spec = nullptr;
    std::string key;  ///< Tells it from the other rules of the group, over reloads and restarts.
    std::optional<AlertingRule> alerting;
    SeriesMap series;   ///< Those written by the last evaluation.
    std::string saved;  ///< What the store holds of it.
    Status error;
    bool evaluated = false;
    Nanos evaluation_time = 0;
    Nanos last_evaluation = 0;
  };
  using SeriesList = std::vector<AlertingRule::Series>;

  void EvaluateRule(Rule* rule, Nanos now);
  Result<SeriesList> Compute(Rule* rule, Nanos now);
  Result<SeriesList> Record(const Rule& rule, std::vector<QuerySample> samples) const;
  Status Write(Rule* rule, const SeriesList& series, Nanos now);
  void SendAlerts(Rule* rule, Nanos now);
  void Save();
  std::string StateOf(const Rule& rule) const;
  void RestoreRule(Rule* rule, std::string_view bytes, Nanos saved_at, Nanos now);
  std::shared_ptr<const GroupView> MakeView() const;
  RuleView ViewOf(const Rule& rule) const;
  Millis SampleTime(Nanos now) const { return (now - query_offset_) / kMillisecond; }
  std::string KeyOf(const Rule& rule) const;

  const GroupSpec spec_;
  const Options& options_;
  const Ports& ports_;
  const Nanos interval_;
  const Nanos query_offset_;
  const std::string identity_;
  std::vector<Rule> rules_;
  SeriesMap orphans_;  ///< Series of rules that are gone, to be ended.
  std::vector<std::string> obsolete_keys_;
  Nanos next_due_ = 0;
  Nanos last_evaluation_ = 0;
  Nanos evaluation_time_ = 0;
  std::shared_ptr<const GroupView> view_;

  Counter& evaluations_;
  Counter& failures_;
  Counter& iterations_;
  Counter& missed_;
  Gauge& last_duration_;
  Gauge& last_timestamp_;
  Gauge& last_samples_;
};

}  // namespace tocsin::rules
