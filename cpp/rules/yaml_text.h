/// YAML that was read, as text again. Private to this folder.

#pragma once

#include <string>

#include "cpp/lib/yaml.h"

namespace tocsin::rules {

/// In block style, several lines as a literal block, ending with a line feed; comments, anchors and
/// ways of quoting are lost, and nothing else. REQUIRES: `map` is one.
std::string YamlText(const lib::Yaml& map);

}  // namespace tocsin::rules
