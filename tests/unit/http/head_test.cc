#include "cpp/http/head.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

constexpr Nanos kThen = 1'795'362'288 * kSecond;  // 2026-11-22 15:44:48 UTC.

TEST(FormatResponseHead, SaysEverythingAClientNeeds) {
  EXPECT_EQ(FormatResponseHead(Response::Text(200, "ready"),
                               {.keep_alive = true, .http_1_0 = false, .now = kThen}),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n"
            "Date: Sun, 22 Nov 2026 15:44:48 GMT\r\n\r\n");
}

TEST(FormatResponseHead, ConnectionDependsOnTheVersion) {
  const Response response = Response::Text(200, "");
  const auto head = [&](bool keep_alive, bool http_1_0) {
    return FormatResponseHead(response, {.keep_alive = keep_alive, .http_1_0 = http_1_0, .now = 0});
  };
  EXPECT_THAT(head(true, false), Not(HasSubstr("Connection")));
  EXPECT_THAT(head(true, true), HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_THAT(head(false, false), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(head(false, true), HasSubstr("Connection: close\r\n"));
}

TEST(FormatResponseHead, NoLengthWhereNoBodyMayBe) {
  for (const int status : {204, 304}) {
    EXPECT_THAT(FormatResponseHead({.status = status, .headers = {}, .body = {}}, {}),
                Not(HasSubstr("Content-Length")));
  }
}

TEST(FormatResponseHead, AValueCannotAddAHeader) {
  Response response = Response::Text(200, "");
  response.Set("X-Name", "a\r\nX-Evil: 1\nX-Worse: 2");
  EXPECT_THAT(FormatResponseHead(response, {}), HasSubstr("X-Name: a  X-Evil: 1 X-Worse: 2\r\n"));
}

TEST(ParseResponseHead, ReadsStatusAndHeaders) {
  const auto head = ParseResponseHead("HTTP/1.1 404 Not Found\r\nA: 1\r\nb-C:2  \r\nD:\r\n");
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->status, 404);
  EXPECT_FALSE(head->http_1_0);
  EXPECT_THAT(head->headers, ElementsAre(Pair("a", "1"), Pair("b-c", "2"), Pair("d", "")));
}

TEST(ParseResponseHead, ToleratesOldAndShortForms) {
  EXPECT_TRUE(ParseResponseHead("HTTP/1.0 200 OK")->http_1_0);
  EXPECT_EQ(ParseResponseHead("HTTP/1.1 200")->status, 200);
  EXPECT_EQ(ParseResponseHead("HTTP/1.1 200 \nA: 1")->headers.size(), 1U);
}

TEST(ParseResponseHead, RefusesWhatIsNotHttp) {
  for (const std::string_view text :
       {"", "HTTP/1.1", "HTTP/2.0 200 OK", "HTTP/1.1 2000", "HTTP/1.1 -20 x", "HTTP/1.1 099 x",
        "SSH-2.0-OpenSSH_9.2", "HTTP/1.1 200 OK\r\nno colon", "HTTP/1.1 200 OK\r\n: nameless",
        "HTTP/1.1 200 OK\r\nbad name: 1"}) {
    EXPECT_FALSE(ParseResponseHead(text).has_value()) << text;
  }
}

/// Feeds `text` in two pieces, split at `at`.
Result<std::string> Decode(std::string_view text, size_t at) {
  ChunkedDecoder decoder;
  std::string body;
  std::string_view first = text.substr(0, at);
  std::string_view second = text.substr(at);
  TOCSIN_RETURN_IF_ERROR(decoder.Decode(&first, &body));
  TOCSIN_RETURN_IF_ERROR(decoder.Decode(&second, &body));
  if (!decoder.done()) return UnavailableError("cut short");
  return body;
}

TEST(ChunkedDecoder, JoinsChunksHoweverTheyArrive) {
  constexpr std::string_view kText =
      "4;name=value\r\nWiki\r\nB\r\npedia in \r\n\r\n7\r\nchunks.\r\n000\r\nTrailer: 1\r\n\r\n";
  for (size_t at = 0; at <= kText.size(); ++at) {
    const auto body = Decode(kText, at);
    ASSERT_TRUE(body.has_value()) << at << body.error().ToString();
    EXPECT_EQ(*body, "Wikipedia in \r\nchunks.");
  }
}

TEST(ChunkedDecoder, EveryTruncationIsUnfinished) {
  constexpr std::string_view kText = "4\r\nWiki\r\n0\r\n\r\n";
  for (size_t size = 0; size < kText.size(); ++size) {
    EXPECT_EQ(Decode(kText.substr(0, size), 0).error().code(), StatusCode::kUnavailable) << size;
  }
}

TEST(ChunkedDecoder, LeavesWhatComesAfterTheBody) {
  ChunkedDecoder decoder;
  std::string body;
  std::string_view input = "1\r\nx\r\n0\r\n\r\nHTTP/1.1 200 OK";
  ASSERT_TRUE(decoder.Decode(&input, &body).ok());
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(input, "HTTP/1.1 200 OK");
}

TEST(ChunkedDecoder, RefusesBadFraming) {
  for (const std::string_view text :
       {"x\r\n", "-1\r\n", "\r\n", "4\r\nWikiX\r\n", "fffffffffffffffff\r\n", "4 4\r\n", "4 \r\n",
        "4\nWiki", "4\r\nWiki\n", "0\r\nTrailer: 1\n"}) {
    EXPECT_EQ(Decode(text, 0).error().code(), StatusCode::kCorruption) << text;
  }
  EXPECT_EQ(Decode(std::string(20000, '1'), 0).error().code(), StatusCode::kCorruption);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 10'000; ++i) trailers += "Trailer: 1\r\n";
  EXPECT_EQ(Decode(trailers, 0).error().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace tocsin::http
