/// What a query gives back.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
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

/// What a query has looked at. Histograms count for what they are worth in memory.
struct QueryStats {
  /// Samples that steps have looked at; one that is in the windows of two steps counts twice. Only
  /// with QueryOptions::stats or per_step_stats.
  uint64_t total_samples = 0;
  uint64_t peak_samples = 0;  ///< In memory at one time.
  /// For each step of the query its part of total_samples, only with QueryOptions::per_step_stats.
  std::vector<std::pair<Millis, uint64_t>> samples_per_step;
};

struct QueryResult {
  Value value;
  /// "PromQL warning: ... (1:5)". No two are equal.
  std::vector<std::string> warnings;
  /// "PromQL info: ... (1:5)"
  std::vector<std::string> infos;
  QueryStats stats = {};
};

}  // namespace tocsin::promql
