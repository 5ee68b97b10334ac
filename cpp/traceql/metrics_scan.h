/// Reads the spans of a view for the functions of a metrics query.

#pragma once

#include <memory>
#include <span>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/helpers.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/metrics_sink.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// A metrics function of a query: the spans that its pipeline gives go to its sink.
struct MetricsLeaf {
  const SeriesExpr* expr;
  std::unique_ptr<MetricsSink> sink;
};
/// Leaves of one scan: as many as bits of a mask.
inline constexpr size_t kMaxMetricsLeaves = 64;

struct MetricsScan {
  const SpanView& view;
  const MetricsContext& context;
  bool extrapolate = false;  ///< Spans count as many times as their sampling says.
  Helpers helpers;
};

/// Adds every span of the range to each leaf that wants it, once. What is damaged is left out.
/// Errors are those of the view, of `interrupted` and of the budget. REQUIRES: no more than
/// kMaxMetricsLeaves.
Result<MetricsStats> ScanSpans(const MetricsScan& scan, std::span<MetricsLeaf> leaves);

}  // namespace tocsin::traceql
