#include "cpp/telemetry/family_json.h"

#include <cmath>

#include <gtest/gtest.h>

namespace tocsin::telemetry {
namespace {

std::string Json(const Family& family) {
  return FamiliesAsJson({family}, [](std::string_view) { return true; });
}

TEST(FamilyJsonTest, ACounterIsTheMessageOfPrometheus) {
  const Family family{.name = "requests_total",
                      .help = "Requests.",
                      .kind = MetricKind::kCounter,
                      .metrics = {{.labels = {{"code", "200"}}, .value = 3, .created = 1.5}}};
  EXPECT_EQ(Json(family),
            R"([{"name":"requests_total","help":"Requests.","type":"COUNTER","metric":[)"
            R"({"label":[{"name":"code","value":"200"}],)"
            R"("counter":{"value":3,"createdTimestamp":"1970-01-01T00:00:01.5Z"}}]}])");
}

TEST(FamilyJsonTest, WhatIsNoNumberIsAWord) {
  const Family family{.name = "g", .help = "", .metrics = {{.value = NAN}, {.value = -INFINITY}}};
  EXPECT_EQ(Json(family),
            R"([{"name":"g","help":"","type":"GAUGE","metric":[{"gauge":{"value":"NaN"}},)"
            R"({"gauge":{"value":"-Infinity"}}]}])");
}

TEST(FamilyJsonTest, AHistogramHasItsBucketsAndExemplars) {
  Metric metric;
  metric.value = 4.5;
  metric.buckets = {{.upper_bound = 1, .cumulative_count = 2},
                    {.cumulative_count = 3, .exemplar = Exemplar{"ab", 4, 2}}};
  const Family family{
      .name = "h", .help = "x", .kind = MetricKind::kHistogram, .metrics = {metric}};
  EXPECT_EQ(
      Json(family),
      R"([{"name":"h","help":"x","type":"HISTOGRAM","metric":[{"histogram":{)"
      R"("sampleCount":"3","sampleSum":4.5,"bucket":[{"cumulativeCount":"2","upperBound":1},)"
      R"({"cumulativeCount":"3","upperBound":"Infinity","exemplar":{"label":[)"
      R"({"name":"trace_id","value":"ab"}],"value":4,"timestamp":"1970-01-01T00:00:02Z"}}]}}]}])");
}

TEST(FamilyJsonTest, OnlyWhatIsWantedIsWritten) {
  const std::vector<Family> families = {{.name = "a", .help = ""}, {.name = "b", .help = ""}};
  EXPECT_EQ(FamiliesAsJson(families, [](std::string_view name) { return name == "b"; }),
            R"([{"name":"b","help":"","type":"GAUGE","metric":[]}])");
}

}  // namespace
}  // namespace tocsin::telemetry
