/// The messages of tempopb.StreamingQuerier, except those of metrics (metrics_proto.h).
/// cpp/wire/proto/tempo.proto has their field numbers.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "cpp/api/tempo_queries.h"
#include "cpp/base/status.h"

namespace tocsin::api {

// Requests. kInvalidArgument for what is malformed or contradicts itself. Fields that are 0 or
// empty were not given, as proto3 has it.
Result<SearchQuery> DecodeSearchRequest(std::string_view message);
Result<TagsQuery> DecodeSearchTagsRequest(std::string_view message);
Result<TagValuesQuery> DecodeSearchTagValuesRequest(std::string_view message);

/// Takes one message; false if nobody wants any more.
using SendMessage = std::function<bool(std::string message)>;

/// No message is larger, unless one item in it is.
inline constexpr size_t kMaxMessageBytes = 1 << 20;

// Answers, in as many messages as it takes: whoever appends the lists of all has the answer. At
// least one is sent. False as soon as `send` says so.

/// A SearchResponse that tells only how far it is.
std::string EncodeSearchProgress(const traceql::SearchStats& stats);
bool SendSearchResponse(const traceql::SearchResult& result, const SendMessage& send);
bool SendSearchTagsResponse(const TagsAnswer& answer, const SendMessage& send);
bool SendSearchTagsV2Response(const TagsAnswer& answer, const SendMessage& send);
bool SendSearchTagValuesResponse(const traceql::TagValues& values, const SendMessage& send);
bool SendSearchTagValuesV2Response(const traceql::TagValues& values, const SendMessage& send);

}  // namespace tocsin::api
