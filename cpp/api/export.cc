#include "cpp/api/export.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cpp/api/errors.h"
#include "cpp/api/interrupt.h"
#include "cpp/api/params.h"
#include "cpp/base/coding.h"
#include "cpp/base/log.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/trace_list.h"
#include "cpp/wire/otlp_encode.h"

namespace tocsin::api {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

class ExportApi {
 public:
  ExportApi(const traceql::SpanSource& source, QueryGate& gate, ExportOptions options)
      : source_(source), gate_(gate), options_(std::move(options)) {}

  Result<http::Response> Ids(const http::Request& request) const {
    const Params params(request);
    std::optional<traceql::Query> query;
    if (const auto q = params.Text("q")) {
      TOCSIN_ASSIGN_OR_RETURN(query, traceql::Parse(*q, {.strict = options_.strict_traceql}));
    }
    traceql::TraceListOptions list;
    TOCSIN_ASSIGN_OR_RETURN(const int64_t start, params.Int("start_ns", 0, 0, kMost));
    TOCSIN_ASSIGN_OR_RETURN(const int64_t end, params.Int("end_ns", kMost, start, kMost));
    list.start = static_cast<uint64_t>(start);
    list.end = end == kMost ? UINT64_MAX : static_cast<uint64_t>(end);
    list.interrupted = InterruptWhen([&request] { return request.Cancelled(); }, 0);
    TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(list.interrupted));
    const auto view = source_.View(options_.tenant, list.start, list.end);
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<TraceId> ids,
                            traceql::ListTraces(*view, query ? &*query : nullptr, list));
    std::string text;
    text.reserve(ids.size() * 33);
    for (const TraceId& id : ids) (text += id.ToHex()) += '\n';
    return http::Response::Text(200, text);
  }

  Result<http::Response> Traces(const http::Request& request) const {
    TOCSIN_ASSIGN_OR_RETURN(std::vector<TraceId> ids, ReadIds(request.body));
    TOCSIN_ASSIGN_OR_RETURN(
        QueryGate::Pass entered,
        gate_.Enter(InterruptWhen([&request] { return request.Cancelled(); }, 0)));
    const auto pass = std::make_shared<const QueryGate::Pass>(std::move(entered));
    const auto view = source_.View(options_.tenant, 0, UINT64_MAX);
    http::Response response;
    response.Set("Content-Type", "application/octet-stream");
    response.stream = [pass, view, ids = std::move(ids)](const http::BodyWriter& write) {
      return std::ranges::all_of(ids, [&](const TraceId& id) { return Send(*view, id, write); });
    };
    return response;
  }

 private:
  // False if the body breaks off.
  static bool Send(const traceql::SpanView& view, const TraceId& id,
                   const http::BodyWriter& write) {
    bool sent = true;
    const Status read = view.TracePieces(id, [&](const SpanBatch& piece) {
      const std::string encoded = wire::EncodeTrace(piece);
      std::string length;
      PutVarint64(&length, encoded.size());
      sent = write(length) && write(encoded);
      return sent;
    });
    if (!read.ok()) {
      log::Warn("export_broken_off", {{"trace", id.ToHex()}, {"error", read.ToString()}});
    }
    return read.ok() && sent;
  }

  Result<std::vector<TraceId>> ReadIds(std::string_view body) const {
    std::vector<TraceId> ids;
    while (!body.empty()) {
      const std::string_view line = body.substr(0, body.find('\n'));
      body.remove_prefix(std::min(body.size(), line.size() + 1));
      const auto id = TraceId::FromHex(line);
      if (!id) {
        return InvalidArgumentError("line " + std::to_string(ids.size() + 1) + ": \"" +
                                    std::string(line.substr(0, 64)) + "\" is no trace id");
      }
      ids.push_back(*id);
      if (ids.size() > options_.max_ids) {
        return InvalidArgumentError("more than " + std::to_string(options_.max_ids) + " trace ids");
      }
    }
    return ids;
  }

  const traceql::SpanSource& source_;
  QueryGate& gate_;
  const ExportOptions options_;
};

http::Response OrError(Result<http::Response> response) {
  return response.has_value() ? *std::move(response) : TextError(response.error());
}

}  // namespace

void RegisterExport(const traceql::SpanSource& source, QueryGate& gate, ExportOptions options,
                    http::Router* router) {
  const auto api = std::make_shared<const ExportApi>(source, gate, std::move(options));
  router->Handle("GET", "/api/export/ids",
                 [api](const http::Request& request) { return OrError(api->Ids(request)); });
  router->Handle("POST", "/api/export/traces",
                 [api](const http::Request& request) { return OrError(api->Traces(request)); });
}

}  // namespace tocsin::api
