#include "cpp/traceql/metrics.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "cpp/traceql/metrics_budget.h"
#include "cpp/traceql/metrics_intervals.h"
#include "cpp/traceql/metrics_scan.h"
#include "cpp/traceql/metrics_series.h"
#include "cpp/traceql/metrics_sink.h"

namespace tocsin::traceql {
namespace {

constexpr int64_t kDefaultHintedExemplars = 100;

void CollectLeaves(const SeriesExpr& expr, std::vector<MetricsLeaf>* leaves) {
  if (expr.kind == SeriesExpr::Kind::kFunction) leaves->push_back({&expr, nullptr});
  for (const SeriesExpr& arg : expr.args) CollectLeaves(arg, leaves);
}

const Literal* FindHint(const Query& query, std::string_view name) {
  for (const auto& [hint, literal] : query.hints) {
    if (hint == name) return &literal;
  }
  return nullptr;
}

uint32_t ExemplarLimit(const Query& query, const MetricsOptions& options) {
  if (options.instant || options.sliding) return 0;
  int64_t limit = options.exemplars;
  if (const Literal* hint = FindHint(query, "exemplars")) {
    if (hint->type == Type::kInt) limit = hint->integer;
    if (hint->type == Type::kBool && hint->integer == 0) limit = 0;
    if (hint->type == Type::kBool && hint->integer != 0 && limit == 0) {
      limit = kDefaultHintedExemplars;
    }
  }
  return static_cast<uint32_t>(std::clamp<int64_t>(limit, 0, kMaxExemplars));
}

// REQUIRES: the sinks of the leaves have all rows. Takes the leaves in the order in which
// CollectLeaves found them.
Result<SeriesSet> Evaluate(const SeriesExpr& expr, std::span<MetricsLeaf>* leaves) {
  using Kind = SeriesExpr::Kind;
  if (expr.kind == Kind::kFunction) {
    MetricsSink& sink = *leaves->front().sink;
    *leaves = leaves->subspan(1);
    return sink.Finish();
  }
  if (expr.kind == Kind::kArithmetic) {
    const bool left_number = expr.args[0].kind == Kind::kNumber;
    if (left_number || expr.args[1].kind == Kind::kNumber) {
      const SeriesExpr& number = expr.args[left_number ? 0 : 1];
      TOCSIN_ASSIGN_OR_RETURN(SeriesSet set, Evaluate(expr.args[left_number ? 1 : 0], leaves));
      return CombineWithNumber(expr.op, std::move(set), number.number, left_number);
    }
    TOCSIN_ASSIGN_OR_RETURN(SeriesSet left, Evaluate(expr.args[0], leaves));
    TOCSIN_ASSIGN_OR_RETURN(SeriesSet right, Evaluate(expr.args[1], leaves));
    return Combine(expr.op, left, right);
  }
  if (expr.args.empty()) return InternalError("a number where a metrics query is expected");
  TOCSIN_ASSIGN_OR_RETURN(SeriesSet set, Evaluate(expr.args[0], leaves));
  DropEmptySeries(&set);
  if (expr.kind == Kind::kFilter) {
    KeepWhere(expr.op, expr.number, &set);
  } else {
    KeepTop(expr.k, expr.kind == Kind::kTopK, &set);
  }
  DropEmptySeries(&set);
  return set;
}

}  // namespace

Result<MetricsResult> EvaluateMetrics(const SpanView& view, const Query& query,
                                      const MetricsOptions& options) {
  if (!query.metrics) {
    return InvalidArgumentError(
        "not a metrics query: it needs a function such as `| rate()` behind its spans");
  }
  TOCSIN_ASSIGN_OR_RETURN(const MetricsIntervals intervals, MetricsIntervals::Make(options));
  std::vector<MetricsLeaf> leaves;
  CollectLeaves(*query.metrics, &leaves);
  if (leaves.size() > kMaxMetricsLeaves) {
    return InvalidArgumentError("more than 64 metrics functions in one query");
  }
  MetricsBudget budget(options.max_memory, options.memory);
  const MetricsContext context{intervals, budget, ExemplarLimit(query, options),
                               options.interrupted, options.text_groups};
  for (MetricsLeaf& leaf : leaves) {
    const MetricsFunction& function = leaf.expr->function;
    if (options.sliding && function.kind == MetricsFunction::Kind::kCompare) {
      return InvalidArgumentError("compare() has no values over windows of time");
    }
    leaf.sink = function.kind == MetricsFunction::Kind::kCompare
                    ? MakeCompareSink(function, context)
                    : MakeFunctionSink(function, context);
  }
  const Literal* extrapolate = FindHint(query, "extrapolate");
  const MetricsScan scan{
      view, context,
      extrapolate != nullptr && extrapolate->type == Type::kBool && extrapolate->integer != 0,
      options.helpers};
  MetricsResult result;
  TOCSIN_ASSIGN_OR_RETURN(result.stats, ScanSpans(scan, leaves));
  for (MetricsLeaf& leaf : leaves) {
    while (leaf.sink->NeedsMore()) {
      const Result<MetricsStats> again = ScanSpans(scan, {&leaf, 1});
      if (!again.has_value()) return std::unexpected(again.error());
    }
  }

  result.timestamps_ms = intervals.TimestampsMs();
  std::span<MetricsLeaf> unread = leaves;
  TOCSIN_ASSIGN_OR_RETURN(result.series, Evaluate(*query.metrics, &unread));
  DropEmptySeries(&result.series);
  SortSeries(&result.series);
  PlaceExemplars(result.timestamps_ms, &result.series);
  if (options.max_series > 0 && result.series.size() > options.max_series) {
    KeepLargest(options.max_series, &result.series);
    result.partial = "Response exceeds maximum series limit of " +
                     std::to_string(options.max_series) + ", a partial response is returned";
  }
  return result;
}

}  // namespace tocsin::traceql
