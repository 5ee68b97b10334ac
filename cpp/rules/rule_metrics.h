/// What a group of rules counts about itself, under Prometheus's names. Private to this folder.

#pragma once

#include "cpp/base/telemetry.h"
#include "cpp/rules/rule_file.h"

namespace tocsin::rules {

/// Thread-safe, as its handles are; they live as long as the Telemetry.
struct RuleMetrics {
  RuleMetrics(const GroupSpec& spec, Telemetry* telemetry);

  // Of the group; the label rule_group is "file;name".
  Counter& evaluations;
  Counter& failures;
  Counter& iterations;
  Counter& missed;
  Gauge& interval;
  Gauge& rules;
  Gauge& last_duration;
  Gauge& last_rule_duration_sum;
  Gauge& last_timestamp;
  Gauge& last_samples;
  Gauge& last_restore_duration;
  // Of all groups together.
  Histogram& evaluation_seconds;
  Histogram& group_seconds;
  Summary& evaluation_quantiles;
  Summary& group_quantiles;
};

}  // namespace tocsin::rules
