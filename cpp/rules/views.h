/// What the rules say about themselves: the read models of /api/v1/rules and /api/v1/alerts. Plain
/// values, taken after an evaluation and immutable from then on.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"

namespace tocsin::rules {

/// A pending or firing alert. Resolved ones are not shown.
struct AlertView {
  Labels labels;
  Annotations annotations;  ///< Expanded.
  std::string state;        ///< "pending" or "firing".
  Nanos active_at = 0;
  std::optional<Nanos> keep_firing_since;
  double value = 0;
};

struct RuleView {
  bool alerting = false;
  std::string name;
  std::string query;  ///< The expression as PromQL prints it.
  Nanos hold = 0;     ///< `for`.
  Nanos keep_firing_for = 0;
  Labels labels;            ///< Those of the group included, not expanded.
  Annotations annotations;  ///< Not expanded.
  /// Of an alerting rule: "firing" or "pending" if any alert is, else "inactive"; "unknown" before
  /// the first evaluation.
  std::string state;
  std::vector<AlertView> alerts;  ///< Ordered by labels.
  /// "ok"; "err" if the last evaluation failed or a template did; "unknown" before the first
  /// evaluation; "nodata" if no selector of the expression finds any series and none has for an
  /// hour or since the rule was loaded: such a rule never fires, whatever happens.
  std::string health;
  bool failed = false;        ///< The last evaluation failed; if not, "err" is of a template alone.
  std::string last_error;     ///< Why it is "err" or "nodata", else empty.
  Nanos evaluation_time = 0;  ///< How long the last evaluation took.
  Nanos last_evaluation = 0;  ///< When that was; 0 before the first.
};

struct GroupView {
  std::string name;
  std::string file;
  Nanos interval = 0;
  Nanos query_offset = 0;
  size_t limit = 0;
  Nanos evaluation_time = 0;
  Nanos last_evaluation = 0;
  std::vector<RuleView> rules;  ///< In the order of the file.
};

}  // namespace tocsin::rules
