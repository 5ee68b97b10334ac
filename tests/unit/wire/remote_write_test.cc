#include "cpp/wire/remote_write.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/wire/proto/remote_write.pb.h"
#include "cpp/wire/proto/remote_write_v2.pb.h"

namespace tocsin::wire {
namespace {

namespace v2 = io::prometheus::write::v2;

template <class Message>
void AddLabels(const Labels& labels, Message* message) {
  for (const auto& [name, value] : labels) {
    auto* label = message->add_labels();
    label->set_name(name);
    label->set_value(value);
  }
}

template <class Spans, class Message>
void AddSpans(const Spans& spans, Message* message) {
  for (const HistogramSpan& span : spans) {
    auto* added = message->Add();
    added->set_offset(span.offset);
    added->set_length(span.length);
  }
}

// In the float form, which says every histogram.
template <class Message>
void SetFloatHistogram(const HistogramSample& sample, Message* message) {
  const NativeHistogram& histogram = *sample.histogram;
  message->set_count_float(histogram.count);
  message->set_sum(histogram.sum);
  message->set_schema(histogram.schema);
  message->set_zero_threshold(histogram.zero_threshold);
  message->set_zero_count_float(histogram.zero_count);
  AddSpans(histogram.negative_spans, message->mutable_negative_spans());
  AddSpans(histogram.positive_spans, message->mutable_positive_spans());
  for (const double count : histogram.negative_buckets) message->add_negative_counts(count);
  for (const double count : histogram.positive_buckets) message->add_positive_counts(count);
  message->set_reset_hint(
      static_cast<decltype(message->reset_hint())>(static_cast<int>(histogram.counter_reset)));
  message->set_timestamp(sample.t);
  for (const double bound : histogram.custom_values) message->add_custom_values(bound);
}

// The same request made with protobuf's classes.
std::string ByProtobuf(const std::vector<WriteSeries>& series,
                       const std::vector<MetricMetadata>& metadata = {}) {
  prometheus::WriteRequest request;
  for (const WriteSeries& one : series) {
    auto* timeseries = request.add_timeseries();
    AddLabels(one.labels, timeseries);
    for (const Sample& sample : one.samples) {
      auto* added = timeseries->add_samples();
      added->set_value(sample.v);
      added->set_timestamp(sample.t);
    }
    for (const Exemplar& exemplar : one.exemplars) {
      auto* added = timeseries->add_exemplars();
      AddLabels(exemplar.labels, added);
      added->set_value(exemplar.value);
      added->set_timestamp(exemplar.t);
    }
    for (const HistogramSample& sample : one.histograms) {
      SetFloatHistogram(sample, timeseries->add_histograms());
    }
  }
  for (const MetricMetadata& entry : metadata) {
    auto* added = request.add_metadata();
    added->set_type(
        static_cast<prometheus::MetricMetadata::MetricType>(static_cast<int>(entry.type)));
    added->set_metric_family_name(entry.family);
    added->set_help(entry.help);
    added->set_unit(entry.unit);
  }
  return request.SerializeAsString();
}

// One whose counts no integer form can say.
HistogramSample FractionalHistogram(std::mt19937_64& random) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->counter_reset = static_cast<CounterResetHint>(random() % 4);
  histogram->schema = static_cast<int32_t>(random() % 13) - 4;
  histogram->zero_threshold = 1e-3;
  histogram->zero_count = 0.5;
  histogram->count = 1.5 + static_cast<double>(random() % 100);
  histogram->sum = std::bit_cast<double>(random());
  histogram->positive_spans = {{.offset = -3, .length = 2}, {.offset = 5, .length = 1}};
  histogram->positive_buckets = {0.25, 1, 1e300};
  if (random() % 2 == 0) {
    histogram->negative_spans = {{.offset = 7, .length = 1}};
    histogram->negative_buckets = {3};
  }
  return {.t = static_cast<Millis>(random()), .histogram = histogram};
}

HistogramSample WholeHistogram() {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->counter_reset = CounterResetHint::kNotReset;
  histogram->schema = 3;
  histogram->zero_count = 2;
  histogram->count = 13;
  histogram->sum = 99.5;
  histogram->positive_spans = {{.offset = 0, .length = 3}};
  histogram->positive_buckets = {5, 1, 4};
  histogram->negative_spans = {{.offset = 1, .length = 1}};
  histogram->negative_buckets = {1};
  return {.t = 7'000, .histogram = histogram};
}

TEST(RemoteWriteTest, NoSeriesIsAnEmptyRequest) { EXPECT_EQ(EncodeWriteRequest({}), ""); }

TEST(RemoteWriteTest, LabelsAreSortedWhateverTheirOrderWas) {
  const std::vector<WriteSeries> series = {
      {.labels = {{"zone", "b"}, {"__name__", "calls_total"}, {"empty", ""}, {"a", "1"}},
       .samples = {{.t = 1'000, .v = 1}},
       .exemplars = {}}};
  prometheus::WriteRequest request;
  ASSERT_TRUE(request.ParseFromString(EncodeWriteRequest(series)));
  std::string names;
  for (const auto& label : request.timeseries(0).labels()) names += label.name() + " ";
  EXPECT_EQ(names, "__name__ a zone ");
}

TEST(RemoteWriteTest, SpecialValuesKeepTheirBits) {
  std::vector<WriteSeries> series(1);
  for (const double value : {0.0, -0.0, StaleNan(), std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity(), 5e-324}) {
    series[0].samples.push_back({.t = -1, .v = value});
  }
  const std::string encoded = EncodeWriteRequest(series);
  EXPECT_EQ(encoded, ByProtobuf(series));
  prometheus::WriteRequest request;
  ASSERT_TRUE(request.ParseFromString(encoded));
  for (size_t i = 0; i < series[0].samples.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint64_t>(request.timeseries(0).samples(static_cast<int>(i)).value()),
              std::bit_cast<uint64_t>(series[0].samples[i].v));
  }
}

TEST(RemoteWriteTest, RequestsAreTheBytesThatProtobufWrites) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<WriteSeries> series(random() % 6);
    for (WriteSeries& one : series) {
      for (uint64_t n = random() % 8; n > 0; --n) {
        one.labels.Set("label" + std::to_string(random() % 20), std::string(random() % 200, 'v'));
      }
      for (uint64_t n = random() % 5; n > 0; --n) {
        one.samples.push_back({static_cast<Millis>(random()), std::bit_cast<double>(random())});
      }
      for (uint64_t n = random() % 3; n > 0; --n) {
        one.exemplars.push_back({{{"trace_id", std::to_string(random())}},
                                 std::bit_cast<double>(random()),
                                 static_cast<Millis>(random())});
      }
      for (uint64_t n = random() % 3; n > 0; --n) {
        one.histograms.push_back(FractionalHistogram(random));
      }
    }
    std::vector<MetricMetadata> metadata;
    for (uint64_t n = random() % 3; n > 0; --n) {
      metadata.push_back({.family = "family" + std::to_string(n),
                          .type = static_cast<MetricType>(random() % 8),
                          .help = std::string(random() % 150, 'h'),
                          .unit = "s"});
    }
    ASSERT_EQ(EncodeWriteRequest(series, metadata), ByProtobuf(series, metadata));
  }
}

TEST(RemoteWriteTest, WholeCountsAreSentAsIntegerDeltas) {
  std::vector<WriteSeries> series(1);
  series[0].histograms = {WholeHistogram()};
  prometheus::WriteRequest request;
  ASSERT_TRUE(request.ParseFromString(EncodeWriteRequest(series)));
  const prometheus::Histogram& histogram = request.timeseries(0).histograms(0);
  EXPECT_EQ(histogram.count_case(), prometheus::Histogram::kCountInt);
  EXPECT_EQ(histogram.count_int(), 13U);
  EXPECT_EQ(histogram.zero_count_int(), 2U);
  ASSERT_EQ(histogram.positive_deltas_size(), 3);
  EXPECT_EQ(histogram.positive_deltas(0), 5);
  EXPECT_EQ(histogram.positive_deltas(1), -4);
  EXPECT_EQ(histogram.positive_deltas(2), 3);
  EXPECT_EQ(histogram.negative_deltas(0), 1);
  EXPECT_EQ(histogram.reset_hint(), prometheus::Histogram::NO);
  EXPECT_EQ(histogram.timestamp(), 7'000);
}

// The integer form promises that the buckets add up.
TEST(RemoteWriteTest, WholeCountsThatDoNotAddUpAreSentAsFloats) {
  auto histogram = std::make_shared<NativeHistogram>(*WholeHistogram().histogram);
  histogram->count = 14;
  std::vector<WriteSeries> series(1);
  series[0].histograms = {{.t = 1, .histogram = histogram}};
  prometheus::WriteRequest request;
  ASSERT_TRUE(request.ParseFromString(EncodeWriteRequest(series)));
  EXPECT_EQ(request.timeseries(0).histograms(0).count_float(), 14);
}

std::string TextOf(const v2::Request& request, const v2::TimeSeries& series) {
  std::string text;
  for (const uint32_t ref : series.labels_refs())
    text += request.symbols(static_cast<int>(ref)) + " ";
  return text;
}

TEST(RemoteWriteV2Test, EachStringIsInTheSymbolTableOnce) {
  std::vector<WriteSeries> series(2);
  series[0].labels = {{"__name__", "up"}, {"job", "a"}};
  series[0].samples = {{.t = 1, .v = 1}};
  series[1].labels = {{"__name__", "up"}, {"job", "b"}};
  series[1].samples = {{.t = 1, .v = 0}};
  v2::Request request;
  ASSERT_TRUE(request.ParseFromString(EncodeWriteRequestV2(series)));
  ASSERT_GT(request.symbols_size(), 0);
  EXPECT_EQ(request.symbols(0), "");
  EXPECT_EQ(std::set<std::string>(request.symbols().begin(), request.symbols().end()).size(),
            static_cast<size_t>(request.symbols_size()));
  ASSERT_EQ(request.timeseries_size(), 2);
  EXPECT_EQ(TextOf(request, request.timeseries(0)), "__name__ up job a ");
  EXPECT_EQ(TextOf(request, request.timeseries(1)), "__name__ up job b ");
}

TEST(RemoteWriteV2Test, StartTimestampsGoWithTheirSamples) {
  std::vector<WriteSeries> series(1);
  series[0].labels = {{"__name__", "calls_total"}};
  series[0].samples = {{.t = 10, .v = 1}, {.t = 20, .v = 2}};
  series[0].starts = {5, 15};
  v2::Request request;
  ASSERT_TRUE(request.ParseFromString(EncodeWriteRequestV2(series)));
  EXPECT_EQ(request.timeseries(0).samples(0).start_timestamp(), 5);
  EXPECT_EQ(request.timeseries(0).samples(1).start_timestamp(), 15);
  EXPECT_EQ(request.timeseries(0).created_timestamp(), 0);
}

TEST(RemoteWriteV2Test, MetadataAndExemplarsReferToSymbols) {
  std::vector<WriteSeries> series(1);
  series[0].labels = {{"__name__", "latency_seconds"}};
  series[0].samples = {{.t = 10, .v = 1}};
  series[0].exemplars = {{.labels = {{"trace_id", "abc"}}, .value = 0.5, .t = 9}};
  series[0].metadata = std::make_shared<MetricMetadata>(
      MetricMetadata{"latency_seconds", MetricType::kGauge, "How long.", "seconds"});
  v2::Request request;
  ASSERT_TRUE(request.ParseFromString(EncodeWriteRequestV2(series)));
  const v2::TimeSeries& sent = request.timeseries(0);
  EXPECT_EQ(sent.metadata().type(), v2::Metadata::METRIC_TYPE_GAUGE);
  EXPECT_EQ(request.symbols(static_cast<int>(sent.metadata().help_ref())), "How long.");
  EXPECT_EQ(request.symbols(static_cast<int>(sent.metadata().unit_ref())), "seconds");
  ASSERT_EQ(sent.exemplars(0).labels_refs_size(), 2);
  EXPECT_EQ(request.symbols(static_cast<int>(sent.exemplars(0).labels_refs(1))), "abc");
  EXPECT_EQ(sent.exemplars(0).timestamp(), 9);
}

TEST(RemoteWriteV2Test, FloatsAndHistogramsAreNeverInOneSeries) {
  std::vector<WriteSeries> series(1);
  series[0].labels = {{"__name__", "latency"}};
  series[0].samples = {{.t = 10, .v = StaleNan()}};
  series[0].histograms = {WholeHistogram()};
  series[0].histogram_starts = {3};
  series[0].exemplars = {{.labels = {}, .value = 0.5, .t = 9}};
  v2::Request request;
  ASSERT_TRUE(request.ParseFromString(EncodeWriteRequestV2(series)));
  ASSERT_EQ(request.timeseries_size(), 2);
  EXPECT_EQ(request.timeseries(0).samples_size(), 1);
  EXPECT_EQ(request.timeseries(0).histograms_size(), 0);
  EXPECT_EQ(request.timeseries(0).exemplars_size(), 1);
  EXPECT_EQ(request.timeseries(1).samples_size(), 0);
  EXPECT_EQ(request.timeseries(1).exemplars_size(), 0);
  ASSERT_EQ(request.timeseries(1).histograms_size(), 1);
  EXPECT_EQ(request.timeseries(1).histograms(0).count_int(), 13U);
  EXPECT_EQ(request.timeseries(1).histograms(0).start_timestamp(), 3);
  EXPECT_EQ(TextOf(request, request.timeseries(1)), "__name__ latency ");
}

}  // namespace
}  // namespace tocsin::wire
