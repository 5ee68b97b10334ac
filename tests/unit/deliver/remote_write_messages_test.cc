// What is in the messages: both versions, histograms, exemplars, metadata, names.

#include <bit>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/deliver/remote_write.h"
#include "cpp/lib/compression.h"
#include "tests/unit/deliver/fake_log.h"
#include "tests/unit/deliver/fake_receiver.h"
#include "tests/unit/model/fake_state.h"

namespace tocsin::deliver {
namespace {

using testing::ElementsAre;

HistogramPtr HistogramOf(double count, bool custom = false) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->schema = custom ? kCustomBucketsSchema : 3;
  histogram->count = count;
  histogram->sum = 2 * count;
  histogram->positive_spans = {{0, 1}};
  histogram->positive_buckets = {count};
  if (custom) histogram->custom_values = {1};
  return histogram;
}

class WriteMessages : public testing::Test {
 protected:
  WriteMessages() {
    options_.name = "one";
    options_.url = "http://prometheus:9090/api/v1/write";
    options_.batch_send_deadline = 0;
    options_.send_exemplars = true;
    options_.send_native_histograms = true;
  }

  void Open() {
    writer_.reset();
    RemoteWritePorts ports;
    ports.labels = &log_;
    ports.metadata = with_metadata_ ? &log_ : nullptr;
    ports.state = &state_;
    ports.clock = &clock_;
    ports.telemetry = &telemetry_;
    ports.fetch = [this](const http::ClientRequest& request) { return receiver_(request); };
    writer_ =
        std::make_unique<RemoteWriter>(options_, log_.Open(*SavedPosition(state_, "one")), ports);
  }
  void Run(Nanos limit = kMinute) {
    const Nanos until = clock_.Now() + limit;
    while (clock_.Now() < until) clock_.Advance(std::max<Nanos>(writer_->Step(), kMillisecond));
  }
  void Append(const std::string& name, Millis t, double v, Millis start = 0) {
    log_.Append({{"__name__", name}}, {kStartMs + t, v}, start);
  }
  void AppendHistogram(const std::string& name, Millis t, HistogramPtr histogram) {
    SampleReader::Run run;
    run.histograms.push_back(
        {log_.Ref({{"__name__", name}}), {kStartMs + t, std::move(histogram)}, kStartMs - 5});
    log_.Append(std::move(run));
  }

  VirtualClock clock_{kStart};
  FakeReceiver receiver_;
  FakeState state_;
  FakeTelemetry telemetry_;
  FakeLog log_;
  bool with_metadata_ = false;
  RemoteWriteOptions options_;
  std::unique_ptr<RemoteWriter> writer_;
};

TEST_F(WriteMessages, Version2HasHeadersSymbolsStartsAndMetadata) {
  options_.message = WriteMessage::kV2;
  options_.external_labels = {{"cluster", "east"}};
  with_metadata_ = true;
  log_.SetMetadata({"requests_total", MetricType::kCounter, "Requests.", ""});
  log_.SetMetadata({"latency", MetricType::kHistogram, "Latency.", "seconds"});
  Open();
  Append("requests_total", 0, 1, kStartMs - 100);
  Append("latency_bucket", 0, 1);
  Append("other_count", 0, 1);
  Run();
  ASSERT_EQ(receiver_.requests.size(), 1U) << "metadata is with the samples";
  const http::ClientRequest& request = receiver_.requests[0];
  EXPECT_EQ(HeaderOf(request, "Content-Type"),
            "application/x-protobuf;proto=io.prometheus.write.v2.Request");
  EXPECT_EQ(HeaderOf(request, "X-Prometheus-Remote-Write-Version"), "2.0.0");
  EXPECT_EQ(HeaderOf(request, "Content-Encoding"), "snappy");
  const std::string counter = R"(requests_total{cluster="east"})";
  EXPECT_EQ(receiver_.SamplesOf(counter).size(), 1U);
  EXPECT_THAT(receiver_.starts[counter], ElementsAre(kStartMs - 100));
  EXPECT_EQ(receiver_.types[counter], MetricType::kCounter);
  EXPECT_EQ(receiver_.types[R"(latency_bucket{cluster="east"})"], MetricType::kHistogram);
  EXPECT_EQ(receiver_.types[R"(other_count{cluster="east"})"], MetricType::kUnknown);
  EXPECT_EQ(telemetry_["samples_total"], 3);
}

TEST_F(WriteMessages, PreparedLabelsAreWrittenAsLabelsAre) {
  const Labels labels = {{"__name__", "m"}, {"a", "b"}, {"c", "b"}};
  std::vector<std::string> kept = {"__name__", "m", "a", "b", "c"};
  const auto intern = [&](std::string_view text) -> std::string_view {
    return *std::ranges::find(kept, text);
  };
  wire::WriteSeries plain;
  plain.labels = labels;
  plain.samples = {{1, 2}};
  wire::WriteSeries prepared = plain;
  prepared.labels = {};
  prepared.prepared =
      std::make_shared<const wire::PreparedLabels>(wire::PrepareLabels(labels, intern, nullptr));
  const std::vector<wire::WriteSeries> both_plain(3, plain);
  const std::vector<wire::WriteSeries> both_prepared(3, prepared);
  EXPECT_EQ(wire::EncodeWriteRequest(both_plain), wire::EncodeWriteRequest(both_prepared));
  EXPECT_EQ(wire::EncodeWriteRequestV2(both_plain), wire::EncodeWriteRequestV2(both_prepared));
}

TEST_F(WriteMessages, NativeHistogramsAreSentInBothVersions) {
  for (const WriteMessage message : {WriteMessage::kV1, WriteMessage::kV2}) {
    options_.message = message;
    receiver_.histograms.clear();
    Open();
    AppendHistogram("h", 1, HistogramOf(7));
    Run();
    ASSERT_EQ(receiver_.histograms["h"].size(), 1U);
    EXPECT_EQ(receiver_.histograms["h"][0].histogram->count, 7);
    EXPECT_EQ(receiver_.histograms["h"][0].start, message == WriteMessage::kV2 ? kStartMs - 5 : 0);
  }
  EXPECT_EQ(telemetry_["histograms_total"], 2);
}

TEST_F(WriteMessages, NativeHistogramsThatAreNotWantedAreDroppedAndCounted) {
  options_.send_native_histograms = false;
  Open();
  AppendHistogram("h", 1, HistogramOf(7));
  Append("m", 1, 1);
  Run();
  EXPECT_TRUE(receiver_.histograms.empty());
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 1U);
  EXPECT_EQ(telemetry_["histograms_dropped_total native_histograms_off"], 1);
}

TEST_F(WriteMessages, CustomBucketsAreForVersion2Only) {
  options_.message = WriteMessage::kV2;
  Open();
  AppendHistogram("h", 1, HistogramOf(7, true));
  Run();
  EXPECT_EQ(receiver_.histograms["h"].size(), 1U);
  options_.message = WriteMessage::kV1;
  Open();
  AppendHistogram("h", 2, HistogramOf(8, true));
  AppendHistogram("h", 3, HistogramOf(9));
  Run();
  EXPECT_EQ(receiver_.histograms["h"].size(), 2U);
  EXPECT_EQ(telemetry_["histograms_dropped_total nhcb_in_rw1_not_supported"], 1);
}

TEST_F(WriteMessages, FloatsAndHistogramsOfASeriesKeepTheirOrderAndStandApart) {
  options_.message = WriteMessage::kV2;
  Open();
  SampleReader::Run run;
  const SeriesRef ref = log_.Ref({{"__name__", "h"}});
  run.samples.push_back({ref, {kStartMs + 3, std::bit_cast<double>(uint64_t{0x7ff0000000000002})}});
  run.histograms.push_back({ref, {kStartMs + 1, HistogramOf(1)}});
  run.histograms.push_back({ref, {kStartMs + 2, HistogramOf(2)}});
  run.histograms.push_back({ref, {kStartMs + 4, HistogramOf(3)}});
  log_.Append(std::move(run));
  Run();
  ASSERT_EQ(receiver_.requests.size(), 1U);
  const auto request =
      wire::WriteRequest::Decode(receiver_.requests[0].body, wire::WriteMessage::kV2, {});
  ASSERT_TRUE(request.has_value());
  ASSERT_EQ(request->series().size(), 3U);
  EXPECT_EQ(request->series()[0].histograms.size(), 2U);
  EXPECT_EQ(request->series()[1].samples.size(), 1U);
  EXPECT_EQ(request->series()[2].histograms.size(), 1U);
}

TEST_F(WriteMessages, ExemplarsGoWithTheirSeries) {
  options_.message = WriteMessage::kV2;
  Open();
  SampleReader::Run run;
  const SeriesRef ref = log_.Ref({{"__name__", "m"}});
  run.samples.push_back({ref, {kStartMs, 1}});
  run.exemplars.push_back({ref, {Labels{{"trace_id", "abc"}}, 1.5, kStartMs}});
  log_.Append(std::move(run));
  Run();
  const auto request =
      wire::WriteRequest::Decode(receiver_.requests[0].body, wire::WriteMessage::kV2, {});
  ASSERT_EQ(request->series().size(), 1U);
  EXPECT_EQ(request->series()[0].exemplars.size(), 1U);
  EXPECT_EQ(telemetry_["exemplars_total"], 1);
}

TEST_F(WriteMessages, AStalenessMarkerArrivesBitForBit) {
  Open();
  Append("m", 0, std::bit_cast<double>(uint64_t{0x7ff0000000000002}));
  Run();
  ASSERT_EQ(receiver_.SamplesOf("m").size(), 1U);
  EXPECT_EQ(std::bit_cast<uint64_t>(receiver_.SamplesOf("m")[0].v), 0x7ff0000000000002U);
}

TEST_F(WriteMessages, AReceiverThatKnowsOnlyVersion1IsSentThat) {
  options_.message = WriteMessage::kV2;
  Open();
  Append("m", 0, 1);
  receiver_.Fail(415, 1);
  Run();
  ASSERT_EQ(receiver_.requests.size(), 2U);
  EXPECT_EQ(HeaderOf(receiver_.requests[1], "Content-Type"), "application/x-protobuf");
  EXPECT_EQ(HeaderOf(receiver_.requests[1], "X-Prometheus-Remote-Write-Version"), "0.1.0");
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 1U);
  Append("m", 1, 1);
  Run();
  EXPECT_EQ(HeaderOf(receiver_.requests[2], "X-Prometheus-Remote-Write-Version"), "0.1.0");
  EXPECT_EQ(telemetry_["samples_failed_total"], 0);
}

TEST_F(WriteMessages, AReceiverThatHasTakenVersion2IsNotSentAnother) {
  options_.message = WriteMessage::kV2;
  Open();
  Append("m", 0, 1);
  Run();
  receiver_.Fail(415, 1);
  Append("m", 1, 1);
  Append("m", 2, 1);
  Run();
  for (const http::ClientRequest& request : receiver_.requests) {
    EXPECT_EQ(HeaderOf(request, "X-Prometheus-Remote-Write-Version"), "2.0.0");
  }
  EXPECT_EQ(telemetry_["samples_failed_total"], 2);
}

TEST_F(WriteMessages, WhatVersion2SaysItHasWrittenCounts) {
  options_.message = WriteMessage::kV2;
  Open();
  Append("m", 0, 1);
  Append("m", 1, 1);
  receiver_.loses = 1;
  Run();
  EXPECT_EQ(telemetry_["samples_total"], 1);
  EXPECT_EQ(telemetry_["samples_failed_total"], 1);
  receiver_.mute = true;  // A receiver of 1.0 that does not look at the Content-Type.
  Append("m", 2, 1);
  Run();
  EXPECT_EQ(telemetry_["samples_failed_total"], 2);
}

TEST_F(WriteMessages, ARefusalOfVersion2MaySayWhatWasWrittenAllTheSame) {
  options_.message = WriteMessage::kV2;
  Open();
  for (int i = 0; i < 8; ++i) Append("m" + std::to_string(i), 0, 1);
  receiver_.Fail(400, 1);
  receiver_.written = "5";
  Run();
  EXPECT_EQ(receiver_.requests.size(), 1U);
  EXPECT_EQ(telemetry_["samples_total"], 5);
  EXPECT_EQ(telemetry_["samples_failed_total"], 3);
}

TEST_F(WriteMessages, MetadataOfVersion1IsSentOnItsOwnEverySoOften) {
  with_metadata_ = true;
  options_.max_metadata_per_send = 2;
  for (const char* family : {"a", "b", "c"}) {
    log_.SetMetadata({family, MetricType::kGauge, "Help of it.", "bytes"});
  }
  Open();
  Run(30 * kSecond);
  EXPECT_EQ(receiver_.requests.size(), 2U);
  ASSERT_EQ(receiver_.metadata.size(), 3U);
  EXPECT_EQ(receiver_.metadata[2],
            (MetricMetadata{"c", MetricType::kGauge, "Help of it.", "bytes"}));
  EXPECT_EQ(telemetry_["metadata_total"], 3);
  receiver_.Fail(500, 3);
  Run(kMinute);
  EXPECT_EQ(receiver_.metadata.size(), 6U) << "a minute later again, retried until it is taken";
  EXPECT_EQ(telemetry_["metadata_retried_total"], 6);
  options_.send_metadata = false;
  Open();
  receiver_.requests.clear();
  Run(3 * kMinute);
  EXPECT_TRUE(receiver_.requests.empty());
}

TEST_F(WriteMessages, SeriesAreRelabelledAfterTheirExternalLabels) {
  options_.external_labels = {{"cluster", "east"}};
  const auto rules = relabel::Rules::Compile(
      {{.source_labels = {"__name__"}, .regex = "go_.*", .action = relabel::Action::kDrop},
       {.source_labels = {"cluster"}, .target_label = "region"},
       {.regex = "cluster", .action = relabel::Action::kLabelDrop}});
  ASSERT_TRUE(rules.has_value());
  options_.relabel = *rules;
  Open();
  Append("go_threads", 0, 1);
  Append("up", 0, 1);
  Append("go_threads", 1, 1);
  Run();
  EXPECT_EQ(receiver_.series.size(), 1U);
  EXPECT_EQ(receiver_.SamplesOf(R"(up{region="east"})").size(), 1U);
  EXPECT_EQ(telemetry_["samples_dropped_total dropped_series"], 2);
}

TEST_F(WriteMessages, ALabelSetIsAskedForOnce) {
  Open();
  for (int i = 0; i < 100; ++i) Append("m", i, 1);
  Run();
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 100U);
  EXPECT_EQ(log_.asked, 1);
}

TEST_F(WriteMessages, ASeriesThatNobodyKnowsIsCounted) {
  Open();
  SampleReader::Run run;
  run.samples.push_back({99, {kStartMs, 1}});
  log_.Append(std::move(run));
  Run();
  EXPECT_EQ(telemetry_["samples_dropped_total unintentionally_dropped_series"], 1);
}

TEST_F(WriteMessages, AGapOfTheLogIsCounted) {
  Open();
  SampleReader::Run run;
  run.gap = true;
  run.lost = {.samples = 3, .histograms = 2, .exemplars = 1};
  log_.Append(std::move(run));
  Append("m", 0, 1);
  Run();
  EXPECT_EQ(telemetry_.counters["tocsin_remote_write_gaps_total"].value, 1);
  EXPECT_EQ(telemetry_["samples_dropped_total lost_in_wal"], 3);
  EXPECT_EQ(telemetry_["histograms_dropped_total lost_in_wal"], 2);
  EXPECT_EQ(telemetry_["exemplars_dropped_total lost_in_wal"], 1);
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 1U);
}

TEST_F(WriteMessages, WhatGrowsTooOldWhileItIsRetriedIsDropped) {
  options_.max_age = 10 * kMinute;
  Open();
  Append("m", 0, 1);
  Append("m", 10 * 60'000, 2);
  receiver_.Fail(503);
  Run(kMinute);
  clock_.Advance(10 * kMinute);
  receiver_.Fail(204);
  Run(kMinute);
  EXPECT_EQ(telemetry_["samples_dropped_total too_old"], 1);
  ASSERT_EQ(receiver_.SamplesOf("m").size(), 1U);
  EXPECT_EQ(receiver_.SamplesOf("m")[0].v, 2);
}

}  // namespace
}  // namespace tocsin::deliver
