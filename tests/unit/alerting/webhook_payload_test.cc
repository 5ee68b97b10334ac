// The payload is what Alertmanager sends: webhook_payload.json is what the binary of version 0.25
// posted for the alerts built here, byte for byte, with the two members that 0.34 has added where
// its types have them.

#include "cpp/alerting/webhook_payload.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/lib/json.h"

namespace tocsin::alerting {
namespace {

constexpr Nanos kBegin = 1'795'361'802 * kSecond;  // 2026-11-22T15:36:42Z

Alert MakeAlert(Labels labels, Annotations annotations = {}) {
  Alert alert;
  alert.labels = std::move(labels);
  alert.labels.Set("alertname", "HighErrorRate");
  alert.labels.Set("severity", "warning");
  alert.annotations = std::move(annotations);
  alert.starts_at = kBegin + 123 * kMillisecond;
  alert.ends_at = kBegin + kDay;
  return alert;
}

std::vector<Alert> SevenAlerts() {
  Alert payment =
      MakeAlert(Labels{{"service_name", "payment"}}, {{"description", "Error rate is 7.5%"},
                                                      {"empty", ""},
                                                      {"summary", "High error rate in payment"}});
  payment.generator_url = "http://tocsin:3200/graph?g0.expr=a%3E1&g0.tab=1";
  payment.ends_at = kBegin + 198 * kSecond + 500 * kMillisecond;
  Alert cart =
      MakeAlert(Labels{{"service_name", "cart \"x\" <&>\xe2\x80\xa8\x01\xc3\xa9"}, {"job", "b"}},
                {{"description", "Error rate is 7.5%"}, {"summary", "tab\there\nline\\"}});
  cart.starts_at = kBegin;
  return {payment,
          cart,
          MakeAlert(Labels{{"a", "1"}, {"zone", "c"}}),
          MakeAlert(Labels{{"a", "1"}, {"b", "c"}}),
          MakeAlert(Labels{{"job", "a"}, {"instance", "2"}}),
          MakeAlert(Labels{{"job", "a"}, {"instance", "1"}}),
          MakeAlert(Labels{{"instance", "1"}})};
}

GroupMessage Message(std::vector<Alert> alerts) {
  GroupMessage message;
  message.receiver = "hook";
  message.group_key = "{}:{alertname=\"HighErrorRate\"}";
  message.group_labels = Labels{{"alertname", "HighErrorRate"}};
  message.external_url = "http://tocsin:3200";
  message.now = kBegin + kHour;
  message.reason = "first notification";
  message.alerts = std::move(alerts);
  return message;
}

TEST(WebhookPayloadTest, IsByteForByteWhatAlertmanagerSends) {
  std::ifstream file(TOCSIN_SOURCE_DIR "/tests/unit/alerting/webhook_payload.json");
  std::stringstream want;
  want << file.rdbuf();
  std::vector<Alert> alerts = SevenAlerts();
  SortAlerts(&alerts);
  EXPECT_EQ(WebhookPayload(Message(alerts)), want.str());
}

TEST(WebhookPayloadTest, WhatIsTruncatedIsCountedAndReceiversAreEscaped) {
  GroupMessage message = Message({MakeAlert(Labels{{"a", "1"}})});
  message.truncated = 7;
  message.receiver = "team-a.page (eu)";
  message.route_labels = Labels{{"team", "a"}};
  const std::string payload = WebhookPayload(message);
  EXPECT_TRUE(payload.starts_with(R"x({"receiver":"team-a\\.page \\(eu\\)",)x")) << payload;
  EXPECT_NE(payload.find(R"("routeLabels":{"team":"a"},"externalURL")"), std::string::npos);
  EXPECT_TRUE(payload.ends_with("\"truncatedAlerts\":7}\n"));
}

TEST(WebhookPayloadTest, AGroupIsResolvedOnlyWhenAllItsAlertsAre) {
  std::vector<Alert> alerts{MakeAlert(Labels{{"a", "1"}}), MakeAlert(Labels{{"a", "2"}})};
  for (Alert& alert : alerts) alert.ends_at = kBegin + kMinute;
  EXPECT_TRUE(
      WebhookPayload(Message(alerts)).starts_with(R"({"receiver":"hook","status":"resolved")"));
  alerts[1].ends_at = kBegin + kDay;
  EXPECT_TRUE(
      WebhookPayload(Message(alerts)).starts_with(R"({"receiver":"hook","status":"firing")"));
}

TEST(WebhookPayloadTest, AnyBytesGiveValidJson) {
  for (int lead = 0; lead < 256; ++lead) {
    for (const std::string_view rest : {"", "x", "\x80", "\xbf\xbf", "\xa0\x80\x80"}) {
      const std::string text = std::string(1, static_cast<char>(lead)) + std::string(rest);
      const std::string payload =
          WebhookPayload(Message({MakeAlert(Labels{{"a", text}}, {{text, text}})}));
      EXPECT_TRUE(lib::Json::Parse(payload).has_value()) << payload;
    }
  }
}

TEST(WebhookPayloadTest, FingerprintsAreAlertmanagers) {
  EXPECT_EQ(Fingerprint(Labels()), 0xcbf29ce484222325U);
  EXPECT_EQ(Fingerprint(MakeAlert(Labels{{"instance", "1"}}).labels), 0x30342355ea4ecde3U);
}

}  // namespace
}  // namespace tocsin::alerting
