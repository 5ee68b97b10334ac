// Messages to the operator, and who hears of them.

#include "cpp/api/notifications.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/http/message.h"

namespace tocsin::api {
namespace {

constexpr std::chrono::milliseconds kNow{0};
constexpr std::chrono::milliseconds kLong{60'000};

class NotificationsTest : public testing::Test {
 protected:
  NotificationsTest() { RegisterNotifications(&notifications_, &router_); }

  http::Response Get(const std::string& path, std::function<bool()> cancelled = {}) {
    http::Request request;
    request.method = "GET";
    request.path = path;
    request.cancelled = std::move(cancelled);
    return router_.Route(std::move(request));
  }

  VirtualClock clock_{kSecond};
  Notifications notifications_{2, &clock_, &Telemetry::None()};
  http::Router router_;
};

TEST_F(NotificationsTest, HoldUntilTheyAreSettled) {
  notifications_.Raise("a");
  clock_.Advance(kSecond);
  notifications_.Raise("b");
  EXPECT_EQ(notifications_.Active(),
            (std::vector<Notification>{{"a", kSecond, true}, {"b", 2 * kSecond, true}}));
  notifications_.Settle("a");
  notifications_.Settle("never raised");
  EXPECT_EQ(notifications_.Active(), (std::vector<Notification>{{"b", 2 * kSecond, true}}));
}

TEST_F(NotificationsTest, RaisedAgainTheyAreNew) {
  notifications_.Raise("a");
  clock_.Advance(kSecond);
  notifications_.Raise("a");
  EXPECT_EQ(notifications_.Active(), (std::vector<Notification>{{"a", 2 * kSecond, true}}));
}

TEST_F(NotificationsTest, AListenerHearsFirstWhatHoldsAndThenWhatComes) {
  notifications_.Raise("a");
  const auto listener = notifications_.Listen();
  EXPECT_EQ(listener->Next(kNow), (std::vector<Notification>{{"a", kSecond, true}}));
  EXPECT_EQ(listener->Next(kNow), std::vector<Notification>());
  notifications_.Settle("a");
  EXPECT_EQ(listener->Next(kNow), (std::vector<Notification>{{"a", kSecond, false}}));
}

TEST_F(NotificationsTest, NewsWakeWhoeverWaits) {
  const auto listener = notifications_.Listen();
  std::thread raiser([this] { notifications_.Raise("a"); });
  EXPECT_EQ(listener->Next(kLong), (std::vector<Notification>{{"a", kSecond, true}}));
  raiser.join();
}

TEST_F(NotificationsTest, OneWhoDoesNotListenKeepsTheNewestOfEachText) {
  const auto listener = notifications_.Listen();
  for (int i = 0; i < 1'000; ++i) {
    notifications_.Raise("a");
    notifications_.Raise("b");
    notifications_.Settle("a");
  }
  EXPECT_EQ(listener->Next(kNow),
            (std::vector<Notification>{{"b", kSecond, true}, {"a", kSecond, false}}));
}

TEST_F(NotificationsTest, ListenersAreBounded) {
  auto first = notifications_.Listen();
  const auto second = notifications_.Listen();
  EXPECT_EQ(notifications_.Listen(), nullptr);
  EXPECT_EQ(Get("/api/v1/notifications/live").status, 204);
  first.reset();
  EXPECT_NE(notifications_.Listen(), nullptr);
}

TEST_F(NotificationsTest, AfterTheEndEverythingIsHeardAndNobodyListensAnew) {
  const auto listener = notifications_.Listen();
  notifications_.Raise("stopping");
  notifications_.Close();
  EXPECT_EQ(listener->Next(kLong), (std::vector<Notification>{{"stopping", kSecond, true}}));
  EXPECT_EQ(listener->Next(kLong), std::nullopt);
  EXPECT_EQ(notifications_.Listen(), nullptr);
}

TEST_F(NotificationsTest, AreListed) {
  EXPECT_EQ(Get("/api/v1/notifications").body, R"({"status":"success","data":[]})");
  notifications_.Raise("a \"b\"");
  EXPECT_EQ(Get("/api/v1/notifications").body,
            R"({"status":"success","data":[{"text":"a \"b\"","date":"1970-01-01T00:00:01Z",)"
            R"("active":true}]})");
}

TEST_F(NotificationsTest, AreStreamedAsEventsUntilTheEnd) {
  notifications_.Raise("a");
  const http::Response live = Get("/api/v1/notifications/live");
  EXPECT_EQ(live.Header("content-type"), "text/event-stream");
  EXPECT_EQ(live.Header("cache-control"), "no-cache");
  std::string text;
  const bool whole = live.stream([&](std::string_view piece) {
    text += piece;
    notifications_.Settle("a");
    notifications_.Close();
    return true;
  });
  EXPECT_TRUE(whole);
  EXPECT_EQ(text,
            "data: {\"text\":\"a\",\"date\":\"1970-01-01T00:00:01Z\",\"active\":true}\n\n"
            "data: {\"text\":\"a\",\"date\":\"1970-01-01T00:00:01Z\",\"active\":false}\n\n");
}

TEST_F(NotificationsTest, AStreamEndsWhenItsClientHasGone) {
  notifications_.Raise("a");
  const http::Response left = Get("/api/v1/notifications/live", [] { return true; });
  EXPECT_FALSE(left.stream([](std::string_view) { return true; }));
  const http::Response broken = Get("/api/v1/notifications/live");
  EXPECT_FALSE(broken.stream([](std::string_view) { return false; }));
}

TEST_F(NotificationsTest, AnAnswerThatIsNeverSentFreesItsPlace) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Get("/api/v1/notifications/live").status, 200);
}

}  // namespace
}  // namespace tocsin::api
