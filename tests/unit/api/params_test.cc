// Times, steps, durations and numbers as the clients of Tempo and of Prometheus write them.

#include "cpp/api/params.h"

#include <string>

#include <gtest/gtest.h>

namespace tocsin::api {
namespace {

http::Request WithQuery(const std::string& query) {
  http::Request request;
  request.query = http::ParseQuery(query);
  return request;
}

TEST(ParamsTest, TimesAreSecondsOrRfc3339) {
  const auto time = [](const std::string& text) {
    const http::Request request = WithQuery("t=" + text);
    return Params(request).Time("t", std::nullopt);
  };
  EXPECT_EQ(time("4"), 4'000);
  EXPECT_EQ(time("1700000000.123"), 1'700'000'000'123);
  EXPECT_EQ(time("1700000000000"), 1'700'000'000'000'000);  // Grafana's probe in milliseconds.
  EXPECT_EQ(time("2026-11-22T15:36:42Z"), 1'795'361'802'000);
  EXPECT_EQ(time("2026-11-22T15:36:42.5%2B01:00"), 1'795'358'202'500);
  for (const char* bad : {"", "x", "NaN", "Inf", "2026-11-22", "2026-02-30T00:00:00Z",
                          "2026-11-22T15:36:42", "1e300"}) {
    EXPECT_FALSE(time(bad).has_value()) << bad;
  }
}

TEST(ParamsTest, StepsAreAboveZero) {
  const auto step = [](const std::string& text) {
    const http::Request request = WithQuery("step=" + text);
    return Params(request).Step("step");
  };
  EXPECT_EQ(step("15"), 15'000);
  EXPECT_EQ(step("0.5"), 500);
  EXPECT_EQ(step("1m"), 60'000);
  for (const char* bad : {"0", "-1", "x", "", "NaN"}) EXPECT_FALSE(step(bad).has_value()) << bad;
}

TEST(ParamsTest, DurationsAreAsGoWritesThem) {
  const auto duration = [](const std::string& text) {
    const http::Request request = WithQuery("d=" + text);
    return Params(request).Duration("d", 7);
  };
  EXPECT_EQ(duration(""), 7);
  EXPECT_EQ(duration("100ms"), 100 * kMillisecond);
  EXPECT_EQ(duration("1.5s"), 1'500 * kMillisecond);
  EXPECT_EQ(duration("10us"), 10 * kMicrosecond);
  EXPECT_EQ(duration("1h30m"), 90 * kMinute);
  for (const char* bad : {"x", "1", "s", "1y2", "1e30h"}) {
    EXPECT_FALSE(duration(bad).has_value()) << bad;
  }
}

TEST(ParamsTest, ARangeOfSecondsIsWholeOrAbsent) {
  const auto range = [](const std::string& query) {
    const http::Request request = WithQuery(query);
    return Params(request).Seconds();
  };
  EXPECT_EQ(range("").value().end, UINT64_MAX);
  EXPECT_EQ(range("start=1&end=2").value().end, 2'000'000'000U);
  for (const char* bad : {"start=1", "end=1", "start=2&end=1", "start=2&end=2", "start=-1&end=2",
                          "start=1&end=4294967296", "start=a&end=2"}) {
    EXPECT_FALSE(range(bad).has_value()) << bad;
  }
}

TEST(ParamsTest, AFormBodyIsReadAfterTheQueryString) {
  http::Request request = WithQuery("a=1");
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  request.body = "a=2&b=x+y";
  const Params params(request);
  EXPECT_EQ(params.Text("a"), "1");
  EXPECT_EQ(params.Text("b"), "x y");
  EXPECT_EQ(params.Text("c"), std::nullopt);
}

}  // namespace
}  // namespace tocsin::api
