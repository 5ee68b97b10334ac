// Two formats of the same values, byte for byte.

#include "cpp/telemetry/exposition.h"

#include <limits>

#include <gtest/gtest.h>

namespace tocsin::telemetry {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

Family Counter(std::string name) {
  Family family{.name = std::move(name), .help = "What.", .kind = MetricKind::kCounter};
  family.metrics.push_back({.labels = {{"a", "x"}}, .value = 2, .buckets = {}, .created = 1.5});
  return family;
}

Family Durations() {
  Family family{.name = "d_seconds", .help = "Durations.", .kind = MetricKind::kHistogram};
  Metric& metric = family.metrics.emplace_back();
  metric.value = 3.25;
  metric.created = 1700000000.25;
  metric.buckets = {{.upper_bound = 1, .cumulative_count = 1, .exemplar = {}},
                    {.upper_bound = kInf,
                     .cumulative_count = 2,
                     .exemplar = Exemplar{.trace_id = "0af7", .value = 2.25, .time = 1700000001}}};
  return family;
}

TEST(ExpositionTest, Text) {
  EXPECT_EQ(Expose({Counter("c_total"), Durations()}, Format::kText),
            "# HELP c_total What.\n"
            "# TYPE c_total counter\n"
            "c_total{a=\"x\"} 2\n"
            "# HELP d_seconds Durations.\n"
            "# TYPE d_seconds histogram\n"
            "d_seconds_bucket{le=\"1\"} 1\n"
            "d_seconds_bucket{le=\"+Inf\"} 2\n"
            "d_seconds_sum 3.25\n"
            "d_seconds_count 2\n");
}

TEST(ExpositionTest, OpenMetrics) {
  EXPECT_EQ(Expose({Counter("c_total"), Durations()}, Format::kOpenMetrics),
            "# HELP c What.\n"
            "# TYPE c counter\n"
            "c_total{a=\"x\"} 2.0\n"
            "c_created{a=\"x\"} 1.500\n"
            "# HELP d_seconds Durations.\n"
            "# TYPE d_seconds histogram\n"
            "# UNIT d_seconds seconds\n"
            "d_seconds_bucket{le=\"1.0\"} 1\n"
            "d_seconds_bucket{le=\"+Inf\"} 2 # {trace_id=\"0af7\"} 2.25 1700000001.000\n"
            "d_seconds_sum 3.25\n"
            "d_seconds_count 2\n"
            "d_seconds_created 1700000000.250\n"
            "# EOF\n");
}

TEST(ExpositionTest, ACounterWithoutTheSuffixIsOfNoType) {
  EXPECT_EQ(Expose({Counter("c")}, Format::kText),
            "# HELP c What.\n# TYPE c untyped\nc{a=\"x\"} 2\n");
  EXPECT_EQ(Expose({Counter("c")}, Format::kOpenMetrics),
            "# HELP c What.\n# TYPE c unknown\nc{a=\"x\"} 2.0\n# EOF\n");
}

TEST(ExpositionTest, TheUnitOfACounterStandsBeforeItsSuffix) {
  Family family{.name = "cpu_seconds_total", .help = "", .kind = MetricKind::kCounter};
  EXPECT_EQ(Expose({family}, Format::kOpenMetrics),
            "# HELP cpu_seconds \n# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\n# EOF\n");
}

TEST(ExpositionTest, TextIsEscaped) {
  Family family{.name = "g", .help = "a \"b\"\\\n", .kind = MetricKind::kGauge};
  family.metrics.push_back({.labels = {{"l", "a \"b\"\\\n"}}, .value = -kInf, .buckets = {}});
  EXPECT_EQ(Expose({family}, Format::kText),
            "# HELP g a \"b\"\\\\\\n\n# TYPE g gauge\ng{l=\"a \\\"b\\\"\\\\\\n\"} -Inf\n");
  EXPECT_EQ(
      Expose({family}, Format::kOpenMetrics),
      "# HELP g a \\\"b\\\"\\\\\\n\n# TYPE g gauge\ng{l=\"a \\\"b\\\"\\\\\\n\"} -Inf\n# EOF\n");
}

}  // namespace
}  // namespace tocsin::telemetry
