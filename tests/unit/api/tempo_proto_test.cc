// What is said on the wire of StreamingQuerier, held against protobuf's own idea of it.

#include "cpp/api/tempo_proto.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/clock.h"
#include "cpp/wire/proto/tempo.pb.h"

namespace tocsin::api {
namespace {

// The messages that one answer takes.
template <class Response, class Answer>
std::vector<Response> Messages(bool (*send)(const Answer&, const SendMessage&),
                               const Answer& answer) {
  std::vector<Response> messages;
  EXPECT_TRUE(send(answer, [&](const std::string& message) {
    EXPECT_LE(message.size(), kMaxMessageBytes);
    Response& response = messages.emplace_back();
    EXPECT_TRUE(response.ParseFromString(message));
    return true;
  }));
  return messages;
}

TEST(TempoProtoTest, ReadsSearchRequests) {
  tempopb::SearchRequest request;
  request.set_query("{ status = error }");
  request.set_start(100);
  request.set_end(200);
  request.set_limit(7);
  request.set_spansperspanset(5);
  request.set_mindurationms(3);
  request.set_maxdurationms(4);
  const Result<SearchQuery> query = DecodeSearchRequest(request.SerializeAsString());
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->traceql, "{ status = error }");
  EXPECT_EQ(query->window.start, 100U * kSecond);
  EXPECT_EQ(query->window.end, 200U * kSecond);
  EXPECT_EQ(query->limit, 7U);
  EXPECT_EQ(query->spans, 5U);
  EXPECT_EQ(query->min_duration, 3U * kMillisecond);
  EXPECT_EQ(query->max_duration, 4U * kMillisecond);
}

TEST(TempoProtoTest, WhatIsNotGivenIsTheDefault) {
  const Result<SearchQuery> query = DecodeSearchRequest("");
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->traceql, "{  }");
  EXPECT_FALSE(query->limit.has_value());
  EXPECT_FALSE(query->spans.has_value());
  EXPECT_EQ(query->window.end, UINT64_MAX);
  EXPECT_EQ(query->max_duration, UINT64_MAX);
}

TEST(TempoProtoTest, TagsBecomeTraceQl) {
  tempopb::SearchRequest request;
  (*request.mutable_tags())["name"] = "cart";
  EXPECT_EQ(DecodeSearchRequest(request.SerializeAsString())->traceql,
            R"({ name =~ "(?i).*cart.*" })");
  request.set_query("{ }");
  EXPECT_FALSE(DecodeSearchRequest(request.SerializeAsString()).has_value());
}

TEST(TempoProtoTest, RefusesWhatIsMalformed) {
  tempopb::SearchRequest request;
  request.set_start(10);
  request.set_end(10);
  EXPECT_EQ(DecodeSearchRequest(request.SerializeAsString()).error().code(),
            StatusCode::kInvalidArgument);
  for (const std::string& broken : {std::string("\x0a"), std::string("\x42\x7fxx"),
                                    std::string(20, '\xff'), std::string("\x07")}) {
    EXPECT_EQ(DecodeSearchRequest(broken).error().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(DecodeSearchTagsRequest(broken).error().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(DecodeSearchTagValuesRequest(broken).error().code(), StatusCode::kInvalidArgument);
  }
}

TEST(TempoProtoTest, ReadsRequestsForTags) {
  tempopb::SearchTagsRequest tags;
  tags.set_scope("span");
  tags.set_query("{ a = ");
  tags.set_start(1);
  tags.set_end(2);
  tags.set_maxtagsperscope(9);
  const Result<TagsQuery> names = DecodeSearchTagsRequest(tags.SerializeAsString());
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(names->scope, "span");
  EXPECT_EQ(names->traceql, "{ a = ");
  EXPECT_EQ(names->window.end, 2U * kSecond);
  EXPECT_EQ(names->limit, 9U);
  tempopb::SearchTagValuesRequest request;
  request.set_tagname(".a");
  request.set_start(1);
  request.set_end(2);
  request.set_maxtagvalues(9);
  const Result<TagValuesQuery> values = DecodeSearchTagValuesRequest(request.SerializeAsString());
  ASSERT_TRUE(values.has_value());
  EXPECT_EQ(values->name, ".a");
  EXPECT_EQ(values->window.start, 1U * kSecond);
  EXPECT_EQ(values->limit, 9U);
}

TEST(TempoProtoTest, AnAnswerWithoutTracesIsAMessage) {
  const auto messages =
      Messages<tempopb::SearchResponse>(SendSearchResponse, traceql::SearchResult{});
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].metrics().completedjobs(), messages[0].metrics().totaljobs());
  EXPECT_GT(messages[0].metrics().totaljobs(), 0U);
}

TEST(TempoProtoTest, ProgressIsBelowTheEnd) {
  traceql::SearchStats stats;
  stats.total_blocks = 10;
  stats.inspected_blocks = 3;
  tempopb::SearchResponse response;
  ASSERT_TRUE(response.ParseFromString(EncodeSearchProgress(stats)));
  EXPECT_EQ(response.traces_size(), 0);
  EXPECT_EQ(response.metrics().completedjobs(), 3U);
  EXPECT_EQ(response.metrics().totaljobs(), 10U);
}

TEST(TempoProtoTest, ManyValuesTakeManyMessages) {
  traceql::TagValues values;
  for (int i = 0; i < 5000; ++i) {
    values.values.push_back(
        {traceql::TagType::kString, std::to_string(100'000 + i) + std::string(1000, 'x')});
  }
  values.values.push_back({traceql::TagType::kKeyword, ""});
  std::vector<traceql::TagValue> found;
  const auto typed =
      Messages<tempopb::SearchTagValuesV2Response>(SendSearchTagValuesV2Response, values);
  EXPECT_GT(typed.size(), 4U);
  int count = 0;
  for (const auto& message : typed) count += message.tagvalues_size();
  EXPECT_EQ(count, 5001);
  EXPECT_EQ(typed[0].tagvalues(0).type(), "string");
  EXPECT_EQ(typed.back().tagvalues(typed.back().tagvalues_size() - 1).type(), "keyword");
  count = 0;
  for (const auto& message :
       Messages<tempopb::SearchTagValuesResponse>(SendSearchTagValuesResponse, values)) {
    count += message.tagvalues_size();
  }
  EXPECT_EQ(count, 5001);
}

TEST(TempoProtoTest, NamesByScope) {
  TagsAnswer answer;
  answer.attributes = true;
  for (int i = 0; i < 3000; ++i) {
    answer.names.scopes[static_cast<size_t>(AttrScope::kSpan)].push_back(
        std::to_string(100'000 + i) + std::string(1000, 'x'));
  }
  answer.names.scopes[static_cast<size_t>(AttrScope::kResource)] = {"service.name"};
  int tags = 0;
  std::string last;
  for (const auto& message :
       Messages<tempopb::SearchTagsV2Response>(SendSearchTagsV2Response, answer)) {
    for (const auto& scope : message.scopes()) {
      tags += scope.tags_size();
      last = scope.name();
    }
  }
  EXPECT_EQ(tags, 3001);
  EXPECT_EQ(last, "resource");
}

TEST(TempoProtoTest, SendingEndsWhenNobodyReads) {
  traceql::TagValues values;
  values.values.assign(5000, {traceql::TagType::kString, std::string(1000, 'x')});
  int messages = 0;
  EXPECT_FALSE(SendSearchTagValuesV2Response(values, [&](const std::string&) {
    ++messages;
    return false;
  }));
  EXPECT_EQ(messages, 1);
}

}  // namespace
}  // namespace tocsin::api
