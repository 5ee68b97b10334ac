/// The order of rows in a segment, which is also what makes a row the same span as another: who
/// sends a span twice sends these alike. The kind is part of it, as the client's and the server's
/// side of a call may share an id (Zipkin), and with it their times.

#pragma once

#include <compare>
#include <cstdint>

#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"

namespace tocsin::storage {

struct RowOrder {
  TraceId trace;
  uint64_t start = 0;
  SpanId span = 0;
  uint64_t end = 0;
  SpanKind kind = SpanKind::kUnspecified;

  friend auto operator<=>(const RowOrder&, const RowOrder&) = default;
};

inline RowOrder OrderOf(const SpanBatch& batch, uint32_t row) {
  return {batch.traces[batch.trace[row]], batch.start[row], batch.span_id[row], batch.end[row],
          batch.kind[row]};
}

}  // namespace tocsin::storage
