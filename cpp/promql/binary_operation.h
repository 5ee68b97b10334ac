/// Binary operators on the values of all steps.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/element_operation.h"
#include "cpp/promql/step_vector.h"

namespace tocsin::promql {

/// Go's math.Min and math.Max: NaN if either is, and an infinity beats NaN where it is the extreme.
double MinOrMax(bool maximum, double a, double b);

/// A vector and a scalar, `scalar_left` says on which side. A comparison without `bool` keeps the
/// values of the vector for which it holds. Names are left alone.
void ApplyScalar(const StepScalars& scalars, bool scalar_left, ElementOperation operation,
                 StepVector* vector);

/// and, or, unless.
StepVector SetOperation(const Binary& binary, size_t step_count, StepVector left, StepVector right);

/// Arithmetic and comparisons between vectors, with matching. For one use.
class VectorOperation {
 public:
  VectorOperation(const Binary& binary, size_t step_count, bool delayed_name_removal,
                  ElementOperation operation);

  /// kFailedPrecondition where the matching is ambiguous at some step. Several series of the result
  /// may have the same labels.
  Result<StepVector> Run(StepVector left, StepVector right);

 private:
  struct Group {
    std::vector<size_t> many;  ///< Series of either side that match each other.
    std::vector<size_t> one;
  };
  /// Which series, if any, is the one side of a group at each step.
  using Owners = std::vector<int32_t>;

  Result<Owners> FindOwners(const Group& group) const;
  Status CheckOneToOne(const Group& group, const Owners& owners) const;
  Status CheckUniqueTargets(const Group& group, const Owners& owners) const;
  Status RunGroup(const Group& group);
  void Combine(const StepSeries& many, const Group& group, const Owners& owners);
  void CombinePair(const StepSeries& many, const StepSeries* one, const Owners& owners,
                   int32_t owner);
  void FillMany(const Group& group, const Owners& owners, double fill);
  void Operate(const Element& many, const Element& one, size_t step);
  void Emit(Labels labels, bool drop_name);
  Labels ResultLabels(const Labels& many, const Labels& one) const;
  Labels MatchLabels(const Labels& labels) const;
  Failure DuplicateError(const StepSeries& a, const StepSeries& b) const;

  const Binary& binary_;
  const VectorMatching& matching_;
  const size_t step_count_;
  const bool delayed_name_removal_;
  const bool swapped_;  ///< The left side is the one side.
  const std::optional<double> fill_many_;
  const std::optional<double> fill_one_;
  ElementOperation operation_;
  RowBuffer row_;
  StepVector many_;
  StepVector one_;
  std::vector<bool> active_;  ///< Steps at which the many side has a value, or is filled.
  StepVector result_;
};

}  // namespace tocsin::promql
