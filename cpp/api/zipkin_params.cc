#include "cpp/api/zipkin_params.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "cpp/api/attribute_conditions.h"
#include "cpp/api/params.h"
#include "cpp/api/zipkin_json.h"
#include "cpp/base/utf8.h"

namespace tocsin::api {
namespace {

using traceql::Intrinsic;
using traceql::Scope;

constexpr uint32_t kDefaultLimit = 10;
constexpr size_t kMaxIds = 1'000;
// Milliseconds and microseconds that are nanoseconds without overflow.
constexpr int64_t kMaxMillis = INT64_MAX / kMillisecond;
constexpr int64_t kMaxMicros = INT64_MAX / kMicrosecond - 1;

std::string_view Trimmed(std::string_view text) {
  const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string ServiceCondition(std::string_view service) {
  return IsTextAnyCase(FieldText(Scope::kResource, "service.name"), service);
}

std::string RemoteCondition(std::string_view name) {
  std::string any;
  for (size_t i = 0; i < std::size(kZipkinPeerAttributes); ++i) {
    if (i > 0) any.append(" || ");
    any.append("(").append(ZipkinPeerNamedBy(i)).append(" && ");
    any.append(IsTextAnyCase(FieldText(Scope::kSpan, kZipkinPeerAttributes[i]), name)).append(")");
  }
  return any;
}

// A tag `error` is what the status makes of it.
std::string ErrorCondition(std::string_view value) {
  if (value.empty()) return "status = error";
  const std::string message = FieldText(Intrinsic::kStatusMessage);
  if (value != "true") return AllOf({"status = error", IsText(message, value)});
  return AllOf({"status = error", AnyOf({IsText(message, value), IsText(message, "")})});
}

std::string AnnotationCondition(std::string_view key, std::string_view value) {
  if (key == "error") return ErrorCondition(value);
  const std::string of_span = FieldText(Scope::kSpan, key);
  const std::string of_resource = FieldText(Scope::kResource, key);
  if (value.empty()) {
    return AnyOf({of_span + " != nil", of_resource + " != nil",
                  IsText(FieldText(Intrinsic::kEventName), key)});
  }
  return AnyOf({OwnTagIs(key, value), ReadsAs(of_span, value), ReadsAs(of_resource, value)});
}

std::string_view TextOf(const http::Request& request, std::string_view name) {
  return request.Query(name).value_or("");
}

Failure NotPositive(std::string_view name) {
  return InvalidArgumentError(std::string(name) + " <= 0");
}

// Above 0, or nothing.
Result<std::optional<int64_t>> ReadPositive(const http::Request& request, std::string_view name,
                                            int64_t most) {
  const Params params(request);
  if (!params.Text(name)) return std::optional<int64_t>();
  TOCSIN_ASSIGN_OR_RETURN(const int64_t value, params.Int(name, 0, INT64_MIN, INT64_MAX));
  if (value <= 0) return NotPositive(name);
  return std::optional<int64_t>(std::min(value, most));
}

Result<TimeWindow> ReadWindow(const http::Request& request, std::optional<Nanos> now,
                              Nanos lookback) {
  TOCSIN_ASSIGN_OR_RETURN(const auto end, ReadPositive(request, "endTs", kMaxMillis));
  TOCSIN_ASSIGN_OR_RETURN(const auto back, ReadPositive(request, "lookback", kMaxMillis));
  if (!end && !now) return InvalidArgumentError("Mandatory parameter is missing: endTs");
  const Nanos to = end ? *end * kMillisecond : *now;
  const Nanos from = std::max<Nanos>(to - (back ? *back * kMillisecond : lookback), 0);
  return TimeWindow{static_cast<uint64_t>(from), static_cast<uint64_t>(to)};
}

Status ReadDurations(const http::Request& request, ZipkinConditions* conditions) {
  TOCSIN_ASSIGN_OR_RETURN(const auto least, ReadPositive(request, "minDuration", kMaxMicros));
  if (!least && !TextOf(request, "maxDuration").empty()) {
    return InvalidArgumentError("maxDuration is only valid with minDuration");
  }
  if (!least) return {};
  conditions->min_duration = static_cast<uint64_t>(*least) * kMicrosecond;
  TOCSIN_ASSIGN_OR_RETURN(const auto most, ReadPositive(request, "maxDuration", kMaxMicros));
  if (!most) return {};
  if (*most < *least) return InvalidArgumentError("maxDuration < minDuration");
  // Durations are compared as they are shown, in whole microseconds.
  conditions->max_duration = static_cast<uint64_t>(*most + 1) * kMicrosecond - 1;
  return {};
}

}  // namespace

std::string ZipkinPeerNamedBy(size_t at) {
  std::string text = at == 0 ? "" : "(kind = client || kind = producer) && ";
  for (size_t i = 0; i < at; ++i) {
    text.append(FieldText(Scope::kSpan, kZipkinPeerAttributes[i])).append(" = nil && ");
  }
  return text.append(FieldText(Scope::kSpan, kZipkinPeerAttributes[at])).append(" != nil");
}

std::string ZipkinServiceFilter(std::string_view service, std::string_view condition) {
  std::string filter = "{ " + ServiceCondition(service);
  if (!condition.empty()) filter.append(" && ").append(condition);
  return filter + " }";
}

std::string ZipkinConditions::TraceQl() const {
  std::string text;
  const auto add = [&](const std::string& condition) {
    if (!text.empty()) text.append(" && ");
    text.append("{ ");
    if (!service.empty()) text.append(ServiceCondition(service)).append(" && ");
    text.append("(").append(condition).append(") }");
  };
  if (!remote_service.empty()) add(RemoteCondition(remote_service));
  if (!span_name.empty()) add(IsTextAnyCase(FieldText(Intrinsic::kName), span_name));
  for (const auto& [key, value] : annotations) add(AnnotationCondition(key, value));
  const std::string duration = FieldText(Intrinsic::kDuration);
  if (max_duration != UINT64_MAX) {
    add(AllOf({duration + " >= " + DurationText(min_duration),
               duration + " <= " + DurationText(max_duration)}));
  } else if (min_duration != 0) {
    add(duration + " >= " + DurationText(min_duration));
  }
  if (!text.empty()) return text;
  return service.empty() ? "{ }" : ZipkinServiceFilter(service);
}

std::map<std::string, std::string, std::less<>> ParseAnnotationQuery(std::string_view text) {
  constexpr std::string_view kAnd = " and ";
  std::map<std::string, std::string, std::less<>> annotations;
  while (!text.empty()) {
    const size_t end = std::min(text.find(kAnd), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + kAnd.size(), text.size()));
    const size_t equals = one.find('=');
    const std::string_view key = Trimmed(one.substr(0, equals));
    if (key.empty()) continue;
    if (equals == std::string_view::npos) {
      annotations.emplace(key, "");
    } else {
      annotations.insert_or_assign(std::string(key), Trimmed(one.substr(equals + 1)));
    }
  }
  return annotations;
}

Result<SearchQuery> ReadZipkinSearch(const http::Request& request, Nanos now, Nanos lookback) {
  ZipkinConditions conditions;
  conditions.service = TextOf(request, "serviceName");
  conditions.remote_service = TextOf(request, "remoteServiceName");
  conditions.span_name = TextOf(request, "spanName");
  if (ToLower(conditions.span_name) == "all") conditions.span_name.clear();
  conditions.annotations = ParseAnnotationQuery(TextOf(request, "annotationQuery"));
  SearchQuery query;
  TOCSIN_ASSIGN_OR_RETURN(query.window, ReadWindow(request, now, lookback));
  TOCSIN_ASSIGN_OR_RETURN(const auto limit, ReadPositive(request, "limit", INT32_MAX));
  TOCSIN_RETURN_IF_ERROR(ReadDurations(request, &conditions));
  query.traceql = conditions.TraceQl();
  query.limit = limit ? static_cast<uint32_t>(*limit) : kDefaultLimit;
  query.spans = 1;
  return query;
}

Result<TimeWindow> ReadZipkinDependencies(const http::Request& request, Nanos lookback) {
  return ReadWindow(request, std::nullopt, lookback);
}

Result<TraceId> ParseZipkinTraceId(std::string_view text) {
  if (text.empty()) return InvalidArgumentError("traceId is empty");
  if (text.size() > 32) return InvalidArgumentError("traceId.length > 32");
  const bool lower = text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  const std::optional<TraceId> id = lower ? TraceId::FromHex(text) : std::nullopt;
  if (!id) {
    return InvalidArgumentError(std::string(text) + " should be lower-hex encoded with no prefix");
  }
  if (id->IsZero()) return InvalidArgumentError("traceId is all zeros");
  return *id;
}

Result<std::vector<TraceId>> ReadZipkinTraceIds(const http::Request& request) {
  std::string_view text = TextOf(request, "traceIds");
  if (text.empty()) return InvalidArgumentError("traceIds parameter is empty");
  std::vector<TraceId> ids;
  for (bool more = true; more;) {
    const size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    TOCSIN_ASSIGN_OR_RETURN(const TraceId id, ParseZipkinTraceId(one));
    if (std::ranges::find(ids, id) != ids.end()) {
      return InvalidArgumentError("redundant traceId: " + std::string(one));
    }
    ids.push_back(id);
    if (ids.size() > kMaxIds) {
      return InvalidArgumentError("more than " + std::to_string(kMaxIds) + " traceIds");
    }
  }
  if (ids.size() == 1) {
    return InvalidArgumentError("Use /api/v2/trace/{traceId} endpoint to retrieve a single trace");
  }
  return ids;
}

}  // namespace tocsin::api
