// The endpoints of Prometheus's API over a store of a few series.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/api/expression_json.h"
#include "cpp/api/federate.h"
#include "cpp/api/prometheus.h"
#include "cpp/api/prometheus_series.h"
#include "cpp/api/prometheus_status.h"
#include "cpp/http/router.h"
#include "cpp/lib/json.h"
#include "cpp/promql/parser.h"

namespace tocsin::api {
namespace {

using promql::Matcher;

bool Match(std::span<const Matcher> matchers, const Labels& labels) {
  return std::ranges::all_of(
      matchers, [&](const Matcher& matcher) { return matcher.Matches(labels.Get(matcher.name)); });
}

class FakeStore final : public promql::SeriesSource,
                        public promql::SeriesCatalog,
                        public promql::SeriesAdmin,
                        public MetadataSource {
 public:
  std::map<Labels, std::vector<Sample>> series;
  std::vector<promql::ExemplarSeries> exemplars;
  std::vector<MetricMetadata> metadata;
  std::vector<std::string> calls;

  Result<std::vector<promql::SeriesData>> Select(std::span<const Matcher> matchers, Millis from,
                                                 Millis to) const override {
    std::vector<promql::SeriesData> found;
    for (const auto& [labels, samples] : series) {
      if (!Match(matchers, labels)) continue;
      promql::SeriesData data{.labels = labels};
      for (const Sample& sample : samples) {
        if (sample.t >= from && sample.t <= to) data.samples.push_back(sample);
      }
      if (!data.samples.empty()) found.push_back(std::move(data));
    }
    return found;
  }
  std::vector<Labels> MatchSeries(std::span<const Matcher> matchers, Millis, Millis,
                                  size_t limit) const override {
    std::vector<Labels> found;
    for (const auto& [labels, samples] : series) {
      if (Match(matchers, labels) && (limit == 0 || found.size() < limit)) found.push_back(labels);
    }
    return found;
  }
  std::vector<std::string> LabelNames(std::span<const Matcher> matchers, Millis,
                                      Millis) const override {
    std::vector<std::string> names;
    for (const auto& [labels, samples] : series) {
      if (!Match(matchers, labels)) continue;
      for (const auto& [name, value] : labels) names.push_back(name);
    }
    return names;
  }
  std::vector<std::string> LabelValues(std::string_view name, std::span<const Matcher> matchers,
                                       Millis, Millis) const override {
    std::vector<std::string> values;
    for (const auto& [labels, samples] : series) {
      if (Match(matchers, labels) && labels.Has(name)) values.emplace_back(labels.Get(name));
    }
    return values;
  }
  std::vector<promql::ExemplarSeries> QueryExemplars(std::span<const Matcher> matchers, Millis from,
                                                     Millis to) const override {
    std::vector<promql::ExemplarSeries> found;
    for (const promql::ExemplarSeries& one : exemplars) {
      if (Match(matchers, one.labels) && from <= 1'500 && to >= 1'500) found.push_back(one);
    }
    return found;
  }
  promql::HeadStatistics HeadStats(size_t top) const override {
    promql::HeadStatistics stats;
    stats.series = series.size();
    stats.series_by_metric_name = {{"up", 2}, {"other", 1}};
    stats.series_by_metric_name.resize(std::min<size_t>(top, 2));
    return stats;
  }
  std::vector<promql::BlockStatistics> Blocks() const override {
    return {{.id = "b-1", .min_time = 0, .max_time = 7'200'000, .series = 3, .samples = 9}};
  }
  promql::ReplayProgress Replay() const override { return {1, 4, 4, true}; }
  Status DeleteSeries(std::span<const Matcher> matchers, Millis from, Millis to) override {
    calls.push_back("delete " + promql::ToString(matchers[0]) + " " + std::to_string(from) + " " +
                    std::to_string(to));
    return {};
  }
  Status CleanTombstones() override {
    calls.emplace_back("clean");
    return {};
  }
  Result<std::string> Snapshot(bool skip_head) override {
    calls.emplace_back(skip_head ? "snapshot without head" : "snapshot");
    return "20261122T224400Z-1";
  }
  std::optional<MetricMetadata> MetadataOf(std::string_view family) const override {
    const auto found = std::ranges::find(metadata, family, &MetricMetadata::family);
    return found == metadata.end() ? std::nullopt : std::optional(*found);
  }
  std::vector<MetricMetadata> AllMetadata() const override { return metadata; }
};

class PrometheusApiTest : public testing::Test {
 protected:
  PrometheusApiTest() : clock_(61 * kSecond), engine_(Options()), gate_(2, 10) {
    for (const char* job : {"a", "b"}) {
      store_.series[{{"__name__", "up"}, {"job", job}}] = {{1'000, 1}, {61'000, 0}};
    }
    store_.series[{{"__name__", "other.metric"}, {"my.label", "x\"y"}}] = {{61'000, 0.5}};
    store_.exemplars = {{{{"__name__", "up"}, {"job", "a"}}, {{{{"traceID", "t1"}}, 0.25, 1'500}}}};
    store_.metadata = {{"up", MetricType::kGauge, "Is it up?", ""},
                       {"z", MetricType::kCounter, "Zs.", "seconds"}};
    RegisterPrometheus({.engine = &engine_, .series = &store_, .gate = &gate_, .clock = &clock_},
                       &router_);
    RegisterPrometheusSeries({.catalog = &store_, .metadata = &store_, .parser = {}}, &router_);
    RegisterFederate({.series = &store_,
                      .clock = &clock_,
                      .lookback = 300'000,
                      .external_labels = {{"region", "eu"}}},
                     &router_);
    RegisterStatus(true);
  }

  static promql::EngineOptions Options() {
    promql::EngineOptions options;
    options.parser = promql::ParserOptions::Everything();
    return options;
  }

  void RegisterStatus(bool allowed) {
    PrometheusStatusBackend status;
    status.config = "a: 1\n";
    status.flags = {{"web.enable-admin-api", "true"}};
    status.store = &store_;
    status.admin_enabled = allowed;
    status.lifecycle_enabled = allowed;
    status.retention = 15 * kDay;
    status.clock = &clock_;
    status.last_reload = [] { return PrometheusStatusBackend::Reloaded{true, kSecond}; };
    status.corruptions = [] { return uint64_t{0}; };
    status.alertmanagers = [] {
      return PrometheusStatusBackend::Alertmanagers{{"http://am:9093/api/v2/alerts"}, {}};
    };
    status.ready = [this] { return ready_; };
    status.reload = [this] { return reloaded_; };
    status.quit = [this] { store_.calls.emplace_back("quit"); };
    RegisterPrometheusStatus(std::move(status), &router_);
  }

  http::Response Send(std::string method, std::string_view target, std::string body = {}) {
    http::Request request;
    request.method = std::move(method);
    const size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string_view::npos) request.query = http::ParseQuery(target.substr(mark + 1));
    if (!body.empty()) request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    request.body = std::move(body);
    return router_.Route(std::move(request));
  }
  /// The `data` of a successful answer.
  std::string Data(std::string_view target) {
    const http::Response response = Send("GET", target);
    EXPECT_EQ(response.status, 200) << response.body;
    constexpr std::string_view kStart = R"({"status":"success","data":)";
    EXPECT_TRUE(response.body.starts_with(kStart)) << response.body;
    return response.body.substr(kStart.size(), response.body.size() - kStart.size() - 1);
  }
  void ExpectError(const http::Response& response, int status, std::string_view type,
                   std::string_view text) {
    EXPECT_EQ(response.status, status);
    EXPECT_NE(response.body.find(R"("errorType":")" + std::string(type) + "\""), std::string::npos)
        << response.body;
    EXPECT_NE(response.body.find(text), std::string::npos) << response.body;
  }

  FakeStore store_;
  VirtualClock clock_;
  promql::Engine engine_;
  QueryGate gate_;
  http::Router router_;
  Status ready_;
  Status reloaded_;
};

TEST_F(PrometheusApiTest, SeriesNeedASelectorAndAreJoinedFromSeveral) {
  ExpectError(Send("GET", "/api/v1/series"), 400, "bad_data", "no match[] parameter provided");
  ExpectError(Send("GET", "/api/v1/series?match[]={a=~\".*\"}"), 400, "bad_data", "non-empty");
  EXPECT_EQ(Data("/api/v1/series?match[]=up&match[]={job=\"a\"}"),
            R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}])");
  EXPECT_EQ(Send("POST", "/api/v1/series", "match[]=up").status, 200);
}

TEST_F(PrometheusApiTest, WhatALimitCutsIsSaid) {
  const std::string cut = Send("GET", "/api/v1/series?match[]=up&limit=1").body;
  EXPECT_NE(cut.find(R"("data":[{"__name__":"up","job":"a"}],"warnings":["results truncated)"),
            std::string::npos)
      << cut;
  EXPECT_EQ(Send("GET", "/api/v1/series?match[]=up&limit=2").body.find("warnings"),
            std::string::npos);
  EXPECT_NE(Send("GET", "/api/v1/labels?limit=1").body.find("truncated"), std::string::npos);
}

TEST_F(PrometheusApiTest, LabelsAndTheirValues) {
  EXPECT_EQ(Data("/api/v1/labels"), R"(["__name__","job","my.label"])");
  EXPECT_EQ(Data("/api/v1/labels?match[]=up"), R"(["__name__","job"])");
  EXPECT_EQ(Data("/api/v1/label/job/values"), R"(["a","b"])");
  EXPECT_EQ(Data("/api/v1/label/nothing/values"), "[]");
  EXPECT_EQ(Data("/api/v1/label/U__my_2e_label/values"), R"(["x\"y"])");
  ExpectError(Send("GET", "/api/v1/labels?start=5&end=4"), 400, "bad_data", "end timestamp");
}

TEST_F(PrometheusApiTest, EscapedNamesComeBack) {
  EXPECT_EQ(UnescapeLabelName("plain_name"), "plain_name");
  EXPECT_EQ(UnescapeLabelName("U__a_2e_b__c"), "a.b_c");
  EXPECT_EQ(UnescapeLabelName("U___1f600_"), "\xf0\x9f\x98\x80");
  // No escaper writes these.
  EXPECT_EQ(UnescapeLabelName("U__a_zz_b"), "U__a_zz_b");
  EXPECT_EQ(UnescapeLabelName("U__a_2e"), "U__a_2e");
  EXPECT_EQ(UnescapeLabelName("U___d800_"), "U___d800_");
  EXPECT_EQ(UnescapeLabelName("U___1100000_"), "U___1100000_");
}

TEST_F(PrometheusApiTest, MetadataIsListedByFamily) {
  EXPECT_EQ(Data("/api/v1/metadata"), R"({"up":[{"type":"gauge","help":"Is it up?","unit":""}],)"
                                      R"("z":[{"type":"counter","help":"Zs.","unit":"seconds"}]})");
  EXPECT_EQ(Data("/api/v1/metadata?metric=z&limit=1"),
            R"({"z":[{"type":"counter","help":"Zs.","unit":"seconds"}]})");
  EXPECT_EQ(Data("/api/v1/metadata?metric=none"), "{}");
  EXPECT_EQ(Data("/api/v1/metadata?limit=0"), "{}");
}

TEST_F(PrometheusApiTest, ExemplarsOfEverySelectorOfAnExpression) {
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=rate(up[5m])%20/%20up&start=0&end=10"),
            R"([{"seriesLabels":{"__name__":"up","job":"a"},"exemplars":)"
            R"([{"labels":{"traceID":"t1"},"value":"0.25","timestamp":1.5}]}])");
  // What Grafana asks at its start: milliseconds where seconds are meant.
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=test&start=1763817600000&end=1763821200000"), "[]");
  ExpectError(Send("GET", "/api/v1/query_exemplars?query=up("), 400, "bad_data", "query");
}

TEST_F(PrometheusApiTest, QueriesTellWhatTheyCost) {
  const std::string plain = Send("GET", "/api/v1/query?query=up&time=61").body;
  EXPECT_EQ(plain.find("stats"), std::string::npos);
  const std::string all = Send("GET", "/api/v1/query?query=up&time=61&stats=all").body;
  EXPECT_NE(all.find(R"("totalQueryableSamplesPerStep":[[61,2]])"), std::string::npos) << all;
  EXPECT_NE(all.find(R"("totalQueryableSamples":2)"), std::string::npos) << all;
  EXPECT_NE(all.find(R"("timings":{"evalTotalTime":)"), std::string::npos) << all;
}

TEST_F(PrometheusApiTest, TheHealthCheckOfGrafanaAsksIn1970) {
  EXPECT_EQ(Data("/api/v1/query?query=1%2B1&time=4"),
            R"({"resultType":"scalar","result":[4,"2"]})");
}

TEST_F(PrometheusApiTest, AQueryEndsWhenItsClientHasGone) {
  http::Request request;
  request.method = "GET";
  request.path = "/api/v1/query";
  request.query = {{"query", "up"}};
  request.cancelled = [] { return true; };
  ExpectError(router_.Route(std::move(request)), 499, "canceled", "client has gone");
}

TEST_F(PrometheusApiTest, ExpressionsAreFormatted) {
  EXPECT_EQ(Data("/api/v1/format_query?query=sum(rate(up[5m]))by(job)"),
            "\"sum by (job) (rate(up[5m]))\"");
  const std::string name(60, 'm');
  EXPECT_EQ(Data("/api/v1/format_query?query=sum by (job) (" + name + ") / " + name),
            "\"  sum by (job) (" + name + ")\\n/\\n  " + name + "\"");
  ExpectError(Send("GET", "/api/v1/format_query?query=sum("), 400, "bad_data", "parse error");
}

TEST_F(PrometheusApiTest, ExpressionsAreShownAsTrees) {
  EXPECT_EQ(Data("/api/v1/parse_query?query=up{a!=\"b\"}[5m] offset 1m"),
            Data("/api/v1/parse_query?query=up{a!=\"b\"}[5m] offset 60s"));
  const auto tree = promql::Parse("sum by (job) (rate(up[5m])) > bool on (job) 2 * vector(1)");
  ASSERT_TRUE(tree.has_value());
  const std::string json = ExpressionJson(*tree);
  ASSERT_TRUE(lib::Json::Parse(json).has_value()) << json;
  EXPECT_NE(json.find(R"("type":"binaryExpr","op":">")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("func":{"name":"rate","argTypes":["matrix"],"variadic":0)"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("matching":{"card":"one-to-one","labels":["job"],"on":true)"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("range":300000)"), std::string::npos) << json;
}

TEST_F(PrometheusApiTest, FederationGivesTheNewestSamples) {
  store_.series[{{"__name__", "gone"}}] = {{60'000, StaleNan()}};
  const http::Response response =
      Send("GET", "/federate?match[]=up&match[]={__name__=~\"other.*|gone\"}");
  EXPECT_EQ(response.Header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response.body,
            "# TYPE \"other.metric\" untyped\n"
            "{\"other.metric\",\"my.label\"=\"x\\\"y\",region=\"eu\",instance=\"\"} 0.5 61000\n"
            "# TYPE up untyped\n"
            "up{job=\"a\",region=\"eu\",instance=\"\"} 0 61000\n"
            "up{job=\"b\",region=\"eu\",instance=\"\"} 0 61000\n");
  EXPECT_EQ(Send("GET", "/federate").status, 400);
  EXPECT_EQ(Send("GET", "/federate?match[]=up{").status, 400);
}

TEST_F(PrometheusApiTest, StatusOfTheStore) {
  EXPECT_NE(Data("/api/v1/status/tsdb").find(R"("headStats":{"numSeries":3)"), std::string::npos);
  EXPECT_NE(Data("/api/v1/status/tsdb?limit=1")
                .find(R"("seriesCountByMetricName":[{"name":"up","value":2}])"),
            std::string::npos);
  ExpectError(Send("GET", "/api/v1/status/tsdb?limit=0"), 400, "bad_data", "limit");
  EXPECT_NE(Data("/api/v1/status/tsdb/blocks").find(R"("ulid":"b-1")"), std::string::npos);
  EXPECT_EQ(Data("/api/v1/status/walreplay"), R"({"min":1,"max":4,"current":4,"state":"done"})");
  EXPECT_EQ(Data("/api/v1/status/config"), R"({"yaml":"a: 1\n"})");
  EXPECT_EQ(Data("/api/v1/status/flags"), R"({"web.enable-admin-api":"true"})");
  EXPECT_NE(Data("/api/v1/status/runtimeinfo").find(R"("storageRetention":"15d")"),
            std::string::npos);
  EXPECT_NE(Data("/api/v1/features").find(R"("histogram_quantile":true)"), std::string::npos);
  EXPECT_EQ(Data("/api/v1/alertmanagers"),
            R"({"activeAlertmanagers":[{"url":"http://am:9093/api/v2/alerts"}],)"
            R"("droppedAlertmanagers":[]})");
}

TEST_F(PrometheusApiTest, TheStoreIsAdministered) {
  EXPECT_EQ(Send("POST", "/api/v1/admin/tsdb/delete_series?match[]=up&start=1&end=2").status, 204);
  EXPECT_EQ(Send("PUT", "/api/v1/admin/tsdb/clean_tombstones").status, 204);
  EXPECT_NE(Send("POST", "/api/v1/admin/tsdb/snapshot?skip_head=true").body.find("20261122T"),
            std::string::npos);
  EXPECT_EQ(store_.calls, (std::vector<std::string>{"delete __name__=\"up\" 1000 2000", "clean",
                                                    "snapshot without head"}));
  ExpectError(Send("POST", "/api/v1/admin/tsdb/delete_series"), 400, "bad_data", "match[]");
  ExpectError(Send("POST", "/api/v1/admin/tsdb/snapshot?skip_head=maybe"), 400, "bad_data",
              "skip_head");
  EXPECT_EQ(Send("GET", "/api/v1/admin/tsdb/snapshot").status, 405);
}

TEST_F(PrometheusApiTest, OneBadSelectorAndNothingIsDeleted) {
  ExpectError(Send("POST", "/api/v1/admin/tsdb/delete_series?match[]=up&match[]=up{"), 400,
              "bad_data", "match[]");
  EXPECT_TRUE(store_.calls.empty());
}

TEST_F(PrometheusApiTest, WhatChangesThingsIsOffUnlessAskedFor) {
  router_ = http::Router();
  RegisterStatus(false);
  ExpectError(Send("POST", "/api/v1/admin/tsdb/snapshot"), 500, "unavailable",
              "admin APIs disabled");
  EXPECT_EQ(Send("POST", "/-/reload").status, 403);
  EXPECT_EQ(Send("PUT", "/-/quit").status, 403);
  EXPECT_TRUE(store_.calls.empty());
}

TEST_F(PrometheusApiTest, TheLifecycleOfTheProcess) {
  EXPECT_EQ(Send("GET", "/-/healthy").status, 200);
  EXPECT_EQ(Send("GET", "/-/ready").status, 200);
  ready_ = UnavailableError("starting");
  EXPECT_EQ(Send("GET", "/-/ready").status, 503);
  EXPECT_EQ(Send("POST", "/-/reload").status, 200);
  reloaded_ = InvalidArgumentError("tocsin.yaml:3:1: unknown key");
  const http::Response refused = Send("POST", "/-/reload");
  EXPECT_EQ(refused.status, 500);
  EXPECT_NE(refused.body.find("tocsin.yaml:3:1"), std::string::npos);
  EXPECT_EQ(Send("POST", "/-/quit").status, 200);
  EXPECT_EQ(store_.calls, std::vector<std::string>{"quit"});
}

}  // namespace
}  // namespace tocsin::api
