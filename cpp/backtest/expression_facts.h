/// What the backtest has to know of an expression before it is evaluated. Private to this folder.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/engine.h"

namespace tocsin::backtest {

struct SelectorFacts {
  const promql::VectorSelector* selector = nullptr;
  std::string metric;  ///< What its name must equal; "" if there are several that it may have.
  /// The labels named by its matchers and, around it, by `by`, `on`, group_left, group_right,
  /// label_replace and label_join. Sorted, each once; the metric name is not among them.
  std::vector<std::string> labels;
};

struct ExpressionFacts {
  std::vector<SelectorFacts> selectors;
  /// How far back from the time of its evaluation it looks at series; unset if that is not known
  /// beforehand.
  std::optional<Millis> reach = 0;
  /// Its value at a time depends on the range of the query around that time: `@ end()`, step().
  bool depends_on_range = false;
  bool calls_info = false;  ///< info() reads target_info without naming it.
};

/// The selectors point into `expr`.
ExpressionFacts FactsOf(const promql::Expr& expr, const promql::EngineOptions& options);

/// Whether a selector may give series of that metric.
bool MayGive(const promql::VectorSelector& selector, std::string_view metric);

/// The greater of two reaches.
std::optional<Millis> Further(std::optional<Millis> a, std::optional<Millis> b);

}  // namespace tocsin::backtest
