/// What `traceql("...")` in a query needs from whoever holds spans. Implemented by cpp/engine over
/// the span store, and by fakes in tests; this module knows no TraceQL.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/promql/step_vector.h"

namespace tocsin::promql {

/// Why a text is no query that traceql() takes, and where: both from 1, columns in characters.
struct TraceQueryError {
  uint32_t line = 1;
  uint32_t column = 1;
  std::string message;
};

/// Judges the text inside of traceql() while a query is parsed; empty: it can be evaluated.
/// Thread-safe.
using TraceQueryCheck = std::optional<TraceQueryError> (*)(std::string_view query);

struct TraceRequest {
  std::string_view query;
  /// The times at which the query is asked: at each `t` of what began in (t - window, t].
  Steps times = {};
  Millis window = 0;  ///< Above 0.
  /// Asked before each piece of work, perhaps from several threads; an error ends the evaluation
  /// and is returned as it is. May be empty.
  std::function<Status()> interrupted = {};
};

class TraceSelector {
 public:
  virtual ~TraceSelector() = default;

  /// Series without a metric name and with distinct labels, ordered by labels, with their values at
  /// `times`. What an answer at one time is does not depend on the other times. kInvalidArgument
  /// for a text that TraceQueryCheck would refuse and for times that no span can have,
  /// kFailedPrecondition for series that cannot be told apart, kResourceExhausted for too many.
  /// Thread-safe.
  virtual Result<StepVector> Select(const TraceRequest& request) const = 0;
};

}  // namespace tocsin::promql
