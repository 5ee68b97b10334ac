#include "cpp/api/prometheus_search.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/name_match.h"
#include "cpp/api/params.h"
#include "cpp/api/prometheus_routes.h"
#include "cpp/api/series_params.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;
using promql::Matcher;

constexpr size_t kDefaultLimit = 100;
constexpr size_t kDefaultBatch = 100;
constexpr Millis kDefaultRange = 3'600'000;
// What a search costs grows with both, and nobody types that much.
constexpr size_t kMaxTerms = 32;
constexpr size_t kMaxTermBytes = 1024;
// Of names, scored between two looks at whether the client is still there.
constexpr size_t kBytesBetweenLooks = 64 << 10;

enum class Order : uint8_t { kAscending, kDescending, kByScore };

struct SearchRequest {
  TimeWindow window;
  std::vector<std::vector<Matcher>> selectors;  // One at least.
  std::vector<std::string_view> terms;          // Of the Params.
  NameMatchOptions match;
  Order order = Order::kAscending;
  bool with_score = false;
  size_t limit = kDefaultLimit;
  size_t batch = kDefaultBatch;
};

struct Found {
  std::string text;
  double score = 0;
};

// As strconv.ParseBool of Go has it.
Result<bool> ReadBool(const Params& params, std::string_view name, bool otherwise) {
  const auto text = params.Text(name);
  if (!text) return otherwise;
  for (const char* word : {"1", "t", "T", "true", "True", "TRUE"}) {
    if (*text == word) return true;
  }
  for (const char* word : {"0", "f", "F", "false", "False", "FALSE"}) {
    if (*text == word) return false;
  }
  return InvalidArgumentError("invalid " + std::string(name) + " \"" + std::string(*text) +
                              "\": must be boolean");
}

Result<std::vector<std::string_view>> ReadTerms(const Params& params) {
  std::vector<std::string_view> terms = params.All("search[]");
  if (terms.size() > kMaxTerms) {
    return InvalidArgumentError("too many search[] terms: " + std::to_string(terms.size()) +
                                ", at most " + std::to_string(kMaxTerms));
  }
  for (const std::string_view term : terms) {
    if (term.size() <= kMaxTermBytes) continue;
    return InvalidArgumentError("a search[] term of " + std::to_string(term.size()) +
                                " bytes, at most " + std::to_string(kMaxTermBytes));
  }
  return terms;
}

Result<NameMatchOptions> ReadMatch(const Params& params) {
  NameMatchOptions match;
  TOCSIN_ASSIGN_OR_RETURN(const int64_t threshold, params.Int("fuzz_threshold", 0, 0, 100));
  match.threshold = static_cast<double>(threshold) / 100;
  const std::string_view algorithm = params.Text("fuzz_alg").value_or("subsequence");
  if (algorithm == "jarowinkler") {
    match.algorithm = NameMatchOptions::Algorithm::kJaroWinkler;
  } else if (algorithm != "subsequence") {
    return InvalidArgumentError("unsupported fuzz_alg \"" + std::string(algorithm) +
                                "\": must be subsequence or jarowinkler");
  }
  TOCSIN_ASSIGN_OR_RETURN(match.case_sensitive, ReadBool(params, "case_sensitive", true));
  return match;
}

Result<Order> ReadOrder(const Params& params, bool has_terms) {
  const auto by = params.Text("sort_by");
  const auto direction = params.Text("sort_dir");
  if (by && *by != "alpha" && *by != "score") {
    return InvalidArgumentError("invalid sort_by \"" + std::string(*by) +
                                "\": must be alpha or score");
  }
  if (direction && !by) return InvalidArgumentError("sort_dir is only valid when sort_by is set");
  if (direction && *by == "score") {
    return InvalidArgumentError("sort_dir is not supported for sort_by=score");
  }
  if (direction && *direction != "asc" && *direction != "dsc") {
    return InvalidArgumentError("invalid sort_dir \"" + std::string(*direction) +
                                "\": must be asc or dsc");
  }
  if (by == "score" && !has_terms) {
    return InvalidArgumentError("sort_by=score requires search[] to be set");
  }
  if (by == "score") return Order::kByScore;
  return direction == "dsc" ? Order::kDescending : Order::kAscending;
}

Result<size_t> ReadLimit(const Params& params, size_t max_limit) {
  const size_t most = max_limit == 0 ? SIZE_MAX : max_limit;
  TOCSIN_ASSIGN_OR_RETURN(
      const int64_t limit,
      params.Int("limit", static_cast<int64_t>(std::min(kDefaultLimit, most)), 1, INT64_MAX));
  if (static_cast<size_t>(limit) > most) {
    return InvalidArgumentError("limit " + std::to_string(limit) +
                                " exceeds the configured maximum (" + std::to_string(most) +
                                ", see --web.search.max-limit)");
  }
  return static_cast<size_t>(limit);
}

// Borrows the texts of `params`.
Result<SearchRequest> ReadSearch(const Params& params, const SearchBackend& backend) {
  SearchRequest asked;
  const Millis now = backend.clock->Now() / kMillisecond;
  TOCSIN_ASSIGN_OR_RETURN(asked.window, ReadTimeWindow(params, {now - kDefaultRange, now}));
  TOCSIN_ASSIGN_OR_RETURN(asked.selectors, ReadSeriesSelectors(params));
  if (asked.selectors.empty()) asked.selectors.emplace_back();  // All series.
  TOCSIN_ASSIGN_OR_RETURN(asked.terms, ReadTerms(params));
  TOCSIN_ASSIGN_OR_RETURN(asked.match, ReadMatch(params));
  TOCSIN_ASSIGN_OR_RETURN(asked.order, ReadOrder(params, !asked.terms.empty()));
  TOCSIN_ASSIGN_OR_RETURN(asked.with_score, ReadBool(params, "include_score", false));
  TOCSIN_ASSIGN_OR_RETURN(asked.limit, ReadLimit(params, backend.max_limit));
  TOCSIN_ASSIGN_OR_RETURN(const int64_t batch,
                          params.Int("batch_size", kDefaultBatch, 1, INT64_MAX));
  asked.batch = static_cast<size_t>(batch);
  return asked;
}

// Those names that fit, in the order asked for; all of them, whatever the limit.
Result<std::vector<Found>> Choose(std::vector<std::string> names, const SearchRequest& asked,
                                  const http::Request& request) {
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  const NameMatch match(asked.terms, asked.match);
  std::vector<Found> found;
  size_t looked_at = 0;
  for (std::string& name : names) {
    looked_at += name.size();
    if (looked_at >= kBytesBetweenLooks) {
      if (request.Cancelled()) return CancelledError("the client has gone");
      looked_at = 0;
    }
    if (const auto score = match.Score(name)) found.push_back({std::move(name), *score});
  }
  if (asked.order == Order::kDescending) std::ranges::reverse(found);
  if (asked.order == Order::kByScore) {
    std::ranges::stable_sort(found, std::ranges::greater(), &Found::score);
  }
  return found;
}

void WriteMetadata(const MetricMetadata& metadata, JsonWriter* w) {
  w->Key("type").String(MetricTypeName(metadata.type));
  if (!metadata.help.empty()) w->Key("help").String(metadata.help);
  if (!metadata.unit.empty()) w->Key("unit").String(metadata.unit);
}

// How the results of one answer are written.
struct Form {
  std::string_view key;  // Of the text.
  bool with_score = false;
  const MetadataSource* metadata = nullptr;  // Null: without.
  size_t batch = kDefaultBatch;
  bool has_more = false;
};

void WriteResult(const Found& found, const Form& form, JsonWriter* w) {
  w->BeginObject().Key(form.key).String(found.text);
  if (form.with_score) w->Key("score").Double(found.score);
  if (form.metadata != nullptr) {
    if (const auto metadata = form.metadata->MetadataOf(found.text)) WriteMetadata(*metadata, w);
  }
  w->EndObject();
}

// Also without any result there is one line of results.
bool WriteLines(const std::vector<Found>& found, const Form& form, const http::BodyWriter& write) {
  size_t written = 0;
  do {
    const size_t end = written + std::min(form.batch, found.size() - written);
    JsonWriter line;
    line.BeginObject().Key("results").BeginArray();
    for (; written < end; ++written) WriteResult(found[written], form, &line);
    line.EndArray().EndObject();
    if (!write(std::move(line).Take() + "\n")) return false;
  } while (written < found.size());
  JsonWriter last;
  last.BeginObject().Key("status").String("success").Key("has_more").Bool(form.has_more);
  last.EndObject();
  return write(std::move(last).Take() + "\n");
}

// The names among which a search chooses.
using List = std::function<std::vector<std::string>(const std::vector<Matcher>&, TimeWindow)>;

class SearchApi {
 public:
  explicit SearchApi(const SearchBackend& backend) : backend_(backend) {}

  Result<http::Response> MetricNames(const http::Request& request) const {
    TOCSIN_RETURN_IF_ERROR(Allowed());
    TOCSIN_ASSIGN_OR_RETURN(const bool metadata,
                            ReadBool(Params(request), "include_metadata", false));
    return Answer(request, {.key = "name", .metadata = metadata ? backend_.metadata : nullptr},
                  ValuesOf("__name__"));
  }
  Result<http::Response> LabelNames(const http::Request& request) const {
    TOCSIN_RETURN_IF_ERROR(Allowed());
    return Answer(request, {.key = "name"},
                  [this](const std::vector<Matcher>& matchers, TimeWindow window) {
                    return backend_.catalog->LabelNames(matchers, window.from, window.to);
                  });
  }
  Result<http::Response> LabelValues(const http::Request& request) const {
    TOCSIN_RETURN_IF_ERROR(Allowed());
    const Params params(request);
    const auto label = params.Text("label");
    if (!label) return InvalidArgumentError("missing required parameter \"label\"");
    return Answer(request, {.key = "value"}, ValuesOf(std::string(*label)));
  }

 private:
  Status Allowed() const {
    if (backend_.enabled) return {};
    return UnavailableError("search API disabled: start with --enable-feature=search-api");
  }

  List ValuesOf(std::string label) const {
    return
        [this, label = std::move(label)](const std::vector<Matcher>& matchers, TimeWindow window) {
          return backend_.catalog->LabelValues(label, matchers, window.from, window.to);
        };
  }

  Result<http::Response> Answer(const http::Request& request, Form form, const List& list) const {
    const Params params(request);
    TOCSIN_ASSIGN_OR_RETURN(const SearchRequest asked, ReadSearch(params, backend_));
    std::vector<std::string> names;
    for (const std::vector<Matcher>& matchers : asked.selectors) {
      std::ranges::move(list(matchers, asked.window), std::back_inserter(names));
    }
    TOCSIN_ASSIGN_OR_RETURN(std::vector<Found> found, Choose(std::move(names), asked, request));
    form.with_score = asked.with_score;
    form.batch = asked.batch;
    form.has_more = found.size() > asked.limit;
    if (form.has_more) found.resize(asked.limit);
    http::Response response;
    response.Set("Content-Type", "application/x-ndjson; charset=utf-8");
    response.stream = [form, found = std::move(found)](const http::BodyWriter& write) {
      return WriteLines(found, form, write);
    };
    return response;
  }

  const SearchBackend backend_;
};

}  // namespace

void RegisterPrometheusSearch(const SearchBackend& backend, http::Router* router) {
  const PrometheusRoutes routes(std::make_shared<const SearchApi>(backend), router);
  routes.Add(kGetOrPost, "/api/v1/search/metric_names", &SearchApi::MetricNames);
  routes.Add(kGetOrPost, "/api/v1/search/label_names", &SearchApi::LabelNames);
  routes.Add(kGetOrPost, "/api/v1/search/label_values", &SearchApi::LabelValues);
}

}  // namespace tocsin::api
