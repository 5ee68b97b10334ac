// Traces on their way out as JSON. Protobuf's own JSON printer and jsonpb agree on the form (enums
// by name, 64-bit integers as strings, bytes in base64, defaults left out), so it is the oracle; it
// orders fields by number and prints doubles in its own way, so the documents are compared as
// values.

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "cpp/lib/json.h"
#include "cpp/wire/attribute_json.h"
#include "cpp/wire/otlp_decode.h"
#include "cpp/wire/otlp_encode.h"
#include "cpp/wire/proto/tempo.pb.h"
#include "tests/unit/wire/otlp_oracle.h"
#include "tests/unit/wire/sample_requests.h"

namespace tocsin::wire {
namespace {

using lib::Json;

// Where `a` and `b` differ, as a path; "" if they are equal but for the order of members.
std::string Difference(const Json& a, const Json& b) {
  const bool numbers = (a.type == Json::Type::kInt || a.type == Json::Type::kDouble) &&
                       (b.type == Json::Type::kInt || b.type == Json::Type::kDouble);
  if (numbers) {
    // The two print different digits of the same double, which need not parse to the last bit
    // alike.
    return std::abs(a.number - b.number) <= 1e-15 * std::abs(b.number) ? "" : " differs";
  }
  if (a.type != b.type || a.boolean != b.boolean || a.string != b.string ||
      a.array.size() != b.array.size() || a.object.size() != b.object.size()) {
    return " differs";
  }
  for (size_t i = 0; i < a.array.size(); ++i) {
    const std::string inner = Difference(a.array[i], b.array[i]);
    if (!inner.empty()) return (std::to_string(i) += '.') += inner;
  }
  for (const auto& [key, value] : a.object) {
    const Json* other = b.Find(key);
    const std::string inner = other == nullptr ? " is missing" : Difference(value, *other);
    if (!inner.empty()) return (std::string(key) += '.') += inner;
  }
  return "";
}

Json Parse(const std::string& text) {
  Result<Json> json = Json::Parse(text);
  EXPECT_TRUE(json.has_value()) << json.error().ToString() << "\n" << text;
  return json.has_value() ? *std::move(json) : Json();
}

std::string ByProtobuf(const google::protobuf::Message& message) {
  std::string text;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &text).ok());
  return text;
}

SpanBatch Decode(const std::string& body) {
  Result<DecodeResult> decoded = DecodeOtlp(body);
  EXPECT_TRUE(decoded.has_value());
  return std::move(decoded->batch);
}

TEST(OtlpJsonTest, RequestsPrintAsProtobufPrintsThem) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    ExportRequest request = seed == 0 ? FullRequest() : RandomRequest(&random);
    const SpanBatch batch = Decode(request.SerializeAsString());
    Normalize(&request);
    tempopb::TraceByIDResponse response;
    ASSERT_TRUE(response.mutable_trace()->ParseFromString(request.SerializeAsString()));
    response.mutable_metrics()->set_inspectedbytes(1'000'000'000'000);
    response.set_status(tempopb::PARTIAL);
    response.set_message("why");
    const std::string ours = EncodeTraceByIdResponseJson(
        batch, {.inspected_bytes = 1'000'000'000'000, .partial = true, .message = "why"});
    ASSERT_EQ(Difference(Parse(ours), Parse(ByProtobuf(response))), "") << ours;
  }
}

TEST(OtlpJsonTest, TheOldFormSaysBatches) {
  const SpanBatch batch = Decode(FullRequest().SerializeAsString());
  Json old_form = Parse(EncodeTraceJson(batch));
  const Json response = Parse(EncodeTraceByIdResponseJson(batch, {}));
  ASSERT_NE(old_form.Find("batches"), nullptr);
  EXPECT_EQ(Difference(*old_form.Find("batches"), *response.Find("trace")->Find("resourceSpans")),
            "");
}

TEST(OtlpJsonTest, TheTextIsThatOfJsonpb) {
  ExportRequest request;
  auto* resource = request.add_resource_spans();
  auto* service = resource->mutable_resource()->add_attributes();
  service->set_key("service.name");
  service->mutable_value()->set_string_value("shop");
  auto* span = resource->add_scope_spans()->add_spans();
  span->set_trace_id(std::string("\0\0\0\0\0\0\0\0\0\0\xab\xc1\x23\xde\xf4\x56", 16));
  span->set_span_id("\1\2\3\4\5\6\7\x08");
  span->set_flags(257);
  span->set_name("GET /");
  span->set_kind(opentelemetry::proto::trace::v1::Span::SPAN_KIND_SERVER);
  span->set_start_time_unix_nano(1'700'000'000'000'000'001);
  span->set_end_time_unix_nano(1'700'000'000'000'000'002);
  auto* code = span->add_attributes();
  code->set_key("http.status_code");
  code->mutable_value()->set_int_value(500);
  span->mutable_status()->set_code(opentelemetry::proto::trace::v1::Status::STATUS_CODE_ERROR);
  const SpanBatch batch = Decode(request.SerializeAsString());
  const std::string spans =
      R"([{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},)"
      R"("scopeSpans":[{"scope":{},"spans":[{"traceId":"AAAAAAAAAAAAAKvBI970Vg==",)"
      R"("spanId":"AQIDBAUGBwg=","flags":257,"name":"GET /","kind":"SPAN_KIND_SERVER",)"
      R"("startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000002",)"
      R"("attributes":[{"key":"http.status_code","value":{"intValue":"500"}}],)"
      R"("status":{"code":"STATUS_CODE_ERROR"}}]}]}])";
  EXPECT_EQ(EncodeTraceJson(batch), R"({"batches":)" + spans + "}");
  EXPECT_EQ(EncodeTraceByIdResponseJson(batch, {}),
            R"({"trace":{"resourceSpans":)" + spans + R"(},"metrics":{}})");
}

TEST(OtlpJsonTest, AnEmptyBatchIsAnEmptyTrace) {
  EXPECT_EQ(EncodeTraceJson(SpanBatch()), "{}");
  EXPECT_EQ(EncodeTraceByIdResponseJson(SpanBatch(), {}), R"({"trace":{},"metrics":{}})");
}

TEST(OtlpJsonTest, DoublesAreWrittenAsGoWritesThem) {
  const auto text = [](double value) {
    lib::JsonWriter json;
    WriteDoubleValue(value, &json);
    return std::move(json).Take();
  };
  EXPECT_EQ(text(0.5), R"({"doubleValue":0.5})");
  EXPECT_EQ(text(100), R"({"doubleValue":100})");
  EXPECT_EQ(text(1e20), R"({"doubleValue":100000000000000000000})");
  EXPECT_EQ(text(1e21), R"({"doubleValue":1e+21})");
  EXPECT_EQ(text(0.000001), R"({"doubleValue":0.000001})");
  EXPECT_EQ(text(0.0000001), R"({"doubleValue":1e-7})");
}

TEST(OtlpJsonTest, CompositesThatDoNotDecodeDoNoHarm) {
  const SpanBatch batch = Decode(FullRequest().SerializeAsString());
  for (const SpanBatch::Attr& attr : batch.attrs) {
    if (batch.keys[attr.key].type != ValueType::kComposite) continue;
    const std::string whole(batch.strings[attr.value]);
    for (size_t size = 0; size < whole.size(); ++size) {
      for (const char change : {'\0', '\x7f', '\xff'}) {
        std::string damaged = whole.substr(0, size);
        if (change != 0 && size > 0) damaged.back() = change;
        lib::JsonWriter json;
        WriteCompositeValue(damaged, &json);
        EXPECT_EQ(Parse(json.text()).type, Json::Type::kObject);
      }
    }
  }
}

}  // namespace
}  // namespace tocsin::wire
