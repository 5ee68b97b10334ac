/// The order of sort_by_label: numbers in text by their value.

#pragma once

#include <string_view>

namespace tocsin::promql {

/// "4m5" before "4m600", "2" before "10". Runs of digits are compared as numbers, everything else
/// byte by byte. A strict weak order.
bool NaturallyBefore(std::string_view a, std::string_view b);

}  // namespace tocsin::promql
