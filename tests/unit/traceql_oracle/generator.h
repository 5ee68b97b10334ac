/// Random traces and random queries, from a seed.

#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/traceql_oracle/evaluator.h"
#include "tests/unit/traceql_oracle/metrics_evaluator.h"
#include "tests/unit/traceql_oracle/query.h"
#include "tests/unit/traceql_oracle/trace.h"

namespace tocsin::oracle {

class Generator {
 public:
  explicit Generator(uint64_t seed);

  /// Some traces: with orphans, several roots or none, cycles, spans that are their own parent, ids
  /// that two spans share, equal times, ends before starts.
  std::vector<Span> Spans();
  /// Queries that a parser must accept, with values that occur in Spans().
  Pipeline Query();
  Metric MetricsQuery();
  SearchLimits Limits();
  MetricsRange Range();

  size_t Pick(size_t count) { return random_() % count; }
  bool OneIn(size_t count) { return Pick(count) == 0; }
  std::mt19937_64& random() { return random_; }

 private:
  template <class T>
  T OneOf(const std::vector<T>& choices) {
    return choices[Pick(choices.size())];
  }
  Datum Value();
  Attributes SomeAttributes(size_t most);
  Span MakeSpan(const std::string& trace, size_t number, size_t of);

  Node Condition(int depth);
  Node Comparison(int depth);
  Node OfIntrinsic();
  Node AnyAttribute();
  Node NumberNode(int depth);
  Node SomeIntrinsic(const std::vector<std::string>& names);
  Spanset Spans(int depth);
  Node ScalarNode(int depth);
  Stage HavingStage();
  Pipeline Stages(int depth);
  Metric MetricLeaf();
  Node CountedCondition();
  Metric CountedLeaf();

  std::mt19937_64 random_;
  uint64_t base_;
  uint64_t unit_;  ///< Nanoseconds; all times are multiples of it.
  std::vector<std::string> trace_ids_;
};

}  // namespace tocsin::oracle
