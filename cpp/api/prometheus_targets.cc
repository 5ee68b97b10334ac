#include "cpp/api/prometheus_targets.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "cpp/api/params.h"
#include "cpp/api/prometheus_json.h"
#include "cpp/api/prometheus_routes.h"
#include "cpp/base/duration.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/result_json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

// `http://localhost:9090/metrics` as others reach it.
std::string GlobalUrl(std::string_view url, std::string_view host) {
  constexpr std::string_view kSeparator = "://";
  const size_t begin = url.find(kSeparator);
  if (host.empty() || begin == std::string_view::npos) return std::string(url);
  const size_t from = begin + kSeparator.size();
  const std::string_view rest = url.substr(from);
  for (const std::string_view local : {"localhost", "127.0.0.1", "[::1]"}) {
    const bool ends =
        rest.size() == local.size() ||
        (rest.size() > local.size() && (rest[local.size()] == ':' || rest[local.size()] == '/'));
    if (rest.starts_with(local) && ends) {
      return std::string(url.substr(0, from)) + std::string(host) +
             std::string(rest.substr(local.size()));
    }
  }
  return std::string(url);
}

void WriteActive(const scrape::ActiveTarget& target, std::string_view host, JsonWriter* w) {
  w->BeginObject().Key("discoveredLabels");
  promql::WriteLabels(target.discovered_labels, w);
  w->Key("labels");
  promql::WriteLabels(target.labels, w);
  w->Key("scrapePool").String(target.pool).Key("scrapeUrl").String(target.url);
  w->Key("globalUrl").String(GlobalUrl(target.url, host));
  w->Key("lastError").String(target.last_error);
  w->Key("lastScrape").String(FormatRfc3339(target.last_scrape));
  w->Key("lastScrapeDuration").Double(static_cast<double>(target.last_duration) / kSecond);
  w->Key("health").String(scrape::HealthName(target.health));
  w->Key("scrapeInterval").String(FormatDuration(target.interval));
  w->Key("scrapeTimeout").String(FormatDuration(target.timeout)).EndObject();
}

void WriteRule(const relabel::Rule& rule, JsonWriter* w) {
  w->BeginObject().Key("source_labels").BeginArray();
  for (const std::string& label : rule.source_labels) w->String(label);
  w->EndArray().Key("separator").String(rule.separator).Key("regex").String(rule.regex);
  w->Key("modulus").Uint(rule.modulus).Key("target_label").String(rule.target_label);
  w->Key("replacement").String(rule.replacement);
  w->Key("action").String(relabel::ActionName(rule.action)).EndObject();
}

Result<Labels> ParseLabels(std::string_view json) {
  Result<lib::Json> parsed = lib::Json::Parse(json);
  if (!parsed) return Failure(parsed.error().WithContext("invalid parameter \"labels\""));
  if (parsed->type != lib::Json::Type::kObject) {
    return InvalidArgumentError("invalid parameter \"labels\": a JSON object is expected");
  }
  std::vector<Labels::Pair> pairs;
  for (auto& [name, value] : parsed->object) {
    if (value.type != lib::Json::Type::kString) {
      return InvalidArgumentError("invalid parameter \"labels\": the value of \"" + name +
                                  "\" is not a string");
    }
    pairs.emplace_back(name, std::move(value.string));
  }
  return Labels(std::move(pairs));
}

class TargetsApi {
 public:
  explicit TargetsApi(TargetsBackend backend) : backend_(std::move(backend)) {}

  Result<http::Response> Targets(const http::Request& request) const;
  Result<http::Response> Metadata(const http::Request& request) const;
  Result<http::Response> RelabelSteps(const http::Request& request) const;
  Result<http::Response> Pools(const http::Request& request) const;
  Result<http::Response> PoolConfig(const http::Request& request) const;

 private:
  Result<const scrape::Scraper*> Scraper() const {
    const scrape::Scraper* scraper = backend_.scraper();
    if (scraper == nullptr) return UnavailableError("nothing is scraped yet, or no longer");
    return scraper;
  }

  const TargetsBackend backend_;
};

Result<http::Response> TargetsApi::Targets(const http::Request& request) const {
  TOCSIN_ASSIGN_OR_RETURN(const scrape::Scraper* scraper, Scraper());
  const Params params(request);
  const std::string_view state = params.Text("state").value_or("any");
  const std::string_view pool = params.Text("scrapePool").value_or("");
  const bool active = state != "dropped";
  const bool dropped = state != "active";
  JsonWriter w;
  w.BeginObject().Key("activeTargets").BeginArray();
  if (active) {
    for (const auto& target : scraper->Targets(pool)) {
      WriteActive(target, backend_.external_host, &w);
    }
  }
  w.EndArray().Key("droppedTargets").BeginArray();
  if (dropped) {
    for (const scrape::DroppedTarget& target : scraper->Dropped(pool)) {
      w.BeginObject().Key("discoveredLabels");
      promql::WriteLabels(target.discovered_labels, &w);
      w.Key("scrapePool").String(target.pool).EndObject();
    }
  }
  w.EndArray().Key("droppedTargetCounts");
  if (dropped) {
    w.BeginObject();
    for (const auto& [name, count] : scraper->DroppedCounts()) {
      if (pool.empty() || pool == name) w.Key(name).Uint(count);
    }
    w.EndObject();
  } else {
    w.Null();
  }
  w.EndObject();
  return PrometheusSuccess(w.text());
}

Result<http::Response> TargetsApi::Metadata(const http::Request& request) const {
  TOCSIN_ASSIGN_OR_RETURN(const scrape::Scraper* scraper, Scraper());
  const Params params(request);
  TOCSIN_ASSIGN_OR_RETURN(const int64_t limit, params.Int("limit", -1, INT64_MIN, INT64_MAX));
  const std::string_view metric = params.Text("metric").value_or("");
  std::vector<promql::Matcher> matchers;
  if (const auto text = params.Text("match_target")) {
    Result<std::vector<promql::Matcher>> selector = promql::ParseSelector(*text);
    if (!selector) {
      return Failure(selector.error().WithContext("invalid parameter \"match_target\""));
    }
    matchers = *std::move(selector);
  }
  JsonWriter w;
  w.BeginArray();
  int64_t written = 0;
  for (const scrape::TargetMetadata& one : scraper->Metadata(metric, 0)) {
    if (!promql::MatchesAll(matchers, one.labels)) continue;
    if (limit >= 0 && written++ >= limit) break;
    w.BeginObject().Key("target");
    promql::WriteLabels(one.labels, &w);
    if (metric.empty()) w.Key("metric").String(one.metadata.family);
    w.Key("type").String(MetricTypeName(one.metadata.type));
    w.Key("help").String(one.metadata.help).Key("unit").String(one.metadata.unit).EndObject();
  }
  w.EndArray();
  return PrometheusSuccess(w.text());
}

Result<http::Response> TargetsApi::RelabelSteps(const http::Request& request) const {
  TOCSIN_ASSIGN_OR_RETURN(const scrape::Scraper* scraper, Scraper());
  const Params params(request);
  const auto pool = params.Text("scrapePool");
  if (!pool) return InvalidArgumentError("no scrapePool parameter provided");
  TOCSIN_ASSIGN_OR_RETURN(const Labels labels, ParseLabels(params.Text("labels").value_or("")));
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<scrape::RelabelStep> steps,
                          scraper->RelabelSteps(*pool, labels));
  JsonWriter w;
  w.BeginObject().Key("steps").BeginArray();
  for (const scrape::RelabelStep& step : steps) {
    w.BeginObject().Key("rule");
    WriteRule(step.rule, &w);
    w.Key("output");
    promql::WriteLabels(step.output, &w);
    w.Key("keep").Bool(step.keep).EndObject();
  }
  w.EndArray().EndObject();
  return PrometheusSuccess(w.text());
}

Result<http::Response> TargetsApi::Pools(const http::Request&) const {
  TOCSIN_ASSIGN_OR_RETURN(const scrape::Scraper* scraper, Scraper());
  JsonWriter w;
  w.BeginObject().Key("scrapePools").BeginArray();
  for (const std::string& pool : scraper->Pools()) w.String(pool);
  w.EndArray().EndObject();
  return PrometheusSuccess(w.text());
}

Result<http::Response> TargetsApi::PoolConfig(const http::Request& request) const {
  const Params params(request);
  const auto pool = params.Text("scrapePool");
  if (!pool) return InvalidArgumentError("no scrapePool parameter provided");
  TOCSIN_ASSIGN_OR_RETURN(const std::string yaml, backend_.pool_config(*pool));
  JsonWriter w;
  w.BeginObject().Key("yaml").String(yaml).EndObject();
  return PrometheusSuccess(w.text());
}

}  // namespace

void RegisterTargets(TargetsBackend backend, http::Router* router) {
  const PrometheusRoutes routes(std::make_shared<const TargetsApi>(std::move(backend)), router);
  routes.Add(kGet, "/api/v1/targets", &TargetsApi::Targets);
  routes.Add(kGet, "/api/v1/targets/metadata", &TargetsApi::Metadata);
  routes.Add(kGet, "/api/v1/targets/relabel_steps", &TargetsApi::RelabelSteps);
  routes.Add(kGet, "/api/v1/scrape_pools", &TargetsApi::Pools);
  routes.Add(kGet, "/api/v1/scrape_pools/config", &TargetsApi::PoolConfig);
}

}  // namespace tocsin::api
