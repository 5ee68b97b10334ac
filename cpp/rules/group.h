/// A group of rules: evaluated together at one time, so that a rule sees what those before it wrote
/// and those after it have not written yet. Rules for which that makes no difference may be
/// evaluated side by side. Private to this folder.

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
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/model/ports.h"
#include "cpp/model/state_store.h"
#include "cpp/rules/alerting_rule.h"
#include "cpp/rules/options.h"
#include "cpp/rules/rule_file.h"
#include "cpp/rules/rule_metrics.h"
#include "cpp/rules/rule_order.h"
#include "cpp/rules/views.h"

namespace tocsin::rules {

/// What StateStore::Load gave.
using SavedState = std::map<std::string, std::string, std::less<>>;

/// Labels that belong to the rule and not to what it gives, as they are written.
Labels OwnLabels(const RuleSpec& spec);

class Group {
 public:
  /// `ports` must outlive the group.
  Group(GroupSpec spec, std::shared_ptr<const Options> options, const Ports& ports);
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  /// When the next evaluation is due: a nominal time, the same after every restart.
  Nanos next_due() const { return next_due_; }
  Nanos interval() const { return interval_; }
  const GroupSpec& spec() const { return spec_; }

  /// Makes the first nominal time after `now` the next one.
  void Schedule(Nanos now);

  /// Evaluates at the last nominal time that is not after `now`, counts those missed before it,
  /// saves the state, and only then sends alerts: what was sent is known after a crash.
  /// REQUIRES: next_due() <= now.
  void Run(Nanos now);

  /// Evaluates one of the rules that Run(), on another thread, has not come to yet and that waits
  /// for none. False: there is none. Thread-safe.
  bool Help();

  /// Takes over what was saved before the process began.
  void Restore(const SavedState& saved, Nanos now);
  /// Takes over schedule and state of this group's former version. Rules that are not there any
  /// more leave their series to this group, which ends them at its next evaluation.
  void CopyFrom(Group* former);
  /// Takes over the series of rules of a group that is going away, where a rule of this group has
  /// the same name: they end only if this group's next evaluation does not give them.
  void Adopt(Group* leaving);
  /// Ends the series of all rules: the group is going away.
  void End(Nanos now);

  /// The keys under which this group saves.
  std::vector<std::string> StateKeys() const;
  std::shared_ptr<const GroupView> view() const { return view_; }

 private:
  using SeriesMap = std::unordered_map<Labels, SeriesRef, LabelsHash>;

  struct Rule {
    const RuleSpec* spec = nullptr;
    std::string key;    ///< Tells it from the other rules of the group, over reloads and restarts.
    std::string query;  ///< The expression as PromQL prints it.
    std::optional<AlertingRule> alerting;
    SeriesMap series;             ///< Those written by the last evaluation.
    std::string saved;            ///< What the store holds of it.
    std::vector<Alert> outgoing;  ///< What the evaluation under way wants to be sent.
    Status error;
    Status template_error;
    bool evaluated = false;
    bool found_data = true;          ///< At the last evaluation.
    std::optional<Nanos> last_data;  ///< The last evaluation that found any.
    Nanos evaluation_time = 0;
    Nanos last_evaluation = 0;
  };
  using SeriesList = std::vector<AlertingRule::Series>;

  void EvaluateRules(Nanos now);
  void EvaluateTaken(size_t index);
  void EvaluateRule(Rule* rule, Nanos now);
  Status ComputeAndWrite(Rule* rule, Nanos now);
  Result<SeriesList> Compute(Rule* rule, Nanos now);
  Result<SeriesList> Alerting(Rule* rule, QueryAnswer answer, Nanos now);
  Result<SeriesList> Record(const Rule& rule, QueryAnswer answer) const;
  class Exchange;
  Status Write(SeriesMap* before, SeriesList series, Nanos now);
  void EndOrphans(Nanos now);
  std::vector<Alert> DueAlerts(Rule* rule, Nanos now);
  void Complain(const Rule& rule, const Status& former) const;
  void Save();
  std::string StateOf(const Rule& rule) const;
  void RestoreRule(Rule* rule, std::string_view bytes, Nanos saved_at, Nanos now);
  std::shared_ptr<const GroupView> MakeView() const;
  RuleView ViewOf(const Rule& rule) const;
  std::string_view HealthOf(const Rule& rule) const;
  Millis SampleTime(Nanos now) const { return (now - query_offset_) / kMillisecond; }
  std::string KeyOf(const Rule& rule) const;

  const GroupSpec spec_;
  const std::shared_ptr<const Options> options_;
  const Ports& ports_;
  const Nanos interval_;
  const Nanos query_offset_;
  const std::string identity_;
  std::vector<Rule> rules_;
  RuleOrder order_;
  /// Of the evaluation under way: set before, and not changed while, rules can be taken.
  Nanos evaluated_at_ = 0;
  bool worth_help_ = false;
  SeriesMap orphans_;  ///< Series of rules that are gone, to be ended.
  std::vector<std::string> obsolete_keys_;
  Nanos next_due_ = 0;
  Nanos last_evaluation_ = 0;
  Nanos evaluation_time_ = 0;
  Nanos rule_time_ = 0;  ///< Of all rules together, in the last evaluation.
  std::shared_ptr<const GroupView> view_;

  RuleMetrics metrics_;
};

}  // namespace tocsin::rules
