/// Addresses of targets.

#pragma once

#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::discover {

/// Refuses an address that is more than host and port: "... is not a valid hostname".
Status CheckAddress(std::string_view address);

}  // namespace tocsin::discover
