/// Aggregates of the spans of each spanset of a block.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/condition.h"
#include "cpp/traceql/scalar.h"

namespace tocsin::traceql {

/// How many of `rows` each unit has.
std::vector<uint32_t> CountByUnit(const Bitmap& rows, std::span<const uint32_t> unit_of_row,
                                  uint32_t units);

/// count, min, max, avg or sum of each unit. Rows without a number do not take part; a unit without
/// any has nil, and count() counts rows. Averages are floats; others are ints where all numbers
/// are. Where a number is a duration, so is the result (nanoseconds; Scalar::is_duration, an
/// average too).
Result<std::vector<Scalar>> AggregateByUnit(const ScalarExpr& aggregate, const Bitmap& rows,
                                            std::span<const uint32_t> unit_of_row, uint32_t units,
                                            ConditionEval* conditions);

}  // namespace tocsin::traceql
