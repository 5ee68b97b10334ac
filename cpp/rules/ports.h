/// What the rules need from the world: answers to expressions, and somebody to tell about alerts.
/// (Samples go to the SampleSink of cpp/model/ports.h, state to the StateStore of
/// cpp/model/state_store.h.)

#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/promql/ast.h"
#include "cpp/template/alert_template.h"

namespace tocsin::rules {

/// One element of an instant vector.
using tmpl::QuerySample;

/// Evaluates an expression at one time; `text` is what it was parsed from. A scalar is one element
/// without labels. Called from the thread that evaluates rules.
using QueryFunction = std::function<Result<std::vector<QuerySample>>(
    const promql::Expr& expr, std::string_view text, Millis at)>;

/// Takes alerts that are firing or were resolved; pending ones are not sent. Each is sent again
/// every resend delay, so a lost one does no lasting harm: an implementation must neither block nor
/// fail.
class AlertSink {
 public:
  virtual ~AlertSink() = default;
  virtual void Send(std::span<const Alert> alerts) = 0;
};

}  // namespace tocsin::rules
