/// The state machine of one alerting rule: inactive -> pending -> firing -> inactive, as Prometheus
/// runs it. Knows nothing of schedules, storage or delivery.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/rules/ports.h"
#include "cpp/rules/rule_file.h"
#include "cpp/template/alert_template.h"

namespace tocsin::rules {

enum class AlertState : uint8_t { kInactive, kPending, kFiring };

std::string_view AlertStateName(AlertState state);

/// One label set that the expression of a rule has given.
struct ActiveAlert {
  Labels labels;
  Annotations annotations;
  double value = 0;  ///< At the last evaluation that gave it.
  AlertState state = AlertState::kPending;
  Nanos active_at = 0;  ///< When the expression began to give it.
  std::optional<Nanos> fired_at;
  std::optional<Nanos> resolved_at;        ///< Set once it is inactive.
  std::optional<Nanos> keep_firing_since;  ///< When the expression stopped to give it.
  std::optional<Nanos> last_sent_at;       ///< Not kept over a restart.
  Nanos valid_until = 0;                   ///< What the last message said.
  std::vector<std::string> traces;         ///< Ids of traces that show it.
  std::optional<Nanos> traces_at;          ///< When they were looked for. Not kept over a restart.
};

/// What becomes of the states of alerts over a restart.
enum class RestorePolicy : uint8_t {
  /// Everything is as it was: pending since, firing since, kept firing since. Pending alerts are
  /// dropped if the process was away for longer than the outage tolerance.
  kExact,
  /// As Prometheus: only pending alerts of rules whose `for` is at least the grace period, the time
  /// away does not count, and at least the grace period remains to be waited. It is done after the
  /// second evaluation; until then ALERTS is not written.
  kPrometheus,
};

struct RestoreOptions {
  RestorePolicy policy = RestorePolicy::kExact;
  Nanos outage_tolerance = kHour;
  Nanos grace_period = 10 * kMinute;
};

/// A resolved alert is kept, and sent again, for this long, so that its end is heard of.
inline constexpr Nanos kResolvedRetention = 15 * kMinute;

/// So many traces an alert carries, and so often they are looked for while it fires.
inline constexpr size_t kTracesMax = 5;
inline constexpr Nanos kTracesPeriod = kMinute;

/// Ids of traces that show the element with these labels, at most `max`, the most telling first.
/// nullopt: there is no time for it now, and what was found before stays.
using TraceFinder =
    std::function<std::optional<std::vector<std::string>>(const Labels& labels, size_t max)>;

class AlertingRule {
 public:
  /// A series to be written, with its value.
  struct Series {
    Labels labels;
    double value = 0;
    HistogramPtr histogram = {};  ///< If set, this is the value. Never of an alert.
  };

  /// `spec` must outlive the rule.
  explicit AlertingRule(const RuleSpec* spec);

  /// Takes what the expression gave at `now`, moves every alert on, and returns the series ALERTS
  /// and ALERTS_FOR_STATE. kFailedPrecondition for two elements with the same labels, which changes
  /// nothing, and for more than `limit` alerts (0: none), which forgets all of them.
  ///
  /// Alerts that fire get the annotation `traces`, with what `find_traces` (which may be empty)
  /// finds, unless the rule has one of that name. Traces that are found again stay.
  Result<std::vector<Series>> Update(std::span<const QuerySample> samples,
                                     const tmpl::AlertEnvironment& environment, Nanos now,
                                     size_t limit, const TraceFinder& find_traces = {});

  /// The first template that could not be expanded in the last Update, "annotation "summary": ...";
  /// its text says so too, and the alerts are what they would have been.
  const Status& template_error() const { return template_error_; }

  /// The last Update has returned no series because the rule is still being restored: those of
  /// before are to be left as they are.
  bool silent() const { return silent_; }

  /// The alerts that are due to be sent at `now`, which then count as sent. `validity`: how long a
  /// firing alert holds if no other message follows.
  std::vector<ActiveAlert> TakeDue(Nanos now, Nanos resend_delay, Nanos validity);

  /// Takes over states saved before `now`, the last at `saved_at`; there may be none. To be called
  /// before the first Update.
  void Restore(std::vector<ActiveAlert> alerts, Nanos saved_at, Nanos now,
               const RestoreOptions& options);
  /// Takes over the alerts of this rule's former version, without any loss.
  void CopyFrom(AlertingRule* former);

  /// Every alert, the resolved ones included, in the order of their labels.
  std::vector<ActiveAlert> Alerts() const;
  /// The series that the present alerts have in the store, as the last Update returned them.
  std::vector<Series> PresentSeries() const;

 private:
  using AlertMap = std::unordered_map<Labels, ActiveAlert, LabelsHash>;
  class Instances;

  /// Whether an alert that the expression gives no longer is still to be kept as firing.
  bool Leave(ActiveAlert* alert, Nanos now) const;
  void Hold(ActiveAlert* alert, Nanos now) const;
  void AppendSeries(const ActiveAlert& alert, std::vector<Series>* series) const;
  void RestoreAsPrometheus(Nanos now);

  const RuleSpec& spec_;
  const bool own_traces_;  ///< The rule has an annotation of that name.
  AlertMap alerts_;
  Status template_error_;
  /// What Prometheus's way of restoring looks at after the second evaluation; empty later.
  AlertMap saved_;
  Nanos saved_at_ = 0;
  int evaluations_to_restore_ = 0;
  bool silent_ = false;
  RestoreOptions restore_;
};

}  // namespace tocsin::rules
