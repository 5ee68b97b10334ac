#include "cpp/wire/remote_write.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/wire/proto/remote_write.pb.h"

namespace tocsin::wire {
namespace {

template <class Message>
void AddLabels(const Labels& labels, Message* message) {
  for (const auto& [name, value] : labels) {
    auto* label = message->add_labels();
    label->set_name(name);
    label->set_value(value);
  }
}

// The same request made with protobuf's classes.
std::string ByProtobuf(const std::vector<WriteSeries>& series) {
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
  }
  return request.SerializeAsString();
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
    }
    ASSERT_EQ(EncodeWriteRequest(series), ByProtobuf(series));
  }
}

}  // namespace
}  // namespace tocsin::wire
