/// From a metrics query of TraceQL to searches for the traces behind one of its series.

#pragma once

#include <optional>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/traceql/ast.h"

namespace tocsin::engine {

struct EvidenceSearch {
  traceql::Query query;  ///< A search.
  /// Of traces with high numbers of it the first is the most telling; unset: the newest is.
  std::optional<traceql::Field> measured;
  bool lowest = false;  ///< Not high numbers, low ones.
};

/// For each function of the query, in the order of the text, the search for spans that it counts in
/// groups that agree with `labels`. What is divided by or subtracted is left out.
std::vector<EvidenceSearch> SearchesOf(const traceql::Query& metrics, const Labels& labels);

}  // namespace tocsin::engine
