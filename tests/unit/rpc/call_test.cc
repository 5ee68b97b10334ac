#include "cpp/rpc/call.h"

#include <set>

#include <gtest/gtest.h>

namespace tocsin::rpc {
namespace {

TEST(Call, FindsMetadata) {
  Call call;
  call.metadata = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(call.Metadata("a"), "1");
  EXPECT_EQ(call.Metadata("b"), "2");
  EXPECT_EQ(call.Metadata("c"), "");
  EXPECT_FALSE(call.Cancelled());
}

TEST(GrpcCode, EveryCodeHasItsOwn) {
  std::set<int> codes;
  for (int code = 0; code <= static_cast<int>(StatusCode::kInternal); ++code) {
    EXPECT_TRUE(codes.insert(GrpcCode(static_cast<StatusCode>(code))).second) << code;
  }
  EXPECT_EQ(GrpcCode(StatusCode::kOk), 0);
  EXPECT_EQ(GrpcCode(StatusCode::kInvalidArgument), 3);
  EXPECT_EQ(GrpcCode(StatusCode::kResourceExhausted), 8);
  EXPECT_EQ(GrpcCode(StatusCode::kUnsupported), 12);
  EXPECT_EQ(GrpcCode(StatusCode::kUnavailable), 14);
}

}  // namespace
}  // namespace tocsin::rpc
