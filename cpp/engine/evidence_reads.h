/// What an expression reads to be true, and when: where evidence for it is to be looked for.

#pragma once

#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/ast.h"

namespace tocsin::engine {

/// A selector of an expression; exactly one of the two is set. They live as long as the expression.
struct EvidenceRead {
  const promql::VectorSelector* series = nullptr;
  const promql::TraceqlSelector* traces = nullptr;
  // It looks at (after, until].
  Millis after = 0;
  Millis until = 0;
  bool highest = false;  ///< High values are what a function around it is about.
};

/// The selectors whose samples make an expression true at a time, in the order of the text. Those
/// that something is divided by or compared with, that are subtracted or excluded are not among
/// them, nor what is asked to be absent.
std::vector<EvidenceRead> ReadsOf(const promql::Expr& expr, Millis at, Millis lookback);

}  // namespace tocsin::engine
