/// Traces in Jaeger's model, as its query API gives them to its own pages and to Grafana.
///
/// Spans become what the OpenTelemetry Collector's translator makes of them: scope, kind, status
/// and trace state are tags (`otel.scope.name`, `otel.scope.version`, `span.kind`,
/// `otel.status_code`, `error`, `otel.status_description`, `w3c.tracestate`), events are logs with
/// a field `event`, a parent is a CHILD_OF reference, links are FOLLOWS_FROM (or what their
/// `opentracing.ref_type` says), and resources without service.name become processes.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/trace_pieces.h"
#include "cpp/base/status.h"
#include "cpp/lib/json.h"

namespace tocsin::api {

/// The service of spans whose resource names none.
inline constexpr std::string_view kNoServiceName = "OTLPResourceNoServiceName";

/// "server", "client", "producer", "consumer", "internal"; "" for an unspecified kind.
std::string_view JaegerKind(SpanKind kind);

/// 200 and `{"data":<data>,"total":<total>,"limit":0,"offset":0,"errors":null}`.
http::Response JaegerAnswer(std::string_view data, size_t total);
/// `{"data":null,...,"errors":[{"code":400,"msg":"..."}]}` with that status.
http::Response JaegerRefusal(const Status& error);
/// The same with a body of another form. 429 and 503 carry Retry-After.
http::Response JaegerRefusal(const Status& error, std::string body);
/// docs/errors.md's, but for a trace that is too large.
int JaegerStatusOf(const Status& error);

/// `{"data":[...],"total":0,"limit":0,"offset":0,"errors":null}` around traces. Of traces that are
/// missing `errors` tells.
class JaegerTraces final : public TraceListWriter {
 public:
  explicit JaegerTraces(TempoQueries::SharedIds shared) : shared_(shared) {}

  TempoQueries::SharedIds shared_ids() const override { return shared_; }
  std::string Head() override { return "{\"data\":["; }
  std::string Tail() override;
  std::string Begin(const TraceId& id) override;
  std::string Piece(const SpanBatch& piece) override;
  std::string End() override;
  void Missing(const TraceId& id, const Status& why) override;

 private:
  const TempoQueries::SharedIds shared_;
  std::vector<std::pair<TraceId, std::string>> missing_;
  bool first_trace_ = true;
  // Of the trace that is being written: the JSON of each process, and its number.
  std::map<std::string, uint32_t> processes_;
  bool first_span_ = true;
};

/// The same traces as version 3 of the API has them: `{"result":{"resourceSpans":[...]}}`, OTLP.
class JaegerOtlpTraces final : public TraceListWriter {
 public:
  explicit JaegerOtlpTraces(TempoQueries::SharedIds shared) : shared_(shared) {}

  TempoQueries::SharedIds shared_ids() const override { return shared_; }
  std::string Head() override { return "{\"result\":{\"resourceSpans\":["; }
  std::string Tail() override { return "]}}"; }
  std::string Begin(const TraceId& /*id*/) override { return ""; }
  std::string Piece(const SpanBatch& piece) override;
  std::string End() override { return ""; }
  void Missing(const TraceId& /*id*/, const Status& /*why*/) override {}

 private:
  const TempoQueries::SharedIds shared_;
  bool first_ = true;
};

}  // namespace tocsin::api
