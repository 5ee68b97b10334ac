/// Labels that something gets unless it has them.

#pragma once

#include <string_view>

#include "cpp/model/labels.h"

namespace tocsin {

inline void SetUnlessThere(Labels* labels, std::string_view name, std::string_view value) {
  if (!labels->Has(name)) labels->Set(name, value);
}

/// `defaults`: pairs of names and values.
template <class Pairs>
void AddMissing(Labels* labels, const Pairs& defaults) {
  for (const auto& [name, value] : defaults) SetUnlessThere(labels, name, value);
}

}  // namespace tocsin
