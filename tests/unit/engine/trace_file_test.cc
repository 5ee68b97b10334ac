// Files of traces: what is written reads back, and what is no such file is refused with its place.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/coding.h"
#include "cpp/engine/trace_file_reader.h"
#include "cpp/engine/trace_file_writer.h"
#include "cpp/lib/compression.h"
#include "cpp/wire/otlp_decode.h"
#include "cpp/wire/otlp_encode.h"
#include "cpp/wire/proto/otlp.pb.h"
#include "tests/unit/lib/text_source.h"

namespace tocsin::engine {
namespace {

using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;

class TextSink final : public lib::ByteSink {
 public:
  Status Write(std::string_view bytes) override {
    text.append(bytes);
    return {};
  }
  Status Finish() override { return {}; }
  std::string text;
};

std::string Encoded(int spans, uint64_t first = 1) {
  ExportTraceServiceRequest request;
  auto* resource = request.add_resource_spans();
  auto* attribute = resource->mutable_resource()->add_attributes();
  attribute->set_key("service.name");
  attribute->mutable_value()->set_string_value("shop");
  for (int i = 0; i < spans; ++i) {
    auto* span = resource->mutable_scope_spans()->size() == 0
                     ? resource->add_scope_spans()->add_spans()
                     : resource->mutable_scope_spans(0)->add_spans();
    span->set_trace_id(TraceId{1, first}.ToBytes());
    span->set_span_id(SpanIdToBytes(first + static_cast<uint64_t>(i)));
    span->set_name("POST /pay");
  }
  return request.SerializeAsString();
}

struct ReadBack {
  std::vector<uint64_t> spans;  // Of each record.
  std::vector<std::string> bodies;
  Status status;
};

ReadBack ReadAll(const std::string& text, size_t piece = 1 << 20) {
  TraceFileReader reader(std::make_unique<lib::TextSource>(text, piece));
  ReadBack all;
  while (true) {
    auto record = reader.Next();
    if (!record.has_value()) {
      all.status = record.error();
      return all;
    }
    if (!*record) return all;
    all.spans.push_back((*record)->spans);
    all.bodies.push_back((*record)->body);
  }
}

std::string Written(TraceFileFormat format, const std::vector<std::string>& requests) {
  TextSink sink;
  TraceFileWriter writer(format, &sink);
  for (const std::string& request : requests) EXPECT_TRUE(writer.AddEncoded(request).ok());
  return sink.text;
}

std::string BigEndian(size_t size) {
  std::string length;
  for (int shift = 24; shift >= 0; shift -= 8) length += static_cast<char>(size >> shift);
  return length;
}

using Counts = std::vector<uint64_t>;

TEST(TraceFileTest, WhatIsWrittenReadsBack) {
  for (const TraceFileFormat format : {TraceFileFormat::kOtlpJson, TraceFileFormat::kOtlpProto}) {
    const std::string text = Written(format, {Encoded(3), Encoded(1, 10), Encoded(2, 20)});
    for (const size_t piece : {size_t{1}, size_t{100}, size_t{1} << 20}) {
      const ReadBack all = ReadAll(text, piece);
      ASSERT_TRUE(all.status.ok()) << all.status.ToString();
      EXPECT_EQ(all.spans, (Counts{3, 1, 2}));
      for (const std::string& stored : {lib::Gzip(text), lib::ZstdCompress(text, 1)}) {
        EXPECT_EQ(ReadAll(stored, piece).bodies, all.bodies);
      }
    }
  }
}

TEST(TraceFileTest, JsonIsALineARequest) {
  const std::string text = Written(TraceFileFormat::kOtlpJson, {Encoded(3), Encoded(1, 10)});
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_NE(text.find("\"traceId\":\"00000000000000010000000000000001\""), std::string::npos);
}

TEST(TraceFileTest, ProtobufIsOneMessage) {
  const std::string text = Written(TraceFileFormat::kOtlpProto, {Encoded(3), Encoded(1, 10)});
  ExportTraceServiceRequest whole;
  ASSERT_TRUE(whole.ParseFromString(text));
  EXPECT_EQ(whole.resource_spans_size(), 2);
}

TEST(TraceFileTest, ALargeTraceIsSeveralRequests) {
  TextSink sink;
  TraceFileWriter writer(TraceFileFormat::kOtlpJson, &sink);
  ASSERT_TRUE(writer.AddEncoded(Encoded(1300)).ok());
  EXPECT_EQ(writer.spans(), 1300U);
  EXPECT_EQ(ReadAll(sink.text).spans, (Counts{512, 512, 276}));
}

TEST(TraceFileTest, WhatOthersWriteIsRead) {
  const std::string one = Encoded(1);
  const std::string two = Encoded(2, 10);
  std::string varints;
  for (const std::string& request : {one, two}) {
    PutVarint64(&varints, request.size());
    varints += request;
  }
  EXPECT_EQ(ReadAll(varints).spans, (Counts{1, 2}));
  EXPECT_EQ(ReadAll(BigEndian(one.size()) + one + BigEndian(two.size()) + two).spans,
            (Counts{1, 2}));
  // One document over many lines, then another.
  std::string spread = Written(TraceFileFormat::kOtlpJson, {one});
  for (size_t at = 0; (at = spread.find(',', at)) != std::string::npos; at += 2) {
    spread.insert(at + 1, "\n");
  }
  EXPECT_EQ(ReadAll("\n \n" + spread + "\n\n" + spread).spans, (Counts{1, 1}));
  EXPECT_EQ(ReadAll("{}").spans, (Counts{0}));
}

TEST(TraceFileTest, AnEmptyFileHasNoRequests) {
  for (const std::string& text : {std::string(), std::string("\n\n  "), lib::Gzip("")}) {
    const ReadBack all = ReadAll(text);
    EXPECT_TRUE(all.status.ok()) << all.status.ToString();
    EXPECT_TRUE(all.spans.empty());
  }
}

TEST(TraceFileTest, InvalidSpansAreCountedNotRefused) {
  const ReadBack all =
      ReadAll(R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"no ids"}]}]}]})");
  ASSERT_TRUE(all.status.ok());
  EXPECT_EQ(all.spans, (Counts{0}));
}

TEST(TraceFileTest, AMalformedLineIsNamedAndTakesNoOtherWithIt) {
  const std::string lines = Written(TraceFileFormat::kOtlpJson, {Encoded(3), Encoded(1, 10)});
  const ReadBack all = ReadAll(lines + "{\"resourceSpans\":[\n" + lines);
  EXPECT_EQ(all.spans, (Counts{3, 1}));
  EXPECT_EQ(all.status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(all.status.message().find("line 3, column 19"), std::string_view::npos)
      << all.status.ToString();
}

TEST(TraceFileTest, WhatIsNoSuchFileIsRefused) {
  for (const std::string& text : {std::string("hello"), std::string("[1]"), std::string("\x01\x02"),
                                  std::string("<xml/>"), std::string("{bad}"), std::string("{")}) {
    const Status status = ReadAll(text).status;
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find("line 1"), std::string_view::npos) << status.ToString();
  }
}

TEST(TraceFileTest, ACutOrDamagedMessageIsNamedByItsByte) {
  const std::string one = Encoded(1);
  const std::string two = one + Encoded(2, 10);
  Status status = ReadAll(two.substr(0, two.size() - 1)).status;
  EXPECT_EQ(status.message(),
            "the request at byte " + std::to_string(one.size()) + " is cut short");
  std::string damaged = two;
  damaged[one.size() + 3] = '\x7f';
  const ReadBack all = ReadAll(damaged);
  EXPECT_EQ(all.spans, (Counts{1}));
  EXPECT_NE(all.status.message().find("byte " + std::to_string(one.size())), std::string_view::npos)
      << all.status.ToString();
  EXPECT_EQ(ReadAll(lib::Gzip(two).substr(0, 60)).status.code(), StatusCode::kCorruption);
}

TEST(TraceFileTest, ARequestHasABound) {
  std::string head("\x0a");
  PutVarint64(&head, TraceFileReader::kRecordBytesMax + 1);
  EXPECT_EQ(ReadAll(head + "\x0a more").status.code(), StatusCode::kResourceExhausted);
  const std::string endless = "{\"a\":\"" + std::string(TraceFileReader::kRecordBytesMax, 'x');
  EXPECT_EQ(ReadAll(endless).status.code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tocsin::engine
