// Functions of range vectors, series by series.

#include <algorithm>
#include <span>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/promql/evaluator.h"
#include "cpp/promql/mixed_ranges.h"
#include "cpp/promql/range_functions.h"
#include "cpp/promql/start_times.h"

namespace tocsin::promql {
namespace {

bool NameEndsLikeCounter(std::string_view name) {
  return name.ends_with("_total") || name.ends_with("_sum") || name.ends_with("_count") ||
         name.ends_with("_bucket");
}

// Gives a sample of the series itself, as an offset does, and keeps its name.
bool KeepsName(FunctionId id) {
  return id == FunctionId::kFirstOverTime || id == FunctionId::kLastOverTime;
}

bool IsRate(FunctionId id) { return id == FunctionId::kRate || id == FunctionId::kIncrease; }

bool UsesStartTimes(FunctionId id) {
  return IsRate(id) || id == FunctionId::kIrate || id == FunctionId::kResets;
}

bool AnyFloat(const StepRow& row) { return !std::ranges::all_of(row.values, IsAbsent); }

// Takes the name and its like out of labels, and sees whether series differed in them.
class NameDropper {
 public:
  std::span<const LabelView> Drop(std::span<const LabelView> labels) {
    // Nearly always the name stands first, and there is nothing else to drop: whatever sorts
    // between it and __unit__ begins with two underscores.
    const bool name_first = !labels.empty() && labels[0].name == kMetricName &&
                            (labels.size() == 1 || !labels[1].name.starts_with("__"));
    if (name_first) {
      if (!seen_any_) {
        dropped_.emplace_back(labels[0].name, labels[0].value);
        seen_any_ = true;
      }
      differ_ = differ_ || dropped_.size() != 1 || dropped_[0].second != labels[0].value ||
                dropped_[0].first != kMetricName;
      return labels.subspan(1);
    }
    return DropAny(labels);
  }
  bool differ() const { return differ_; }

 private:
  std::span<const LabelView> DropAny(std::span<const LabelView> labels) {
    kept_.clear();
    size_t dropped = 0;
    for (const LabelView& label : labels) {
      if (!IsMetadataLabel(label.name)) {
        kept_.push_back(label);
        continue;
      }
      if (!seen_any_) {
        dropped_.emplace_back(label.name, label.value);
      } else if (dropped >= dropped_.size() || dropped_[dropped].first != label.name ||
                 dropped_[dropped].second != label.value) {
        differ_ = true;
      }
      ++dropped;
    }
    differ_ = differ_ || dropped != dropped_.size();
    seen_any_ = true;
    return kept_;
  }

  std::vector<LabelView> kept_;
  std::vector<Labels::Pair> dropped_;  // Of the first series.
  bool seen_any_ = false;
  bool differ_ = false;
};

// Computes the row of one series after the other.
class RangeRows {
 public:
  RangeRows(const RangeCall& call, RangeKernel kernel, const WindowGrid& grid, PosRange pos,
            QueryContext* context)
      : call_(call),
        kernel_(std::move(kernel)),
        grid_(grid),
        pos_(pos),
        context_(*context),
        starts_count_(context->options().use_start_timestamps && UsesStartTimes(call.function->id)),
        row_(grid.times.steps.count) {}

  // The row is there until the next call. It may be without any value.
  StepRow Of(const RangeView& series) {
    MixedSamples samples{{series.samples}, series.histograms};
    if (starts_count_ && !series.starts.empty()) {
      ExpandStarts(series.starts, series.samples, &float_starts_);
      ExpandStarts(series.starts, series.histograms, &histogram_starts_);
      samples.floats.starts = float_starts_;
      samples.histogram_starts = histogram_starts_;
    }
    const FunctionId id = call_.function->id;
    const std::string_view name = ValueOf(series.labels, kMetricName);
    row_.Clear();
    kernel_(samples.floats, grid_, row_.values());
    if (!samples.floats.starts.empty() && IsRate(id) && !call_.anchored && !call_.smoothed) {
      WarnOfOverlaps(samples.floats, name);
    }
    if (!series.histograms.empty()) {
      const HistogramNotes notes = ApplyHistograms(call_, samples, grid_, &row_);
      if (!notes.empty()) Annotate(&context_.annotations(), pos_, notes, name);
    }
    const StepRow row = row_.row();
    if (IsRate(id) && !name.empty() && AnyFloat(row)) CheckCounter(series.labels, name);
    return row;
  }

 private:
  void WarnOfOverlaps(const RangeSamples& samples, std::string_view name) {
    const size_t windows = CountStartOverlaps(samples, grid_);
    if (windows == 0) return;
    context_.annotations().WarnCounted(pos_, TextOf(HistogramNote::kStartTimeOverlap, name),
                                       windows);
  }

  void CheckCounter(std::span<const LabelView> labels, std::string_view name) {
    if (context_.options().type_and_unit_labels) {
      const std::string_view type = ValueOf(labels, "__type__");
      if (type == "counter" || type == "histogram") return;
      context_.annotations().Info(
          pos_,
          "metric might not be a counter, __type__ label is not set to \"counter\" or "
          "\"histogram\", got " +
              QuoteGo(type) + ": " + QuoteGo(name));
    } else if (!NameEndsLikeCounter(name)) {
      context_.annotations().Info(pos_,
                                  "metric might not be a counter, name does not end in "
                                  "_total/_sum/_count/_bucket: " +
                                      QuoteGo(name));
    }
  }

  const RangeCall& call_;
  const RangeKernel kernel_;
  const WindowGrid& grid_;
  const PosRange pos_;
  QueryContext& context_;
  const bool starts_count_;
  RowBuffer row_;
  std::vector<Millis> float_starts_;
  std::vector<Millis> histogram_starts_;
};

}  // namespace

int MatrixArgument(const Call& call) {
  for (size_t i = 0; i < call.args.size(); ++i) {
    if (call.args[i].type() == ValueType::kMatrix) return static_cast<int>(i);
  }
  return -1;
}

Result<bool> Evaluator::ScanRangeCall(const Call& call, const RowVisitor& visitor) {
  const auto matrix_arg = static_cast<size_t>(MatrixArgument(call));
  const Expr& arg = call.args[matrix_arg].Unwrapped();
  std::vector<StepScalars> scalars;
  for (size_t i = 0; i < call.args.size(); ++i) {
    if (i == matrix_arg) continue;
    TOCSIN_ASSIGN_OR_RETURN(scalars.emplace_back(), EvalScalar(call.args[i]));
  }
  TOCSIN_ASSIGN_OR_RETURN(const WindowGrid grid, GridOf(arg));
  RangeCall range_call{call.function, scalars, false, false};
  if (const auto* matrix = arg.As<MatrixSelector>()) {
    range_call.anchored = matrix->selector.anchored;
    range_call.smoothed = matrix->selector.smoothed;
  }
  // Where something is absent is found out from where something is present.
  const FunctionId id = call.function->id;
  if (id == FunctionId::kAbsentOverTime) range_call.function = FindFunction("present_over_time");
  TOCSIN_ASSIGN_OR_RETURN(RangeKernel kernel, MakeRangeKernel(range_call));

  RangeRows rows(range_call, std::move(kernel), grid, matrix_arg == 0 ? arg.pos : call.args[0].pos,
                 &context_);
  NameDropper dropper;
  const bool delayed = context_.options().delayed_name_removal;
  bool any = false;
  const auto visit = [&](const RangeView& series) -> Status {
    const StepRow row = rows.Of(series);
    if (row.histograms.empty() && !AnyFloat(row)) return Status();
    any = true;
    if (KeepsName(id)) return visitor({series.labels, series.drop_name, row});
    if (delayed) return visitor({series.labels, true, row});
    return visitor({dropper.Drop(series.labels), false, row});
  };
  TOCSIN_RETURN_IF_ERROR(VisitRange(arg, grid, visit));
  if (id == FunctionId::kQuantileOverTime && any) {
    for (const double phi : scalars[0]) {
      if (phi >= 0 && phi <= 1) continue;
      context_.annotations().Warn(
          call.args[0].pos, "quantile value should be between 0 and 1, got " + FormatGoFloat(phi));
      break;
    }
  }
  return !dropper.differ();
}

Result<StepVector> Evaluator::EvalRangeCall(const Call& call) {
  if (call.function->id == FunctionId::kAbsentOverTime) return EvalAbsentOverTime(call);
  StepVector result;
  const auto collect = [&](const SeriesRow& row) -> Status {
    StepSeries series = StepSeries::Make(ToLabels(row.labels), row.row);
    series.drop_name = row.drop_name;
    TOCSIN_RETURN_IF_ERROR(context_.Charge(series.values.size()));
    result.push_back(std::move(series));
    return Status();
  };
  TOCSIN_ASSIGN_OR_RETURN(const bool unique, ScanRangeCall(call, collect));
  if (!unique) TOCSIN_RETURN_IF_ERROR(MergeSameLabels(&result));
  return result;
}

Result<StepVector> Evaluator::EvalAbsentOverTime(const Call& call) {
  std::vector<bool> present(steps_.count);
  const auto mark = [&](const SeriesRow& row) -> Status {
    for (size_t step = 0; step < row.row.values.size(); ++step) {
      if (!IsAbsent(row.row.values[step])) present[step] = true;
    }
    return Status();
  };
  const Result<bool> scanned = ScanRangeCall(call, mark);
  if (!scanned.has_value()) return Failure(scanned.error());
  return AbsentSteps(present, call.args[0].Unwrapped());
}

}  // namespace tocsin::promql
