#include "cpp/api/zipkin.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cpp/api/errors.h"
#include "cpp/api/service_edges.h"
#include "cpp/api/trace_pieces.h"
#include "cpp/api/zipkin_json.h"
#include "cpp/api/zipkin_params.h"
#include "cpp/base/utf8.h"
#include "cpp/lib/json.h"
#include "cpp/lib/json_texts.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;
using Interrupted = TempoQueries::Interrupted;
using Form = ZipkinTraces::Form;
using Names = std::set<std::string>;

constexpr Nanos kDefaultLookback = kDay;
// Of keys for completion: a store may have any number of attributes.
constexpr uint32_t kMaxKeys = 1'000;

http::Response Refusal(const Status& error) {
  if (error.code() != StatusCode::kFailedPrecondition) return TextError(error);
  return http::Response::Text(422, error.message());
}

http::Response ListOf(const Names& names) {
  JsonWriter w;
  lib::WriteTextList(names, &w);
  return http::Response::Json(200, std::move(w).Take());
}

enum class Case : uint8_t { kKeep, kLower };

class ZipkinApi {
 public:
  explicit ZipkinApi(const TempoQueries& queries) : queries_(queries) {}

  http::Response Services(const http::Request& request) const {
    Names names;
    const Status status = AddValues("resource.service.name", "", Case::kLower, request, &names);
    names.erase("");
    return status.ok() ? ListOf(names) : Refusal(status);
  }

  http::Response SpanNames(const http::Request& request) const {
    const std::string_view service = request.Query("serviceName").value_or("");
    if (service.empty()) return Missing("serviceName");
    Names names;
    const Status status =
        AddValues("name", ZipkinServiceFilter(service), Case::kLower, request, &names);
    return status.ok() ? ListOf(names) : Refusal(status);
  }

  http::Response RemoteServices(const http::Request& request) const {
    const std::string_view service = request.Query("serviceName").value_or("");
    if (service.empty()) return Missing("serviceName");
    Names names;
    for (size_t i = 0; i < std::size(kZipkinPeerAttributes); ++i) {
      const Status status = AddValues("span." + std::string(kZipkinPeerAttributes[i]),
                                      ZipkinServiceFilter(service, ZipkinPeerNamedBy(i)),
                                      Case::kLower, request, &names);
      if (!status.ok()) return Refusal(status);
    }
    return ListOf(names);
  }

  http::Response Keys(const http::Request& request) const {
    Names names;
    for (const std::string_view scope : {"span", "resource"}) {
      TagsQuery query;
      query.scope = scope;
      query.limit = kMaxKeys;
      const auto found = queries_.TagNames(query, InterruptedBy(request));
      if (!found) return Refusal(found.error());
      for (const auto& keys : found->names.scopes) names.insert(keys.begin(), keys.end());
    }
    return ListOf(names);
  }

  http::Response Values(const http::Request& request) const {
    const std::string_view key = request.Query("key").value_or("");
    if (key.empty()) return Missing("key");
    Names names;
    for (const std::string_view scope : {"span.", "resource."}) {
      const Status status =
          AddValues(std::string(scope).append(key), "", Case::kKeep, request, &names);
      if (!status.ok()) return Refusal(status);
    }
    return ListOf(names);
  }

  http::Response Search(const http::Request& request) const {
    const auto query = ReadZipkinSearch(request, Clock::Real().Now(), Lookback());
    if (!query) return Refusal(query.error());
    const auto found = queries_.Search(*query, InterruptedBy(request));
    if (!found) return Refusal(found.error());
    std::vector<TraceId> ids;
    ids.reserve(found->traces.size());
    for (const traceql::SearchTrace& trace : found->traces) ids.push_back(trace.id);
    return SendTraces(queries_, std::move(ids), std::make_shared<ZipkinTraces>(Form::kTraces));
  }

  http::Response Traces(const http::Request& request) const {
    auto ids = ReadZipkinTraceIds(request);
    if (!ids) return Refusal(ids.error());
    return SendTraces(queries_, std::move(*ids), std::make_shared<ZipkinTraces>(Form::kTraces));
  }

  http::Response Trace(const http::Request& request) const {
    const Result<TraceId> id = ParseZipkinTraceId(request.Param("id"));
    if (!id) return Refusal(id.error());
    const auto writer = std::make_shared<ZipkinTraces>(Form::kTrace);
    auto found = FindTrace(queries_, *id, TimeWindow{}, request, writer->shared_ids());
    if (!found && found.error().code() == StatusCode::kNotFound) {
      return http::Response::Text(404, ZipkinTraceId(*id) + " not found");
    }
    if (!found) return Refusal(found.error());
    return SendTrace(std::move(*found), *id, writer);
  }

  http::Response Dependencies(const http::Request& request) const {
    const Result<TimeWindow> window = ReadZipkinDependencies(request, Lookback());
    if (!window) return Refusal(window.error());
    const auto graph = FindServiceGraph(queries_, *window, InterruptedBy(request));
    if (!graph) return Refusal(graph.error());
    // What differs in case alone is one service here.
    std::map<std::pair<std::string, std::string>, ServiceEdge> links;
    for (const ServiceEdge& edge : graph->edges) {
      ServiceEdge& link = links[{ToLower(edge.source), ToLower(edge.target)}];
      link.calls += edge.calls;
      link.errors += edge.errors;
    }
    JsonWriter w;
    w.BeginArray();
    for (const auto& [ends, link] : links) {
      w.BeginObject().Key("parent").String(ends.first).Key("child").String(ends.second);
      w.Key("callCount").Uint(link.calls);
      if (link.errors > 0) w.Key("errorCount").Uint(link.errors);
      w.EndObject();
    }
    w.EndArray();
    return http::Response::Json(200, std::move(w).Take());
  }

 private:
  static http::Response Missing(std::string_view name) {
    return http::Response::Text(400, "Mandatory parameter is missing: " + std::string(name));
  }

  Interrupted InterruptedBy(const http::Request& request) const {
    return queries_.InterruptedWhen([&request] { return request.Cancelled(); });
  }

  Nanos Lookback() const {
    const Nanos most = queries_.limits().max_search_range;
    return most > 0 ? std::min(kDefaultLookback, most) : kDefaultLookback;
  }

  Status AddValues(std::string field, std::string filter, Case letters,
                   const http::Request& request, Names* names) const {
    TagValuesQuery query;
    query.name = std::move(field);
    query.traceql = std::move(filter);
    TOCSIN_ASSIGN_OR_RETURN(traceql::TagValues found,
                            queries_.TagValues(query, InterruptedBy(request)));
    for (traceql::TagValue& value : found.values) {
      names->insert(letters == Case::kLower ? ToLower(value.text) : std::move(value.text));
    }
    return {};
  }

  const TempoQueries& queries_;
};

}  // namespace

void RegisterZipkin(const TempoQueries& queries, std::string_view prefix, http::Router* router) {
  const auto api = std::make_shared<const ZipkinApi>(queries);
  const auto handle = [&](std::string_view path,
                          http::Response (ZipkinApi::*answer)(const http::Request&) const) {
    router->Handle("GET", std::string(prefix).append("/api/v2").append(path),
                   [api, answer](const http::Request& request) { return (*api.*answer)(request); });
  };
  handle("/services", &ZipkinApi::Services);
  handle("/spans", &ZipkinApi::SpanNames);
  handle("/remoteServices", &ZipkinApi::RemoteServices);
  handle("/traces", &ZipkinApi::Search);
  handle("/trace/{id}", &ZipkinApi::Trace);
  handle("/traceMany", &ZipkinApi::Traces);
  handle("/dependencies", &ZipkinApi::Dependencies);
  handle("/autocompleteKeys", &ZipkinApi::Keys);
  handle("/autocompleteValues", &ZipkinApi::Values);
}

}  // namespace tocsin::api
