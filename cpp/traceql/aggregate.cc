#include "cpp/traceql/aggregate.h"

#include <cmath>
#include <limits>

namespace tocsin::traceql {
namespace {

// One number of a row, and what kind it is.
struct Number {
  double value = 0;
  uint8_t kinds = 0;  // Of Kinds; 0: there is none.
};

enum Kinds : uint8_t { kHasInt = 1, kHasFloat = 2, kHasDuration = 4 };

Number NumberOf(const Scalar& scalar) {
  if (scalar.kind == Scalar::Kind::kFloat) return {scalar.number, kHasFloat};
  if (scalar.kind != Scalar::Kind::kInt) return {};
  return {static_cast<double>(scalar.integer), scalar.is_duration ? kHasDuration : kHasInt};
}

// The numbers of one unit, as far as they are added up.
struct Sums {
  double total = 0;
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();
  uint32_t count = 0;
  uint8_t kinds = 0;

  void Add(const Number& number) {
    if (number.kinds == 0 || std::isnan(number.value)) return;
    total += number.value;
    least = std::min(least, number.value);
    greatest = std::max(greatest, number.value);
    ++count;
    kinds |= number.kinds;
  }
};

// Whole numbers stay so where they still are exact enough to be told apart.
Scalar ScalarOf(double value, uint8_t kinds, bool average) {
  const bool is_duration = (kinds & kHasDuration) != 0;
  constexpr double kBeyondInt = 9223372036854775808.0;
  if (average || (kinds & kHasFloat) != 0 || std::abs(value) >= kBeyondInt) {
    Scalar scalar = Scalar::Float(value);
    scalar.is_duration = is_duration;
    return scalar;
  }
  const auto whole = static_cast<int64_t>(value);
  return is_duration ? Scalar::Duration(whole) : Scalar::Int(whole);
}

Scalar Aggregated(ScalarExpr::Kind kind, const Sums& sums) {
  if (sums.count == 0) return {};
  switch (kind) {
    case ScalarExpr::Kind::kMin:
      return ScalarOf(sums.least, sums.kinds, false);
    case ScalarExpr::Kind::kMax:
      return ScalarOf(sums.greatest, sums.kinds, false);
    case ScalarExpr::Kind::kSum:
      return ScalarOf(sums.total, sums.kinds, false);
    default:
      return ScalarOf(sums.total / sums.count, sums.kinds, true);
  }
}

// Calls add(row, number) for each row, the cheapest way that the expression allows.
template <class Add>
Status ForEachNumber(const Expr& expr, const Bitmap& rows, ConditionEval* conditions, Add add) {
  for (const Field& field : FieldsOf(expr)) {
    TOCSIN_ASSIGN_OR_RETURN(const BoundField* const bound, conditions->Prepare(field));
    if (!bound->available()) return {};  // Then every trace is partial.
  }
  if (const Field* field = expr.field()) {
    TOCSIN_ASSIGN_OR_RETURN(const BoundField* const bound, conditions->Prepare(*field));
    if (bound->is_duration()) {
      rows.ForEach([&](uint32_t row) {
        add(row, Number{static_cast<double>(bound->DurationAt(row)), kHasDuration});
      });
      return {};
    }
    if (const Column* column = bound->only_column()) {
      std::vector<Number> of_code(column->values.size() + 1);
      for (size_t i = 0; i < column->values.size(); ++i) {
        of_code[i + 1] = NumberOf(tocsin::traceql::ScalarOf(column->values[i]));
      }
      rows.ForEach([&](uint32_t row) { add(row, of_code[column->codes[row]]); });
      return {};
    }
  }
  std::vector<Scalar> values;
  rows.ForEach([&](uint32_t row) {
    values.clear();
    conditions->ValuesOf(expr, row, &values);
    if (!values.empty()) add(row, NumberOf(values[0]));
  });
  return {};
}

}  // namespace

std::vector<uint32_t> CountByUnit(const Bitmap& rows, std::span<const uint32_t> unit_of_row,
                                  uint32_t units) {
  std::vector<uint32_t> counts(units, 0);
  // Rows of a unit mostly follow each other, so runs are counted in a register.
  uint32_t unit = 0;
  uint32_t run = 0;
  const auto add = [&](uint32_t row) {
    if (unit_of_row[row] != unit) {
      if (run > 0) counts[unit] += run;
      unit = unit_of_row[row];
      run = 0;
    }
    ++run;
  };
  if (rows.All()) {
    for (uint32_t row = 0; row < rows.size(); ++row) add(row);
  } else {
    rows.ForEach(add);
  }
  if (run > 0) counts[unit] += run;
  return counts;
}

Result<std::vector<Scalar>> AggregateByUnit(const ScalarExpr& aggregate, const Bitmap& rows,
                                            std::span<const uint32_t> unit_of_row, uint32_t units,
                                            ConditionEval* conditions) {
  std::vector<Scalar> result;
  result.reserve(units);
  if (aggregate.kind == ScalarExpr::Kind::kCount) {
    for (const uint32_t count : CountByUnit(rows, unit_of_row, units)) {
      result.push_back(Scalar::Int(count));
    }
    return result;
  }
  std::vector<Sums> sums(units);
  TOCSIN_RETURN_IF_ERROR(ForEachNumber(
      *aggregate.of, rows, conditions,
      [&](uint32_t row, const Number& number) { sums[unit_of_row[row]].Add(number); }));
  for (const Sums& of_unit : sums) result.push_back(Aggregated(aggregate.kind, of_unit));
  return result;
}

}  // namespace tocsin::traceql
