// Ranges, steps and limits as Tempo's clients write them.

#include "cpp/api/metrics_request.h"

#include <string>

#include <gtest/gtest.h>

namespace tocsin::api {
namespace {

constexpr Nanos kNow = 1'700'000'000 * kSecond;

Result<MetricsRequest> Read(const std::string& query, bool instant = false) {
  http::Request request;
  request.query = http::ParseQuery(query);
  return ReadMetricsRequest(request, instant, kNow);
}

uint64_t StartOf(const std::string& start) {
  const auto request = Read("q={}&start=" + start + "&end=1800000000");
  EXPECT_TRUE(request.has_value()) << start;
  return request ? request->start : 0;
}

TEST(MetricsRequestTest, TimesAreSecondsNanosecondsFractionsOrRfc3339) {
  EXPECT_EQ(StartOf("1700000000"), 1'700'000'000'000'000'000U);
  EXPECT_EQ(StartOf("1700000000123456789"), 1'700'000'000'123'456'789U);
  EXPECT_EQ(StartOf("1700000000.25"), 1'700'000'000'250'000'000U);
  EXPECT_EQ(StartOf("2023-11-14T22:13:20.5Z"), 1'700'000'000'500'000'000U);
  for (const char* bad : {"x", "-5", "1e400", "NaN", "99999999999999999999", "2023-11-14"}) {
    EXPECT_FALSE(Read("q={}&end=1800000000&start=" + std::string(bad)).has_value()) << bad;
  }
}

TEST(MetricsRequestTest, TheLastHourIsTheDefault) {
  const auto request = Read("q={}");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->end, static_cast<uint64_t>(kNow));
  EXPECT_EQ(request->start, static_cast<uint64_t>(kNow - kHour));
  EXPECT_EQ(Read("q={}&since=3h")->start, static_cast<uint64_t>(kNow - 3 * kHour));
  const auto before = Read("q={}&since=30m&end=1600000000");
  EXPECT_EQ(before->end, 1'600'000'000'000'000'000U);
  EXPECT_EQ(before->start, 1'599'998'200'000'000'000U);
  EXPECT_EQ(Read("q={}&since=30m&start=1600000000")->start, 1'600'000'000'000'000'000U);
  EXPECT_FALSE(Read("q={}&since=x").has_value());
  EXPECT_FALSE(Read("q={}&start=1700000001").has_value());
  EXPECT_FALSE(Read("q={}&start=20&end=10").has_value());
}

TEST(MetricsRequestTest, StepsAreSecondsOrDurations) {
  EXPECT_EQ(Read("q={}")->step, 0U);
  EXPECT_EQ(Read("q={}&step=15")->step, uint64_t{15 * kSecond});
  EXPECT_EQ(Read("q={}&step=0.5")->step, uint64_t{kSecond / 2});
  EXPECT_EQ(Read("q={}&step=1m30s")->step, uint64_t{90 * kSecond});
  EXPECT_EQ(Read("q={}&step=100ms")->step, uint64_t{kSecond / 10});
  for (const char* bad : {"0", "-1", "x", "NaN", "Inf", "1e99", "10ns"}) {
    EXPECT_FALSE(Read("q={}&step=" + std::string(bad)).has_value()) << bad;
  }
}

TEST(MetricsRequestTest, TheQueryHasTwoNames) {
  EXPECT_EQ(Read("q={}")->query, "{}");
  EXPECT_EQ(Read("query={}")->query, "{}");
  EXPECT_EQ(Read("query=a&q=b")->query, "b");
  EXPECT_FALSE(Read("").has_value());
}

TEST(MetricsRequestTest, NumbersAreChecked) {
  EXPECT_EQ(Read("q={}&exemplars=7&maxSeries=9")->exemplars, 7U);
  EXPECT_EQ(Read("q={}&exemplars=7&maxSeries=9")->max_series, 9U);
  EXPECT_EQ(Read("q={}")->exemplars, std::nullopt);
  EXPECT_EQ(Read("q={}&exemplars=0")->exemplars, 0U);
  EXPECT_FALSE(Read("q={}&exemplars=x").has_value());
  EXPECT_FALSE(Read("q={}&maxSeries=-1").has_value());
}

TEST(MetricsRequestTest, AnInstantQueryHasNoStep) {
  const auto request = Read("q={}&step=x&exemplars=x", true);
  ASSERT_TRUE(request.has_value());
  EXPECT_TRUE(request->instant);
  EXPECT_EQ(request->step, 0U);
}

TEST(MetricsRequestTest, FormsAreReadToo) {
  http::Request request;
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  request.body = "q=%7B%7D&step=5";
  const auto read = ReadMetricsRequest(request, false, kNow);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->query, "{}");
  EXPECT_EQ(read->step, uint64_t{5 * kSecond});
}

TEST(MetricsRequestTest, StepsThatAreNotGivenFollowTheRange) {
  const auto step = [](Nanos range) {
    return static_cast<Nanos>(DefaultMetricsStep(0, static_cast<uint64_t>(range)));
  };
  EXPECT_EQ(step(kSecond), 50 * kMillisecond);
  EXPECT_EQ(step(30 * kSecond), 100 * kMillisecond);  // 125 ms, rounded down.
  EXPECT_EQ(step(kMinute), kSecond);
  EXPECT_EQ(step(15 * kMinute), 3 * kSecond);     // 3.75 s.
  EXPECT_EQ(step(kHour), 15 * kSecond);           // 15 s is not below 15 s: a multiple of 5 s.
  EXPECT_EQ(step(6 * kHour), kMinute);            // 90 s.
  EXPECT_EQ(step(24 * kHour), 5 * kMinute);       // 6 m.
  EXPECT_EQ(step(7 * 24 * kHour), 40 * kMinute);  // 42 m.
  EXPECT_EQ(step(30 * 24 * kHour), 3 * kHour);
}

}  // namespace
}  // namespace tocsin::api
