/// Search: the newest traces with spans that satisfy a query.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/helpers.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// The root service of a trace whose root span has not arrived.
inline constexpr std::string_view kNoRootYet = "<root span not yet received>";

struct SearchStats {
  uint64_t inspected_traces = 0;  ///< Of the blocks that were read.
  uint64_t inspected_spans = 0;   ///< Rows of the blocks that were read.
  uint64_t inspected_bytes = 0;   ///< Of decoded columns that were read.
  uint32_t total_blocks = 0;
  uint32_t inspected_blocks = 0;
};

struct SearchOptions {
  uint32_t limit = 20;             ///< Of traces.
  uint32_t spans_per_spanset = 3;  ///< 0: all of them.
  /// Unix nanoseconds, both included. The range selects traces, not spans: a trace is in the answer
  /// if one of the spans in its spansets overlaps the range, and conditions, aggregates and the
  /// answer then see all of its spans.
  uint64_t start = 0;
  uint64_t end = UINT64_MAX;
  /// Of the whole trace, nanoseconds, both included.
  uint64_t min_trace_duration = 0;
  uint64_t max_trace_duration = UINT64_MAX;
  /// Bytes that one search may hold for candidates, traces that it reads whole and its answer. What
  /// needs more is kResourceExhausted.
  uint64_t max_bytes = uint64_t{512} << 20;
  /// And what all searches may hold together; borrowed. Null: no bound.
  MemoryPool* memory = nullptr;
  /// Asked before each block and each trace, on any of the threads; what is not OK ends the search.
  /// May be empty.
  std::function<Status()> interrupted;
  Helpers helpers;
  /// Told what has been done after each block, on the searching thread. May be empty.
  std::function<void(const SearchStats&)> progress;
};

struct SearchAttribute {
  /// Of a span: the attribute's name without its scope, or the intrinsic's. Of a spanset:
  /// `by(resource.service.name)`, `count()`, `max(duration)`, ...
  std::string key;
  Value value;
};

struct SearchSpan {
  SpanId id = 0;
  std::string name;
  bool name_asked = false;  ///< The query has a condition on the name.
  uint64_t start = 0;       ///< Unix nanoseconds.
  uint64_t duration = 0;    ///< Nanoseconds.
  /// Of the fields in the query those that the span has, in the query's order, without those that
  /// stand in the members above or in the trace's.
  std::vector<SearchAttribute> attributes;
};

struct SearchSpanset {
  uint32_t matched = 0;           ///< Spans that are in it.
  std::vector<SearchSpan> spans;  ///< The first of them, by (start, span id).
  /// What by() split by, the string "nil" where that is absent, and the aggregates of scalar
  /// filters as they were there; durations as Go writes them ("1.5s").
  std::vector<SearchAttribute> attributes;
};

struct ServiceStats {
  uint32_t spans = 0;
  uint32_t errors = 0;
};

struct SearchTrace {
  TraceId id;
  std::string root_service;  ///< kNoRootYet without a root.
  std::string root_name;
  uint64_t start = 0;     ///< Unix nanoseconds; the least of any span.
  uint64_t duration = 0;  ///< Nanoseconds, of the whole trace.
  uint32_t matched = 0;   ///< Spans in all spansets together.
  /// At least one; several only of by(), in the order of their first spans.
  std::vector<SearchSpanset> spansets;
  std::map<std::string, ServiceStats, std::less<>> services;  ///< Of all spans, by service.name.
};

struct SearchResult {
  /// Newest first: by start descending, then by id.
  std::vector<SearchTrace> traces;
  SearchStats stats;
};

/// Complete and repeatable: the `limit` newest of all traces that satisfy the query, whatever
/// blocks their spans are in. Blocks are read from the newest on, and no further than needed. A
/// block that turns out to be damaged is left out. Errors are those of the view, of `interrupted`
/// and of the budget. REQUIRES: a query without `metrics`.
Result<SearchResult> Search(const SpanView& view, const Query& query, const SearchOptions& options);

}  // namespace tocsin::traceql
