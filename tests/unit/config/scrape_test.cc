// scrape_configs: what is read, what is refused, and what is written back.

#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/config/effective.h"
#include "cpp/config/load.h"

namespace tocsin::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::string_view kFull = R"(
global:
  sample_limit: 7
  label_limit: 5
  scrape_native_histograms: true
scrape_configs:
- job_name: probe
  scheme: https
  metrics_path: probe
  params: {module: [http, icmp]}
  honor_labels: true
  honor_timestamps: false
  track_timestamps_staleness: true
  enable_compression: false
  scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0]
  fallback_scrape_protocol: PrometheusText1.0.0
  always_scrape_classic_histograms: true
  convert_classic_histograms_to_nhcb: true
  extra_scrape_metrics: true
  sample_limit: 100
  body_size_limit: 10MB
  target_limit: 3
  native_histogram_bucket_limit: 160
  native_histogram_min_bucket_factor: 1.1
  basic_auth: {username: me, password: secret}
  static_configs:
  - targets: [example.org]
  file_sd_configs:
  - files: [targets/*.json, /abs/x.yml]
    refresh_interval: 10s
  relabel_configs:
  - source_labels: [__address__]
    target_label: __param_target
  metric_relabel_configs:
  - {source_labels: [__name__], regex: go_.*, action: DROP}
)";

void ExpectFull(const Scrape& scrape) {
  EXPECT_EQ(scrape.scheme, "https");
  EXPECT_EQ(scrape.metrics_path, "/probe");
  EXPECT_THAT(scrape.params, ElementsAre(Pair("module", ElementsAre("http", "icmp"))));
  EXPECT_TRUE(scrape.honor_labels);
  EXPECT_FALSE(scrape.honor_timestamps);
  EXPECT_TRUE(scrape.track_timestamps_staleness);
  EXPECT_FALSE(scrape.enable_compression);
  EXPECT_THAT(scrape.common.scrape_protocols,
              ElementsAre("PrometheusText0.0.4", "OpenMetricsText1.0.0"));
  EXPECT_EQ(scrape.fallback_scrape_protocol, "PrometheusText1.0.0");
  EXPECT_TRUE(scrape.common.scrape_native_histograms);
  EXPECT_TRUE(scrape.common.always_scrape_classic_histograms);
  EXPECT_TRUE(scrape.common.convert_classic_histograms_to_nhcb);
  EXPECT_TRUE(scrape.common.extra_scrape_metrics);
  EXPECT_EQ(scrape.common.sample_limit, 100U);
  EXPECT_EQ(scrape.common.label_limit, 5U);
  EXPECT_EQ(scrape.common.body_size_limit, 10U << 20);
  EXPECT_EQ(scrape.common.target_limit, 3U);
  EXPECT_EQ(scrape.native_histogram_bucket_limit, 160U);
  EXPECT_EQ(scrape.native_histogram_min_bucket_factor, 1.1);
  ASSERT_EQ(scrape.file_sd_configs.size(), 1U);
  EXPECT_EQ(scrape.file_sd_configs[0].refresh_interval, 10 * kSecond);
  ASSERT_EQ(scrape.relabel_configs.rules().size(), 1U);
  ASSERT_EQ(scrape.metric_relabel_configs.rules().size(), 1U);
  EXPECT_EQ(scrape.metric_relabel_configs.rules()[0].action, relabel::Action::kDrop);
}

TEST(ScrapeConfig, ReadsEveryKeyAndWritesItBack) {
  const Result<Loaded> loaded = Load({std::string(kFull), "etc/tocsin.yaml", {}});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  ASSERT_EQ(loaded->config.scrape_configs.size(), 1U);
  const Scrape& scrape = loaded->config.scrape_configs[0];
  ExpectFull(scrape);
  EXPECT_THAT(scrape.file_sd_configs[0].patterns, ElementsAre("etc/targets/*.json", "/abs/x.yml"));
  ASSERT_TRUE(scrape.client.basic_auth.has_value());
  EXPECT_EQ(scrape.client.basic_auth->password.value, "secret");

  const Result<Loaded> again = Load({loaded->effective, "", {}});
  ASSERT_TRUE(again.has_value()) << again.error().ToString() << "\n" << loaded->effective;
  ExpectFull(again->config.scrape_configs[0]);
  const std::string shown = EffectiveScrape(scrape);
  EXPECT_THAT(shown, HasSubstr("job_name: \"probe\""));
  EXPECT_THAT(shown, testing::Not(HasSubstr("\"secret\"")));
}

std::string ErrorOf(const std::string& lines) {
  const Result<Loaded> loaded =
      Load({"scrape_configs:\n- job_name: a\n" + lines, "etc/tocsin.yaml", {}});
  return loaded.has_value() ? "no error" : std::string(loaded.error().message());
}

TEST(ScrapeConfig, RefusesWhatCanNotBe) {
  EXPECT_THAT(ErrorOf("  scrape_protocols: [Text]\n"), HasSubstr("is no scrape protocol"));
  EXPECT_THAT(ErrorOf("  scrape_protocols: [PrometheusProto, PrometheusProto]\n"),
              HasSubstr("PrometheusProto twice"));
  EXPECT_THAT(ErrorOf("  scrape_protocols: []\n"), HasSubstr("must not be empty"));
  EXPECT_THAT(ErrorOf("  static_configs:\n  - targets: [\"http://a:1\"]\n"),
              HasSubstr("no example.org:9090"));
  EXPECT_THAT(ErrorOf("  file_sd_configs:\n  - files: [\"a*/b.yml\"]\n"),
              HasSubstr("no path such as targets/*.json"));
  EXPECT_THAT(ErrorOf("  file_sd_configs:\n  - files: [a.txt]\n"), HasSubstr("targets/*.json"));
  EXPECT_THAT(ErrorOf("  file_sd_configs:\n  - refresh_interval: 1s\n"), HasSubstr("is missing"));
  EXPECT_THAT(ErrorOf("  relabel_configs:\n  - action: hashmod\n    target_label: a\n"),
              HasSubstr("line 4, column 5: relabel configuration for hashmod requires "
                        "non-zero modulus"));
  EXPECT_THAT(ErrorOf("  metric_relabel_configs:\n  - action: nothing\n"),
              HasSubstr("unknown relabel action \"nothing\""));
  EXPECT_THAT(ErrorOf("  consul_sd_configs: []\n"), HasSubstr("not supported"));
}

}  // namespace
}  // namespace tocsin::config
