#include "cpp/api/jaeger.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/jaeger_json.h"
#include "cpp/api/jaeger_metrics.h"
#include "cpp/api/jaeger_params.h"
#include "cpp/api/service_edges.h"
#include "cpp/api/trace_pieces.h"
#include "cpp/lib/json.h"
#include "cpp/lib/json_texts.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;
using Interrupted = TempoQueries::Interrupted;
using SharedIds = TempoQueries::SharedIds;

struct Operation {
  std::string name;
  std::string_view kind;

  friend auto operator<=>(const Operation&, const Operation&) = default;
};

Interrupted InterruptedBy(const http::Request& request, const TempoQueries& queries) {
  return queries.InterruptedWhen([&request] { return request.Cancelled(); });
}

JaegerClock ClockOf(const TempoQueries& queries) {
  JaegerClock clock;
  clock.now = Clock::Real().Now();
  if (const Nanos most = queries.limits().max_search_range; most > 0) {
    clock.lookback = std::min(clock.lookback, most);
  }
  return clock;
}

Result<std::vector<std::string>> ValuesOf(const TempoQueries& queries, std::string_view field,
                                          std::string filter, const Interrupted& interrupted) {
  TagValuesQuery query;
  query.name = field;
  query.traceql = std::move(filter);
  TOCSIN_ASSIGN_OR_RETURN(traceql::TagValues found, queries.TagValues(query, interrupted));
  std::vector<std::string> values;
  values.reserve(found.values.size());
  for (traceql::TagValue& value : found.values) values.push_back(std::move(value.text));
  return values;
}

Result<std::vector<std::string>> ServicesOf(const TempoQueries& queries,
                                            const Interrupted& interrupted) {
  TOCSIN_ASSIGN_OR_RETURN(std::vector<std::string> services,
                          ValuesOf(queries, "resource.service.name", "", interrupted));
  std::erase(services, "");
  return services;
}

// Each with the kinds of its spans.
Result<std::vector<Operation>> OperationsOf(const TempoQueries& queries, std::string_view service,
                                            const Interrupted& interrupted) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> kinds,
                          ValuesOf(queries, "kind", JaegerServiceFilter(service), interrupted));
  std::vector<Operation> operations;
  for (const SpanKind kind : {SpanKind::kUnspecified, SpanKind::kInternal, SpanKind::kServer,
                              SpanKind::kClient, SpanKind::kProducer, SpanKind::kConsumer}) {
    const std::string_view shown = JaegerKind(kind);
    const std::string word(shown.empty() ? "unspecified" : shown);
    if (std::ranges::find(kinds, word) == kinds.end()) continue;
    TOCSIN_ASSIGN_OR_RETURN(
        const std::vector<std::string> names,
        ValuesOf(queries, "name", JaegerServiceFilter(service, "kind = " + word), interrupted));
    for (const std::string& name : names) operations.push_back({name, shown});
  }
  std::ranges::sort(operations);
  return operations;
}

// What the page decodes as a form: a space in a path may be a plus sign.
std::string ServiceInPath(const http::Request& request) {
  std::string_view path = request.path;
  path.remove_suffix(std::string_view("/operations").size());
  path.remove_prefix(path.rfind('/') + 1);
  return http::PercentDecode(path, true);
}

Result<std::vector<TraceId>> IdsOf(const TempoQueries& queries, const JaegerSearch& search,
                                   const Interrupted& interrupted) {
  if (!search.ids.empty()) return search.ids;
  TOCSIN_ASSIGN_OR_RETURN(const traceql::SearchResult found,
                          queries.Search(search.query, interrupted));
  std::vector<TraceId> ids;
  ids.reserve(found.traces.size());
  for (const traceql::SearchTrace& trace : found.traces) ids.push_back(trace.id);
  return ids;
}

std::string TextList(const std::vector<std::string>& texts) {
  JsonWriter w;
  lib::WriteTextList(texts, &w);
  return std::move(w).Take();
}

// Version 2 of the API, which has no number in its paths.
class JaegerApi {
 public:
  explicit JaegerApi(const TempoQueries& queries) : queries_(queries) {}

  http::Response Services(const http::Request& request) const {
    const auto services = ServicesOf(queries_, InterruptedBy(request, queries_));
    if (!services) return JaegerRefusal(services.error());
    return JaegerAnswer(TextList(*services), services->size());
  }

  http::Response OperationNames(const http::Request& request) const {
    const auto operations =
        OperationsOf(queries_, ServiceInPath(request), InterruptedBy(request, queries_));
    if (!operations) return JaegerRefusal(operations.error());
    std::vector<std::string> names;
    for (const Operation& operation : *operations) {
      if (names.empty() || names.back() != operation.name) names.push_back(operation.name);
    }
    return JaegerAnswer(TextList(names), names.size());
  }

  http::Response Operations(const http::Request& request) const {
    const std::string_view service = request.Query("service").value_or("");
    const std::string_view kind = request.Query("spanKind").value_or("");
    if (service.empty()) {
      return JaegerRefusal(InvalidArgumentError("parameter 'service' is required"));
    }
    auto operations = OperationsOf(queries_, service, InterruptedBy(request, queries_));
    if (!operations) return JaegerRefusal(operations.error());
    if (!kind.empty()) {
      // Operations of no kind are shown with none.
      const std::string_view shown = kind == "unspecified" ? "" : kind;
      std::erase_if(*operations, [&](const Operation& one) { return one.kind != shown; });
    }
    JsonWriter w;
    w.BeginArray();
    for (const Operation& one : *operations) {
      w.BeginObject().Key("name").String(one.name).Key("spanKind").String(one.kind).EndObject();
    }
    w.EndArray();
    return JaegerAnswer(w.text(), operations->size());
  }

  http::Response Search(const http::Request& request) const {
    const Result<JaegerSearch> search = ReadJaegerSearch(request, ClockOf(queries_));
    if (!search) return JaegerRefusal(search.error());
    auto ids = IdsOf(queries_, *search, InterruptedBy(request, queries_));
    if (!ids) return JaegerRefusal(ids.error());
    return SendTraces(queries_, std::move(*ids), Writer(search->raw));
  }

  http::Response Trace(const http::Request& request) const {
    const Result<JaegerTraceRequest> asked = ReadJaegerTrace(request);
    if (!asked) return JaegerRefusal(asked.error());
    std::shared_ptr<TraceListWriter> writer = Writer(asked->raw);
    auto found = FindTrace(queries_, asked->id, TimeWindow{}, request, writer->shared_ids());
    if (!found) return JaegerRefusal(found.error());
    return SendTrace(std::move(*found), asked->id, std::move(writer));
  }

  http::Response Dependencies(const http::Request& request) const {
    const Result<TimeWindow> window = ReadJaegerDependencies(request, Clock::Real().Now());
    if (!window) return JaegerRefusal(window.error());
    auto edges = FindServiceEdges(queries_, *window, InterruptedBy(request, queries_));
    if (!edges) return JaegerRefusal(edges.error());
    if (const auto service = request.Query("service"); service && !service->empty()) {
      std::erase_if(*edges, [&](const ServiceEdge& edge) {
        return edge.source != *service && edge.target != *service;
      });
    }
    JsonWriter w;
    w.BeginArray();
    for (const ServiceEdge& edge : *edges) {
      w.BeginObject();
      w.Key("parent").String(edge.source);
      w.Key("child").String(edge.target);
      w.Key("callCount").Uint(edge.calls);
      w.EndObject();
    }
    w.EndArray();
    return JaegerAnswer(w.text(), 0);
  }

 private:
  static std::shared_ptr<TraceListWriter> Writer(bool raw) {
    return std::make_shared<JaegerTraces>(raw ? SharedIds::kKeep : SharedIds::kSeparate);
  }

  const TempoQueries& queries_;
};

class JaegerApiV3 {
 public:
  explicit JaegerApiV3(const TempoQueries& queries) : queries_(queries) {}

  http::Response Services(const http::Request& request) const {
    const auto services = ServicesOf(queries_, InterruptedBy(request, queries_));
    if (!services) return Error(services.error());
    JsonWriter w;
    w.BeginObject().Key("services");
    lib::WriteTextList(*services, &w);
    w.EndObject();
    return http::Response::Json(200, std::move(w).Take());
  }

  http::Response Operations(const http::Request& request) const {
    const std::string_view kind = request.Query("span_kind").value_or("");
    const auto operations = OperationsOf(queries_, request.Query("service").value_or(""),
                                         InterruptedBy(request, queries_));
    if (!operations) return Error(operations.error());
    JsonWriter w;
    w.BeginObject().Key("operations").BeginArray();
    for (const Operation& one : *operations) {
      const std::string_view shown = one.kind.empty() ? "internal" : std::string_view(one.kind);
      if (!kind.empty() && shown != kind) continue;
      w.BeginObject().Key("name").String(one.name).Key("spanKind").String(shown).EndObject();
    }
    w.EndArray().EndObject();
    return http::Response::Json(200, std::move(w).Take());
  }

  http::Response Search(const http::Request& request) const {
    const Result<JaegerSearch> search = ReadJaegerSearchV3(request);
    if (!search) return Error(search.error());
    auto ids = IdsOf(queries_, *search, InterruptedBy(request, queries_));
    if (!ids) return Error(ids.error());
    if (ids->empty()) return Error(Status(StatusCode::kNotFound, "No traces found"));
    return SendTraces(queries_, std::move(*ids), Writer(search->raw));
  }

  http::Response Trace(const http::Request& request) const {
    const Result<JaegerTraceRequest> asked = ReadJaegerTraceV3(request);
    if (!asked) return Error(asked.error());
    std::shared_ptr<TraceListWriter> writer = Writer(asked->raw);
    auto found = FindTrace(queries_, asked->id, TimeWindow{}, request, writer->shared_ids());
    if (!found && found.error().code() == StatusCode::kNotFound) {
      return Error(Status(StatusCode::kNotFound, "No traces found"));
    }
    if (!found) return Error(found.error());
    return SendTrace(std::move(*found), asked->id, std::move(writer));
  }

 private:
  static std::shared_ptr<TraceListWriter> Writer(bool raw) {
    return std::make_shared<JaegerOtlpTraces>(raw ? SharedIds::kKeep : SharedIds::kSeparate);
  }

  static http::Response Error(const Status& error) {
    JsonWriter w;
    w.BeginObject().Key("error").BeginObject();
    w.Key("httpCode").Int(JaegerStatusOf(error)).Key("message").String(error.message());
    w.EndObject().EndObject();
    return JaegerRefusal(error, std::move(w).Take());
  }

  const TempoQueries& queries_;
};

}  // namespace

void RegisterJaeger(const TempoQueries& queries, http::Router* router) {
  const auto api = std::make_shared<const JaegerApi>(queries);
  const auto v2 = [&](std::string_view path,
                      http::Response (JaegerApi::*answer)(const http::Request&) const) {
    router->Handle("GET", "/jaeger/api" + std::string(path),
                   [api, answer](const http::Request& request) { return (*api.*answer)(request); });
  };
  v2("/services", &JaegerApi::Services);
  v2("/services/{service}/operations", &JaegerApi::OperationNames);
  v2("/operations", &JaegerApi::Operations);
  v2("/traces", &JaegerApi::Search);
  v2("/traces/{id}", &JaegerApi::Trace);
  v2("/dependencies", &JaegerApi::Dependencies);
  const auto api_v3 = std::make_shared<const JaegerApiV3>(queries);
  const auto v3 = [&](std::string_view path,
                      http::Response (JaegerApiV3::*answer)(const http::Request&) const) {
    router->Handle(
        "GET", "/jaeger/api/v3" + std::string(path),
        [api_v3, answer](const http::Request& request) { return (*api_v3.*answer)(request); });
  };
  v3("/services", &JaegerApiV3::Services);
  v3("/operations", &JaegerApiV3::Operations);
  v3("/traces", &JaegerApiV3::Search);
  v3("/traces/{id}", &JaegerApiV3::Trace);
  RegisterJaegerMetrics(queries, router);
}

}  // namespace tocsin::api
