// remote_write, and how a server is reached that needs more than an address.

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/config/load.h"

namespace tocsin::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// The keys of one target, at http://a.
Result<Loaded> LoadTarget(const std::string& keys) {
  return Load({"remote_write:\n- url: http://a/write\n" + keys, "etc/tocsin.yaml", {}});
}

RemoteWrite MustRead(const std::string& keys) {
  const Result<Loaded> loaded = LoadTarget(keys);
  EXPECT_TRUE(loaded.has_value()) << loaded.error().ToString();
  return loaded.has_value() ? loaded->config.remote_write.at(0) : RemoteWrite();
}

std::string ErrorOf(const std::string& keys) {
  const Result<Loaded> loaded = LoadTarget(keys);
  return loaded.has_value() ? "no error" : loaded.error().ToString();
}

TEST(RemoteWriteConfig, DefaultsAreThoseOfPrometheus) {
  const RemoteWrite remote = MustRead("");
  EXPECT_EQ(remote.message, WriteMessage::kV1);
  EXPECT_FALSE(remote.send_exemplars);
  EXPECT_FALSE(remote.send_native_histograms);
  EXPECT_TRUE(remote.send_metadata);
  EXPECT_EQ(remote.metadata_interval, kMinute);
  EXPECT_EQ(remote.max_metadata_per_send, 2'000U);
  EXPECT_EQ(remote.min_shards, 1U);
  EXPECT_EQ(remote.max_shards, 50U);
  EXPECT_EQ(remote.capacity, 10'000U);
  EXPECT_EQ(remote.max_samples_per_send, 2'000U);
  EXPECT_EQ(remote.sample_age_limit, 0);
  EXPECT_EQ(remote.client, http::ClientOptions());
}

TEST(RemoteWriteConfig, EverythingAboutTheQueueIsRead) {
  const RemoteWrite remote = MustRead(R"(
  protobuf_message: io.prometheus.write.v2.Request
  send_native_histograms: true
  metadata_config: {send: false, send_interval: 5m, max_samples_per_send: 7}
  queue_config: {capacity: 1, min_shards: 2, max_shards: 3, sample_age_limit: 4m}
  write_relabel_configs: [{source_labels: [__name__], regex: go_.*, action: drop}]
)");
  EXPECT_EQ(remote.message, WriteMessage::kV2);
  EXPECT_TRUE(remote.send_native_histograms);
  EXPECT_FALSE(remote.send_metadata);
  EXPECT_EQ(remote.metadata_interval, 5 * kMinute);
  EXPECT_EQ(remote.max_metadata_per_send, 7U);
  EXPECT_EQ(remote.capacity, 1U);
  EXPECT_EQ(remote.min_shards, 2U);
  EXPECT_EQ(remote.max_shards, 3U);
  EXPECT_EQ(remote.sample_age_limit, 4 * kMinute);
  EXPECT_EQ(remote.write_relabel_configs.rules().size(), 1U);
}

TEST(RemoteWriteConfig, EverythingAboutTheConnectionIsRead) {
  const RemoteWrite remote = MustRead(R"(
  basic_auth: {username: me, password_file: secrets/password}
  tls_config:
    ca_file: ca.pem
    cert_file: /etc/own.pem
    key_file: own.key
    server_name: far
    insecure_skip_verify: true
    min_version: TLS13
  proxy_url: http://proxy:3128
  no_proxy: near, 10.0.0.0/8
  proxy_connect_header: {X-Key: [a, b]}
  follow_redirects: false
  enable_http2: false
  http_headers:
    X-Three: {values: [one], secrets: [two], files: [three.txt]}
)");
  const http::ClientOptions& client = remote.client;
  ASSERT_TRUE(client.basic_auth.has_value());
  EXPECT_EQ(client.basic_auth->username.value, "me");
  EXPECT_EQ(client.basic_auth->password.file, "etc/secrets/password");
  EXPECT_EQ(client.tls.ca_file, "etc/ca.pem");
  EXPECT_EQ(client.tls.cert_file, "/etc/own.pem");
  EXPECT_EQ(client.tls.key.file, "etc/own.key");
  EXPECT_EQ(client.tls.server_name, "far");
  EXPECT_TRUE(client.tls.insecure_skip_verify);
  EXPECT_EQ(client.tls.min_version, http::TlsVersion::kTls13);
  EXPECT_EQ(client.proxy.url, "http://proxy:3128");
  EXPECT_EQ(client.proxy.no_proxy, "near, 10.0.0.0/8");
  EXPECT_EQ(client.proxy.connect_headers.size(), 2U);
  EXPECT_FALSE(client.follow_redirects);
  ASSERT_EQ(client.headers.size(), 3U);
  EXPECT_EQ(client.headers[1].second.value, "two");
  EXPECT_EQ(client.headers[2].second.file, "etc/three.txt");
}

TEST(RemoteWriteConfig, ThereAreThreeWaysToSayWhoAsks) {
  const http::ClientOptions bearer = MustRead("  bearer_token: abc\n").client;
  ASSERT_TRUE(bearer.authorization.has_value());
  EXPECT_EQ(bearer.authorization->type, "Bearer");
  EXPECT_EQ(bearer.authorization->credentials.value, "abc");
  const http::ClientOptions typed =
      MustRead("  authorization: {type: Token, credentials_file: /t}\n").client;
  EXPECT_EQ(typed.authorization->type, "Token");
  EXPECT_EQ(typed.authorization->credentials.file, "/t");
  const http::ClientOptions oauth2 = MustRead(R"(
  oauth2: {client_id: me, client_secret: s, token_url: "https://id/token", scopes: [a, b],
           endpoint_params: {audience: x}, tls_config: {server_name: id}}
)")
                                         .client;
  ASSERT_TRUE(oauth2.oauth2.has_value());
  EXPECT_EQ(oauth2.oauth2->client_id, "me");
  EXPECT_EQ(oauth2.oauth2->client_secret.value, "s");
  EXPECT_THAT(oauth2.oauth2->scopes, ElementsAre("a", "b"));
  EXPECT_EQ(oauth2.oauth2->tls.server_name, "id");
}

TEST(RemoteWriteConfig, WhatCannotBeIsRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"  basic_auth: {}\n  bearer_token: a\n", "another way to authorize"},
      {"  oauth2: {client_id: a, token_url: \"http://b\"}\n  basic_auth: {}\n",
       "another way to authorize"},
      {"  oauth2: {token_url: \"http://b\"}\n", "remote_write[0].oauth2.client_id is missing"},
      {"  oauth2: {client_id: a}\n", "remote_write[0].oauth2.token_url is missing"},
      {"  authorization: {type: Basic}\n", "use basic_auth"},
      {"  authorization: {credentials: a, credentials_file: b}\n", "keep one"},
      {"  tls_config: {cert_file: a}\n", "needs both a certificate and its key"},
      {"  tls_config: {min_version: TLS13, max_version: TLS12}\n", "must not be above max_version"},
      {"  tls_config: {min_version: SSL3}\n", "choose from TLS10 TLS11 TLS12 TLS13"},
      {"  tls_config: {ca_fle: a}\n", "did you mean \"ca_file\"?"},
      {"  proxy_url: https://p\n", "a proxy is spoken to without TLS"},
      {"  proxy_url: socks5://p\n", "must be a URL"},
      {"  no_proxy: a\n", "no_proxy needs proxy_url"},
      {"  proxy_from_environment: true\n  proxy_url: http://p\n", "exclude each other"},
      {"  sigv4: {region: a}\n", "remote_write[0].sigv4 is not spoken here"},
      {"  azuread: {}\n", "remote_write[0].azuread is not spoken here"},
      {"  google_iam: {credentials_file: a}\n", "remote_write[0].google_iam is not spoken here"},
      {"  headers: {Content-Type: a}\n", "must not hold Content-Type, which we set"},
      {"  queue_config: {min_shards: 3, max_shards: 2}\n", "must not be more than max_shards"},
      {"  queue_config: {capacity: 0}\n", "capacity must not be 0"},
      {"  protobuf_message: v3\n", "choose from prometheus.WriteRequest io.prometheus.write.v2"},
      {"  metadata_config: {send_interval: 0s}\n", "send_interval must not be 0"},
  };
  for (const auto& [keys, message] : cases) {
    EXPECT_THAT(ErrorOf(keys), HasSubstr(message)) << keys;
    EXPECT_THAT(ErrorOf(keys), HasSubstr("line 3")) << keys;
  }
}

TEST(RemoteWriteConfig, TheEffectiveFileHidesSecretsAndLoadsAgain) {
  const Result<Loaded> loaded = LoadTarget(R"(
  basic_auth: {username: me, password: hidden}
  oauth2:
)");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  const Result<Loaded> all = LoadTarget(R"(
  oauth2: {client_id: me, client_secret: hidden, token_url: "https://u:hidden@id/token"}
  tls_config: {cert_file: a, key: hidden, ca_file: b, max_version: TLS13}
  proxy_url: "http://u:hidden@proxy:1"
  no_proxy: near
  proxy_connect_header: {X-Key: [hidden]}
  http_headers: {X-A: {secrets: [hidden], files: [/f]}}
  follow_redirects: false
  write_relabel_configs: [{source_labels: [a, b], target_label: c, regex: "x.*"
}]
)");
  ASSERT_TRUE(all.has_value()) << all.error().ToString();
  for (const Loaded* one : {&*loaded, &*all}) {
    EXPECT_THAT(one->effective, Not(HasSubstr("hidden")));
    const Result<Loaded> again = Load({one->effective, "", {}});
    ASSERT_TRUE(again.has_value()) << again.error().ToString() << "\n" << one->effective;
    EXPECT_EQ(again->config.remote_write[0].client.tls.cert_file,
              one->config.remote_write[0].client.tls.cert_file);
    EXPECT_EQ(again->config.remote_write[0].write_relabel_configs,
              one->config.remote_write[0].write_relabel_configs);
  }
}

}  // namespace
}  // namespace tocsin::config
