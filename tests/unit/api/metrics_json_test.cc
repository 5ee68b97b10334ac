// TraceQL metrics as Tempo writes them.

#include "cpp/api/metrics_json.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "cpp/api/metrics_proto.h"

namespace tocsin::api {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

traceql::MetricsLabel Label(std::string name, ValueType type) {
  traceql::MetricsLabel label{std::move(name), {}};
  label.value.type = type;
  return label;
}

traceql::MetricsResult Example() {
  traceql::MetricsResult result;
  result.timestamps_ms = {1'715'000'000'000, 1'715'000'030'000, 1'715'000'060'000};
  traceql::MetricsSeries series;
  series.labels = {Label("resource.service.name", ValueType::kString),
                   Label("span.code", ValueType::kInt), Label("p", ValueType::kDouble),
                   Label("ok", ValueType::kBool)};
  series.labels[0].value.text = "front";
  series.labels[2].value.number = 0.9;
  series.values = {12.5, kNone, 0};
  traceql::MetricsExemplar exemplar;
  exemplar.labels = {Label("trace:id", ValueType::kString)};
  exemplar.labels[0].value.text = "2f3e";
  exemplar.value = 0.412;
  exemplar.timestamp_ms = 1'715'000'012'345;
  series.exemplars = {exemplar};
  result.series = {series};
  result.stats.inspected_bytes = 1024;
  result.stats.total_blocks = 2;
  return result;
}

TEST(MetricsJsonTest, RangesAreSamplesWithTimesAsText) {
  EXPECT_EQ(
      QueryRangeJson(Example()),
      R"({"series":[{"labels":[{"key":"resource.service.name","value":{"stringValue":"front"}},)"
      R"({"key":"span.code","value":{"intValue":"0"}},{"key":"p","value":{"doubleValue":0.9}},)"
      R"({"key":"ok","value":{"boolValue":false}}],)"
      R"("samples":[{"timestampMs":"1715000000000","value":12.5},{"timestampMs":"1715000060000"}],)"
      R"("exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"2f3e"}}],)"
      R"("value":0.412,"timestampMs":"1715000012345"}]}],)"
      R"("metrics":{"inspectedBytes":"1024","totalBlocks":2,"completedJobs":2,"totalJobs":2}})");
}

TEST(MetricsJsonTest, InstantsHaveAValueAndNoMore) {
  traceql::MetricsResult result = Example();
  result.stats = {};
  result.timestamps_ms = {5};
  result.series[0].labels.resize(1);
  result.series[0].values = {42};
  result.series[0].exemplars.clear();
  EXPECT_EQ(
      QueryInstantJson(result),
      R"({"series":[{"labels":[{"key":"resource.service.name","value":{"stringValue":"front"}}],)"
      R"("value":42}],"metrics":{}})");
}

TEST(MetricsJsonTest, NothingIsAnEmptyList) {
  EXPECT_EQ(QueryRangeJson({}), R"({"series":[],"metrics":{}})");
  EXPECT_EQ(QueryInstantJson({}), R"({"series":[],"metrics":{}})");
}

TEST(MetricsJsonTest, WhatIsLeftOutIsTold) {
  traceql::MetricsResult result;
  result.partial = "too many";
  EXPECT_EQ(QueryRangeJson(result),
            R"({"series":[],"metrics":{},"status":"PARTIAL","message":"too many"})");
}

TEST(MetricsJsonTest, NumbersWithoutDigitsAreText) {
  traceql::MetricsResult result = Example();
  result.timestamps_ms = {5};
  result.series[0].labels.clear();
  result.series[0].exemplars.clear();
  result.series[0].values = {std::numeric_limits<double>::infinity()};
  result.stats = {};
  EXPECT_EQ(QueryRangeJson(result),
            R"({"series":[{"samples":[{"timestampMs":"5","value":"Infinity"}]}],"metrics":{}})");
}

std::string Hex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

TEST(MetricsProtoTest, FieldsAreThoseOfTempo) {
  traceql::MetricsResult result;
  result.timestamps_ms = {1, 2};
  traceql::MetricsSeries series;
  series.labels = {Label("a", ValueType::kInt)};
  series.values = {1, 0};
  result.series = {series};
  result.stats.inspected_spans = 3;
  result.partial = "x";
  // series{labels{key,value{int 0}} samples{1.0, 1} samples{timestamp 2}} metrics{spans} status
  // message.
  EXPECT_EQ(Hex(EncodeQueryRangeResponse(result)),
            "0a1a"
            "0a070a0161"
            "12021800"
            "120b09000000000000f03f1001"
            "12021002"
            "12023803"
            "1801"
            "220178");
  series.values = {1};
  result.series = {series};
  EXPECT_EQ(Hex(EncodeQueryInstantResponse(result)),
            "0a12"
            "0a070a0161"
            "12021800"
            "11000000000000f03f"
            "12023803"
            "1801"
            "220178");
}

}  // namespace
}  // namespace tocsin::api
