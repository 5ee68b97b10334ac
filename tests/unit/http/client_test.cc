#include "cpp/http/client.h"

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/http/raw_socket.h"

namespace tocsin::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Takes one connection and gives it to `serve`.
class OneShotServer {
 public:
  explicit OneShotServer(std::function<void(const RawSocket&)> serve) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SocketAddress address = Resolve({"127.0.0.1", 0})->front();
    EXPECT_EQ(bind(fd, address.get(), address.length), 0);
    EXPECT_EQ(listen(fd, 1), 0);
    EXPECT_EQ(getsockname(fd, address.get(), &address.length), 0);
    url_ = "http://" + address.ToString();
    thread_ = std::thread([fd, serve = std::move(serve)] {
      const RawSocket listener(fd);
      const RawSocket connection(accept(fd, nullptr, nullptr));
      serve(connection);
    });
  }
  ~OneShotServer() { thread_.join(); }
  const std::string& url() const { return url_; }

 private:
  std::string url_;
  std::thread thread_;
};

/// What Fetch() makes of a server that answers `response` and closes.
Result<Response> Receive(std::string_view response, const std::string& method = "GET",
                         size_t max_bytes = 1000) {
  const OneShotServer server([response](const RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send(response);
  });
  return Fetch({.method = method,
                .url = server.url(),
                .headers = {},
                .body = {},
                .max_response_bytes = max_bytes});
}

/// What a server receives of `request`, whose URL is a path.
std::string Sent(ClientRequest request, std::string_view user = "") {
  std::string sent;
  const OneShotServer server([&sent](const RawSocket& socket) {
    sent = socket.ReadUntil("\r\n\r\n");
    if (const size_t at = sent.find("Content-Length: "); at != std::string::npos) {
      for (size_t left = std::stoul(sent.substr(at + 16)); left > 0; --left) {
        char next = 0;
        if (recv(socket.fd(), &next, 1, 0) == 1) sent.push_back(next);
      }
    }
    socket.Send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  request.url = "http://" + std::string(user) + server.url().substr(7) + request.url;
  const auto response = Fetch(request);
  EXPECT_TRUE(response.has_value()) << response.error().ToString();
  return sent;
}

TEST(Fetch, SendsWhatItIsGiven) {
  const std::string sent = Sent({.method = "POST",
                                 .url = "/a/b?c=d#fragment",
                                 .headers = {{"X-A", "1"}, {"Content-Length", "99"}},
                                 .body = "body"});
  EXPECT_THAT(sent, StartsWith("POST /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(sent, HasSubstr("\r\nX-A: 1\r\n"));
  EXPECT_THAT(sent, HasSubstr("\r\nContent-Length: 4\r\n"));
  EXPECT_THAT(sent, Not(HasSubstr("Content-Length: 99")));
  EXPECT_THAT(sent, EndsWith("\r\n\r\nbody"));
}

TEST(Fetch, FillsInThePath) {
  EXPECT_THAT(Sent({.url = ""}), StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(Sent({.url = "?a=b"}), StartsWith("GET /?a=b HTTP/1.1\r\n"));
}

TEST(Fetch, AUserInTheUrlIsBasicAuthorization) {
  EXPECT_THAT(Sent({.url = "/"}, "user:pass%21@"),
              HasSubstr("\r\nAuthorization: Basic dXNlcjpwYXNzIQ==\r\n"));
  EXPECT_THAT(Sent({.url = "/", .headers = {{"authorization", "Bearer x"}}}, "user@"),
              Not(HasSubstr("Basic")));
}

TEST(Fetch, ReadsEveryKindOfBody) {
  EXPECT_EQ(Receive("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloX")->body, "hello");
  EXPECT_EQ(Receive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n"
                    "0\r\n\r\n")
                ->body,
            "hello");
  EXPECT_EQ(Receive("HTTP/1.0 200 OK\r\n\r\nhello")->body, "hello");
  EXPECT_EQ(Receive("HTTP/1.1 204 No Content\r\n\r\n")->status, 204);
  EXPECT_EQ(Receive("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD")->body, "");
  EXPECT_EQ(Receive("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
                ->body,
            "x");
}

TEST(Fetch, EveryStatusIsAnAnswer) {
  const auto response =
      Receive("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->Header("retry-after"), "7");
  EXPECT_EQ(response->body, "no");
}

TEST(Fetch, EveryTruncationIsUnavailable) {
  for (const std::string_view whole :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n\r\n"}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto response = Receive(whole.substr(0, size));
      ASSERT_FALSE(response.has_value()) << size;
      EXPECT_EQ(response.error().code(), StatusCode::kUnavailable) << size;
    }
  }
}

TEST(Fetch, BoundsTheBodyHoweverItComes) {
  for (const std::string_view response :
       {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello!"}) {
    EXPECT_TRUE(Receive(response, "GET", 6).has_value());
    EXPECT_EQ(Receive(response, "GET", 5).error().code(), StatusCode::kResourceExhausted);
  }
}

TEST(Fetch, WhatIsNotHttpIsCorruption) {
  for (const std::string_view response :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzz\r\n"}) {
    EXPECT_EQ(Receive(response).error().code(), StatusCode::kCorruption) << response;
  }
  EXPECT_EQ(Receive(std::string(100'000, 'x')).error().code(), StatusCode::kCorruption);
}

TEST(Fetch, AnAnswerBeforeTheBodyIsReadCounts) {
  const OneShotServer server([](const RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    socket.FinishSending();
    socket.ReadToEnd();
  });
  const auto response = Fetch(
      {.method = "POST", .url = server.url(), .headers = {}, .body = std::string(20 << 20, 'x')});
  ASSERT_TRUE(response.has_value()) << response.error().ToString();
  EXPECT_EQ(response->status, 413);
}

TEST(Fetch, EndsAtItsDeadline) {
  std::string state = "open";
  const OneShotServer server([](const RawSocket& socket) { socket.ReadToEnd(); });
  const auto response = Fetch({.url = server.url(), .timeout = 20 * kMillisecond});
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(response.error().message()), HasSubstr("waiting for the response"));
}

TEST(Fetch, AClosedPortIsUnavailable) {
  std::string url;
  {
    const OneShotServer server([](const RawSocket&) {});
    url = server.url();
    const RawSocket wake(url.substr(7));
  }
  const auto response = Fetch({.url = url});
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(response.error().message()), HasSubstr("refused"));
}

TEST(Fetch, RefusesWhatItCannotAskFor) {
  for (const std::string_view url :
       {"", "host", "ftp://host/", "http://", "http:///path", "http://host:x/",
        "http://host:99999/", "http://ho st/", "http://host/a\nb", "http://[::1/"}) {
    const auto response = Fetch({.url = std::string(url)});
    ASSERT_FALSE(response.has_value()) << url;
    EXPECT_EQ(response.error().code(), StatusCode::kInvalidArgument) << url;
  }
  const auto smuggled = Fetch({.url = "http://127.0.0.1:1/", .headers = {{"A", "b\r\nC: d"}}});
  EXPECT_EQ(smuggled.error().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Fetch({.url = "http://ho st/"}).error().message()),
              HasSubstr("position 10"));
}

TEST(Fetch, NeverTellsAPassword) {
  const auto response = Fetch({.url = "http://user:secret@127.0.0.1:99999/x@y"});
  EXPECT_THAT(response.error().ToString(), AllOf(Not(HasSubstr("secret")), HasSubstr("***@127")));
  const auto refused = Fetch({.url = "http://user:secret@127.0.0.1:1/"});
  EXPECT_THAT(refused.error().ToString(), AllOf(Not(HasSubstr("secret")), HasSubstr("***@127")));
}

TEST(Fetch, AStopEndsItWhereverItWaits) {
  std::stop_source stop;
  const OneShotServer server([&stop](const RawSocket& socket) {
    socket.ReadUntil("\r\n\r\n");
    socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    stop.request_stop();
    socket.ReadUntil("nothing more comes");  // Until the client has closed.
  });
  const auto response = Fetch({.url = server.url(), .timeout = kHour, .stop = stop.get_token()});
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code(), StatusCode::kCancelled);
  EXPECT_THAT(std::string(response.error().message()),
              HasSubstr("stopped while waiting for the response"));
}

}  // namespace
}  // namespace tocsin::http
