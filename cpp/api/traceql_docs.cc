#include "cpp/api/traceql_docs.h"

namespace tocsin::api {
namespace {

constexpr std::string_view kBasic = R"(# TraceQL: selecting spans

A query is a filter of spans in braces. It finds the traces that have a matching span.

    { resource.service.name = "checkout" && span.http.response.status_code >= 500 }

`{ }` matches every span. Conditions are joined by `&&` and `||`, grouped by parentheses, negated by `!( )`.

## Fields

Attributes have a scope: `span.`, `resource.`, `event.`, `link.`, `instrumentation.`. A leading point without a scope
(`.http.route`) looks at the span first, then at its resource. Names with odd characters are quoted: `span."a b"`.

Intrinsics need no point: `name`, `kind` (client, server, internal, producer, consumer, unspecified), `status` (ok, error,
unset), `statusMessage`, `duration`, `rootName`, `rootServiceName`, `traceDuration`, `span:id`, `trace:id`, `span:parentID`,
`event:name`, `event:timeSinceStart`, `link:traceID`, `link:spanID`, `instrumentation:name`, `nestedSetParent`.

## Comparisons

`=  !=  >  >=  <  <=`, and for texts `=~` and `!~` (RE2, must match the whole text).
Texts are quoted with " or `. Durations are 100ms, 1.5s, 2h. Status and kind are words without quotes.
`{ span.x = nil }` finds spans without x, `{ span.x != nil }` those with it. A span without x satisfies no other condition on
x, not even `!=`.

## Examples

    { status = error && resource.service.name = "api" }
    { name =~ "GET /api/.*" && duration > 500ms }
    { kind = server && span.http.request.method = "POST" }
    { event:name = "exception" }
)";

constexpr std::string_view kAggregates = R"(# TraceQL: aggregates and pipelines

Behind the spans of a trace that match, stages follow, divided by `|`. Aggregates are computed over the matching spans of one
trace and must be compared:

    { status = error } | count() > 3
    { span.db.system = "postgresql" } | avg(duration) > 20ms
    { } | max(duration) > 1s
    { kind = client } | sum(span.http.response.body.size) > 1000000

Functions: `count()`, `avg(f)`, `min(f)`, `max(f)`, `sum(f)`.

`by(field)` divides the spans of each trace into groups, and what follows is computed for each:

    { status = error } | by(resource.service.name) | count() > 1

`select(fields)` adds attributes to the spans in the answer:

    { status = error } | select(span.http.route, resource.k8s.pod.name)

`coalesce()` joins groups again. To count over all traces, not within each, use metrics (see the topic "metrics").
)";

constexpr std::string_view kStructural = R"(# TraceQL: structure

Filters are related by where their spans stand in the tree. The answer has the spans of the right side.

    { resource.service.name = "frontend" } >> { status = error }      descendant
    { name = "GET /" } > { span.db.system != nil }                    child
    { status = error } << { resource.service.name = "frontend" }      ancestor
    { status = error } < { kind = server }                            parent
    { name = "a" } ~ { name = "b" }                                   sibling

A `!` before the operator (`!>>`, `!>`, `!<<`, `!<`, `!~`) finds spans on the right without such a relative on the left. A `&`
before it (`&>>`, `&>`, `&<<`, `&<`, `&~`) has the spans of both sides in the answer.

`{ } && { }` finds traces with both, `{ } || { }` traces with either:

    { resource.service.name = "cart" } && { resource.service.name = "payment" && status = error }

Spans without a parent: `{ nestedSetParent < 0 }`. Errors that no child explains:

    { status = error } !< { status = error }
)";

constexpr std::string_view kMetrics = R"(# TraceQL: metrics

A function at the end turns matching spans into time series. Use the tools traceql-metrics-instant (one value for the range)
and traceql-metrics-range (a value each step).

    { status = error } | rate() by (resource.service.name)
    { } | count_over_time() by (span.http.response.status_code)
    { name = "GET /api" } | quantile_over_time(duration, .5, .9, .99)
    { } | histogram_over_time(duration) by (resource.service.name)
    { } | avg_over_time(duration), min_over_time(duration), max_over_time(duration), sum_over_time(span.bytes): one a query

Series are limited by `| topk(10)` or `| bottomk(10)`. What sets a selection of spans apart from the others:

    { resource.service.name = "api" } | compare({ status = error })

Durations are in seconds in the answer.
)";

}  // namespace

std::string_view TraceQlDocs(std::string_view topic) {
  if (topic == "basic") return kBasic;
  if (topic == "aggregates") return kAggregates;
  if (topic == "structural") return kStructural;
  if (topic == "metrics") return kMetrics;
  return {};
}

}  // namespace tocsin::api
