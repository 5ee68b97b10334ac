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
#include "cpp/base/format.h"
#include "cpp/base/utf8.h"
#include "cpp/lib/json.h"
#include "cpp/promql/result_json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;
using promql::Matcher;

constexpr std::string_view kTruncated = "results truncated due to limit";

struct Window {
  Millis from = INT64_MIN;
  Millis to = INT64_MAX;
};

Result<Window> ReadWindow(const Params& params) {
  Window window;
  TOCSIN_ASSIGN_OR_RETURN(window.from, params.Time("start", window.from));
  TOCSIN_ASSIGN_OR_RETURN(window.to, params.Time("end", window.to));
  if (window.to < window.from) {
    return InvalidArgumentError(
        "invalid parameter \"end\": end timestamp must not be before start timestamp");
  }
  return window;
}

Result<std::vector<std::vector<Matcher>>> ReadSelectors(const Params& params) {
  std::vector<std::vector<Matcher>> selectors;
  for (const std::string_view text : params.All("match[]")) {
    Result<std::vector<Matcher>> selector = promql::ParseSelector(text);
    if (!selector) return Failure(selector.error().WithContext("invalid parameter \"match[]\""));
    // As Prometheus has it: `{__name__=~".*"}` would be everything, and is asked for without
    // match[].
    const bool selects =
        std::ranges::any_of(*selector, [](const Matcher& matcher) { return !matcher.Matches(""); });
    if (!selects) {
      return InvalidArgumentError(
          "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher");
    }
    selectors.push_back(*std::move(selector));
  }
  return selectors;
}

Result<size_t> ReadLimit(const Params& params) {
  TOCSIN_ASSIGN_OR_RETURN(const int64_t limit, params.Int("limit", 0, 0, INT64_MAX));
  return static_cast<size_t>(limit);
}

// The sorted union of lists, cut to `limit` (0: not).
struct Texts {
  std::set<std::string> values;

  http::Response Answer(size_t limit) const {
    JsonWriter w;
    w.BeginArray();
    size_t written = 0;
    for (const std::string& value : values) {
      if (limit > 0 && written++ == limit) break;
      w.String(value);
    }
    w.EndArray();
    const bool cut = limit > 0 && values.size() > limit;
    return PrometheusSuccess(
        w.text(), cut ? std::vector{std::string(kTruncated)} : std::vector<std::string>{});
  }
};

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
  const Params params(request);
  TOCSIN_ASSIGN_OR_RETURN(const Window window, ReadWindow(params));
  TOCSIN_ASSIGN_OR_RETURN(const size_t limit, ReadLimit(params));
  TOCSIN_ASSIGN_OR_RETURN(const auto selectors, ReadSelectors(params));
  if (selectors.empty()) return InvalidArgumentError("no match[] parameter provided");
  std::set<Labels> found;
  for (const std::vector<Matcher>& matchers : selectors) {
    // One more than asked for tells whether something was cut.
    for (Labels& labels : backend_.catalog->MatchSeries(matchers, window.from, window.to,
                                                        limit == 0 ? 0 : limit + 1)) {
      found.insert(std::move(labels));
    }
  }
  JsonWriter w;
  w.BeginArray();
  size_t written = 0;
  for (const Labels& labels : found) {
    if (limit > 0 && written++ == limit) break;
    promql::WriteLabels(labels, &w);
  }
  w.EndArray();
  std::vector<std::string> warnings;
  if (limit > 0 && found.size() > limit) warnings.emplace_back(kTruncated);
  return PrometheusSuccess(w.text(), warnings);
}

Result<http::Response> SeriesApi::LabelNames(const http::Request& request) const {
  const Params params(request);
  TOCSIN_ASSIGN_OR_RETURN(const Window window, ReadWindow(params));
  TOCSIN_ASSIGN_OR_RETURN(const size_t limit, ReadLimit(params));
  TOCSIN_ASSIGN_OR_RETURN(auto selectors, ReadSelectors(params));
  if (selectors.empty()) selectors.emplace_back();
  Texts texts;
  for (const std::vector<Matcher>& matchers : selectors) {
    for (std::string& name : backend_.catalog->LabelNames(matchers, window.from, window.to)) {
      texts.values.insert(std::move(name));
    }
  }
  return texts.Answer(limit);
}

Result<http::Response> SeriesApi::LabelValues(const http::Request& request) const {
  const Params params(request);
  const std::string name = UnescapeLabelName(request.Param("name"));
  TOCSIN_ASSIGN_OR_RETURN(const Window window, ReadWindow(params));
  TOCSIN_ASSIGN_OR_RETURN(const size_t limit, ReadLimit(params));
  TOCSIN_ASSIGN_OR_RETURN(auto selectors, ReadSelectors(params));
  if (selectors.empty()) selectors.emplace_back();
  Texts texts;
  for (const std::vector<Matcher>& matchers : selectors) {
    for (std::string& value :
         backend_.catalog->LabelValues(name, matchers, window.from, window.to)) {
      texts.values.insert(std::move(value));
    }
  }
  return texts.Answer(limit);
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
  TOCSIN_ASSIGN_OR_RETURN(const Window window, ReadWindow(params));
  const auto query = params.Text("query");
  if (!query)
    return InvalidArgumentError(
        "invalid parameter \"query\": unknown position: parse "
        "error: no expression found in input");
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
  const auto api = std::make_shared<const SeriesApi>(backend);
  using Method = Result<http::Response> (SeriesApi::*)(const http::Request&) const;
  const auto handle = [&](std::string_view method, std::string_view path, Method answer) {
    router->Handle(method, path, [api, answer](const http::Request& request) {
      Result<http::Response> response = ((*api).*answer)(request);
      return response ? *std::move(response) : PrometheusError(response.error());
    });
  };
  for (const char* method : {"GET", "POST"}) {
    handle(method, "/api/v1/series", &SeriesApi::Series);
    handle(method, "/api/v1/labels", &SeriesApi::LabelNames);
    handle(method, "/api/v1/query_exemplars", &SeriesApi::Exemplars);
  }
  handle("GET", "/api/v1/label/{name}/values", &SeriesApi::LabelValues);
  handle("GET", "/api/v1/metadata", &SeriesApi::Metadata);
}

}  // namespace tocsin::api
