/// Which Tocsin this is.

#pragma once

#include <string_view>

namespace tocsin {

/// "0.1.0", from CMakeLists.txt.
std::string_view Version();

/// The commit that was built, 12 digits; "" where it was not built from a checkout.
std::string_view Revision();

}  // namespace tocsin
