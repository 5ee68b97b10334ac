/// One label whose texts are somebody else's.

#pragma once

#include <string_view>

namespace tocsin::wire {

struct LabelView {
  std::string_view name;
  std::string_view value;
};

}  // namespace tocsin::wire
