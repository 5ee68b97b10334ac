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
#include "cpp/base/hash.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {
namespace {

constexpr int32_t kNobody = -1;

bool Holds(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::kEqual:
      return left == right;
    case BinaryOp::kNotEqual:
      return left != right;
    case BinaryOp::kGreater:
      return left > right;
    case BinaryOp::kLess:
      return left < right;
    case BinaryOp::kGreaterEqual:
      return left >= right;
    default:
      return left <= right;
  }
}

bool IsTrim(BinaryOp op) { return op == BinaryOp::kTrimLower || op == BinaryOp::kTrimUpper; }

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

double ScalarOperation(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::kAdd:
      return left + right;
    case BinaryOp::kSub:
      return left - right;
    case BinaryOp::kMul:
      return left * right;
    case BinaryOp::kDiv:
      return left / right;
    case BinaryOp::kMod:
      return std::fmod(left, right);
    case BinaryOp::kPow:
      return std::pow(left, right);
    case BinaryOp::kAtan2:
      return std::atan2(left, right);
    default:
      return Holds(op, left, right) ? 1 : 0;
  }
}

double MinOrMax(bool maximum, double a, double b) {
  const double extreme =
      maximum ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  if (a == extreme || b == extreme) return extreme;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  return maximum ? std::max(a, b) : std::min(a, b);
}

void ApplyScalar(const Binary& binary, const StepScalars& scalars, bool scalar_left,
                 StepVector* vector) {
  const BinaryOp op = binary.op;
  const bool filters = IsComparison(op) && !binary.return_bool;
  for (StepSeries& series : *vector) {
    for (size_t i = 0; i < series.values.size(); ++i) {
      double& value = series.values[i];
      if (IsAbsent(value)) continue;
      const double scalar = scalars[series.first + i];
      const double left = scalar_left ? scalar : value;
      const double right = scalar_left ? value : scalar;
      if (IsTrim(op) || (filters && !Holds(op, left, right))) {
        value = Absent();
      } else if (!filters) {
        value = ScalarOperation(op, left, right);
      }
    }
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
      if (!IsAbsent(deciding[i].At(step))) steps[step] = true;
    }
  }

  StepVector& filtered = is_or ? right : left;
  const std::vector<size_t>& filtered_groups = is_or ? right_groups : left_groups;
  const bool keep_where_present = binary.op == BinaryOp::kAnd;
  for (size_t i = 0; i < filtered.size(); ++i) {
    const std::vector<bool>& steps = present[filtered_groups[i]];
    for (size_t step = filtered[i].first; step < filtered[i].end(); ++step) {
      const bool is_present = !steps.empty() && steps[step];
      if (is_present != keep_where_present) {
        filtered[i].values[step - filtered[i].first] = Absent();
      }
    }
  }
  RemoveEmpty(&filtered);
  if (is_or) std::ranges::move(right, std::back_inserter(left));
  return left;
}

void AnnotateTrimOfFloats(BinaryOp op, PosRange pos, Annotations* annotations) {
  const std::string name(BinaryOpName(op));
  annotations->Info(pos, "incompatible sample types encountered for binary operator \"" + name +
                             "\": float " + name + " float");
}

VectorOperation::VectorOperation(const Binary& binary, size_t step_count, bool delayed_name_removal)
    : binary_(binary),
      matching_(*binary.matching),
      step_count_(step_count),
      delayed_name_removal_(delayed_name_removal),
      swapped_(matching_.cardinality == Cardinality::kOneToMany),
      fill_many_(swapped_ ? matching_.fill_right : matching_.fill_left),
      fill_one_(swapped_ ? matching_.fill_left : matching_.fill_right) {}

Result<StepVector> VectorOperation::Run(StepVector left, StepVector right) {
  if (swapped_) std::swap(left, right);
  many_ = std::move(left);
  one_ = std::move(right);
  const bool fills = fill_many_.has_value() || fill_one_.has_value();
  active_.assign(step_count_, fills);
  for (const StepSeries& series : many_) {
    for (size_t step = series.first; step < series.end(); ++step) {
      if (!IsAbsent(series.At(step))) active_[step] = true;
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
      if (IsAbsent(series.At(step)) || !active_[step]) continue;
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
      if (IsAbsent(series.At(step)) || !matched) continue;
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
      if (IsAbsent(series.At(step)) || (owners[step] == kNobody && !fill_one_)) continue;
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
  std::vector<double> dense(step_count_, Absent());
  const double fill = fill_one_.value_or(0);
  bool any = false;
  for (size_t step = many.first; step < many.end(); ++step) {
    const double value = many.At(step);
    if (IsAbsent(value) || owners[step] != owner) continue;
    dense[step] = Operate(value, one != nullptr ? one->At(step) : fill);
    any = any || !IsAbsent(dense[step]);
  }
  if (!any) return;
  const Labels labels =
      ResultLabels(many.labels, one != nullptr ? one->labels : MatchLabels(many.labels));
  result_.push_back(StepSeries::Make(labels, dense));
  result_.back().drop_name = many.drop_name || binary_.return_bool;
}

// Where the one side stands alone, a value for the many side is filled in.
void VectorOperation::FillMany(const Group& group, const Owners& owners, double fill) {
  std::vector<bool> matched(step_count_);
  for (const size_t many : group.many) {
    const StepSeries& series = many_[many];
    for (size_t step = series.first; step < series.end(); ++step) {
      if (!IsAbsent(series.At(step))) matched[step] = true;
    }
  }
  for (const size_t one : group.one) {
    const StepSeries& series = one_[one];
    std::vector<double> dense(step_count_, Absent());
    bool any = false;
    for (size_t step = series.first; step < series.end(); ++step) {
      if (matched[step] || owners[step] != static_cast<int32_t>(one)) continue;
      dense[step] = Operate(fill, series.At(step));
      any = any || !IsAbsent(dense[step]);
    }
    if (!any) continue;
    result_.push_back(
        StepSeries::Make(ResultLabels(MatchLabels(series.labels), series.labels), dense));
    result_.back().drop_name = binary_.return_bool;
  }
}

double VectorOperation::Operate(double many, double one) {
  const double left = swapped_ ? one : many;
  const double right = swapped_ ? many : one;
  if (IsTrim(binary_.op)) {
    trimmed_floats_ = true;
    return Absent();
  }
  if (!IsComparison(binary_.op) || binary_.return_bool) {
    return ScalarOperation(binary_.op, left, right);
  }
  return Holds(binary_.op, left, right) ? left : Absent();
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
