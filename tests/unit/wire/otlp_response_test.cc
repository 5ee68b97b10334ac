#include "cpp/wire/otlp_response.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "cpp/wire/proto/otlp.pb.h"
#include "cpp/wire/proto/rpc_status.pb.h"

namespace tocsin::wire {
namespace {

using opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;

TEST(OtlpResponseTest, FullSuccessLeavesPartialSuccessUnset) {
  EXPECT_EQ(EncodeExportResponse(0, ""), "");
}

TEST(OtlpResponseTest, PartialSuccessSaysHowManyAndWhy) {
  ExportTraceServiceResponse response;
  ASSERT_TRUE(response.ParseFromString(EncodeExportResponse(300, "no ids")));
  EXPECT_EQ(response.partial_success().rejected_spans(), 300);
  EXPECT_EQ(response.partial_success().error_message(), "no ids");
  EXPECT_EQ(response.SerializeAsString(), EncodeExportResponse(300, "no ids"));
}

TEST(OtlpResponseTest, AWarningRejectsNothing) {
  ExportTraceServiceResponse response;
  ASSERT_TRUE(response.ParseFromString(EncodeExportResponse(0, "use a newer SDK")));
  EXPECT_TRUE(response.has_partial_success());
  EXPECT_EQ(response.partial_success().rejected_spans(), 0);
}

TEST(OtlpResponseTest, StatusesCarryCodeAndMessage) {
  google::rpc::Status status;
  ASSERT_TRUE(status.ParseFromString(EncodeRpcStatus(3, "malformed protobuf at byte 7")));
  EXPECT_EQ(status.code(), 3);
  EXPECT_EQ(status.message(), "malformed protobuf at byte 7");
  EXPECT_EQ(status.details_size(), 0);
}

TEST(OtlpResponseTest, TheRetryTimeIsADetail) {
  google::rpc::Status status;
  ASSERT_TRUE(status.ParseFromString(EncodeRpcStatus(8, "RATE_LIMITED: slower", 5'250'000'000)));
  EXPECT_EQ(status.code(), 8);
  ASSERT_EQ(status.details_size(), 1);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(status.details(0).UnpackTo(&retry));  // Looks at the type URL.
  EXPECT_EQ(retry.retry_delay().seconds(), 5);
  EXPECT_EQ(retry.retry_delay().nanos(), 250'000'000);
  EXPECT_EQ(status.SerializeAsString(), EncodeRpcStatus(8, "RATE_LIMITED: slower", 5'250'000'000));
}

TEST(OtlpResponseTest, TheSameInJson) {
  EXPECT_EQ(EncodeExportResponseJson(0, ""), "{}");
  EXPECT_EQ(EncodeExportResponseJson(300, "no \"ids\""),
            R"({"partialSuccess":{"rejectedSpans":"300","errorMessage":"no \"ids\""}})");
  EXPECT_EQ(EncodeExportResponseJson(0, "use a newer SDK"),
            R"({"partialSuccess":{"errorMessage":"use a newer SDK"}})");
  EXPECT_EQ(EncodeRpcStatusJson(3, "line 1, column 2"),
            R"({"code":3,"message":"line 1, column 2"})");
  // What protobuf itself reads in it.
  google::rpc::RetryInfo retry;
  for (const Nanos wait : {5 * kSecond, 5'250'000'000L, 7L}) {
    const std::string text = EncodeRpcStatusJson(8, "slower", wait);
    const size_t at = text.find(",\"retryDelay\"");
    ASSERT_NE(at, std::string::npos) << text;
    const std::string info = "{" + text.substr(at + 1, text.find('}') - at);
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(info, &retry).ok()) << info;
    EXPECT_EQ(retry.retry_delay().seconds() * kSecond + retry.retry_delay().nanos(), wait);
  }
}

}  // namespace
}  // namespace tocsin::wire
