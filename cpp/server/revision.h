/// Which commit this is. Here and not beside Version(), because whatever links it is linked again
/// after every commit.

#pragma once

#include <string_view>

namespace tocsin::server {

/// The commit that was built, 12 digits; "" where it was not built from a checkout.
std::string_view Revision();

}  // namespace tocsin::server
