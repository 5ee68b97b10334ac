/// Maps and lists of texts as JSON.

#pragma once

#include <string_view>

#include "cpp/lib/json.h"

namespace tocsin::lib {

/// An object of pairs of texts, in their order.
template <class Pairs>
void WriteTextMap(const Pairs& pairs, JsonWriter* w) {
  w->BeginObject();
  for (const auto& [name, value] : pairs) w->Key(name).String(value);
  w->EndObject();
}

/// An array of texts.
template <class Texts>
void WriteTextList(const Texts& texts, JsonWriter* w) {
  w->BeginArray();
  for (const auto& text : texts) w->String(text);
  w->EndArray();
}

/// The member `key`, an array of texts; nothing if there are none.
template <class Texts>
void WriteTextsIfAny(std::string_view key, const Texts& texts, JsonWriter* w) {
  if (!texts.empty()) WriteTextList(texts, &w->Key(key));
}

}  // namespace tocsin::lib
