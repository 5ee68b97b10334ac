// rate, count_over_time, min/max/avg/sum_over_time, quantile_over_time, histogram_over_time.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/traceql/metrics_buckets.h"
#include "cpp/traceql/metrics_cells.h"
#include "cpp/traceql/metrics_exemplars.h"
#include "cpp/traceql/metrics_field.h"
#include "cpp/traceql/metrics_groups.h"
#include "cpp/traceql/metrics_sink.h"

namespace tocsin::traceql {
namespace {

using Kind = MetricsFunction::Kind;

constexpr double kNanosPerSecond = kSecond;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

bool IsNone(double value) { return std::isnan(value); }

bool UsesBuckets(Kind kind) {
  return kind == Kind::kQuantileOverTime || kind == Kind::kHistogramOverTime;
}

MetricsCells::Kind CellKindOf(Kind kind) {
  switch (kind) {
    case Kind::kMinOverTime:
      return MetricsCells::Kind::kMin;
    case Kind::kMaxOverTime:
      return MetricsCells::Kind::kMax;
    case Kind::kAvgOverTime:
      return MetricsCells::Kind::kAverage;
    case Kind::kSumOverTime:
      return MetricsCells::Kind::kSum;
    default:
      return MetricsCells::Kind::kCount;
  }
}

MetricsLabel TextLabel(std::string_view name, std::string_view text) {
  MetricsLabel label{std::string(name), {}};
  label.value.type = ValueType::kString;
  label.value.text = text;
  return label;
}

MetricsLabel NumberLabel(std::string_view name, double number) {
  MetricsLabel label{std::string(name), {}};
  label.value.type = ValueType::kDouble;
  label.value.number = number;
  return label;
}

class FunctionSink final : public MetricsSink {
 public:
  FunctionSink(const MetricsFunction& function, const MetricsContext& context)
      : function_(function),
        intervals_(context.intervals),
        budget_(context.budget),
        groups_(function.by, &context.budget, context.text_groups),
        cells_(CellKindOf(function.kind), context.intervals.count(), &context.budget),
        picker_(context.exemplars, context.intervals.count()),
        unit_(function.field && IsDuration(*function.field) ? kNanosPerSecond : 1) {}

  std::unique_ptr<MetricsSink> Fork(const MetricsContext& context) const override {
    return std::make_unique<FunctionSink>(function_, context);
  }
  std::vector<Field> Fields() const override;
  Status Add(const MetricsRows& rows) override;
  std::optional<uint64_t> ExemplarRank(uint64_t first, uint64_t last,
                                       uint32_t interval) const override {
    return picker_.wants_any() ? picker_.RankOfMinutes(first, last, interval) : std::nullopt;
  }
  Status AddExemplars(const MetricsRows& rows) override;
  Result<std::vector<MetricsSeries>> Finish() override;

 protected:
  Status TakeRows(MetricsSink* fork) override;

 private:
  // The rows that the function can measure, of those that were given.
  struct Measured {
    std::vector<uint32_t> rows;
    std::vector<uint32_t> intervals;
    std::vector<double> weights;
    std::vector<double> numbers;
    std::vector<BucketCode> buckets;
  };

  Result<MetricsRows> GroupRows(const MetricsRows& rows);
  Status Bind(const std::shared_ptr<TraceTable>& table, std::vector<CodedField>* keys,
              std::optional<MeasuredField>* field);
  MetricsRows Measure(const MetricsRows& rows, MeasuredField* field);
  template <class Keep>
  MetricsRows Compact(const MetricsRows& rows, const Keep& keep);
  Status BindExemplars(const SpanBlock& block);
  void OfferExemplars(const MetricsRows& rows);
  Result<std::vector<MetricsSeries>> FinishGroups();
  Result<std::vector<MetricsSeries>> FinishQuantiles();
  Status TakeSeries(size_t count);
  std::vector<double> ValuesOf(uint32_t group) const;
  void AddExemplars(const std::vector<std::vector<size_t>>& series_of_group,
                    std::vector<MetricsSeries>* series);

  const MetricsFunction& function_;
  const MetricsIntervals& intervals_;
  MetricsBudget& budget_;
  GroupTable groups_;
  MetricsCells cells_;
  ExemplarPicker picker_;
  double unit_;
  struct ExemplarColumns {
    std::span<const TraceId> traces;
    std::span<const uint32_t> trace_of_row;
    std::span<const SpanId> span_ids;
    std::span<const uint64_t> starts;
  };

  // Of the block at hand; kept for their memory.
  ExemplarColumns exemplar_columns_;
  Measured measured_;
  std::vector<uint32_t> group_of_row_;
};

std::vector<Field> FunctionSink::Fields() const {
  std::vector<Field> fields = function_.by;
  if (function_.field) fields.push_back(*function_.field);
  return fields;
}

Status FunctionSink::Bind(const std::shared_ptr<TraceTable>& table, std::vector<CodedField>* keys,
                          std::optional<MeasuredField>* field) {
  for (const Field& key : function_.by) {
    TOCSIN_ASSIGN_OR_RETURN(CodedField bound, CodedField::Bind(key, table));
    CountBytes(bound.bytes());
    keys->push_back(std::move(bound));
  }
  if (function_.field) {
    TOCSIN_ASSIGN_OR_RETURN(*field, MeasuredField::Bind(*function_.field, table));
    CountBytes((*field)->bytes());
  }
  return {};
}

// The rows that the function can measure, with their measures, and the group of each in
// group_of_row_. Exemplars are bound.
Result<MetricsRows> FunctionSink::GroupRows(const MetricsRows& given) {
  const std::shared_ptr<TraceTable>& table = given.block.shared_table();
  std::vector<CodedField> keys;
  std::optional<MeasuredField> field;
  TOCSIN_RETURN_IF_ERROR(Bind(table, &keys, &field));
  if (!given.counted) TOCSIN_RETURN_IF_ERROR(BindExemplars(table->block()));
  const MetricsRows rows = field ? Measure(given, &*field) : given;
  if (rows.rows.empty()) return rows;
  TOCSIN_RETURN_IF_ERROR(groups_.Assign(rows.rows, &keys, measured_.buckets, &group_of_row_));
  TOCSIN_RETURN_IF_ERROR(cells_.Grow(groups_.size()));
  return rows;
}

Status FunctionSink::Add(const MetricsRows& given) {
  TOCSIN_ASSIGN_OR_RETURN(const MetricsRows rows, GroupRows(given));
  if (rows.rows.empty()) return {};
  if (!rows.counted) OfferExemplars(rows);
  cells_.Add({group_of_row_, rows.intervals, measured_.numbers, rows.weights});
  return {};
}

Status FunctionSink::AddExemplars(const MetricsRows& given) {
  TOCSIN_ASSIGN_OR_RETURN(const MetricsRows rows, GroupRows(given));
  if (!rows.rows.empty()) OfferExemplars(rows);
  return {};
}

Status FunctionSink::TakeRows(MetricsSink* fork) {
  const auto& other = static_cast<const FunctionSink&>(*fork);
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<uint32_t> groups, groups_.Merge(other.groups_));
  TOCSIN_RETURN_IF_ERROR(cells_.Grow(groups_.size()));
  cells_.Merge(other.cells_, groups);
  picker_.Merge(other.picker_, groups);
  return {};
}

// Leaves out the rows without a number or without a bucket.
MetricsRows FunctionSink::Measure(const MetricsRows& rows, MeasuredField* field) {
  measured_.numbers.clear();
  measured_.buckets.clear();
  if (UsesBuckets(function_.kind)) {
    field->GatherBuckets(rows.rows, &measured_.buckets);
    if (picker_.wants_any() && !rows.counted) field->Gather(rows.rows, &measured_.numbers);
    return Compact(rows, [this](size_t i) { return measured_.buckets[i] != 0; });
  }
  field->Gather(rows.rows, &measured_.numbers);
  return Compact(rows, [this](size_t i) { return !std::isnan(measured_.numbers[i]); });
}

template <class Keep>
MetricsRows FunctionSink::Compact(const MetricsRows& rows, const Keep& keep) {
  size_t first = 0;
  while (first < rows.rows.size() && keep(first)) ++first;
  if (first == rows.rows.size()) return rows;
  measured_.rows.assign(rows.rows.begin(), rows.rows.end());
  measured_.intervals.assign(rows.intervals.begin(), rows.intervals.end());
  measured_.weights.assign(rows.weights.begin(), rows.weights.end());
  size_t kept = first;
  for (size_t i = first; i < rows.rows.size(); ++i) {
    if (!keep(i)) continue;
    measured_.rows[kept] = measured_.rows[i];
    measured_.intervals[kept] = measured_.intervals[i];
    if (!measured_.weights.empty()) measured_.weights[kept] = measured_.weights[i];
    if (!measured_.numbers.empty()) measured_.numbers[kept] = measured_.numbers[i];
    if (!measured_.buckets.empty()) measured_.buckets[kept] = measured_.buckets[i];
    ++kept;
  }
  measured_.rows.resize(kept);
  measured_.intervals.resize(kept);
  if (!measured_.weights.empty()) measured_.weights.resize(kept);
  if (!measured_.numbers.empty()) measured_.numbers.resize(kept);
  if (!measured_.buckets.empty()) measured_.buckets.resize(kept);
  return {rows.block, measured_.rows, measured_.intervals, measured_.weights, rows.counted};
}

Status FunctionSink::BindExemplars(const SpanBlock& block) {
  if (!picker_.wants_any()) return {};
  TOCSIN_ASSIGN_OR_RETURN(exemplar_columns_.traces, block.Traces());
  TOCSIN_ASSIGN_OR_RETURN(exemplar_columns_.trace_of_row, block.TraceOfRow());
  TOCSIN_ASSIGN_OR_RETURN(exemplar_columns_.span_ids, block.SpanIds());
  TOCSIN_ASSIGN_OR_RETURN(exemplar_columns_.starts, block.Starts());
  return {};
}

void FunctionSink::OfferExemplars(const MetricsRows& rows) {
  if (!picker_.wants_any()) return;
  const auto& [traces, trace_of_row, span_ids, starts] = exemplar_columns_;
  std::vector<uint64_t> ranks(traces.size());
  for (size_t i = 0; i < traces.size(); ++i) ranks[i] = ExemplarPicker::RankOf(traces[i]);
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const uint32_t row = rows.rows[i];
    if (!picker_.Wants(ranks[trace_of_row[row]], starts[row], rows.intervals[i])) continue;
    ExemplarSpan span;
    span.trace = traces[trace_of_row[row]];
    span.span = span_ids[row];
    span.start = starts[row];
    span.interval = rows.intervals[i];
    span.group = group_of_row_[i];
    if (!measured_.numbers.empty()) span.number = measured_.numbers[i] / unit_;
    picker_.Offer(span);
  }
}

Result<std::vector<MetricsSeries>> FunctionSink::Finish() {
  if (intervals_.runs()) TOCSIN_RETURN_IF_ERROR(cells_.Slide(*intervals_.runs()));
  if (function_.kind == Kind::kQuantileOverTime) return FinishQuantiles();
  return FinishGroups();
}

std::vector<double> FunctionSink::ValuesOf(uint32_t group) const {
  std::vector<double> values(intervals_.values());
  const double unit = function_.kind == Kind::kRate ? intervals_.seconds() : unit_;
  const bool counts = CellKindOf(function_.kind) == MetricsCells::Kind::kCount;
  for (uint32_t i = 0; i < values.size(); ++i) {
    values[i] = cells_.At(group, i);
    if (function_.kind == Kind::kRate || !counts) values[i] /= unit;
  }
  return values;
}

Status FunctionSink::TakeSeries(size_t count) {
  return budget_.Take(count * (sizeof(MetricsSeries) + intervals_.values() * sizeof(double)));
}

Result<std::vector<MetricsSeries>> FunctionSink::FinishGroups() {
  TOCSIN_RETURN_IF_ERROR(TakeSeries(groups_.size()));
  const bool histogram = function_.kind == Kind::kHistogramOverTime;
  const bool named = function_.by.empty() && !histogram;
  const bool counts = CellKindOf(function_.kind) == MetricsCells::Kind::kCount;
  std::vector<MetricsSeries> series;
  std::vector<std::vector<size_t>> series_of_group;
  for (uint32_t group = 0; group < groups_.size(); ++group) {
    MetricsSeries one;
    one.labels = groups_.LabelsOf(group);
    if (histogram) {
      one.labels.push_back(NumberLabel("__bucket", BucketBound(groups_.BucketOf(group)) / unit_));
    }
    if (named) one.labels.push_back(TextLabel("__name__", MetricsFunctionName(function_.kind)));
    one.values = ValuesOf(group);
    // Without groups a window that has no span counts none, as one of no spans at all does below.
    if (named && counts) std::ranges::replace_if(one.values, IsNone, 0);
    series_of_group.push_back({series.size()});
    series.push_back(std::move(one));
  }
  // Of no spans at all there are still none in every interval.
  if (named && series.empty() && counts) {
    series.push_back({{TextLabel("__name__", MetricsFunctionName(function_.kind))},
                      std::vector<double>(intervals_.values(), 0),
                      {}});
  }
  AddExemplars(series_of_group, &series);
  return series;
}

Result<std::vector<MetricsSeries>> FunctionSink::FinishQuantiles() {
  // Groups that differ in their bucket only make one series for each quantile.
  std::map<std::vector<uint32_t>, std::vector<uint32_t>> histograms;
  for (uint32_t group = 0; group < groups_.size(); ++group) {
    const std::span<const uint32_t> values = groups_.ValuesOf(group);
    histograms[{values.begin(), values.end()}].push_back(group);
  }
  TOCSIN_RETURN_IF_ERROR(TakeSeries(histograms.size() * function_.quantiles.size()));
  std::vector<MetricsSeries> series;
  std::vector<std::vector<size_t>> series_of_group(groups_.size());
  std::vector<BucketCount> buckets;
  for (auto& [values, groups] : histograms) {
    std::sort(groups.begin(), groups.end(),
              [this](uint32_t a, uint32_t b) { return groups_.BucketOf(a) < groups_.BucketOf(b); });
    const size_t first = series.size();
    for (const double q : function_.quantiles) {
      MetricsSeries one;
      one.labels = groups_.LabelsOf(groups[0]);
      one.labels.push_back(NumberLabel("p", q));
      one.values.resize(intervals_.values());
      series.push_back(std::move(one));
    }
    for (const uint32_t group : groups) {
      for (size_t k = first; k < series.size(); ++k) series_of_group[group].push_back(k);
    }
    for (uint32_t i = 0; i < intervals_.values(); ++i) {
      buckets.clear();
      for (const uint32_t group : groups) {
        const double count = cells_.At(group, i);
        if (count > 0) buckets.push_back({BucketBound(groups_.BucketOf(group)) / unit_, count});
      }
      for (size_t k = first; k < series.size(); ++k) {
        const bool none = buckets.empty() && intervals_.runs();
        series[k].values[i] = none ? kNone : QuantileOf(function_.quantiles[k - first], buckets);
      }
    }
  }
  AddExemplars(series_of_group, &series);
  return series;
}

// Of several series of its group a span is shown with the one that passes closest.
void FunctionSink::AddExemplars(const std::vector<std::vector<size_t>>& series_of_group,
                                std::vector<MetricsSeries>* series) {
  for (const ExemplarSpan& span : picker_.Take()) {
    const std::vector<size_t>& candidates = series_of_group[span.group];
    const auto distance = [&](size_t k) {
      return std::abs((*series)[k].values[span.interval] - span.number);
    };
    const size_t chosen =
        *std::min_element(candidates.begin(), candidates.end(),
                          [&](size_t a, size_t b) { return distance(a) < distance(b); });
    const double value = function_.field ? span.number : kNone;
    (*series)[chosen].exemplars.push_back(
        {ExemplarLabels(span), value, static_cast<int64_t>(span.start / kMillisecond)});
  }
}

}  // namespace

std::unique_ptr<MetricsSink> MakeFunctionSink(const MetricsFunction& function,
                                              const MetricsContext& context) {
  return std::make_unique<FunctionSink>(function, context);
}

}  // namespace tocsin::traceql
