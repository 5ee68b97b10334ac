/// Results as tables, for notebooks.

#pragma once

#include <memory>

#include "cpp/arrow/table.h"
#include "cpp/model/span_batch.h"
#include "cpp/promql/value.h"
#include "cpp/traceql/search.h"

namespace tocsin::engine {

using TablePtr = std::shared_ptr<const arrow::Table>;

/// One row a trace: trace_id, root_service_name, root_trace_name, start, duration_ns, matched.
TablePtr SearchTable(const traceql::SearchResult& result);

/// One row a span, in the batch's order: trace_id, span_id, parent_span_id (null for a root),
/// service (null without service.name), name, kind, status, start, duration_ns, attributes (a JSON
/// object; bytes, arrays and kvlists in it as OTLP's JSON has them).
TablePtr SpanTable(const SpanBatch& batch);

/// One row a sample: a column for each label name, time, value (double; string for a string). If
/// there are native histograms, a further column has them as JSON, in the form of Prometheus's API;
/// their value is null.
TablePtr SampleTable(const promql::QueryResult& result);

}  // namespace tocsin::engine
