#include "cpp/wire/otlp_json_metrics.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "cpp/wire/proto/otlp_metrics.pb.h"

namespace tocsin::wire {
namespace {

namespace metrics = opentelemetry::proto::metrics::v1;

// All kinds of points and all fields that are read of them.
constexpr std::string_view kJson = R"({"resourceMetrics": [{
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
  "scopeMetrics": [{"scope": {"name": "lib", "version": "1"}, "metrics": [
    {"name": "g", "description": "d", "unit": "By", "gauge": {"dataPoints": [
      {"timeUnixNano": "7", "asInt": "-3", "attributes": [{"key": "a", "value": {"boolValue": true}}]},
      {"timeUnixNano": 8, "asDouble": 0, "flags": 1},
      {"time_unix_nano": 9, "as_double": "NaN"}]}},
    {"name": "s", "sum": {"aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
      "isMonotonic": true, "dataPoints": [{"startTimeUnixNano": "1", "asInt": 0, "exemplars": [
        {"asDouble": 0.5, "timeUnixNano": "2", "traceId": "0102030405060708090a0b0c0d0e0f10",
         "spanId": "1112131415161718",
         "filteredAttributes": [{"key": "k", "value": {"intValue": "5"}}]}]}]}},
    {"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [
      {"count": "3", "sum": 0, "bucketCounts": ["1", 2], "explicitBounds": [0.5]}]}},
    {"name": "e", "exponentialHistogram": {"dataPoints": [
      {"count": 4, "scale": -2, "zeroCount": "1", "zeroThreshold": 0.25,
       "positive": {"offset": -1, "bucketCounts": ["1", "300"]}, "negative": {"offset": 5}}]}},
    {"name": "q", "summary": {"dataPoints": [
      {"count": 1, "sum": 2, "quantileValues": [{"quantile": 0.5, "value": 3}]}]}}
  ]}]}]})";

void SetAttribute(const std::string& key, opentelemetry::proto::common::v1::KeyValue* attribute) {
  attribute->set_key(key);
}

void AddNumbers(metrics::ScopeMetrics* scope) {
  metrics::Metric* gauge = scope->add_metrics();
  gauge->set_name("g");
  gauge->set_description("d");
  gauge->set_unit("By");
  auto* first = gauge->mutable_gauge()->add_data_points();
  first->set_time_unix_nano(7);
  first->set_as_int(-3);
  SetAttribute("a", first->add_attributes());
  first->mutable_attributes(0)->mutable_value()->set_bool_value(true);
  auto* second = gauge->mutable_gauge()->add_data_points();
  second->set_time_unix_nano(8);
  second->set_as_double(0);
  second->set_flags(1);
  auto* third = gauge->mutable_gauge()->add_data_points();
  third->set_time_unix_nano(9);
  third->set_as_double(std::numeric_limits<double>::quiet_NaN());

  metrics::Metric* sum = scope->add_metrics();
  sum->set_name("s");
  sum->mutable_sum()->set_aggregation_temporality(metrics::AGGREGATION_TEMPORALITY_CUMULATIVE);
  sum->mutable_sum()->set_is_monotonic(true);
  auto* point = sum->mutable_sum()->add_data_points();
  point->set_start_time_unix_nano(1);
  point->set_as_int(0);
  auto* exemplar = point->add_exemplars();
  exemplar->set_as_double(0.5);
  exemplar->set_time_unix_nano(2);
  exemplar->set_trace_id("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10");
  exemplar->set_span_id("\x11\x12\x13\x14\x15\x16\x17\x18");
  SetAttribute("k", exemplar->add_filtered_attributes());
  exemplar->mutable_filtered_attributes(0)->mutable_value()->set_int_value(5);
}

void AddDistributions(metrics::ScopeMetrics* scope) {
  metrics::Metric* histogram = scope->add_metrics();
  histogram->set_name("h");
  histogram->mutable_histogram()->set_aggregation_temporality(
      metrics::AGGREGATION_TEMPORALITY_CUMULATIVE);
  auto* classic = histogram->mutable_histogram()->add_data_points();
  classic->set_count(3);
  classic->set_sum(0);
  classic->add_bucket_counts(1);
  classic->add_bucket_counts(2);
  classic->add_explicit_bounds(0.5);

  metrics::Metric* exponential = scope->add_metrics();
  exponential->set_name("e");
  auto* native = exponential->mutable_exponential_histogram()->add_data_points();
  native->set_count(4);
  native->set_scale(-2);
  native->set_zero_count(1);
  native->set_zero_threshold(0.25);
  native->mutable_positive()->set_offset(-1);
  native->mutable_positive()->add_bucket_counts(1);
  native->mutable_positive()->add_bucket_counts(300);
  native->mutable_negative()->set_offset(5);

  metrics::Metric* summary = scope->add_metrics();
  summary->set_name("q");
  auto* quantiles = summary->mutable_summary()->add_data_points();
  quantiles->set_count(1);
  quantiles->set_sum(2);
  auto* quantile = quantiles->add_quantile_values();
  quantile->set_quantile(0.5);
  quantile->set_value(3);
}

TEST(OtlpJsonMetricsTest, AllKindsBecomeTheirMessages) {
  metrics::ExportMetricsServiceRequest expected;
  metrics::ResourceMetrics* resource = expected.add_resource_metrics();
  auto* attribute = resource->mutable_resource()->add_attributes();
  SetAttribute("service.name", attribute);
  attribute->mutable_value()->set_string_value("shop");
  metrics::ScopeMetrics* scope = resource->add_scope_metrics();
  scope->mutable_scope()->set_name("lib");
  scope->mutable_scope()->set_version("1");
  AddNumbers(scope);
  AddDistributions(scope);

  const Result<std::string> proto = OtlpMetricsJsonToProto(kJson);
  ASSERT_TRUE(proto.has_value()) << proto.error().ToString();
  metrics::ExportMetricsServiceRequest got;
  ASSERT_TRUE(got.ParseFromString(*proto));
  EXPECT_EQ(got.DebugString(), expected.DebugString());
}

TEST(OtlpJsonMetricsTest, MistakesHaveTheirPlace) {
  const auto error = [](std::string_view point) {
    const std::string json =
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"histogram\":{\"dataPoints\":["
        "\n" +
        std::string(point) + "]}}]}]}]}";
    return OtlpMetricsJsonToProto(json).error().ToString();
  };
  EXPECT_NE(error(R"({"bucketCounts": [1, -2]})").find("line 2"), std::string::npos);
  EXPECT_NE(error(R"({"explicitBounds": ["x"]})").find("double"), std::string::npos);
  EXPECT_NE(error(R"({"exemplars": [{"traceId": "12"}]})").find("32 hexadecimal"),
            std::string::npos);
}

}  // namespace
}  // namespace tocsin::wire
