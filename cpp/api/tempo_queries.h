/// What Tempo's clients ask of traces, apart from how they ask it: HTTP and gRPC read their
/// requests into these structs and write the results in their own way.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/api/query_gate.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/search.h"
#include "cpp/traceql/source.h"
#include "cpp/traceql/tags.h"

namespace tocsin::api {

/// What a tenant may ask for; may change while the server runs.
struct TempoLimits {
  Nanos max_search_range = 0;      ///< From start to end; 0: any.
  uint64_t max_trace_bytes = 0;    ///< Of a trace that is given out whole; 0: any.
  size_t max_tag_bytes = 4 << 20;  ///< Of text in one list of names or values.
};

struct TempoOptions {
  std::string tenant;
  bool strict_traceql = false;    ///< Refuse what Tempo's own parser refuses.
  Nanos query_timeout = 0;        ///< Of one query, waiting included; 0: none.
  uint32_t default_limit = 20;    ///< Of traces in a search.
  uint32_t max_limit = 262'144;   ///< 0: any.
  uint32_t default_spans = 3;     ///< Of each spanset in a search.
  uint32_t max_spans = 100;       ///< 0: any, and then a client may ask for all with 0.
  ThreadPool* helpers = nullptr;  ///< Help one query where there is much to read; borrowed.
  MemoryPool* memory = nullptr;   ///< As in traceql::SearchOptions.
  std::function<TempoLimits()> limits = {};  ///< Of this moment; empty: TempoLimits{}.
};

/// Unix nanoseconds, both included.
struct TimeWindow {
  uint64_t start = 0;
  uint64_t end = UINT64_MAX;
};

struct SearchQuery {
  std::string traceql = "{ }";
  std::optional<uint32_t> limit;  ///< Nothing: the default.
  std::optional<uint32_t> spans;
  TimeWindow window;
  uint64_t min_duration = 0;  ///< Of the trace, nanoseconds.
  uint64_t max_duration = UINT64_MAX;
};

struct TagsQuery {
  std::string scope;    ///< "" or "none": all. "intrinsic" or one of the language's otherwise.
  std::string traceql;  ///< A filter, perhaps unfinished; "" for none.
  TimeWindow window;
  uint32_t limit = 0;  ///< Of each scope; 0: none.
};

struct TagsAnswer {
  bool attributes = false;  ///< Whether attributes were asked for.
  bool intrinsics = false;
  traceql::TagNames names;
};

struct TagValuesQuery {
  std::string name;  ///< As traceql::ParseTagName() reads it.
  std::string traceql;
  TimeWindow window;
  uint32_t limit = 0;
};

/// Thread-safe. Borrows source and gate.
class TempoQueries {
 public:
  TempoQueries(const traceql::SpanSource& source, QueryGate& gate, TempoOptions options);

  const TempoOptions& options() const { return options_; }
  TempoLimits limits() const { return options_.limits ? options_.limits() : TempoLimits{}; }

  using Interrupted = std::function<Status()>;
  /// The question for a query whose client is asked for by `gone`, with the timeout of the options.
  Interrupted InterruptedWhen(std::function<bool()> gone) const;

  // Each waits for its turn at the gate, checks its limits and runs. kInvalidArgument for what can
  // never be answered, with a message for the client; kResourceExhausted from the gate; what
  // `interrupted` says.

  /// `progress`, if given, is called with what is known so far, one call at a time.
  Result<traceql::SearchResult> Search(
      const SearchQuery& query, const Interrupted& interrupted,
      const std::function<void(const traceql::SearchStats&)>& progress = {}) const;
  Result<TagsAnswer> TagNames(const TagsQuery& query, const Interrupted& interrupted) const;
  Result<traceql::TagValues> TagValues(const TagValuesQuery& query,
                                       const Interrupted& interrupted) const;
  /// A metrics query, whatever length of time a client's may have: the range of a search is its
  /// limit. `options` need not say who interrupts and helps.
  Result<traceql::MetricsResult> Measure(std::string_view traceql, traceql::MetricsOptions options,
                                         const Interrupted& interrupted) const;

  /// Everything of a trace, if one of its spans overlaps the window; else an empty batch. Spans
  /// that share an id are separated (shared_spans.h).
  Result<SpanBatch> Trace(const TraceId& id, const TimeWindow& window,
                          const Interrupted& interrupted) const;

  /// A trace that may be too large to have in memory as a whole. Found under the same conditions.
  struct Beginning {
    /// The first piece of view->TracePieces(); empty: there is no such trace.
    SpanBatch first;
    bool more = false;  ///< There are other pieces. If not, shared ids are as asked for.
    std::shared_ptr<const traceql::SpanView> view;
  };
  /// What becomes of spans that share an id (shared_spans.h).
  enum class SharedIds : uint8_t { kSeparate, kKeep };
  Result<Beginning> BeginTrace(const TraceId& id, const TimeWindow& window,
                               const Interrupted& interrupted,
                               SharedIds shared = SharedIds::kSeparate) const;

  /// The traces that have a span in the window that satisfies the query.
  Result<std::vector<TraceId>> Select(std::string_view traceql, const TimeWindow& window,
                                      const Interrupted& interrupted) const;

  /// Parses a query; kInvalidArgument `invalid TraceQL query: parse error at line 1, col 3: ...`.
  Result<traceql::Query> Parse(std::string_view text) const;

 private:
  Status CheckRange(const TimeWindow& window) const;
  Result<traceql::SearchOptions> Resolve(const SearchQuery& query) const;

  const traceql::SpanSource& source_;
  QueryGate& gate_;
  const TempoOptions options_;
};

}  // namespace tocsin::api
