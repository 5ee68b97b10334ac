#include "cpp/promql/aggregation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/format.h"
#include "cpp/base/hash.h"
#include "cpp/base/quote.h"
#include "cpp/promql/group_aggregator.h"
#include "cpp/promql/range_functions.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {
namespace {

struct Group {
  Labels labels;
  std::vector<size_t> members;
};

std::vector<Group> MakeGroups(const Aggregation& aggregation, const StepVector& input) {
  LabelKeys keys = GroupingKeys(aggregation.node, aggregation.label);
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index;
  std::vector<Group> groups;
  for (size_t i = 0; i < input.size(); ++i) {
    const std::string& key = keys.Of(input[i].labels);
    auto it = index.find(key);
    if (it == index.end()) {
      it = index.emplace(key, groups.size()).first;
      groups.push_back({keys.Select(input[i].labels), {}});
    }
    groups[it->second].members.push_back(i);
  }
  return groups;
}

StepVector RunGroups(const Aggregation& aggregation, const StepVector& input,
                     Annotations* annotations) {
  const std::unique_ptr<GroupAggregator> aggregator =
      GroupAggregator::Make(aggregation.node, aggregation.step_count, annotations);
  for (const StepSeries& series : input) aggregator->Add(series);
  return aggregator->Finish();
}

// For aggregations that can make nothing of histograms.
void NoteIgnoredHistograms(const Aggregation& aggregation, PosRange pos, const StepVector& input,
                           Annotations* annotations) {
  const bool any = std::ranges::any_of(input, [](const StepSeries& series) {
    return std::ranges::any_of(series.histograms, [](const auto& h) { return h != nullptr; });
  });
  if (any) annotations->Info(pos, HistogramIgnoredText(aggregation.node.op));
}

StepVector RunQuantile(const Aggregation& aggregation, const StepVector& input) {
  StepVector result;
  std::vector<double> values;
  std::vector<double> dense(aggregation.step_count);
  for (Group& group : MakeGroups(aggregation, input)) {
    bool drop_name = false;
    for (const size_t member : group.members) drop_name = drop_name || input[member].drop_name;
    for (size_t step = 0; step < dense.size(); ++step) {
      values.clear();
      for (const size_t member : group.members) {
        const double value = input[member].At(step);
        if (!IsAbsent(value)) values.push_back(value);
      }
      dense[step] = values.empty() ? Absent() : QuantileOf(aggregation.param[step], &values);
    }
    result.push_back(StepSeries::Make(std::move(group.labels), dense));
    result.back().drop_name = drop_name;
  }
  return result;
}

// The members of a group that topk and its like choose at one step, the best first.
class Chooser {
 public:
  Chooser(const Aggregation& aggregation, const StepVector& input)
      : aggregation_(aggregation),
        input_(input),
        sorts_(aggregation.node.op == AggregateOp::kTopk ||
               aggregation.node.op == AggregateOp::kBottomk) {
    if (aggregation.node.op != AggregateOp::kLimitRatio) return;
    for (const StepSeries& series : input) {
      // Spread evenly over [0, 1), and the same for the same labels in every query.
      constexpr double kHashes = 18446744073709551616.0;
      positions_.push_back(static_cast<double>(series.labels.Hash()) / kHashes);
    }
  }

  const std::vector<size_t>& Choose(const Group& group, size_t step) {
    chosen_.clear();
    const double param = aggregation_.param[step];
    const bool by_ratio = aggregation_.node.op == AggregateOp::kLimitRatio;
    if (!by_ratio && param < 1) return chosen_;
    for (const size_t member : group.members) {
      if (sorts_ ? IsAbsent(input_[member].At(step)) : !input_[member].Has(step)) continue;
      if (!by_ratio || InRatio(positions_[member], std::clamp(param, -1.0, 1.0))) {
        chosen_.push_back(member);
      }
    }
    if (by_ratio) return chosen_;
    const size_t k =
        param >= static_cast<double>(chosen_.size()) ? chosen_.size() : static_cast<size_t>(param);
    if (sorts_) SortBest(k, step);
    chosen_.resize(k);
    return chosen_;
  }

 private:
  static bool InRatio(double position, double ratio) {
    return ratio >= 0 ? position < ratio : position >= 1 + ratio;
  }

  // NaN is worse than everything; of equals the first one is better.
  void SortBest(size_t k, size_t step) {
    const bool top = aggregation_.node.op == AggregateOp::kTopk;
    const auto better = [&](size_t a, size_t b) {
      const double x = input_[a].At(step);
      const double y = input_[b].At(step);
      if (std::isnan(x) || std::isnan(y)) {
        return std::isnan(x) == std::isnan(y) ? a < b : std::isnan(y);
      }
      if (x == y) return a < b;
      return top ? x > y : x < y;
    };
    std::partial_sort(chosen_.begin(), chosen_.begin() + static_cast<std::ptrdiff_t>(k),
                      chosen_.end(), better);
  }

  const Aggregation& aggregation_;
  const StepVector& input_;
  const bool sorts_;               // By the floats; there is no order of histograms.
  std::vector<double> positions_;  // Of limit_ratio.
  std::vector<size_t> chosen_;
};

StepVector RunChoice(const Aggregation& aggregation, StepVector input) {
  Chooser chooser(aggregation, input);
  const std::vector<Group> groups = MakeGroups(aggregation, input);
  if (aggregation.step_count == 1) {
    StepVector result;
    for (const Group& group : groups) {
      for (const size_t member : chooser.Choose(group, 0)) result.push_back(input[member]);
    }
    return result;
  }
  std::vector<std::vector<bool>> kept(input.size());
  for (const Group& group : groups) {
    for (size_t step = 0; step < aggregation.step_count; ++step) {
      for (const size_t member : chooser.Choose(group, step)) {
        kept[member].resize(aggregation.step_count);
        kept[member][step] = true;
      }
    }
  }
  StepVector result;
  for (size_t i = 0; i < input.size(); ++i) {
    if (kept[i].empty()) continue;
    for (size_t step = input[i].first; step < input[i].end(); ++step) {
      if (!kept[i][step]) input[i].Erase(step);
    }
    result.push_back(std::move(input[i]));
  }
  return result;
}

StepVector RunCountValues(const Aggregation& aggregation, const StepVector& input) {
  LabelKeys keys = GroupingKeys(aggregation.node, aggregation.label);
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index;
  std::vector<Labels> labels_of;
  std::vector<std::vector<double>> counts;
  const auto target_of = [&](const StepSeries& series, const std::string& value) {
    Labels labels = series.labels;
    labels.Set(aggregation.label, value);
    const std::string& key = keys.Of(labels);
    if (const auto it = index.find(key); it != index.end()) return it->second;
    labels_of.push_back(keys.Select(labels));
    counts.emplace_back(aggregation.step_count, Absent());
    return index.emplace(key, counts.size() - 1).first->second;
  };
  for (const StepSeries& series : input) {
    double last = Absent();
    size_t target = 0;
    for (size_t step = series.first; step < series.end(); ++step) {
      const double value = series.At(step);
      if (const NativeHistogram* histogram = series.HistogramAt(step)) {
        target = target_of(series, FormatHistogram(*histogram));
      } else if (IsAbsent(value)) {
        continue;
      } else if (IsAbsent(last) || value != last) {
        // Values tend to stay the same from step to step.
        target = target_of(series, FormatGoFixed(value));
      }
      last = value;
      double& count = counts[target][step];
      count = IsAbsent(count) ? 1 : count + 1;
    }
  }
  StepVector result;
  for (size_t i = 0; i < counts.size(); ++i) {
    result.push_back(StepSeries::Make(std::move(labels_of[i]), counts[i]));
  }
  return result;
}

Status CheckCount(const StepScalars& param) {
  if (std::ranges::any_of(param, [](double k) { return std::isnan(k); })) {
    return FailedPreconditionError("Parameter value is NaN");
  }
  const auto [least, most] = std::ranges::minmax(param);
  if (most < 1) return Status();
  constexpr double kInt64Bound = 9223372036854775808.0;
  if (least <= -kInt64Bound) {
    return FailedPreconditionError("Scalar value " + FormatGoFloat(least) + " underflows int64");
  }
  if (most >= kInt64Bound) {
    return FailedPreconditionError("Scalar value " + FormatGoFloat(most) + " overflows int64");
  }
  return Status();
}

Status CheckRatio(const StepScalars& param, PosRange pos, Annotations* annotations) {
  if (std::ranges::any_of(param, [](double r) { return std::isnan(r); })) {
    return FailedPreconditionError("Ratio value is NaN");
  }
  const auto [least, most] = std::ranges::minmax(param);
  const auto warn = [&](double ratio, const char* cap) {
    annotations->Warn(pos, "ratio value should be between -1 and 1, got " + FormatGoFloat(ratio) +
                               ", capping to " + cap);
  };
  if (most > 1) warn(most, "1");
  if (least < -1) warn(least, "-1");
  return Status();
}

void CheckPhi(const StepScalars& param, PosRange pos, Annotations* annotations) {
  const auto warn = [&](double phi) {
    annotations->Warn(pos, "quantile value should be between 0 and 1, got " + FormatGoFloat(phi));
  };
  if (std::ranges::any_of(param, [](double phi) { return std::isnan(phi); })) {
    warn(std::numeric_limits<double>::quiet_NaN());
  }
  const auto [least, most] = std::ranges::minmax(param);
  if (most > 1) warn(most);
  if (least < 0) warn(least);
}

}  // namespace

Status CheckParameter(const Aggregation& aggregation, PosRange pos, Annotations* annotations) {
  switch (aggregation.node.op) {
    case AggregateOp::kCountValues:
      if (IsValidLabelName(aggregation.label)) return Status();
      return FailedPreconditionError("invalid label name " + QuoteGo(aggregation.label));
    case AggregateOp::kLimitRatio:
      return CheckRatio(aggregation.param, pos, annotations);
    case AggregateOp::kQuantile:
      CheckPhi(aggregation.param, pos, annotations);
      return Status();
    default:
      return CheckCount(aggregation.param);
  }
}

StepVector RunAggregation(const Aggregation& aggregation, StepVector input,
                          Annotations* annotations) {
  const AggregateOp op = aggregation.node.op;
  if (GroupAggregator::Handles(op)) return RunGroups(aggregation, input, annotations);
  switch (op) {
    case AggregateOp::kQuantile:
      NoteIgnoredHistograms(aggregation, aggregation.node.expr->pos, input, annotations);
      return RunQuantile(aggregation, input);
    case AggregateOp::kCountValues:
      return RunCountValues(aggregation, input);
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
      NoteIgnoredHistograms(aggregation, aggregation.pos, input, annotations);
      return RunChoice(aggregation, std::move(input));
    default:
      return RunChoice(aggregation, std::move(input));
  }
}

}  // namespace tocsin::promql
