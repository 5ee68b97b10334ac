#include "cpp/http/content.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "cpp/lib/compression.h"

namespace tocsin::http {
namespace {

Request Encoded(std::string_view coding, std::string body) {
  Request request;
  if (!coding.empty()) request.headers = {{"content-encoding", std::string(coding)}};
  request.body = std::move(body);
  return request;
}

Result<std::string> Decode(const Request& request, size_t max_bytes) {
  std::string storage;
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view body, DecodedBody(request, max_bytes, &storage));
  return std::string(body);
}

TEST(DecodedBody, UndoesWhatTheHeaderNames) {
  for (const std::string_view coding : {"gzip", "GZIP", " x-gzip "}) {
    const Request request = Encoded(coding, lib::Gzip("hello"));
    EXPECT_EQ(Decode(request, 5).value(), "hello");
  }
  for (const std::string_view coding : {"", "identity", "Identity"}) {
    const Request request = Encoded(coding, "hello");
    EXPECT_EQ(Decode(request, 5).value(), "hello");
  }
}

TEST(DecodedBody, ABombIsTooLargeAndCostsNoMoreThanTheLimit) {
  const std::string bomb = lib::Gzip(std::string(64 << 20, '\0'));
  const Request request = Encoded("gzip", bomb);
  EXPECT_EQ(Decode(request, 1 << 20).error().code(), StatusCode::kResourceExhausted);
}

TEST(DecodedBody, TheLimitIsForPlainBodiesToo) {
  const Request request = Encoded("", "hello");
  EXPECT_EQ(Decode(request, 4).error().code(), StatusCode::kResourceExhausted);
}

TEST(DecodedBody, DamageIsTheSendersFault) {
  const std::string good = lib::Gzip("hello hello hello");
  for (size_t size = 0; size < good.size(); ++size) {
    const Request request = Encoded("gzip", good.substr(0, size));
    const auto body = Decode(request, 1000);
    ASSERT_FALSE(body.has_value()) << size;
    EXPECT_EQ(body.error().code(), StatusCode::kInvalidArgument);
  }
}

TEST(DecodedBody, OtherCodingsAreNamedInTheRefusal) {
  for (const std::string_view coding : {"br", "zstd", "gzip, gzip"}) {
    const Request request = Encoded(coding, "x");
    const auto body = Decode(request, 1000);
    ASSERT_FALSE(body.has_value());
    EXPECT_EQ(body.error().code(), StatusCode::kUnsupported);
    EXPECT_NE(body.error().message().find(coding), std::string_view::npos);
  }
}

TEST(MediaType, DropsParametersAndCase) {
  EXPECT_EQ(MediaType("Application/JSON; charset=utf-8"), "application/json");
  EXPECT_EQ(MediaType(" application/x-protobuf ;v=1"), "application/x-protobuf");
  EXPECT_EQ(MediaType(""), "");
  EXPECT_EQ(MediaType(";"), "");
}

}  // namespace
}  // namespace tocsin::http
