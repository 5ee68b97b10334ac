#include "cpp/wire/remote_write_decode.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/lib/compression.h"
#include "cpp/wire/proto/remote_write.pb.h"
#include "cpp/wire/proto/remote_write_v2.pb.h"
#include "cpp/wire/remote_write.h"
#include "tests/unit/wire/remote_write_oracle.h"

namespace tocsin::wire {
namespace {

using testing::HasSubstr;

namespace v1 = prometheus;
namespace v2 = io::prometheus::write::v2;

WriteRequest MustParse(std::string body, WriteMessage message) {
  Result<WriteRequest> request = WriteRequest::Parse(std::move(body), message, {});
  TOCSIN_CHECK(request.has_value());
  return *std::move(request);
}

std::string LabelsOf(const WriteRequest& request, const WriteRequest::LabelsRef& ref) {
  std::vector<LabelView> labels;
  const Status status = request.Labels(ref, &labels);
  if (!status.ok()) return status.ToString();
  std::string text;
  for (const LabelView& label : labels) {
    text += std::string(label.name) + "=" + std::string(label.value) + " ";
  }
  return text;
}

template <class Message>
void AddLabel(std::string name, std::string value, Message* message) {
  auto* label = message->add_labels();
  label->set_name(std::move(name));
  label->set_value(std::move(value));
}

// ---- Requests at random

template <class Histogram>
void FillHistogram(std::mt19937_64& random, Histogram* histogram) {
  const auto small = [&random](uint64_t below) { return static_cast<int>(random() % below); };
  const auto side = [&](auto* spans, const auto& delta, const auto& count) {
    for (int n = small(3); n > 0; --n) {
      auto* span = spans->Add();
      span->set_offset(small(5) - 1);
      span->set_length(static_cast<uint32_t>(small(4)));
      for (uint32_t i = 0; i < span->length(); ++i) {
        delta(small(5) - 1);
        count(static_cast<double>(small(5)) / 2);
      }
    }
  };
  side(
      histogram->mutable_positive_spans(), [&](int d) { histogram->add_positive_deltas(d); },
      [&](double c) { histogram->add_positive_counts(c); });
  side(
      histogram->mutable_negative_spans(), [&](int d) { histogram->add_negative_deltas(d); },
      [&](double c) { histogram->add_negative_counts(c); });
  if (small(2) == 0) {
    histogram->set_count_float(small(50));
    histogram->set_zero_count_float(small(3));
  } else {
    histogram->set_count_int(static_cast<uint64_t>(small(20)));
    histogram->set_zero_count_int(static_cast<uint64_t>(small(3)));
  }
  histogram->set_sum(small(3) == 0 ? std::numeric_limits<double>::quiet_NaN() : 1.5);
  histogram->set_schema(small(16) - 5);
  histogram->set_timestamp(small(10'000));
  histogram->set_reset_hint(static_cast<decltype(histogram->reset_hint())>(small(4)));
  if (small(4) == 0) {
    histogram->set_schema(kCustomBucketsSchema);
    histogram->add_custom_values(1);
    histogram->add_custom_values(2);
  }
}

std::string RandomV1(std::mt19937_64& random) {
  v1::WriteRequest request;
  for (uint64_t n = random() % 5; n > 0; --n) {
    auto* series = request.add_timeseries();
    for (uint64_t i = random() % 5; i > 0; --i) {
      AddLabel("l" + std::to_string(random() % 9), std::string(random() % 140, 'x'), series);
    }
    for (uint64_t i = random() % 4; i > 0; --i) {
      auto* sample = series->add_samples();
      sample->set_timestamp(static_cast<int64_t>(random()));
      sample->set_value(std::bit_cast<double>(random()));
    }
    for (uint64_t i = random() % 2; i > 0; --i) {
      auto* exemplar = series->add_exemplars();
      AddLabel("trace_id", "0af7", exemplar);
      exemplar->set_value(3);
      exemplar->set_timestamp(static_cast<int64_t>(random() % 1'000));
    }
    for (uint64_t i = random() % 3; i > 0; --i) FillHistogram(random, series->add_histograms());
  }
  for (uint64_t n = random() % 3; n > 0; --n) {
    auto* metadata = request.add_metadata();
    metadata->set_metric_family_name("family");
    metadata->set_type(static_cast<v1::MetricMetadata::MetricType>(random() % 8));
    metadata->set_help("help \xff");
  }
  return request.SerializeAsString();
}

std::string RandomV2(std::mt19937_64& random) {
  v2::Request request;
  for (int i = 0; i < 8; ++i) request.add_symbols(i == 0 ? "" : "symbol" + std::to_string(i));
  const auto add_refs = [&](auto* message) {
    for (uint64_t n = random() % 5; n > 0; --n)
      message->add_labels_refs(static_cast<uint32_t>(random() % 9));
  };
  for (uint64_t n = random() % 5; n > 0; --n) {
    auto* series = request.add_timeseries();
    add_refs(series);
    for (uint64_t i = random() % 4; i > 0; --i) {
      auto* sample = series->add_samples();
      sample->set_timestamp(static_cast<int64_t>(random()));
      sample->set_value(std::bit_cast<double>(random()));
      sample->set_start_timestamp(static_cast<int64_t>(random() % 3));
    }
    for (uint64_t i = random() % 2; i > 0; --i) add_refs(series->add_exemplars());
    for (uint64_t i = random() % 3; i > 0; --i) FillHistogram(random, series->add_histograms());
    if (random() % 2 == 0)
      series->mutable_metadata()->set_help_ref(static_cast<uint32_t>(random() % 9));
    if (random() % 3 == 0) series->set_created_timestamp(77);
  }
  return request.SerializeAsString();
}

// Requests, and requests with a few bytes changed, cut out or doubled.
TEST(RemoteWriteDecodeTest, MeansWhatProtobufMeans) {
  for (uint32_t seed = 0; seed < 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const WriteMessage message = seed % 2 == 0 ? WriteMessage::kV1 : WriteMessage::kV2;
    std::string body = message == WriteMessage::kV1 ? RandomV1(random) : RandomV2(random);
    ASSERT_EQ(WriteDisagreement(body, message), "");
    for (int changes = 0; changes < 4 && !body.empty(); ++changes) {
      const size_t at = random() % body.size();
      switch (random() % 3) {
        case 0:
          body[at] = static_cast<char>(random());
          break;
        case 1:
          body.erase(at, 1 + random() % 3);
          break;
        default:
          body.insert(at, body.substr(at, 1 + random() % 40));
      }
      ASSERT_EQ(WriteDisagreement(body, message), "");
    }
  }
}

TEST(RemoteWriteDecodeTest, WhatIsEncodedIsDecoded) {
  std::vector<WriteSeries> series(1);
  series[0].labels = {{"__name__", "calls_total"}, {"job", "a"}};
  series[0].samples = {{.t = 1'000, .v = 1}, {.t = 2'000, .v = StaleNan()}};
  series[0].starts = {500, 0};
  series[0].exemplars = {{.labels = {{"trace_id", "abc"}}, .value = 0.5, .t = 999}};
  series[0].metadata = std::make_shared<MetricMetadata>(
      MetricMetadata{"calls_total", MetricType::kCounter, "Calls.", ""});
  const WriteRequest request = MustParse(EncodeWriteRequestV2(series), WriteMessage::kV2);
  ASSERT_EQ(request.series().size(), 1U);
  const WriteRequest::Series& read = request.series()[0];
  EXPECT_EQ(LabelsOf(request, read.labels), "__name__=calls_total job=a ");
  ASSERT_EQ(read.samples.size(), 2U);
  EXPECT_EQ(read.samples[0].start, 500);
  EXPECT_EQ(read.samples[0].sample.t, 1'000);
  EXPECT_TRUE(IsStaleNan(read.samples[1].sample.v));
  ASSERT_EQ(read.exemplars.size(), 1U);
  EXPECT_EQ(LabelsOf(request, read.exemplars[0].labels), "trace_id=abc ");
  EXPECT_EQ(read.type, MetricType::kCounter);
  EXPECT_EQ(request.Symbol(read.help_ref).value_or("?"), "Calls.");
}

// ---- Labels and identities

TEST(RemoteWriteDecodeTest, LabelsThatLieApartAreOneLabelSet) {
  v1::WriteRequest near;
  auto* series = near.add_timeseries();
  AddLabel("a", "1", series);
  AddLabel("b", "2", series);
  // Two submessages of one field: protobuf appends the repeated fields of a message in the order in
  // which they come, whatever stands between them.
  v1::TimeSeries first;
  AddLabel("a", "1", &first);
  first.add_samples()->set_timestamp(7);
  v1::TimeSeries second;
  AddLabel("b", "2", &second);
  const std::string apart = first.SerializeAsString() + second.SerializeAsString();
  std::string body = "\x0a";
  body.push_back(static_cast<char>(apart.size()));
  body += apart;

  const WriteRequest a = MustParse(near.SerializeAsString(), WriteMessage::kV1);
  WriteRequest moved = MustParse(body, WriteMessage::kV1);
  const WriteRequest b = std::move(moved);
  EXPECT_EQ(LabelsOf(b, b.series()[0].labels), "a=1 b=2 ");
  EXPECT_EQ(a.series()[0].identity, b.series()[0].identity);
  EXPECT_EQ(b.series()[0].samples[0].sample.t, 7);
}

TEST(RemoteWriteDecodeTest, TheIdentityIsThatOfTheStringsNotOfTheirSymbols) {
  v2::Request one;
  for (const char* symbol : {"", "__name__", "up", "job", "a"}) one.add_symbols(symbol);
  auto* series = one.add_timeseries();
  for (const uint32_t ref : {1U, 2U, 3U, 4U}) series->add_labels_refs(ref);

  v2::Request two;
  for (const char* symbol : {"", "a", "job", "up", "__name__", "help"}) two.add_symbols(symbol);
  series = two.add_timeseries();
  for (const uint32_t ref : {4U, 3U, 2U, 1U}) series->add_labels_refs(ref);
  series = two.add_timeseries();  // The same with other metadata.
  for (const uint32_t ref : {4U, 3U, 2U, 1U}) series->add_labels_refs(ref);
  series->mutable_metadata()->set_help_ref(5);
  series = two.add_timeseries();  // Another series.
  for (const uint32_t ref : {4U, 3U, 2U, 5U}) series->add_labels_refs(ref);

  const WriteRequest a = MustParse(one.SerializeAsString(), WriteMessage::kV2);
  const WriteRequest b = MustParse(two.SerializeAsString(), WriteMessage::kV2);
  EXPECT_EQ(a.series()[0].identity, b.series()[0].identity);
  EXPECT_NE(a.series()[0].identity, b.series()[1].identity);
  EXPECT_NE(a.series()[0].identity, b.series()[2].identity);
}

TEST(RemoteWriteDecodeTest, ReferencesThatLeadNowhereSpoilTheirSeriesOnly) {
  v2::Request request;
  for (const char* symbol : {"", "__name__", "up"}) request.add_symbols(symbol);
  for (const std::vector<uint32_t>& refs :
       {std::vector<uint32_t>{1, 2}, std::vector<uint32_t>{1, 3}, std::vector<uint32_t>{1}}) {
    auto* series = request.add_timeseries();
    for (const uint32_t ref : refs) series->add_labels_refs(ref);
  }
  const WriteRequest decoded = MustParse(request.SerializeAsString(), WriteMessage::kV2);
  EXPECT_EQ(LabelsOf(decoded, decoded.series()[0].labels), "__name__=up ");
  std::vector<LabelView> labels;
  Status status = decoded.Labels(decoded.series()[1].labels, &labels);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "reference 3 is outside of the symbol table, which has 3 entries");
  status = decoded.Labels(decoded.series()[2].labels, &labels);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "the label references are odd in number: a name has no value");
}

// ---- Bounds and errors

TEST(RemoteWriteDecodeTest, ErrorsNameTheByte) {
  v1::WriteRequest request;
  AddLabel("a", "1", request.add_timeseries());
  std::string body = request.SerializeAsString();
  body.resize(body.size() - 1);
  const auto cut = WriteRequest::Parse(body, WriteMessage::kV1, {});
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(cut.error().message(),
            "malformed remote write request: a field is malformed or cut short, at byte 0");

  // Inside of a label, which is not read before someone asks for it.
  const std::string bad_label("\x0a\x04\x0a\x02\x0a\x05", 6);
  const WriteRequest decoded = MustParse(bad_label, WriteMessage::kV1);
  std::vector<LabelView> labels;
  const Status status = decoded.Labels(decoded.series()[0].labels, &labels);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "malformed remote write request: a field is malformed or cut short, at byte 4");
}

TEST(RemoteWriteDecodeTest, TheBoundOnItemsHolds) {
  std::string series;
  for (int i = 0; i < 100; ++i) series += std::string("\x0a\x02\x12\x00", 4);
  EXPECT_TRUE(WriteRequest::Parse(series, WriteMessage::kV1, {.max_items = 200}).has_value());
  const auto more = WriteRequest::Parse(series, WriteMessage::kV1, {.max_items = 199});
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code(), StatusCode::kResourceExhausted);

  std::string symbols;
  for (int i = 0; i < 100; ++i) symbols += std::string("\x22\x00", 2);
  EXPECT_EQ(WriteRequest::Parse(symbols, WriteMessage::kV2, {.max_items = 99}).error().code(),
            StatusCode::kResourceExhausted);
}

TEST(RemoteWriteDecodeTest, SnappyIsUndoneWithinItsBound) {
  std::vector<WriteSeries> series(1);
  series[0].labels = {{"__name__", "up"}};
  series[0].samples = {{.t = 1, .v = 1}};
  const std::string block = lib::SnappyCompress(EncodeWriteRequest(series));
  const auto request = WriteRequest::Decode(block, WriteMessage::kV1, {});
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(LabelsOf(*request, request->series()[0].labels), "__name__=up ");

  EXPECT_EQ(WriteRequest::Decode("\xff", WriteMessage::kV1, {}).error().code(),
            StatusCode::kInvalidArgument);
  const std::string bomb = lib::SnappyCompress(std::string(1 << 20, '\0'));
  EXPECT_EQ(WriteRequest::Decode(bomb, WriteMessage::kV1, {.max_bytes = 1 << 10}).error().code(),
            StatusCode::kResourceExhausted);
}

// ---- Histograms

class HistogramTest : public testing::Test {
 protected:
  HistogramTest() {
    histogram_.set_count_int(6);
    histogram_.set_zero_count_int(1);
    histogram_.set_sum(3.5);
    auto* span = histogram_.add_positive_spans();
    span->set_offset(-1);
    span->set_length(2);
    histogram_.add_positive_deltas(2);
    histogram_.add_positive_deltas(1);
  }

  WireHistogram Read() const {
    v1::WriteRequest request;
    *request.add_timeseries()->add_histograms() = histogram_;
    const WriteRequest decoded = MustParse(request.SerializeAsString(), WriteMessage::kV1);
    return decoded.series()[0].histograms[0];
  }
  std::string Invalid() const { return Read().invalid; }

  v1::Histogram histogram_;
};

TEST_F(HistogramTest, DeltasBecomeCounts) {
  const WireHistogram read = Read();
  ASSERT_NE(read.histogram, nullptr) << read.invalid;
  EXPECT_EQ(read.histogram->positive_buckets, (std::vector<double>{2, 3}));
  EXPECT_EQ(read.histogram->count, 6);
  EXPECT_EQ(read.histogram->zero_count, 1);
  EXPECT_FALSE(read.stale());
}

TEST_F(HistogramTest, ASumOfTheStaleNanIsAStaleMarker) {
  histogram_.set_sum(StaleNan());
  EXPECT_TRUE(Read().stale());
}

TEST_F(HistogramTest, ObservationsOfNanAreInNoBucket) {
  histogram_.set_count_int(7);
  EXPECT_THAT(Invalid(), HasSubstr("6 observations found in buckets, but the Count field is 7"));
  histogram_.set_sum(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(Invalid(), "");
  histogram_.set_count_int(5);
  EXPECT_THAT(Invalid(), HasSubstr("6 observations found in buckets, but the Count field is 5"));
}

TEST_F(HistogramTest, SpansMustFitTheBuckets) {
  histogram_.add_positive_deltas(1);
  EXPECT_THAT(Invalid(), HasSubstr("spans need 2 buckets, have 3 buckets"));
  auto* span = histogram_.add_positive_spans();
  span->set_offset(-1);
  span->set_length(1);
  EXPECT_THAT(Invalid(), HasSubstr("span number 2 with offset -1"));
  span->set_offset(std::numeric_limits<int32_t>::max());
  EXPECT_NE(Invalid(), "");
}

TEST_F(HistogramTest, CountsAreNotNegative) {
  histogram_.set_positive_deltas(1, -3);
  EXPECT_THAT(Invalid(), HasSubstr("bucket number 2 has observation count of -1"));
  histogram_.set_count_float(6);
  histogram_.add_positive_counts(1);
  histogram_.add_positive_counts(-0.5);
  EXPECT_THAT(Invalid(), HasSubstr("bucket number 2 has observation count of -0.5"));
  histogram_.set_positive_counts(1, 0.5);
  EXPECT_EQ(Invalid(), "");
  histogram_.set_zero_count_float(-1);
  EXPECT_THAT(Invalid(), HasSubstr("zero bucket has observation count of -1"));
  histogram_.set_zero_count_float(0);
  histogram_.set_count_float(-1);
  EXPECT_THAT(Invalid(), HasSubstr("observation count is negative"));
}

// A delta that overflows makes no histogram, whatever it wraps to.
TEST_F(HistogramTest, OverflowsAreRefused) {
  histogram_.set_positive_deltas(0, std::numeric_limits<int64_t>::max());
  EXPECT_NE(Invalid(), "");
  histogram_.set_positive_deltas(1, -std::numeric_limits<int64_t>::max());
  EXPECT_NE(Invalid(), "");
}

TEST_F(HistogramTest, SchemasThatAreTooFineAreMadeCoarser) {
  histogram_.set_schema(10);  // Four of its buckets are one of schema 8.
  histogram_.clear_positive_spans();
  auto* span = histogram_.add_positive_spans();
  span->set_offset(-4);
  span->set_length(2);
  span = histogram_.add_positive_spans();
  span->set_offset(1);
  span->set_length(3);
  histogram_.clear_positive_deltas();
  for (const int delta : {1, 0, 0, 0, 0}) histogram_.add_positive_deltas(delta);
  const WireHistogram read = Read();
  ASSERT_NE(read.histogram, nullptr) << read.invalid;
  EXPECT_EQ(read.histogram->schema, 8);
  // Buckets -4, -3 and -1, 0, 1 of schema 10: -1, 0, 0, 0, 1 of schema 8.
  EXPECT_EQ(read.histogram->positive_spans,
            (std::vector<HistogramSpan>{{.offset = -1, .length = 3}}));
  EXPECT_EQ(read.histogram->positive_buckets, (std::vector<double>{1, 3, 1}));
}

TEST_F(HistogramTest, OtherSchemasDoNotExist) {
  for (const int schema : {-5, -52, 53, 1000}) {
    histogram_.set_schema(schema);
    EXPECT_THAT(Invalid(), HasSubstr("got schema " + std::to_string(schema)));
  }
}

TEST_F(HistogramTest, CustomBucketsHaveAscendingFiniteBounds) {
  histogram_.set_schema(kCustomBucketsSchema);
  histogram_.mutable_positive_spans(0)->set_offset(0);
  histogram_.set_zero_count_int(0);
  histogram_.set_count_int(5);
  EXPECT_THAT(Invalid(), HasSubstr("only 0 custom bounds defined"));
  histogram_.add_custom_values(1);
  EXPECT_EQ(Invalid(), "");
  EXPECT_EQ(Read().histogram->custom_values, std::vector<double>{1});
  histogram_.set_zero_count_int(1);
  EXPECT_THAT(Invalid(), HasSubstr("must have zero count of 0"));
  histogram_.set_zero_count_int(0);
  histogram_.add_custom_values(1);
  EXPECT_THAT(Invalid(), HasSubstr("must be in strictly increasing order"));
  histogram_.set_custom_values(1, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(Invalid(), HasSubstr("must not be NaN"));
}

}  // namespace
}  // namespace tocsin::wire
