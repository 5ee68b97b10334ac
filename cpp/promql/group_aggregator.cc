#include "cpp/promql/group_aggregator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/promql/kahan.h"
#include "cpp/promql/native_histogram.h"

namespace tocsin::promql {
namespace {

/// What an aggregation does with a histogram.
enum class Histograms : uint8_t { kAdd, kCount, kIgnore };

// The state of one group at one step. Start() takes the first value, Add() the others.
struct SumCell {
  static constexpr Histograms kHistograms = Histograms::kAdd;
  static constexpr HistogramTotal::Kind kTotal = HistogramTotal::Kind::kSum;

  KahanSum sum{Absent(), 0};
  bool started() const { return !IsAbsent(sum.sum); }
  void Start(double v) { sum = {v, 0}; }
  void Add(double v) { sum.Add(v); }
  double Value() const { return sum.sum + sum.compensation; }
};

struct MeanCell {
  static constexpr Histograms kHistograms = Histograms::kAdd;
  static constexpr HistogramTotal::Kind kTotal = HistogramTotal::Kind::kAverage;

  KahanMean mean;
  bool started() const { return mean.count > 0; }
  void Start(double v) { mean.Add(v); }
  void Add(double v) { mean.Add(v); }
  double Value() const { return mean.Value(); }
};

struct CountCell {
  static constexpr Histograms kHistograms = Histograms::kCount;

  double count = 0;
  bool started() const { return count > 0; }
  void Start(double) { count = 1; }
  void Add(double) { count += 1; }
  double Value() const { return count; }
};

struct OneCell {
  static constexpr Histograms kHistograms = Histograms::kCount;

  bool seen = false;
  bool started() const { return seen; }
  void Start(double) { seen = true; }
  static void Add(double) {}
  static double Value() { return 1; }
};

template <bool kMaximum>
struct ExtremeCell {
  static constexpr Histograms kHistograms = Histograms::kIgnore;

  double extreme = Absent();
  bool started() const { return !IsAbsent(extreme); }
  void Start(double v) { extreme = v; }
  void Add(double v) {
    if ((kMaximum ? v > extreme : v < extreme) || std::isnan(extreme)) extreme = v;
  }
  double Value() const { return extreme; }
};

template <bool kRoot>
struct VarianceCell {
  static constexpr Histograms kHistograms = Histograms::kIgnore;

  double count = 0;
  double mean = 0;
  double squares = 0;
  bool started() const { return count > 0; }
  void Start(double v) {
    count = 1;
    mean = v;
    squares = std::isfinite(v) ? 0 : std::numeric_limits<double>::quiet_NaN();
  }
  void Add(double v) {
    count += 1;
    const double delta = v - mean;
    mean += delta / count;
    squares += delta * (v - mean);
  }
  double Value() const { return kRoot ? std::sqrt(squares / count) : squares / count; }
};

// A group's histograms at one step.
struct HistogramCell {
  bool seen = false;
  std::unique_ptr<HistogramTotal> total;  // Null as long as floats came first.
};

template <class Cell>
class CellAggregator final : public GroupAggregator {
 public:
  CellAggregator(const Aggregate& node, size_t step_count, Annotations* annotations)
      : node_(node),
        step_count_(step_count),
        annotations_(*annotations),
        keys_(GroupingKeys(node)) {}

  void Add(std::span<const LabelView> labels, bool drop_name, const StepRow& row,
           size_t first) override {
    Group& group = GroupOf(labels);
    group.drop_name = group.drop_name || drop_name;
    Cell* const cells = group.cells.data() + first;
    for (size_t i = 0; i < row.values.size(); ++i) {
      const double value = row.values[i];
      if (!IsAbsent(value)) AddFloat(&cells[i], value);
    }
    for (size_t i = 0; i < row.histograms.size(); ++i) {
      if (row.histograms[i]) AddHistogram(&group, first + i, *row.histograms[i], labels);
    }
  }

  size_t group_count() const override { return groups_.size(); }

  StepVector Finish() override {
    StepVector result;
    result.reserve(groups_.size());
    RowBuffer row(step_count_);
    for (Group& group : groups_) {
      row.Clear();
      for (size_t step = 0; step < step_count_; ++step) {
        if (group.cells[step].started()) row.values()[step] = group.cells[step].Value();
      }
      if (!group.histograms.empty()) FinishHistograms(group, &row);
      result.push_back(StepSeries::Make(std::move(group.labels), row.row()));
      result.back().drop_name = group.drop_name;
    }
    return result;
  }

 private:
  struct Group {
    Labels labels;
    bool drop_name = false;
    std::vector<Cell> cells;                // One for each step.
    std::vector<HistogramCell> histograms;  // Empty, or one for each step.
  };

  static void AddFloat(Cell* cell, double value) {
    if (cell->started()) {
      cell->Add(value);
    } else {
      cell->Start(value);
    }
  }

  Group& GroupOf(std::span<const LabelView> labels) {
    const std::string& key = keys_.Of(labels);
    const auto it = index_.find(key);
    if (it != index_.end()) return groups_[it->second];
    index_.emplace(key, groups_.size());
    groups_.push_back({keys_.Select(labels), false, std::vector<Cell>(step_count_), {}});
    return groups_.back();
  }

  void AddHistogram(Group* group, size_t step, const NativeHistogram& histogram,
                    std::span<const LabelView> labels) {
    if constexpr (Cell::kHistograms == Histograms::kCount) {
      AddFloat(&group->cells[step], 1);
    } else if constexpr (Cell::kHistograms == Histograms::kIgnore) {
      annotations_.Info(node_.expr->pos, HistogramIgnoredText(node_.op));
    } else {
      group->histograms.resize(step_count_);
      HistogramCell& cell = group->histograms[step];
      const bool first = !cell.seen;
      cell.seen = true;
      // With floats there is no result anyway.
      if (first && !group->cells[step].started()) {
        cell.total = std::make_unique<HistogramTotal>(Cell::kTotal);
      }
      if (cell.total == nullptr || cell.total->incompatible()) return;
      if (cell.total->Add(histogram)) return;
      Annotate(&annotations_, node_.expr->pos, cell.total->notes(), ValueOf(labels, kMetricName));
    }
  }

  void FinishHistograms(const Group& group, RowBuffer* row) {
    for (size_t step = 0; step < step_count_; ++step) {
      const HistogramCell& cell = group.histograms[step];
      if (!cell.seen) continue;
      if (group.cells[step].started()) {
        row->SetAbsent(step);
        Annotate(&annotations_, node_.expr->pos, {HistogramNote::kMixedWithFloatsInAggregate}, "");
      } else if (!cell.total->incompatible()) {
        row->SetHistogram(step, cell.total->Value(/*compact=*/true));
        Annotate(&annotations_, node_.expr->pos, cell.total->notes(), "");
      }
    }
  }

  const Aggregate& node_;
  const size_t step_count_;
  Annotations& annotations_;
  LabelKeys keys_;
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index_;
  std::vector<Group> groups_;
};

}  // namespace

bool GroupAggregator::Handles(AggregateOp op) {
  switch (op) {
    case AggregateOp::kSum:
    case AggregateOp::kAvg:
    case AggregateOp::kCount:
    case AggregateOp::kMin:
    case AggregateOp::kMax:
    case AggregateOp::kGroup:
    case AggregateOp::kStddev:
    case AggregateOp::kStdvar:
      return true;
    default:
      return false;
  }
}

std::unique_ptr<GroupAggregator> GroupAggregator::Make(const Aggregate& node, size_t step_count,
                                                       Annotations* annotations) {
  const auto make = [&]<class Cell>(Cell /*type*/) -> std::unique_ptr<GroupAggregator> {
    return std::make_unique<CellAggregator<Cell>>(node, step_count, annotations);
  };
  switch (node.op) {
    case AggregateOp::kSum:
      return make(SumCell());
    case AggregateOp::kAvg:
      return make(MeanCell());
    case AggregateOp::kCount:
      return make(CountCell());
    case AggregateOp::kMin:
      return make(ExtremeCell<false>());
    case AggregateOp::kMax:
      return make(ExtremeCell<true>());
    case AggregateOp::kStddev:
      return make(VarianceCell<true>());
    case AggregateOp::kStdvar:
      return make(VarianceCell<false>());
    default:
      return make(OneCell());
  }
}

void GroupAggregator::Add(const StepSeries& series) {
  std::vector<LabelView> labels;
  labels.reserve(series.labels.size());
  for (const auto& [name, value] : series.labels) labels.push_back({name, value});
  Add(labels, series.drop_name, {series.values, series.histograms}, series.first);
}

LabelKeys GroupingKeys(const Aggregate& node, std::string_view count_values_label) {
  std::vector<std::string> names = node.grouping;
  if (node.without) {
    names.emplace_back(kMetricName);
  } else if (!count_values_label.empty()) {
    names.emplace_back(count_values_label);
  }
  return {std::move(names), !node.without};
}

}  // namespace tocsin::promql
