#include "cpp/wire/otlp_metrics.h"

#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/base/format.h"
#include "cpp/wire/otlp_metric_names.h"
#include "cpp/wire/proto/otlp_metrics.pb.h"

namespace tocsin::wire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace pb = opentelemetry::proto::metrics::v1;

constexpr uint64_t kSecondNanos = 1'000'000'000;

class OtlpMetricsTest : public testing::Test {
 protected:
  OtlpMetricsTest() : resource_(request_.add_resource_metrics()) {}

  pb::Metric* AddMetric(std::string name, std::string unit = "") {
    if (resource_->scope_metrics().empty()) resource_->add_scope_metrics();
    pb::Metric* metric = resource_->mutable_scope_metrics(0)->add_metrics();
    metric->set_name(std::move(name));
    metric->set_unit(std::move(unit));
    return metric;
  }
  pb::NumberDataPoint* AddGauge(std::string name, double value) {
    auto* point = AddMetric(std::move(name))->mutable_gauge()->add_data_points();
    point->set_time_unix_nano(10 * kSecondNanos);
    point->set_as_double(value);
    return point;
  }
  template <class Message>
  static void SetText(Message* message, const std::string& key, const std::string& value) {
    auto* attribute = message->add_attributes();
    attribute->set_key(key);
    attribute->mutable_value()->set_string_value(value);
  }
  OtlpMetrics Decode() const {
    Result<OtlpMetrics> metrics = DecodeOtlpMetrics(request_.SerializeAsString(), {});
    TOCSIN_CHECK(metrics.has_value());
    return *std::move(metrics);
  }
  // `name{...} value @t`, with the start and the exemplars where there are such.
  static std::vector<std::string> Lines(const OtlpMetrics& metrics) {
    std::vector<std::string> lines;
    for (const OtlpSample& sample : metrics.samples) {
      std::string line = sample.labels.ToString() + " ";
      if (sample.histogram != nullptr) {
        line += FormatHistogram(*sample.histogram);
      } else {
        line += IsStaleNan(sample.value) ? "stale" : FormatGoFloat(sample.value);
      }
      line += " @" + std::to_string(sample.t);
      if (sample.start != 0) line += " since " + std::to_string(sample.start);
      for (const Exemplar& exemplar : sample.exemplars) {
        line += " # " + exemplar.labels.ToString() + " " + FormatGoFloat(exemplar.value);
      }
      lines.push_back(std::move(line));
    }
    return lines;
  }

  pb::ExportMetricsServiceRequest request_;
  pb::ResourceMetrics* resource_;
};

// ---- Names: as Prometheus makes them.

TEST(OtlpNamesTest, MetricNamesHaveUnitsAndSuffixes) {
  using enum OtlpMetricKind;
  EXPECT_EQ(PrometheusMetricName("http.server.duration", "s", kHistogram),
            "http_server_duration_seconds");
  EXPECT_EQ(PrometheusMetricName("requests", "1", kMonotonicSum), "requests_total");
  EXPECT_EQ(PrometheusMetricName("total.requests", "", kMonotonicSum), "requests_total");
  EXPECT_EQ(PrometheusMetricName("cpu.use", "1", kGauge), "cpu_use_ratio");
  EXPECT_EQ(PrometheusMetricName("cpu.use", "%", kGauge), "cpu_use_percent");
  EXPECT_EQ(PrometheusMetricName("io", "By/s", kGauge), "io_bytes_per_second");
  EXPECT_EQ(PrometheusMetricName("queue", "{request}/min", kGauge), "queue_per_min");
  EXPECT_EQ(PrometheusMetricName("queue", "{request}", kGauge), "queue");
  EXPECT_EQ(PrometheusMetricName("disk_bytes", "By", kGauge), "disk_bytes");
  EXPECT_EQ(PrometheusMetricName("weird", "foo-bar ", kGauge), "weird_foo_bar");
  EXPECT_EQ(PrometheusMetricName("a__b..c", "", kGauge), "a_b_c");
  EXPECT_EQ(PrometheusMetricName("5xx", "", kSum), "_5xx");
  EXPECT_EQ(PrometheusMetricName("job:rate", "", kGauge), "job:rate");
  EXPECT_EQ(PrometheusMetricName("...", "", kGauge), "");
  EXPECT_EQ(PrometheusMetricName("", "", kGauge), "");
}

TEST(OtlpNamesTest, LabelNames) {
  EXPECT_EQ(PrometheusLabelName("service.name"), "service_name");
  EXPECT_EQ(PrometheusLabelName("a..b"), "a__b");
  EXPECT_EQ(PrometheusLabelName("2xx"), "key_2xx");
  EXPECT_EQ(PrometheusLabelName("_a"), "key_a");
  EXPECT_EQ(PrometheusLabelName("__a"), "__a");
  EXPECT_EQ(PrometheusLabelName("gr\xc3\xb6\xc3\x9f"
                                "e"),
            "gr__e");
  EXPECT_EQ(PrometheusLabelName("..."), "");
  EXPECT_EQ(PrometheusLabelName(""), "");
}

TEST(OtlpNamesTest, Units) {
  EXPECT_EQ(PrometheusUnit("By/s"), "bytes_per_second");
  EXPECT_EQ(PrometheusUnit("1"), "");
  EXPECT_EQ(PrometheusUnit("{request}"), "");
}

// ---- Kinds

TEST_F(OtlpMetricsTest, GaugesAndSums) {
  AddGauge("temperature", 21.5);
  auto* sum = AddMetric("calls")->mutable_sum();
  sum->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  sum->set_is_monotonic(true);
  auto* point = sum->add_data_points();
  point->set_start_time_unix_nano(4 * kSecondNanos);
  point->set_time_unix_nano(10 * kSecondNanos);
  point->set_as_int(-7);
  SetText(point, "http.method", "GET");
  sum = AddMetric("open", "{connection}")->mutable_sum();
  sum->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  point = sum->add_data_points();
  point->set_time_unix_nano(11 * kSecondNanos);
  point->set_flags(1);
  const OtlpMetrics metrics = Decode();
  EXPECT_THAT(Lines(metrics), ElementsAre("temperature 21.5 @10000",
                                          R"(calls_total{http_method="GET"} -7 @10000 since 4000)",
                                          "open stale @11000"));
  ASSERT_EQ(metrics.metadata.size(), 3U);
  EXPECT_EQ(metrics.metadata[1].family, "calls_total");
  EXPECT_EQ(metrics.metadata[1].type, MetricType::kCounter);
  EXPECT_EQ(metrics.metadata[2].type, MetricType::kGauge);
}

TEST_F(OtlpMetricsTest, HistogramsAreClassic) {
  auto* metric = AddMetric("latency", "s");
  metric->set_description("How long.");
  auto* histogram = metric->mutable_histogram();
  histogram->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  auto* point = histogram->add_data_points();
  point->set_time_unix_nano(10 * kSecondNanos);
  point->set_count(6);
  point->set_sum(3.25);
  for (const uint64_t count : {1U, 2U, 3U}) point->add_bucket_counts(count);
  for (const double bound : {0.5, 10.0}) point->add_explicit_bounds(bound);
  auto* exemplar = point->add_exemplars();
  exemplar->set_as_double(7);
  exemplar->set_trace_id("\x01\xab");
  exemplar = point->add_exemplars();
  exemplar->set_as_int(11);
  const OtlpMetrics metrics = Decode();
  EXPECT_THAT(Lines(metrics),
              ElementsAre("latency_seconds_sum 3.25 @10000", "latency_seconds_count 6 @10000",
                          R"(latency_seconds_bucket{le="0.5"} 1 @10000)",
                          R"(latency_seconds_bucket{le="10"} 3 @10000 # {trace_id="01ab"} 7)",
                          R"(latency_seconds_bucket{le="+Inf"} 6 @10000 # {} 11)"));
  const MetricMetadata expected{"latency_seconds", MetricType::kHistogram, "How long.", "seconds"};
  EXPECT_THAT(metrics.metadata, ElementsAre(expected));
}

TEST_F(OtlpMetricsTest, ExponentialHistogramsAreNative) {
  auto* histogram = AddMetric("latency")->mutable_exponential_histogram();
  histogram->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  auto* point = histogram->add_data_points();
  point->set_time_unix_nano(10 * kSecondNanos);
  point->set_start_time_unix_nano(kSecondNanos);
  point->set_scale(0);
  point->set_zero_count(1);
  point->set_count(10);
  point->set_sum(12);
  point->mutable_positive()->set_offset(0);  // The first bucket is (1, 2].
  for (const uint64_t count : {2U, 0U, 3U, 0U, 0U, 0U, 1U}) {
    point->mutable_positive()->add_bucket_counts(count);
  }
  point->mutable_negative()->set_offset(-1);
  point->mutable_negative()->add_bucket_counts(3);
  const OtlpMetrics metrics = Decode();
  EXPECT_EQ(metrics.rejection, "");
  ASSERT_EQ(metrics.samples.size(), 1U);
  EXPECT_THAT(Lines(metrics)[0], HasSubstr("since 1000"));
  const NativeHistogram& made = *metrics.samples[0].histogram;
  EXPECT_EQ(made.schema, 0);
  EXPECT_EQ(made.zero_threshold, 1e-128);
  EXPECT_EQ(made.positive_spans,
            (std::vector<HistogramSpan>{{.offset = 1, .length = 3}, {.offset = 3, .length = 1}}));
  EXPECT_THAT(made.positive_buckets, ElementsAre(2, 0, 3, 1));
  EXPECT_EQ(made.negative_spans, (std::vector<HistogramSpan>{{.offset = 0, .length = 1}}));
}

TEST_F(OtlpMetricsTest, FineScalesBecomeSchema8) {
  auto* histogram = AddMetric("latency")->mutable_exponential_histogram();
  histogram->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  auto* point = histogram->add_data_points();
  point->set_time_unix_nano(10 * kSecondNanos);
  point->set_scale(9);
  point->set_count(6);
  point->mutable_positive()->set_offset(-1);
  for (const uint64_t count : {1U, 2U, 3U}) point->mutable_positive()->add_bucket_counts(count);
  const OtlpMetrics metrics = Decode();
  ASSERT_EQ(metrics.samples.size(), 1U) << metrics.rejection;
  const NativeHistogram& made = *metrics.samples[0].histogram;
  EXPECT_EQ(made.schema, 8);
  EXPECT_EQ(made.positive_spans, (std::vector<HistogramSpan>{{.offset = 0, .length = 2}}));
  EXPECT_THAT(made.positive_buckets, ElementsAre(1, 5));
}

TEST_F(OtlpMetricsTest, Summaries) {
  auto* point = AddMetric("latency", "ms")->mutable_summary()->add_data_points();
  point->set_time_unix_nano(10 * kSecondNanos);
  point->set_count(3);
  point->set_sum(9);
  auto* quantile = point->add_quantile_values();
  quantile->set_quantile(0.99);
  quantile->set_value(5);
  EXPECT_THAT(Lines(Decode()), ElementsAre("latency_milliseconds_sum 9 @10000",
                                           "latency_milliseconds_count 3 @10000",
                                           R"(latency_milliseconds{quantile="0.99"} 5 @10000)"));
}

TEST_F(OtlpMetricsTest, PointsWithoutAValueAreStale) {
  auto* histogram = AddMetric("latency")->mutable_exponential_histogram();
  histogram->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  auto* point = histogram->add_data_points();
  point->set_time_unix_nano(10 * kSecondNanos);
  point->set_flags(1);
  EXPECT_THAT(Lines(Decode()), ElementsAre("latency stale @10000"));
}

// ---- What is refused

TEST_F(OtlpMetricsTest, DeltasAreRefusedAndTheRestIsKept) {
  auto* sum = AddMetric("calls")->mutable_sum();
  sum->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_DELTA);
  sum->add_data_points();
  sum->add_data_points();
  AddMetric("calls2")->mutable_histogram()->add_data_points();
  AddGauge("fine", 1);
  const OtlpMetrics metrics = Decode();
  EXPECT_EQ(metrics.rejected_points, 3U);
  EXPECT_EQ(metrics.rejection,
            "metric \"calls\": delta temporality is not taken; send cumulative\n"
            "metric \"calls2\": its temporality is not said");
  EXPECT_THAT(Lines(metrics), ElementsAre("fine 1 @10000"));
}

TEST_F(OtlpMetricsTest, HistogramsThatAreNoneAreRefused) {
  auto* histogram = AddMetric("latency")->mutable_exponential_histogram();
  histogram->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  histogram->add_data_points()->set_scale(-5);
  histogram->add_data_points()->set_count(1);
  auto* point = histogram->add_data_points();
  point->mutable_positive()->set_offset(std::numeric_limits<int32_t>::max());
  point->mutable_positive()->add_bucket_counts(1);
  point->set_count(1);
  auto* classic = AddMetric("classic")->mutable_histogram();
  classic->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  auto* bounds = classic->add_data_points();
  bounds->add_explicit_bounds(2);
  bounds->add_explicit_bounds(1);
  const OtlpMetrics metrics = Decode();
  EXPECT_EQ(metrics.rejected_points, 4U);
  EXPECT_THAT(metrics.samples, IsEmpty());
  EXPECT_THAT(metrics.rejection, HasSubstr("the buckets hold 0 observations, and the count is 1"));
}

// ---- Resources and attributes

TEST_F(OtlpMetricsTest, TheResourceIsTheJobAndTheInstance) {
  auto* resource = resource_->mutable_resource();
  SetText(resource, "service.name", "checkout");
  SetText(resource, "service.namespace", "shop");
  SetText(resource, "service.instance.id", "pod-1");
  SetText(resource, "k8s.node", "n1");
  AddGauge("up", 1);
  EXPECT_THAT(
      Lines(Decode()),
      ElementsAre(R"(up{instance="pod-1", job="shop/checkout"} 1 @10000)",
                  R"(target_info{instance="pod-1", job="shop/checkout", k8s_node="n1"} 1 @10000)"));
}

TEST_F(OtlpMetricsTest, TargetInfoNeedsAnIdentityAndSomethingToTell) {
  SetText(resource_->mutable_resource(), "service.name", "checkout");
  AddGauge("up", 1);
  EXPECT_THAT(Lines(Decode()), ElementsAre(R"(up{job="checkout"} 1 @10000)"));
  resource_->clear_resource();
  SetText(resource_->mutable_resource(), "k8s.node", "n1");
  EXPECT_THAT(Lines(Decode()), ElementsAre("up 1 @10000"));
}

TEST_F(OtlpMetricsTest, TargetInfoCoversTheTimeOfThePointsWithinABound) {
  auto* resource = resource_->mutable_resource();
  SetText(resource, "service.name", "a");
  SetText(resource, "b", "c");
  AddGauge("up", 1);
  AddGauge("up", 1)->set_time_unix_nano(310 * kSecondNanos);
  std::vector<Millis> times;
  for (const OtlpSample& sample : Decode().samples) {
    if (sample.labels.metric_name() == "target_info") times.push_back(sample.t);
  }
  EXPECT_THAT(times, ElementsAre(10'000, 160'000, 310'000));
  AddGauge("up", 1)->set_time_unix_nano(std::numeric_limits<uint64_t>::max());
  EXPECT_LT(Decode().samples.size(), 200U);
}

TEST_F(OtlpMetricsTest, ValuesOfEveryTypeAreText) {
  auto* point = AddGauge("g", 1);
  const auto add = [&](const std::string& key) {
    auto* attribute = point->add_attributes();
    attribute->set_key(key);
    return attribute->mutable_value();
  };
  add("bool")->set_bool_value(true);
  add("int")->set_int_value(-5);
  add("double")->set_double_value(0.5);
  add("bytes")->set_bytes_value("\x01\x02");
  add("none");
  auto* list = add("list")->mutable_array_value();
  list->add_values()->set_string_value("a\"b");
  list->add_values()->set_int_value(3);
  list->add_values();
  auto* map = add("map")->mutable_kvlist_value();
  for (const char* key : {"z", "a"}) {
    auto* member = map->add_values();
    member->set_key(key);
    member->mutable_value()->set_bool_value(false);
  }
  const Labels labels = Decode().samples[0].labels;
  EXPECT_EQ(labels.Get("bool"), "true");
  EXPECT_EQ(labels.Get("int"), "-5");
  EXPECT_EQ(labels.Get("double"), "0.5");
  EXPECT_EQ(labels.Get("bytes"), "AQI=");
  EXPECT_FALSE(labels.Has("none"));
  EXPECT_EQ(labels.Get("list"), R"(["a\"b",3,null])");
  EXPECT_EQ(labels.Get("map"), R"({"a":false,"z":false})");
}

TEST_F(OtlpMetricsTest, KeysThatFallTogetherAreJoined) {
  auto* point = AddGauge("g", 1);
  SetText(point, "a.b", "2");
  SetText(point, "a-b", "1");
  SetText(point, "__name__", "ignored");
  EXPECT_THAT(Lines(Decode()), ElementsAre(R"(g{a_b="1;2"} 1 @10000)"));
}

TEST_F(OtlpMetricsTest, AttributesOfExemplarsAreKeptWhereAllFit) {
  auto* sum = AddMetric("calls")->mutable_sum();
  sum->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  auto* point = sum->add_data_points();
  for (const size_t length : {10U, 125U}) {
    auto* exemplar = point->add_exemplars();
    exemplar->set_span_id("\xff");
    auto* attribute = exemplar->add_filtered_attributes();
    attribute->set_key("k.e");
    attribute->mutable_value()->set_string_value(std::string(length, 'x'));
  }
  const std::vector<Exemplar> exemplars = Decode().samples[0].exemplars;
  ASSERT_EQ(exemplars.size(), 2U);
  EXPECT_EQ(exemplars[0].labels.Get("k.e").size(), 10U);
  EXPECT_EQ(exemplars[0].labels.Get("span_id"), "ff");
  EXPECT_EQ(exemplars[1].labels.size(), 1U);
}

// ---- Hostile requests

TEST_F(OtlpMetricsTest, BoundsHold) {
  auto* gauge = AddMetric("g")->mutable_gauge();
  for (int i = 0; i < 100; ++i) gauge->add_data_points();
  const std::string body = request_.SerializeAsString();
  EXPECT_TRUE(DecodeOtlpMetrics(body, {.max_items = 100}).has_value());
  EXPECT_EQ(DecodeOtlpMetrics(body, {.max_items = 99}).error().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(DecodeOtlpMetrics(body, {.max_samples = 50}).error().code(),
            StatusCode::kResourceExhausted);
}

TEST_F(OtlpMetricsTest, ErrorsNameTheByte) {
  AddGauge("g", 1);
  std::string body = request_.SerializeAsString();
  body.resize(body.size() - 1);
  const auto cut = DecodeOtlpMetrics(body, {});
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(cut.error().message()), HasSubstr("at byte 0"));
}

TEST_F(OtlpMetricsTest, WhatProtobufAcceptsIsAccepted) {
  SetText(resource_->mutable_resource(), "service.name", "a");
  SetText(AddGauge("g", 1), "key", "value");
  auto* histogram = AddMetric("h")->mutable_histogram();
  histogram->set_aggregation_temporality(pb::AGGREGATION_TEMPORALITY_CUMULATIVE);
  auto* point = histogram->add_data_points();
  point->add_bucket_counts(1);
  point->add_explicit_bounds(1);
  point->add_exemplars()->set_as_int(1);
  auto* exponential = AddMetric("e")->mutable_exponential_histogram()->add_data_points();
  exponential->mutable_positive()->add_bucket_counts(300);
  AddMetric("s")->mutable_summary()->add_data_points()->add_quantile_values()->set_value(1);
  const std::string body = request_.SerializeAsString();
  for (uint32_t seed = 0; seed < 1'000; ++seed) {
    std::mt19937_64 random(seed);
    std::string changed = body;
    for (uint64_t n = random() % 3; n > 0 && !changed.empty(); --n) {
      const size_t at = random() % changed.size();
      if (random() % 2 == 0) {
        changed[at] = static_cast<char>(random());
      } else {
        changed.erase(at, 1 + random() % 2);
      }
    }
    pb::ExportMetricsServiceRequest parsed;
    const bool accepted = parsed.ParseFromString(changed);
    const auto decoded = DecodeOtlpMetrics(changed, {});
    // The other way round does not hold: of scopes and schema URLs nothing is looked at.
    if (accepted) {
      ASSERT_TRUE(decoded.has_value()) << "seed " << seed << " " << decoded.error().ToString();
    }
  }
}

}  // namespace
}  // namespace tocsin::wire
