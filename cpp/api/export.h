/// What `tocsin export` asks a running server for: whole traces, all that satisfy a query, a
/// bounded piece of them at a time. Ours alone: no peer has it.
///
/// `GET /api/export/ids?q=&start_ns=&end_ns=` answers the ids of the traces that satisfy the query
/// (without `q`: of all), each on a line, in the order in which they are read cheaply. The range,
/// in Unix nanoseconds, selects traces that have such a span in it.
///
/// `POST /api/export/traces`, with ids on lines as its body, answers what is stored of these
/// traces: protobuf TracesData one after the other, each behind its length as a varint; a large
/// trace comes in several of them. Ids that are not (or no longer) there are passed over. The
/// answer is made as it is sent, so that a trace of any size takes little memory here; it breaks
/// off after an error.

#pragma once

#include <string>

#include "cpp/api/query_gate.h"
#include "cpp/http/router.h"
#include "cpp/traceql/source.h"

namespace tocsin::api {

struct ExportOptions {
  std::string tenant;
  bool strict_traceql = false;
  size_t max_ids = 1'000;  ///< In one request for traces.
};

/// Borrows source and gate; both outlive the router's use.
void RegisterExport(const traceql::SpanSource& source, QueryGate& gate, ExportOptions options,
                    http::Router* router);

}  // namespace tocsin::api
