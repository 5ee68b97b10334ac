#include "cpp/api/trace_compact_json.h"

#include <map>
#include <string_view>
#include <utility>

#include "cpp/api/plain_json.h"
#include "cpp/lib/json.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_words.h"
#include "cpp/wire/span_groups.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

class Compact {
 public:
  Compact(const SpanBatch& batch, JsonWriter* w) : batch_(batch), w_(*w) {}

  void WriteServices() {
    w_.Key("services").BeginArray();
    for (const wire::ResourceGroup& group : wire::GroupRows(batch_)) {
      const SpanBatch::AttrRange attrs = batch_.resources[group.resource].attrs;
      w_.BeginObject();
      if (const std::string_view name = batch_.FindString(attrs, "service.name"); !name.empty()) {
        w_.Key("serviceName").String(name);
      }
      WriteAttributes("resource", attrs, "service.name");
      w_.Key("scopes").BeginArray();
      for (const wire::ScopeGroup& scope : group.scopes) WriteScope(scope);
      w_.EndArray().EndObject();
    }
    w_.EndArray();
  }

 private:
  void WriteScope(const wire::ScopeGroup& group) {
    const SpanBatch::Scope& scope = batch_.scopes[group.scope];
    w_.BeginObject();
    Text("name", batch_.strings[scope.name]);
    Text("version", batch_.strings[scope.version]);
    w_.Key("spans").BeginArray();
    for (const uint32_t row : group.rows) WriteSpan(row);
    w_.EndArray().EndObject();
  }

  void WriteSpan(uint32_t row) {
    w_.BeginObject().Key("spanId").String(SpanIdToHex(batch_.span_id[row]));
    w_.Key("name").String(batch_.strings[batch_.name[row]]);
    if (batch_.parent_span_id[row] != 0) {
      w_.Key("parentSpanId").String(SpanIdToHex(batch_.parent_span_id[row]));
    }
    const auto kind = static_cast<size_t>(batch_.kind[row]);
    if (kind > 0 && kind < kKindNames.size()) Text("kind", kKindNames[kind]);
    w_.Key("startTimeUnixNano").String(std::to_string(batch_.start[row]));
    w_.Key("endTimeUnixNano").String(std::to_string(batch_.end[row]));
    w_.Key("durationMs").Double(static_cast<double>(batch_.Duration(row)) / 1e6);
    WriteAttributes("attributes", {batch_.attr_begin[row], batch_.attr_begin[row + 1]}, "");
    WriteEvents(row);
    WriteLinks(row);
    const auto status = static_cast<size_t>(batch_.status[row]);
    w_.Key("status").BeginObject().Key("code").String(
        kStatusNames[status < kStatusNames.size() ? status : 0]);
    Text("message", batch_.strings[batch_.ExtraOf(row).status_message]);
    w_.EndObject().EndObject();
  }

  void WriteEvents(uint32_t row) {
    if (batch_.event_begin[row] == batch_.event_begin[row + 1]) return;
    w_.Key("events").BeginArray();
    for (uint32_t i = batch_.event_begin[row]; i < batch_.event_begin[row + 1]; ++i) {
      const SpanBatch::Event& event = batch_.events[i];
      w_.BeginObject().Key("name").String(batch_.strings[event.name]);
      w_.Key("timeUnixNano").String(std::to_string(event.time));
      WriteAttributes("attributes", event.attrs, "");
      w_.EndObject();
    }
    w_.EndArray();
  }

  void WriteLinks(uint32_t row) {
    if (batch_.link_begin[row] == batch_.link_begin[row + 1]) return;
    w_.Key("links").BeginArray();
    for (uint32_t i = batch_.link_begin[row]; i < batch_.link_begin[row + 1]; ++i) {
      const SpanBatch::Link& link = batch_.links[i];
      w_.BeginObject().Key("traceId").String(link.trace_id.ToHex());
      w_.Key("spanId").String(SpanIdToHex(link.span_id));
      WriteAttributes("attributes", link.attrs, "");
      w_.EndObject();
    }
    w_.EndArray();
  }

  void WriteAttributes(std::string_view key, SpanBatch::AttrRange range, std::string_view without) {
    std::map<std::string_view, uint32_t> last;
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const std::string_view name = batch_.strings[batch_.keys[batch_.attrs[i].key].name];
      if (without.empty() || name != without) last[name] = i;
    }
    if (last.empty()) return;
    w_.Key(key).BeginObject();
    for (const auto& [name, i] : last) {
      w_.Key(name);
      WritePlainValue(batch_, batch_.attrs[i], &w_);
    }
    w_.EndObject();
  }

  void Text(std::string_view key, std::string_view text) {
    if (!text.empty()) w_.Key(key).String(text);
  }

  const SpanBatch& batch_;
  JsonWriter& w_;
};

}  // namespace

std::string EncodeTraceCompact(const SpanBatch& batch, const wire::TraceByIdInfo& info) {
  if (batch.empty()) return "{}";
  JsonWriter w;
  w.BeginObject().Key("trace").BeginObject();
  w.Key("traceId").String(batch.traces.front().ToHex());
  Compact(batch, &w).WriteServices();
  w.EndObject().Key("metrics").BeginObject();
  w.Key("inspectedBytes").Uint(info.inspected_bytes).EndObject();
  w.Key("status").String(info.partial ? "PARTIAL" : "COMPLETE");
  if (!info.message.empty()) w.Key("message").String(info.message);
  w.EndObject();
  return std::move(w).Take();
}

}  // namespace tocsin::api
