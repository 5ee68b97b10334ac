/// Spans of Zipkin: the client and the server of a call have the same id. Trees of spans want an id
/// of its own for each span, so on the way out the server's becomes a child of the client's: it
/// gets an id that the trace has not used, the shared id as its parent, and the children that named
/// the shared id. What is stored stays as it was sent.

#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cpp/model/span_batch.h"

namespace tocsin::api {

/// Separates the spans of one trace, which may come in pieces: first each is shown to See(), then
/// each, in the same order, to Separate(). Holds at most 24 bytes a span while pieces are seen.
class SharedSpans {
 public:
  void See(const SpanBatch& piece);
  /// REQUIRES: all pieces have been seen.
  void Separate(SpanBatch* piece);

 private:
  // The ids for the server spans of one shared id, in the order of these spans.
  struct Replacement {
    std::vector<SpanId> ids;
    size_t given = 0;
  };

  void Resolve();
  Replacement* Find(SpanId shared);

  std::vector<SpanId> used_;
  std::vector<SpanId> clients_;
  std::vector<SpanId> servers_;  // In the order of the trace.
  bool resolved_ = false;
  std::map<SpanId, Replacement> replacements_;
};

/// The same for a trace that is whole.
void SeparateSharedSpans(SpanBatch* trace);

}  // namespace tocsin::api
