/// Traces as spans of Zipkin's version 2.
///
/// Spans become what the OpenTelemetry Collector's translator makes of them: attributes of span and
/// resource are tags, always text; `peer.service` and the addresses of both sides are endpoints;
/// events are annotations (`name`, or `name|{attributes}|dropped`), links are tags
/// `otlp.link.0`, .... `error` is a tag only of spans whose status is an error: the status's
/// message, or "true". As a Zipkin server does, names of spans and services are in lower case, and
/// ids of 64 bits have 16 digits. Spans that share an id keep it; a server's that does is `shared`.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "cpp/api/trace_pieces.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"

namespace tocsin::api {

/// Attributes of a span that name what it calls, the first that is there. Those behind the first
/// count only for CLIENT and PRODUCER spans, as on the other side they name the span's own host.
inline constexpr std::string_view kZipkinPeerAttributes[] = {"peer.service", "server.address",
                                                             "net.peer.name", "db.name"};

/// 16 digits where they are enough, else 32.
std::string ZipkinTraceId(const TraceId& id);

class ZipkinTraces final : public TraceListWriter {
 public:
  /// The spans of one trace, or a list of such lists.
  enum class Form : uint8_t { kTrace, kTraces };
  explicit ZipkinTraces(Form form) : form_(form) {}

  TempoQueries::SharedIds shared_ids() const override { return TempoQueries::SharedIds::kKeep; }
  std::string Head() override { return form_ == Form::kTraces ? "[" : ""; }
  std::string Tail() override { return form_ == Form::kTraces ? "]" : ""; }
  std::string Begin(const TraceId& id) override;
  std::string Piece(const SpanBatch& piece) override;
  std::string End() override { return "]"; }
  void Missing(const TraceId& /*id*/, const Status& /*why*/) override {}

 private:
  const Form form_;
  bool first_trace_ = true;
  bool first_span_ = true;
  /// Of CLIENT spans of this trace. Of a trace in pieces those that were seen so far.
  std::unordered_set<SpanId> clients_;
};

}  // namespace tocsin::api
