/// Traces that may be too large to be held, on their way out: read in pieces, written as they are
/// read.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cpp/api/tempo_queries.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"

namespace tocsin::api {

/// Bytes of the spans as they were received.
uint64_t WireBytes(const SpanBatch& trace);

/// The pieces of a trace until `visit` returns false. To separate shared ids they are read twice.
Status VisitPieces(const traceql::SpanView& view, const TraceId& id, TempoQueries::SharedIds shared,
                   const std::function<bool(const SpanBatch&)>& visit);

/// One form of a list of traces: makes the text, piece by piece. Called by one thread at a time.
class TraceListWriter {
 public:
  virtual ~TraceListWriter() = default;

  virtual TempoQueries::SharedIds shared_ids() const = 0;
  /// Once each: what stands before and behind all traces.
  virtual std::string Head() = 0;
  virtual std::string Tail() = 0;
  /// Of each trace: Begin, its pieces, at least one and none empty, End.
  virtual std::string Begin(const TraceId& id) = 0;
  virtual std::string Piece(const SpanBatch& piece) = 0;
  virtual std::string End() = 0;
  /// Instead of that, of a trace that is not given out.
  virtual void Missing(const TraceId& id, const Status& why) = 0;
};

/// The trace, or what a client is told: kNotFound; kFailedPrecondition above max_trace_bytes; what
/// the reading says.
Result<TempoQueries::Beginning> FindTrace(const TempoQueries& queries, const TraceId& id,
                                          const TimeWindow& window, const http::Request& request,
                                          TempoQueries::SharedIds shared);

/// 200, `application/json`: the trace that FindTrace() has found.
http::Response SendTrace(TempoQueries::Beginning found, const TraceId& id,
                         std::shared_ptr<TraceListWriter> writer);

/// 200, `application/json`: these traces, each as soon as it is read; those that are gone or too
/// large are told to the writer. The body breaks off where the time of the query is over or reading
/// fails. Borrows `queries`, which outlives the answer.
http::Response SendTraces(const TempoQueries& queries, std::vector<TraceId> ids,
                          std::shared_ptr<TraceListWriter> writer);

}  // namespace tocsin::api
