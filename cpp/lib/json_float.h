/// Numbers that JSON itself cannot write.

#pragma once

#include "cpp/lib/json.h"

namespace tocsin::lib {

/// As protobuf's JSON has doubles: "NaN", "Infinity" and "-Infinity" are texts.
void WriteFloat(double value, JsonWriter* w);

}  // namespace tocsin::lib
