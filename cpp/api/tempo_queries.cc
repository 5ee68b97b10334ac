#include "cpp/api/tempo_queries.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "cpp/api/interrupt.h"
#include "cpp/api/shared_spans.h"
#include "cpp/base/duration.h"
#include "cpp/traceql/lenient.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/trace_list.h"

namespace tocsin::api {
namespace {

using traceql::SpanView;

struct ScopeName {
  std::string_view name;
  AttrScope scope;
};
constexpr std::array<ScopeName, traceql::kAttrScopes> kScopes = {{
    {"span", AttrScope::kSpan},
    {"resource", AttrScope::kResource},
    {"event", AttrScope::kEvent},
    {"link", AttrScope::kLink},
    {"instrumentation", AttrScope::kInstrumentation},
}};

bool Overlaps(const SpanBatch& trace, const TimeWindow& window) {
  for (uint32_t row = 0; row < trace.rows(); ++row) {
    if (trace.start[row] <= window.end &&
        std::max(trace.end[row], trace.start[row]) >= window.start) {
      return true;
    }
  }
  return false;
}

// Of a TagsQuery or a TagValuesQuery. The filter must outlive what is returned.
template <class Asked>
traceql::TagOptions TagOptionsOf(const Asked& query, const std::optional<traceql::Spanset>& filter,
                                 const TempoOptions& options,
                                 const TempoQueries::Interrupted& interrupted) {
  traceql::TagOptions tags;
  tags.start = query.window.start;
  tags.end = query.window.end;
  tags.filter = filter.has_value() ? &*filter : nullptr;
  tags.limit = query.limit;
  tags.max_bytes = (options.limits ? options.limits() : TempoLimits{}).max_tag_bytes;
  tags.interrupted = interrupted;
  return tags;
}

}  // namespace

TempoQueries::TempoQueries(const traceql::SpanSource& source, QueryGate& gate, TempoOptions options)
    : source_(source), gate_(gate), options_(std::move(options)) {}

TempoQueries::Interrupted TempoQueries::InterruptedWhen(std::function<bool()> gone) const {
  return InterruptWhen(std::move(gone), options_.query_timeout);
}

Result<traceql::Query> TempoQueries::Parse(std::string_view text) const {
  Result<traceql::Query> query = traceql::Parse(text, {.strict = options_.strict_traceql});
  if (!query) return Failure(query.error().WithContext("invalid TraceQL query"));
  return query;
}

Status TempoQueries::CheckRange(const TimeWindow& window) const {
  const bool bounded = window.end != UINT64_MAX;
  const Nanos max_range = limits().max_search_range;
  if (bounded && max_range > 0 && window.end - window.start > static_cast<uint64_t>(max_range)) {
    return InvalidArgumentError("range specified by start and end exceeds " +
                                FormatDuration(max_range) +
                                ". received start=" + std::to_string(window.start / kSecond) +
                                " end=" + std::to_string(window.end / kSecond));
  }
  return {};
}

Result<traceql::SearchOptions> TempoQueries::Resolve(const SearchQuery& query) const {
  traceql::SearchOptions search;
  search.limit = query.limit.value_or(options_.default_limit);
  if (search.limit == 0) return InvalidArgumentError("invalid limit: must be a positive number");
  if (options_.max_limit != 0 && search.limit > options_.max_limit) {
    return InvalidArgumentError("limit " + std::to_string(search.limit) + " exceeds max limit " +
                                std::to_string(options_.max_limit));
  }
  search.spans_per_spanset = query.spans.value_or(options_.default_spans);
  if (options_.max_spans != 0) {
    if (search.spans_per_spanset == 0) {
      return InvalidArgumentError("invalid spss: must be a positive number");
    }
    if (search.spans_per_spanset > options_.max_spans) {
      return InvalidArgumentError("spans per span set exceeds " +
                                  std::to_string(options_.max_spans) + ". received " +
                                  std::to_string(search.spans_per_spanset));
    }
  }
  TOCSIN_RETURN_IF_ERROR(CheckRange(query.window));
  search.start = query.window.start;
  search.end = query.window.end;
  search.min_trace_duration = query.min_duration;
  search.max_trace_duration = query.max_duration;
  return search;
}

Result<traceql::SearchResult> TempoQueries::Search(
    const SearchQuery& query, const Interrupted& interrupted,
    const std::function<void(const traceql::SearchStats&)>& progress) const {
  TOCSIN_ASSIGN_OR_RETURN(const traceql::Query parsed, Parse(query.traceql));
  if (parsed.metrics.has_value()) {
    return InvalidArgumentError(
        "invalid TraceQL query: a metrics query is answered by /api/metrics/query_range and "
        "/api/metrics/query");
  }
  TOCSIN_ASSIGN_OR_RETURN(traceql::SearchOptions search, Resolve(query));
  search.interrupted = interrupted;
  search.progress = progress;
  search.helpers.pool = options_.helpers;
  search.memory = options_.memory;
  TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(interrupted));
  const std::shared_ptr<const SpanView> view =
      source_.View(options_.tenant, search.start, search.end);
  if (progress) {
    traceql::SearchStats stats;
    stats.total_blocks = static_cast<uint32_t>(view->blocks().size());
    progress(stats);
  }
  return traceql::Search(*view, parsed, search);
}

Result<TagsAnswer> TempoQueries::TagNames(const TagsQuery& query,
                                          const Interrupted& interrupted) const {
  TagsAnswer answer;
  const bool all = query.scope.empty() || query.scope == "none";
  answer.intrinsics = all || query.scope == "intrinsic";
  const auto* named = std::ranges::find(kScopes, query.scope, &ScopeName::name);
  answer.attributes = all || named != kScopes.end();
  if (!answer.intrinsics && !answer.attributes) {
    return InvalidArgumentError("invalid scope: " + query.scope);
  }
  if (!answer.attributes) return answer;
  const std::optional<traceql::Spanset> filter = traceql::ParseLenient(query.traceql);
  const traceql::TagOptions tags = TagOptionsOf(query, filter, options_, interrupted);
  TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(interrupted));
  const auto view = source_.View(options_.tenant, tags.start, tags.end);
  const std::optional<AttrScope> scope =
      all ? std::nullopt : std::optional<AttrScope>(named->scope);
  TOCSIN_ASSIGN_OR_RETURN(answer.names, FindTagNames(*view, scope, tags));
  return answer;
}

Result<traceql::TagValues> TempoQueries::TagValues(const TagValuesQuery& query,
                                                   const Interrupted& interrupted) const {
  TOCSIN_ASSIGN_OR_RETURN(const traceql::Field field,
                          traceql::ParseTagName(query.name, options_.strict_traceql));
  const std::optional<traceql::Spanset> filter = traceql::ParseLenient(query.traceql);
  const traceql::TagOptions tags = TagOptionsOf(query, filter, options_, interrupted);
  TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(interrupted));
  const auto view = source_.View(options_.tenant, tags.start, tags.end);
  return FindTagValues(*view, field, tags);
}

Result<traceql::MetricsResult> TempoQueries::Measure(std::string_view traceql,
                                                     traceql::MetricsOptions options,
                                                     const Interrupted& interrupted) const {
  TOCSIN_ASSIGN_OR_RETURN(const traceql::Query query, Parse(traceql));
  const traceql::MetricsWindow reads = traceql::WindowOf(options);
  TOCSIN_RETURN_IF_ERROR(CheckRange({reads.from, reads.to}));
  options.interrupted = interrupted;
  options.helpers.pool = options_.helpers;
  options.memory = options_.memory;
  TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(interrupted));
  return traceql::EvaluateMetrics(*source_.View(options_.tenant, reads.from, reads.to), query,
                                  options);
}

Result<SpanBatch> TempoQueries::Trace(const TraceId& id, const TimeWindow& window,
                                      const Interrupted& interrupted) const {
  TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(interrupted));
  TOCSIN_ASSIGN_OR_RETURN(SpanBatch trace, source_.View(options_.tenant, 0, UINT64_MAX)->Trace(id));
  if (!Overlaps(trace, window)) return SpanBatch{};
  SeparateSharedSpans(&trace);
  return trace;
}

Result<TempoQueries::Beginning> TempoQueries::BeginTrace(const TraceId& id,
                                                         const TimeWindow& window,
                                                         const Interrupted& interrupted,
                                                         SharedIds shared) const {
  TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(interrupted));
  Beginning beginning;
  beginning.view = source_.View(options_.tenant, 0, UINT64_MAX);
  bool overlaps = false;
  Status status;
  TOCSIN_RETURN_IF_ERROR(beginning.view->TracePieces(id, [&](SpanBatch piece) {
    overlaps = overlaps || Overlaps(piece, window);
    if (beginning.first.empty()) {
      beginning.first = std::move(piece);
    } else {
      beginning.more = true;
    }
    status = interrupted();
    return status.ok() && !(beginning.more && overlaps);
  }));
  TOCSIN_RETURN_IF_ERROR(status);
  if (!overlaps) return Beginning{};
  if (!beginning.more && shared == SharedIds::kSeparate) SeparateSharedSpans(&beginning.first);
  return beginning;
}

Result<std::vector<TraceId>> TempoQueries::Select(std::string_view traceql,
                                                  const TimeWindow& window,
                                                  const Interrupted& interrupted) const {
  TOCSIN_ASSIGN_OR_RETURN(const traceql::Query query, Parse(traceql));
  traceql::TraceListOptions list;
  list.start = window.start;
  list.end = window.end;
  list.interrupted = interrupted;
  TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(interrupted));
  return ListTraces(*source_.View(options_.tenant, list.start, list.end), &query, list);
}

}  // namespace tocsin::api
