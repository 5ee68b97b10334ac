#include "cpp/wire/remote_read.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "cpp/lib/compression.h"
#include "cpp/wire/prometheus_chunk.h"
#include "cpp/wire/proto/remote_read.pb.h"

namespace tocsin::wire {
namespace {

using testing::HasSubstr;

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) {
    for (const int shift : {4, 0}) {
      hex += "0123456789abcdef"[static_cast<uint8_t>(byte) >> shift & 15];
    }
  }
  return hex;
}

// ---- Chunks: the expected bytes are those of Prometheus 3 for the same samples.

TEST(PrometheusChunkTest, FloatsAreTheBytesOfPrometheus) {
  const std::vector<Sample> samples = {
      {.t = 1700000000000, .v = 1},
      {.t = 1700000015000, .v = 1},
      {.t = 1700000030000, .v = 2.5},
      {.t = 1700000045100, .v = -3e300},
      {.t = 1700000060000, .v = std::numeric_limits<double>::infinity()},
      {.t = 1700000175000, .v = 0},
      {.t = 1700001175000, .v = StaleNan()},
      {.t = 1800000000000, .v = 12345.678},
      {.t = 1800000000001, .v = 5e-324}};
  EXPECT_EQ(Hex(XorChunk(samples)),
            "000980a0abfef9623ff00000000000009875309bffd8064c005f2af596b3002c1adf9c50343d65acc00b06"
            "bc30e093ff80000000000007800000000006c0844ffe0000000000005e0000002e90ab6fd11f9c0e6b645a"
            "1cad7fffffff45bcd82ecc819039ad916872b2");
  EXPECT_EQ(Hex(XorChunk({})), "0000");
}

TEST(PrometheusChunkTest, HistogramsAreTheBytesOfPrometheus) {
  auto gauge = std::make_shared<NativeHistogram>();
  gauge->counter_reset = CounterResetHint::kGauge;
  gauge->schema = 3;
  gauge->zero_threshold = 1e-3;
  gauge->zero_count = 2;
  gauge->count = 13;
  gauge->sum = 99.5;
  gauge->positive_spans = {{.offset = -40, .length = 2}, {.offset = 300, .length = 1}};
  gauge->positive_buckets = {5, 1, 4};
  gauge->negative_spans = {{.offset = 1, .length = 1}};
  gauge->negative_buckets = {1};
  EXPECT_EQ(Hex(FloatHistogramChunk({1700000000000, gauge})),
            "0001c0ff3f50624dd2f1a9fc9ca5dd88f84b2318ff0000c5e7f2b400201500000000000020000000000000"
            "00202c700000000000200a0000000000001ff800000000000020080000000000001ff800000000000000");

  auto custom = std::make_shared<NativeHistogram>();
  custom->schema = kCustomBucketsSchema;
  custom->count = 3;
  custom->sum = 1;
  custom->positive_spans = {{.offset = 0, .length = 3}};
  custom->positive_buckets = {1, 1, 1};
  custom->custom_values = {0.005, 0.1, 1.0 / 3, 1e9};
  EXPECT_EQ(Hex(FloatHistogramChunk({1700000000000, custom})),
            "00010000ee5c6652dc651feaaaaaaaaaaaaa90737359400000003f800062f3f95a00100200000000000000"
            "000000000000000ffc0000000000000ffc0000000000000ffc0000000000000ffc00000000000000");

  auto empty = std::make_shared<NativeHistogram>();
  empty->zero_threshold = 0.0078125;
  empty->zero_count = 1;
  empty->count = 1;
  EXPECT_EQ(Hex(FloatHistogramChunk({1700000000000, empty})),
            "000100ed1fc0003179fcad0007fe00000000000007fe000000000000000000000000000000");
}

// ---- Requests

std::string Compressed(const prometheus::ReadRequest& request) {
  return lib::SnappyCompress(request.SerializeAsString());
}

TEST(RemoteReadTest, QueriesAndMatchersAreRead) {
  prometheus::ReadRequest request;
  auto* query = request.add_queries();
  query->set_start_timestamp_ms(-5);
  query->set_end_timestamp_ms(10);
  for (int type = 0; type < 4; ++type) {
    auto* matcher = query->add_matchers();
    matcher->set_type(static_cast<prometheus::LabelMatcher::Type>(type));
    matcher->set_name("name" + std::to_string(type));
    matcher->set_value("value");
  }
  request.add_queries();
  const auto read = DecodeReadRequest(Compressed(request), 1 << 20);
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  ASSERT_EQ(read->queries.size(), 2U);
  EXPECT_EQ(read->queries[0].from, -5);
  EXPECT_EQ(read->queries[0].to, 10);
  ASSERT_EQ(read->queries[0].matchers.size(), 4U);
  EXPECT_EQ(read->queries[0].matchers[3].match, ReadMatch::kNotRegex);
  EXPECT_EQ(read->queries[0].matchers[3].name, "name3");
  EXPECT_EQ(read->queries[0].matchers[3].value, "value");
  EXPECT_EQ(read->response, ReadResponseType::kSamples);
}

TEST(RemoteReadTest, TheFirstAcceptedTypeThatIsKnownIsChosen) {
  const auto chosen = [](const std::vector<int>& types) {
    prometheus::ReadRequest request;
    for (const int type : types) {
      request.add_accepted_response_types(static_cast<prometheus::ReadRequest::ResponseType>(type));
    }
    return DecodeReadRequest(Compressed(request), 1 << 20);
  };
  EXPECT_EQ(chosen({1, 0})->response, ReadResponseType::kStreamedChunks);
  EXPECT_EQ(chosen({7, 0, 1})->response, ReadResponseType::kSamples);
  EXPECT_EQ(chosen({7}).error().code(), StatusCode::kInvalidArgument);
}

TEST(RemoteReadTest, BadRequestsAreErrors) {
  EXPECT_EQ(DecodeReadRequest("\xff\xff", 100).error().code(), StatusCode::kInvalidArgument);
  const auto cut = DecodeReadRequest(lib::SnappyCompress("\x0a\x05"), 100);
  EXPECT_THAT(std::string(cut.error().message()), HasSubstr("at byte 0"));
  EXPECT_EQ(DecodeReadRequest(lib::SnappyCompress(std::string(101, 'x')), 100).error().code(),
            StatusCode::kResourceExhausted);
  prometheus::ReadRequest request;
  request.add_queries()->add_matchers()->set_type(static_cast<prometheus::LabelMatcher::Type>(9));
  EXPECT_THAT(std::string(DecodeReadRequest(Compressed(request), 100).error().message()),
              HasSubstr("unknown type"));
}

// ---- Answers

HistogramSample Histogram(Millis t) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->count = 2;
  histogram->zero_count = 2;
  return {.t = t, .histogram = histogram};
}

TEST(RemoteReadTest, SamplesAreAnsweredForEachQuery) {
  const std::vector<LabelView> labels = {{"__name__", "up"}, {"job", "a"}};
  const std::vector<Sample> samples = {{.t = 1, .v = 0.5}, {.t = 2, .v = StaleNan()}};
  const std::vector<HistogramSample> histograms = {Histogram(3)};
  ReadResponseWriter writer;
  writer.BeginResult();
  writer.EndResult();
  writer.BeginResult();
  writer.Add({labels, samples, histograms});
  writer.EndResult();
  prometheus::ReadResponse response;
  ASSERT_TRUE(response.ParseFromString(
      lib::SnappyDecompress(writer.Finish(), 1 << 20).value_or("malformed")));
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_EQ(response.results(0).timeseries_size(), 0);
  ASSERT_EQ(response.results(1).timeseries_size(), 1);
  const prometheus::TimeSeries& series = response.results(1).timeseries(0);
  EXPECT_EQ(series.labels(1).name(), "job");
  ASSERT_EQ(series.samples_size(), 2);
  EXPECT_EQ(series.samples(0).value(), 0.5);
  EXPECT_EQ(std::bit_cast<uint64_t>(series.samples(1).value()), kStaleNanBits);
  EXPECT_EQ(series.histograms(0).count_int(), 2U);
}

std::vector<prometheus::ChunkedReadResponse> Frames(std::string_view stream) {
  std::vector<prometheus::ChunkedReadResponse> frames;
  while (!stream.empty()) {
    const auto size = GetVarint64(&stream);
    EXPECT_TRUE(size.has_value() && *size + 4 <= stream.size());
    uint32_t crc = 0;
    for (int i = 0; i < 4; ++i)
      crc = crc << 8 | static_cast<uint8_t>(stream[static_cast<size_t>(i)]);
    const std::string_view message = stream.substr(4, *size);
    EXPECT_EQ(crc, Crc32c(message));
    EXPECT_TRUE(frames.emplace_back().ParseFromString(std::string(message)));
    stream.remove_prefix(4 + *size);
  }
  return frames;
}

TEST(RemoteReadTest, ChunksOfFloatsAndHistogramsAreInTheOrderOfTime) {
  const std::vector<LabelView> labels = {{"__name__", "up"}};
  std::vector<Sample> samples;
  for (Millis t = 0; t < 250; ++t) samples.push_back({.t = t * 10, .v = 1});
  const std::vector<HistogramSample> histograms = {Histogram(1'205), Histogram(5'000)};
  std::string stream;
  ChunkedReadWriter().Add({labels, samples, histograms}, 3, &stream);
  const auto frames = Frames(stream);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].query_index(), 3);
  const prometheus::ChunkedSeries& series = frames[0].chunked_series(0);
  EXPECT_EQ(series.labels(0).value(), "up");
  std::string text;
  for (const prometheus::Chunk& chunk : series.chunks()) {
    text += std::to_string(chunk.type()) + ":" + std::to_string(chunk.min_time_ms()) + "-" +
            std::to_string(chunk.max_time_ms()) + " ";
  }
  EXPECT_EQ(text, "1:0-1190 1:1200-1200 3:1205-1205 1:1210-2400 1:2410-2490 3:5000-5000 ");
}

TEST(RemoteReadTest, LongSeriesGoOnInTheNextFrame) {
  const std::vector<LabelView> labels = {{"__name__", "up"}};
  std::vector<Sample> samples;
  uint64_t bits = 1;
  for (Millis t = 0; t < 300'000; ++t) {
    bits *= 6364136223846793005U;
    samples.push_back({.t = t, .v = static_cast<double>(bits)});
  }
  std::string stream;
  ChunkedReadWriter().Add({labels, samples, {}}, 0, &stream);
  const auto frames = Frames(stream);
  EXPECT_GT(frames.size(), 1U);
  int64_t next = 0;
  for (const auto& frame : frames) {
    ASSERT_EQ(frame.chunked_series_size(), 1);
    EXPECT_EQ(frame.chunked_series(0).labels_size(), 1);
    EXPECT_LT(frame.ByteSizeLong(), size_t{2} << 20);
    for (const prometheus::Chunk& chunk : frame.chunked_series(0).chunks()) {
      EXPECT_EQ(chunk.min_time_ms(), next);
      next = chunk.max_time_ms() + 1;
    }
  }
  EXPECT_EQ(next, 300'000);
}

}  // namespace
}  // namespace tocsin::wire
