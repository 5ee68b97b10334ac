// What a webhook's answer means, and what goes over the wire to it and to Alertmanagers.

#include "cpp/deliver/webhook.h"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/deliver/alertmanager.h"
#include "cpp/lib/json.h"

namespace tocsin::deliver {
namespace {

http::FetchFunction Answering(int status) {
  return [status](const http::ClientRequest&) -> Result<http::Response> {
    return http::Response::Text(status, "because");
  };
}

Alert SampleAlert(int number) {
  Alert alert;
  alert.labels = {{"alertname", "Busy"}, {"n", std::to_string(number)}};
  alert.annotations = {{"summary", "it is \"busy\""}};
  alert.starts_at = 1'795'361'802 * kSecond;
  alert.ends_at = alert.starts_at + 4 * kMinute;
  alert.generator_url = "http://x/graph?g0.expr=1&g0.tab=1";
  return alert;
}

TEST(WebhookTest, OnlyServerErrorsAreWorthAnotherTry) {
  const alerting::Notification notification{"http://hook/", "{}"};
  EXPECT_TRUE(WebhookNotifier(Answering(200)).Notify(notification).ok());
  EXPECT_TRUE(WebhookNotifier(Answering(204)).Notify(notification).ok());
  for (const int status : {500, 503, 599}) {
    EXPECT_EQ(WebhookNotifier(Answering(status)).Notify(notification).code(),
              StatusCode::kUnavailable);
  }
  for (const int status : {302, 400, 404, 429}) {
    const Status refused = WebhookNotifier(Answering(status)).Notify(notification);
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(refused.message().find("because"), std::string_view::npos);
  }
}

TEST(WebhookTest, PostsTheBodyAsJson) {
  http::ClientRequest seen;
  WebhookNotifier notifier([&seen](const http::ClientRequest& request) -> Result<http::Response> {
    seen = request;
    return http::Response{};
  });
  ASSERT_TRUE(notifier.Notify({"http://hook/path", "{\"a\":1}"}).ok());
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.url, "http://hook/path");
  EXPECT_EQ(seen.body, "{\"a\":1}");
  EXPECT_EQ(seen.headers[0].second, "application/json");
}

TEST(AlertmanagerTest, TheBodyIsWhatItsApiTakes) {
  const Alert alert = SampleAlert(1);
  const auto json = lib::Json::Parse(AlertsJson({&alert, 1}));
  ASSERT_TRUE(json.has_value());
  ASSERT_EQ(json->array.size(), 1U);
  const lib::Json& one = json->array[0];
  EXPECT_EQ(one.Find("labels")->Find("alertname")->string, "Busy");
  EXPECT_EQ(one.Find("annotations")->Find("summary")->string, "it is \"busy\"");
  EXPECT_EQ(one.Find("startsAt")->string, "2026-11-22T15:36:42Z");
  EXPECT_EQ(one.Find("endsAt")->string, "2026-11-22T15:40:42Z");
  EXPECT_EQ(one.Find("generatorURL")->string, alert.generator_url);
}

TEST(AlertmanagerTest, AlertsGoInBatchesAndStopDeliversTheRest) {
  std::mutex mutex;
  std::vector<size_t> batches;
  AlertmanagerOptions options;
  options.url = "http://am/api/v2/alerts";
  options.batch_size = 10;
  AlertmanagerClient client(
      options,
      [&](const http::ClientRequest& request) -> Result<http::Response> {
        const std::scoped_lock lock(mutex);
        batches.push_back(lib::Json::Parse(request.body)->array.size());
        return http::Response{};
      },
      &Telemetry::None());
  std::vector<Alert> alerts;
  for (int i = 0; i < 25; ++i) alerts.push_back(SampleAlert(i));
  client.Send(alerts);
  client.Stop();
  size_t sum = 0;
  for (const size_t batch : batches) {
    EXPECT_LE(batch, 10U);
    sum += batch;
  }
  EXPECT_EQ(sum, 25U);
}

TEST(AlertmanagerTest, ADeadOneLosesBatchesAndTheNextAreTried) {
  std::atomic<int> calls = 0;
  AlertmanagerOptions options;
  options.url = "http://am/api/v2/alerts";
  options.batch_size = 1;
  AlertmanagerClient client(
      options,
      [&](const http::ClientRequest&) -> Result<http::Response> {
        ++calls;
        if (calls == 1) return UnavailableError("no connection");
        return http::Response::Text(500, "");
      },
      &Telemetry::None());
  const std::vector<Alert> alerts = {SampleAlert(1), SampleAlert(2), SampleAlert(3)};
  client.Send(alerts);
  while (calls < 3) std::this_thread::yield();
  client.Stop();
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace tocsin::deliver
