#include "cpp/api/tempo.h"

#include <utility>

#include "cpp/api/errors.h"
#include "cpp/api/params.h"
#include "cpp/api/search_json.h"
#include "cpp/api/tag_search.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"
#include "cpp/wire/otlp_encode.h"

namespace tocsin::api {
namespace {

constexpr int64_t kDefaultLimit = 20;
constexpr int64_t kMaxLimit = 262'144;
constexpr int64_t kDefaultSpansPerSpanSet = 3;
constexpr int64_t kMaxSpansPerSpanSet = 100;

bool Overlaps(const SpanBatch& trace, const Params::SecondsRange& window) {
  for (uint32_t row = 0; row < trace.rows(); ++row) {
    if (trace.start[row] <= window.end &&
        std::max(trace.end[row], trace.start[row]) >= window.start) {
      return true;
    }
  }
  return false;
}

class TempoApi {
 public:
  TempoApi(const traceql::SpanSource& source, QueryGate& gate, TempoOptions options)
      : source_(source), gate_(gate), options_(std::move(options)) {}

  enum class Version : uint8_t { kV1, kV2 };

  http::Response TraceById(const http::Request& request, Version version) const {
    const Result<SpanBatch> trace = FindTrace(request);
    if (!trace) return TextError(trace.error());
    const bool protobuf =
        request.Header("accept").find("application/protobuf") != std::string_view::npos;
    if (version == Version::kV1 && trace->empty()) return http::Response{404, {}, ""};
    http::Response response;
    if (version == Version::kV1) {
      response.body = protobuf ? wire::EncodeTrace(*trace) : wire::EncodeTraceJson(*trace);
    } else {
      wire::TraceByIdInfo info;
      info.inspected_bytes = trace->MemoryBytes();
      response.body = protobuf ? wire::EncodeTraceByIdResponse(*trace, info)
                               : wire::EncodeTraceByIdResponseJson(*trace, info);
    }
    response.Set("Content-Type", protobuf ? "application/protobuf" : "application/json");
    return response;
  }

  http::Response Search(const http::Request& request) const {
    const Result<traceql::SearchResult> result = RunSearch(request);
    if (!result) return TextError(result.error());
    return http::Response::Json(200, SearchJson(*result));
  }

 private:
  Result<SpanBatch> FindTrace(const http::Request& request) const {
    const std::string_view text = request.Param("id");
    const auto id = TraceId::FromHex(text);
    if (!id) {
      return InvalidArgumentError("invalid trace id \"" + std::string(text) +
                                  "\": 1 to 32 hexadecimal digits are expected");
    }
    const Params params(request);
    TOCSIN_ASSIGN_OR_RETURN(const Params::SecondsRange window, params.Seconds());
    const std::string_view mode = params.Text("mode").value_or("all");
    if (mode != "all" && mode != "blocks" && mode != "ingesters" && mode != "external") {
      return InvalidArgumentError("invalid value for parameter mode: \"" + std::string(mode) +
                                  "\" is none of all, blocks, ingesters, external");
    }
    TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter());
    TOCSIN_ASSIGN_OR_RETURN(SpanBatch trace,
                            source_.View(options_.tenant, 0, UINT64_MAX)->Trace(*id));
    if (!Overlaps(trace, window)) return SpanBatch{};
    return trace;
  }

  Result<traceql::Query> ReadQuery(const Params& params) const {
    const auto q = params.Text("q");
    const auto tags = params.Text("tags");
    if (q && tags) return InvalidArgumentError("parameters q and tags exclude each other");
    std::string text(q.value_or("{ }"));
    if (tags) {
      TOCSIN_ASSIGN_OR_RETURN(text, TagsToTraceQl(*tags));
    }
    Result<traceql::Query> query = traceql::Parse(text, {.strict = options_.strict_traceql});
    if (!query) return Failure(query.error().WithContext("invalid TraceQL query"));
    return query;
  }

  Result<traceql::SearchResult> RunSearch(const http::Request& request) const {
    const Params params(request);
    TOCSIN_ASSIGN_OR_RETURN(const traceql::Query query, ReadQuery(params));
    traceql::SearchOptions options;
    TOCSIN_ASSIGN_OR_RETURN(const int64_t limit, params.Int("limit", kDefaultLimit, 1, kMaxLimit));
    options.limit = static_cast<uint32_t>(limit);
    TOCSIN_ASSIGN_OR_RETURN(const int64_t spans,
                            params.Int("spss", kDefaultSpansPerSpanSet, 1, kMaxSpansPerSpanSet));
    options.spans_per_spanset = static_cast<uint32_t>(spans);
    TOCSIN_ASSIGN_OR_RETURN(const Params::SecondsRange range, params.Seconds());
    options.start = range.start;
    options.end = range.end;
    TOCSIN_ASSIGN_OR_RETURN(const Nanos least, params.Duration("minDuration", 0));
    TOCSIN_ASSIGN_OR_RETURN(const Nanos most, params.Duration("maxDuration", 0));
    if (most != 0 && most < least) {
      return InvalidArgumentError("parameter maxDuration must not be less than minDuration");
    }
    options.min_trace_duration = static_cast<uint64_t>(least);
    if (most != 0) options.max_trace_duration = static_cast<uint64_t>(most);
    options.interrupted = [&request]() -> Status {
      if (request.Cancelled()) return CancelledError("the client has gone");
      return {};
    };
    TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter());
    return traceql::Search(*source_.View(options_.tenant, options.start, options.end), query,
                           options);
  }

  const traceql::SpanSource& source_;
  QueryGate& gate_;
  const TempoOptions options_;
};

}  // namespace

void RegisterTempo(const traceql::SpanSource& source, QueryGate& gate, TempoOptions options,
                   http::Router* router) {
  const auto api = std::make_shared<const TempoApi>(source, gate, std::move(options));
  router->Handle("GET", "/api/traces/{id}", [api](const http::Request& request) {
    return api->TraceById(request, TempoApi::Version::kV1);
  });
  router->Handle("GET", "/api/v2/traces/{id}", [api](const http::Request& request) {
    return api->TraceById(request, TempoApi::Version::kV2);
  });
  router->Handle("GET", "/api/search",
                 [api](const http::Request& request) { return api->Search(request); });
  router->Handle("GET", "/api/echo",
                 [](const http::Request&) { return http::Response::Text(200, "echo"); });
}

}  // namespace tocsin::api
