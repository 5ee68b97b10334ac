/// What a query gives back.

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/source.h"

namespace tocsin::promql {

struct ScalarValue {
  Sample sample;
};

struct StringValue {
  Millis t = 0;
  std::string value;
};

struct VectorSample {
  Labels labels;
  Sample sample;
  HistogramPtr histogram = {};  ///< If set, this is the value, and sample.v means nothing.
};

/// Of an instant query. In the order of sort() or topk() where such a function is outermost, else
/// in an order that depends on nothing but the query and the data.
struct VectorValue {
  std::vector<VectorSample> samples;
};

/// Of a range query, or of an instant query of a range vector. Ordered by labels; no series is
/// empty.
struct MatrixValue {
  std::vector<SeriesData> series;
};

using Value = std::variant<ScalarValue, StringValue, VectorValue, MatrixValue>;

struct QueryResult {
  Value value;
  /// "PromQL warning: ... (1:5)". No two are equal.
  std::vector<std::string> warnings;
  /// "PromQL info: ... (1:5)"
  std::vector<std::string> infos;
};

}  // namespace tocsin::promql
