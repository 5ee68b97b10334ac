#include "cpp/scrape/protobuf_reader.h"

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/scrape/exposition.h"

namespace tocsin::scrape {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A message, field by field.
std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string Number(uint32_t field, uint64_t value) { return Varint(field << 3) + Varint(value); }
std::string Signed(uint32_t field, int64_t value) {
  return Number(field, static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
}
std::string Bytes(uint32_t field, std::string_view value) {
  return Varint(field << 3 | 2) + Varint(value.size()) + std::string(value);
}
std::string Double(uint32_t field, double value) {
  std::string out = Varint(field << 3 | 1);
  const auto bits = std::bit_cast<uint64_t>(value);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
  return out;
}
std::string Label(std::string_view name, std::string_view value) {
  return Bytes(1, Bytes(1, name) + Bytes(2, value));
}
std::string Family(std::string_view name, uint64_t type, const std::vector<std::string>& metrics) {
  std::string message = Bytes(1, name) + Bytes(2, "help") + Number(3, type);
  for (const std::string& metric : metrics) message += Bytes(4, metric);
  return Varint(message.size()) + message;
}

constexpr uint64_t kCounter = 0;
constexpr uint64_t kSummary = 2;
constexpr uint64_t kHistogram = 4;

/// Samples as "labels value", or "labels native".
std::vector<std::string> ReadAll(std::string_view body, const ReaderOptions& options = {}) {
  ProtobufReader reader(body, options);
  std::vector<std::string> samples;
  while (true) {
    const auto item = reader.Next();
    if (!item.has_value()) return {std::string(item.error().message())};
    if (*item == ExpositionReader::Item::kEnd) return samples;
    if (*item != ExpositionReader::Item::kSample) continue;
    const auto labels = reader.ReadLabels();
    if (!labels.has_value()) return {std::string(labels.error().message())};
    std::string text = Labels(*labels).ToString() + " ";
    if (reader.sample().histogram != nullptr) {
      text += "native";
    } else {
      text += std::to_string(static_cast<int64_t>(reader.sample().value));
    }
    if (reader.sample().start != 0) text += " from " + std::to_string(reader.sample().start);
    if (reader.sample().timestamp) text += " at " + std::to_string(*reader.sample().timestamp);
    samples.push_back(std::move(text));
  }
}

std::string Classic() {
  return Number(1, 3) + Double(2, 7.0) + Bytes(3, Number(1, 1) + Double(2, 1.0)) +
         Bytes(3, Number(1, 2) + Double(2, 2.5));
}

std::string Native() {
  return Classic() + Signed(5, 1) + Double(6, 0.001) + Number(7, 1) +
         Bytes(12, Signed(1, 1) + Number(2, 2)) + Signed(13, 1) + Signed(13, 0);
}

TEST(ProtobufReader, ReadsSimpleMetricsAndSummaries) {
  const std::string time = Number(1, 5) + Number(2, 250'000'000);
  const std::string body =
      Family("c", kCounter,
             {Label("a", "1") + Bytes(3, Double(1, 5) + Bytes(3, time)),
              Label("a", "2") + Bytes(3, Double(1, 6)) + Number(6, 777)}) +
      Family("s", kSummary,
             {Bytes(4, Number(1, 2) + Double(2, 9) + Bytes(3, Double(1, 1) + Double(2, 4)))});
  EXPECT_THAT(ReadAll(body), ElementsAre("c{a=\"1\"} 5 from 5250", "c{a=\"2\"} 6 at 777",
                                         "s_count 2", "s_sum 9", "s{quantile=\"1.0\"} 4"));
}

TEST(ProtobufReader, HistogramsComeInTheFormsThatAreWanted) {
  const std::string body = Family("h", kHistogram, {Bytes(7, Native())});
  const std::vector<std::string> classic{"h_count 3", "h_sum 7", "h_bucket{le=\"1.0\"} 1",
                                         "h_bucket{le=\"2.5\"} 2", "h_bucket{le=\"+Inf\"} 3"};
  EXPECT_EQ(ReadAll(body), classic);
  EXPECT_THAT(ReadAll(body, {.native_histograms = true}), ElementsAre("h native"));
  std::vector<std::string> both = classic;
  both.insert(both.begin(), "h native");
  EXPECT_EQ(ReadAll(body, {.native_histograms = true, .classic_histograms = true}), both);
  EXPECT_THAT(ReadAll(body, {.convert_classic = true}), ElementsAre("h native"));
  EXPECT_EQ(ReadAll(Family("h", kHistogram, {Bytes(7, Classic())}), {.native_histograms = true}),
            classic);
}

TEST(ProtobufReader, NativeHistogramsHaveAbsoluteCounts) {
  const std::string body = Family("h", kHistogram, {Bytes(7, Native())});
  ProtobufReader reader(body, {.native_histograms = true});
  auto item = reader.Next();
  while (item.has_value() && *item == ExpositionReader::Item::kMetadata) item = reader.Next();
  ASSERT_TRUE(item.has_value());
  ASSERT_NE(reader.sample().histogram, nullptr);
  const NativeHistogram& h = *reader.sample().histogram;
  EXPECT_EQ(h.schema, 1);
  EXPECT_EQ(h.count, 3);
  EXPECT_EQ(h.zero_count, 1);
  EXPECT_EQ(h.zero_threshold, 0.001);
  EXPECT_THAT(h.positive_buckets, ElementsAre(1, 1));
  EXPECT_THAT(h.positive_spans, ElementsAre(HistogramSpan{1, 2}));
}

TEST(ProtobufReader, RefusesWhatIsMalformed) {
  EXPECT_THAT(ReadAll("\x05"), ElementsAre(HasSubstr("byte 0: it is cut short")));
  EXPECT_THAT(ReadAll(Family("", kCounter, {})), ElementsAre(HasSubstr("invalid metric name")));
  EXPECT_THAT(ReadAll(Family("a", 9, {})), ElementsAre(HasSubstr("unknown metric type 9")));
  EXPECT_THAT(ReadAll(Family("a", kCounter, {Label("", "x") + Bytes(3, Double(1, 1))})),
              ElementsAre(HasSubstr("a label is malformed")));
  // Spans that promise four thousand million buckets.
  const std::string bomb = Number(1, 1) + Bytes(12, Signed(1, 0) + Number(2, 0xffffffff));
  EXPECT_THAT(ReadAll(Family("h", kHistogram, {Bytes(7, bomb)}), {.native_histograms = true}),
              ElementsAre(HasSubstr("(\"h\"): the value of a metric is malformed")));
  const std::string whole = Family("h", kHistogram, {Bytes(7, Native())});
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_THAT(ReadAll(std::string_view(whole).substr(0, size)),
                ElementsAre(HasSubstr("cut short")));
  }
}

}  // namespace
}  // namespace tocsin::scrape
