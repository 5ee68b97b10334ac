/// traceql() of PromQL, answered from stored spans.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"
#include "cpp/promql/trace_selector.h"
#include "cpp/traceql/helpers.h"
#include "cpp/traceql/source.h"

namespace tocsin::engine {

/// For promql::ParserOptions::check_traces: a metrics query of TraceQL, compare() excepted.
std::optional<promql::TraceQueryError> CheckTraceQuery(std::string_view query);
/// The same where only what Tempo's own parser takes is taken (`traceql: {strict: true}`).
std::optional<promql::TraceQueryError> CheckStrictTraceQuery(std::string_view query);

struct TraceSelectorOptions {
  std::string tenant;   ///< Whose spans are seen.
  bool strict = false;  ///< As CheckStrictTraceQuery.
  traceql::Helpers helpers = {};
  MemoryPool* memory = nullptr;  ///< As in traceql::MetricsOptions.
};

/// Thread-safe. Spans that are acknowledged are seen at once, those of traces that are not complete
/// yet among them.
class TraceSelector final : public promql::TraceSelector {
 public:
  /// The source is borrowed.
  TraceSelector(const traceql::SpanSource& source, TraceSelectorOptions options)
      : source_(source), options_(std::move(options)) {}

  Result<promql::StepVector> Select(const promql::TraceRequest& request) const override;

 private:
  const traceql::SpanSource& source_;
  const TraceSelectorOptions options_;
};

}  // namespace tocsin::engine
