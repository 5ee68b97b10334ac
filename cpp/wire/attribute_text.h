/// Values of attributes as plain text: what becomes of them where only text fits, such as labels.

#pragma once

#include <string>

#include "cpp/wire/any_value.h"

namespace tocsin::wire {

/// A string as it is, numbers and booleans as Go's JSON writes them, bytes in base64, arrays and
/// maps as JSON, no value as "".
std::string AttributeText(const AnyValue& value);

}  // namespace tocsin::wire
