#include "cpp/api/attribute_texts.h"

#include <bit>
#include <set>
#include <utility>

#include "cpp/api/plain_json.h"
#include "cpp/lib/json.h"
#include "cpp/wire/any_value.h"
#include "cpp/wire/attribute_text.h"

namespace tocsin::api {

std::string AttributeText(const SpanBatch& batch, SpanBatch::Attr attr) {
  wire::AnyValue value;
  value.type = batch.keys[attr.key].type;
  switch (value.type) {
    case ValueType::kString:
    case ValueType::kBytes:
    case ValueType::kComposite:
      value.text = batch.strings[attr.value];
      break;
    case ValueType::kBool:
      value.bits = attr.value;
      break;
    case ValueType::kInt:
      value.bits = static_cast<uint64_t>(batch.ints[attr.value]);
      break;
    case ValueType::kDouble:
      value.bits = std::bit_cast<uint64_t>(batch.doubles[attr.value]);
      break;
    case ValueType::kEmpty:
      break;
  }
  return wire::AttributeText(value);
}

void CollectTexts(const SpanBatch& batch, SpanBatch::AttrRange range, bool replace,
                  std::map<std::string, std::string, std::less<>>* texts) {
  std::set<std::string_view> seen;
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const std::string_view key = batch.strings[batch.keys[batch.attrs[i].key].name];
    if (!seen.insert(key).second || (!replace && texts->contains(key))) continue;
    (*texts)[std::string(key)] = AttributeText(batch, batch.attrs[i]);
  }
}

std::string AttributesJson(const SpanBatch& batch, SpanBatch::AttrRange range) {
  std::map<std::string_view, SpanBatch::Attr> members;
  for (uint32_t i = range.begin; i < range.end; ++i) {
    members.emplace(batch.strings[batch.keys[batch.attrs[i].key].name], batch.attrs[i]);
  }
  lib::JsonWriter w;
  w.BeginObject();
  for (const auto& [key, attr] : members) {
    w.Key(key);
    WritePlainValue(batch, attr, &w);
  }
  w.EndObject();
  return std::move(w).Take();
}

}  // namespace tocsin::api
