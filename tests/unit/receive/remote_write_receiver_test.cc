#include "cpp/receive/remote_write_receiver.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/lib/compression.h"
#include "cpp/wire/proto_writer.h"
#include "cpp/wire/remote_write.h"
#include "tests/unit/receive/fake_sample_sink.h"

namespace tocsin::receive {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::EncodeWriteRequest;
using wire::EncodeWriteRequestV2;
using wire::WriteSeries;

class RemoteWriteReceiverTest : public testing::Test {
 protected:
  RemoteWriteReceiverTest() { Configure({}); }

  void Configure(const RemoteWriteOptions& options) {
    router_ = std::make_unique<http::Router>();
    receiver_ = std::make_unique<RemoteWriteReceiver>(&sink_, options, &Telemetry::None());
    receiver_->Register(router_.get());
  }

  http::Response Post(std::string body, std::string content_type, std::string coding = "snappy") {
    http::Request request;
    request.method = "POST";
    request.path = "/api/v1/write";
    request.headers = {{"content-type", std::move(content_type)},
                       {"content-encoding", std::move(coding)}};
    request.body = std::move(body);
    return router_->Route(std::move(request));
  }
  http::Response PostV1(const std::string& message) {
    return Post(lib::SnappyCompress(message), std::string(wire::kWriteContentType));
  }
  http::Response PostV2(const std::string& message) {
    return Post(lib::SnappyCompress(message), std::string(wire::kWriteV2ContentType));
  }
  static std::string Written(const http::Response& response) {
    std::string text;
    for (const char* kind : {"Samples", "Histograms", "Exemplars"}) {
      const std::string name = "X-Prometheus-Remote-Write-" + std::string(kind) + "-Written";
      text += std::string(response.Header(name)) + " ";
    }
    return text;
  }

  FakeSink sink_;
  std::unique_ptr<http::Router> router_;
  std::unique_ptr<RemoteWriteReceiver> receiver_;
};

std::vector<WriteSeries> OneSeries() {
  std::vector<WriteSeries> series(1);
  series[0].labels = {{"__name__", "up"}, {"job", "a"}};
  series[0].samples = {{.t = 1'000, .v = 1}};
  return series;
}

// A request of 1.0 with one series of just these labels, in this order.
std::string WithLabels(const std::vector<std::pair<std::string, std::string>>& labels) {
  std::string body;
  wire::ProtoWriter writer(&body);
  writer.Message(1, [&] {
    for (const auto& [name, value] : labels) {
      writer.Message(1, [&, &name = name, &value = value] {
        writer.BytesSet(1, name);
        writer.BytesSet(2, value);
      });
    }
    writer.Message(2, [&] { writer.Varint(2, 5); });
  });
  return body;
}

TEST_F(RemoteWriteReceiverTest, StoresSamplesOfBothVersions) {
  http::Response response = PostV1(EncodeWriteRequest(OneSeries()));
  EXPECT_EQ(response.status, 204) << response.body;
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(Written(response), "   ");
  response = PostV2(EncodeWriteRequestV2(OneSeries()));
  EXPECT_EQ(response.status, 204) << response.body;
  EXPECT_EQ(Written(response), "1 0 0 ");
  EXPECT_THAT(sink_.Series(), ElementsAre(R"(up{job="a"})"));
  ASSERT_EQ(sink_.samples.size(), 2U);
  EXPECT_EQ(sink_.samples[1].sample.t, 1'000);
}

TEST_F(RemoteWriteReceiverTest, KeepsHistogramsExemplarsStartsAndMetadata) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->count = 2;
  histogram->positive_spans = {{.offset = 0, .length = 1}};
  histogram->positive_buckets = {2};
  std::vector<WriteSeries> series(2);
  series[0].labels = {{"__name__", "latency_count"}};
  series[0].samples = {{.t = 1'000, .v = 1}};
  series[0].starts = {400};
  series[0].exemplars = {{.labels = {{"trace_id", "abc"}}, .value = 0.5, .t = 900}};
  series[0].metadata = std::make_shared<MetricMetadata>(
      MetricMetadata{"latency", MetricType::kHistogram, "How long.", "seconds"});
  series[1].labels = {{"__name__", "latency"}};
  series[1].histograms = {{.t = 1'000, .histogram = histogram}};
  series[1].histogram_starts = {300};
  const http::Response response = PostV2(EncodeWriteRequestV2(series));
  EXPECT_EQ(response.status, 204) << response.body;
  EXPECT_EQ(Written(response), "1 1 1 ");
  ASSERT_EQ(sink_.samples.size(), 1U);
  EXPECT_EQ(sink_.samples[0].start, 400);
  ASSERT_EQ(sink_.histograms.size(), 1U);
  EXPECT_EQ(sink_.histograms[0].start, 300);
  EXPECT_EQ(sink_.histograms[0].sample.histogram->count, 2);
  ASSERT_EQ(sink_.exemplars.size(), 1U);
  EXPECT_EQ(sink_.exemplars[0].exemplar.labels.Get("trace_id"), "abc");
  const MetricMetadata expected{"latency", MetricType::kHistogram, "How long.", "seconds"};
  EXPECT_THAT(sink_.metadata, ElementsAre(expected));
}

TEST_F(RemoteWriteReceiverTest, MetadataOf10ComesInEntriesOfItsOwn) {
  const std::vector<MetricMetadata> metadata = {{"calls_total", MetricType::kCounter, "Calls.", ""},
                                                {"bad\xff", MetricType::kGauge, "", ""}};
  const http::Response response = PostV1(EncodeWriteRequest({}, metadata));
  EXPECT_EQ(response.status, 204) << response.body;
  EXPECT_THAT(sink_.metadata, ElementsAre(metadata[0]));
}

TEST_F(RemoteWriteReceiverTest, AHistogramWithTheStaleSumIsAStaleMarker) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->sum = StaleNan();
  std::vector<WriteSeries> series(1);
  series[0].labels = {{"__name__", "latency"}};
  series[0].histograms = {{.t = 1'000, .histogram = histogram}};
  const http::Response response = PostV2(EncodeWriteRequestV2(series));
  EXPECT_EQ(Written(response), "0 1 0 ");
  EXPECT_THAT(sink_.histograms, IsEmpty());
  ASSERT_EQ(sink_.samples.size(), 1U);
  EXPECT_TRUE(IsStaleNan(sink_.samples[0].sample.v));
}

// ---- Series are known by the bytes of their labels

TEST_F(RemoteWriteReceiverTest, LabelsOfAKnownSeriesAreNotLookedAtAgain) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(PostV1(EncodeWriteRequest(OneSeries())).status, 204);
    EXPECT_EQ(PostV2(EncodeWriteRequestV2(OneSeries())).status, 204);
  }
  EXPECT_EQ(sink_.refs_asked, 2U);  // Once in each version.
  EXPECT_EQ(sink_.samples.size(), 6U);
  for (const RefSample& sample : sink_.samples) EXPECT_EQ(sample.series, 1U);
}

TEST_F(RemoteWriteReceiverTest, ManyMoreSeriesThanAreRememberedAreStoredRightly) {
  RemoteWriteOptions options;
  options.max_cached_series = 100;
  Configure(options);
  for (int round = 0; round < 3; ++round) {
    std::vector<WriteSeries> series(1'000);
    for (size_t i = 0; i < series.size(); ++i) {
      series[i].labels = {{"__name__", "up"}, {"i", std::to_string(i)}};
      series[i].samples = {{.t = 1'000, .v = static_cast<double>(i)}};
    }
    ASSERT_EQ(PostV1(EncodeWriteRequest(series)).status, 204);
  }
  ASSERT_EQ(sink_.samples.size(), 3'000U);
  for (const RefSample& sample : sink_.samples) {
    const std::string name =
        R"(up{i=")" + std::to_string(static_cast<int>(sample.sample.v)) + "\"}";
    EXPECT_EQ(sample.series, sink_.refs.at(name));
  }
}

TEST_F(RemoteWriteReceiverTest, ASeriesBeyondTheLimitIsAskedForAgain) {
  sink_.outcome = AppendOutcome{};
  sink_.outcome->limited = 1;
  sink_.outcome->first_refusal = "too many series";
  http::Response response = PostV1(EncodeWriteRequest(OneSeries()));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, "too many series\n");
  sink_.outcome.reset();
  EXPECT_EQ(PostV1(EncodeWriteRequest(OneSeries())).status, 204);
  EXPECT_EQ(sink_.refs_asked, 2U);
}

TEST_F(RemoteWriteReceiverTest, OtherMetadataOfAKnownSeriesIsNoted) {
  std::vector<WriteSeries> series = OneSeries();
  for (const char* help : {"One.", "One.", "Two."}) {
    series[0].metadata =
        std::make_shared<MetricMetadata>(MetricMetadata{"up", MetricType::kGauge, help, ""});
    EXPECT_EQ(PostV2(EncodeWriteRequestV2(series)).status, 204);
  }
  ASSERT_EQ(sink_.metadata.size(), 2U);
  EXPECT_EQ(sink_.metadata[1].help, "Two.");
}

// ---- Labels

TEST_F(RemoteWriteReceiverTest, LabelsMayComeInAnyOrder) {
  EXPECT_EQ(PostV1(WithLabels({{"job", "a"}, {"__name__", "up"}, {"gone", ""}})).status, 204);
  EXPECT_THAT(sink_.Series(), ElementsAre(R"(up{job="a"})"));
}

TEST_F(RemoteWriteReceiverTest, BadLabelsAreRefusedAndTheRestIsStored) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {WithLabels({{"job", "a"}}), "there is no metric name"},
      {WithLabels({{"__name__", ""}}), "there is no metric name"},
      {WithLabels({{"__name__", "up"}, {"a", "1"}, {"a", "2"}}), "given twice: label \"a\""},
      {WithLabels({{"__name__", "up"}, {"", "1"}}), "a label has an empty name"},
      {WithLabels({{"__name__", "up\xff"}}), "not UTF-8: the value of label \"__name__\""},
      {WithLabels({{"__name__", "up"}, {"a\xff", "1"}}), "a label name is not UTF-8"},
  };
  const std::string good = EncodeWriteRequest(OneSeries());
  for (const auto& [bad, reason] : cases) {
    SCOPED_TRACE(reason);
    sink_.samples.clear();
    const http::Response response = PostV1(good + bad);
    EXPECT_EQ(response.status, 400);
    EXPECT_THAT(response.body,
                HasSubstr("invalid series at byte " + std::to_string(good.size() + 2)));
    EXPECT_THAT(response.body, HasSubstr(reason));
    EXPECT_EQ(sink_.samples.size(), 1U);
  }
}

TEST_F(RemoteWriteReceiverTest, A20SeriesWithBadReferencesIsRefusedAlone) {
  std::string body = EncodeWriteRequestV2(OneSeries());
  wire::ProtoWriter writer(&body);
  writer.Message(5, [&] {
    writer.Bytes(1, std::string("\x01\x63", 2));
    writer.Message(2, [&] { writer.Varint(2, 5); });
  });
  const http::Response response = PostV2(body);
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("reference 99 is outside of the symbol table"));
  EXPECT_EQ(Written(response), "1 0 0 ");
}

TEST_F(RemoteWriteReceiverTest, A20SeriesBringsSamplesOrHistograms) {
  std::vector<WriteSeries> series = OneSeries();
  series[0].samples.clear();
  const http::Response response = PostV2(EncodeWriteRequestV2(series));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("has neither samples nor histograms"));
  EXPECT_THAT(sink_.Series(), IsEmpty());
  EXPECT_EQ(PostV1(EncodeWriteRequest(series)).status, 204);
}

TEST_F(RemoteWriteReceiverTest, OnlyTheFirstReasonsAreTold) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += WithLabels({{"job", std::string(1'000, 'x')}});
  const http::Response response = PostV1(body);
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("and 90 more"));
  EXPECT_LT(response.body.size(), 20'000U);
}

// ---- What the store says

TEST_F(RemoteWriteReceiverTest, WhatTheStoreRefusesIsABadRequest) {
  std::vector<WriteSeries> series = OneSeries();
  series[0].samples = {{.t = 1'000, .v = 1}, {.t = 900, .v = 2}};
  series[0].exemplars = {{.labels = {{"a", "b"}}, .value = 1, .t = 1}};
  sink_.outcome = AppendOutcome{};
  sink_.outcome->samples = 1;
  sink_.outcome->exemplars = 1;
  sink_.outcome->out_of_order = 1;
  sink_.outcome->first_refusal = "out of order sample: series up{job=\"a\"}, time 900";
  http::Response response = PostV2(EncodeWriteRequestV2(series));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, "out of order sample: series up{job=\"a\"}, time 900\n");
  EXPECT_EQ(Written(response), "1 0 1 ");
  response = PostV1(EncodeWriteRequest(series));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(Written(response), "   ");
}

TEST_F(RemoteWriteReceiverTest, WhatWasThereAlreadyIsWritten) {
  sink_.outcome = AppendOutcome{};
  sink_.outcome->repeated = 1;
  const http::Response response = PostV2(EncodeWriteRequestV2(OneSeries()));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(Written(response), "1 0 0 ");
}

TEST_F(RemoteWriteReceiverTest, RejectedExemplarsAreAnErrorIn20Only) {
  std::vector<WriteSeries> series = OneSeries();
  series[0].exemplars = {{.labels = {{"a", "b"}}, .value = 1, .t = 1}};
  sink_.outcome = AppendOutcome{};
  sink_.outcome->samples = 1;
  sink_.outcome->exemplars_rejected = 1;
  const http::Response response = PostV2(EncodeWriteRequestV2(series));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(Written(response), "1 0 0 ");
  EXPECT_EQ(PostV1(EncodeWriteRequest(series)).status, 204);
}

TEST_F(RemoteWriteReceiverTest, AStoreThatTakesNothingIsAskedAgain) {
  const std::vector<std::pair<StatusCode, int>> cases = {{StatusCode::kUnavailable, 503},
                                                         {StatusCode::kResourceExhausted, 429},
                                                         {StatusCode::kInternal, 500}};
  for (const auto& [code, status] : cases) {
    sink_.error = Status(code, "the disk is full");
    const http::Response response = PostV2(EncodeWriteRequestV2(OneSeries()));
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.body, "the disk is full\n");
    EXPECT_EQ(response.Header("Retry-After"), status == 500 ? "" : "5");
    EXPECT_EQ(Written(response), "0 0 0 ");
  }
}

TEST_F(RemoteWriteReceiverTest, InvalidHistogramsAreRefusedAndTheRestIsStored) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->schema = 77;
  std::vector<WriteSeries> series = OneSeries();
  series[0].histograms = {{.t = 1'000, .histogram = histogram}};
  const http::Response response = PostV2(EncodeWriteRequestV2(series));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("invalid histogram"));
  EXPECT_THAT(response.body, HasSubstr("got schema 77"));
  EXPECT_EQ(Written(response), "1 0 0 ");
}

// ---- The protocol

TEST_F(RemoteWriteReceiverTest, ContentTypesThatAreSpoken) {
  const std::string v1 = lib::SnappyCompress(EncodeWriteRequest(OneSeries()));
  for (const char* type :
       {"", "application/x-protobuf", "Application/X-Protobuf",
        "application/x-protobuf;proto=prometheus.WriteRequest",
        "application/x-protobuf; charset=utf-8; proto = prometheus.WriteRequest"}) {
    EXPECT_EQ(Post(v1, type).status, 204) << type;
  }
  EXPECT_EQ(Post(v1, "application/x-protobuf", "").status, 204);
  EXPECT_EQ(sink_.samples.size(), 6U);
}

TEST_F(RemoteWriteReceiverTest, OthersAreUnsupported) {
  const std::string v1 = lib::SnappyCompress(EncodeWriteRequest(OneSeries()));
  for (const char* type : {"application/json", "image/png", "application/x-protobuf;proto=other"}) {
    const http::Response response = Post(v1, type);
    EXPECT_EQ(response.status, 415) << type;
    EXPECT_THAT(response.body, HasSubstr("io.prometheus.write.v2.Request"));
  }
  for (const char* coding : {"gzip", "deflate", "zstd"}) {
    EXPECT_EQ(Post(v1, "application/x-protobuf", coding).status, 415) << coding;
  }
  EXPECT_THAT(sink_.samples, IsEmpty());
}

TEST_F(RemoteWriteReceiverTest, CorruptBodiesAreBadRequests) {
  EXPECT_EQ(Post("\xff\xff", "application/x-protobuf").status, 400);
  std::string message = EncodeWriteRequest(OneSeries());
  const std::string good = message;
  message.resize(message.size() - 1);
  const http::Response response = PostV1(message);
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("at byte 0"));
  // Inside of a label of the second series: the first is not kept either.
  EXPECT_EQ(PostV1(good + std::string("\x0a\x04\x0a\x02\x0a\x05", 6)).status, 400);
  EXPECT_THAT(sink_.samples, IsEmpty());
}

TEST_F(RemoteWriteReceiverTest, LargerRequestsThanTheLimitAreTooLarge) {
  RemoteWriteOptions options;
  options.limits.max_bytes = 1'000;
  Configure(options);
  EXPECT_EQ(PostV1(std::string(1'001, '\0')).status, 413);
  options.limits = {.max_bytes = 1'000'000, .max_items = 1};
  Configure(options);
  EXPECT_EQ(PostV1(EncodeWriteRequest(OneSeries())).status, 413);
}

TEST(FamilyOfTest, PartsAreNamedByTheirFamily) {
  EXPECT_EQ(FamilyOf("a_bucket", MetricType::kHistogram), "a");
  EXPECT_EQ(FamilyOf("a_sum", MetricType::kSummary), "a");
  EXPECT_EQ(FamilyOf("a_count", MetricType::kHistogram), "a");
  EXPECT_EQ(FamilyOf("a_gsum", MetricType::kGaugeHistogram), "a");
  EXPECT_EQ(FamilyOf("a_total", MetricType::kCounter), "a_total");
  EXPECT_EQ(FamilyOf("a_count", MetricType::kGauge), "a_count");
  EXPECT_EQ(FamilyOf("_count", MetricType::kSummary), "_count");
}

}  // namespace
}  // namespace tocsin::receive
