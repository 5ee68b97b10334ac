/// The oracle: what a TraceQL search answers, found out the slow and obvious way. It goes through
/// all traces and all of their spans, and looks every value up each time that it is asked for.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/traceql_oracle/query.h"
#include "tests/unit/traceql_oracle/trace.h"

namespace tocsin::oracle {

/// Spans of one trace, and what was found out about all of them, by name and as it is shown.
struct Group {
  std::vector<const Span*> spans;
  std::vector<std::pair<std::string, std::string>> by;          ///< What they have in common.
  std::vector<std::pair<std::string, std::string>> aggregates;  ///< What filters calculated.
};

/// A number, and whether it is nanoseconds.
struct Amount {
  Datum number;  ///< int64_t or double.
  bool elapsed = false;
};

/// One trace as the evaluator sees it.
class Judge {
 public:
  explicit Judge(const Trace& trace) : trace_(trace) {}

  Data Values(const Node& node, const Span& span) const;
  bool Holds(const Node& node, const Span& span) const;
  std::vector<Group> Run(const Pipeline& pipeline) const;

 private:
  Data Intrinsic(const std::string& name, const Span& span) const;
  Data Calculated(const Node& node, const Span& span) const;
  std::vector<const Span*> Select(const Spanset& spans, const Group& from) const;
  std::vector<const Span*> Relate(const Spanset& spans, const Group& from) const;
  bool Related(const std::string& relation, const Span& left, const Span& right) const;
  std::vector<Group> Step(const Stage& stage, const Group& group) const;
  std::vector<Group> Run(const Pipeline& pipeline, const Group& whole) const;
  std::vector<Group> By(const Node& node, const Group& group) const;
  std::optional<Amount> Scalar(const Node& node, const Group& group) const;
  std::optional<Amount> Aggregated(const Node& node, const Group& group) const;
  void Note(const Node& node, const Group& group, Group* out) const;

  const Trace& trace_;
};

struct SearchLimits {
  size_t traces = 20;
  size_t spans_per_spanset = 3;  ///< 0: all.
  uint64_t start = 0;
  uint64_t end = UINT64_MAX;
  friend bool operator==(const SearchLimits&, const SearchLimits&) = default;
};

/// The whole answer as text; the engine's is written in the same way (engine.h).
std::string Search(const std::vector<Span>& spans, const Pipeline& pipeline,
                   const SearchLimits& limits);

/// The left side and the right side meet in `op` (= != < <= > >= =~ !~).
bool Compare(const std::string& op, const Datum& left, const Datum& right);
/// `left op right` of two numbers (+ - * / % ^); nullopt where there is no answer.
std::optional<Datum> Calculate(const std::string& op, const Datum& left, const Datum& right);
std::optional<double> Number(const Datum& datum);

/// What the answers of both sides are written with.
std::string ShowTrace(const std::string& id, uint64_t start, uint64_t duration,
                      const std::string& root_service, const std::string& root_name);
std::string ShowService(const std::string& name, uint32_t spans, uint32_t errors);
std::string ShowSpanset(size_t matched);
std::string ShowSpan(const std::string& id, const std::string& name, bool name_asked,
                     uint64_t start, uint64_t duration);
std::string ShowAttribute(const std::string& key, const std::string& value);

/// A value as the answer has it: words are strings, durations are ints.
std::string ShowValue(const Datum& datum);

}  // namespace tocsin::oracle
