/// What a server that is busy asks of its callers. Private to this folder.

#pragma once

#include <string_view>

#include "cpp/base/clock.h"

namespace tocsin::deliver {

/// How long a `Retry-After` asks to wait, `longest` at most: seconds, or a date as
/// "Wed, 21 Oct 2026 07:28:00 GMT". 0 for anything else.
Nanos ParseRetryAfter(std::string_view text, Nanos now, Nanos longest);

}  // namespace tocsin::deliver
