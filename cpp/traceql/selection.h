/// The spansets that a pipeline has made of the traces of one block.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/scalar.h"

namespace tocsin::traceql {

/// Rows split by by(). Rows that were not selected when it was made have no meaning here.
struct Grouping {
  std::vector<uint32_t> group_of_row;
  uint32_t groups = 0;
  /// What they were split by, of all by() one after the other. A group's values are those of any of
  /// its rows. They belong to the query.
  std::vector<const Expr*> by;
};

/// A number that a scalar filter worked out for some spansets.
struct Annotation {
  const ScalarExpr* aggregate;                        ///< Belongs to the query.
  std::vector<std::pair<uint32_t, Scalar>> of_units;  ///< Ascending by unit.
};

/// A spanset is a unit: a trace, or a group where there is a grouping.
struct Selection {
  Bitmap rows;
  std::shared_ptr<const Grouping> grouping;  ///< Null: each trace is one spanset.
  std::vector<Annotation> annotations;
};

}  // namespace tocsin::traceql
