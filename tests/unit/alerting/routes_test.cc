// The tree of routes, what keeps alerts from being told, another configuration while it runs, and
// what the router shows of itself.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/alerting/router_fixture.h"

namespace tocsin::alerting {
namespace {

routing::Matchers Matching(std::string_view text) {
  return routing::ParseMatchers(text).value_or(routing::Matchers());
}

class RoutesTest : public RouterTest {
 protected:
  RoutesTest() { config_.receivers = {Hook("hook", 1), Hook("db", 1), Hook("page", 1)}; }

  /// A route below the root, with its timers.
  routing::Route Child(std::string receiver, std::string_view matchers) const {
    routing::Route route = config_.route;
    route.routes.clear();
    route.receiver = std::move(receiver);
    route.matchers = Matching(matchers);
    return route;
  }

  /// "db: firing: a+" of what was sent since the last call.
  Lines ToldWhom() {
    Lines told;
    for (const Notification& notification : std::exchange(notifier_.attempts, {})) {
      told.push_back(notification.receiver + ": " + Summary(notification));
    }
    return told;
  }

  std::string Silenced(std::string_view matchers, Nanos duration) {
    Silence silence;
    silence.matchers = Matching(matchers);
    silence.starts_at = clock_.Now();
    silence.ends_at = clock_.Now() + duration;
    silence.created_by = "test";
    return silences_.Set(silence, clock_.Now()).value_or("none");
  }

  /// Muted from 22:14 UTC on, a minute after the start, for an hour.
  static routing::NamedInterval Evening() {
    routing::TimeInterval interval;
    interval.times = {{22 * 60 + 14, 23 * 60 + 14}};
    return {"evening", {interval}};
  }
};

TEST_F(RoutesTest, AnAlertIsToldAlongEveryRouteThatItTakes) {
  routing::Route db = Child("db", "job=\"a\"");
  db.continues = true;
  routing::Route page = Child("page", "alertname=\"A\"");
  page.group_wait = 10 * kSecond;
  config_.route.routes = {db, page};
  Start();
  Hold({Firing("a"), Firing("b"), Firing("c", "C")});
  RunFor(10 * kSecond);
  EXPECT_EQ(ToldWhom(), Lines{"page: firing: a+ b+"}) << "each route has its own timers";
  RunFor(20 * kSecond);
  EXPECT_EQ(ToldWhom(), (Lines{"db: firing: a+", "hook: firing: c+"}));
  Receive({Resolved("a")});
  held_.erase(held_.begin());
  RunFor(5 * kMinute);
  EXPECT_EQ(ToldWhom(), (Lines{"page: firing: a- b+", "db: resolved: a-"}));
}

TEST_F(RoutesTest, KeysAreAlertmanagers) {
  routing::Route child = Child("db", "job=~\"a|b\"");
  child.group_by = {"alertname", "job"};
  config_.route.routes = {child};
  Start();
  Receive({Firing("a")});
  const auto groups = router_->Groups({}, clock_.Now());
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].key, "{}/{job=~\"a|b\"}:{alertname=\"A\", job=\"a\"}");
  EXPECT_EQ(groups[0].receiver, "db");
}

TEST_F(RoutesTest, RouteLabelsAreExpandedAndTold) {
  config_.route.labels = Labels{{"team", "{{ .GroupLabels.alertname | toLower }}"},
                                {"channel", "#{{ routeLabels \"team\" }}"},
                                {"loop", "{{ routeLabels \"loop\" }}"}};
  Start();
  Receive({Firing("a")});
  RunFor(kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_NE(notifier_.attempts[0].body.find(R"("routeLabels":{"channel":"#a","team":"a"})"),
            std::string::npos)
      << notifier_.attempts[0].body;
  EXPECT_EQ(router_->Groups({}, clock_.Now())[0].route_labels,
            (Labels{{"team", "a"}, {"channel", "#a"}}));
}

TEST_F(RoutesTest, AnEndIsToldAfterTheSilenceAlthoughOthersOfTheGroupWereTold) {
  Start();
  Hold({Firing("a"), Firing("b")});
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
  Silenced("job=\"a\"", 30 * kMinute);
  Hold({Firing("a"), Firing("b"), Firing("c")});
  RunFor(10 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: b+ c+"});
  Hold({Firing("b"), Firing("c")});
  Receive({Resolved("a")});
  RunFor(10 * kMinute);
  EXPECT_EQ(Told(), Lines{});
  RunFor(20 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a- b+ c+"});
}

TEST_F(RoutesTest, WhatIsSilencedIsNotToldAndToldWhenTheSilenceEnds) {
  Start();
  Silenced("job=\"a\"", 7 * kMinute);
  Hold({Firing("a"), Firing("b", "B")});
  RunFor(6 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: firing: b+"});
  RunFor(5 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: firing: a+"}) << "at the next look";
}

TEST_F(RoutesTest, ASilenceStopsARepeat) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: firing: a+"});
  Silenced("job=\"a\"", 90 * kMinute);
  RunFor(80 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{});
  RunFor(20 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: firing: a+"}) << "the repeat was due long ago";
}

TEST_F(RoutesTest, WhatIsResolvedWhileSilencedIsToldAfterwards) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: firing: a+"});
  Silenced("job=\"a\"", 20 * kMinute);
  held_.clear();
  Receive({Resolved("a")});
  RunFor(15 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{});
  RunFor(10 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: resolved: a-"}) << "who was told that it fires must know";
  EXPECT_EQ(router_->NextDue(), kNever);
}

TEST_F(RoutesTest, WhatFiredOnlyWhileSilencedIsNeverTold) {
  Start();
  Silenced("job=\"a\"", kHour);
  Hold({Firing("a")});
  RunFor(10 * kMinute);
  held_.clear();
  Receive({Resolved("a")});
  RunFor(2 * kHour);
  EXPECT_EQ(ToldWhom(), Lines{});
  EXPECT_EQ(router_->NextDue(), kNever);
}

TEST_F(RoutesTest, WhatIsInhibitedIsToldWhenItsReasonIsGone) {
  routing::InhibitRule rule;
  rule.source = Matching("alertname=\"Down\"");
  rule.target = Matching("alertname=\"A\"");
  rule.equal = {"job"};
  config_.inhibit_rules = {rule};
  Start();
  const Alert effect = Firing("a");
  Hold({Firing("a", "Down"), effect, Firing("b")});
  RunFor(kMinute);
  EXPECT_EQ(ToldWhom(), (Lines{"hook: firing: a+", "hook: firing: b+"}));
  Receive({Resolved("a", "Down")});
  held_.erase(held_.begin());
  RunFor(5 * kMinute);
  EXPECT_EQ(ToldWhom(), (Lines{"hook: resolved: a-", "hook: firing: a+ b+"}));
}

TEST_F(RoutesTest, AMutedRouteKeepsItsStateAndTellsAfterwards) {
  config_.time_intervals = {Evening()};
  config_.route.routes = {Child("db", "job=\"a\"")};
  config_.route.routes[0].mute_time_intervals = {"evening"};
  Start();
  const Alert a = Firing("a");
  const Alert b = Firing("b", "B");
  Hold({a, b});
  RunFor(kMinute);
  EXPECT_EQ(ToldWhom(), (Lines{"db: firing: a+", "hook: firing: b+"}));
  Alert more = Firing("a");
  more.labels.Set("instance", "2");
  Hold({a, b, more});
  RunFor(50 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{});
  const auto groups = router_->Groups({}, clock_.Now());
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].silent_because, "muted by time interval evening");
  EXPECT_EQ(groups[0].alerts[0].state, "suppressed");
  EXPECT_EQ(groups[0].alerts[0].muted_by, std::vector<std::string>{"evening"});
  RunFor(15 * kMinute);
  EXPECT_EQ(ToldWhom(), (Lines{"hook: firing: b+", "db: firing: a+ a+"}));
}

TEST_F(RoutesTest, ARouteIsMuteOutsideOfItsActiveTimes) {
  config_.time_intervals = {Evening()};
  config_.route.routes = {Child("db", "job=\"a\"")};
  config_.route.routes[0].active_time_intervals = {"evening"};
  Start();
  Hold({Firing("a")});
  RunFor(35 * kSecond);
  EXPECT_EQ(ToldWhom(), Lines{});
  EXPECT_EQ(router_->Groups({}, clock_.Now())[0].silent_because,
            "outside of active time interval evening");
  RunFor(5 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"db: firing: a+"});
}

TEST_F(RoutesTest, TooManyAlertsAreTruncatedAndCounted) {
  config_.receivers[0].webhooks[0].max_alerts = 2;
  Start();
  Receive({Firing("a"), Firing("b"), Firing("c")});
  RunFor(kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_EQ(Summary(notifier_.attempts[0]), "firing: a+ b+");
  EXPECT_NE(notifier_.attempts[0].body.find("\"truncatedAlerts\":1}"), std::string::npos);
}

TEST_F(RoutesTest, UrlsAndPayloadsAreTemplates) {
  routing::Webhook& webhook = config_.receivers[0].webhooks[0];
  webhook.url.value = "http://hook/{{ .GroupLabels.alertname }}";
  webhook.payload = R"({"text":"{{ len .Alerts }} of {{ .CommonLabels.job }}","n":1})";
  Start();
  Receive({Firing("a")});
  RunFor(kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_EQ(notifier_.attempts[0].url, "http://hook/A");
  EXPECT_EQ(notifier_.attempts[0].body, "{\"n\":1,\"text\":\"1 of a\"}\n");
}

TEST_F(RoutesTest, AnAddressInAFileIsATemplateToo) {
  routing::Webhook& webhook = config_.receivers[0].webhooks[0];
  webhook.url = {.value = "", .file = "hook.url"};
  std::string content = "http://hook/{{ .GroupLabels.alertname }}";
  options_.read_secret = [&](const http::Secret& secret) -> Result<std::string> {
    EXPECT_EQ(secret.file, "hook.url");
    return content;
  };
  Start();
  Receive({Firing("a")});
  RunFor(kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_EQ(notifier_.attempts[0].url, "http://hook/A");
  // Any other is read by whoever sends.
  content = "http://hook/plain";
  Receive({Firing("b")});
  RunFor(10 * kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 2U);
  EXPECT_EQ(notifier_.attempts[1].url, "");
}

TEST_F(RoutesTest, MistakesInTemplatesAreFoundAtOnce) {
  config_.receivers[0].webhooks[0].url.value = "http://hook/{{ .GroupLabels";
  const auto made = Router::Make(config_, options_, PortsWith(notifier_));
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().message().find("receiver \"hook\": url: line 1, column"),
            std::string_view::npos)
      << made.error().message();
}

TEST_F(RoutesTest, AnExactRepeatDoesNotWaitForALook) {
  config_.route.repeat_interval = 7 * kMinute;
  config_.exact_repeat = true;
  Start();
  Hold({Firing("a")});
  RunFor(30 * kSecond);
  EXPECT_EQ(ToldWhom(), Lines{"hook: firing: a+"});
  EXPECT_EQ(router_->Groups({}, clock_.Now())[0].next_repeat, clock_.Now() + 7 * kMinute);
  for (int i = 0; i < 3; ++i) {
    RunFor(7 * kMinute - kSecond);
    EXPECT_EQ(ToldWhom(), Lines{});
    RunFor(kSecond);
    EXPECT_EQ(ToldWhom(), Lines{"hook: firing: a+"});
  }
}

TEST_F(RoutesTest, AGroupSaysWhenItSpeaksNextAndWhyItIsSilent) {
  config_.route.repeat_interval = 7 * kMinute;
  Start();
  Hold({Firing("a")});
  EXPECT_EQ(router_->Alerts({}, clock_.Now())[0].state, "unprocessed");
  RunFor(kMinute);
  const Nanos told = kStart + 30 * kSecond;
  GroupView group = router_->Groups({}, clock_.Now())[0];
  EXPECT_EQ(group.told_at, told);
  EXPECT_EQ(group.next_look, told + 5 * kMinute);
  EXPECT_EQ(group.next_repeat, told + 10 * kMinute) << "7 minutes, at a look";
  EXPECT_EQ(group.silent_because, "");
  EXPECT_EQ(group.alerts[0].state, "active");
  RunFor(5 * kMinute);
  group = router_->Groups({}, clock_.Now())[0];
  EXPECT_EQ(group.silent_because, "nothing has changed since 2023-11-14T22:13:50Z");
}

TEST_F(RoutesTest, ViewsTellReceiversSilencesAndFingerprints) {
  routing::Route db = Child("db", "job=\"a\"");
  db.continues = true;
  config_.route.routes = {db, Child("page", "alertname=\"A\"")};
  Start();
  Receive({Firing("a"), Firing("b", "B")});
  const std::string id = Silenced("job=\"a\"", kHour);
  const auto alerts = router_->Alerts({}, clock_.Now());
  ASSERT_EQ(alerts.size(), 2U);
  const AlertView& view = alerts[0].receivers.size() == 2 ? alerts[0] : alerts[1];
  EXPECT_EQ(view.receivers, (std::vector<std::string>{"db", "page"}));
  EXPECT_EQ(view.silenced_by, std::vector<std::string>{id});
  EXPECT_EQ(view.state, "suppressed");
  EXPECT_EQ(view.fingerprint, Fingerprint(view.alert.labels));
  EXPECT_LT(alerts[0].fingerprint, alerts[1].fingerprint);
  ViewFilter filter;
  filter.receiver = *lib::Regex::Compile("ho.*");
  EXPECT_EQ(router_->Alerts(filter, clock_.Now()).size(), 1U);
  EXPECT_EQ(router_->Groups(filter, clock_.Now()).size(), 1U);
  filter.matchers = Matching("job=\"a\"");
  EXPECT_TRUE(router_->Alerts(filter, clock_.Now()).empty());
  EXPECT_EQ(router_->Receivers(), (std::vector<std::string>{"hook", "db", "page"}));
}

TEST_F(RoutesTest, WhatIsMissingInAnAlertIsFilledIn) {
  Start();
  Alert alert;
  alert.labels = Labels{{"alertname", "A"}, {"job", "a"}, {"empty", ""}};
  Receive({alert});
  const Alert taken = router_->Alerts({}, clock_.Now())[0].alert;
  EXPECT_EQ(taken.starts_at, kStart);
  EXPECT_EQ(taken.updated_at, kStart);
  EXPECT_EQ(taken.ends_at, kStart + 5 * kMinute) << "the resolve timeout";
  EXPECT_EQ(taken.labels.size(), 2U);
}

TEST_F(RoutesTest, AnotherConfigurationRepeatsNothingThatWasTold) {
  Start();
  Hold({Firing("a"), Firing("b", "B")});
  RunFor(kMinute);
  EXPECT_EQ(ToldWhom().size(), 2U);
  config_.route.routes = {Child("db", "job=\"b\"")};
  ASSERT_TRUE(router_->Reload(config_, clock_.Now()).ok());
  RunFor(kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"db: firing: b+"}) << "only who has not heard of it";
  RunFor(30 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{});
  Receive({Resolved("a")});
  held_.erase(held_.begin());
  RunFor(5 * kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: resolved: a-"}) << "the log goes on";
}

TEST_F(RoutesTest, AnotherConfigurationKeepsWhatIsNotDelivered) {
  Start();
  notifier_.otherwise = UnavailableError("down");
  Hold({Firing("a")});
  RunFor(31 * kSecond);
  const std::string key = notifier_.attempts[0].idempotency_key;
  notifier_.attempts.clear();
  notifier_.otherwise = Status();
  ASSERT_TRUE(router_->Reload(config_, clock_.Now()).ok());
  RunFor(kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_EQ(notifier_.attempts[0].idempotency_key, key);
}

TEST_F(RoutesTest, ABadConfigurationChangesNothing) {
  Start();
  Hold({Firing("a")});
  routing::Config bad = config_;
  bad.route.receiver = "nobody";
  EXPECT_FALSE(router_->Reload(bad, clock_.Now()).ok());
  RunFor(kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: firing: a+"});
}

TEST_F(RoutesTest, AReceiverThatIsGoneIsToldNothingMore) {
  config_.route.routes = {Child("db", "job=\"a\"")};
  Start();
  notifier_.otherwise = UnavailableError("down");
  Hold({Firing("a")});
  RunFor(31 * kSecond);
  notifier_.attempts.clear();
  notifier_.otherwise = Status();
  config_.route.routes.clear();
  config_.receivers.erase(config_.receivers.begin() + 1);
  ASSERT_TRUE(router_->Reload(config_, clock_.Now()).ok());
  RunFor(kMinute);
  EXPECT_EQ(ToldWhom(), Lines{"hook: firing: a+"});
  for (const auto& [key, value] : state_.entries) EXPECT_FALSE(key.starts_with("out/")) << key;
}

}  // namespace
}  // namespace tocsin::alerting
