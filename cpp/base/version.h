/// Which Tocsin this is.

#pragma once

#include <string_view>

namespace tocsin {

/// "0.1.0", from CMakeLists.txt.
std::string_view Version();

}  // namespace tocsin
