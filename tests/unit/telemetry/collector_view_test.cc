// What we count, under the names that a Collector would use.

#include "cpp/telemetry/collector_view.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/telemetry/registry.h"

namespace tocsin::telemetry {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;

std::vector<std::string> Names(const std::vector<Family>& families) {
  std::vector<std::string> names;
  for (const Family& family : families) names.push_back(family.name);
  return names;
}

const Family& Named(const std::vector<Family>& families, std::string_view name) {
  return *std::ranges::find(families, name, &Family::name);
}

class CollectorViewTest : public testing::Test {
 protected:
  CollectorViewTest() {
    registry_.GetCounter("tempo_receiver_accepted_spans", "", {{"receiver", "otlp"}}).Add(7);
    registry_
        .GetCounter("prometheus_remote_storage_samples_total", "",
                    {{"remote_name", "far"}, {"url", "http://far/"}})
        .Add(3);
    registry_.GetCounter("tocsin_other_total", "", {}).Add(1);
  }

  Registry registry_;
};

TEST_F(CollectorViewTest, NamesHaveTheirSuffixes) {
  const std::vector<Family> view = CollectorView(registry_.Collect(), {});
  EXPECT_THAT(Names(view),
              IsSupersetOf({"otelcol_receiver_accepted_spans_total",
                            "otelcol_exporter_sent_metric_points_total",
                            "otelcol_process_cpu_seconds_total", "otelcol_process_memory_rss_bytes",
                            "otelcol_process_uptime_seconds_total", "target_info"}));
  EXPECT_THAT(Names(view), Not(Contains("tocsin_other_total")));
  EXPECT_TRUE(std::ranges::is_sorted(Names(view)));
  EXPECT_EQ(Named(view, "otelcol_receiver_accepted_spans_total").metrics[0].value, 7);
}

TEST_F(CollectorViewTest, SuffixesCanBeLeftOut) {
  const std::vector<Family> view =
      CollectorView(registry_.Collect(), {.type_suffix = false, .units = false, .resource = {}});
  EXPECT_THAT(Names(view),
              IsSupersetOf({"otelcol_receiver_accepted_spans",
                            "otelcol_exporter_sent_metric_points", "otelcol_process_cpu_seconds",
                            "otelcol_process_memory_rss", "otelcol_process_uptime"}));
}

TEST_F(CollectorViewTest, AnExporterIsNamedAndTheResourceIsOnEverything) {
  const std::vector<Family> view =
      CollectorView(registry_.Collect(), {.resource = {{"service_name", "tocsin"}}});
  EXPECT_THAT(
      Named(view, "otelcol_exporter_sent_metric_points_total").metrics[0].labels,
      ElementsAre(Pair("exporter", "prometheusremotewrite/far"), Pair("service_name", "tocsin")));
  EXPECT_THAT(Named(view, "target_info").metrics[0].labels,
              ElementsAre(Pair("service_name", "tocsin")));
}

TEST(InstanceIdTest, IsARandomUuid) {
  const std::string id = NewInstanceId();
  EXPECT_THAT(id, testing::MatchesRegex(
                      "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(id, NewInstanceId());
}

}  // namespace
}  // namespace tocsin::telemetry
