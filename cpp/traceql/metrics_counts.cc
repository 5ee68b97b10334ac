#include "cpp/traceql/metrics_counts.h"

#include <algorithm>
#include <variant>

#include "cpp/traceql/condition_shape.h"

namespace tocsin::traceql {
namespace {

// Has every counted row the field as the rows that it stands for have it?
bool IsCounted(const Field& field) {
  if (field.of_parent) return false;
  switch (field.intrinsic) {
    case Intrinsic::kNone:
      return field.scope == Scope::kResource && field.name == "service.name";
    case Intrinsic::kKind:
    case Intrinsic::kStatus:
    case Intrinsic::kParent:
      return true;
    default:
      return false;
  }
}

bool IsCounted(const Expr& condition) {
  if (OnlyAsksForRoots(condition)) return true;
  if (const Field* field = condition.field()) return IsCounted(*field);
  const Operation* operation = condition.operation();
  return operation == nullptr ||
         std::ranges::all_of(operation->args, [](const Expr& arg) { return IsCounted(arg); });
}

// Filters alone: they take a span or leave it, whatever else is in its trace.
bool IsCounted(const Stage& stage) {
  const auto* spanset = std::get_if<Spanset>(&stage.node);
  return spanset != nullptr && spanset->kind == Spanset::Kind::kFilter &&
         (!spanset->condition || IsCounted(*spanset->condition));
}

}  // namespace

CountDetail DetailFor(const SeriesExpr& leaf) {
  using Kind = MetricsFunction::Kind;
  const MetricsFunction& function = leaf.function;
  const bool counted =
      std::ranges::all_of(leaf.pipeline, [](const Stage& stage) { return IsCounted(stage); }) &&
      std::ranges::all_of(function.by, [](const Field& field) { return IsCounted(field); });
  if (!counted) return CountDetail::kRows;
  switch (function.kind) {
    case Kind::kRate:
    case Kind::kCountOverTime:
      return CountDetail::kCounts;
    case Kind::kQuantileOverTime:
    case Kind::kHistogramOverTime: {
      const bool of_span =
          function.field->intrinsic == Intrinsic::kDuration && !function.field->of_parent;
      return of_span ? CountDetail::kDurations : CountDetail::kRows;
    }
    default:
      return CountDetail::kRows;
  }
}

std::optional<PlacedCells> PlaceCells(const CountedRows& counted, const SpanBlock& block,
                                      const MetricsIntervals& intervals) {
  PlacedCells placed;
  for (const CountedRows::Cell& cell : counted.cells) {
    const uint64_t first = std::max(cell.first, block.min_start());
    const uint64_t last = std::min(cell.last, block.max_end());
    if (last < intervals.from() || first > intervals.to()) continue;
    const bool inside = first <= last && intervals.Contains(first) && intervals.Contains(last);
    if (!inside || intervals.Of(first) != intervals.Of(last)) return std::nullopt;
    placed.rows.push_back(cell.row);
    placed.intervals.push_back(intervals.Of(first));
    placed.counts.push_back(cell.count);
    placed.first.push_back(first);
    placed.last.push_back(last);
  }
  return placed;
}

}  // namespace tocsin::traceql
