#include "cpp/api/trace_diff_api.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "cpp/api/errors.h"
#include "cpp/api/trace_diff.h"
#include "cpp/api/trace_diff_json.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::Json;

constexpr size_t kMaxPatchBytes = 64 << 20;
// Of one trace: what comparing holds in memory is a few hundred bytes a span.
constexpr size_t kMaxSpans = 200'000;

bool SameKey(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

const Json* Member(const Json& object, std::string_view key) {
  for (const auto& [name, value] : object.object) {
    if (SameKey(name, key) && value.type != Json::Type::kNull) return &value;
  }
  return nullptr;
}

Status ReadSeconds(const Json& side, std::string_view key, std::string_view name, uint64_t* out) {
  constexpr int64_t kMaxSeconds = 4'294'967'295;
  const Json* const value = Member(side, key);
  if (value == nullptr) return {};
  if (value->type != Json::Type::kInt || value->integer < 0 || value->integer > kMaxSeconds) {
    return InvalidArgumentError("invalid " + std::string(name) + "." + std::string(key) +
                                ": Unix seconds are expected");
  }
  *out = static_cast<uint64_t>(value->integer) * kSecond;
  return {};
}

Status ReadSide(const Json& body, std::string_view name, TraceId* id, TimeWindow* window) {
  const Json* const side = Member(body, name);
  const Json* const text = side == nullptr ? nullptr : Member(*side, "traceId");
  if (text == nullptr || text->string.empty()) {
    return InvalidArgumentError(std::string(name) + ".traceId is required");
  }
  const std::optional<TraceId> read = TraceId::FromHex(text->string);
  if (!read) {
    return InvalidArgumentError("invalid " + std::string(name) + ".traceId \"" + text->string +
                                "\": 1 to 32 hexadecimal digits are expected");
  }
  *id = *read;
  TOCSIN_RETURN_IF_ERROR(ReadSeconds(*side, "start", name, &window->start));
  TOCSIN_RETURN_IF_ERROR(ReadSeconds(*side, "end", name, &window->end));
  if (window->start > window->end) {
    return InvalidArgumentError(std::string(name) + ": start must not be after end");
  }
  return {};
}

Result<SpanBatch> Fetch(const TempoQueries& queries, const TraceId& id, const TimeWindow& window,
                        const TempoQueries::Interrupted& interrupted) {
  TOCSIN_ASSIGN_OR_RETURN(SpanBatch trace, queries.Trace(id, window, interrupted));
  if (trace.empty()) return NotFoundError("Not Found");
  uint64_t bytes = 0;
  for (const uint32_t size : trace.wire_size) bytes += size;
  const uint64_t most = queries.limits().max_trace_bytes;
  if (trace.rows() > kMaxSpans || (most != 0 && bytes > most)) {
    return FailedPreconditionError("trace " + id.ToHex() + " is too large to be compared");
  }
  return trace;
}

}  // namespace

Result<TraceDiffRequest> ReadTraceDiffRequest(std::string_view body) {
  TOCSIN_ASSIGN_OR_RETURN(const Json json, Json::Parse(body));
  if (json.type != Json::Type::kObject) {
    return InvalidArgumentError("an object with base and compare is expected");
  }
  TraceDiffRequest request;
  TOCSIN_RETURN_IF_ERROR(ReadSide(json, "base", &request.base, &request.base_window));
  TOCSIN_RETURN_IF_ERROR(ReadSide(json, "compare", &request.compare, &request.compare_window));
  const Json* const format = Member(json, "format");
  request.format = format == nullptr ? kTracePatch : format->StringOr("?");
  if (request.format.empty()) request.format = kTracePatch;
  if (request.format != kTracePatch && request.format != kTraceSummary &&
      request.format != kTraceComposed) {
    return InvalidArgumentError("unsupported trace diff format: \"" + request.format +
                                "\" is none of " + std::string(kTracePatch) + ", " +
                                std::string(kTraceSummary) + ", " + std::string(kTraceComposed));
  }
  return request;
}

Result<std::string> DiffTraces(const TempoQueries& queries, const TraceDiffRequest& request,
                               const TempoQueries::Interrupted& interrupted) {
  TOCSIN_ASSIGN_OR_RETURN(const SpanBatch base_batch,
                          Fetch(queries, request.base, request.base_window, interrupted));
  TOCSIN_ASSIGN_OR_RETURN(const SpanBatch compare_batch,
                          Fetch(queries, request.compare, request.compare_window, interrupted));
  const DiffTrace base(base_batch);
  const DiffTrace compare(compare_batch);
  TOCSIN_ASSIGN_OR_RETURN(const TraceDiff diff, Compare(base, compare, interrupted));
  if (request.format == kTraceSummary) return EncodeTraceSummary(base, compare, diff);
  if (request.format == kTraceComposed) {
    return EncodeTraceComposed(base, compare, diff, kMaxPatchBytes);
  }
  return EncodeTracePatch(base, compare, diff, kMaxPatchBytes);
}

void RegisterTraceDiff(const TempoQueries& queries, http::Router* router) {
  // Otherwise this would be a trace by id, with an id that is none.
  router->Handle("GET", "/api/v2/traces/diff", [](const http::Request&) {
    return http::Response::Text(405, "405 method not allowed, supported: [POST]")
        .Set("Allow", "POST");
  });
  router->Handle("POST", "/api/v2/traces/diff", [&queries](const http::Request& request) {
    const Result<TraceDiffRequest> asked = ReadTraceDiffRequest(request.body);
    if (!asked) return TextError(asked.error());
    const Result<std::string> diff = DiffTraces(
        queries, *asked, queries.InterruptedWhen([&request] { return request.Cancelled(); }));
    if (diff) return http::Response::Json(200, *diff);
    if (diff.error().code() == StatusCode::kFailedPrecondition) {
      return http::Response::Text(422, diff.error().message());
    }
    return TextError(diff.error());
  });
}

}  // namespace tocsin::api
