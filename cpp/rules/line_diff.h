/// What is different between two texts, line by line.

#pragma once

#include <string>
#include <string_view>

namespace tocsin::rules {

/// Every line of both: "- " before one that only `expected` has, "+ " before one that only `got`
/// has, two spaces before one of both. Texts of more than a thousand lines are told whole, all of
/// one before all of the other.
std::string LineDiff(std::string_view expected, std::string_view got);

}  // namespace tocsin::rules
