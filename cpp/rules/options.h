/// What all groups of rules have in common.

#pragma once

#include <functional>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/labels.h"
#include "cpp/model/ports.h"
#include "cpp/model/state_store.h"
#include "cpp/promql/parser.h"
#include "cpp/rules/alerting_rule.h"
#include "cpp/rules/ports.h"

namespace tocsin::rules {

struct Options {
  Nanos default_interval = kMinute;  ///< global.evaluation_interval.
  Nanos default_query_offset = 0;    ///< global.rule_query_offset.
  std::string external_url;          ///< "https://host/prefix", without a slash at its end.
  Labels external_labels;  ///< Added to alerts that are sent, where they have not the name.
  /// A firing alert is sent again after more than this, and a message holds for four times this or
  /// four intervals, whichever is more.
  Nanos resend_delay = kMinute;
  RestoreOptions restore;
  promql::ParserOptions parser;  ///< Of expressions in templates.
};

/// All are borrowed and must outlive the rules.
struct Ports {
  QueryFunction query;
  SampleSink& samples;
  StateStore& state;
  AlertSink& alerts;
  Telemetry& telemetry;
  const Clock& clock;  ///< Measures how long evaluations take, and nothing else.
  const EvidenceSource* evidence = nullptr;  ///< Null: alerts carry no traces.
  /// Called when one more call of Manager::RunDue would find something to do at once, from within
  /// such a call. May be empty: then it is found when somebody comes by.
  std::function<void()> wake = {};
};

}  // namespace tocsin::rules
