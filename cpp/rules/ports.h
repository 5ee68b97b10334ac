/// What the rules need from the world: answers to expressions, and somebody to tell about alerts.
/// (Samples go to the SampleSink of cpp/model/ports.h, state to the StateStore of
/// cpp/model/state_store.h.)

#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"
#include "cpp/promql/ast.h"
#include "cpp/template/alert_template.h"

namespace tocsin::rules {

/// One element of an instant vector.
using tmpl::QuerySample;

struct HistogramElement {
  Labels labels;
  HistogramPtr histogram;
};

/// An instant vector, and whether there was anything to make it of.
struct QueryAnswer {
  QueryAnswer() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): most answers are numbers and nothing else.
  QueryAnswer(std::vector<QuerySample> numbers) : samples(std::move(numbers)) {}

  std::vector<QuerySample> samples;  ///< A scalar is one element without labels.
  std::vector<HistogramElement> histograms = {};
  /// A selector of the expression has found a series, or it has none but such of ALERTS. False:
  /// whatever the expression is about is not there, which is something else than all being well.
  bool found_data = true;
};

/// Evaluates an expression at one time; `text` is what it was parsed from. Called from the threads
/// that evaluate rules, several at once.
using QueryFunction =
    std::function<Result<QueryAnswer>(const promql::Expr& expr, std::string_view text, Millis at)>;

/// Finds traces that show why an alert holds. Implemented by cpp/engine; called from the threads
/// that evaluate rules, once for an alert when it begins to fire and while it fires.
class EvidenceSource {
 public:
  virtual ~EvidenceSource() = default;

  /// Ids, 32 hexadecimal digits each, at most `max`, the most telling first: of traces that an
  /// expression over traceql() has matched, else of exemplars of the series that `expr` reads and
  /// that agree with `labels`, within what the expression looks at. Empty if there are none; never
  /// an error: evidence is an addition.
  virtual std::vector<std::string> TracesOf(const promql::Expr& expr, const Labels& labels,
                                            Millis at, size_t max) const = 0;
};

/// Takes alerts that are firing or were resolved; pending ones are not sent. Each is sent again
/// every resend delay, so a lost one does no lasting harm: an implementation must neither block nor
/// fail. By the time of the call the state of these alerts is on disk. Called from the threads that
/// evaluate rules, several at once; what one rule says comes in order.
class AlertSink {
 public:
  virtual ~AlertSink() = default;
  virtual void Send(std::span<const Alert> alerts) = 0;
};

}  // namespace tocsin::rules
