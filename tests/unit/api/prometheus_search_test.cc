// Names that fit what is typed, as lines of JSON.

#include "cpp/api/prometheus_search.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::api {
namespace {

using promql::Matcher;

constexpr std::string_view kEnd = "{\"status\":\"success\",\"has_more\":false}\n";
constexpr std::string_view kMore = "{\"status\":\"success\",\"has_more\":true}\n";

class FakeCatalog final : public promql::SeriesCatalog, public MetadataSource {
 public:
  std::vector<Labels> series;
  mutable std::vector<std::pair<Millis, Millis>> asked;

  std::vector<Labels> MatchSeries(std::span<const Matcher>, Millis, Millis, size_t) const override {
    return {};
  }
  std::vector<std::string> LabelNames(std::span<const Matcher> matchers, Millis from,
                                      Millis to) const override {
    asked.emplace_back(from, to);
    std::vector<std::string> names;
    for (const Labels& labels : Matching(matchers)) {
      for (const auto& [name, value] : labels) names.emplace_back(name);
    }
    return names;
  }
  std::vector<std::string> LabelValues(std::string_view name, std::span<const Matcher> matchers,
                                       Millis from, Millis to) const override {
    asked.emplace_back(from, to);
    std::vector<std::string> values;
    for (const Labels& labels : Matching(matchers)) {
      if (labels.Has(name)) values.emplace_back(labels.Get(name));
    }
    return values;
  }
  std::vector<promql::ExemplarSeries> QueryExemplars(std::span<const Matcher>, Millis,
                                                     Millis) const override {
    return {};
  }
  std::optional<MetricMetadata> MetadataOf(std::string_view family) const override {
    if (family != "up") return std::nullopt;
    return MetricMetadata{"up", MetricType::kGauge, "Is it up?", ""};
  }
  std::vector<MetricMetadata> AllMetadata() const override { return {}; }

 private:
  std::vector<Labels> Matching(std::span<const Matcher> matchers) const {
    std::vector<Labels> found;
    for (const Labels& labels : series) {
      if (std::ranges::all_of(matchers, [&](const Matcher& matcher) {
            return matcher.Matches(labels.Get(matcher.name));
          })) {
        found.push_back(labels);
      }
    }
    return found;
  }
};

class PrometheusSearchTest : public testing::Test {
 protected:
  PrometheusSearchTest() {
    for (const char* name : {"up", "http_requests_total", "http_errors_total", "rpc_total"}) {
      catalog_.series.push_back({{"__name__", name}, {"job", "a"}});
    }
    catalog_.series.push_back({{"__name__", "up"}, {"job", "b"}, {"zone", "eu"}});
    Register({.catalog = &catalog_,
              .metadata = &catalog_,
              .clock = &clock_,
              .enabled = true,
              .max_limit = 1'000});
  }

  void Register(const SearchBackend& backend) {
    router_ = http::Router();
    RegisterPrometheusSearch(backend, &router_);
  }

  http::Response Ask(const std::string& target, std::function<bool()> cancelled = {}) {
    http::Request request;
    request.method = "GET";
    const size_t mark = std::min(target.find('?'), target.size());
    request.path = "/api/v1/search/" + target.substr(0, mark);
    request.query = http::ParseQuery(target.substr(std::min(mark + 1, target.size())));
    request.cancelled = std::move(cancelled);
    return router_.Route(std::move(request));
  }
  std::string Lines(const std::string& target) {
    const http::Response response = Ask(target);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.Header("content-type"), "application/x-ndjson; charset=utf-8");
    std::string text;
    EXPECT_TRUE(response.stream([&](std::string_view piece) {
      text += piece;
      return true;
    }));
    return text;
  }
  void ExpectRefused(const std::string& query, std::string_view why) {
    const http::Response response = Ask("metric_names?" + query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_NE(response.body.find(R"("errorType":"bad_data")"), std::string::npos);
    EXPECT_NE(response.body.find(why), std::string::npos) << response.body;
  }

  FakeCatalog catalog_;
  VirtualClock clock_{2 * kHour};
  http::Router router_;
};

TEST_F(PrometheusSearchTest, WithoutATermAllNamesComeInTheirOrder) {
  EXPECT_EQ(Lines("metric_names"),
            R"({"results":[{"name":"http_errors_total"},{"name":"http_requests_total"},)"
            R"({"name":"rpc_total"},{"name":"up"}]})"
            "\n" +
                std::string(kEnd));
}

TEST_F(PrometheusSearchTest, NamesFitAnyTermAndTellHowWell) {
  EXPECT_EQ(Lines("metric_names?search[]=http_r&search[]=u&include_score=true&sort_by=score&"
                  "fuzz_threshold=90"),
            R"({"results":[{"name":"http_requests_total","score":1},{"name":"up","score":1}]})"
            "\n" +
                std::string(kEnd));
}

TEST_F(PrometheusSearchTest, TheBestComesFirstIfAskedFor) {
  const std::string lines = Lines("metric_names?search[]=r&sort_by=score");
  EXPECT_LT(lines.find("rpc_total"), lines.find("http_requests_total")) << lines;
  EXPECT_EQ(lines.find("\"up\""), std::string::npos);
}

TEST_F(PrometheusSearchTest, LabelsAndTheirValuesAreSearched) {
  EXPECT_EQ(Lines("label_names?search[]=o"), R"({"results":[{"name":"job"},{"name":"zone"}]})"
                                             "\n" +
                                                 std::string(kEnd));
  EXPECT_EQ(Lines("label_values?label=job&sort_by=alpha&sort_dir=dsc"),
            R"({"results":[{"value":"b"},{"value":"a"}]})"
            "\n" +
                std::string(kEnd));
  EXPECT_EQ(Ask("label_values").status, 400);
}

TEST_F(PrometheusSearchTest, SelectorsNarrowTheSearchEachOnItsOwn) {
  EXPECT_EQ(Lines("metric_names?match[]={zone=\"eu\"}&match[]=rpc_total"),
            R"({"results":[{"name":"rpc_total"},{"name":"up"}]})"
            "\n" +
                std::string(kEnd));
}

TEST_F(PrometheusSearchTest, MetadataComesAlongIfAskedFor) {
  EXPECT_EQ(Lines("metric_names?match[]={__name__=~\"up|rpc_total\"}&include_metadata=1"),
            R"({"results":[{"name":"rpc_total"},)"
            R"({"name":"up","type":"gauge","help":"Is it up?"}]})"
            "\n" +
                std::string(kEnd));
}

TEST_F(PrometheusSearchTest, ResultsComeInBatchesUpToTheLimit) {
  EXPECT_EQ(Lines("metric_names?limit=3&batch_size=2"),
            "{\"results\":[{\"name\":\"http_errors_total\"},{\"name\":\"http_requests_total\"}]}\n"
            "{\"results\":[{\"name\":\"rpc_total\"}]}\n" +
                std::string(kMore));
  EXPECT_TRUE(Lines("metric_names?limit=4").ends_with(kEnd));
}

TEST_F(PrometheusSearchTest, NothingFoundIsALineToo) {
  EXPECT_EQ(Lines("metric_names?search[]=xyz"), "{\"results\":[]}\n" + std::string(kEnd));
}

TEST_F(PrometheusSearchTest, TheLastHourIsSearchedUnlessATimeIsGiven) {
  Lines("label_names");
  Lines("metric_names?start=5&end=5");
  EXPECT_EQ(catalog_.asked,
            (std::vector<std::pair<Millis, Millis>>{{3'600'000, 7'200'000}, {5'000, 5'000}}));
}

TEST_F(PrometheusSearchTest, BadParametersAreRefusedByName) {
  ExpectRefused("start=2&end=1", "end");
  ExpectRefused("match[]={a=\"\"}", "match[]");
  ExpectRefused("fuzz_threshold=101", "fuzz_threshold");
  ExpectRefused("fuzz_alg=soundex", "fuzz_alg");
  ExpectRefused("case_sensitive=maybe", "case_sensitive");
  ExpectRefused("include_score=2", "include_score");
  ExpectRefused("include_metadata=2", "include_metadata");
  ExpectRefused("sort_by=length", "sort_by");
  ExpectRefused("sort_by=score", "search[]");
  ExpectRefused("sort_by=score&sort_dir=asc&search[]=a", "sort_dir");
  ExpectRefused("sort_dir=asc", "sort_by");
  ExpectRefused("sort_by=alpha&sort_dir=up", "sort_dir");
  ExpectRefused("limit=0", "limit");
  ExpectRefused("limit=1001", "--web.search.max-limit");
  ExpectRefused("batch_size=0", "batch_size");
}

TEST_F(PrometheusSearchTest, WhatIsTypedIsBounded) {
  std::string many = "search[]=a";
  for (int i = 0; i < 32; ++i) many += "&search[]=a";
  ExpectRefused(many, "too many");
  ExpectRefused("search[]=" + std::string(1'025, 'a'), "1025 bytes");
}

TEST_F(PrometheusSearchTest, ALimitMayBeUnbounded) {
  Register({.catalog = &catalog_,
            .metadata = &catalog_,
            .clock = &clock_,
            .enabled = true,
            .max_limit = 0});
  EXPECT_TRUE(Lines("metric_names?limit=9223372036854775807").ends_with(kEnd));
}

TEST_F(PrometheusSearchTest, ASmallerBoundIsTheDefaultToo) {
  Register({.catalog = &catalog_,
            .metadata = &catalog_,
            .clock = &clock_,
            .enabled = true,
            .max_limit = 1});
  EXPECT_TRUE(Lines("metric_names").ends_with(kMore));
}

TEST_F(PrometheusSearchTest, ASearchEndsWhenItsClientHasGone) {
  catalog_.series = {{{"__name__", std::string(100'000, 'x')}}};
  EXPECT_EQ(Ask("metric_names?search[]=x", [] { return true; }).status, 499);
}

TEST_F(PrometheusSearchTest, IsOffUnlessAskedFor) {
  Register({.catalog = &catalog_, .metadata = &catalog_, .clock = &clock_});
  const http::Response refused = Ask("label_names");
  EXPECT_EQ(refused.status, 500);
  EXPECT_NE(refused.body.find("search-api"), std::string::npos);
}

}  // namespace
}  // namespace tocsin::api
