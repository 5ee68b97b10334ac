/// Evaluates an expression series by series: each node gives all its series with their values at
/// all steps. Part of the engine; see cpp/promql/engine.h for the errors.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/functions.h"
#include "cpp/promql/query_context.h"
#include "cpp/promql/step_vector.h"
#include "cpp/promql/windows.h"

namespace tocsin::promql {

/// A series of raw samples, without stale markers.
struct RangeSeries {
  Labels labels;
  bool drop_name = false;
  std::vector<Sample> samples;
  std::vector<HistogramSample> histograms = {};
};

/// The same where nothing is owned.
struct RangeView {
  std::span<const LabelView> labels;
  bool drop_name = false;
  std::span<const Sample> samples;
  std::span<const HistogramSample> histograms = {};
  std::span<const StartTime> starts = {};
};

/// A series of a vector while it passes by.
struct SeriesRow {
  std::span<const LabelView> labels;
  bool drop_name = false;
  StepRow row;
};

class Evaluator {
 public:
  /// The context is borrowed. Evaluators of subqueries share it.
  Evaluator(QueryContext* context, Steps steps) : context_(*context), steps_(steps) {}

  /// REQUIRES: an expression of the type in the name. Every series of a vector has some value.
  Result<StepScalars> EvalScalar(const Expr& expr);
  Result<StepVector> EvalVector(const Expr& expr);
  /// REQUIRES: one step, at which the range vector is taken.
  Result<std::vector<RangeSeries>> EvalMatrix(const Expr& expr);

 private:
  using RangeVisitor = std::function<Status(const RangeView&)>;
  using RowVisitor = std::function<Status(const SeriesRow&)>;

  /// What an instant selector is asked for.
  enum class SelectorValue : uint8_t {
    kSample,
    kTime,       ///< The time of the sample, in seconds.
    kStartTime,  ///< Its start timestamp, in seconds; no value unless start timestamps count.
    kInfoTime,   ///< The time of the sample, which must not be a histogram.
  };

  // evaluator.cc
  Result<StepScalars> EvalScalarNode(const Expr& expr);
  Result<StepScalars> EvalScalarCall(const Call& call);
  Result<StepVector> EvalVectorNode(const Expr& expr);
  Result<StepVector> EvalUnary(const Unary& unary);
  Result<StepVector> EvalBinary(const Expr& expr, const Binary& binary);
  Result<StepVector> EvalAggregate(const Expr& expr, const Aggregate& aggregate);
  /// Aggregates series as they come, without ever holding them all; nothing if that cannot be done.
  Result<std::optional<StepVector>> AggregateOnTheFly(const Aggregate& aggregate);
  /// Marks the names as dropped, and drops them at once unless that is to be done at the end.
  Result<StepVector> NameDropped(StepVector vector) const;
  /// No two series may have the same labels and a value at the same step. With delayed name removal
  /// that is checked at the end.
  Status CheckUnique(StepVector* vector) const;

  // eval_selectors.cc
  Result<ReferenceTimes> ResolveShift(const TimeShift& shift) const;
  Result<Millis> RangeOf(const Expr& matrix) const;
  /// What the expression around a selector needs of its histograms; they themselves or `buffer`.
  std::span<const HistogramSample> NeededOf(std::span<const HistogramSample> histograms,
                                            std::vector<HistogramSample>* buffer) const;
  /// Shows the series of a selector one by one, those without a value left out.
  Status ScanSelector(const VectorSelector& selector, PosRange pos, SelectorValue what,
                      const RowVisitor& visitor);
  Status ScanSmoothed(const VectorSelector& selector, PosRange pos, const RowVisitor& visitor);
  Result<StepVector> EvalSelector(const VectorSelector& selector, PosRange pos, SelectorValue what);
  Result<WindowGrid> GridOf(const Expr& matrix) const;
  void CountWindows(std::span<const Sample> samples, std::span<const HistogramSample> histograms,
                    const WindowGrid& grid);
  Status VisitRange(const Expr& matrix, const WindowGrid& grid, const RangeVisitor& visitor);
  Status VisitSubquery(const Subquery& subquery, const WindowGrid& grid,
                       const RangeVisitor& visitor);

  // eval_traces.cc
  Result<StepVector> EvalTraces(const TraceqlSelector& selector);

  // eval_ranges.cc
  Result<StepVector> EvalRangeCall(const Call& call);
  /// Shows the results of a function of a range vector one by one, names dropped where they are to
  /// be. False if series may have become equal by that: they must be merged.
  Result<bool> ScanRangeCall(const Call& call, const RowVisitor& visitor);
  Result<StepVector> EvalAbsentOverTime(const Call& call);

  // eval_functions.cc
  Result<StepVector> EvalCall(const Expr& expr, const Call& call);
  Result<StepVector> EvalMap(const Call& call);
  Result<StepVector> EvalCalendar(const Call& call);
  Result<StepVector> EvalTimestamp(const Call& call);
  Result<StepVector> EvalStartTimestamp(const Call& call);
  Result<StepVector> EvalAbsent(const Call& call);
  Result<StepVector> EvalSort(const Expr& expr, const Call& call);
  Result<StepVector> AbsentSteps(const std::vector<bool>& present, const Expr& arg) const;

  // eval_labels.cc
  Result<StepVector> EvalLabelReplace(const Call& call);
  Result<StepVector> EvalLabelJoin(const Call& call);
  Result<StepVector> EvalInfo(const Call& call);

  // eval_histograms.cc
  /// A vector of which the buckets of native histograms are needed.
  Result<StepVector> EvalBuckets(const Expr& expr);
  Result<StepVector> FinishHistograms(StepVector result) const;
  Result<StepVector> EvalHistogramQuantile(const Call& call);
  Result<StepVector> EvalHistogramQuantiles(const Call& call);
  Result<StepVector> EvalHistogramFraction(const Call& call);
  Result<StepVector> EvalHistogramNumber(const Call& call);

  QueryContext& context_;
  const Steps steps_;
};

/// The argument that is a range vector, without the parentheses around it; -1 if none is.
int MatrixArgument(const Call& call);

/// The value of an argument that must be a string literal, whatever parentheses stand around it.
const std::string& StringArgument(const Call& call, size_t index);

/// The value is the same at every step, because every selector in it is pinned by `@`.
bool IsStepInvariant(const Expr& expr);

}  // namespace tocsin::promql
