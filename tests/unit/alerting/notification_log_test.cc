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
  bool tell;
};

TEST(MustTellTest, IsAlertmanagersDecision) {
  const Row rows[] = {
      {"first, firing", false, {}, {}, {{1}, {}}, true},
      {"first, only resolved", false, {}, {}, {{}, {1}}, false},
      {"first, nothing", false, {}, {}, {{}, {}}, false},
      {"unchanged", true, {1}, {}, {{1}, {}}, false},
      {"unchanged, repeat due", true, {1}, {}, {{1}, {}, true, true}, true},
      {"one more fires", true, {1}, {}, {{1, 2}, {}}, true},
      {"one of two is gone without an end", true, {1, 2}, {}, {{1}, {}}, false},
      {"one of two is resolved", true, {1, 2}, {}, {{1}, {2}}, true},
      {"one of two is resolved, unwanted", true, {1, 2}, {}, {{1}, {2}, false}, false},
      {"the resolved one is known", true, {1}, {2}, {{1}, {2}}, false},
      {"all are resolved", true, {1}, {}, {{}, {1}}, true},
      {"all are resolved, unwanted", true, {1}, {}, {{}, {1}, false}, true},
      {"all were resolved before", true, {}, {1}, {{}, {1}}, false},
      {"all were resolved before, repeat due", true, {}, {1}, {{}, {1}, true, true}, false},
      {"it fires again", true, {}, {1}, {{1}, {}}, true},
      {"fired and resolved between two looks", true, {}, {1}, {{}, {1, 2}}, false},
  };
  for (const Row& row : rows) {
    LogEntry entry;
    entry.firing = row.was_firing;
    entry.resolved = row.was_resolved;
    EXPECT_EQ(MustTell(row.known ? &entry : nullptr, row.news), row.tell) << row.what;
  }
}

TEST(AlertingStateTest, LogEntriesRoundTrip) {
  LogEntry entry;
  entry.told_at = 1'700'000'000 * kSecond;
  entry.expires_at = entry.told_at + 120 * kHour;
  entry.firing = {0, 1, UINT64_MAX};
  entry.resolved = {7};
  const std::string bytes = EncodeLogEntry(entry);
  const auto decoded = DecodeLogEntry(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->told_at, entry.told_at);
  EXPECT_EQ(decoded->expires_at, entry.expires_at);
  EXPECT_EQ(decoded->firing, entry.firing);
  EXPECT_EQ(decoded->resolved, entry.resolved);
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
    for (const bool unfinished : {false, true}) {
      const auto decoded = DecodeGroup(EncodeGroup({123, looked_at, unfinished}));
      ASSERT_TRUE(decoded.has_value());
      EXPECT_EQ(decoded->next_look, 123);
      EXPECT_EQ(decoded->looked_at, looked_at);
      EXPECT_EQ(decoded->unfinished, unfinished);
    }
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
    (void)DecodeAlert(damaged);
    (void)DecodeGroup(damaged);
    (void)DecodeLogEntry(damaged);
  }
}

TEST(GroupKeyTest, IsAlertmanagers) {
  Route route;
  const Labels labels{{"alertname", "A \"b\"\n"}, {"job", "x"}, {"zone", "é"}};
  EXPECT_EQ(GroupKey(GroupLabels(route, labels)), "{}:{}");
  route.group_by = {"zone", "alertname", "absent"};
  EXPECT_EQ(GroupKey(GroupLabels(route, labels)), "{}:{alertname=\"A \\\"b\\\"\\n\", zone=\"é\"}");
  route.group_by = {"..."};
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
