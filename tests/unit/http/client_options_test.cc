// What the options of a client add to a request: who asks, by which way, and what follows.

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "cpp/http/client.h"
#include "cpp/http/proxy.h"
#include "cpp/http/secret.h"
#include "cpp/http/url.h"
#include "tests/unit/http/raw_socket.h"
#include "tests/unit/http/tls_server.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Answers the requests of its connections one after the other, each with the next of `answers`,
/// and notes what it was asked. An empty answer closes the connection.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers)
      : answers_(answers.begin(), answers.end()) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SocketAddress address = Resolve({"127.0.0.1", 0})->front();
    EXPECT_EQ(bind(fd, address.get(), address.length), 0);
    EXPECT_EQ(listen(fd, 8), 0);
    EXPECT_EQ(getsockname(fd, address.get(), &address.length), 0);
    address_ = address.ToString();
    thread_ = std::thread([this, fd] { Run(RawSocket(fd)); });
  }
  ~ScriptedServer() { Wait(); }

  const std::string& address() const { return address_; }
  std::string url() const { return "http://" + address_; }
  /// Until all answers are given.
  void Wait() {
    if (thread_.joinable()) thread_.join();
  }
  int connections() {
    Wait();
    return connections_;
  }
  const std::vector<std::string>& requests() {
    Wait();
    return requests_;
  }

 private:
  void Run(const RawSocket& listener) {
    while (!answers_.empty()) {
      const RawSocket connection(accept(listener.fd(), nullptr, nullptr));
      if (connection.fd() < 0) return;
      ++connections_;
      while (!answers_.empty()) {
        std::string request = connection.ReadUntil("\r\n\r\n");
        if (request.empty()) break;
        if (const size_t at = request.find("Content-Length: "); at != std::string::npos) {
          for (size_t left = std::stoul(request.substr(at + 16)); left > 0; --left) {
            char next = 0;
            if (recv(connection.fd(), &next, 1, 0) == 1) request.push_back(next);
          }
        }
        requests_.push_back(std::move(request));
        const std::string answer = std::move(answers_.front());
        answers_.pop_front();
        if (answer.empty()) break;
        connection.Send(answer);
      }
    }
  }

  std::string address_;
  std::deque<std::string> answers_;
  std::vector<std::string> requests_;
  int connections_ = 0;
  std::thread thread_;
};

std::string Ok(std::string_view body = "ok") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::string MovedTo(int status, const std::string& location) {
  return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + location +
         "\r\nContent-Length: 0\r\n\r\n";
}

std::string WriteFile(const std::string& name, std::string_view text) {
  static const TemporaryDirectory home;
  return home.Write(name, text);
}

/// The request that a client with these options sends.
std::string SentWith(const ClientOptions& options, ClientRequest request = {}) {
  ScriptedServer server({Ok()});
  Client client(options);
  request.url = server.url() + "/x";
  const auto response = client.Fetch(request);
  EXPECT_TRUE(response.has_value()) << response.error().ToString();
  return server.requests().at(0);
}

// Connections.

TEST(Client, ConnectionsAreKeptAndUsedAgain) {
  ScriptedServer server({Ok("1"), Ok("2"), Ok("3")});
  Client client;
  for (const char* body : {"1", "2", "3"}) {
    const auto response = client.Fetch({.url = server.url()});
    ASSERT_TRUE(response.has_value()) << response.error().ToString();
    EXPECT_EQ(response->body, body);
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_THAT(server.requests()[0], Not(HasSubstr("Connection:")));
}

TEST(Client, AConnectionThatIsToCloseIsNotKept) {
  ScriptedServer server(
      {"HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Ok()});
  Client client;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.Fetch({.url = server.url()}).has_value());
  EXPECT_EQ(server.connections(), 3);
}

TEST(Client, AKeptConnectionThatWasClosedMeanwhileIsReplaced) {
  // The second request arrives on the kept connection, which then breaks without an answer.
  ScriptedServer server({Ok("1"), "", Ok("2")});
  Client client;
  EXPECT_EQ(client.Fetch({.url = server.url()})->body, "1");
  const auto again = client.Fetch({.method = "POST", .url = server.url(), .body = "data"});
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_EQ(again->body, "2");
  EXPECT_EQ(server.connections(), 2);
}

TEST(Client, ANewConnectionThatBreaksIsNotTriedAgain) {
  ScriptedServer server({""});
  Client client;
  const auto response = client.Fetch({.url = server.url()});
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code(), StatusCode::kUnavailable);
}

TEST(Client, WhatComesBehindAnAnswerIsNotTakenForTheNext) {
  ScriptedServer server({Ok("1") + Ok("smuggled"), Ok("2")});
  Client client;
  EXPECT_EQ(client.Fetch({.url = server.url()})->body, "1");
  EXPECT_EQ(client.Fetch({.url = server.url()})->body, "2");
}

// Who asks.

TEST(Client, BasicAuthorizationReadsItsFilesAnew) {
  ClientOptions options;
  options.basic_auth = {.username = {.value = "me"}, .password = {.value = "secret"}};
  EXPECT_THAT(SentWith(options), HasSubstr("Authorization: Basic bWU6c2VjcmV0\r\n"));
  options.basic_auth->password.file = WriteFile("password", "secret\n");
  options.basic_auth->password.value = "";
  EXPECT_THAT(SentWith(options), HasSubstr("Authorization: Basic bWU6c2VjcmV0\r\n"));
}

TEST(Client, CredentialsCountOnceTheirFileHasChanged) {
  ClientOptions options;
  options.authorization = {.type = "Token", .credentials = {.file = WriteFile("token", " a \n")}};
  ScriptedServer server({Ok(), Ok()});
  Client client(options);
  ASSERT_TRUE(client.Fetch({.url = server.url()}).has_value());
  WriteFile("token", "b");
  ASSERT_TRUE(client.Fetch({.url = server.url()}).has_value());
  EXPECT_THAT(server.requests()[0], HasSubstr("Authorization: Token a\r\n"));
  EXPECT_THAT(server.requests()[1], HasSubstr("Authorization: Token b\r\n"));
}

TEST(Client, ASecretThatCannotBeReadFailsTheRequest) {
  ClientOptions options;
  options.authorization = {.credentials = {.file = "/nowhere/token"}};
  Client client(options);
  EXPECT_EQ(client.Fetch({.url = "http://127.0.0.1:1/"}).error().code(), StatusCode::kNotFound);
  EXPECT_EQ(client.Check().code(), StatusCode::kNotFound);
}

TEST(Client, ARequestsOwnAuthorizationWins) {
  ClientOptions options;
  options.authorization = {.credentials = {.value = "configured"}};
  const std::string sent = SentWith(options, {.headers = {{"authorization", "mine"}}});
  EXPECT_THAT(sent, HasSubstr("authorization: mine\r\n"));
  EXPECT_THAT(sent, Not(HasSubstr("configured")));
}

TEST(Client, HeadersOfTheOptionsAreAdded) {
  ClientOptions options;
  options.headers = {{"X-A", {.value = "1"}},
                     {"X-A", {.value = "2"}},
                     {"X-B", {.file = WriteFile("header", "3\n")}},
                     {"Host", {.value = "never"}}};
  const std::string sent = SentWith(options);
  EXPECT_THAT(sent, HasSubstr("X-A: 1\r\nX-A: 2\r\nX-B: 3\r\n"));
  EXPECT_THAT(sent, Not(HasSubstr("never")));
  options.headers = {{"X-A", {.value = "a\r\nX-C: d"}}};
  Client client(options);
  EXPECT_EQ(client.Fetch({.url = "http://127.0.0.1:1/"}).error().code(),
            StatusCode::kInvalidArgument);
}

TEST(Client, ATokenIsAskedForOnceAndKept) {
  ScriptedServer tokens({Ok(R"({"access_token":"t1","token_type":"bearer","expires_in":3600})")});
  ScriptedServer server({Ok(), Ok()});
  ClientOptions options;
  options.oauth2 = {.client_id = "me&",
                    .client_secret = {.value = "s"},
                    .token_url = tokens.url() + "/token",
                    .scopes = {"a", "b"},
                    .endpoint_params = {{"audience", "x y"}}};
  Client client(options);
  ASSERT_TRUE(client.Fetch({.url = server.url()}).has_value());
  ASSERT_TRUE(client.Fetch({.url = server.url()}).has_value());
  EXPECT_THAT(server.requests()[0], HasSubstr("Authorization: Bearer t1\r\n"));
  EXPECT_THAT(server.requests()[1], HasSubstr("Authorization: Bearer t1\r\n"));
  ASSERT_EQ(tokens.requests().size(), 1U);
  EXPECT_THAT(tokens.requests()[0], StartsWith("POST /token HTTP/1.1\r\n"));
  EXPECT_THAT(tokens.requests()[0], HasSubstr("Authorization: Basic bWUlMjY6cw==\r\n"));
  EXPECT_THAT(tokens.requests()[0],
              HasSubstr("\r\n\r\ngrant_type=client_credentials&scope=a+b&audience=x+y"));
}

TEST(Client, ATokenThatRunsOutOrIsRefusedIsReplaced) {
  ScriptedServer tokens({Ok(R"({"access_token":"t1","expires_in":5})"),
                         Ok(R"({"access_token":"t2","expires_in":"3600"})"),
                         Ok(R"({"access_token":"t3"})")});
  ScriptedServer server({Ok(), "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Ok()});
  ClientOptions options;
  options.oauth2 = {.client_id = "me", .token_url = tokens.url()};
  Client client(options);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.Fetch({.url = server.url()}).has_value());
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(server.requests()[i],
                HasSubstr("Authorization: Bearer t" + std::to_string(i + 1) + "\r\n"));
  }
}

TEST(Client, ATokensServerMayWantTheSecretInTheBody) {
  ScriptedServer tokens({"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
                         Ok(R"({"access_token":"t1","token_type":"Bearer"})")});
  ClientOptions options;
  options.oauth2 = {.client_id = "me", .client_secret = {.value = "s"}, .token_url = tokens.url()};
  EXPECT_THAT(SentWith(options), HasSubstr("Authorization: Bearer t1\r\n"));
  EXPECT_THAT(tokens.requests()[1], HasSubstr("&client_id=me&client_secret=s"));
  EXPECT_THAT(tokens.requests()[1], Not(HasSubstr("Authorization")));
}

TEST(Client, NoTokenMeansNobodyKnowsUs) {
  for (const std::string& answer :
       {Ok("{}"), Ok("not JSON"), std::string("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")}) {
    ScriptedServer tokens({answer});
    ClientOptions options;
    options.oauth2 = {.client_id = "me", .token_url = tokens.url()};
    Client client(options);
    EXPECT_EQ(client.Fetch({.url = "http://127.0.0.1:1/"}).error().code(),
              StatusCode::kUnauthenticated);
  }
}

// Where it leads.

TEST(Client, RedirectsAreFollowed) {
  ScriptedServer server({MovedTo(302, "/b?c"), MovedTo(303, "d"), Ok("there")});
  Client client;
  const auto response = client.Fetch({.method = "POST",
                                      .url = server.url() + "/a",
                                      .headers = {{"Content-Type", "x"}, {"X-A", "b"}},
                                      .body = "data"});
  ASSERT_TRUE(response.has_value()) << response.error().ToString();
  EXPECT_EQ(response->body, "there");
  EXPECT_THAT(server.requests()[0], StartsWith("POST /a HTTP/1.1\r\n"));
  EXPECT_THAT(server.requests()[1], StartsWith("GET /b?c HTTP/1.1\r\n"));
  EXPECT_THAT(server.requests()[1], Not(HasSubstr("Content-")));
  EXPECT_THAT(server.requests()[2], StartsWith("GET /d HTTP/1.1\r\n"));
  EXPECT_THAT(server.requests()[2], HasSubstr("X-A: b"));
}

TEST(Client, APermanentRedirectKeepsTheRequestAsItWas) {
  ScriptedServer server({MovedTo(308, "/b"), Ok()});
  Client client;
  ASSERT_TRUE(
      client.Fetch({.method = "POST", .url = server.url() + "/a", .body = "data"}).has_value());
  EXPECT_THAT(server.requests()[1], StartsWith("POST /b HTTP/1.1\r\n"));
  EXPECT_THAT(server.requests()[1], testing::EndsWith("\r\n\r\ndata"));
}

TEST(Client, RedirectsAreNotFollowedWhereThatIsNotWanted) {
  ScriptedServer server({MovedTo(302, "/b")});
  ClientOptions options;
  options.follow_redirects = false;
  Client client(options);
  EXPECT_EQ(client.Fetch({.url = server.url()})->status, 302);
}

TEST(Client, CirclesEnd) {
  ScriptedServer server(std::vector<std::string>(Client::kMaxRedirects + 1, MovedTo(302, "/")));
  Client client;
  EXPECT_EQ(client.Fetch({.url = server.url()}).error().code(), StatusCode::kUnavailable);
}

TEST(Client, AnotherHostIsToldNoSecrets) {
  ScriptedServer other({Ok()});
  ScriptedServer server({MovedTo(307, other.url() + "/b")});
  ClientOptions options;
  options.authorization = {.credentials = {.value = "secret"}};
  options.headers = {{"X-Key", {.value = "secret"}}};
  Client client(options);
  ASSERT_TRUE(client.Fetch({.url = server.url(), .headers = {{"Cookie", "secret"}}}).has_value());
  EXPECT_THAT(server.requests()[0], HasSubstr("X-Key: secret"));
  EXPECT_THAT(other.requests()[0], Not(HasSubstr("secret")));
}

// By which way.

TEST(Client, AProxyIsGivenTheWholeUrl) {
  ScriptedServer proxy({Ok("of the proxy")});
  ClientOptions options;
  options.proxy.url = "http://user:pass@" + proxy.address();
  Client client(options);
  EXPECT_EQ(client.Fetch({.url = "http://far.test/x?y"})->body, "of the proxy");
  EXPECT_THAT(proxy.requests()[0], StartsWith("GET http://far.test/x?y HTTP/1.1\r\n"));
  EXPECT_THAT(proxy.requests()[0], HasSubstr("Host: far.test\r\n"));
  EXPECT_THAT(proxy.requests()[0], HasSubstr("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
}

TEST(Client, AProxyThatRefusesTheTunnelIsUnavailable) {
  ScriptedServer proxy({"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"});
  ClientOptions options;
  options.proxy.url = proxy.url();
  options.proxy.connect_headers = {{"X-Key", {.value = "k"}}};
  Client client(options);
  const auto response = client.Fetch({.url = "https://far.test/"});
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(response.error().ToString(), HasSubstr("407"));
  EXPECT_THAT(proxy.requests()[0],
              StartsWith("CONNECT far.test:443 HTTP/1.1\r\nHost: far.test:443\r\n"));
  EXPECT_THAT(proxy.requests()[0], HasSubstr("X-Key: k\r\n"));
}

TEST(Client, TlsGoesThroughTheTunnelOfAProxy) {
  const Authority authority("the authority");
  const TlsServer server({.certified = authority.Issue("DNS:far.test")}, [](TlsPeer& peer) {
    peer.ReadUntil("\r\n\r\n");
    peer.Send(Ok("far away"));
  });
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SocketAddress address = Resolve({"127.0.0.1", 0})->front();
  ASSERT_EQ(bind(listener, address.get(), address.length), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, address.get(), &address.length), 0);
  std::string asked;
  std::thread proxy([&] {
    const RawSocket own(listener);
    const RawSocket client(accept(listener, nullptr, nullptr));
    asked = client.ReadUntil("\r\n\r\n");
    const RawSocket far(server.address());
    client.Send("HTTP/1.1 200 Connected\r\n\r\n");
    const auto pass = [](const RawSocket& from, const RawSocket& to) {
      char bytes[4096];
      ssize_t count = 0;
      while ((count = recv(from.fd(), bytes, sizeof(bytes), 0)) > 0) {
        to.Send({bytes, static_cast<size_t>(count)});
      }
      to.FinishSending();
    };
    std::thread back([&] { pass(far, client); });
    pass(client, far);
    back.join();
  });
  {
    ClientOptions options;
    options.tls.ca = authority.cert();
    options.proxy.url = "http://" + address.ToString();
    Client client(options);
    const auto response = client.Fetch({.url = "https://far.test/x"});
    ASSERT_TRUE(response.has_value()) << response.error().ToString();
    EXPECT_EQ(response->body, "far away");
  }
  proxy.join();
  EXPECT_THAT(asked, StartsWith("CONNECT far.test:443 HTTP/1.1\r\n"));
}

TEST(Proxy, HostsAreExemptByNameDomainAddressAndRange) {
  const std::string list = "shop.test, .inner.test,*.star.test:8080,10.0.0.0/9,192.0.2.7,[::2]:80";
  const auto exempt = [&](const std::string& host, uint16_t port = 80) {
    return IsExempt({host, port}, list);
  };
  EXPECT_TRUE(exempt("shop.test"));
  EXPECT_TRUE(exempt("a.SHOP.test"));
  EXPECT_FALSE(exempt("workshop.test"));
  EXPECT_TRUE(exempt("a.inner.test"));
  EXPECT_FALSE(exempt("inner.test"));
  EXPECT_TRUE(exempt("a.star.test", 8080));
  EXPECT_FALSE(exempt("a.star.test", 80));
  EXPECT_TRUE(exempt("10.127.255.255"));
  EXPECT_FALSE(exempt("10.128.0.0"));
  EXPECT_TRUE(exempt("192.0.2.7"));
  EXPECT_FALSE(exempt("192.0.2.8"));
  EXPECT_TRUE(exempt("::2"));
  EXPECT_FALSE(exempt("::2", 81));
  EXPECT_TRUE(IsExempt({"anything", 1}, "*"));
  EXPECT_FALSE(IsExempt({"anything", 1}, ""));
}

TEST(Proxy, TheEnvironmentSaysItIfItIsAsked) {
  setenv("http_proxy", "proxy.test:3128", 1);
  setenv("HTTPS_PROXY", "http://secure.test:3129", 1);
  setenv("NO_PROXY", "near.test", 1);
  const auto proxy = [](const std::string& url, const ProxyOptions& options) -> std::string {
    const auto found = ProxyFor(*ParseUrl(url), options);
    if (!found.has_value()) return found.error().ToString();
    return found->has_value() ? (*found)->authority : "none";
  };
  const ProxyOptions environment{.from_environment = true};
  EXPECT_EQ(proxy("http://far.test/", environment), "proxy.test:3128");
  EXPECT_EQ(proxy("https://far.test/", environment), "secure.test:3129");
  EXPECT_EQ(proxy("http://a.near.test/", environment), "none");
  EXPECT_EQ(proxy("http://127.0.0.9/", environment), "none");
  EXPECT_EQ(proxy("http://localhost/", environment), "none");
  EXPECT_EQ(proxy("http://far.test/", {}), "none");
  EXPECT_EQ(proxy("http://127.0.0.1/", {.url = "http://p.test"}), "p.test");
  EXPECT_EQ(proxy("http://b.test/", {.url = "http://p.test", .no_proxy = "b.test"}), "none");
  EXPECT_THAT(proxy("http://b.test/", {.url = "https://p.test"}), HasSubstr("in http"));
  for (const char* name : {"http_proxy", "HTTPS_PROXY", "NO_PROXY"}) unsetenv(name);
}

TEST(Url, ReferencesLeadOnFromTheirBase) {
  const Url base = *ParseUrl("https://user@a.test:8443/b/c?d#e");
  EXPECT_EQ(base.Origin(), "https://a.test:8443");
  EXPECT_EQ(ResolveReference(base, "http://x/y"), "http://x/y");
  EXPECT_EQ(ResolveReference(base, "//x/y"), "https://x/y");
  EXPECT_EQ(ResolveReference(base, "/y"), "https://a.test:8443/y");
  EXPECT_EQ(ResolveReference(base, "y?z=http://q"), "https://a.test:8443/b/y?z=http://q");
  EXPECT_EQ(ResolveReference(base, "?z"), "https://a.test:8443/b/c?z");
}

TEST(Secret, IsTheValueOrWhatTheFileHolds) {
  EXPECT_EQ(ReadSecret({.value = " kept "}).value(), " kept ");
  EXPECT_EQ(ReadSecret({.file = WriteFile("secret", "\n a b \r\n")}).value(), "a b");
  EXPECT_EQ(ReadSecret({.file = WriteFile("empty", " \n")}).value(), "");
  EXPECT_EQ(ReadSecret({.file = "/nowhere"}).error().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadSecret({.file = WriteFile("large", std::string(2 << 20, 'x'))}).error().code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tocsin::http
