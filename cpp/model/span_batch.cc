#include "cpp/model/span_batch.h"

#include <algorithm>

namespace tocsin {
namespace {

template <class T>
size_t Bytes(const std::vector<T>& column) {
  return column.capacity() * sizeof(T);
}

}  // namespace

const SpanBatch::Extra& SpanBatch::ExtraOf(uint32_t row) const {
  static const Extra none;
  const auto it = std::lower_bound(extras.begin(), extras.end(), row,
                                   [](const Extra& extra, uint32_t r) { return extra.row < r; });
  return it != extras.end() && it->row == row ? *it : none;
}

std::string_view SpanBatch::FindString(AttrRange range, std::string_view key) const {
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const Key& k = keys[attrs[i].key];
    if (k.type == ValueType::kString && strings[k.name] == key) return strings[attrs[i].value];
  }
  return {};
}

std::string_view SpanBatch::ServiceName(uint32_t row) const {
  return FindString(resources[scopes[scope[row]].resource].attrs, "service.name");
}

size_t SpanBatch::MemoryBytes() const {
  return sizeof(SpanBatch) + strings.blob().capacity() + Bytes(strings.ends()) + Bytes(keys) +
         Bytes(ints) + Bytes(doubles) + Bytes(attrs) + Bytes(resources) + Bytes(scopes) +
         Bytes(traces) + Bytes(trace) + Bytes(span_id) + Bytes(parent_span_id) + Bytes(start) +
         Bytes(end) + Bytes(name) + Bytes(kind) + Bytes(status) + Bytes(flags) + Bytes(scope) +
         Bytes(wire_size) + Bytes(attr_begin) + Bytes(event_begin) + Bytes(link_begin) +
         Bytes(events) + Bytes(links) + Bytes(extras);
}

}  // namespace tocsin
