// What `tocsin export` asks a server for.

#include "cpp/api/export.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/coding.h"
#include "cpp/wire/otlp_decode.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::api {
namespace {

using traceql::FakeView;
using traceql::TestSpan;

class FakeSource final : public traceql::SpanSource {
 public:
  std::shared_ptr<const traceql::SpanView> View(std::string_view tenant, uint64_t,
                                                uint64_t) const override {
    EXPECT_EQ(tenant, "a tenant");
    return view;
  }
  std::shared_ptr<const traceql::SpanView> view;
};

TestSpan Span(uint64_t trace, SpanId id, uint64_t start) {
  TestSpan span;
  span.trace = {0, trace};
  span.id = id;
  span.start = start;
  span.end = start + 10;
  span.name = "span " + std::to_string(id);
  return span;
}

class ExportTest : public testing::Test {
 protected:
  ExportTest() {
    source_.view = std::make_shared<FakeView>(std::vector<std::vector<TestSpan>>{
        {Span(1, 1, 100), Span(2, 2, 200)}, {Span(2, 3, 250), Span(3, 4, 300)}});
    ExportOptions options;
    options.tenant = "a tenant";
    options.max_ids = 3;
    RegisterExport(source_, gate_, options, &router_);
  }

  http::Response Ask(std::string method, std::string path,
                     std::vector<std::pair<std::string, std::string>> query, std::string body) {
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    request.body = std::move(body);
    return router_.Route(std::move(request));
  }
  http::Response Ids(std::vector<std::pair<std::string, std::string>> query = {}) {
    return Ask("GET", "/api/export/ids", std::move(query), "");
  }
  http::Response Traces(std::string ids) {
    return Ask("POST", "/api/export/traces", {}, std::move(ids));
  }

  FakeSource source_;
  QueryGate gate_{1, 0};
  http::Router router_;
};

std::string Hex(uint64_t trace) { return TraceId{0, trace}.ToHex() + "\n"; }

// The spans of a streamed answer.
std::vector<SpanId> SpansOf(const http::Response& response) {
  std::string body;
  EXPECT_TRUE(response.stream([&](std::string_view piece) {
    body += piece;
    return true;
  }));
  std::vector<SpanId> spans;
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::optional<uint64_t> size = GetVarint64(&rest);
    const auto decoded = wire::DecodeOtlp(rest.substr(0, size.value()));
    EXPECT_TRUE(decoded.has_value());
    for (const SpanId id : decoded->batch.span_id) spans.push_back(id);
    rest.remove_prefix(*size);
  }
  return spans;
}

TEST_F(ExportTest, ListsTheTracesOfAQueryAndARange) {
  EXPECT_EQ(Ids().body, Hex(1) + Hex(2) + Hex(3));
  EXPECT_EQ(Ids({{"q", "{ name = \"span 3\" }"}}).body, Hex(2));
  EXPECT_EQ(Ids({{"start_ns", "255"}}).body, Hex(2) + Hex(3));
  EXPECT_EQ(Ids({{"end_ns", "150"}}).body, Hex(1));
}

TEST_F(ExportTest, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(Ids({{"q", "{ nonsense"}}).status, 400);
  EXPECT_EQ(Ids({{"start_ns", "soon"}}).status, 400);
  EXPECT_EQ(Ids({{"start_ns", "5"}, {"end_ns", "4"}}).status, 400);
  EXPECT_EQ(Traces("no id\n").status, 400);
  EXPECT_EQ(Traces(Hex(1) + Hex(1) + Hex(1) + Hex(1)).status, 400);
}

TEST_F(ExportTest, AnswersWholeTraces) {
  EXPECT_EQ(SpansOf(Traces(Hex(2) + Hex(1))), (std::vector<SpanId>{2, 3, 1}));
  EXPECT_EQ(SpansOf(Traces(Hex(3) + Hex(77))), (std::vector<SpanId>{4}));
  EXPECT_EQ(SpansOf(Traces("")), std::vector<SpanId>());
}

TEST_F(ExportTest, AnAnswerHoldsItsPlaceUntilItIsGone) {
  {
    const http::Response response = Traces(Hex(1));
    EXPECT_EQ(Ids().status, 429);
  }
  EXPECT_EQ(Ids().status, 200);
}

TEST_F(ExportTest, AReaderThatLeavesEndsTheAnswer) {
  const http::Response response = Traces(Hex(1) + Hex(2));
  int pieces = 0;
  EXPECT_FALSE(response.stream([&](std::string_view) { return ++pieces < 2; }));
  EXPECT_EQ(pieces, 2);
}

}  // namespace
}  // namespace tocsin::api
