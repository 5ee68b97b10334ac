// When a receiver is told: the table of Alertmanager's decision; and that entries, groups and
// alerts come back from their bytes, and nothing else does.

#include "cpp/alerting/notification_log.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "cpp/alerting/alert_group.h"

namespace tocsin::alerting {
namespace {

struct Row {
  std::string_view what;
  bool known;
  Fingerprints was_firing;
  Fingerprints was_resolved;
  News news;
  Reason reason;
};

TEST(ReasonToTellTest, IsAlertmanagersDecision) {
  const Row rows[] = {
      {"first, firing", false, {}, {}, {{1}, {}}, Reason::kFirst},
      {"first, only resolved", false, {}, {}, {{}, {1}}, Reason::kNone},
      {"first, nothing", false, {}, {}, {{}, {}}, Reason::kNone},
      {"unchanged", true, {1}, {}, {{1}, {}}, Reason::kNone},
      {"unchanged, repeat due", true, {1}, {}, {{1}, {}, true, true}, Reason::kRepeat},
      {"one more fires", true, {1}, {}, {{1, 2}, {}}, Reason::kNewAlerts},
      {"one of two is gone without an end", true, {1, 2}, {}, {{1}, {}}, Reason::kNone},
      {"one of two is resolved", true, {1, 2}, {}, {{1}, {2}}, Reason::kNewResolved},
      {"one of two is resolved, unwanted", true, {1, 2}, {}, {{1}, {2}, false}, Reason::kNone},
      {"the resolved one is known", true, {1}, {2}, {{1}, {2}}, Reason::kNone},
      {"all are resolved", true, {1}, {}, {{}, {1}}, Reason::kAllResolved},
      {"all are resolved, unwanted", true, {1}, {}, {{}, {1}, false}, Reason::kAllResolved},
      {"all were resolved before", true, {}, {1}, {{}, {1}}, Reason::kNone},
      {"all were resolved before, repeat due", true, {}, {1}, {{}, {1}, true, true}, Reason::kNone},
      {"it fires again", true, {}, {1}, {{1}, {}}, Reason::kFirst},
      {"fired and resolved between two looks", true, {}, {1}, {{}, {1, 2}}, Reason::kNone},
  };
  for (const Row& row : rows) {
    LogEntry entry;
    entry.firing = row.was_firing;
    entry.resolved = row.was_resolved;
    EXPECT_EQ(ReasonToTell(row.known ? &entry : nullptr, row.news), row.reason) << row.what;
  }
}

TEST(AlertingStateTest, LogEntriesRoundTrip) {
  LogEntry entry;
  entry.told_at = 1'700'000'000 * kSecond;
  entry.expires_at = entry.told_at + 120 * kHour;
  entry.firing = {0, 1, UINT64_MAX};
  entry.resolved = {7};
  entry.attempted = {9, 10};
  const std::string bytes = EncodeLogEntry(entry);
  const auto decoded = DecodeLogEntry(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->told_at, entry.told_at);
  EXPECT_EQ(decoded->expires_at, entry.expires_at);
  EXPECT_EQ(decoded->firing, entry.firing);
  EXPECT_EQ(decoded->resolved, entry.resolved);
  EXPECT_EQ(decoded->attempted, entry.attempted);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeLogEntry(std::string_view(bytes).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeLogEntry(bytes + "x").has_value());
}

TEST(AlertingStateTest, AlertsRoundTrip) {
  Alert alert;
  alert.labels = Labels{{"alertname", "A"}, {"job", "x"}};
  alert.annotations = {{"empty", ""}, {"summary", "text"}};
  alert.starts_at = 1;
  alert.ends_at = -5;
  alert.updated_at = INT64_MAX;
  alert.generator_url = "http://x/graph";
  const std::string bytes = EncodeAlert(alert);
  EXPECT_EQ(*DecodeAlert(bytes), alert);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeAlert(std::string_view(bytes).substr(0, size)).has_value()) << size;
  }
}

TEST(AlertingStateTest, GroupsRoundTrip) {
  for (const bool looked_at : {false, true}) {
    const auto decoded = DecodeGroup(EncodeGroup({123, looked_at}));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(decoded->next_look, 123);
    EXPECT_EQ(decoded->looked_at, looked_at);
  }
  EXPECT_FALSE(DecodeGroup("").has_value());
  EXPECT_FALSE(DecodeGroup(EncodeAlert({})).has_value());
}

TEST(AlertingStateTest, EveryBitFlipIsHandled) {
  Alert alert;
  alert.labels = Labels{{"alertname", "A"}, {"job", "x"}};
  const std::string bytes = EncodeAlert(alert);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    if (const auto decoded = DecodeAlert(damaged); decoded.has_value()) {
      EXPECT_NE(*decoded, alert) << bit;
      EXPECT_EQ(*DecodeAlert(EncodeAlert(*decoded)), *decoded) << bit;
    }
    EXPECT_FALSE(DecodeGroup(damaged).has_value()) << bit;
    if (const auto entry = DecodeLogEntry(damaged); entry.has_value()) {
      EXPECT_EQ(EncodeLogEntry(*DecodeLogEntry(EncodeLogEntry(*entry))), EncodeLogEntry(*entry))
          << bit;
    }
  }
}

TEST(ReasonToTellTest, WhatMayHaveArrivedCounts) {
  LogEntry entry;
  entry.attempted = {1};
  EXPECT_EQ(ReasonToTell(&entry, {{1}, {}}), Reason::kFirst) << "it is not sure that it arrived";
  EXPECT_EQ(ReasonToTell(&entry, {{}, {1}}), Reason::kAllResolved) << "it may have arrived";
  EXPECT_EQ(ReasonToTell(&entry, {{}, {2}}), Reason::kNone);
  EXPECT_TRUE(entry.MayBelieveFiring(1));
  EXPECT_FALSE(entry.MayBelieveFiring(2));
}

TEST(AlertingStateTest, EntriesOfTheFirstVersionAreStillRead) {
  // told_at 1, expires_at 2, firing {3}, resolved {}.
  const auto decoded = DecodeLogEntry(std::string_view("\x01\x02\x04\x01\x03\x00", 6));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->told_at, 1);
  EXPECT_EQ(decoded->expires_at, 2);
  EXPECT_EQ(decoded->firing, Fingerprints{3});
  EXPECT_TRUE(decoded->attempted.empty());
}

Delivery SampleDelivery() {
  Delivery delivery;
  delivery.group_key = "{}:{}";
  delivery.notification.receiver = "hook";
  delivery.notification.integration = 3;
  delivery.notification.url = "http://x/";
  delivery.notification.body = "{}\n";
  delivery.notification.idempotency_key = "k";
  delivery.entry.told_at = 5;
  delivery.entry.firing = {1, 2};
  return delivery;
}

TEST(OutboxTest, DeliveriesRoundTrip) {
  const Delivery delivery = SampleDelivery();
  const std::string bytes = EncodeDelivery(delivery);
  const auto decoded = DecodeDelivery(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->group_key, "{}:{}");
  EXPECT_EQ(decoded->notification.receiver, "hook");
  EXPECT_EQ(decoded->notification.integration, 3U);
  EXPECT_EQ(decoded->notification.url, "http://x/");
  EXPECT_EQ(decoded->notification.body, "{}\n");
  EXPECT_EQ(decoded->notification.idempotency_key, "k");
  EXPECT_EQ(decoded->entry.told_at, 5);
  EXPECT_EQ(decoded->entry.firing, (Fingerprints{1, 2}));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeDelivery(std::string_view(bytes).substr(0, size)).has_value()) << size;
  }
}

TEST(OutboxTest, KeysTellMessagesApart) {
  const Notification notification = SampleDelivery().notification;
  const std::string key = IdempotencyKey(notification, "{}:{}", 1);
  EXPECT_EQ(key.size(), 32U);
  EXPECT_EQ(IdempotencyKey(notification, "{}:{}", 1), key);
  EXPECT_NE(IdempotencyKey(notification, "{}:{}", 2), key);
  EXPECT_NE(IdempotencyKey(notification, "{}:{a}", 1), key);
  Notification other = notification;
  other.integration = 4;
  EXPECT_NE(IdempotencyKey(other, "{}:{}", 1), key);
}

TEST(GroupKeyTest, IsAlertmanagers) {
  routing::Route route;
  route.key = "{}";
  const Labels labels{{"alertname", "A \"b\"\n"}, {"job", "x"}, {"zone", "é"}};
  EXPECT_EQ(GroupKey(route, GroupLabels(route, labels)), "{}:{}");
  route.group_by = {"zone", "alertname", "absent"};
  EXPECT_EQ(GroupKey(route, GroupLabels(route, labels)),
            "{}:{alertname=\"A \\\"b\\\"\\n\", zone=\"é\"}");
  route.group_by_all = true;
  EXPECT_EQ(GroupLabels(route, labels), labels);
}

TEST(BackoffTest, DoublesUpToAMinute) {
  EXPECT_EQ(Backoff(1), kSecond / 2);
  EXPECT_EQ(Backoff(2), kSecond);
  EXPECT_EQ(Backoff(7), 32 * kSecond);
  EXPECT_EQ(Backoff(8), kMinute);
  EXPECT_EQ(Backoff(1'000'000), kMinute);
}

}  // namespace
}  // namespace tocsin::alerting
