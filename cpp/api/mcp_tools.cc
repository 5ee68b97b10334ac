#include "cpp/api/mcp_tools.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cpp/api/accept.h"
#include "cpp/api/traceql_docs.h"
#include "cpp/base/rfc3339.h"
#include "cpp/base/url.h"
#include "cpp/traceql/parser.h"

namespace tocsin::api {
namespace {

using lib::Json;
using Query = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kQuerySchema =
    R"({"type":"object","properties":{"query":{"type":"string","description":"TraceQL; see docs-traceql"},)"
    R"("start":{"type":"string","description":"Begin of the time range, RFC 3339; one hour ago if it is not given"},)"
    R"("end":{"type":"string","description":"End of the time range, RFC 3339; now if it is not given"}},"required":["query"]})";

constexpr std::string_view kDiffSchema =
    R"({"type":"object","properties":{"base_trace_id":{"type":"string","description":"The trace to compare with"},)"
    R"("compare_trace_id":{"type":"string","description":"The trace that is compared"},)"
    R"("format":{"type":"string","enum":["trace-summary-v0-composed","trace-summary-v0-native","trace-patch-v0"],)"
    R"("default":"trace-summary-v0-composed"}},"required":["base_trace_id","compare_trace_id"]})";

// Of an answer: more than any model reads, and it is held several times over.
constexpr size_t kMostBytes = size_t{8} << 20;
// The last second that the paths take.
constexpr Nanos kLatest = int64_t{UINT32_MAX} * kSecond;

// As one segment of a path.
std::string InPath(std::string_view text) {
  std::string escaped;
  for (const char c : EscapeQuery(text)) {
    if (c == '+') {
      escaped.append("%20");
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

class Call {
 public:
  Call(const http::Router& router, const http::Request& request, Nanos now)
      : router_(router), request_(request), now_(now) {}

  Result<McpAnswer> Docs(const Json& arguments) const {
    TOCSIN_ASSIGN_OR_RETURN(const std::string topic, Text(arguments, "name"));
    const std::string_view page = TraceQlDocs(topic);
    if (page.empty()) {
      return InvalidArgumentError("unknown topic \"" + topic +
                                  "\": basic, aggregates, structural, metrics");
    }
    return McpAnswer{std::string(page), "documentation", "markdown", "1"};
  }

  Result<McpAnswer> Search(const Json& arguments) const {
    TOCSIN_ASSIGN_OR_RETURN(const std::string query, Text(arguments, "query"));
    TOCSIN_ASSIGN_OR_RETURN(const bool metrics, IsMetrics(query));
    if (metrics) {
      return InvalidArgumentError(
          "this is a metrics query: use traceql-metrics-instant or traceql-metrics-range");
    }
    TOCSIN_ASSIGN_OR_RETURN(const Query range, Range(arguments, kSecond));
    return Get("/api/search", With(range, "q", query), "search-results", "1");
  }

  Result<McpAnswer> Metrics(const Json& arguments, bool instant) const {
    TOCSIN_ASSIGN_OR_RETURN(const std::string query, Text(arguments, "query"));
    TOCSIN_ASSIGN_OR_RETURN(const bool metrics, IsMetrics(query));
    if (!metrics) return InvalidArgumentError("this is no metrics query: use traceql-search");
    TOCSIN_ASSIGN_OR_RETURN(const Query range, Range(arguments, 1));
    return Get(instant ? "/api/metrics/query" : "/api/metrics/query_range", With(range, "q", query),
               instant ? "metrics-instant" : "metrics-range", "1");
  }

  Result<McpAnswer> Trace(const Json& arguments) const {
    TOCSIN_ASSIGN_OR_RETURN(const std::string id, Text(arguments, "trace_id"));
    return Get("/api/v2/traces/" + InPath(id), {}, "trace", "2");
  }

  Result<McpAnswer> AttributeNames(const Json& arguments) const {
    const std::string scope = Optional(arguments, "scope");
    const Query query = scope.empty() ? Query{} : Query{{"scope", scope}};
    return Get("/api/v2/search/tags", query, "attribute-names", "2");
  }

  Result<McpAnswer> AttributeValues(const Json& arguments) const {
    TOCSIN_ASSIGN_OR_RETURN(const std::string name, Text(arguments, "name"));
    const std::string filter = Optional(arguments, "filter-query");
    const Query query = filter.empty() ? Query{} : Query{{"q", filter}};
    return Get("/api/v2/search/tag/" + InPath(name) + "/values", query, "attribute-values", "2");
  }

  Result<McpAnswer> Diff(const Json& arguments) const {
    TOCSIN_ASSIGN_OR_RETURN(const std::string base, Text(arguments, "base_trace_id"));
    TOCSIN_ASSIGN_OR_RETURN(const std::string compare, Text(arguments, "compare_trace_id"));
    const std::string format = Optional(arguments, "format");
    lib::JsonWriter w;
    w.BeginObject();
    w.Key("base").BeginObject().Key("traceId").String(base).EndObject();
    w.Key("compare").BeginObject().Key("traceId").String(compare).EndObject();
    w.Key("format").String(format.empty() ? "trace-summary-v0-composed" : format).EndObject();
    return Ask("POST", "/api/v2/traces/diff", {}, std::move(w).Take(),
               {{}, "trace-diff", "json", "1"});
  }

 private:
  static Query With(Query query, std::string name, std::string value) {
    query.emplace_back(std::move(name), std::move(value));
    return query;
  }

  static std::string Optional(const Json& arguments, std::string_view name) {
    const Json* const value = arguments.Find(name);
    return value == nullptr ? "" : std::string(value->StringOr(""));
  }

  static Result<std::string> Text(const Json& arguments, std::string_view name) {
    std::string text = Optional(arguments, name);
    if (text.empty()) {
      return InvalidArgumentError("required argument \"" + std::string(name) + "\" not found");
    }
    return text;
  }

  static Result<bool> IsMetrics(std::string_view query) {
    const Result<traceql::Query> parsed = traceql::Parse(query);
    if (!parsed) {
      return InvalidArgumentError("query parse error, consult docs-traceql: " +
                                  std::string(parsed.error().message()));
    }
    return parsed->metrics.has_value();
  }

  // `unit`: nanoseconds in the unit that the path takes.
  Result<Query> Range(const Json& arguments, Nanos unit) const {
    Nanos start = now_ - kHour;
    Nanos end = now_;
    for (const auto& [name, time] : {std::pair{"start", &start}, std::pair{"end", &end}}) {
      const std::string text = Optional(arguments, name);
      if (text.empty()) continue;
      const std::optional<Nanos> read = ParseRfc3339Nanos(text);
      if (!read) {
        return InvalidArgumentError("invalid " + std::string(name) + " time \"" + text +
                                    "\": RFC 3339 is expected, as in 2026-01-31T12:00:00Z");
      }
      *time = std::clamp<Nanos>(*read, 0, kLatest);
    }
    // Up, so that what was sent in this second is found.
    return Query{{"start", std::to_string(start / unit)},
                 {"end", std::to_string((end + unit - 1) / unit)}};
  }

  Result<McpAnswer> Get(std::string path, Query query, std::string_view type,
                        std::string_view version) const {
    return Ask("GET", std::move(path), std::move(query), {}, {{}, type, "json", version});
  }

  Result<McpAnswer> Ask(std::string_view method, std::string path, Query query, std::string body,
                        McpAnswer answer) const {
    http::Request request;
    request.method = method;
    request.path = std::move(path);
    request.query = std::move(query);
    request.body = std::move(body);
    request.headers = {{"accept", std::string(kCompact)}};
    for (const std::string_view name : {"x-scope-orgid", "traceparent"}) {
      if (const auto value = request_.Header(name); !value.empty()) {
        request.headers.emplace_back(name, value);
      }
    }
    request.remote = request_.remote;
    request.cancelled = [this] { return request_.Cancelled(); };
    http::Response response = router_.Route(std::move(request));
    if (response.stream) {
      const bool whole = response.stream([&](std::string_view piece) {
        response.body.append(piece);
        return response.body.size() <= kMostBytes;
      });
      if (!whole && response.body.size() <= kMostBytes) {
        return UnavailableError("the answer broke off");
      }
    }
    if (response.body.size() > kMostBytes) {
      return InvalidArgumentError("the answer has more than " + std::to_string(kMostBytes >> 20) +
                                  " MiB: ask for less, for example with traceql-search");
    }
    if (response.status != 200) {
      return InvalidArgumentError("the tool failed with HTTP status " +
                                  std::to_string(response.status) + ": " + response.body);
    }
    answer.text = std::move(response.body);
    return answer;
  }

  const http::Router& router_;
  const http::Request& request_;
  const Nanos now_;
};

}  // namespace

const std::vector<McpTool>& McpTools() {
  static const auto* const tools = new std::vector<McpTool>{
      {"docs-traceql",
       "How to write TraceQL. Read \"basic\" before the first query and the other topics when they "
       "are needed.",
       R"({"type":"object","properties":{"name":{"type":"string","enum":["basic","aggregates","structural","metrics"]}},"required":["name"]})"},
      {"traceql-search", "Search for traces with TraceQL.", kQuerySchema},
      {"traceql-metrics-instant",
       "One value of a TraceQL metrics query for the whole time range. Prefer it for questions of "
       "how many or how much.",
       kQuerySchema},
      {"traceql-metrics-range",
       "Time series of a TraceQL metrics query: how values develop over the time range.",
       kQuerySchema},
      {"get-trace", "All spans of one trace.",
       R"({"type":"object","properties":{"trace_id":{"type":"string","description":"Hexadecimal"}},"required":["trace_id"]})"},
      {"get-attribute-names", "Which attributes spans have. Ask before writing queries.",
       R"({"type":"object","properties":{"scope":{"type":"string","enum":["span","resource","event","link","instrumentation","intrinsic"]}}})"},
      {"get-attribute-values", "The values of one attribute.",
       R"({"type":"object","properties":{"name":{"type":"string","description":"With its scope, as in resource.service.name"},"filter-query":{"type":"string","description":"One TraceQL filter: values of matching spans only"}},"required":["name"]})"},
      {"traces-diff", "What differs between two traces.", kDiffSchema},
  };
  return *tools;
}

McpCall McpToolNamed(std::string_view name, const http::Router& router,
                     const http::Request& request, Nanos now) {
  const auto call = [&](auto method) -> McpCall {
    return [call = Call(router, request, now), method](const Json& arguments) {
      return method(call, arguments);
    };
  };
  if (name == "docs-traceql") {
    return call([](const Call& of, const Json& a) { return of.Docs(a); });
  }
  if (name == "traceql-search") {
    return call([](const Call& of, const Json& a) { return of.Search(a); });
  }
  if (name == "traceql-metrics-instant") {
    return call([](const Call& of, const Json& a) { return of.Metrics(a, true); });
  }
  if (name == "traceql-metrics-range") {
    return call([](const Call& of, const Json& a) { return of.Metrics(a, false); });
  }
  if (name == "get-trace") {
    return call([](const Call& of, const Json& a) { return of.Trace(a); });
  }
  if (name == "get-attribute-names") {
    return call([](const Call& of, const Json& a) { return of.AttributeNames(a); });
  }
  if (name == "get-attribute-values") {
    return call([](const Call& of, const Json& a) { return of.AttributeValues(a); });
  }
  if (name == "traces-diff") {
    return call([](const Call& of, const Json& a) { return of.Diff(a); });
  }
  return nullptr;
}

}  // namespace tocsin::api
