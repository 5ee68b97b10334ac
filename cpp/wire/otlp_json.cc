#include <array>
#include <string>
#include <string_view>

#include "cpp/base/base64.h"
#include "cpp/lib/json.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_words.h"
#include "cpp/wire/attribute_json.h"
#include "cpp/wire/otlp_encode.h"
#include "cpp/wire/otlp_json_encode.h"
#include "cpp/wire/span_groups.h"

namespace tocsin::wire {
namespace {

// What the two mappings differ in: ids in base64 and enums by name, or hexadecimal and numbers.
enum class Mapping : uint8_t { kJsonPb, kOtlp };

// Fields come in the order of OTLP's .proto files, as jsonpb writes them.
class TraceJson {
 public:
  TraceJson(const SpanBatch& batch, Mapping mapping, lib::JsonWriter* json)
      : batch_(batch), mapping_(mapping), json_(*json) {}

  // Nothing if there are no rows: jsonpb leaves an empty list out.
  void WriteResourceSpans(std::string_view key) {
    if (batch_.empty()) return;
    json_.Key(key).BeginArray();
    for (const ResourceGroup& group : GroupRows(batch_)) WriteResourceGroup(group);
    json_.EndArray();
  }

 private:
  void WriteResourceGroup(const ResourceGroup& group) {
    const SpanBatch::Resource& resource = batch_.resources[group.resource];
    json_.BeginObject().Key("resource").BeginObject();
    Attributes(resource.attrs);
    Number("droppedAttributesCount", resource.dropped_attributes);
    json_.EndObject().Key("scopeSpans").BeginArray();
    for (const ScopeGroup& scope : group.scopes) WriteScopeGroup(scope);
    json_.EndArray();
    Text("schemaUrl", resource.schema_url);
    json_.EndObject();
  }

  void WriteScopeGroup(const ScopeGroup& group) {
    const SpanBatch::Scope& scope = batch_.scopes[group.scope];
    json_.BeginObject().Key("scope").BeginObject();
    Text("name", scope.name);
    Text("version", scope.version);
    Attributes(scope.attrs);
    Number("droppedAttributesCount", scope.dropped_attributes);
    json_.EndObject().Key("spans").BeginArray();
    for (const uint32_t row : group.rows) WriteSpan(row);
    json_.EndArray();
    Text("schemaUrl", scope.schema_url);
    json_.EndObject();
  }

  void WriteSpan(uint32_t row) {
    const SpanBatch::Extra& extra = batch_.ExtraOf(row);
    json_.BeginObject();
    Id("traceId", batch_.traces[batch_.trace[row]]);
    Id("spanId", batch_.span_id[row]);
    Text("traceState", extra.trace_state);
    if (batch_.parent_span_id[row] != 0) Id("parentSpanId", batch_.parent_span_id[row]);
    Number("flags", batch_.flags[row]);
    Text("name", batch_.name[row]);
    const SpanKind kind = batch_.kind[row];
    if (kind != SpanKind::kUnspecified) Enum("kind", kKindNames, static_cast<uint32_t>(kind));
    Time("startTimeUnixNano", batch_.start[row]);
    Time("endTimeUnixNano", batch_.end[row]);
    Attributes({batch_.attr_begin[row], batch_.attr_begin[row + 1]});
    Number("droppedAttributesCount", extra.dropped_attributes);
    WriteEvents(batch_.event_begin[row], batch_.event_begin[row + 1]);
    Number("droppedEventsCount", extra.dropped_events);
    WriteLinks(batch_.link_begin[row], batch_.link_begin[row + 1]);
    Number("droppedLinksCount", extra.dropped_links);
    json_.Key("status").BeginObject();
    Text("message", extra.status_message);
    const SpanStatus status = batch_.status[row];
    if (status != SpanStatus::kUnset) Enum("code", kStatusNames, static_cast<uint32_t>(status));
    json_.EndObject().EndObject();
  }

  void WriteEvents(uint32_t begin, uint32_t end) {
    if (begin == end) return;
    json_.Key("events").BeginArray();
    for (uint32_t i = begin; i < end; ++i) {
      const SpanBatch::Event& event = batch_.events[i];
      json_.BeginObject();
      Time("timeUnixNano", event.time);
      Text("name", event.name);
      Attributes(event.attrs);
      Number("droppedAttributesCount", event.dropped_attributes);
      json_.EndObject();
    }
    json_.EndArray();
  }

  void WriteLinks(uint32_t begin, uint32_t end) {
    if (begin == end) return;
    json_.Key("links").BeginArray();
    for (uint32_t i = begin; i < end; ++i) {
      const SpanBatch::Link& link = batch_.links[i];
      json_.BeginObject();
      if (!link.trace_id.IsZero()) Id("traceId", link.trace_id);
      if (link.span_id != 0) Id("spanId", link.span_id);
      Text("traceState", link.trace_state);
      Attributes(link.attrs);
      Number("droppedAttributesCount", link.dropped_attributes);
      Number("flags", link.flags);
      json_.EndObject();
    }
    json_.EndArray();
  }

  // Fields, left out where they have their default.
  void Text(std::string_view key, StringId id) {
    if (id != 0) json_.Key(key).String(batch_.strings[id]);
  }
  void Number(std::string_view key, uint32_t value) {
    if (value != 0) json_.Key(key).Uint(value);
  }
  void Time(std::string_view key, uint64_t value) {
    if (value != 0) json_.Key(key).String(std::to_string(value));
  }
  void Attributes(SpanBatch::AttrRange range) {
    if (range.begin == range.end) return;
    json_.Key("attributes");
    WriteAttributes(batch_, range, &json_);
  }

  void Id(std::string_view key, const TraceId& id) {
    json_.Key(key).String(mapping_ == Mapping::kOtlp ? id.ToHex() : Base64(id.ToBytes()));
  }
  void Id(std::string_view key, SpanId id) {
    json_.Key(key).String(mapping_ == Mapping::kOtlp ? SpanIdToHex(id) : Base64(SpanIdToBytes(id)));
  }
  template <size_t kCount>
  void Enum(std::string_view key, const std::array<std::string_view, kCount>& names,
            uint32_t value) {
    json_.Key(key);
    if (mapping_ == Mapping::kOtlp) {
      json_.Uint(value);
    } else {
      json_.String(value < kCount ? names[value] : names[0]);
    }
  }

  const SpanBatch& batch_;
  const Mapping mapping_;
  lib::JsonWriter& json_;
};

}  // namespace

std::string EncodeTraceJson(const SpanBatch& batch) {
  lib::JsonWriter json;
  json.BeginObject();
  TraceJson(batch, Mapping::kJsonPb, &json).WriteResourceSpans("batches");
  json.EndObject();
  return std::move(json).Take();
}

std::string EncodeTraceByIdResponseJson(const SpanBatch& batch, const TraceByIdInfo& info) {
  lib::JsonWriter json;
  json.BeginObject().Key("trace").BeginObject();
  TraceJson(batch, Mapping::kJsonPb, &json).WriteResourceSpans("resourceSpans");
  json.EndObject().Key("metrics").BeginObject();
  if (info.inspected_bytes != 0) {
    json.Key("inspectedBytes").String(std::to_string(info.inspected_bytes));
  }
  json.EndObject();
  if (info.partial) json.Key("status").String("PARTIAL");
  if (!info.message.empty()) json.Key("message").String(info.message);
  json.EndObject();
  return std::move(json).Take();
}

std::string EncodeOtlpJson(const SpanBatch& batch) {
  lib::JsonWriter json;
  json.BeginObject();
  TraceJson(batch, Mapping::kOtlp, &json).WriteResourceSpans("resourceSpans");
  json.EndObject();
  return std::move(json).Take();
}

}  // namespace tocsin::wire
