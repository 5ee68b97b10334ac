// Traces on their way out as protobuf. That every field is encoded right follows from the tests of
// the decoder, which compare what was decoded and encoded again with what protobuf parsed; here is
// what those cannot see: grouping, and the envelopes.

#include "cpp/wire/otlp_encode.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/model/span_batch_builder.h"
#include "cpp/wire/otlp_decode.h"
#include "cpp/wire/proto/tempo.pb.h"
#include "tests/unit/wire/sample_requests.h"

namespace tocsin::wire {
namespace {

// A request of one span for each (service, scope, span name), every one in a ResourceSpans of its
// own.
std::string Scattered(const std::vector<std::vector<std::string>>& spans) {
  ExportRequest request;
  for (const auto& span : spans) {
    auto* resource = request.add_resource_spans();
    auto* service = resource->mutable_resource()->add_attributes();
    service->set_key("service.name");
    service->mutable_value()->set_string_value(span[0]);
    auto* scope = resource->add_scope_spans();
    scope->mutable_scope()->set_name(span[1]);
    scope->add_spans()->set_trace_id("0123456789abcdef");
    scope->mutable_spans(0)->set_span_id("01234567");
    scope->mutable_spans(0)->set_name(span[2]);
  }
  return request.SerializeAsString();
}

SpanBatch Decode(const std::string& body) {
  Result<DecodeResult> decoded = DecodeOtlp(body);
  EXPECT_TRUE(decoded.has_value());
  return std::move(decoded->batch);
}

TEST(OtlpEncodeTest, RowsAreGroupedInTheOrderOfFirstAppearance) {
  const SpanBatch scattered = Decode(Scattered(
      {{"b", "x", "1"}, {"a", "x", "2"}, {"b", "y", "3"}, {"a", "x", "4"}, {"b", "x", "5"}}));
  SpanBatchBuilder builder;  // Shares equal resources and scopes.
  for (uint32_t row = 0; row < scattered.rows(); ++row) builder.CopyRow(scattered, row);
  const SpanBatch batch = std::move(builder).Finish();
  EXPECT_EQ(batch.resources.size(), 2U);
  EXPECT_EQ(batch.scopes.size(), 3U);

  ExportRequest grouped;
  ASSERT_TRUE(grouped.ParseFromString(EncodeTrace(batch)));
  std::string order;
  for (const auto& resource : grouped.resource_spans()) {
    order += resource.resource().attributes(0).value().string_value();
    for (const auto& scope : resource.scope_spans()) {
      order += " " + scope.scope().name();
      for (const auto& span : scope.spans()) order += span.name();
    }
    order += "; ";
  }
  EXPECT_EQ(order, "b x15 y3; a x24; ");
}

TEST(OtlpEncodeTest, AnEmptyBatchIsAnEmptyTrace) {
  EXPECT_EQ(EncodeTrace(SpanBatch()), "");
  tempopb::TraceByIDResponse response;
  ASSERT_TRUE(response.ParseFromString(EncodeTraceByIdResponse(SpanBatch(), {})));
  EXPECT_TRUE(response.has_trace());
  EXPECT_EQ(response.trace().resourcespans_size(), 0);
  EXPECT_TRUE(response.has_metrics());
}

TEST(OtlpEncodeTest, TraceByIdResponseCarriesTheTraceAndWhatIsSaidOfIt) {
  const SpanBatch batch = Decode(FullRequest().SerializeAsString());
  const TraceByIdInfo info{.inspected_bytes = 12'345, .partial = true, .message = "too large"};
  tempopb::TraceByIDResponse response;
  ASSERT_TRUE(response.ParseFromString(EncodeTraceByIdResponse(batch, info)));
  EXPECT_EQ(response.trace().SerializeAsString(), EncodeTrace(batch));
  EXPECT_EQ(response.metrics().inspectedbytes(), 12'345U);
  EXPECT_EQ(response.status(), tempopb::PARTIAL);
  EXPECT_EQ(response.message(), "too large");
}

}  // namespace
}  // namespace tocsin::wire
