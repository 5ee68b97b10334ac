// Alertmanager's API v2: what it takes, what it shows, how it refuses.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/alerting/silences.h"
#include "cpp/api/alertmanager.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"
#include "tests/unit/model/fake_state.h"

namespace tocsin::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Nanos kNow = 1'795'361'802 * kSecond;
constexpr const char* kLater = "2027-01-01T00:00:00Z";

class AlertmanagerApiTest : public testing::Test {
 protected:
  AlertmanagerApiTest() : silences_({}, &state_, &Telemetry::None()) {
    EXPECT_TRUE(silences_.Restore(kNow).ok());
    AlertmanagerBackend backend;
    backend.ready = [this] { return ready_; };
    backend.alerts = [this](const alerting::ViewFilter& filter) {
      filter_ = filter;
      return views_;
    };
    backend.groups = [this](const alerting::ViewFilter& filter) {
      filter_ = filter;
      return groups_;
    };
    backend.receivers = [] { return std::vector<std::string>{"a", "b"}; };
    backend.config = [] { return std::string("route: {receiver: a}\n"); };
    backend.resolve_timeout = [] { return 5 * kMinute; };
    backend.receive = [this](std::span<const Alert> alerts) {
      received_.insert(received_.end(), alerts.begin(), alerts.end());
      return take_;
    };
    backend.silences = &silences_;
    backend.clock = &clock_;
    backend.version = "1.2.3";
    RegisterAlertmanager(std::move(backend), &router_);
  }

  http::Response Get(const std::string& target) { return Send("GET", target, {}); }
  http::Response Post(const std::string& path, const std::string& body) {
    return Send("POST", path, body);
  }
  http::Response Send(const std::string& method, const std::string& target, std::string body) {
    http::Request request;
    request.method = method;
    const size_t question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos)
      request.query = http::ParseQuery(target.substr(question + 1));
    if (method == "POST") request.headers = {{"content-type", "application/json; charset=utf-8"}};
    request.body = std::move(body);
    return router_.Route(std::move(request));
  }
  lib::Json JsonOf(const http::Response& response) {
    Result<lib::Json> json = lib::Json::Parse(response.body);
    EXPECT_TRUE(json.has_value()) << response.body;
    return json.has_value() ? *std::move(json) : lib::Json();
  }
  std::string SilenceOn(const std::string& value) {
    const http::Response made =
        Post("/api/v2/silences",
             R"({"matchers":[{"name":"alertname","value":")" + value +
                 R"(","isRegex":false}],"startsAt":"2026-11-22T15:00:00Z",)"
                 R"("endsAt":"2027-01-01T00:00:00Z","createdBy":"me","comment":"c"})");
    EXPECT_EQ(made.status, 200) << made.body;
    const lib::Json json = JsonOf(made);
    return json.Find("silenceID") == nullptr ? "" : json.Find("silenceID")->string;
  }

  VirtualClock clock_{kNow};
  FakeState state_;
  alerting::Silences silences_;
  Status ready_;
  Status take_;
  std::vector<alerting::AlertView> views_;
  std::vector<alerting::GroupView> groups_;
  alerting::ViewFilter filter_;
  std::vector<Alert> received_;
  http::Router router_;
};

alerting::AlertView View(const std::string& name, const std::string& state) {
  alerting::AlertView view;
  view.alert.labels = {{"alertname", name}};
  view.alert.annotations = {{"summary", "s"}};
  view.alert.starts_at = kNow - kMinute;
  view.alert.ends_at = kNow + kMinute;
  view.alert.updated_at = kNow + 7 * kMillisecond + 5;
  view.fingerprint = 0xd2c6efc389df0927;
  view.receivers = {"a"};
  view.state = state;
  return view;
}

TEST_F(AlertmanagerApiTest, AnAlertIsShownAsAlertmanagerShowsIt) {
  views_ = {View("A", "active")};
  const http::Response response = Get("/api/v2/alerts");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("content-type"), "application/json");
  EXPECT_EQ(response.Header("cache-control"), "no-store");
  EXPECT_EQ(response.body,
            R"([{"annotations":{"summary":"s"},"endsAt":"2026-11-22T15:37:42.000Z",)"
            R"("fingerprint":"d2c6efc389df0927","receivers":[{"name":"a"}],)"
            R"("startsAt":"2026-11-22T15:35:42.000Z","status":{"inhibitedBy":[],"mutedBy":[],)"
            R"("silencedBy":[],"state":"active"},"updatedAt":"2026-11-22T15:36:42.007Z",)"
            R"("labels":{"alertname":"A"}}])");
}

TEST_F(AlertmanagerApiTest, StatesAreLeftOutAsAsked) {
  views_ = {View("active", "active"),        View("silenced", "suppressed"),
            View("inhibited", "suppressed"), View("muted", "suppressed"),
            View("new", "unprocessed"),      View("over", "active")};
  views_[1].silenced_by = {"id"};
  views_[2].inhibited_by = {"0123456789abcdef"};
  views_[3].muted_by = {"nights"};
  views_[5].alert.ends_at = kNow - 1;
  const auto shown = [this](const std::string& query) {
    std::vector<std::string> names;
    for (const lib::Json& alert : JsonOf(Get("/api/v2/alerts" + query)).array) {
      names.push_back(alert.Find("labels")->Find("alertname")->string);
    }
    return names;
  };
  EXPECT_THAT(shown(""), ElementsAre("active", "silenced", "inhibited", "muted", "new"));
  EXPECT_THAT(shown("?active=false"), ElementsAre("silenced", "inhibited", "muted"));
  EXPECT_THAT(shown("?silenced=false&inhibited=0&muted=no"), ElementsAre("active", "new"));
  EXPECT_THAT(shown("?active=True&unprocessed=false&silenced="),
              ElementsAre("active", "silenced", "inhibited", "muted", "new"));
}

TEST_F(AlertmanagerApiTest, FiltersAndReceiversReachTheRouter) {
  EXPECT_EQ(Get("/api/v2/alerts?filter=a%3D%22b%22&filter=c%3D~d.*&receiver=x|y").status, 200);
  ASSERT_EQ(filter_.matchers.size(), 2U);
  EXPECT_TRUE(routing::MatchesAll(filter_.matchers, Labels({{"a", "b"}, {"c", "def"}})));
  EXPECT_FALSE(routing::MatchesAll(filter_.matchers, Labels({{"a", "b"}})));
  ASSERT_TRUE(filter_.receiver.has_value());
  EXPECT_TRUE(filter_.receiver->FullMatch("y"));
  const http::Response bad = Get("/api/v2/alerts?filter=foo");
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(JsonOf(bad).string, HasSubstr("bad matcher format: foo"));
  EXPECT_EQ(Get("/api/v2/alerts/groups?filter=%7B").status, 400);
  const http::Response receiver = Get("/api/v2/alerts?receiver=(");
  EXPECT_EQ(receiver.status, 400);
  EXPECT_THAT(JsonOf(receiver).string, HasSubstr("failed to parse receiver param"));
}

TEST_F(AlertmanagerApiTest, GroupsTellWhenTheyAreLookedAtAndWhyTheyAreSilent) {
  alerting::GroupView group;
  group.labels = {{"alertname", "A"}};
  group.receiver = "a";
  group.alerts = {View("A", "active"), View("A", "suppressed")};
  group.alerts[1].silenced_by = {"id"};
  group.next_look = kNow + kMinute;
  group.told_at = kNow - kMinute;
  group.next_repeat = kNow + kHour;
  group.silent_because = "nothing has changed";
  groups_ = {group};
  lib::Json shown = JsonOf(Get("/api/v2/alerts/groups"));
  ASSERT_EQ(shown.array.size(), 1U);
  EXPECT_EQ(shown.array[0].Find("alerts")->array.size(), 2U);
  EXPECT_EQ(shown.array[0].Find("labels")->Find("alertname")->string, "A");
  EXPECT_EQ(shown.array[0].Find("receiver")->Find("name")->string, "a");
  EXPECT_EQ(shown.array[0].Find("nextFlushAt")->string, "2026-11-22T15:37:42.000Z");
  EXPECT_EQ(shown.array[0].Find("nextRepeatAt")->string, "2026-11-22T16:36:42.000Z");
  EXPECT_EQ(shown.array[0].Find("lastNotifiedAt")->string, "2026-11-22T15:35:42.000Z");
  EXPECT_EQ(shown.array[0].Find("silentBecause")->string, "nothing has changed");
  shown = JsonOf(Get("/api/v2/alerts/groups?active=false"));
  ASSERT_EQ(shown.array.size(), 1U);
  EXPECT_EQ(shown.array[0].Find("alerts")->array.size(), 1U);
  shown = JsonOf(Get("/api/v2/alerts/groups?active=false&silenced=false"));
  EXPECT_THAT(shown.array, IsEmpty());
}

TEST_F(AlertmanagerApiTest, StatusAndReceivers) {
  const lib::Json status = JsonOf(Get("/api/v2/status"));
  EXPECT_EQ(status.Find("cluster")->Find("status")->string, "disabled");
  EXPECT_EQ(status.Find("config")->Find("original")->string, "route: {receiver: a}\n");
  EXPECT_EQ(status.Find("uptime")->string, "2026-11-22T15:36:42.000Z");
  for (const char* key : {"branch", "buildDate", "buildUser", "goVersion", "revision", "version"}) {
    EXPECT_NE(status.Find("versionInfo")->Find(key), nullptr) << key;
  }
  EXPECT_EQ(Get("/api/v2/receivers").body, R"([{"name":"a"},{"name":"b"}])");
}

TEST_F(AlertmanagerApiTest, MissingTimesOfPostedAlertsAreFilledIn) {
  EXPECT_EQ(Post("/api/v2/alerts", R"([
      {"labels":{"alertname":"neither","empty":""}},
      {"labels":{"alertname":"start"},"startsAt":"2026-11-22T15:00:00.123456789+01:00"},
      {"labels":{"alertname":"end"},"endsAt":"2026-11-22T15:00:00Z"},
      {"labels":{"alertname":"zero"},"startsAt":"0001-01-01T00:00:00Z","endsAt":null,
       "annotations":{"b":"","a":"x"},"generatorURL":"http://g/x"}])")
                .status,
            200);
  ASSERT_EQ(received_.size(), 4U);
  EXPECT_EQ(received_[0].labels, Labels({{"alertname", "neither"}}));
  EXPECT_EQ(received_[0].starts_at, kNow);
  EXPECT_EQ(received_[0].ends_at, kNow + 5 * kMinute);
  EXPECT_EQ(received_[0].updated_at, kNow);
  EXPECT_EQ(received_[1].starts_at, *ParseRfc3339Nanos("2026-11-22T14:00:00.123456789Z"));
  EXPECT_EQ(received_[2].starts_at, received_[2].ends_at);
  EXPECT_EQ(received_[2].ends_at, *ParseRfc3339Nanos("2026-11-22T15:00:00Z"));
  EXPECT_EQ(received_[3].starts_at, kNow);
  EXPECT_EQ(received_[3].annotations, (Annotations{{"a", "x"}, {"b", ""}}));
  EXPECT_EQ(received_[3].generator_url, "http://g/x");
}

TEST_F(AlertmanagerApiTest, InvalidAlertsAreRefusedAndTheValidOnesKept) {
  const http::Response response = Post("/api/v2/alerts", R"([
      {"labels":{}},
      {"labels":{"alertname":"good"}},
      {"labels":{"x":""}},
      {"labels":{"":"x"}},
      {"labels":{"alertname":"B"},"startsAt":"2020-01-01T00:00:00Z","endsAt":"2019-01-01T00:00:00Z"},
      {"labels":{"alertname":"far"},"startsAt":"2030-01-01T00:00:00Z"},
      {"labels":{"alertname":"C"},"annotations":{"":"x"}}])");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(JsonOf(response).string,
            "at least one label pair required; at least one label pair required; "
            "invalid label set: invalid name \"\"; start time must be before end time; "
            "start time must be before end time; invalid annotations: invalid name \"\"");
  ASSERT_EQ(received_.size(), 1U);
  EXPECT_EQ(received_[0].labels.Get("alertname"), "good");
}

struct Refused {
  std::string body;
  int status;
  int code;
  std::string part;
};

TEST_F(AlertmanagerApiTest, BodiesThatAreNotOfTheSchemaAreRefusedWhole) {
  const std::string good = R"({"labels":{"alertname":"good"}},)";
  for (const Refused& refused : std::vector<Refused>{
           {"", 422, 602, "alerts in body is required"},
           {"[" + good + "{}]", 422, 602, "1.labels in body is required"},
           {"[" + good + R"({"labels":null}])", 422, 602, "1.labels in body is required"},
           {R"({"a":1})", 400, 400, "parsing alerts body from \"\" failed, because it is no array"},
           {"[{", 400, 400, "parsing alerts body from \"\" failed"},
           {"[1]", 400, 400, "0: it is no object"},
           {"[" + good + R"({"labels":{"a":1}}])", 400, 400, "1.labels: the value of \"a\""},
           {R"([{"labels":{"a":"b"},"startsAt":"yesterday"}])", 400, 400, "0.startsAt: \"yest"},
           {R"([{"labels":{"a":"b"},"generatorURL":"x y"}])", 422, 601,
            "0.generatorURL in body must be of type uri: \"x y\""}}) {
    const http::Response response = Post("/api/v2/alerts", refused.body);
    EXPECT_EQ(response.status, refused.status) << refused.body;
    const lib::Json json = JsonOf(response);
    ASSERT_NE(json.Find("code"), nullptr) << response.body;
    EXPECT_EQ(json.Find("code")->integer, refused.code) << refused.body;
    EXPECT_THAT(json.Find("message")->string, HasSubstr(refused.part));
  }
  EXPECT_THAT(received_, IsEmpty());
  EXPECT_EQ(Post("/api/v2/alerts", "null").status, 200);
  EXPECT_EQ(Post("/api/v2/alerts", "[]").status, 200);
}

TEST_F(AlertmanagerApiTest, OnlyJsonIsTaken) {
  http::Request request;
  request.method = "POST";
  request.path = "/api/v2/alerts";
  request.headers = {{"content-type", "text/plain"}};
  request.body = "[]";
  const http::Response response = router_.Route(request);
  EXPECT_EQ(response.status, 415);
  EXPECT_EQ(JsonOf(response).Find("message")->string,
            "unsupported media type \"text/plain\", only [application/json] are allowed");
}

TEST_F(AlertmanagerApiTest, ARouterThatTakesNoMoreSaysWhen) {
  take_ = ResourceExhaustedError("too many alerts");
  const http::Response full = Post("/api/v2/alerts", R"([{"labels":{"a":"b"}}])");
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.Header("retry-after"), "1");
  ready_ = UnavailableError("starting");
  EXPECT_EQ(Get("/api/v2/alerts").status, 503);
}

TEST_F(AlertmanagerApiTest, SilencesAreMadeShownChangedAndEnded) {
  const std::string id = SilenceOn("A");
  EXPECT_EQ(id.size(), 36U);
  const lib::Json one = JsonOf(Get("/api/v2/silence/" + id));
  EXPECT_EQ(one.Find("id")->string, id);
  EXPECT_EQ(one.Find("status")->Find("state")->string, "active");
  EXPECT_EQ(one.Find("endsAt")->string, "2027-01-01T00:00:00.000Z");
  EXPECT_EQ(one.Find("createdBy")->string, "me");
  EXPECT_EQ(one.Find("comment")->string, "c");
  ASSERT_EQ(one.Find("matchers")->array.size(), 1U);
  const lib::Json& matcher = one.Find("matchers")->array[0];
  EXPECT_TRUE(matcher.Find("isEqual")->boolean);
  EXPECT_FALSE(matcher.Find("isRegex")->boolean);
  EXPECT_EQ(matcher.Find("name")->string, "alertname");
  EXPECT_EQ(matcher.Find("value")->string, "A");
  const std::string other = SilenceOn("B");
  EXPECT_EQ(JsonOf(Get("/api/v2/silences")).array.size(), 2U);
  EXPECT_EQ(JsonOf(Get("/api/v2/silences?filter=alertname%3DB")).array.size(), 1U);
  EXPECT_THAT(JsonOf(Get("/api/v2/silences?filter=alertname%3D~B")).array, IsEmpty());
  EXPECT_EQ(Send("DELETE", "/api/v2/silence/" + other, {}).status, 200);
  clock_.Advance(kSecond);
  EXPECT_EQ(JsonOf(Get("/api/v2/silence/" + other)).Find("status")->Find("state")->string,
            "expired");
}

TEST_F(AlertmanagerApiTest, EveryOperatorOfMatchersIsKept) {
  const http::Response made = Post("/api/v2/silences", R"({"matchers":[
      {"name":"a","value":"1","isRegex":false,"isEqual":true},
      {"name":"b","value":"2","isRegex":false,"isEqual":false},
      {"name":"c","value":"3.*","isRegex":true},
      {"name":"d","value":"4.*","isRegex":true,"isEqual":false}],
      "startsAt":"2026-12-01T00:00:00Z","endsAt":"2027-01-01T00:00:00Z",
      "createdBy":"","comment":"","annotations":{"ticket":"1"}})");
  ASSERT_EQ(made.status, 200) << made.body;
  const lib::Json shown = JsonOf(Get("/api/v2/silences")).array.at(0);
  EXPECT_EQ(shown.Find("status")->Find("state")->string, "pending");
  EXPECT_EQ(shown.Find("annotations")->Find("ticket")->string, "1");
  std::map<std::string, std::pair<bool, bool>> kinds;
  for (const lib::Json& matcher : shown.Find("matchers")->array) {
    kinds[matcher.Find("name")->string] = {matcher.Find("isEqual")->boolean,
                                           matcher.Find("isRegex")->boolean};
  }
  EXPECT_EQ(
      kinds,
      (std::map<std::string, std::pair<bool, bool>>{
          {"a", {true, false}}, {"b", {false, false}}, {"c", {true, true}}, {"d", {false, true}}}));
}

TEST_F(AlertmanagerApiTest, SilencesThatCannotBeAreRefused) {
  const auto body = [](const std::string& matchers, const std::string& start,
                       const std::string& end, const std::string& more = "") {
    return R"({"matchers":)" + matchers + R"(,"startsAt":")" + start + R"(","endsAt":")" + end +
           R"(","createdBy":"me","comment":"c")" + more + "}";
  };
  const std::string good = R"([{"name":"a","value":"b","isRegex":false}])";
  const std::string now = "2026-11-22T15:36:42Z";
  for (const Refused& refused : std::vector<Refused>{
           {"", 422, 602, "silence in body is required"},
           {"{}", 422, 602, "comment in body is required"},
           {body("[]", now, kLater), 422, 612, "matchers in body should have at least 1 items"},
           {body(R"([{"name":"a","value":"b"}])", now, kLater), 422, 602,
            "matchers.0.isRegex in body is required"},
           {body("3", now, kLater), 400, 400, "matchers: it is no array"},
           {body(good, "never", kLater), 400, 400, "startsAt"},
           {body(R"([{"name":"a","value":"(","isRegex":true}])", now, kLater), 400, 0,
            "invalid label matcher 0"},
           {body(R"([{"name":"a","value":"","isRegex":false}])", now, kLater), 400, 0, ""},
           {body(good, kLater, now), 400, 0, "start time must be before end time"},
           {body(good, "2010-01-01T00:00:00Z", "2011-01-01T00:00:00Z"), 400, 0,
            "end time can't be in the past"},
           {body(good, now, kLater, R"(,"id":"4b6f5fde-0000-4000-8000-000000000000")"), 404, 0,
            "silence not found"}}) {
    const http::Response response = Post("/api/v2/silences", refused.body);
    EXPECT_EQ(response.status, refused.status) << refused.body << response.body;
    const lib::Json json = JsonOf(response);
    const bool plain = refused.code == 0;
    EXPECT_EQ(json.type == lib::Json::Type::kString, plain) << response.body;
    EXPECT_THAT(plain ? json.string : json.Find("message")->string, HasSubstr(refused.part));
  }
  EXPECT_THAT(JsonOf(Get("/api/v2/silences")).array, IsEmpty());
}

TEST_F(AlertmanagerApiTest, WhatIsNoIdIsToldFromWhatIsNotThere) {
  const http::Response bad = Get("/api/v2/silence/x");
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(JsonOf(bad).Find("message")->string, "silenceID in path must be of type uuid: \"x\"");
  EXPECT_EQ(Get("/api/v2/silence/4b6f5fde-0000-4000-8000-000000000000").status, 404);
  EXPECT_EQ(Send("DELETE", "/api/v2/silence/4b6f5fde-0000-4000-8000-000000000000", {}).status, 404);
  EXPECT_EQ(Send("DELETE", "/api/v2/silence/x", {}).status, 422);
}

}  // namespace
}  // namespace tocsin::api
