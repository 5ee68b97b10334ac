// alerting, heartbeat and peers.

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/config/load.h"

namespace tocsin::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Result<Loaded> LoadText(const std::string& text) { return Load({text, "etc/tocsin.yaml", {}}); }

Config MustRead(const std::string& text) {
  const Result<Loaded> loaded = LoadText(text);
  EXPECT_TRUE(loaded.has_value()) << loaded.error().ToString();
  return loaded.has_value() ? loaded->config : Config();
}

std::string ErrorOf(const std::string& text) {
  const Result<Loaded> loaded = LoadText(text);
  return loaded.has_value() ? "no error" : loaded.error().ToString();
}

TEST(AlertingConfig, DefaultsAreThoseOfPrometheus) {
  const Config config = MustRead("alerting: {alertmanagers: [{static_configs: [{targets: [a]}]}]}");
  ASSERT_EQ(config.alerting.alertmanagers.size(), 1U);
  const Alertmanager& alertmanager = config.alerting.alertmanagers[0];
  EXPECT_EQ(alertmanager.scheme, "http");
  EXPECT_EQ(alertmanager.path_prefix, "");
  EXPECT_EQ(alertmanager.timeout, 10 * kSecond);
  EXPECT_TRUE(alertmanager.client.follow_redirects);
  EXPECT_EQ(config.alerting.notification_queue_capacity, 10'000U);
  EXPECT_EQ(config.alerting.notification_batch_size, 256U);
  EXPECT_TRUE(config.alerting.drain_notification_queue_on_shutdown);
  EXPECT_TRUE(MustRead("").alerting.alertmanagers.empty());
}

TEST(AlertingConfig, EveryKeyIsRead) {
  const Result<Loaded> loaded = LoadText(R"(
alerting:
  alert_relabel_configs:
  - {action: labeldrop, regex: replica}
  notification_queue_capacity: 5
  notification_batch_size: 2
  drain_notification_queue_on_shutdown: false
  alertmanagers:
  - scheme: https
    path_prefix: am/x/
    timeout: 3s
    api_version: v2
    basic_auth: {username: me, password: secret}
    tls_config: {insecure_skip_verify: true}
    static_configs: [{targets: ["a:1"], labels: {zone: z}}]
    file_sd_configs: [{files: ["am/*.json"], refresh_interval: 1m}]
    relabel_configs: [{source_labels: [zone], regex: z, action: keep}]
    alert_relabel_configs: [{source_labels: [severity], regex: page, action: keep}]
)");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  const Alerting& alerting = loaded->config.alerting;
  EXPECT_EQ(alerting.alert_relabel_configs.rules().size(), 1U);
  EXPECT_EQ(alerting.notification_queue_capacity, 5U);
  EXPECT_EQ(alerting.notification_batch_size, 2U);
  EXPECT_FALSE(alerting.drain_notification_queue_on_shutdown);
  const Alertmanager& alertmanager = alerting.alertmanagers.at(0);
  EXPECT_EQ(alertmanager.scheme, "https");
  EXPECT_EQ(alertmanager.path_prefix, "/am/x");
  EXPECT_EQ(alertmanager.timeout, 3 * kSecond);
  EXPECT_EQ(alertmanager.client.basic_auth.value().password.value, "secret");
  EXPECT_TRUE(alertmanager.client.tls.insecure_skip_verify);
  EXPECT_EQ(alertmanager.static_configs.at(0).labels.Get("zone"), "z");
  EXPECT_THAT(alertmanager.file_sd_configs.at(0).patterns, ElementsAre("etc/am/*.json"));
  EXPECT_EQ(alertmanager.file_sd_configs.at(0).refresh_interval, kMinute);
  EXPECT_EQ(alertmanager.relabel_configs.rules().size(), 1U);
  EXPECT_EQ(alertmanager.alert_relabel_configs.rules().size(), 1U);
  EXPECT_THAT(loaded->effective, HasSubstr("path_prefix: \"/am/x\""));
  EXPECT_THAT(loaded->effective, HasSubstr("\"etc/am/*.json\""));
  EXPECT_THAT(loaded->effective, Not(HasSubstr("secret\"")));
}

TEST(AlertingConfig, WhatIsNotSpokenIsRefusedByName) {
  const auto of_one = [](std::string_view keys) {
    return ErrorOf("alerting:\n  alertmanagers:\n  - " + std::string(keys) + "\n");
  };
  EXPECT_THAT(of_one("api_version: v1"), HasSubstr("etc/tocsin.yaml: line 3, column 18: "));
  EXPECT_THAT(of_one("dns_sd_configs: [{names: [a]}]"), HasSubstr("dns_sd_configs"));
  EXPECT_THAT(of_one("kubernetes_sd_configs: [{role: pod}]"), HasSubstr("kubernetes_sd_configs"));
  EXPECT_THAT(of_one("sigv4: {region: x}"), HasSubstr("sigv4"));
  EXPECT_THAT(of_one("static_configs: [{targets: [\"http://a:1\"]}]"), HasSubstr("http://a:1"));
  EXPECT_THAT(of_one("scheme: ftp"), HasSubstr("scheme"));
  EXPECT_THAT(of_one("timeout: 0s"), HasSubstr("must not be 0"));
  EXPECT_THAT(of_one("relabel_configs: [{action: keepp}]"), HasSubstr("keepp"));
}

TEST(HeartbeatConfig, TellsAWebhookEveryHalfMinute) {
  EXPECT_FALSE(MustRead("").heartbeat.url.given());
  const Result<Loaded> loaded = LoadText("heartbeat: {webhook: {url: 'http://snitch/secret'}}");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  EXPECT_EQ(loaded->config.heartbeat.url.value, "http://snitch/secret");
  EXPECT_EQ(loaded->config.heartbeat.interval, 30 * kSecond);
  EXPECT_EQ(loaded->config.heartbeat.timeout, 10 * kSecond);
  EXPECT_THAT(loaded->effective, Not(HasSubstr("snitch/secret")));
  const Config config = MustRead(R"(
heartbeat:
  interval: 5s
  webhook: {url_file: beat.url, timeout: 2s, http_config: {authorization: {credentials: x}}}
)");
  EXPECT_EQ(config.heartbeat.url.file, "etc/beat.url");
  EXPECT_EQ(config.heartbeat.interval, 5 * kSecond);
  EXPECT_EQ(config.heartbeat.timeout, 2 * kSecond);
  EXPECT_EQ(config.heartbeat.client.authorization.value().credentials.value, "x");
}

TEST(HeartbeatConfig, MustSayWhere) {
  EXPECT_THAT(ErrorOf("heartbeat: {interval: 1s}"), HasSubstr("url is missing"));
  EXPECT_THAT(ErrorOf("heartbeat: {webhook: {url: nowhere}}"), HasSubstr("must be a URL"));
  EXPECT_THAT(ErrorOf("heartbeat: {webhook: {url: 'http://a', url_file: b}}"),
              HasSubstr("keep one"));
  EXPECT_THAT(ErrorOf("heartbeat: {interval: 0s, webhook: {url: 'http://a'}}"),
              HasSubstr("must not be 0"));
}

TEST(PeersConfig, AreNamedByTheirAddress) {
  const Config config = MustRead(R"(
peers:
- url: http://user:pass@other:3200/
- {url: "https://third/tocsin", name: third, interval: 1s, timeout: 2s, for: 0s,
   labels: {severity: page}, http_config: {tls_config: {insecure_skip_verify: true}}}
)");
  ASSERT_EQ(config.peers.size(), 2U);
  EXPECT_EQ(config.peers[0].url, "http://user:pass@other:3200");
  EXPECT_EQ(config.peers[0].name, "other:3200");
  EXPECT_EQ(config.peers[0].interval, 15 * kSecond);
  EXPECT_EQ(config.peers[0].hold, kMinute);
  EXPECT_EQ(config.peers[1].name, "third");
  EXPECT_EQ(config.peers[1].hold, 0);
  EXPECT_EQ(config.peers[1].labels.Get("severity"), "page");
  EXPECT_TRUE(config.peers[1].client.tls.insecure_skip_verify);
  EXPECT_THAT(ErrorOf("peers: [{url: 'http://a:1'}, {url: 'http://a:1/x'}]"),
              HasSubstr("\"a:1\" stands twice"));
  EXPECT_THAT(ErrorOf("peers: [{name: a}]"), HasSubstr("url is missing"));
}

}  // namespace
}  // namespace tocsin::config
