#include "cpp/http/address.h"

#include <string_view>

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace tocsin::http {
namespace {

TEST(ParseHostPort, ReadsWhatPeopleWrite) {
  struct Case {
    std::string_view text;
    std::string_view host;
    uint16_t port;
  };
  for (const Case& c : {Case{"127.0.0.1:3200", "127.0.0.1", 3200}, Case{":0", "", 0},
                        Case{"localhost:65535", "localhost", 65535}, Case{"[::1]:80", "::1", 80},
                        Case{"[::]:1", "::", 1}}) {
    const auto endpoint = ParseHostPort(c.text, 0);
    ASSERT_TRUE(endpoint.has_value()) << c.text << endpoint.error().ToString();
    EXPECT_EQ(endpoint->host, c.host);
    EXPECT_EQ(endpoint->port, c.port);
  }
}

TEST(ParseHostPort, TakesTheDefaultPortWhereThereIsOne) {
  EXPECT_EQ(ParseHostPort("host", 80)->port, 80);
  EXPECT_EQ(ParseHostPort("[::1]", 80)->port, 80);
  EXPECT_EQ(ParseHostPort("host:81", 80)->port, 81);
}

TEST(ParseHostPort, RefusesTheRestWithTheReason) {
  for (const std::string_view text :
       {"host", "host:", "host:x", "host:65536", "host:-1", "host: 80", "::1", "::1:80", "[::1",
        "[::1]80", "[::1]:", "a:b:c", ""}) {
    const auto endpoint = ParseHostPort(text, 0);
    ASSERT_FALSE(endpoint.has_value()) << text;
    EXPECT_EQ(endpoint.error().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(endpoint.error().message().find(text), std::string_view::npos);
  }
}

TEST(Resolve, PrintsWhatItResolved) {
  EXPECT_EQ(Resolve({"127.0.0.1", 80})->front().ToString(), "127.0.0.1:80");
  EXPECT_EQ(Resolve({"::1", 80})->front().ToString(), "[::1]:80");
  EXPECT_EQ(Resolve({"::ffff:10.0.0.1", 80})->front().ToString(), "10.0.0.1:80");
}

TEST(Resolve, AnEmptyHostIsEveryAddressOfThisMachine) {
  const auto addresses = Resolve({"", 80});
  ASSERT_TRUE(addresses.has_value());
  EXPECT_EQ(addresses->front().ToString(), "0.0.0.0:80");
}

TEST(Resolve, AnUnknownNameIsUnavailable) {
  const auto addresses = Resolve({"no such name", 80});
  ASSERT_FALSE(addresses.has_value());
  EXPECT_EQ(addresses.error().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tocsin::http
