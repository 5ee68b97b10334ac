// The decoder must accept exactly the bytes that protobuf's parser accepts, and mean the same by
// them. Most tests therefore compare with protobuf itself, over every truncation and every bit flip
// of a request that has every field, over random requests and over random damage to them. The cases
// where protobuf's rules are subtle (merging, padding, groups, depth) are also spelled out one by
// one.

#include "cpp/wire/otlp_decode.h"

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/wire/otlp_encode.h"
#include "cpp/wire/proto_writer.h"
#include "tests/unit/wire/otlp_oracle.h"
#include "tests/unit/wire/sample_requests.h"

namespace tocsin::wire {
namespace {

using namespace std::string_literals;

using Fields = std::function<void(ProtoWriter&)>;

const std::string kTraceId = "0123456789abcdef";
const std::string kSpanId = "01234567";

std::string Message(const Fields& fields) {
  std::string out;
  ProtoWriter writer(&out);
  fields(writer);
  return out;
}

// A request with one resource, one scope and spans of the given encodings.
std::string RequestOf(const std::vector<std::string>& spans) {
  return Message([&](ProtoWriter& w) {
    w.Message(1, [&] {
      w.Message(2, [&] {
        for (const std::string& span : spans) w.Bytes(2, span);
      });
    });
  });
}

// A valid span, then `fields`.
std::string SpanWith(const Fields& fields) {
  return Message([&](ProtoWriter& w) {
    w.Bytes(1, kTraceId);
    w.Bytes(2, kSpanId);
    fields(w);
  });
}

// A request of one span with one attribute, of this encoding.
std::string AttributeRequest(const Fields& fields) {
  return RequestOf({SpanWith([&](ProtoWriter& w) { w.Bytes(9, Message(fields)); })});
}

DecodeResult Accept(std::string_view body) {
  EXPECT_EQ(Disagreement(body), "");
  Result<DecodeResult> decoded = DecodeOtlp(body);
  if (!decoded.has_value()) {
    ADD_FAILURE() << decoded.error().ToString();
    return {};
  }
  return *std::move(decoded);
}

std::string Refuse(std::string_view body) {
  EXPECT_EQ(Disagreement(body), "");
  const Result<DecodeResult> decoded = DecodeOtlp(body);
  if (decoded.has_value()) {
    ADD_FAILURE() << "accepted";
    return "";
  }
  EXPECT_EQ(decoded.error().code(), StatusCode::kInvalidArgument);
  return std::string(decoded.error().message());
}

TEST(OtlpDecodeTest, AnEmptyBodyIsARequestWithoutSpans) {
  const DecodeResult result = Accept("");
  EXPECT_TRUE(result.batch.empty());
  EXPECT_EQ(result.rejected_spans, 0U);
}

TEST(OtlpDecodeTest, EveryFieldArrives) {
  const DecodeResult result = Accept(FullRequest().SerializeAsString());
  const SpanBatch& batch = result.batch;
  ASSERT_EQ(batch.rows(), 2U);
  EXPECT_EQ(batch.traces.size(), 1U);
  EXPECT_EQ(batch.traces[0].ToHex(), "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(SpanIdToHex(batch.span_id[0]), "2021222324252627");
  EXPECT_EQ(SpanIdToHex(batch.parent_span_id[0]), "3031323334353637");
  EXPECT_EQ(batch.parent_span_id[1], 0U);
  EXPECT_EQ(batch.start[0], 1'700'000'000'000'000'000U);
  EXPECT_EQ(batch.Duration(0), 1'500'000U);
  EXPECT_EQ(batch.strings[batch.name[0]], "POST /api/orders");
  EXPECT_EQ(batch.kind[0], SpanKind::kServer);
  EXPECT_EQ(batch.status[0], SpanStatus::kError);
  EXPECT_EQ(batch.flags[0], 0x301U);
  EXPECT_EQ(batch.ServiceName(0), "checkout");
  EXPECT_EQ(batch.ServiceName(1), "checkout");

  const SpanBatch::Extra& extra = batch.ExtraOf(0);
  EXPECT_EQ(batch.strings[extra.status_message], "card declined");
  EXPECT_EQ(batch.strings[extra.trace_state], "vendor=1,other=2");
  EXPECT_EQ(extra.dropped_attributes, 3U);
  EXPECT_EQ(extra.dropped_events, 5U);
  EXPECT_EQ(extra.dropped_links, 7U);
  EXPECT_EQ(batch.extras.size(), 1U);  // None for the plain span.

  ASSERT_EQ(batch.events.size(), 2U);
  EXPECT_EQ(batch.strings[batch.events[0].name], "exception");
  EXPECT_EQ(batch.events[0].dropped_attributes, 4U);
  ASSERT_EQ(batch.links.size(), 1U);
  EXPECT_EQ(batch.links[0].flags, 0x101U);
  EXPECT_EQ(batch.strings[batch.links[0].trace_state], "link=1");

  const SpanBatch::Scope& scope = batch.scopes[batch.scope[0]];
  EXPECT_EQ(batch.strings[scope.name], "io.opentelemetry.http");
  EXPECT_EQ(batch.strings[scope.version], "1.2.3");
  EXPECT_EQ(batch.strings[scope.schema_url], "https://opentelemetry.io/schemas/1.22.0");
  EXPECT_EQ(scope.dropped_attributes, 2U);
  const SpanBatch::Resource& resource = batch.resources[scope.resource];
  EXPECT_EQ(batch.strings[resource.schema_url], "https://opentelemetry.io/schemas/1.21.0");
  EXPECT_EQ(resource.dropped_attributes, 1U);
}

TEST(OtlpDecodeTest, AttributesOfARowAreThoseOfTheSpanOnly) {
  const ExportRequest request = FullRequest();
  const SpanBatch batch = Accept(request.SerializeAsString()).batch;
  const auto& span = request.resource_spans(0).scope_spans(0).spans(0);
  EXPECT_EQ(batch.attr_begin[0], 0U);
  EXPECT_EQ(batch.attr_begin[1], static_cast<uint32_t>(span.attributes_size()));
  EXPECT_EQ(batch.attr_begin[2], batch.attr_begin[1]);
  EXPECT_EQ(batch.FindString({batch.attr_begin[0], batch.attr_begin[1]}, "string"),
            span.attributes(0).value().string_value());
}

TEST(OtlpDecodeTest, WireSizeIsThatOfTheSpanMessage) {
  const ExportRequest request = FullRequest();
  const SpanBatch batch = Accept(request.SerializeAsString()).batch;
  const auto& spans = request.resource_spans(0).scope_spans(0).spans();
  EXPECT_EQ(batch.wire_size[0], spans[0].ByteSizeLong());
  EXPECT_EQ(batch.wire_size[1], spans[1].ByteSizeLong());
}

TEST(OtlpDecodeTest, AgreesWithProtobufOnRandomRequests) {
  for (uint32_t seed = 0; seed < 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    ASSERT_EQ(Disagreement(RandomRequest(&random).SerializeAsString()), "");
  }
}

TEST(OtlpDecodeTest, AgreesWithProtobufOnEveryTruncation) {
  const std::string body = FullRequest().SerializeAsString();
  for (size_t size = 0; size < body.size(); ++size) {
    SCOPED_TRACE(testing::Message() << "first " << size << " bytes");
    ASSERT_EQ(Disagreement(body.substr(0, size)), "");
  }
}

TEST(OtlpDecodeTest, AgreesWithProtobufOnEveryBitFlip) {
  const std::string body = FullRequest().SerializeAsString();
  for (size_t bit = 0; bit < body.size() * 8; ++bit) {
    SCOPED_TRACE(testing::Message() << "bit " << bit);
    std::string flipped = body;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(Disagreement(flipped), "");
  }
}

TEST(OtlpDecodeTest, AgreesWithProtobufOnRandomDamage) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    const std::string body = RandomRequest(&random).SerializeAsString();
    for (int i = 0; i < 60; ++i) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", change " << i);
      ASSERT_EQ(Disagreement(Mutate(body, &random)), "");
    }
  }
}

TEST(OtlpDecodeTest, WhatIsEncodedDecodesToTheSame) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::string once = EncodeTrace(Accept(RandomRequest(&random).SerializeAsString()).batch);
    EXPECT_EQ(EncodeTrace(Accept(once).batch), once);
  }
}

// --- Spans that are rejected alone.

TEST(OtlpDecodeTest, OneInvalidSpanDoesNotSinkTheOthers) {
  std::vector<std::string> spans;
  spans.reserve(10);
  for (int i = 0; i < 10; ++i) {
    spans.push_back(Message([&](ProtoWriter& w) {
      w.Bytes(1, kTraceId);
      w.Bytes(2, i == 4 ? "short" : "1234567" + std::to_string(i));
      w.Message(9, [&] { w.Bytes(1, "key" + std::to_string(i)); });
      w.Message(11, [&] { w.Bytes(2, "event"); });
      w.Message(13, [&] { w.Bytes(3, "link"); });
      w.Bytes(3, "state" + std::to_string(i));
    }));
  }
  const DecodeResult result = Accept(RequestOf(spans));
  EXPECT_EQ(result.batch.rows(), 9U);
  EXPECT_EQ(result.rejected_spans, 1U);
  EXPECT_EQ(result.invalid_span_id, 1U);
  EXPECT_EQ(result.invalid_trace_id, 0U);
  EXPECT_EQ(result.rejection,
            "1 span was rejected: 1 without a valid span id or parent span id (8 bytes, not all "
            "zero)");
  // Nothing of the rejected span is left in the rows.
  EXPECT_EQ(result.batch.attr_begin.back(), 9U);
  EXPECT_EQ(result.batch.events.size(), 9U);
  EXPECT_EQ(result.batch.links.size(), 9U);
  EXPECT_EQ(result.batch.strings[result.batch.ExtraOf(4).trace_state], "state5");
}

TEST(OtlpDecodeTest, IdsOfOtherLengthsAndZerosAreInvalid) {
  for (size_t size = 0; size <= 40; ++size) {
    for (const char fill : {'\0', 'x'}) {
      SCOPED_TRACE(testing::Message() << size << " bytes of " << int{fill});
      const std::string id(size, fill);
      const auto decode = [&](std::string_view trace, std::string_view span,
                              std::string_view parent) {
        return Accept(RequestOf({Message([&](ProtoWriter& w) {
          w.Bytes(1, trace);
          w.Bytes(2, span);
          w.Bytes(4, parent);
        })}));
      };
      EXPECT_EQ(decode(id, kSpanId, "").invalid_trace_id, size == 16 && fill != 0 ? 0U : 1U);
      EXPECT_EQ(decode(kTraceId, id, "").invalid_span_id, size == 8 && fill != 0 ? 0U : 1U);
      EXPECT_EQ(decode(kTraceId, kSpanId, id).invalid_span_id, size == 8 || size == 0 ? 0U : 1U);
    }
  }
}

TEST(OtlpDecodeTest, BothReasonsAreCountedAndSaid) {
  const std::string no_ids;
  const std::string no_span_id = Message([](ProtoWriter& w) { w.Bytes(1, kTraceId); });
  const DecodeResult result =
      Accept(RequestOf({no_ids, no_span_id, no_ids, SpanWith([](ProtoWriter&) {})}));
  EXPECT_EQ(result.batch.rows(), 1U);
  EXPECT_EQ(result.invalid_trace_id, 2U);
  EXPECT_EQ(result.invalid_span_id, 1U);
  EXPECT_EQ(
      result.rejection,
      "3 spans were rejected: 2 without a valid trace id (16 bytes, not all zero), 1 without a "
      "valid span id or parent span id (8 bytes, not all zero)");
}

TEST(OtlpDecodeTest, ResourcesAndScopesWithoutSpansLeaveNothing) {
  const std::string body = Message([](ProtoWriter& w) {
    w.Message(1, [&] {
      w.Message(1, [&] { w.Message(1, [&] { w.Bytes(1, "key"); }); });
      w.Message(2, [&] { w.Message(1, [&] { w.Message(3, [&] { w.Bytes(1, "key"); }); }); });
      w.Message(2, [&] { w.Message(2, [&] { w.Message(9, [&] { w.Bytes(1, "key"); }); }); });
    });
  });
  const DecodeResult result = Accept(body + body);
  EXPECT_EQ(result.rejected_spans, 2U);
  EXPECT_TRUE(result.batch.resources.empty());
  EXPECT_TRUE(result.batch.scopes.empty());
  EXPECT_TRUE(result.batch.attrs.empty());
  EXPECT_TRUE(result.batch.traces.empty());
}

TEST(OtlpDecodeTest, LinksWithIdsOfOtherLengthsAreDroppedAndCounted) {
  const DecodeResult result = Accept(RequestOf({SpanWith([](ProtoWriter& w) {
    w.Message(13, [&] { w.Bytes(1, "too short"), w.Message(4, [&] { w.Bytes(1, "gone"); }); });
    w.Message(13, [&] { w.Bytes(1, kTraceId), w.Bytes(2, kSpanId); });
    w.Message(13, [&] { w.Bytes(2, "123456789"); });
    w.Message(13, [&] {});
    w.Varint(14, 5);
  })}));
  EXPECT_EQ(result.batch.links.size(), 2U);
  EXPECT_EQ(result.batch.ExtraOf(0).dropped_links, 7U);
  EXPECT_EQ(result.batch.attrs.size(), 0U);
}

// --- Protobuf's rules.

TEST(OtlpDecodeTest, TheResourceMayComeBehindItsSpans) {
  const std::string body = Message([](ProtoWriter& w) {
    w.Message(1, [&] {
      w.Message(2, [&] {
        w.Bytes(2, SpanWith([](ProtoWriter&) {}));
        w.Message(1, [&] { w.Bytes(1, "scope behind"); });
      });
      w.Message(1, [&] {
        w.Message(1,
                  [&] { w.Bytes(1, "service.name"), w.Message(2, [&] { w.Bytes(1, "late"); }); });
      });
    });
  });
  const SpanBatch batch = Accept(body).batch;
  EXPECT_EQ(batch.ServiceName(0), "late");
  EXPECT_EQ(batch.strings[batch.scopes[0].name], "scope behind");
}

TEST(OtlpDecodeTest, MessagesThatAppearTwiceMerge) {
  const std::string body = Message([](ProtoWriter& w) {
    w.Message(1, [&] {
      w.Message(1, [&] { w.Message(1, [&] { w.Bytes(1, "first"); }), w.Varint(2, 1); });
      w.Message(2, [&] {
        w.Message(1, [&] { w.Bytes(1, "name"), w.Bytes(2, "1"); });
        w.Bytes(2, SpanWith([](ProtoWriter& s) {
                  s.Message(15, [&] { s.Varint(3, 2), s.Bytes(2, "first"); });
                  s.Message(15, [&] { s.Bytes(2, "second"); });
                }));
        w.Message(1, [&] { w.Bytes(2, "2"); });
      });
      w.Message(1, [&] { w.Message(1, [&] { w.Bytes(1, "second"); }), w.Varint(2, 2); });
    });
  });
  const SpanBatch batch = Accept(body).batch;
  EXPECT_EQ(batch.resources[0].attrs.end - batch.resources[0].attrs.begin, 2U);
  EXPECT_EQ(batch.resources[0].dropped_attributes, 2U);
  EXPECT_EQ(batch.strings[batch.scopes[0].name], "name");
  EXPECT_EQ(batch.strings[batch.scopes[0].version], "2");
  EXPECT_EQ(batch.status[0], SpanStatus::kError);
  EXPECT_EQ(batch.strings[batch.ExtraOf(0).status_message], "second");
}

TEST(OtlpDecodeTest, OfScalarsTheLastWins) {
  const SpanBatch batch = Accept(RequestOf({SpanWith([](ProtoWriter& w) {
                            w.Bytes(2, "abcdefgh");
                            w.Bytes(5, "first"), w.Bytes(5, "second");
                            w.Bytes(3, "state"), w.Bytes(3, "");
                            w.Varint(6, 2), w.Varint(6, 3);
                            w.Fixed64(7, 1), w.Fixed64(7, 2);
                          })}))
                              .batch;
  EXPECT_EQ(SpanIdToBytes(batch.span_id[0]), "abcdefgh");
  EXPECT_EQ(batch.strings[batch.name[0]], "second");
  EXPECT_TRUE(batch.extras.empty());
  EXPECT_EQ(batch.kind[0], SpanKind::kClient);
  EXPECT_EQ(batch.start[0], 2U);
}

TEST(OtlpDecodeTest, AttributesInOddFormsMergeAsProtobufDoes) {
  const auto value = [](const Fields& fields) {
    return [fields](ProtoWriter& w) { w.Bytes(2, Message(fields)); };
  };
  const Fields text = value([](ProtoWriter& w) { w.Bytes(1, "text"); });
  const Fields number = value([](ProtoWriter& w) { w.Varint(3, 7); });
  const Fields empty = value([](ProtoWriter&) {});
  const Fields array =
      value([](ProtoWriter& w) { w.Message(5, [&] { w.Message(1, [&] { w.Varint(3, 1); }); }); });
  const Fields list = value([](ProtoWriter& w) {
    w.Message(6, [&] {
      w.Message(1, [&] {
        w.Bytes(1, "k"), w.Message(2, [&] { w.Varint(3, 1); }),
            w.Message(2, [&] { w.Varint(2, 1); });
      });
    });
  });
  const Fields both =
      value([](ProtoWriter& w) { w.Varint(3, 1), w.Bytes(1, "b"), w.Bytes(1, "c"); });
  const Fields key = [](ProtoWriter& w) { w.Bytes(1, "key"); };
  const Fields unknown = [](ProtoWriter& w) {
    w.Varint(99, 1), w.Fixed32(98, 1), w.Bytes(97, "x");
  };
  const std::vector<Fields> parts = {text, number, empty, array, list, both, key, unknown};
  // All sequences of three of them.
  for (size_t i = 0; i < parts.size() * parts.size() * parts.size(); ++i) {
    SCOPED_TRACE(i);
    const std::string body = AttributeRequest([&](ProtoWriter& w) {
      parts[i % 8](w);
      parts[i / 8 % 8](w);
      parts[i / 64](w);
    });
    EXPECT_EQ(Accept(body).batch.rows(), 1U);
  }
}

TEST(OtlpDecodeTest, AForgottenValueMustBeWellFormedToo) {
  const std::string body = AttributeRequest([](ProtoWriter& w) {
    w.Message(2, [&] { w.Message(5, [&] { w.Message(1, [&] { w.Bytes(1, "\xff"); }); }); });
    w.Message(2, [&] { w.Bytes(1, "text"); });
  });
  EXPECT_THAT(Refuse(body), testing::HasSubstr("UTF-8"));
}

TEST(OtlpDecodeTest, PaddedVarintsAreAccepted) {
  // kind = 3 in 1 to 10 bytes; an 11th is too many.
  for (size_t padding = 0; padding <= 10; ++padding) {
    SCOPED_TRACE(padding);
    std::string kind = "\x30";
    for (size_t i = 0; i < padding; ++i) kind += i == 0 ? '\x83' : '\x80';
    kind += padding == 0 ? '\x03' : '\0';
    const std::string body = RequestOf({SpanWith([](ProtoWriter&) {}) + kind});
    if (padding < 10) {
      EXPECT_EQ(Accept(body).batch.kind[0], SpanKind::kClient);
    } else {
      Refuse(body);
    }
  }
}

TEST(OtlpDecodeTest, PaddedTagsAndLengthsAreAccepted) {
  for (size_t padding = 0; padding <= 5; ++padding) {
    SCOPED_TRACE(padding);
    const auto pad = [&](char byte) {
      if (padding == 0) return std::string(1, byte);
      return std::string(1, static_cast<char>(byte | '\x80')) + std::string(padding - 1, '\x80') +
             std::string(1, '\0');
    };
    const std::string padded_tag = RequestOf({SpanWith([](ProtoWriter&) {}) + pad('\x2a') + "\1n"});
    const std::string padded_length =
        RequestOf({SpanWith([](ProtoWriter&) {}) + "\x2a" + pad('\1') + "n"});
    if (padding < 5) {
      const SpanBatch batch = Accept(padded_tag).batch;
      EXPECT_EQ(batch.strings[batch.name[0]], "n");
      Accept(padded_length);
    } else {
      Refuse(padded_tag);
      Refuse(padded_length);
    }
  }
}

TEST(OtlpDecodeTest, UnknownFieldsOfEveryWireTypeAreSkippedEverywhere) {
  const std::string unknown =
      Message([](ProtoWriter& w) {
        w.Varint(99, ~uint64_t{0});
        w.Fixed64(98, 1);
        w.Bytes(97, "\xff not UTF-8");
        w.Fixed32(96, 1);
      }) +
      "\x8b\x06\x08\x01\x93\x06\x94\x06\x8c\x06"s;  // Group 97 {field 1, group 98 {}}.
  ExportRequest request = FullRequest();
  const std::function<void(google::protobuf::Message*)> add =
      [&](google::protobuf::Message* message) {
        const auto* reflection = message->GetReflection();
        std::vector<const google::protobuf::FieldDescriptor*> fields;
        reflection->ListFields(*message, &fields);
        for (const auto* field : fields) {
          if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
          if (!field->is_repeated()) {
            add(reflection->MutableMessage(message, field));
            continue;
          }
          for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
            add(reflection->MutableRepeatedMessage(message, field, i));
          }
        }
        reflection->MutableUnknownFields(message)->ParseFromString(unknown);
      };
  const std::string plain = EncodeTrace(Accept(request.SerializeAsString()).batch);
  add(&request);
  EXPECT_EQ(EncodeTrace(Accept(request.SerializeAsString()).batch), plain);
}

TEST(OtlpDecodeTest, KnownFieldsOfAnotherWireTypeAreUnknown) {
  const SpanBatch batch = Accept(RequestOf({SpanWith([](ProtoWriter& w) {
                            w.Varint(5, 1), w.Bytes(6, "x"), w.Fixed32(7, 1), w.Varint(16, 1);
                          })}))
                              .batch;
  EXPECT_EQ(batch.name[0], 0U);
  EXPECT_EQ(batch.start[0], 0U);
  EXPECT_EQ(batch.flags[0], 0U);
}

TEST(OtlpDecodeTest, TagsThatNoMessageHasAreRefused) {
  const std::string span = SpanWith([](ProtoWriter&) {});
  for (const std::string& tail :
       {"\x00"s, "\x02\x00"s, "\x01"s, "\x9e\x06"s, "\x9f\x06"s,  // Field 0; types 6 and 7.
        "\x9c\x06"s, "\x9b\x06"s, "\x9b\x06\xa4\x06"s,
        "\x9b\x06\x00"s}) {  // Groups left open or not begun.
    SCOPED_TRACE(testing::PrintToString(tail));
    Refuse(RequestOf({span + tail}));
    Refuse(FullRequest().SerializeAsString() + tail);
  }
}

TEST(OtlpDecodeTest, NestingIsBoundedWhereProtobufBoundsIt) {
  // Each level is two messages: AnyValue and ArrayValue, or KeyValueList and its KeyValue.
  for (const uint32_t list : {5U, 6U}) {
    size_t deepest = 0;
    for (size_t levels = 20; levels <= 60; ++levels) {
      SCOPED_TRACE(testing::Message() << levels << " levels of " << list);
      std::string value = Message([](ProtoWriter& w) { w.Varint(3, 1); });
      for (size_t i = 0; i < levels; ++i) {
        value = Message([&](ProtoWriter& w) {
          w.Message(list, [&] {
            list == 5 ? w.Bytes(1, value) : w.Message(1, [&] { w.Bytes(2, value); });
          });
        });
      }
      const std::string body = AttributeRequest([&](ProtoWriter& w) { w.Bytes(2, value); });
      EXPECT_EQ(Disagreement(body), "");
      if (DecodeOtlp(body).has_value()) deepest = levels;
    }
    EXPECT_EQ(deepest, list == 5 ? 47U : 31U);
  }
}

TEST(OtlpDecodeTest, NestingOfUnknownGroupsIsBoundedToo) {
  for (size_t levels = 90; levels <= 110; ++levels) {
    SCOPED_TRACE(levels);
    std::string groups;
    for (size_t i = 0; i < levels; ++i) groups += "\x9b\x06";
    for (size_t i = 0; i < levels; ++i) groups += "\x9c\x06";
    EXPECT_EQ(Disagreement(groups), "");
    EXPECT_EQ(DecodeOtlp(groups).has_value(), levels <= 100);
    EXPECT_EQ(Disagreement(RequestOf({SpanWith([](ProtoWriter&) {}) + groups})), "");
  }
}

TEST(OtlpDecodeTest, StringsMustBeUtf8) {
  const std::string bad = "\xc3(";
  const std::vector<std::string> bodies = {
      Message([&](ProtoWriter& w) { w.Message(1, [&] { w.Bytes(3, bad); }); }),
      Message(
          [&](ProtoWriter& w) { w.Message(1, [&] { w.Message(2, [&] { w.Bytes(3, bad); }); }); }),
      RequestOf({SpanWith([&](ProtoWriter& w) { w.Bytes(3, bad); })}),
      RequestOf({SpanWith([&](ProtoWriter& w) { w.Bytes(5, bad); })}),
      RequestOf({SpanWith([&](ProtoWriter& w) { w.Bytes(5, bad), w.Bytes(5, "fine"); })}),
      RequestOf({SpanWith([&](ProtoWriter& w) { w.Message(11, [&] { w.Bytes(2, bad); }); })}),
      RequestOf({SpanWith([&](ProtoWriter& w) { w.Message(13, [&] { w.Bytes(3, bad); }); })}),
      RequestOf({SpanWith([&](ProtoWriter& w) { w.Message(15, [&] { w.Bytes(2, bad); }); })}),
      AttributeRequest([&](ProtoWriter& w) { w.Bytes(1, bad); }),
      AttributeRequest([&](ProtoWriter& w) { w.Message(2, [&] { w.Bytes(1, bad); }); }),
      // In a span that would be rejected anyway.
      RequestOf({Message([&](ProtoWriter& w) { w.Bytes(5, bad); })}),
  };
  for (size_t i = 0; i < bodies.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_THAT(Refuse(bodies[i]), testing::HasSubstr("UTF-8"));
  }
}

TEST(OtlpDecodeTest, BytesThatAreNotUtf8DoNotMakeAnEqualStringValid) {
  const std::string bytes = Message(
      [](ProtoWriter& w) { w.Bytes(1, "key"), w.Message(2, [&] { w.Bytes(7, "\xff\xfe"); }); });
  const std::string text = Message(
      [](ProtoWriter& w) { w.Bytes(1, "key"), w.Message(2, [&] { w.Bytes(1, "\xff\xfe"); }); });
  Accept(RequestOf({SpanWith([&](ProtoWriter& w) { w.Bytes(9, bytes), w.Bytes(9, bytes); })}));
  Refuse(RequestOf({SpanWith([&](ProtoWriter& w) { w.Bytes(9, bytes), w.Bytes(9, text); })}));
  Refuse(RequestOf({SpanWith([&](ProtoWriter& w) { w.Bytes(9, bytes), w.Bytes(5, "\xff\xfe"); })}));
}

TEST(OtlpDecodeTest, EnumsOfALaterVersionReadAsUnset) {
  for (const uint64_t value : {uint64_t{6}, uint64_t{200}, ~uint64_t{0}, uint64_t{1} << 31}) {
    const SpanBatch batch = Accept(RequestOf({SpanWith([&](ProtoWriter& w) {
                              w.Varint(6, value);
                              w.Message(15, [&] { w.Varint(3, value); });
                            })}))
                                .batch;
    EXPECT_EQ(batch.kind[0], SpanKind::kUnspecified);
    EXPECT_EQ(batch.status[0], SpanStatus::kUnset);
  }
}

TEST(OtlpDecodeTest, ErrorsNameTheByte) {
  // 0a 04 (resource spans) 12 02 (scope spans) 12 05 (a span of 5 bytes, of which none is there).
  EXPECT_EQ(Refuse("\x0a\x04\x12\x02\x12\x05"),
            "malformed protobuf at byte 4: a field is malformed or cut short");
  // Field 13 with the value 'e', then a field 13 of wire type 4.
  EXPECT_EQ(Refuse("hello"), "malformed protobuf at byte 2: a field is malformed or cut short");
  const std::string span = SpanWith([](ProtoWriter& w) { w.Bytes(5, "\xff"); });
  EXPECT_EQ(Refuse(RequestOf({span})), "malformed protobuf at byte 36: a string is not UTF-8");
}

TEST(OtlpDecodeTest, CompositesAreKeptInCanonicalForm) {
  // The same array, plain and with an unknown field, a padded varint and a forgotten member.
  const std::string plain = AttributeRequest([](ProtoWriter& w) {
    w.Bytes(1, "k"), w.Message(2, [&] { w.Bytes(5, "\x0a\x02\x18\x07"); });
  });
  const std::string odd = AttributeRequest([](ProtoWriter& w) {
    w.Bytes(1, "k");
    w.Message(2, [&] {
      w.Varint(3, 1), w.Bytes(5, "\x0a\x08\x10\x01\x18\x87\x80\x00\x40\x01"s), w.Varint(50, 1);
    });
  });
  const SpanBatch a = Accept(plain).batch;
  const SpanBatch b = Accept(odd).batch;
  EXPECT_EQ(a.strings[a.attrs[0].value], "\x2a\x04\x0a\x02\x18\x07");
  EXPECT_EQ(b.strings[b.attrs[0].value], a.strings[a.attrs[0].value]);
}

}  // namespace
}  // namespace tocsin::wire
