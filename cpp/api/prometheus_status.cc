#include "cpp/api/prometheus_status.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include <unistd.h>

#include "cpp/api/params.h"
#include "cpp/api/prometheus_json.h"
#include "cpp/api/prometheus_routes.h"
#include "cpp/base/duration.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"
#include "cpp/lib/regex.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/functions.h"
#include "cpp/promql/parser.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

constexpr int64_t kDefaultTop = 10;
constexpr int64_t kMaxTop = 10'000;

void WriteCounts(std::string_view key, const std::vector<promql::NamedCount>& counts,
                 JsonWriter* w) {
  w->Key(key).BeginArray();
  for (const promql::NamedCount& count : counts) {
    w->BeginObject().Key("name").String(count.name).Key("value").Uint(count.value).EndObject();
  }
  w->EndArray();
}

std::string Hostname() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

std::string WorkingDirectory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

http::Response NoContent() { return http::Response{.status = 204}; }

class StatusApi {
 public:
  explicit StatusApi(PrometheusStatusBackend backend) : backend_(std::move(backend)) {}

  http::Response Config(const http::Request&) const {
    JsonWriter w;
    w.BeginObject().Key("yaml").String(backend_.config).EndObject();
    return PrometheusSuccess(w.text());
  }
  http::Response Flags(const http::Request&) const {
    JsonWriter w;
    w.BeginObject();
    for (const auto& [name, value] : backend_.flags) w.Key(name).String(value);
    w.EndObject();
    return PrometheusSuccess(w.text());
  }
  http::Response RuntimeInfo(const http::Request&) const;
  http::Response Tsdb(const http::Request& request) const;
  http::Response Blocks(const http::Request&) const;
  http::Response WalReplay(const http::Request&) const;
  http::Response SelfMetrics(const http::Request& request) const;
  http::Response Alertmanagers(const http::Request&) const;
  http::Response Features(const http::Request&) const;

  http::Response DeleteSeries(const http::Request& request) const;
  http::Response CleanTombstones(const http::Request&) const;
  http::Response Snapshot(const http::Request& request) const;

  http::Response Healthy(const http::Request&) const {
    return http::Response::Text(200, "Tocsin is Healthy.\n");
  }
  http::Response ReadyPage(const http::Request&) const {
    const Status ready = backend_.ready();
    if (ready.ok()) return http::Response::Text(200, "Tocsin is Ready.\n");
    return http::Response::Text(503, std::string(ready.message()) + "\n");
  }
  http::Response Reload(const http::Request&) const {
    if (!backend_.lifecycle_enabled) return LifecycleOff();
    const Status done = backend_.reload();
    if (done.ok()) return http::Response::Text(200, "");
    return http::Response::Text(500,
                                "failed to reload config: " + std::string(done.message()) + "\n");
  }
  http::Response Quit(const http::Request&) const {
    if (!backend_.lifecycle_enabled) return LifecycleOff();
    backend_.quit();
    return http::Response::Text(200, "Requesting termination... Goodbye!");
  }

 private:
  static http::Response LifecycleOff() {
    return http::Response::Text(
        403, "Lifecycle API is not enabled: start with --web.enable-lifecycle\n");
  }
  // OK, or why not.
  Status AdminAllowed() const {
    if (backend_.admin_enabled) return {};
    return UnavailableError("admin APIs disabled: start with --web.enable-admin-api");
  }
  static http::Response DoneOr(const Status& status) {
    return status.ok() ? NoContent() : PrometheusError(status);
  }

  const PrometheusStatusBackend backend_;
};

http::Response StatusApi::RuntimeInfo(const http::Request&) const {
  const PrometheusStatusBackend::Reloaded reloaded = backend_.last_reload();
  std::string retention = backend_.retention == 0 ? "" : FormatDuration(backend_.retention);
  if (backend_.max_bytes != 0) {
    retention += (retention.empty() ? "" : " or ") + std::to_string(backend_.max_bytes) + "B";
  }
  JsonWriter w;
  w.BeginObject().Key("startTime").String(FormatRfc3339(backend_.started));
  w.Key("CWD").String(WorkingDirectory()).Key("hostname").String(Hostname());
  w.Key("serverTime").String(FormatRfc3339(backend_.clock->Now()));
  w.Key("reloadConfigSuccess").Bool(reloaded.ok);
  w.Key("lastConfigTime").String(FormatRfc3339(reloaded.at));
  w.Key("corruptionCount").Uint(backend_.corruptions());
  w.Key("goroutineCount").Int(0).Key("GOMAXPROCS").Uint(backend_.processors);
  w.Key("GOMEMLIMIT").Uint(backend_.memory).Key("GOGC").String("").Key("GODEBUG").String("");
  w.Key("storageRetention").String(retention).EndObject();
  return PrometheusSuccess(w.text());
}

http::Response StatusApi::Tsdb(const http::Request& request) const {
  const Params params(request);
  const Result<int64_t> top = params.Int("limit", kDefaultTop, 1, kMaxTop);
  if (!top) return PrometheusError(top.error());
  const promql::HeadStatistics stats = backend_.store->HeadStats(static_cast<size_t>(*top));
  JsonWriter w;
  w.BeginObject().Key("headStats").BeginObject();
  w.Key("numSeries").Uint(stats.series).Key("numLabelPairs").Uint(stats.label_pairs);
  w.Key("chunkCount").Uint(stats.chunks).Key("minTime").Int(stats.min_time);
  w.Key("maxTime").Int(stats.max_time).EndObject();
  WriteCounts("seriesCountByMetricName", stats.series_by_metric_name, &w);
  WriteCounts("labelValueCountByLabelName", stats.values_by_label_name, &w);
  WriteCounts("memoryInBytesByLabelName", stats.bytes_by_label_name, &w);
  WriteCounts("seriesCountByLabelValuePair", stats.series_by_label_pair, &w);
  w.EndObject();
  return PrometheusSuccess(w.text());
}

http::Response StatusApi::Blocks(const http::Request&) const {
  JsonWriter w;
  w.BeginObject().Key("blocks").BeginArray();
  for (const promql::BlockStatistics& block : backend_.store->Blocks()) {
    w.BeginObject().Key("ulid").String(block.id).Key("minTime").Int(block.min_time);
    w.Key("maxTime").Int(block.max_time).Key("stats").BeginObject();
    w.Key("numSamples").Uint(block.samples).Key("numSeries").Uint(block.series);
    w.Key("numChunks").Uint(block.chunks).EndObject().Key("compaction").BeginObject();
    w.Key("level").Uint(block.level).Key("sources").BeginArray().String(block.id).EndArray();
    w.EndObject().Key("version").Int(1).EndObject();
  }
  w.EndArray().EndObject();
  return PrometheusSuccess(w.text());
}

http::Response StatusApi::WalReplay(const http::Request&) const {
  const promql::ReplayProgress replay = backend_.store->Replay();
  JsonWriter w;
  w.BeginObject().Key("min").Uint(replay.first_segment).Key("max").Uint(replay.last_segment);
  w.Key("current").Uint(replay.current_segment);
  w.Key("state").String(replay.done ? "done" : "in progress").EndObject();
  return PrometheusSuccess(w.text());
}

http::Response StatusApi::SelfMetrics(const http::Request& request) const {
  const Params params(request);
  std::optional<lib::Regex> pattern;
  if (const auto text = params.Text("metric_name_pattern")) {
    Result<lib::Regex> compiled = lib::Regex::Compile(*text);
    if (!compiled) {
      return PrometheusError(compiled.error().WithContext("invalid metric_name_pattern"));
    }
    pattern = *std::move(compiled);
  }
  return PrometheusSuccess(backend_.self_metrics([&pattern](std::string_view name) {
    return !pattern.has_value() || pattern->FullMatch(name);
  }));
}

http::Response StatusApi::Alertmanagers(const http::Request&) const {
  const PrometheusStatusBackend::Alertmanagers all = backend_.alertmanagers();
  JsonWriter w;
  const auto list = [&w](std::string_view key, const std::vector<std::string>& urls) {
    w.Key(key).BeginArray();
    for (const std::string& url : urls) w.BeginObject().Key("url").String(url).EndObject();
    w.EndArray();
  };
  w.BeginObject();
  list("activeAlertmanagers", all.active);
  list("droppedAlertmanagers", all.dropped);
  w.EndObject();
  return PrometheusSuccess(w.text());
}

// What there is, by category: every name in it is true.
http::Response StatusApi::Features(const http::Request&) const {
  JsonWriter w;
  const auto category = [&w](std::string_view name, const std::vector<std::string_view>& names) {
    w.Key(name).BeginObject();
    for (const std::string_view feature : names) w.Key(feature).Bool(true);
    w.EndObject();
  };
  w.BeginObject();
  std::vector<std::string_view> api = {"exemplars",         "label_values_match",
                                       "query_stats",       "remote_write_receiver",
                                       "time_range_labels", "time_range_series"};
  if (backend_.search_enabled) {
    api.insert(api.end(), {"search", "search_fuzz_alg_jarowinkler", "search_fuzz_alg_subsequence"});
  }
  category("api", api);
  category("promql", {"anchored", "at_modifier", "bool", "by", "duration_expr", "fill", "fill_left",
                      "fill_right", "group_left", "group_right", "ignoring", "negative_offset",
                      "offset", "on", "smoothed", "subqueries", "without"});
  w.Key("promql_functions").BeginObject();
  for (const promql::Function& function : promql::AllFunctions()) w.Key(function.name).Bool(true);
  w.EndObject().Key("promql_operators").BeginObject();
  for (auto op = promql::AggregateOp::kSum; op <= promql::AggregateOp::kLimitRatio;
       op = static_cast<promql::AggregateOp>(static_cast<int>(op) + 1)) {
    w.Key(promql::AggregateOpName(op)).Bool(true);
  }
  for (auto op = promql::BinaryOp::kAdd; op <= promql::BinaryOp::kUnless;
       op = static_cast<promql::BinaryOp>(static_cast<int>(op) + 1)) {
    w.Key(promql::BinaryOpName(op)).Bool(true);
  }
  w.EndObject();
  category("service_discovery_providers", {"file", "static"});
  category("tsdb", {"exemplars", "native_histograms", "start_timestamps"});
  w.EndObject();
  return PrometheusSuccess(w.text());
}

http::Response StatusApi::DeleteSeries(const http::Request& request) const {
  const auto act = [&]() -> Status {
    TOCSIN_RETURN_IF_ERROR(AdminAllowed());
    const Params params(request);
    TOCSIN_ASSIGN_OR_RETURN(const Millis from, params.Time("start", INT64_MIN));
    TOCSIN_ASSIGN_OR_RETURN(const Millis to, params.Time("end", INT64_MAX));
    const std::vector<std::string_view> texts = params.All("match[]");
    if (texts.empty()) return InvalidArgumentError("no match[] parameter provided");
    // All are read before anything is deleted.
    std::vector<std::vector<promql::Matcher>> selectors;
    for (const std::string_view text : texts) {
      auto selector = promql::ParseSelector(text);
      if (!selector) return selector.error().WithContext("invalid parameter \"match[]\"");
      selectors.push_back(*std::move(selector));
    }
    for (const auto& matchers : selectors) {
      TOCSIN_RETURN_IF_ERROR(backend_.store->DeleteSeries(matchers, from, to));
    }
    return {};
  };
  return DoneOr(act());
}

http::Response StatusApi::CleanTombstones(const http::Request&) const {
  const Status allowed = AdminAllowed();
  return DoneOr(allowed.ok() ? backend_.store->CleanTombstones() : allowed);
}

http::Response StatusApi::Snapshot(const http::Request& request) const {
  if (const Status allowed = AdminAllowed(); !allowed.ok()) return PrometheusError(allowed);
  const Params params(request);
  const std::string_view skip = params.Text("skip_head").value_or("false");
  if (skip != "true" && skip != "false" && skip != "1" && skip != "0") {
    return PrometheusError(InvalidArgumentError("unable to parse boolean 'skip_head' argument: \"" +
                                                std::string(skip) +
                                                "\" is neither true nor false"));
  }
  const Result<std::string> name = backend_.store->Snapshot(skip == "true" || skip == "1");
  if (!name) return PrometheusError(name.error());
  JsonWriter w;
  w.BeginObject().Key("name").String(*name).EndObject();
  return PrometheusSuccess(w.text());
}

}  // namespace

void RegisterPrometheusStatus(PrometheusStatusBackend backend, http::Router* router) {
  const PrometheusRoutes routes(std::make_shared<const StatusApi>(std::move(backend)), router);
  routes.Add(kGet, "/api/v1/status/config", &StatusApi::Config);
  routes.Add(kGet, "/api/v1/status/flags", &StatusApi::Flags);
  routes.Add(kGet, "/api/v1/status/runtimeinfo", &StatusApi::RuntimeInfo);
  routes.Add(kGet, "/api/v1/status/tsdb", &StatusApi::Tsdb);
  routes.Add(kGet, "/api/v1/status/tsdb/blocks", &StatusApi::Blocks);
  routes.Add(kGet, "/api/v1/status/walreplay", &StatusApi::WalReplay);
  routes.Add(kGet, "/api/v1/status/self_metrics", &StatusApi::SelfMetrics);
  routes.Add(kGet, "/api/v1/alertmanagers", &StatusApi::Alertmanagers);
  routes.Add(kGet, "/api/v1/features", &StatusApi::Features);
  routes.Add(kPostOrPut, "/api/v1/admin/tsdb/delete_series", &StatusApi::DeleteSeries);
  routes.Add(kPostOrPut, "/api/v1/admin/tsdb/clean_tombstones", &StatusApi::CleanTombstones);
  routes.Add(kPostOrPut, "/api/v1/admin/tsdb/snapshot", &StatusApi::Snapshot);
  router->Reserve("/-/healthy");
  router->Reserve("/-/ready");
  routes.Add(kGet, "/-/healthy", &StatusApi::Healthy);
  routes.Add(kGet, "/-/ready", &StatusApi::ReadyPage);
  routes.Add(kPostOrPut, "/-/reload", &StatusApi::Reload);
  routes.Add(kPostOrPut, "/-/quit", &StatusApi::Quit);
}

}  // namespace tocsin::api
