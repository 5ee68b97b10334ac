#include "cpp/wire/otlp_json_decode.h"

#include "cpp/model/span_words.h"
#include "cpp/wire/otlp_json_messages.h"
#include "cpp/wire/otlp_json_transcoder.h"

namespace tocsin::wire {
namespace {

constexpr JsonField kEventFields[] = {
    {"timeUnixNano", "time_unix_nano", 1, JsonFieldType::kFixed64},
    {"name", "name", 2, JsonFieldType::kText},
    {"attributes", "attributes", 3, JsonFieldType::kMessages, &kJsonKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 4, JsonFieldType::kUint32},
};
constexpr JsonMessage kEvent{kEventFields};
constexpr JsonField kLinkFields[] = {
    {"traceId", "trace_id", 1, JsonFieldType::kTraceId},
    {"spanId", "span_id", 2, JsonFieldType::kSpanId},
    {"traceState", "trace_state", 3, JsonFieldType::kText},
    {"attributes", "attributes", 4, JsonFieldType::kMessages, &kJsonKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 5, JsonFieldType::kUint32},
    {"flags", "flags", 6, JsonFieldType::kFixed32},
};
constexpr JsonMessage kLink{kLinkFields};
constexpr JsonField kStatusFields[] = {
    {"message", "message", 2, JsonFieldType::kText},
    {"code", "code", 3, JsonFieldType::kEnum, nullptr, kStatusNames},
};
constexpr JsonMessage kStatus{kStatusFields};
constexpr JsonField kSpanFields[] = {
    {"traceId", "trace_id", 1, JsonFieldType::kTraceId},
    {"spanId", "span_id", 2, JsonFieldType::kSpanId},
    {"traceState", "trace_state", 3, JsonFieldType::kText},
    {"parentSpanId", "parent_span_id", 4, JsonFieldType::kSpanId},
    {"name", "name", 5, JsonFieldType::kText},
    {"kind", "kind", 6, JsonFieldType::kEnum, nullptr, kKindNames},
    {"startTimeUnixNano", "start_time_unix_nano", 7, JsonFieldType::kFixed64},
    {"endTimeUnixNano", "end_time_unix_nano", 8, JsonFieldType::kFixed64},
    {"attributes", "attributes", 9, JsonFieldType::kMessages, &kJsonKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 10, JsonFieldType::kUint32},
    {"events", "events", 11, JsonFieldType::kMessages, &kEvent},
    {"droppedEventsCount", "dropped_events_count", 12, JsonFieldType::kUint32},
    {"links", "links", 13, JsonFieldType::kMessages, &kLink},
    {"droppedLinksCount", "dropped_links_count", 14, JsonFieldType::kUint32},
    {"status", "status", 15, JsonFieldType::kMessage, &kStatus},
    {"flags", "flags", 16, JsonFieldType::kFixed32},
};
constexpr JsonMessage kSpan{kSpanFields};

constexpr JsonField kScopeSpansFields[] = {
    {"scope", "scope", 1, JsonFieldType::kMessage, &kJsonScope},
    {"spans", "spans", 2, JsonFieldType::kMessages, &kSpan},
    {"schemaUrl", "schema_url", 3, JsonFieldType::kText},
};
constexpr JsonMessage kScopeSpans{kScopeSpansFields};
constexpr JsonField kResourceSpansFields[] = {
    {"resource", "resource", 1, JsonFieldType::kMessage, &kJsonResource},
    {"scopeSpans", "scope_spans", 2, JsonFieldType::kMessages, &kScopeSpans},
    {"schemaUrl", "schema_url", 3, JsonFieldType::kText},
};
constexpr JsonMessage kResourceSpans{kResourceSpansFields};
constexpr JsonField kRequestFields[] = {
    {"resourceSpans", "resource_spans", 1, JsonFieldType::kMessages, &kResourceSpans},
};
constexpr JsonMessage kRequest{kRequestFields};

}  // namespace

Result<std::string> OtlpJsonToProto(std::string_view json, uint64_t first_line) {
  return JsonToProto(kRequest, json, first_line);
}

Result<DecodeResult> DecodeOtlpJson(std::string_view json) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OtlpJsonToProto(json));
  return DecodeOtlp(body);
}

Result<DecodeResult> DecodeOtlp(std::string_view body, OtlpEncoding encoding) {
  return encoding == OtlpEncoding::kJson ? DecodeOtlpJson(body) : DecodeOtlp(body);
}

}  // namespace tocsin::wire
