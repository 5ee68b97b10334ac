#include "cpp/api/tempo.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "cpp/api/accept.h"
#include "cpp/api/errors.h"
#include "cpp/api/params.h"
#include "cpp/api/search_json.h"
#include "cpp/api/tag_search.h"
#include "cpp/api/tags_json.h"

namespace tocsin::api {
namespace {

// What is no tag when a client gives tags as parameters of their own.
constexpr std::array<std::string_view, 10> kSearchParams = {
    "q",    "tags",  "minDuration", "maxDuration", "limit",
    "spss", "start", "end",         "mode",        "most_recent"};

TempoQueries::Interrupted InterruptedBy(const http::Request& request, const TempoQueries& queries) {
  return queries.InterruptedWhen([&request] { return request.Cancelled(); });
}

Result<TimeWindow> ReadWindow(const Params& params) {
  TOCSIN_ASSIGN_OR_RETURN(const Params::SecondsRange range, params.Seconds());
  return TimeWindow{range.start, range.end};
}

Result<std::optional<uint32_t>> ReadCount(const Params& params, std::string_view name) {
  if (!params.Text(name)) return std::optional<uint32_t>();
  TOCSIN_ASSIGN_OR_RETURN(const int64_t count, params.Int(name, 0, 0, UINT32_MAX));
  return std::optional<uint32_t>(static_cast<uint32_t>(count));
}

// The query as TraceQL. Clients from before `tags` give each tag as a parameter of its own.
Result<std::string> ReadTraceQl(const http::Request& request, const Params& params) {
  const auto q = params.Text("q");
  const auto tags = params.Text("tags");
  if (q && tags) {
    return InvalidArgumentError("invalid request: can't specify tags and q in the same query");
  }
  if (q) return std::string(*q);
  if (tags) return TagsToTraceQl(*tags);
  if (params.Text("start") || params.Text("end")) return std::string("{ }");
  std::vector<std::pair<std::string, std::string>> own;
  for (const auto& [name, value] : request.query) {
    if (value.empty() || std::ranges::find(kSearchParams, name) != kSearchParams.end()) continue;
    own.emplace_back(name, value);
  }
  return TagsToTraceQl(own);
}

Result<SearchQuery> ReadSearch(const http::Request& request) {
  const Params params(request);
  SearchQuery search;
  TOCSIN_ASSIGN_OR_RETURN(search.traceql, ReadTraceQl(request, params));
  TOCSIN_ASSIGN_OR_RETURN(search.limit, ReadCount(params, "limit"));
  TOCSIN_ASSIGN_OR_RETURN(search.spans, ReadCount(params, "spss"));
  TOCSIN_ASSIGN_OR_RETURN(search.window, ReadWindow(params));
  TOCSIN_ASSIGN_OR_RETURN(const Nanos least, params.Duration("minDuration", 0));
  TOCSIN_ASSIGN_OR_RETURN(const Nanos most, params.Duration("maxDuration", 0));
  if (most != 0 && most < least) {
    return InvalidArgumentError("invalid maxDuration: must be greater than minDuration");
  }
  search.min_duration = static_cast<uint64_t>(least);
  if (most != 0) search.max_duration = static_cast<uint64_t>(most);
  return search;
}

// Names and values have these in common. `maxStaleValues` is a bound on work that is not needed
// here: it is checked, and nothing else.
struct TagParams {
  std::string traceql;
  TimeWindow window;
  uint32_t limit = 0;
};

Result<TagParams> ReadTagParams(const Params& params) {
  TagParams tags;
  tags.traceql = params.Text("q").value_or("");
  TOCSIN_ASSIGN_OR_RETURN(tags.window, ReadWindow(params));
  TOCSIN_ASSIGN_OR_RETURN(const auto limit, ReadCount(params, "limit"));
  tags.limit = limit.value_or(0);
  TOCSIN_ASSIGN_OR_RETURN(const auto stale, ReadCount(params, "maxStaleValues"));
  (void)stale;
  return tags;
}

// The router has decoded the name once; Grafana encodes it twice.
std::string TagName(const http::Request& request) {
  return http::PercentDecode(request.Param("name"), false);
}

class TempoApi {
 public:
  explicit TempoApi(const TempoQueries& queries) : queries_(queries) {}

  http::Response Search(const http::Request& request) const {
    const Result<SearchQuery> search = ReadSearch(request);
    if (!search) return TextError(search.error());
    const auto result = queries_.Search(*search, InterruptedBy(request, queries_));
    if (!result) return TextError(result.error());
    if (WantsCompact(request)) return CompactJson(SearchJson(*result));
    return http::Response::Json(200, SearchJson(*result));
  }

  enum class Version : uint8_t { kV1, kV2 };

  http::Response TagNames(const http::Request& request, Version version) const {
    const Params params(request);
    const Result<TagParams> tags = ReadTagParams(params);
    if (!tags) return TextError(tags.error());
    TagsQuery query;
    query.scope = params.Text("scope").value_or("");
    query.traceql = tags->traceql;
    query.window = tags->window;
    query.limit = tags->limit;
    const auto answer = queries_.TagNames(query, InterruptedBy(request, queries_));
    if (!answer) return TextError(answer.error());
    return http::Response::Json(
        200, version == Version::kV1 ? TagNamesJson(*answer) : TagScopesJson(*answer));
  }

  http::Response TagValues(const http::Request& request, Version version) const {
    const Result<TagParams> tags = ReadTagParams(Params(request));
    if (!tags) return TextError(tags.error());
    TagValuesQuery query;
    query.name = TagName(request);
    if (version == Version::kV1) query.name = TagOfVersion1(query.name);
    query.traceql = tags->traceql;
    query.window = tags->window;
    query.limit = tags->limit;
    const auto values = queries_.TagValues(query, InterruptedBy(request, queries_));
    if (!values) return TextError(values.error());
    if (version == Version::kV1) return http::Response::Json(200, TagValuesJson(*values));
    if (WantsCompact(request)) return CompactJson(CompactTagValuesJson(*values));
    return http::Response::Json(200, TypedTagValuesJson(*values));
  }

 private:
  const TempoQueries& queries_;
};

}  // namespace

void RegisterTempo(const TempoQueries& queries, http::Router* router) {
  const auto api = std::make_shared<const TempoApi>(queries);
  using Version = TempoApi::Version;
  router->Handle("GET", "/api/search",
                 [api](const http::Request& request) { return api->Search(request); });
  const auto tags = [&](const char* prefix, Version version) {
    const std::string path(prefix);
    router->Handle("GET", path + "/search/tags", [api, version](const http::Request& request) {
      return api->TagNames(request, version);
    });
    router->Handle(
        "GET", path + "/search/tag/{name}/values",
        [api, version](const http::Request& request) { return api->TagValues(request, version); });
  };
  tags("/api", Version::kV1);
  tags("/api/v2", Version::kV2);
  router->Handle("GET", "/api/echo",
                 [](const http::Request&) { return http::Response::Text(200, "echo"); });
}

}  // namespace tocsin::api
