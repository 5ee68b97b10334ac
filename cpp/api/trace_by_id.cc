#include "cpp/api/trace_by_id.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "cpp/api/accept.h"
#include "cpp/api/errors.h"
#include "cpp/api/params.h"
#include "cpp/api/trace_compact_json.h"
#include "cpp/api/trace_filter.h"
#include "cpp/api/trace_pieces.h"
#include "cpp/api/trace_pruning.h"
#include "cpp/base/check.h"
#include "cpp/model/span_batch_builder.h"
#include "cpp/wire/otlp_encode.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::api {
namespace {

constexpr std::array<std::string_view, 4> kModes = {"all", "blocks", "ingesters", "external"};

using SharedIds = TempoQueries::SharedIds;

enum class Version : uint8_t { kV1, kV2 };

Result<TraceId> ReadId(const http::Request& request) {
  const std::string_view text = request.Param("id");
  const auto id = TraceId::FromHex(text);
  if (id) return *id;
  return InvalidArgumentError("invalid trace id \"" + std::string(text) +
                              "\": 1 to 32 hexadecimal digits are expected");
}

Result<TimeWindow> ReadWindow(const Params& params) {
  TOCSIN_ASSIGN_OR_RETURN(const Params::SecondsRange range, params.Seconds());
  // Which part of a cluster to ask: here there is one, which has everything. blockStart and
  // blockEnd are of the same kind.
  const std::string_view mode = params.Text("mode").value_or("all");
  if (std::ranges::find(kModes, mode) == kModes.end()) {
    return InvalidArgumentError("invalid value for parameter mode: \"" + std::string(mode) +
                                "\" is none of all, blocks, ingesters, external");
  }
  return TimeWindow{range.start, range.end};
}

Result<bool> ReadBool(const Params& params, std::string_view name) {
  const std::string_view text = params.Text(name).value_or("false");
  if (text == "true" || text == "1" || text == "t" || text == "T" || text == "TRUE") return true;
  if (text == "false" || text == "0" || text == "f" || text == "F" || text == "FALSE") return false;
  return InvalidArgumentError("invalid value for parameter " + std::string(name) + ": \"" +
                              std::string(text) + "\" is neither true nor false");
}

Result<std::optional<SpanFilter>> ReadFilter(const Params& params, const TempoQueries& queries) {
  const auto q = params.Text("q");
  if (!q) return std::optional<SpanFilter>();
  TOCSIN_ASSIGN_OR_RETURN(const traceql::Query query, queries.Parse(*q));
  SpanFilter filter;
  TOCSIN_ASSIGN_OR_RETURN(filter.matches, SpanFilterOf(query));
  TOCSIN_ASSIGN_OR_RETURN(filter.descendants, params.Int("match_depth", 0, kAllLevels, INT32_MAX));
  TOCSIN_ASSIGN_OR_RETURN(const bool hierarchy, ReadBool(params, "keep_hierarchy"));
  if (hierarchy) {
    TOCSIN_ASSIGN_OR_RETURN(filter.ancestors,
                            params.Int("ancestor_depth", kAllLevels, kAllLevels, INT32_MAX));
  }
  return std::optional<SpanFilter>(std::move(filter));
}

Result<std::optional<PruningOptions>> ReadPruning(const Params& params) {
  TOCSIN_ASSIGN_OR_RETURN(const bool wanted, ReadBool(params, "span_pruning"));
  if (!wanted) return std::optional<PruningOptions>();
  PruningOptions pruning;
  std::string_view patterns = params.Text("span_pruning_group_by").value_or("");
  while (!patterns.empty()) {
    const size_t comma = std::min(patterns.find(','), patterns.size());
    if (comma > 0) pruning.group_by.emplace_back(patterns.substr(0, comma));
    patterns.remove_prefix(std::min(comma + 1, patterns.size()));
  }
  TOCSIN_ASSIGN_OR_RETURN(const int64_t least,
                          params.Int("span_pruning_min_spans", pruning.min_spans, 2, INT32_MAX));
  pruning.min_spans = static_cast<uint32_t>(least);
  TOCSIN_ASSIGN_OR_RETURN(
      pruning.max_parent_depth,
      params.Int("span_pruning_max_parent_depth", pruning.max_parent_depth, -1, INT32_MAX));
  return std::optional<PruningOptions>(std::move(pruning));
}

// The first spans, as many as fit.
SpanBatch Beginning(const SpanBatch& trace, uint64_t max_bytes) {
  SpanBatchBuilder builder;
  uint64_t bytes = 0;
  for (uint32_t row = 0; row < trace.rows(); ++row) {
    bytes += trace.wire_size[row];
    if (bytes > max_bytes) break;
    builder.CopyRow(trace, row);
  }
  return std::move(builder).Finish();
}

// Messages of protobuf that stand one after the other are one, with their lists joined.
bool StreamProtobuf(const traceql::SpanView& view, const TraceId& id, Version version,
                    const http::BodyWriter& write) {
  bool written = true;
  uint64_t bytes = 0;
  const Status status = VisitPieces(view, id, SharedIds::kSeparate, [&](const SpanBatch& piece) {
    bytes += piece.MemoryBytes();
    std::string body = wire::EncodeTrace(piece);
    if (version == Version::kV2) {
      std::string field;
      wire::ProtoWriter(&field).Bytes(1, body);
      body = std::move(field);
    }
    written = write(body);
    return written;
  });
  if (!status.ok() || !written) return false;
  if (version == Version::kV1) return true;
  std::string metrics;
  wire::ProtoWriter writer(&metrics);
  writer.Message(2, [&] { writer.Varint(1, bytes); });
  return write(metrics);
}

// `{"batches":[...]}` without what is around the list.
std::string_view ListOf(std::string_view json) {
  constexpr std::string_view kBefore = "{\"batches\":[";
  constexpr std::string_view kBehind = "]}";
  TOCSIN_CHECK(json.starts_with(kBefore) && json.ends_with(kBehind));
  return json.substr(kBefore.size(), json.size() - kBefore.size() - kBehind.size());
}

bool StreamJson(const traceql::SpanView& view, const TraceId& id, Version version,
                const http::BodyWriter& write) {
  const bool v1 = version == Version::kV1;
  bool written = write(v1 ? "{\"batches\":[" : "{\"trace\":{\"resourceSpans\":[");
  bool first = true;
  uint64_t bytes = 0;
  const Status status = VisitPieces(view, id, SharedIds::kSeparate, [&](const SpanBatch& piece) {
    if (piece.empty()) return written;
    bytes += piece.MemoryBytes();
    const std::string json = wire::EncodeTraceJson(piece);
    written = written && (std::exchange(first, false) || write(",")) && write(ListOf(json));
    return written;
  });
  if (!status.ok() || !written) return false;
  return write(v1 ? std::string("]}")
                  : "]},\"metrics\":{\"inspectedBytes\":\"" + std::to_string(bytes) + "\"}}");
}

class TraceApi {
 public:
  explicit TraceApi(const TempoQueries& queries) : queries_(queries) {}

  http::Response Version1(const http::Request& request) const {
    if (MayStream(request)) return Whole(request, Version::kV1);
    const Result<SpanBatch> trace = Find(request);
    if (!trace) return TextError(trace.error());
    if (IsTooLarge(*trace)) return http::Response::Text(422, TooLarge());
    return Answer(request, Version::kV1, *trace, {});
  }

  http::Response Version2(const http::Request& request) const {
    const Params params(request);
    if (MayStream(request) && !params.Text("q") && !params.Text("span_pruning")) {
      return Whole(request, Version::kV2);
    }
    wire::TraceByIdInfo info;
    const Result<SpanBatch> trace = FindPart(request, &info);
    if (!trace) return TextError(trace.error());
    return Answer(request, Version::kV2, *trace, info);
  }

 private:
  // Is nothing known of the answer but the trace itself?
  bool MayStream(const http::Request& request) const {
    return queries_.limits().max_trace_bytes == 0 && !WantsCompact(request);
  }

  static http::Response Answer(const http::Request& request, Version version,
                               const SpanBatch& trace, const wire::TraceByIdInfo& info) {
    if (version == Version::kV1 && trace.empty()) return http::Response{404, {}, ""};
    if (WantsCompact(request)) return CompactJson(EncodeTraceCompact(trace, info));
    const bool v1 = version == Version::kV1;
    if (!WantsProtobuf(request)) {
      return http::Response::Json(
          200, v1 ? wire::EncodeTraceJson(trace) : wire::EncodeTraceByIdResponseJson(trace, info));
    }
    http::Response response;
    response.body = v1 ? wire::EncodeTrace(trace) : wire::EncodeTraceByIdResponse(trace, info);
    response.Set("Content-Type", kProtobuf);
    return response;
  }

  // A trace of more than one piece is not put together: its pieces are sent as they are read.
  http::Response Whole(const http::Request& request, Version version) const {
    const Result<TraceId> id = ReadId(request);
    if (!id) return TextError(id.error());
    const Result<TimeWindow> window = ReadWindow(Params(request));
    if (!window) return TextError(window.error());
    Result<TempoQueries::Beginning> begin = queries_.BeginTrace(
        *id, *window, queries_.InterruptedWhen([&request] { return request.Cancelled(); }));
    if (!begin) return TextError(begin.error());
    if (!begin->more) {
      wire::TraceByIdInfo info;
      info.inspected_bytes = begin->first.MemoryBytes();
      return Answer(request, version, begin->first, info);
    }
    const bool protobuf = WantsProtobuf(request);
    http::Response response;
    response.Set("Content-Type", protobuf ? kProtobuf : "application/json");
    response.stream = [view = std::move(begin->view), id = *id, version,
                       protobuf](const http::BodyWriter& write) {
      return protobuf ? StreamProtobuf(*view, id, version, write)
                      : StreamJson(*view, id, version, write);
    };
    return response;
  }

  Result<SpanBatch> Find(const http::Request& request) const {
    TOCSIN_ASSIGN_OR_RETURN(const TraceId id, ReadId(request));
    TOCSIN_ASSIGN_OR_RETURN(const TimeWindow window, ReadWindow(Params(request)));
    return queries_.Trace(id, window,
                          queries_.InterruptedWhen([&request] { return request.Cancelled(); }));
  }

  // What is left of the trace after all that was asked for; `info` tells of it.
  Result<SpanBatch> FindPart(const http::Request& request, wire::TraceByIdInfo* info) const {
    const Params params(request);
    TOCSIN_ASSIGN_OR_RETURN(const auto filter, ReadFilter(params, queries_));
    TOCSIN_ASSIGN_OR_RETURN(const auto pruning, ReadPruning(params));
    TOCSIN_ASSIGN_OR_RETURN(SpanBatch trace, Find(request));
    info->inspected_bytes = trace.MemoryBytes();
    if (filter.has_value()) {
      const size_t rows = trace.rows();
      TOCSIN_ASSIGN_OR_RETURN(
          trace, FilterSpans(std::make_shared<const SpanBatch>(std::move(trace)), *filter));
      info->partial = trace.rows() < rows;
    }
    if (pruning.has_value()) {
      bool pruned = false;
      trace = PruneSpans(std::move(trace), *pruning, &pruned);
    }
    if (IsTooLarge(trace)) {
      trace = Beginning(trace, queries_.limits().max_trace_bytes);
      info->partial = true;
      info->message = TooLarge() + ", a partial trace is returned";
    }
    return trace;
  }

  bool IsTooLarge(const SpanBatch& trace) const {
    const uint64_t most = queries_.limits().max_trace_bytes;
    return most != 0 && WireBytes(trace) > most;
  }
  std::string TooLarge() const {
    return "trace exceeds maximum size of " + std::to_string(queries_.limits().max_trace_bytes) +
           " bytes";
  }

  const TempoQueries& queries_;
};

}  // namespace

void RegisterTraceById(const TempoQueries& queries, http::Router* router) {
  const auto api = std::make_shared<const TraceApi>(queries);
  router->Handle("GET", "/api/traces/{id}",
                 [api](const http::Request& request) { return api->Version1(request); });
  router->Handle("GET", "/api/v2/traces/{id}",
                 [api](const http::Request& request) { return api->Version2(request); });
}

}  // namespace tocsin::api
