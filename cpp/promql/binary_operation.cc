// Matching is worked out once for all steps: which series of one side meet which of the other. What
// may differ from step to step is only who is present, and that is looked at where a group has more
// than one series on a side that may have one.

#include "cpp/promql/binary_operation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/exposition_text.h"
#include "cpp/base/hash.h"
#include "cpp/base/quote.h"

namespace tocsin::promql {
namespace {

constexpr int32_t kNobody = -1;

// The labels by which series of the two sides find each other.
LabelKeys MatchingKeys(const VectorMatching& matching) {
  std::vector<std::string> names = matching.labels;
  if (!matching.on) names.emplace_back(kMetricName);
  return {std::move(names), matching.on};
}

// All labels in braces, the name as one of them.
std::string LabelsText(const Labels& labels) {
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text.append(", ");
    text.append(IsPlainLabelName(name) ? name : QuoteGo(name)).append("=").append(QuoteGo(value));
  }
  return text.append("}");
}

// Numbers keys in the order in which they come.
class KeyIndex {
 public:
  size_t Of(const std::string& key) {
    if (const auto it = index_.find(key); it != index_.end()) return it->second;
    return index_.emplace(key, index_.size()).first->second;
  }
  size_t size() const { return index_.size(); }

 private:
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index_;
};

}  // namespace

double MinOrMax(bool maximum, double a, double b) {
  const double extreme =
      maximum ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  if (a == extreme || b == extreme) return extreme;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  return maximum ? std::max(a, b) : std::min(a, b);
}

void ApplyScalar(const StepScalars& scalars, bool scalar_left, ElementOperation operation,
                 StepVector* vector) {
  RowBuffer row(scalars.size());
  for (StepSeries& series : *vector) {
    if (series.histograms.empty() && operation.takes_floats()) {
      for (size_t i = 0; i < series.values.size(); ++i) {
        double& value = series.values[i];
        const double scalar = scalars[series.first + i];
        if (IsAbsent(value)) continue;
        value = scalar_left ? operation.OfFloats(scalar, value, value)
                            : operation.OfFloats(value, scalar, value);
      }
      continue;
    }
    row.Clear();
    for (size_t step = series.first; step < series.end(); ++step) {
      if (!series.Has(step)) continue;
      const Element value = Element::At(series, step);
      const Element scalar{scalars[step], nullptr};
      if (scalar_left) {
        operation.Apply(scalar, value, value, step, &row);
      } else {
        operation.Apply(value, scalar, value, step, &row);
      }
    }
    const bool drop_name = series.drop_name;
    series = StepSeries::Make(std::move(series.labels), row.row());
    series.drop_name = drop_name;
  }
}

StepVector SetOperation(const Binary& binary, size_t step_count, StepVector left,
                        StepVector right) {
  TOCSIN_CHECK(binary.matching.has_value());
  LabelKeys keys = MatchingKeys(*binary.matching);
  KeyIndex index;
  const auto groups_of = [&](const StepVector& side) {
    std::vector<size_t> groups;
    for (const StepSeries& series : side) groups.push_back(index.Of(keys.Of(series.labels)));
    return groups;
  };
  const std::vector<size_t> left_groups = groups_of(left);
  const std::vector<size_t> right_groups = groups_of(right);

  // Of `or` the left side decides about the right one, else the right side about the left one.
  const bool is_or = binary.op == BinaryOp::kOr;
  const StepVector& deciding = is_or ? left : right;
  const std::vector<size_t>& deciding_groups = is_or ? left_groups : right_groups;
  std::vector<std::vector<bool>> present(index.size());
  for (size_t i = 0; i < deciding.size(); ++i) {
    std::vector<bool>& steps = present[deciding_groups[i]];
    steps.resize(step_count);
    for (size_t step = deciding[i].first; step < deciding[i].end(); ++step) {
      if (deciding[i].Has(step)) steps[step] = true;
    }
  }

  StepVector& filtered = is_or ? right : left;
  const std::vector<size_t>& filtered_groups = is_or ? right_groups : left_groups;
  const bool keep_where_present = binary.op == BinaryOp::kAnd;
  for (size_t i = 0; i < filtered.size(); ++i) {
    const std::vector<bool>& steps = present[filtered_groups[i]];
    for (size_t step = filtered[i].first; step < filtered[i].end(); ++step) {
      const bool is_present = !steps.empty() && steps[step];
      if (is_present != keep_where_present) filtered[i].Erase(step);
    }
  }
  RemoveEmpty(&filtered);
  if (is_or) std::ranges::move(right, std::back_inserter(left));
  return left;
}

VectorOperation::VectorOperation(const Binary& binary, size_t step_count, bool delayed_name_removal,
                                 ElementOperation operation)
    : binary_(binary),
      matching_(*binary.matching),
      step_count_(step_count),
      delayed_name_removal_(delayed_name_removal),
      swapped_(matching_.cardinality == Cardinality::kOneToMany),
      fill_many_(matching_.fill_left),
      fill_one_(matching_.fill_right),
      operation_(operation),
      row_(step_count) {}

Result<StepVector> VectorOperation::Run(StepVector left, StepVector right) {
  if (swapped_) std::swap(left, right);
  many_ = std::move(left);
  one_ = std::move(right);
  const bool fills = fill_many_.has_value() || fill_one_.has_value();
  active_.assign(step_count_, fills);
  for (const StepSeries& series : many_) {
    for (size_t step = series.first; step < series.end(); ++step) {
      if (series.Has(step)) active_[step] = true;
    }
  }

  LabelKeys keys = MatchingKeys(matching_);
  KeyIndex index;
  std::vector<Group> groups;
  const auto group_of = [&](const StepSeries& series) -> Group& {
    const size_t group = index.Of(keys.Of(series.labels));
    if (group == groups.size()) groups.emplace_back();
    return groups[group];
  };
  for (size_t i = 0; i < many_.size(); ++i) group_of(many_[i]).many.push_back(i);
  for (size_t i = 0; i < one_.size(); ++i) group_of(one_[i]).one.push_back(i);
  for (const Group& group : groups) TOCSIN_RETURN_IF_ERROR(RunGroup(group));
  return std::move(result_);
}

Status VectorOperation::RunGroup(const Group& group) {
  TOCSIN_ASSIGN_OR_RETURN(const Owners owners, FindOwners(group));
  if (matching_.cardinality == Cardinality::kOneToOne) {
    TOCSIN_RETURN_IF_ERROR(CheckOneToOne(group, owners));
  } else {
    TOCSIN_RETURN_IF_ERROR(CheckUniqueTargets(group, owners));
  }
  for (const size_t many : group.many) Combine(many_[many], group, owners);
  if (fill_many_) FillMany(group, owners, *fill_many_);
  return Status();
}

Result<VectorOperation::Owners> VectorOperation::FindOwners(const Group& group) const {
  Owners owners(step_count_, kNobody);
  for (const size_t candidate : group.one) {
    const StepSeries& series = one_[candidate];
    for (size_t step = series.first; step < series.end(); ++step) {
      if (!series.Has(step) || !active_[step]) continue;
      if (owners[step] != kNobody) {
        return DuplicateError(one_[static_cast<size_t>(owners[step])], series);
      }
      owners[step] = static_cast<int32_t>(candidate);
    }
  }
  return owners;
}

Failure VectorOperation::DuplicateError(const StepSeries& a, const StepSeries& b) const {
  std::string first = LabelsText(a.labels);
  std::string second = LabelsText(b.labels);
  if (second < first) std::swap(first, second);
  return FailedPreconditionError(
      "found duplicate series for the match group " + LabelsText(MatchLabels(b.labels)) +
      " on the " + (swapped_ ? "left" : "right") + " hand-side of the operation: [" + first + ", " +
      second + "];many-to-many matching not allowed: matching labels must be unique on one side");
}

Status VectorOperation::CheckOneToOne(const Group& group, const Owners& owners) const {
  if (group.many.size() < 2) return Status();
  std::vector<bool> taken(step_count_);
  for (const size_t many : group.many) {
    const StepSeries& series = many_[many];
    for (size_t step = series.first; step < series.end(); ++step) {
      const bool matched = owners[step] != kNobody || fill_one_;
      if (!series.Has(step) || !matched) continue;
      if (taken[step]) {
        return FailedPreconditionError(
            "multiple matches for labels: many-to-one matching must be explicit "
            "(group_left/group_right)");
      }
      taken[step] = true;
    }
  }
  return Status();
}

// Series of the many side that differ only in what the result does not have from them give the same
// series; they may, if not at the same step.
Status VectorOperation::CheckUniqueTargets(const Group& group, const Owners& owners) const {
  std::unordered_map<std::string, std::vector<bool>> taken_by_target;
  for (const size_t many : group.many) {
    if (group.many.size() < 2) break;
    const StepSeries& series = many_[many];
    const std::string target = ResultLabels(series.labels, Labels()).ToString();
    std::vector<bool>& taken = taken_by_target[target];
    taken.resize(step_count_);
    for (size_t step = series.first; step < series.end(); ++step) {
      if (!series.Has(step) || (owners[step] == kNobody && !fill_one_)) continue;
      if (taken[step]) {
        return FailedPreconditionError(
            "multiple matches for labels: grouping labels must ensure unique matches");
      }
      taken[step] = true;
    }
  }
  return Status();
}

void VectorOperation::Combine(const StepSeries& many, const Group& group, const Owners& owners) {
  for (const size_t one : group.one) {
    CombinePair(many, &one_[one], owners, static_cast<int32_t>(one));
  }
  if (fill_one_) {
    CombinePair(many, nullptr, owners, kNobody);
  }
}

// The result of `many` where `owner` is its match; `one` is null for the filled value.
void VectorOperation::CombinePair(const StepSeries& many, const StepSeries* one,
                                  const Owners& owners, int32_t owner) {
  row_.Clear();
  const Element fill{fill_one_.value_or(0), nullptr};
  for (size_t step = many.first; step < many.end(); ++step) {
    if (!many.Has(step) || owners[step] != owner) continue;
    Operate(Element::At(many, step), one != nullptr ? Element::At(*one, step) : fill, step);
  }
  Emit(ResultLabels(many.labels, one != nullptr ? one->labels : MatchLabels(many.labels)),
       many.drop_name || binary_.return_bool);
}

// Where the one side stands alone, a value for the many side is filled in.
void VectorOperation::FillMany(const Group& group, const Owners& owners, double fill) {
  std::vector<bool> matched(step_count_);
  for (const size_t many : group.many) {
    const StepSeries& series = many_[many];
    for (size_t step = series.first; step < series.end(); ++step) {
      if (series.Has(step)) matched[step] = true;
    }
  }
  for (const size_t one : group.one) {
    const StepSeries& series = one_[one];
    row_.Clear();
    for (size_t step = series.first; step < series.end(); ++step) {
      if (matched[step] || owners[step] != static_cast<int32_t>(one)) continue;
      Operate({fill, nullptr}, Element::At(series, step), step);
    }
    Emit(ResultLabels(MatchLabels(series.labels), series.labels), binary_.return_bool);
  }
}

void VectorOperation::Operate(const Element& many, const Element& one, size_t step) {
  const Element& left = swapped_ ? one : many;
  const Element& right = swapped_ ? many : one;
  operation_.Apply(left, right, left, step, &row_);
}

// What is in the row becomes a series, if anything is.
void VectorOperation::Emit(Labels labels, bool drop_name) {
  StepSeries series = StepSeries::Make(std::move(labels), row_.row());
  if (series.values.empty()) return;
  series.drop_name = drop_name;
  result_.push_back(std::move(series));
}

Labels VectorOperation::MatchLabels(const Labels& labels) const {
  return MatchingKeys(matching_).Select(labels);
}

Labels VectorOperation::ResultLabels(const Labels& many, const Labels& one) const {
  Labels labels = many;
  const bool changes_meaning = !IsComparison(binary_.op) && !IsTrim(binary_.op);
  if (changes_meaning || (binary_.return_bool && !delayed_name_removal_)) DropMetricName(&labels);
  if (matching_.cardinality == Cardinality::kOneToOne) {
    labels = LabelKeys(matching_.labels, matching_.on).Select(labels);
  }
  for (const std::string& name : matching_.include) labels.Set(name, one.Get(name));
  return labels;
}

}  // namespace tocsin::promql
