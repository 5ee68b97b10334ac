#include "cpp/api/prometheus_series.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "cpp/api/params.h"
#include "cpp/api/prometheus_json.h"
#include "cpp/api/prometheus_routes.h"
#include "cpp/api/series_params.h"
#include "cpp/base/format.h"
#include "cpp/base/utf8.h"
#include "cpp/lib/json.h"
#include "cpp/promql/result_json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;
using promql::Matcher;

constexpr std::string_view kTruncated = "results truncated due to limit";

// What /series, /labels and /label/.../values are asked: of which series, in which time, how much.
struct CatalogRequest {
  TimeWindow window;
  size_t limit = 0;  // 0: all.
  std::vector<std::vector<Matcher>> selectors;
};

Result<CatalogRequest> ReadCatalogRequest(const Params& params) {
  CatalogRequest request;
  TOCSIN_ASSIGN_OR_RETURN(request.window, ReadTimeWindow(params, {}));
  TOCSIN_ASSIGN_OR_RETURN(const int64_t limit, params.Int("limit", 0, 0, INT64_MAX));
  request.limit = static_cast<size_t>(limit);
  TOCSIN_ASSIGN_OR_RETURN(request.selectors, ReadSeriesSelectors(params));
  return request;
}

// The sorted union of what `find` gives for each selector, cut to the limit.
template <class Item, class Find, class Write>
http::Response Union(const CatalogRequest& request, const Find& find, const Write& write) {
  std::set<Item> found;
  for (const std::vector<Matcher>& matchers : request.selectors) {
    for (Item& item : find(matchers)) found.insert(std::move(item));
  }
  JsonWriter w;
  w.BeginArray();
  size_t written = 0;
  for (const Item& item : found) {
    if (request.limit > 0 && written++ == request.limit) break;
    write(item, &w);
  }
  w.EndArray();
  std::vector<std::string> warnings;
  if (request.limit > 0 && found.size() > request.limit) warnings.emplace_back(kTruncated);
  return PrometheusSuccess(w.text(), warnings);
}

template <class Find>
http::Response UnionOfTexts(CatalogRequest request, const Find& find) {
  if (request.selectors.empty()) request.selectors.emplace_back();  // All series.
  return Union<std::string>(request, find,
                            [](const std::string& text, JsonWriter* w) { w->String(text); });
}

// Of an expression every selector of instant and range vectors.
std::vector<std::vector<Matcher>> SelectorsOf(const promql::Expr& expr) {
  std::vector<std::vector<Matcher>> selectors;
  promql::Walk(expr, [&selectors](const promql::Expr& node) {
    if (const auto* vector = node.As<promql::VectorSelector>()) {
      selectors.push_back(vector->matchers);
    } else if (const auto* matrix = node.As<promql::MatrixSelector>()) {
      selectors.push_back(matrix->selector.matchers);
    }
  });
  return selectors;
}

void WriteExemplars(const promql::ExemplarSeries& series, JsonWriter* w) {
  w->BeginObject().Key("seriesLabels");
  promql::WriteLabels(series.labels, w);
  w->Key("exemplars").BeginArray();
  for (const Exemplar& exemplar : series.exemplars) {
    w->BeginObject().Key("labels");
    promql::WriteLabels(exemplar.labels, w);
    w->Key("value").String(FormatSampleValue(exemplar.value)).Key("timestamp");
    promql::WriteTimestamp(exemplar.t, w);
    w->EndObject();
  }
  w->EndArray().EndObject();
}

class SeriesApi {
 public:
  explicit SeriesApi(const SeriesBackend& backend) : backend_(backend) {}

  Result<http::Response> Series(const http::Request& request) const;
  Result<http::Response> LabelNames(const http::Request& request) const;
  Result<http::Response> LabelValues(const http::Request& request) const;
  Result<http::Response> Metadata(const http::Request& request) const;
  Result<http::Response> Exemplars(const http::Request& request) const;

 private:
  const SeriesBackend backend_;
};

Result<http::Response> SeriesApi::Series(const http::Request& request) const {
  TOCSIN_ASSIGN_OR_RETURN(const CatalogRequest asked, ReadCatalogRequest(Params(request)));
  if (asked.selectors.empty()) return InvalidArgumentError("no match[] parameter provided");
  // One more than asked for tells whether something was cut.
  const size_t most = asked.limit == 0 ? 0 : asked.limit + 1;
  return Union<Labels>(
      asked,
      [&](const std::vector<Matcher>& matchers) {
        return backend_.catalog->MatchSeries(matchers, asked.window.from, asked.window.to, most);
      },
      [](const Labels& labels, JsonWriter* w) { promql::WriteLabels(labels, w); });
}

Result<http::Response> SeriesApi::LabelNames(const http::Request& request) const {
  TOCSIN_ASSIGN_OR_RETURN(const CatalogRequest asked, ReadCatalogRequest(Params(request)));
  return UnionOfTexts(asked, [&](const std::vector<Matcher>& matchers) {
    return backend_.catalog->LabelNames(matchers, asked.window.from, asked.window.to);
  });
}

Result<http::Response> SeriesApi::LabelValues(const http::Request& request) const {
  const std::string name = UnescapeLabelName(request.Param("name"));
  TOCSIN_ASSIGN_OR_RETURN(const CatalogRequest asked, ReadCatalogRequest(Params(request)));
  return UnionOfTexts(asked, [&](const std::vector<Matcher>& matchers) {
    return backend_.catalog->LabelValues(name, matchers, asked.window.from, asked.window.to);
  });
}

Result<http::Response> SeriesApi::Metadata(const http::Request& request) const {
  const Params params(request);
  // Here -1 is no limit, and so is its absence; 0 gives nothing, as at Prometheus.
  TOCSIN_ASSIGN_OR_RETURN(const int64_t limit, params.Int("limit", -1, INT64_MIN, INT64_MAX));
  TOCSIN_ASSIGN_OR_RETURN(const int64_t per_metric,
                          params.Int("limit_per_metric", -1, INT64_MIN, INT64_MAX));
  const auto metric = params.Text("metric");
  std::vector<MetricMetadata> all;
  if (metric) {
    if (auto one = backend_.metadata->MetadataOf(*metric)) all.push_back(*std::move(one));
  } else {
    all = backend_.metadata->AllMetadata();
  }
  JsonWriter w;
  w.BeginObject();
  int64_t written = 0;
  for (const MetricMetadata& one : all) {
    if (limit >= 0 && written++ >= limit) break;
    w.Key(one.family).BeginArray();
    if (per_metric != 0) {
      w.BeginObject().Key("type").String(MetricTypeName(one.type));
      w.Key("help").String(one.help).Key("unit").String(one.unit).EndObject();
    }
    w.EndArray();
  }
  w.EndObject();
  return PrometheusSuccess(w.text());
}

Result<http::Response> SeriesApi::Exemplars(const http::Request& request) const {
  const Params params(request);
  TOCSIN_ASSIGN_OR_RETURN(const TimeWindow window, ReadTimeWindow(params, {}));
  const auto query = params.Text("query");
  if (!query) {
    return InvalidArgumentError(
        "invalid parameter \"query\": unknown position: parse "
        "error: no expression found in input");
  }
  const Result<promql::Expr> expr = promql::Parse(*query, backend_.parser);
  if (!expr) return Failure(expr.error().WithContext("invalid parameter \"query\""));
  std::map<Labels, promql::ExemplarSeries> found;
  for (const std::vector<Matcher>& matchers : SelectorsOf(*expr)) {
    for (promql::ExemplarSeries& series :
         backend_.catalog->QueryExemplars(matchers, window.from, window.to)) {
      Labels labels = series.labels;
      found.try_emplace(std::move(labels), std::move(series));
    }
  }
  JsonWriter w;
  w.BeginArray();
  for (const auto& [labels, series] : found) WriteExemplars(series, &w);
  w.EndArray();
  return PrometheusSuccess(w.text());
}

// The code point in `_1F600_` at the beginning of `text`, and the length of that.
std::optional<std::pair<uint32_t, size_t>> EscapedRune(std::string_view text) {
  constexpr size_t kMaxDigits = 6;
  const size_t end = text.find('_', 1);
  if (end == std::string_view::npos || end < 2 || end > kMaxDigits + 1) return std::nullopt;
  uint32_t rune = 0;
  const char* last = text.data() + end;
  const auto [stop, error] = std::from_chars(text.data() + 1, last, rune, 16);
  const bool surrogate = rune >= 0xd800 && rune <= 0xdfff;
  if (error != std::errc() || stop != last || rune > 0x10ffff || surrogate) return std::nullopt;
  return std::pair(rune, end + 1);
}

}  // namespace

std::string UnescapeLabelName(std::string_view name) {
  constexpr std::string_view kPrefix = "U__";
  if (!name.starts_with(kPrefix)) return std::string(name);
  std::string text;
  for (std::string_view rest = name.substr(kPrefix.size()); !rest.empty();) {
    if (rest.front() != '_') {
      text.push_back(rest.front());
      rest.remove_prefix(1);
    } else if (rest.starts_with("__")) {
      text.push_back('_');
      rest.remove_prefix(2);
    } else if (const auto rune = EscapedRune(rest)) {
      AppendRune(&text, rune->first);
      rest.remove_prefix(rune->second);
    } else {
      return std::string(name);  // Not written by an escaper after all.
    }
  }
  return text;
}

void RegisterPrometheusSeries(const SeriesBackend& backend, http::Router* router) {
  const PrometheusRoutes routes(std::make_shared<const SeriesApi>(backend), router);
  routes.Add(kGetOrPost, "/api/v1/series", &SeriesApi::Series);
  routes.Add(kGetOrPost, "/api/v1/labels", &SeriesApi::LabelNames);
  routes.Add(kGetOrPost, "/api/v1/query_exemplars", &SeriesApi::Exemplars);
  routes.Add(kGet, "/api/v1/label/{name}/values", &SeriesApi::LabelValues);
  routes.Add(kGet, "/api/v1/metadata", &SeriesApi::Metadata);
}

}  // namespace tocsin::api
