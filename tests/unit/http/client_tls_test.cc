// The client over TLS, against certificates that are made here.

#include <csignal>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "cpp/http/client.h"
#include "tests/unit/http/tls_server.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::http {
namespace {

using testing::HasSubstr;

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

void Answer(TlsPeer& peer) {
  if (peer.ReadUntil("\r\n\r\n").empty()) return;
  peer.Send(kAnswer);
}

std::string WriteFile(const std::string& name, std::string_view text) {
  static const TemporaryDirectory home;
  return home.Write(name, text);
}

class ClientTls : public testing::Test {
 protected:
  static void SetUpTestSuite() { std::signal(SIGPIPE, SIG_IGN); }  // OpenSSL's server side.

  /// What a client with these options makes of a server that has `certified`.
  Result<Response> Ask(const TlsOptions& tls, TlsServerOptions server_options,
                       const std::string& host = "127.0.0.1") {
    const TlsServer server(std::move(server_options), [this](TlsPeer& peer) {
      asked_name_ = peer.asked_name();
      version_ = peer.version();
      Answer(peer);
    });
    ClientOptions options;
    options.tls = tls;
    Client client(options);
    const std::string port = server.address().substr(server.address().rfind(':'));
    return client.Fetch({.url = "https://" + host + port + "/x"});
  }

  const Authority authority_{"the authority"};
  const Certified local_ = authority_.Issue("IP:127.0.0.1");
  std::string asked_name_;
  std::string version_;
};

TEST_F(ClientTls, AServerOfATrustedAuthorityIsSpokenTo) {
  const auto response = Ask({.ca = authority_.cert()}, {.certified = local_});
  ASSERT_TRUE(response.has_value()) << response.error().ToString();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hi");
  EXPECT_EQ(version_, "TLSv1.3");
  EXPECT_EQ(asked_name_, "") << "an address is no name";
}

TEST_F(ClientTls, AnUnknownAuthorityIsRefusedUnlessToldOtherwise) {
  const Authority other("another one");
  const auto refused = Ask({.ca = other.cert()}, {.certified = local_});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("certificate is not accepted"));
  const auto of_the_system = Ask({}, {.certified = local_});
  EXPECT_FALSE(of_the_system.has_value());
  const auto taken = Ask({.insecure_skip_verify = true}, {.certified = local_});
  EXPECT_TRUE(taken.has_value()) << taken.error().ToString();
}

TEST_F(ClientTls, TheCertificateMustBeOfTheHostThatWasAskedFor) {
  const Certified shop = authority_.Issue("DNS:shop.test");
  const auto wrong = Ask({.ca = authority_.cert()}, {.certified = shop});
  EXPECT_THAT(wrong.error().ToString(), HasSubstr("mismatch"));
  const auto named =
      Ask({.ca = authority_.cert(), .server_name = "shop.test"}, {.certified = shop});
  EXPECT_TRUE(named.has_value()) << named.error().ToString();
  EXPECT_EQ(asked_name_, "shop.test");
}

TEST_F(ClientTls, VersionsAreBounded) {
  const auto old = Ask({.ca = authority_.cert(), .min_version = TlsVersion::kTls13},
                       {.certified = local_, .max_version = TLS1_2_VERSION});
  ASSERT_FALSE(old.has_value());
  EXPECT_EQ(old.error().code(), StatusCode::kUnavailable);
  const auto capped =
      Ask({.ca = authority_.cert(), .max_version = TlsVersion::kTls12}, {.certified = local_});
  EXPECT_TRUE(capped.has_value()) << capped.error().ToString();
  EXPECT_EQ(version_, "TLSv1.2");
}

TEST_F(ClientTls, AClientCertificateIsShownWhereItIsAskedFor) {
  const Authority clients("of clients");
  const Certified own = clients.Issue("DNS:tocsin");
  const TlsServerOptions server{.certified = local_, .client_ca = clients.cert()};
  const auto nobody = Ask({.ca = authority_.cert()}, server);
  ASSERT_FALSE(nobody.has_value());
  EXPECT_EQ(nobody.error().code(), StatusCode::kUnavailable);
  TlsOptions tls;
  tls.ca_file = WriteFile("ca.pem", authority_.cert());
  tls.cert_file = WriteFile("own.pem", own.cert);
  tls.key.file = WriteFile("own.key", own.key);
  const auto known = Ask(tls, server);
  EXPECT_TRUE(known.has_value()) << known.error().ToString();
}

TEST_F(ClientTls, FilesThatCannotBeUsedAreNamed) {
  const auto check = [](const TlsOptions& tls) {
    ClientOptions options;
    options.tls = tls;
    return Client(options).Check();
  };
  EXPECT_EQ(check({.ca_file = "/nowhere/ca.pem"}).code(), StatusCode::kNotFound);
  const std::string junk = WriteFile("junk.pem", "not PEM");
  const Status bad_ca = check({.ca_file = junk});
  EXPECT_EQ(bad_ca.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(bad_ca.ToString(), HasSubstr(junk));
  EXPECT_EQ(check({.cert = local_.cert, .key = {.value = "no key"}}).code(),
            StatusCode::kInvalidArgument);
  const Certified other = authority_.Issue("DNS:other");
  EXPECT_EQ(check({.cert = local_.cert, .key = {.value = other.key}}).code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(check({.cert = local_.cert, .key = {.value = local_.key}}).ok());
}

TEST_F(ClientTls, AChangedFileCountsForTheNextConnection) {
  const Authority other("another one");
  ClientOptions options;
  options.tls.ca_file = WriteFile("rotated.pem", other.cert());
  Client client(options);
  const TlsServer server({.certified = local_, .connections = 2}, Answer);
  EXPECT_FALSE(client.Fetch({.url = "https://" + server.address() + "/"}).has_value());
  WriteFile("rotated.pem", authority_.cert());
  const auto response = client.Fetch({.url = "https://" + server.address() + "/"});
  EXPECT_TRUE(response.has_value()) << response.error().ToString();
}

TEST_F(ClientTls, AConnectionServesManyRequests) {
  const TlsServer server({.certified = local_}, [](TlsPeer& peer) {
    for (int i = 0; i < 3; ++i) Answer(peer);
  });
  ClientOptions options;
  options.tls.ca = authority_.cert();
  Client client(options);
  for (int i = 0; i < 3; ++i) {
    const auto response = client.Fetch({.url = "https://" + server.address() + "/"});
    ASSERT_TRUE(response.has_value()) << response.error().ToString();
    EXPECT_EQ(response->body, "hi");
  }
}

TEST_F(ClientTls, LargeBodiesPassBothWays) {
  const std::string large(3'000'000, 'x');
  size_t received = 0;
  const TlsServer server({.certified = local_}, [&](TlsPeer& peer) {
    peer.ReadUntil("\r\n\r\n");
    received = peer.ReadUntil("end").size();
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n");
    peer.Send(large);
  });
  ClientOptions options;
  options.tls.ca = authority_.cert();
  Client client(options);
  const auto response = client.Fetch(
      {.method = "POST", .url = "https://" + server.address() + "/", .body = large + "end"});
  ASSERT_TRUE(response.has_value()) << response.error().ToString();
  EXPECT_EQ(response->body, large);
  EXPECT_EQ(received, large.size() + 3);
}

TEST_F(ClientTls, AServerThatSpeaksNoTlsIsUnavailable) {
  const TlsServer server({.certified = local_}, Answer);
  Client client;
  const auto response = client.Fetch({.url = "http://" + server.address() + "/"});
  EXPECT_FALSE(response.has_value());
}

}  // namespace
}  // namespace tocsin::http
