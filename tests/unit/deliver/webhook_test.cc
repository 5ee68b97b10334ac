// What a webhook's answer means, and what goes over the wire to it.

#include "cpp/deliver/webhook.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace tocsin::deliver {
namespace {

http::FetchFunction Answering(int status) {
  return [status](const http::ClientRequest&) -> Result<http::Response> {
    return http::Response::Text(status, "because");
  };
}

routing::Receiver OneWebhook(const std::string& url = "http://hook/path") {
  routing::Receiver receiver;
  receiver.name = "hook";
  receiver.webhooks.emplace_back().url.value = url;
  return receiver;
}

alerting::Notification Message() {
  alerting::Notification notification;
  notification.receiver = "hook";
  notification.body = "{\"a\":1}\n";
  notification.idempotency_key = "0123";
  notification.timeout = 7 * kSecond;
  return notification;
}

/// What comes of one delivery that `fetch` answers.
alerting::NotifyOutcome Deliver(const http::FetchFunction& fetch,
                                const alerting::Notification& notification = Message(),
                                const routing::Receiver& receiver = OneWebhook()) {
  WebhookNotifier notifier({}, [&](const http::ClientOptions&) { return fetch; });
  notifier.Configure({receiver});
  return notifier.Notify(notification);
}

TEST(WebhookTest, ServerErrorsAndTooManyRequestsAreWorthAnotherTry) {
  using Reason = alerting::FailureReason;
  struct Row {
    int status;
    bool again;
    Reason reason;
  };
  for (const Row& row :
       {Row{500, true, Reason::kServerError}, Row{503, true, Reason::kServerError},
        Row{429, true, Reason::kRateLimited}, Row{302, false, Reason::kOther},
        Row{400, false, Reason::kClientError}, Row{401, false, Reason::kAuthError},
        Row{403, false, Reason::kAuthError}, Row{404, false, Reason::kClientError}}) {
    const alerting::NotifyOutcome outcome = Deliver(Answering(row.status));
    EXPECT_FALSE(outcome.status.ok());
    EXPECT_EQ(outcome.worth_another_try, row.again) << row.status;
    EXPECT_EQ(outcome.reason, row.reason) << row.status;
    EXPECT_NE(outcome.status.message().find("because"), std::string_view::npos);
  }
  EXPECT_TRUE(Deliver(Answering(200)).status.ok());
  EXPECT_TRUE(Deliver(Answering(204)).status.ok());
}

TEST(WebhookTest, RetryAfterIsHonoured) {
  const auto answer = [](const char* retry_after) {
    return Deliver([retry_after](const http::ClientRequest&) -> Result<http::Response> {
             http::Response response = http::Response::Text(429, "");
             response.headers = {{"retry-after", retry_after}};
             return response;
           })
        .retry_after;
  };
  EXPECT_EQ(answer("17"), 17 * kSecond);
  EXPECT_EQ(answer("999999999"), kHour);
  EXPECT_EQ(answer("-1"), 0);
  EXPECT_EQ(answer("soon"), 0);
  EXPECT_EQ(answer("Wed, 21 Oct 2015 07:28:00 GMT"), 0);
}

TEST(WebhookTest, NoAnswerIsWorthAnotherTry) {
  const auto failing = [](StatusCode code) {
    return Deliver([code](const http::ClientRequest&) -> Result<http::Response> {
      return Failure(code, "why");
    });
  };
  EXPECT_TRUE(failing(StatusCode::kUnavailable).worth_another_try);
  EXPECT_TRUE(failing(StatusCode::kDeadlineExceeded).worth_another_try);
  EXPECT_EQ(failing(StatusCode::kDeadlineExceeded).reason,
            alerting::FailureReason::kDeadlineExceeded);
  EXPECT_FALSE(failing(StatusCode::kCancelled).worth_another_try);
  EXPECT_FALSE(failing(StatusCode::kInvalidArgument).worth_another_try) << "a bad URL";
}

TEST(WebhookTest, PostsTheBodyAsJsonWithItsKey) {
  http::ClientRequest seen;
  const auto fetch = [&seen](const http::ClientRequest& request) -> Result<http::Response> {
    seen = request;
    return http::Response{};
  };
  ASSERT_TRUE(Deliver(fetch).status.ok());
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.url, "http://hook/path");
  EXPECT_EQ(seen.body, "{\"a\":1}\n");
  EXPECT_EQ(seen.timeout, 7 * kSecond);
  EXPECT_EQ(seen.headers[0],
            (std::pair<std::string, std::string>("Content-Type", "application/json")));
  EXPECT_EQ(seen.headers[2], (std::pair<std::string, std::string>("Idempotency-Key", "0123")));
  alerting::Notification elsewhere = Message();
  elsewhere.url = "http://elsewhere/";
  ASSERT_TRUE(Deliver(fetch, elsewhere).status.ok());
  EXPECT_EQ(seen.url, "http://elsewhere/") << "the url was a template";
}

TEST(WebhookTest, WhatIsNotThereIsFinal) {
  alerting::Notification notification = Message();
  notification.integration = 1;
  EXPECT_FALSE(Deliver(Answering(200), notification).worth_another_try);
  EXPECT_FALSE(Deliver(Answering(200), notification).status.ok());
  routing::Receiver receiver = OneWebhook("");
  receiver.webhooks[0].url.file = "/nonexistent/url";
  EXPECT_FALSE(Deliver(Answering(200), Message(), receiver).status.ok());
}

TEST(WebhookTest, AWebhookThatStaysKeepsItsClient) {
  int made = 0;
  WebhookNotifier notifier({}, [&](const http::ClientOptions&) {
    ++made;
    return Answering(200);
  });
  notifier.Configure({OneWebhook()});
  notifier.Configure({OneWebhook()});
  EXPECT_EQ(made, 1);
  notifier.Configure({OneWebhook("http://hook/other")});
  EXPECT_EQ(made, 2);
}

}  // namespace
}  // namespace tocsin::deliver
