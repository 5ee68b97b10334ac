// The tree of routes: which of them an alert takes, how they are named, and what is refused.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/routing/config.h"

namespace tocsin::routing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Route MakeRoute(std::string receiver, std::string_view matchers, std::vector<Route> routes = {}) {
  Route route;
  route.receiver = std::move(receiver);
  route.matchers = *ParseMatchers(matchers);
  route.routes = std::move(routes);
  return route;
}

Route Continuing(Route route) {
  route.continues = true;
  return route;
}

Config MakeConfig(Route root) {
  Config config;
  for (const std::string_view name : {"root", "a", "b", "c", "d"}) {
    config.receivers.push_back({.name = std::string(name), .webhooks = {}});
  }
  config.route = std::move(root);
  return config;
}

std::vector<std::string> Taken(const Config& config, const Labels& labels) {
  std::vector<std::string> ids;
  for (const Route* route : Match(config, labels)) ids.push_back(route->id);
  return ids;
}

TEST(RouteTest, TheFirstThatMatchesIsTakenDepthFirst) {
  Config config = MakeConfig(MakeRoute(
      "root", "",
      {MakeRoute("a", "team=a", {MakeRoute("b", "severity=page"), MakeRoute("c", "env=~\"p.*\"")}),
       MakeRoute("d", "team=~\"a|d\"")}));
  ASSERT_TRUE(Finish(&config).ok());
  EXPECT_THAT(Taken(config, {{"x", "y"}}), ElementsAre("{}"));
  EXPECT_THAT(Taken(config, {{"team", "d"}}), ElementsAre("{}/{team=~\"a|d\"}/1"));
  EXPECT_THAT(Taken(config, {{"team", "a"}}), ElementsAre("{}/{team=\"a\"}/0"));
  EXPECT_THAT(Taken(config, {{"team", "a"}, {"severity", "page"}, {"env", "prod"}}),
              ElementsAre("{}/{team=\"a\"}/0/{severity=\"page\"}/0"));
  EXPECT_THAT(Taken(config, {{"team", "a"}, {"env", "prod"}}),
              ElementsAre("{}/{team=\"a\"}/0/{env=~\"p.*\"}/1"));
  EXPECT_EQ(config.route.routes[0].routes[1].key, "{}/{team=\"a\"}/{env=~\"p.*\"}");
}

TEST(RouteTest, WhatContinuesLetsItsSiblingsTry) {
  Config config = MakeConfig(
      MakeRoute("root", "",
                {Continuing(MakeRoute("a", "x=1", {Continuing(MakeRoute("b", "y=1"))})),
                 Continuing(MakeRoute("c", "x=1")), MakeRoute("d", ""), MakeRoute("a", "")}));
  ASSERT_TRUE(Finish(&config).ok());
  EXPECT_THAT(Taken(config, {{"x", "1"}, {"y", "1"}}),
              ElementsAre("{}/{x=\"1\"}/0/{y=\"1\"}/0", "{}/{x=\"1\"}/1", "{}/{}/2"));
  EXPECT_THAT(Taken(config, {{"z", "1"}}), ElementsAre("{}/{}/2"));
}

TEST(RouteTest, NamesAreOfSortedMatchersAndSiblingsShareKeys) {
  Config config =
      MakeConfig(MakeRoute("root", "", {MakeRoute("a", "b=2,a=1"), MakeRoute("b", "a=1,b=2")}));
  ASSERT_TRUE(Finish(&config).ok());
  EXPECT_EQ(config.route.key, "{}");
  EXPECT_EQ(config.route.id, "{}");
  EXPECT_EQ(config.route.routes[0].key, "{}/{a=\"1\",b=\"2\"}");
  EXPECT_EQ(config.route.routes[1].key, config.route.routes[0].key);
  EXPECT_EQ(config.route.routes[0].id, "{}/{a=\"1\",b=\"2\"}/0");
  EXPECT_EQ(config.route.routes[1].id, "{}/{a=\"1\",b=\"2\"}/1");
}

TEST(RouteTest, WhatDoesNotFitTogetherIsRefused) {
  const auto error_of = [](Config config) { return std::string(Finish(&config).message()); };
  EXPECT_EQ(error_of(MakeConfig(MakeRoute("", ""))),
            "route: root route must specify a default receiver");
  EXPECT_EQ(error_of(MakeConfig(MakeRoute("x", ""))),
            "route.receiver: undefined receiver \"x\" used in route");
  EXPECT_EQ(error_of(MakeConfig(MakeRoute("root", "a=b"))),
            "route: root route must not have any matchers");
  EXPECT_EQ(error_of(MakeConfig(Continuing(MakeRoute("root", "")))),
            "route: cannot have continue in root route");
  EXPECT_EQ(error_of(MakeConfig(MakeRoute(
                "root", "", {MakeRoute("a", ""), MakeRoute("a", "", {MakeRoute("x", "")})}))),
            "route.routes[1].routes[0].receiver: undefined receiver \"x\" used in route");
  Config config = MakeConfig(MakeRoute("root", "", {MakeRoute("a", "")}));
  config.route.routes[0].mute_time_intervals = {"nights"};
  EXPECT_THAT(error_of(config), HasSubstr("undefined time interval \"nights\" used in route"));
  config.time_intervals = {{"nights", {}}};
  EXPECT_EQ(error_of(config), "");
  config.time_intervals = {{"nights", {}}, {"nights", {}}};
  EXPECT_EQ(error_of(config), "time_intervals[1].name: name \"nights\" is not unique");
  config.time_intervals = {{"nights", {}}};
  config.route.mute_time_intervals = {"nights"};
  EXPECT_THAT(error_of(config), HasSubstr("root route must not have any mute time intervals"));
  config.route.mute_time_intervals = {};
  config.route.routes[0].group_interval = 0;
  EXPECT_THAT(error_of(config), HasSubstr("route.routes[0].group_interval: cannot be zero"));
  config.receivers.push_back({.name = "a", .webhooks = {}});
  EXPECT_THAT(error_of(config), HasSubstr("receivers[5].name: name \"a\" is not unique"));
}

}  // namespace
}  // namespace tocsin::routing
