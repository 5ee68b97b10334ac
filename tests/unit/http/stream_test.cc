// Bodies that are made while they are sent.

#include <atomic>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/http/client.h"
#include "cpp/http/server.h"
#include "tests/unit/http/raw_socket.h"

namespace tocsin::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class StreamTest : public testing::Test {
 protected:
  StreamTest() {
    const auto stream = [this](const char* path, std::function<bool(const BodyWriter&)> make) {
      router_.Handle("GET", path, [make](const Request&) {
        Response response = Response::Text(200, "not this");
        response.stream = make;
        return response;
      });
    };
    stream("/count", [](const BodyWriter& write) {
      for (int i = 0; i < 1000; ++i) {
        if (!write(std::to_string(i) + "\n") || !write("")) return false;
      }
      return true;
    });
    stream("/large", [](const BodyWriter& write) {
      const std::string piece(1 << 20, 'x');
      for (int i = 0; i < 40; ++i) {
        if (!write(piece)) return false;
      }
      return true;
    });
    router_.Handle("GET", "/hello", [](const Request&) { return Response::Text(200, "hello"); });
    stream("/broken", [](const BodyWriter& write) { return write("begin") && false; });
    stream("/forever", [this](const BodyWriter& write) {
      while (write(std::string(100'000, 'x'))) {
      }
      ended_ = true;
      ended_.notify_all();
      return false;
    });
    const auto address = server_.Listen({.address = "127.0.0.1:0", .router = &router_});
    EXPECT_TRUE(address.has_value());
    address_ = *address;
  }
  ~StreamTest() override { server_.Shutdown(kSecond); }

  std::string Exchange(std::string_view request) const {
    const RawSocket socket(address_);
    EXPECT_TRUE(socket.Send(request));
    return socket.ReadToEnd();
  }

  Router router_;
  std::string address_;
  std::atomic<bool> ended_ = false;
  Server server_{ServerOptions{}};
};

TEST_F(StreamTest, PiecesBecomeChunks) {
  const auto answer = Fetch({.url = "http://" + address_ + "/count"});
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_EQ(answer->body, expected);
  const std::string raw = Exchange("GET /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(raw, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(raw, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(raw, HasSubstr("\r\n2\r\n0\n\r\n2\r\n1\n\r\n"));
  EXPECT_THAT(raw, EndsWith("\r\n0\r\n\r\n"));
}

TEST_F(StreamTest, LargerThanEveryBuffer) {
  const auto answer = Fetch({.url = "http://" + address_ + "/large"});
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ(answer->body.size(), size_t{40} << 20);
}

TEST_F(StreamTest, ThoseWhoDoNotReadKeepNobodyElseWaiting) {
  // More than there are threads for handlers, and for streams.
  std::vector<std::unique_ptr<RawSocket>> slow;
  for (int i = 0; i < 80; ++i) {
    slow.push_back(std::make_unique<RawSocket>(address_));
    ASSERT_TRUE(slow.back()->Send("GET /forever HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  slow.front()->ReadUntil("\r\n\r\n");
  const auto answer = Fetch({.url = "http://" + address_ + "/hello"});
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ(answer->body, "hello");
}

TEST_F(StreamTest, TheConnectionGoesOn) {
  const RawSocket socket(address_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(socket.Send("GET /count HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_THAT(socket.ReadUntil("\r\n0\r\n\r\n"), HasSubstr("\r\n999\n\r\n"));
  }
}

TEST_F(StreamTest, Http10GetsItsEndByTheEnd) {
  const std::string raw = Exchange("GET /count HTTP/1.0\r\n\r\n");
  EXPECT_THAT(raw, Not(HasSubstr("chunked")));
  EXPECT_THAT(raw, HasSubstr("\r\n\r\n0\n1\n"));
  EXPECT_THAT(raw, EndsWith("\n999\n"));
}

TEST_F(StreamTest, HeadHasNoBody) {
  const std::string raw = Exchange("HEAD /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(raw, EndsWith("\r\n\r\n"));
}

TEST_F(StreamTest, WhatBreaksOffDoesNotLookWhole) {
  const std::string raw = Exchange("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(raw, HasSubstr("5\r\nbegin\r\n"));
  EXPECT_THAT(raw, Not(HasSubstr("\r\n0\r\n\r\n")));
  EXPECT_FALSE(Fetch({.url = "http://" + address_ + "/broken"}).has_value());
}

TEST_F(StreamTest, TheHandlerLearnsThatTheClientHasGone) {
  {
    const RawSocket socket(address_);
    ASSERT_TRUE(socket.Send("GET /forever HTTP/1.1\r\nHost: x\r\n\r\n"));
    socket.ReadUntil("xxx");
  }
  ended_.wait(false);
}

}  // namespace
}  // namespace tocsin::http
