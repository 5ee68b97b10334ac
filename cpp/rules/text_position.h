/// Places in a YAML file: of what is inside a scalar, such as an error in an expression, and of
/// what may not be there at all. Private to this folder.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cpp/lib/yaml.h"

namespace tocsin::rules {

/// From 1; a line of 0 means "unknown".
struct TextPosition {
  int line = 0;
  int column = 0;
};

struct LocatedMessage {
  TextPosition position;
  std::string message;
};

/// Where the first character stands that no YAML may have as it is: a control character other than
/// tab, line feed, carriage return and U+0085. Not looked for in UTF-16 and UTF-32.
std::optional<TextPosition> FindControl(std::string_view file_text);

/// Takes "line 3, column 5: what" or "3:5: what" apart.
LocatedMessage SplitPosition(std::string_view message);

/// Where the place `inside` a scalar stands in `file_text`. Exact in literal blocks (`|`) and in
/// scalars of one line; otherwise, as in folded text, the place where the scalar begins.
TextPosition PositionInside(std::string_view file_text, const lib::Yaml& scalar,
                            TextPosition inside);

}  // namespace tocsin::rules
