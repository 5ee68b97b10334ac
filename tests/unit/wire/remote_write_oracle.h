/// What protobuf says a remote write request means, held against what our decoder makes of it.

#pragma once

#include <string>
#include <string_view>

#include "cpp/wire/remote_write_decode.h"

namespace tocsin::wire {

/// "" if our decoder accepts `body` if and only if protobuf does, with the same meaning; otherwise
/// where the two differ.
std::string WriteDisagreement(std::string_view body, WriteMessage message);

}  // namespace tocsin::wire
