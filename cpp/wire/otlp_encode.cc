#include "cpp/wire/otlp_encode.h"

#include <string_view>

#include "cpp/model/ids.h"
#include "cpp/wire/proto_writer.h"
#include "cpp/wire/span_groups.h"

namespace tocsin::wire {
namespace {

// Writes the fields of TracesData. Field numbers are those of cpp/wire/proto/otlp_*.proto.
class TraceEncoder {
 public:
  TraceEncoder(const SpanBatch& batch, std::string* out) : batch_(batch), out_(out) {}

  void WriteTrace() {
    for (const ResourceGroup& group : GroupRows(batch_)) {
      out_.Message(1, [&] { WriteResourceSpans(group); });
    }
  }

 private:
  std::string_view Text(StringId id) const { return batch_.strings[id]; }

  void WriteResourceSpans(const ResourceGroup& group) {
    const SpanBatch::Resource& resource = batch_.resources[group.resource];
    out_.Message(1, [&] {
      WriteAttrs(1, resource.attrs);
      out_.VarintSet(2, resource.dropped_attributes);
    });
    for (const ScopeGroup& scope : group.scopes) {
      out_.Message(2, [&] { WriteScopeSpans(scope); });
    }
    out_.BytesSet(3, Text(resource.schema_url));
  }

  void WriteScopeSpans(const ScopeGroup& group) {
    const SpanBatch::Scope& scope = batch_.scopes[group.scope];
    out_.Message(1, [&] {
      out_.BytesSet(1, Text(scope.name));
      out_.BytesSet(2, Text(scope.version));
      WriteAttrs(3, scope.attrs);
      out_.VarintSet(4, scope.dropped_attributes);
    });
    for (const uint32_t row : group.rows) {
      out_.Message(2, [&] { WriteSpan(row); });
    }
    out_.BytesSet(3, Text(scope.schema_url));
  }

  void WriteSpan(uint32_t row) {
    const SpanBatch::Extra& extra = batch_.ExtraOf(row);
    out_.Bytes(1, batch_.traces[batch_.trace[row]].ToBytes());
    out_.Bytes(2, SpanIdToBytes(batch_.span_id[row]));
    out_.BytesSet(3, Text(extra.trace_state));
    if (batch_.parent_span_id[row] != 0) out_.Bytes(4, SpanIdToBytes(batch_.parent_span_id[row]));
    out_.BytesSet(5, Text(batch_.name[row]));
    out_.VarintSet(6, static_cast<uint64_t>(batch_.kind[row]));
    out_.Fixed64Set(7, batch_.start[row]);
    out_.Fixed64Set(8, batch_.end[row]);
    WriteAttrs(9, {batch_.attr_begin[row], batch_.attr_begin[row + 1]});
    out_.VarintSet(10, extra.dropped_attributes);
    for (uint32_t i = batch_.event_begin[row]; i < batch_.event_begin[row + 1]; ++i) {
      out_.Message(11, [&] { WriteEvent(batch_.events[i]); });
    }
    out_.VarintSet(12, extra.dropped_events);
    for (uint32_t i = batch_.link_begin[row]; i < batch_.link_begin[row + 1]; ++i) {
      out_.Message(13, [&] { WriteLink(batch_.links[i]); });
    }
    out_.VarintSet(14, extra.dropped_links);
    out_.Message(15, [&] {
      out_.BytesSet(2, Text(extra.status_message));
      out_.VarintSet(3, static_cast<uint64_t>(batch_.status[row]));
    });
    out_.Fixed32Set(16, batch_.flags[row]);
  }

  void WriteEvent(const SpanBatch::Event& event) {
    out_.Fixed64Set(1, event.time);
    out_.BytesSet(2, Text(event.name));
    WriteAttrs(3, event.attrs);
    out_.VarintSet(4, event.dropped_attributes);
  }

  void WriteLink(const SpanBatch::Link& link) {
    if (!link.trace_id.IsZero()) out_.Bytes(1, link.trace_id.ToBytes());
    if (link.span_id != 0) out_.Bytes(2, SpanIdToBytes(link.span_id));
    out_.BytesSet(3, Text(link.trace_state));
    WriteAttrs(4, link.attrs);
    out_.VarintSet(5, link.dropped_attributes);
    out_.Fixed32Set(6, link.flags);
  }

  void WriteAttrs(uint32_t field, SpanBatch::AttrRange range) {
    for (uint32_t i = range.begin; i < range.end; ++i) {
      out_.Message(field, [&] {
        const SpanBatch::Key& key = batch_.keys[batch_.attrs[i].key];
        out_.BytesSet(1, Text(key.name));
        WriteValue(key.type, batch_.attrs[i].value);
      });
    }
  }

  void WriteValue(ValueType type, uint32_t value) {
    if (type == ValueType::kComposite) return out_.Bytes(2, Text(value));
    out_.Message(2, [&] {
      switch (type) {
        case ValueType::kString:
          return out_.Bytes(1, Text(value));
        case ValueType::kBool:
          return out_.Varint(2, value);
        case ValueType::kInt:
          return out_.Varint(3, static_cast<uint64_t>(batch_.ints[value]));
        case ValueType::kDouble:
          return out_.Double(4, batch_.doubles[value]);
        case ValueType::kBytes:
          return out_.Bytes(7, Text(value));
        case ValueType::kComposite:
        case ValueType::kEmpty:
          return;
      }
    });
  }

  const SpanBatch& batch_;
  ProtoWriter out_;
};

}  // namespace

std::string EncodeTrace(const SpanBatch& batch) {
  std::string out;
  TraceEncoder(batch, &out).WriteTrace();
  return out;
}

std::string EncodeTraceByIdResponse(const SpanBatch& batch, const TraceByIdInfo& info) {
  std::string out;
  ProtoWriter writer(&out);
  writer.Message(1, [&] { TraceEncoder(batch, &out).WriteTrace(); });
  writer.Message(2, [&] { writer.VarintSet(1, info.inspected_bytes); });
  writer.VarintSet(3, info.partial ? 1 : 0);
  writer.BytesSet(4, info.message);
  return out;
}

}  // namespace tocsin::wire
