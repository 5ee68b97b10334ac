#include "cpp/api/jaeger_params.h"

#include <algorithm>
#include <optional>

#include "cpp/api/attribute_conditions.h"
#include "cpp/api/jaeger_json.h"
#include "cpp/api/jaeger_read.h"
#include "cpp/base/duration.h"
#include "cpp/base/quote.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::Json;
using traceql::Intrinsic;
using traceql::Scope;

constexpr uint32_t kDefaultLimit = 100;
constexpr size_t kMaxIds = 1'000;

Result<TraceId> ParseId(std::string_view text) {
  if (text.size() > 32) {
    return InvalidArgumentError("TraceID cannot be longer than 32 hex characters: " +
                                std::string(text));
  }
  const std::optional<TraceId> id = TraceId::FromHex(text);
  if (!id) return NotParsed("ParseUint", text, "invalid syntax");
  return *id;
}

using Tags = std::vector<std::pair<std::string, std::string>>;

void SetTag(std::string_view key, std::string_view value, Tags* tags) {
  const auto same = std::ranges::find(*tags, key, &Tags::value_type::first);
  if (same != tags->end()) {
    same->second = value;
  } else {
    tags->emplace_back(key, value);
  }
}

// {"http.method":"GET"}
Status ReadTagObject(std::string_view text, Tags* tags) {
  const Result<Json> json = Json::Parse(text);
  if (!json) return json.error();
  if (json->type == Json::Type::kNull) return {};
  if (json->type != Json::Type::kObject) return InvalidArgumentError("an object is expected");
  for (const auto& [key, value] : json->object) {
    if (value.type != Json::Type::kString) {
      return InvalidArgumentError("the value of " + QuoteGo(key) + " is not a string");
    }
    SetTag(key, value.string, tags);
  }
  return {};
}

Result<Tags> ParseTagObject(std::string_view text) {
  Tags tags;
  TOCSIN_RETURN_IF_ERROR(ReadTagObject(text, &tags));
  return tags;
}

Result<Tags> ReadTags(const http::Request& request) {
  Tags tags;
  for (const auto& [name, value] : request.query) {
    if (name == "tag") {
      const size_t colon = value.find(':');
      if (colon == std::string::npos) {
        return InvalidArgumentError("malformed 'tag' parameter, expecting key:value, received: " +
                                    value);
      }
      SetTag(std::string_view(value).substr(0, colon), std::string_view(value).substr(colon + 1),
             &tags);
    } else if (name == "tags") {
      const Status read = ReadTagObject(value, &tags);
      if (!read.ok()) {
        return Failure(read.WithContext("malformed 'tags' parameter, cannot unmarshal JSON"));
      }
    }
  }
  return tags;
}

// What a tag says of the span itself; kNothing for others.
std::string OwnCondition(std::string_view key, std::string_view value) {
  if (key == "error" && value == "true") return "status = error";
  if (key == "event") return IsText(FieldText(Intrinsic::kEventName), value);
  return OwnTagIs(key, value);
}

std::string TagCondition(std::string_view key, std::string_view value) {
  if (key.empty()) return std::string(kNothing);
  return AnyOf({OwnCondition(key, value), ReadsAs(FieldText(Scope::kSpan, key), value),
                ReadsAs(FieldText(Scope::kResource, key), value),
                ReadsAs(FieldText(Scope::kEvent, key), value)});
}

Failure Malformed(std::string_view name, const Status& why) {
  return Failure(why.WithContext("malformed parameter " + std::string(name)));
}

Result<Nanos> ReadTimeV3(const http::Request& request, std::string_view name) {
  // Clients leave '+' unescaped, which then reads as a space.
  std::string text(JaegerText(request, name));
  std::ranges::replace(text, ' ', '+');
  if (const std::optional<Nanos> time = ParseRfc3339Nanos(text)) return std::max<Nanos>(*time, 0);
  return Malformed(name, InvalidArgumentError(QuoteGo(text) + " is not a time of RFC 3339"));
}

// What `parse` makes of a parameter; T{} without it.
template <class T, class Parse>
Result<T> ReadV3(const http::Request& request, std::string_view name, Parse parse) {
  const std::string_view text = JaegerText(request, name);
  if (text.empty()) return T{};
  Result<T> value = parse(text);
  if (!value) return Malformed(name, value.error());
  return value;
}

Result<uint32_t> ReadDepth(const http::Request& request) {
  for (const std::string_view name : {"query.search_depth", "query.num_traces"}) {
    if (JaegerText(request, name).empty()) continue;
    TOCSIN_ASSIGN_OR_RETURN(const int64_t depth,
                            ReadV3<int64_t>(request, name, [](std::string_view text) {
                              return ParseJaegerInt(text, 1, INT32_MAX);
                            }));
    return static_cast<uint32_t>(depth);
  }
  return kDefaultLimit;
}

Status CheckDurations(const JaegerConditions& conditions) {
  if (conditions.max_duration != 0 && conditions.max_duration < conditions.min_duration) {
    return InvalidArgumentError("'maxDuration' should be greater than 'minDuration'");
  }
  return {};
}

SearchQuery SearchOf(const JaegerConditions& conditions, Nanos start, Nanos end, uint32_t limit) {
  SearchQuery query;
  query.traceql = conditions.TraceQl();
  query.limit = limit;
  query.spans = 1;
  query.window = {static_cast<uint64_t>(start), static_cast<uint64_t>(end)};
  return query;
}

// `lookback` is what the page remembers of its form ("1h", "custom"); it counts without a start.
Nanos LookbackOf(const http::Request& request, const JaegerClock& clock) {
  const std::optional<Nanos> asked = ParsePeriod(JaegerText(request, "lookback"));
  return asked && *asked > 0 ? *asked : clock.lookback;
}

}  // namespace

std::string JaegerServiceCondition(std::string_view service) {
  const std::string field = FieldText(Scope::kResource, "service.name");
  if (service != kNoServiceName) return IsText(field, service);
  // A comparison with what is not there cannot be made, and its negation is true.
  return "!(" + field + " != " + StringText("") + ")";
}

std::string JaegerServiceFilter(std::string_view service, std::string_view condition) {
  std::string filter = "{ " + JaegerServiceCondition(service);
  if (!condition.empty()) filter.append(" && ").append(condition);
  return filter + " }";
}

std::string JaegerConditions::TraceQl() const {
  std::string text;
  const auto add = [&](const std::string& condition) {
    if (!text.empty()) text.append(" && ");
    text.append(condition);
  };
  if (!service.empty()) add(JaegerServiceCondition(service));
  if (!operation.empty()) add(IsText(FieldText(Intrinsic::kName), operation));
  for (const auto& [key, value] : tags) add(TagCondition(key, value));
  const std::string duration = FieldText(Intrinsic::kDuration);
  if (min_duration > 0) add(duration + " >= " + DurationText(static_cast<uint64_t>(min_duration)));
  if (max_duration > 0) add(duration + " <= " + DurationText(static_cast<uint64_t>(max_duration)));
  return "{ " + text + " }";
}

Result<JaegerSearch> ReadJaegerSearch(const http::Request& request, const JaegerClock& clock) {
  JaegerConditions conditions;
  conditions.service = JaegerText(request, "service");
  conditions.operation = JaegerText(request, "operation");
  TOCSIN_ASSIGN_OR_RETURN(const auto start, ReadJaegerTime(request, "start", kMicrosecond));
  TOCSIN_ASSIGN_OR_RETURN(const auto end, ReadJaegerTime(request, "end", kMicrosecond));
  TOCSIN_ASSIGN_OR_RETURN(conditions.tags, ReadTags(request));
  int64_t limit = kDefaultLimit;
  if (const std::string_view text = JaegerText(request, "limit"); !text.empty()) {
    TOCSIN_ASSIGN_OR_RETURN(limit, ParseJaegerInt(text, INT32_MIN, INT32_MAX));
  }
  TOCSIN_ASSIGN_OR_RETURN(conditions.min_duration, ReadJaegerDuration(request, "minDuration"));
  TOCSIN_ASSIGN_OR_RETURN(conditions.max_duration, ReadJaegerDuration(request, "maxDuration"));
  JaegerSearch search;
  for (const auto& [name, value] : request.query) {
    if (name != "traceID") continue;
    const Result<TraceId> id = ParseId(value);
    if (!id) return Failure(id.error().WithContext("cannot parse traceID param"));
    if (std::ranges::find(search.ids, *id) != search.ids.end()) continue;
    if (search.ids.size() == kMaxIds) {
      return InvalidArgumentError("more than " + std::to_string(kMaxIds) + " traceID parameters");
    }
    search.ids.push_back(*id);
  }
  TOCSIN_ASSIGN_OR_RETURN(search.raw, ReadJaegerBool(request, "raw"));
  if (search.ids.empty() && conditions.service.empty()) {
    return InvalidArgumentError("parameter 'service' is required");
  }
  if (limit <= 0) {
    return InvalidArgumentError("invalid parameter: limit must be greater than 0");
  }
  const Nanos to = end.value_or(clock.now);
  const Nanos from = start.value_or(std::max<Nanos>(to - LookbackOf(request, clock), 0));
  if (from > to) {
    return InvalidArgumentError("invalid parameter: start time must be before end time");
  }
  TOCSIN_RETURN_IF_ERROR(CheckDurations(conditions));
  search.query = SearchOf(conditions, from, to, static_cast<uint32_t>(limit));
  return search;
}

Result<JaegerSearch> ReadJaegerSearchV3(const http::Request& request) {
  JaegerConditions conditions;
  conditions.service = JaegerText(request, "query.service_name");
  conditions.operation = JaegerText(request, "query.operation_name");
  if (JaegerText(request, "query.start_time_min").empty() ||
      JaegerText(request, "query.start_time_max").empty()) {
    return InvalidArgumentError("query.start_time_min and query.start_time_max are required");
  }
  TOCSIN_ASSIGN_OR_RETURN(const Nanos from, ReadTimeV3(request, "query.start_time_min"));
  TOCSIN_ASSIGN_OR_RETURN(const Nanos to, ReadTimeV3(request, "query.start_time_max"));
  TOCSIN_ASSIGN_OR_RETURN(const uint32_t depth, ReadDepth(request));
  TOCSIN_ASSIGN_OR_RETURN(conditions.min_duration,
                          ReadV3<Nanos>(request, "query.duration_min", &ParseJaegerDuration));
  TOCSIN_ASSIGN_OR_RETURN(conditions.max_duration,
                          ReadV3<Nanos>(request, "query.duration_max", &ParseJaegerDuration));
  TOCSIN_ASSIGN_OR_RETURN(conditions.tags,
                          ReadV3<Tags>(request, "query.attributes", &ParseTagObject));
  JaegerSearch search;
  TOCSIN_ASSIGN_OR_RETURN(search.raw, ReadV3<bool>(request, "query.raw_traces", &ParseJaegerBool));
  if (from > to) {
    return InvalidArgumentError("query.start_time_min must be before query.start_time_max");
  }
  TOCSIN_RETURN_IF_ERROR(CheckDurations(conditions));
  search.query = SearchOf(conditions, from, to, depth);
  return search;
}

Result<JaegerTraceRequest> ReadJaegerTrace(const http::Request& request) {
  JaegerTraceRequest trace;
  TOCSIN_ASSIGN_OR_RETURN(trace.id, ParseId(request.Param("id")));
  TOCSIN_ASSIGN_OR_RETURN(const auto start, ReadJaegerTime(request, "start", kMicrosecond));
  TOCSIN_ASSIGN_OR_RETURN(const auto end, ReadJaegerTime(request, "end", kMicrosecond));
  (void)start;
  (void)end;
  TOCSIN_ASSIGN_OR_RETURN(trace.raw, ReadJaegerBool(request, "raw"));
  return trace;
}

Result<JaegerTraceRequest> ReadJaegerTraceV3(const http::Request& request) {
  JaegerTraceRequest trace;
  const Result<TraceId> id = ParseId(request.Param("id"));
  if (!id) return Malformed("trace_id", id.error());
  trace.id = *id;
  for (const std::string_view name : {"start_time", "end_time"}) {
    if (JaegerText(request, name).empty()) continue;
    TOCSIN_ASSIGN_OR_RETURN(const Nanos time, ReadTimeV3(request, name));
    (void)time;
  }
  TOCSIN_ASSIGN_OR_RETURN(trace.raw, ReadV3<bool>(request, "raw_traces", &ParseJaegerBool));
  return trace;
}

Result<TimeWindow> ReadJaegerDependencies(const http::Request& request, Nanos now) {
  TOCSIN_ASSIGN_OR_RETURN(const auto end, ReadJaegerTime(request, "endTs", kMillisecond));
  TOCSIN_ASSIGN_OR_RETURN(const auto lookback, ReadJaegerTime(request, "lookback", kMillisecond));
  const Nanos to = end.value_or(now);
  const Nanos from = std::max<Nanos>(to - lookback.value_or(kDay), 0);
  if (from >= to) {
    return InvalidArgumentError("invalid parameter: endTs and lookback must be greater than 0");
  }
  return TimeWindow{static_cast<uint64_t>(from), static_cast<uint64_t>(to)};
}

}  // namespace tocsin::api
