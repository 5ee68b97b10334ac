/// The engine's side: the stores and the answer as text.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/source.h"
#include "tests/unit/traceql_oracle/evaluator.h"
#include "tests/unit/traceql_oracle/metrics_evaluator.h"
#include "tests/unit/traceql_oracle/trace.h"

namespace tocsin::oracle {

/// Where and in what pieces the spans lie. It decides by itself (the same way each time) how it
/// cuts them up.
struct Layout {
  std::string name;
  /// A view of all of them. What the view needs lives as long as the returned pointer.
  std::function<std::shared_ptr<const traceql::SpanView>(const std::vector<Span>&)> make;
};
const std::vector<Layout>& Layouts();

/// The engine's answer, written as Search() of evaluator.h writes its own. A refusal and an error
/// are text too.
std::string SearchEngine(const traceql::SpanView& view, const std::string& query,
                         const SearchLimits& limits);

/// The same for Metrics() of metrics_evaluator.h.
std::string MetricsEngine(const traceql::SpanView& view, const std::string& query,
                          const MetricsRange& range);

/// The exemplars of the same answer, at most `limit`.
std::string ExemplarsOf(const traceql::SpanView& view, const std::string& query,
                        const MetricsRange& range, uint32_t limit);

SpanBatch BatchOf(const std::vector<Span>& spans);

}  // namespace tocsin::oracle
