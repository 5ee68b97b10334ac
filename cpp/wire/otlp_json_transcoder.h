/// JSON to the protobuf encoding of the same message, in one walk, without a tree.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/wire/otlp_json_messages.h"

namespace tocsin::wire {

/// kInvalidArgument, naming line and column, for what is no such message; `first_line` is the line
/// in which the text begins. What is taken and what is refused: otlp_json_decode.h.
Result<std::string> JsonToProto(const JsonMessage& message, std::string_view json,
                                uint64_t first_line);

}  // namespace tocsin::wire
