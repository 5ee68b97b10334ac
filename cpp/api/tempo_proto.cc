#include "cpp/api/tempo_proto.h"

#include <utility>
#include <vector>

#include "cpp/api/proto_fields.h"
#include "cpp/api/search_proto.h"
#include "cpp/api/tag_search.h"
#include "cpp/api/tags_json.h"
#include "cpp/base/clock.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::api {
namespace {

using wire::ProtoWriter;

Failure Malformed(std::string_view what) {
  return InvalidArgumentError("the message is no " + std::string(what));
}

Result<TimeWindow> WindowOf(uint64_t start, uint64_t end) {
  if (start == 0 && end == 0) return TimeWindow{};
  if (end <= start) {
    return InvalidArgumentError("http parameter start must be before end. received start=" +
                                std::to_string(start) + " end=" + std::to_string(end));
  }
  if (end > UINT32_MAX) return InvalidArgumentError("end is no number of seconds");
  return TimeWindow{start * kSecond, end * kSecond};
}

uint32_t Count(uint64_t number) {
  return number > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(number);
}

std::pair<std::string, std::string> MapEntry(std::string_view entry) {
  std::pair<std::string, std::string> pair;
  ForEachField(entry, [&](uint32_t field, uint64_t, std::string_view bytes) {
    if (field == 1) pair.first = bytes;
    if (field == 2) pair.second = bytes;
  });
  return pair;
}

std::string MetadataMetrics(const traceql::TagStats& stats) {
  std::string out;
  ProtoWriter w(&out);
  w.VarintSet(1, stats.inspected_bytes);
  w.VarintSet(2, stats.total_blocks);
  w.VarintSet(3, stats.total_blocks);
  w.VarintSet(4, stats.total_blocks);
  return out;
}

// Appends items to messages and sends each that is full.
class Packer {
 public:
  explicit Packer(const SendMessage& send) : send_(send) {}

  /// False if nobody wants it.
  bool Add(uint32_t field, std::string_view item) {
    constexpr size_t kTagAndLength = 8;
    if (!message_.empty() && message_.size() + item.size() + kTagAndLength > kMaxMessageBytes &&
        !Send()) {
      return false;
    }
    ProtoWriter(&message_).Bytes(field, item);
    return true;
  }

  /// Sends the rest, which may be empty.
  bool Send() { return send_(std::exchange(message_, {})); }

 private:
  const SendMessage& send_;
  std::string message_;
};

constexpr uint32_t kItems = 1;    // Of all answers.
constexpr uint32_t kMetrics = 2;  // The same.

bool SendTexts(const std::vector<std::string>& texts, const traceql::TagStats& stats,
               const SendMessage& send) {
  Packer packer(send);
  for (const std::string& text : texts) {
    if (!packer.Add(kItems, text)) return false;
  }
  return packer.Add(kMetrics, MetadataMetrics(stats)) && packer.Send();
}

}  // namespace

Result<SearchQuery> DecodeSearchRequest(std::string_view message) {
  SearchQuery query;
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t most = 0;
  std::string_view traceql;
  std::vector<std::pair<std::string, std::string>> tags;
  const bool whole =
      ForEachField(message, [&](uint32_t field, uint64_t number, std::string_view bytes) {
        if (field == 1) tags.push_back(MapEntry(bytes));
        if (field == 2) query.min_duration = uint64_t{Count(number)} * kMillisecond;
        if (field == 3) most = uint64_t{Count(number)} * kMillisecond;
        if (field == 4 && number != 0) query.limit = Count(number);
        if (field == 5) start = number;
        if (field == 6) end = number;
        if (field == 8) traceql = bytes;
        if (field == 9 && number != 0) query.spans = Count(number);
      });
  if (!whole) return Malformed("SearchRequest");
  TOCSIN_ASSIGN_OR_RETURN(query.window, WindowOf(start, end));
  if (most != 0) query.max_duration = most;
  if (!traceql.empty() && !tags.empty()) {
    return InvalidArgumentError("invalid request: can't specify tags and q in the same query");
  }
  if (!traceql.empty()) {
    query.traceql = traceql;
  } else {
    TOCSIN_ASSIGN_OR_RETURN(query.traceql, TagsToTraceQl(tags));
  }
  return query;
}

Result<TagsQuery> DecodeSearchTagsRequest(std::string_view message) {
  TagsQuery query;
  uint64_t start = 0;
  uint64_t end = 0;
  const bool whole =
      ForEachField(message, [&](uint32_t field, uint64_t number, std::string_view bytes) {
        if (field == 1) query.scope = bytes;
        if (field == 2) query.traceql = bytes;
        if (field == 3) start = number;
        if (field == 4) end = number;
        if (field == 5) query.limit = Count(number);
      });
  if (!whole) return Malformed("SearchTagsRequest");
  TOCSIN_ASSIGN_OR_RETURN(query.window, WindowOf(start, end));
  return query;
}

Result<TagValuesQuery> DecodeSearchTagValuesRequest(std::string_view message) {
  TagValuesQuery query;
  uint64_t start = 0;
  uint64_t end = 0;
  const bool whole =
      ForEachField(message, [&](uint32_t field, uint64_t number, std::string_view bytes) {
        if (field == 1) query.name = bytes;
        if (field == 2) query.traceql = bytes;
        if (field == 4) start = number;
        if (field == 5) end = number;
        if (field == 6) query.limit = Count(number);
      });
  if (!whole) return Malformed("SearchTagValuesRequest");
  TOCSIN_ASSIGN_OR_RETURN(query.window, WindowOf(start, end));
  return query;
}

std::string EncodeSearchProgress(const traceql::SearchStats& stats) {
  std::string out;
  ProtoWriter(&out).Bytes(kMetrics, EncodeSearchMetrics(stats, false));
  return out;
}

bool SendSearchResponse(const traceql::SearchResult& result, const SendMessage& send) {
  Packer packer(send);
  for (const traceql::SearchTrace& trace : result.traces) {
    if (!packer.Add(kItems, EncodeSearchTrace(trace))) return false;
  }
  return packer.Add(kMetrics, EncodeSearchMetrics(result.stats, true)) && packer.Send();
}

bool SendSearchTagsResponse(const TagsAnswer& answer, const SendMessage& send) {
  return SendTexts(NamesOf(answer), answer.names.stats, send);
}

bool SendSearchTagsV2Response(const TagsAnswer& answer, const SendMessage& send) {
  Packer packer(send);
  for (const NamedScope& scope : ScopesOf(answer)) {
    std::string item;
    const auto begin = [&] {
      item.clear();
      ProtoWriter(&item).Bytes(1, scope.name);
    };
    begin();
    for (const std::string& tag : scope.tags) {
      // One scope may be larger than a message; its parts bear the same name.
      if (item.size() + tag.size() > kMaxMessageBytes / 2) {
        if (!packer.Add(kItems, item)) return false;
        begin();
      }
      ProtoWriter(&item).Bytes(2, tag);
    }
    if (!packer.Add(kItems, item)) return false;
  }
  return packer.Add(kMetrics, MetadataMetrics(answer.names.stats)) && packer.Send();
}

bool SendSearchTagValuesResponse(const traceql::TagValues& values, const SendMessage& send) {
  return SendTexts(TextsOf(values), values.stats, send);
}

bool SendSearchTagValuesV2Response(const traceql::TagValues& values, const SendMessage& send) {
  Packer packer(send);
  for (const traceql::TagValue& value : values.values) {
    std::string item;
    ProtoWriter w(&item);
    w.Bytes(1, TagTypeName(value.type));
    w.BytesSet(2, value.text);
    if (!packer.Add(kItems, item)) return false;
  }
  return packer.Add(kMetrics, MetadataMetrics(values.stats)) && packer.Send();
}

}  // namespace tocsin::api
