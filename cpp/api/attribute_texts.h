/// Attributes of stored spans as text, for formats that have nothing but text.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "cpp/model/span_batch.h"

namespace tocsin::api {

/// As wire::AttributeText() has it: bytes in base64, arrays and maps as JSON.
std::string AttributeText(const SpanBatch& batch, SpanBatch::Attr attr);

/// Sets the text of each attribute of a list in `texts`; of equal keys the first counts, also
/// against what stands in `texts` only if `replace` is false.
void CollectTexts(const SpanBatch& batch, SpanBatch::AttrRange range, bool replace,
                  std::map<std::string, std::string, std::less<>>* texts);

/// A list as a JSON object of JSON values, sorted by key, as Go writes maps.
std::string AttributesJson(const SpanBatch& batch, SpanBatch::AttrRange range);

/// Of one span.
inline SpanBatch::AttrRange AttrsOf(const SpanBatch& batch, uint32_t row) {
  return {batch.attr_begin[row], batch.attr_begin[row + 1]};
}

}  // namespace tocsin::api
