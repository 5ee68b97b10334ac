// OTLP's JSON on its way in and out. The oracle is protobuf's own encoding of the same request:
// both must decode to the same batch.

#include "cpp/wire/otlp_json_decode.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "cpp/wire/otlp_encode.h"
#include "cpp/wire/otlp_json_encode.h"
#include "tests/unit/wire/otlp_oracle.h"
#include "tests/unit/wire/sample_requests.h"

namespace tocsin::wire {
namespace {

constexpr std::string_view kTraceHex = "5b8efff798038103d269b633813fc60c";
constexpr std::string_view kSpanHex = "eee19b7ec3c1b174";

// A request with one span, whose members besides the ids are `members`.
std::string OneSpan(std::string_view members) {
  std::string text = R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":")";
  text += kTraceHex;
  text += R"(","spanId":")";
  text += kSpanHex;
  text += "\"";
  if (!members.empty()) text += ",";
  text += members;
  return text + "}]}]}]}";
}

std::string WithValue(std::string_view value) {
  return OneSpan(R"("attributes":[{"key":"k","value":)" + std::string(value) + "}]");
}

SpanBatch Decoded(const std::string& json) {
  Result<DecodeResult> decoded = DecodeOtlpJson(json);
  EXPECT_TRUE(decoded.has_value()) << decoded.error().ToString() << "\n" << json;
  return decoded.has_value() ? std::move(decoded->batch) : SpanBatch();
}

std::string Refusal(const std::string& json) {
  const Result<DecodeResult> decoded = DecodeOtlpJson(json);
  EXPECT_FALSE(decoded.has_value()) << json;
  if (decoded.has_value()) return "";
  EXPECT_EQ(decoded.error().code(), StatusCode::kInvalidArgument);
  return std::string(decoded.error().message());
}

// The value of the one attribute, in protobuf.
std::string ValueOf(const std::string& json) {
  ExportRequest request;
  EXPECT_TRUE(request.ParseFromString(EncodeTrace(Decoded(json))));
  if (request.resource_spans_size() == 0) return "none";
  const auto& span = request.resource_spans(0).scope_spans(0).spans(0);
  return span.attributes_size() == 1 ? span.attributes(0).value().ShortDebugString() : "none";
}

// JSON refuses ids of other lengths, so there are none in the requests that are compared.
void MendIds(ExportRequest* request) {
  for (auto& resource : *request->mutable_resource_spans()) {
    for (auto& scope : *resource.mutable_scope_spans()) {
      for (auto& span : *scope.mutable_spans()) {
        if (span.trace_id().size() != 16) span.clear_trace_id();
        if (span.span_id().size() != 8) span.clear_span_id();
        if (span.parent_span_id().size() != 8) span.clear_parent_span_id();
        for (auto& link : *span.mutable_links()) {
          if (link.trace_id().size() != 16) link.clear_trace_id();
          if (link.span_id().size() != 8) link.clear_span_id();
        }
      }
    }
  }
}

TEST(OtlpJsonDecodeTest, WhatIsEncodedDecodesToTheSame) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    ExportRequest request = seed == 0 ? FullRequest() : RandomRequest(&random);
    MendIds(&request);
    const Result<DecodeResult> from_proto = DecodeOtlp(request.SerializeAsString());
    ASSERT_TRUE(from_proto.has_value());
    const std::string json = EncodeOtlpJson(from_proto->batch);
    EXPECT_EQ(json.find('\n'), std::string::npos);
    const Result<DecodeResult> from_json = DecodeOtlpJson(json);
    ASSERT_TRUE(from_json.has_value()) << from_json.error().ToString() << "\n" << json;
    EXPECT_EQ(EncodeOtlpJson(from_json->batch), json);
    ExportRequest ours;
    ExportRequest theirs;
    ASSERT_TRUE(ours.ParseFromString(EncodeTrace(from_json->batch)));
    ASSERT_TRUE(theirs.ParseFromString(EncodeTrace(from_proto->batch)));
    EXPECT_EQ(ours.DebugString(), theirs.DebugString());
  }
}

TEST(OtlpJsonDecodeTest, TheTwoEncodingsOfARequestMakeTheSameBatch) {
  const ExportRequest request = FullRequest();
  const Result<DecodeResult> from_proto = DecodeOtlp(request.SerializeAsString());
  ASSERT_TRUE(from_proto.has_value());
  const SpanBatch from_json = Decoded(EncodeOtlpJson(from_proto->batch));
  // Attributes without a value are written with an empty one, which takes two bytes.
  ASSERT_EQ(from_json.rows(), 2U);
  EXPECT_EQ(from_json.wire_size[1], from_proto->batch.wire_size[1] + 2);  // The empty status.
  EXPECT_EQ(EncodeTrace(from_json), EncodeTrace(from_proto->batch));
}

TEST(OtlpJsonDecodeTest, TheExampleOfTheSpecificationIsAccepted) {
  std::ifstream file("../shared/conformance/otlp/trace.json", std::ios::binary);
  if (!file) {
    std::cout << "../shared/conformance is not there; its example is not read\n";
    return;
  }
  const SpanBatch batch = Decoded({std::istreambuf_iterator<char>(file), {}});
  ASSERT_EQ(batch.rows(), 1U);
  EXPECT_EQ(batch.traces[0].ToHex(), kTraceHex);
  EXPECT_EQ(batch.span_id[0], 0xeee19b7ec3c1b174U);
  EXPECT_EQ(batch.strings[batch.name[0]], "I'm a server span");
  EXPECT_EQ(batch.start[0], 1'544'712'660'000'000'000U);
  EXPECT_EQ(batch.kind[0], SpanKind::kServer);
  EXPECT_EQ(batch.ServiceName(0), "my.service");
}

TEST(OtlpJsonDecodeTest, AnEmptyRequestHasNoSpans) {
  EXPECT_TRUE(Decoded("{}").empty());
  EXPECT_TRUE(Decoded(R"({"resourceSpans":[]})").empty());
  EXPECT_TRUE(Decoded(R"({"resourceSpans":null})").empty());
  EXPECT_TRUE(Decoded(R"({"resourceSpans":[{},{"scopeSpans":[{"spans":[]}]}]})").empty());
}

TEST(OtlpJsonDecodeTest, IdsAreHexadecimalOfEitherCase) {
  const std::string lower = OneSpan(R"("parentSpanId":"00000000000000ab")");
  std::string upper = lower;
  for (size_t at = upper.find("5b8e"); upper[at] != '"'; ++at) {
    upper[at] = static_cast<char>(std::toupper(upper[at]));
  }
  EXPECT_NE(upper, lower);
  EXPECT_EQ(EncodeTrace(Decoded(upper)), EncodeTrace(Decoded(lower)));
  EXPECT_EQ(Decoded(lower).parent_span_id[0], 0xabU);
}

TEST(OtlpJsonDecodeTest, IdsOfOtherLengthsAreRefusedWithTheirPlace) {
  EXPECT_EQ(Refusal("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[\n"
                    "{\"traceId\":\"W47/95gDgQPSabYzgT/GDA==\"}]}]}]}"),
            "malformed JSON at line 2, column 12: traceId is 32 hexadecimal digits, not "
            "\"W47/95gDgQPSabYzgT/GDA==\"");
  for (const std::string_view bad :
       {R"("parentSpanId":"ab")", R"("parentSpanId":"zz00000000000000")",
        R"("parentSpanId":"eee19b7ec3c1b1740")", R"("parentSpanId":5)",
        R"("links":[{"traceId":"00"}])", R"("links":[{"spanId":"x"}])"}) {
    EXPECT_NE(Refusal(OneSpan(bad)), "");
  }
}

TEST(OtlpJsonDecodeTest, ASpanWithoutValidIdsIsRejectedAlone) {
  const Result<DecodeResult> decoded = DecodeOtlpJson(
      R"({"resourceSpans":[{"scopeSpans":[{"spans":[
          {"traceId":"00000000000000000000000000000000","spanId":"eee19b7ec3c1b174"},
          {"spanId":"eee19b7ec3c1b174"},
          {"traceId":"5b8efff798038103d269b633813fc60c","spanId":""},
          {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}]})");
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->batch.rows(), 1U);
  EXPECT_EQ(decoded->invalid_trace_id, 2U);
  EXPECT_EQ(decoded->invalid_span_id, 1U);
  EXPECT_NE(decoded->rejection, "");
}

TEST(OtlpJsonDecodeTest, IntegersAreStringsOrNumbers) {
  for (const std::string_view start : {"\"1700000000000000001\"", "1700000000000000001"}) {
    const SpanBatch batch = Decoded(OneSpan("\"startTimeUnixNano\":" + std::string(start)));
    EXPECT_EQ(batch.start[0], 1'700'000'000'000'000'001U);
  }
  EXPECT_EQ(Decoded(OneSpan(R"("startTimeUnixNano":1.5e18)")).start[0], 1'500'000'000'000'000'000U);
  EXPECT_EQ(Decoded(OneSpan(R"("endTimeUnixNano":"18446744073709551615")")).end[0], UINT64_MAX);
  EXPECT_EQ(Decoded(OneSpan(R"("flags":"257")")).flags[0], 257U);
  EXPECT_EQ(ValueOf(WithValue(R"({"intValue":"-9223372036854775808"})")),
            "int_value: -9223372036854775808");
  EXPECT_EQ(ValueOf(WithValue(R"({"intValue":9223372036854775807})")),
            "int_value: 9223372036854775807");
  EXPECT_EQ(ValueOf(WithValue(R"({"intValue":2e2})")), "int_value: 200");
  EXPECT_EQ(ValueOf(WithValue(R"({"intValue":"0"})")), "int_value: 0");
  for (const std::string_view bad :
       {R"("startTimeUnixNano":-1)", R"("startTimeUnixNano":"18446744073709551616")",
        R"("startTimeUnixNano":1.8446744073709552e19)", R"("startTimeUnixNano":1.5)",
        R"("startTimeUnixNano":"")", R"("startTimeUnixNano":" 1")", R"("startTimeUnixNano":"0x1")",
        R"("startTimeUnixNano":true)", R"("startTimeUnixNano":{"low":1,"high":2})",
        R"("flags":4294967296)", R"("flags":-1)", R"("droppedLinksCount":1e10)"}) {
    EXPECT_NE(Refusal(OneSpan(bad)), "") << bad;
  }
  EXPECT_NE(Refusal(WithValue(R"({"intValue":9223372036854775808})")), "");
}

TEST(OtlpJsonDecodeTest, DoublesAreNumbersOrStrings) {
  EXPECT_EQ(ValueOf(WithValue(R"({"doubleValue":0.1})")), "double_value: 0.1");
  EXPECT_EQ(ValueOf(WithValue(R"({"doubleValue":3})")), "double_value: 3");
  EXPECT_EQ(ValueOf(WithValue(R"({"doubleValue":"2.5"})")), "double_value: 2.5");
  EXPECT_EQ(ValueOf(WithValue(R"({"doubleValue":-0.0})")), "double_value: -0");
  EXPECT_EQ(ValueOf(WithValue(R"({"doubleValue":"NaN"})")), "double_value: nan");
  EXPECT_EQ(ValueOf(WithValue(R"({"doubleValue":"-Infinity"})")), "double_value: -inf");
  for (const std::string_view bad : {"1e400", "\"inf\"", "\"nan\"", "\"\"", "true", "\"1x\""}) {
    EXPECT_NE(Refusal(WithValue("{\"doubleValue\":" + std::string(bad) + "}")), "") << bad;
  }
}

TEST(OtlpJsonDecodeTest, EnumsAreNumbersOrNames) {
  EXPECT_EQ(Decoded(OneSpan(R"("kind":3)")).kind[0], SpanKind::kClient);
  EXPECT_EQ(Decoded(OneSpan(R"("kind":"SPAN_KIND_CLIENT")")).kind[0], SpanKind::kClient);
  EXPECT_EQ(Decoded(OneSpan(R"("kind":77)")).kind[0], SpanKind::kUnspecified);
  EXPECT_EQ(Decoded(OneSpan(R"("status":{"code":2})")).status[0], SpanStatus::kError);
  EXPECT_EQ(Decoded(OneSpan(R"("status":{"code":"STATUS_CODE_ERROR"})")).status[0],
            SpanStatus::kError);
  EXPECT_NE(Refusal(OneSpan(R"("kind":"client")")), "");
}

TEST(OtlpJsonDecodeTest, ValuesOfEveryType) {
  EXPECT_EQ(ValueOf(WithValue(R"({"stringValue":"a\nb"})")), "string_value: \"a\\nb\"");
  EXPECT_EQ(ValueOf(WithValue(R"({"stringValue":""})")), "string_value: \"\"");
  EXPECT_EQ(ValueOf(WithValue(R"({"boolValue":false})")), "bool_value: false");
  EXPECT_EQ(ValueOf(WithValue(R"({"bytesValue":"AAEC"})")), R"(bytes_value: "\000\001\002")");
  EXPECT_EQ(ValueOf(WithValue(R"({"bytesValue":"_-8"})")), R"(bytes_value: "\377\357")");
  EXPECT_EQ(ValueOf(WithValue(R"({"arrayValue":{"values":[{"intValue":"1"},{}]}})")),
            "array_value { values { int_value: 1 } values { } }");
  EXPECT_EQ(ValueOf(WithValue(R"({"kvlistValue":{"values":[{"key":"a"}]}})")),
            "kvlist_value { values { key: \"a\" } }");
  EXPECT_EQ(ValueOf(WithValue("{}")), "");
  EXPECT_EQ(ValueOf(WithValue("null")), "");
  EXPECT_EQ(ValueOf(WithValue(R"({"stringValue":null})")), "");
  EXPECT_EQ(ValueOf(WithValue(R"({"newValue":[1,{"a":2}]})")), "");
  for (const std::string_view bad :
       {R"({"bytesValue":"A"})", R"({"bytesValue":"AA=A"})", R"({"bytesValue":"A B="})",
        R"({"boolValue":"true"})", R"({"boolValue":1})", R"({"stringValue":1})", R"("plain")",
        R"({"arrayValue":[]})", R"({"arrayValue":{"values":{}}})",
        R"({"arrayValue":{"values":[null]}})", R"({"stringValue":"a","intValue":"1"})",
        R"({"stringValue":"a","stringValue":"a"})", R"({"stringValue":null,"x":)"}) {
    EXPECT_NE(Refusal(WithValue(bad)), "") << bad;
  }
}

TEST(OtlpJsonDecodeTest, UnknownMembersAreSkippedAndBothSpellingsRead) {
  const std::string camel = OneSpan(
      R"("startTimeUnixNano":"5","traceState":"a=b","later":{"x":[1,[2]],"y":"\u00e9"},"also":null)");
  const std::string snake = OneSpan(R"("start_time_unix_nano":5,"trace_state":"a=b")");
  EXPECT_EQ(EncodeTrace(Decoded(camel)), EncodeTrace(Decoded(snake)));
}

TEST(OtlpJsonDecodeTest, TheOrderOfMembersDoesNotMatter) {
  const SpanBatch batch = Decoded(
      R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":{"stringValue":"v"},
          "key":"k"}],"spanId":"eee19b7ec3c1b174","traceId":"5b8efff798038103d269b633813fc60c"}],
          "scope":{"name":"late"}}],"resource":{"attributes":[{"value":{"stringValue":"shop"},
          "key":"service.name"}]}}]})");
  ASSERT_EQ(batch.rows(), 1U);
  EXPECT_EQ(batch.ServiceName(0), "shop");
  EXPECT_EQ(batch.strings[batch.scopes[0].name], "late");
  EXPECT_EQ(batch.FindString({batch.attr_begin[0], batch.attr_begin[1]}, "k"), "v");
}

TEST(OtlpJsonDecodeTest, AMemberThatStandsTwiceIsRefused) {
  EXPECT_EQ(Refusal(OneSpan("\n\"name\":\"a\",\n \"name\":\"b\"")),
            "malformed JSON at line 3, column 2: \"name\" stands here twice");
  EXPECT_NE(Refusal(OneSpan(R"("startTimeUnixNano":"1","start_time_unix_nano":"1")")), "");
}

TEST(OtlpJsonDecodeTest, NestsAsDeepAsProtobufDoes) {
  for (int depth = 40; depth <= 55; ++depth) {
    opentelemetry::proto::common::v1::AnyValue value;
    auto* innermost = &value;
    std::string json;
    for (int i = 0; i < depth; ++i) {
      innermost = innermost->mutable_array_value()->add_values();
      json += R"({"arrayValue":{"values":[)";
    }
    innermost->set_bool_value(true);
    json += R"({"boolValue":true})";
    for (int i = 0; i < depth; ++i) json += "]}}";
    ExportRequest request;
    auto* span = request.add_resource_spans()->add_scope_spans()->add_spans();
    span->set_trace_id(std::string(16, '\1'));
    span->set_span_id(std::string(8, '\1'));
    *span->add_attributes()->mutable_value() = value;
    EXPECT_EQ(DecodeOtlpJson(WithValue(json)).has_value(),
              DecodeOtlp(request.SerializeAsString()).has_value())
        << depth;
  }
}

TEST(OtlpJsonDecodeTest, AnythingAtAllIsDecodedOrRefused) {
  std::mt19937_64 random(7);
  const std::string whole = EncodeOtlpJson(DecodeOtlp(FullRequest().SerializeAsString())->batch);
  int accepted = 0;
  for (int i = 0; i < 3000; ++i) {
    const Result<std::string> proto = OtlpJsonToProto(Mutate(whole, &random));
    if (!proto.has_value()) continue;
    ++accepted;
    EXPECT_TRUE(DecodeOtlp(*proto).has_value());
  }
  EXPECT_GT(accepted, 0);
}

TEST(OtlpJsonDecodeTest, EveryPrefixOfARequestIsRefused) {
  const std::string whole = EncodeOtlpJson(DecodeOtlp(FullRequest().SerializeAsString())->batch);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(DecodeOtlpJson(whole.substr(0, size)).has_value());
  }
}

TEST(OtlpJsonDecodeTest, TheEncodingSaysHowABodyIsRead) {
  EXPECT_TRUE(DecodeOtlp("{}", OtlpEncoding::kJson).has_value());
  EXPECT_TRUE(DecodeOtlp("", OtlpEncoding::kProtobuf).has_value());
  EXPECT_FALSE(DecodeOtlp("", OtlpEncoding::kJson).has_value());
  EXPECT_FALSE(DecodeOtlp("{}", OtlpEncoding::kProtobuf).has_value());
}

TEST(OtlpJsonDecodeTest, LinesCountFromWhereTheRequestBegins) {
  const Result<std::string> refused = OtlpJsonToProto("{\n?", 100);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message().find("malformed JSON at line 101, column 1"), 0U);
}

}  // namespace
}  // namespace tocsin::wire
