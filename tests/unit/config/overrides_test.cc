// What tenants have of their own, from a file and from the API.

#include "cpp/config/overrides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/config/load.h"

namespace tocsin::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(OverridesTest, AFileInBothForms) {
  std::vector<std::string> warnings;
  const auto read = ParseOverridesFile("f.yaml", R"(
overrides:
  a:
    compaction: {block_retention: 48h}
    global: {max_bytes_per_trace: 5MB}
    read: {max_bytes_per_tag_values_query: 1000, max_search_duration: 0, max_metrics_duration: 3h}
    metrics_generator: {collection_interval: 30s, disable_collection: true, processors: []}
    ingestion: {rate_limit_bytes: 15000000}
  "*":
    max_bytes_per_trace: 7
    ingestion_burst_size_bytes: 5
)",
                                       &warnings);
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  const TenantOverrides& a = read->at("a");
  EXPECT_EQ(a.block_retention, 48 * kHour);
  EXPECT_EQ(a.max_bytes_per_trace, 5'000'000U);
  EXPECT_EQ(a.max_bytes_per_tag_values, 1000U);
  EXPECT_EQ(a.max_search_duration, 0);
  EXPECT_EQ(a.max_metrics_duration, 3 * kHour);
  EXPECT_EQ(a.collection_interval, 30 * kSecond);
  EXPECT_EQ(a.disable_collection, true);
  EXPECT_EQ(read->at("*").max_bytes_per_trace, 7U);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("metrics_generator.processors has no effect"),
                                    HasSubstr("overrides.a.ingestion has no effect"),
                                    HasSubstr("ingestion_burst_size_bytes has no effect")));
  EXPECT_THAT(
      std::string(
          ParseOverridesFile("f.yaml", "overrides: {a: {raed: 1}}", &warnings).error().message()),
      HasSubstr("f.yaml: line 1, column 17: unknown key \"raed\" in overrides.a"));
}

TEST(OverridesTest, JsonReadsBack) {
  TenantOverrides overrides;
  EXPECT_EQ(OverridesJson(overrides), "{}");
  overrides.max_search_duration = kHour;
  EXPECT_EQ(OverridesJson(overrides), R"({"read":{"max_search_duration":"1h"}})");
  overrides.block_retention = 0;
  overrides.max_bytes_per_trace = UINT64_MAX;
  overrides.max_bytes_per_tag_values = 1;
  overrides.max_metrics_duration = 90 * kMinute;
  overrides.collection_interval = 30 * kSecond;
  overrides.disable_collection = false;
  EXPECT_EQ(ParseUserOverrides(OverridesJson(overrides)).value(), overrides);
}

TEST(OverridesTest, TheApiTakesWhatActs) {
  for (const char* bad :
       {"", "[]", "read: {}", R"({"forwarders":[]})", R"({"max_bytes_per_trace":1})",
        R"({"read":{"max_search_duration":"x"}})", R"({"read":{"unsafe_query_hints":true}})",
        R"({"read":{"max_bytes_per_tag_values_query":0}})",
        R"({"metrics_generator":{"processors":[]}})",
        R"({"metrics_generator":{"collection_interval":"0s"}})",
        R"({"metrics_generator":{"disable_collection":1}})"}) {
    EXPECT_EQ(ParseUserOverrides(bad).error().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(OverridesTest, WhatIsSaidWins) {
  TenantOverrides base;
  base.max_search_duration = 1;
  base.block_retention = 2;
  TenantOverrides over;
  over.block_retention = 0;
  const TenantOverrides merged = Merged(base, over);
  EXPECT_EQ(merged.max_search_duration, 1);
  EXPECT_EQ(merged.block_retention, 0);
}

TEST(OverridesTest, DefaultsAreEverybodysSettings) {
  const auto loaded = Load({R"(
overrides:
  defaults:
    compaction: {block_retention: 24h}
    global: {max_bytes_per_trace: 10}
    read: {max_search_duration: 1h, max_metrics_duration: 2h}
  per_tenant_override_config: /etc/overrides.yaml
)",
                            "",
                            {}});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  const Config& config = loaded->config;
  EXPECT_EQ(config.storage.block_retention, 24 * kHour);
  EXPECT_EQ(config.queries.max_bytes_per_trace, 10U);
  EXPECT_EQ(config.overrides.defaults.max_bytes_per_trace, 10U);
  EXPECT_EQ(config.queries.max_search_duration, kHour);
  EXPECT_EQ(config.queries.max_metrics_duration, 2 * kHour);
  EXPECT_EQ(config.overrides.tenants_file, "/etc/overrides.yaml");
  EXPECT_TRUE(loaded->warnings.empty());
}

}  // namespace
}  // namespace tocsin::config
