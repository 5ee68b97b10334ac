// What is counted is exposed under its name, labels and type; a handle is made once.

#include "cpp/telemetry/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::telemetry {
namespace {

using testing::HasSubstr;

TEST(RegistryTest, ExposesTheThreeKinds) {
  Registry registry;
  registry.GetCounter("c_total", "A counter.", {{"reason", "a"}}).Add(2);
  registry.GetCounter("c_total", "A counter.", {{"reason", "b"}}).Add(1);
  registry.GetGauge("g", "A gauge.", {}).Set(-1.5);
  registry.GetHistogram("h", "A histogram.", {1, 2}, {}).Observe(1.5);
  const std::string text = registry.Expose();
  EXPECT_THAT(text, HasSubstr("# TYPE c_total counter\n"));
  EXPECT_THAT(text, HasSubstr("c_total{reason=\"a\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("c_total{reason=\"b\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("g -1.5\n"));
  EXPECT_THAT(text, HasSubstr("h_bucket{le=\"2\"} 1\n"));
}

TEST(RegistryTest, TheSameNameAndLabelsAreOneHandle) {
  Registry registry;
  Counter& first = registry.GetCounter("c_total", "A counter.", {});
  EXPECT_EQ(&first, &registry.GetCounter("c_total", "A counter.", {}));
}

TEST(RegistryTest, TheOrderOfLabelsDoesNotMatter) {
  Registry registry;
  Gauge& first = registry.GetGauge("g", "A gauge.", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(&first, &registry.GetGauge("g", "A gauge.", {{"b", "2"}, {"a", "1"}}));
}

TEST(RegistryTest, ABucketKeepsItsLastTrace) {
  Registry registry;
  ExemplarHistogram& histogram = registry.GetHistogram("h", "A histogram.", {1, 2}, {});
  histogram.Observe(0.5, "aa");
  histogram.Observe(1, "bb");
  histogram.Observe(1.5, "");
  histogram.Observe(9, "cc");
  const std::string text = registry.Expose(Format::kOpenMetrics);
  EXPECT_THAT(text, HasSubstr("h_bucket{le=\"1.0\"} 2 # {trace_id=\"bb\"} 1.0 "));
  EXPECT_THAT(text, HasSubstr("h_bucket{le=\"2.0\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("h_bucket{le=\"+Inf\"} 4 # {trace_id=\"cc\"} 9.0 "));
  EXPECT_THAT(registry.Expose(), testing::Not(HasSubstr("trace_id")));
}

TEST(RegistryTest, ASummaryTellsQuantiles) {
  Registry registry;
  Summary& summary = registry.GetSummary("s_seconds", "A summary.", {0.5, 0.9}, {{"a", "x"}});
  EXPECT_THAT(registry.Expose(), HasSubstr("s_seconds{a=\"x\",quantile=\"0.5\"} NaN\n"));
  for (int i = 1; i <= 100; ++i) summary.Observe(i);
  for (const Family& family : registry.Collect()) {
    if (family.name != "s_seconds") continue;
    EXPECT_EQ(family.kind, MetricKind::kSummary);
    ASSERT_EQ(family.metrics.size(), 1U);
    const Metric& metric = family.metrics[0];
    EXPECT_EQ(metric.count, 100U);
    EXPECT_EQ(metric.value, 5050);
    ASSERT_EQ(metric.quantiles.size(), 2U);
    EXPECT_NEAR(metric.quantiles[0].value, 50, 5);
    EXPECT_NEAR(metric.quantiles[1].value, 90, 2);
  }
  const std::string text = registry.Expose(Format::kOpenMetrics);
  EXPECT_THAT(text, HasSubstr("# TYPE s_seconds summary\n# UNIT s_seconds seconds\n"));
  EXPECT_THAT(text, HasSubstr("s_seconds_sum{a=\"x\"} 5050.0\ns_seconds_count{a=\"x\"} 100\n"));
  EXPECT_THAT(text, HasSubstr("s_seconds_created{a=\"x\"} "));
}

TEST(RegistryTest, TheProcessIsExposed) {
  Registry registry;
  EXPECT_THAT(registry.Expose(), HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(registry.Expose(), HasSubstr("process_cpu_seconds_total "));
}

}  // namespace
}  // namespace tocsin::telemetry
