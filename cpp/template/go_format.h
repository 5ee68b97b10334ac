/// Printing as package fmt of Go prints: %v, Sprint, Sprintf; numbers, times and durations.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cpp/template/value.h"

namespace tocsin::tmpl {

/// The value as %v shows it, nil as "<nil>". Each of these gives nullopt for a text that would be
/// longer than `bytes_max`.
std::optional<std::string> PrintValue(const Value& value, size_t bytes_max);

/// fmt.Sprint: a space between two operands of which neither is a string.
std::optional<std::string> Sprint(std::span<const Value> values, size_t bytes_max);

/// fmt.Sprintln: a space between any two operands, and a line feed.
std::optional<std::string> Sprintln(std::span<const Value> values, size_t bytes_max);

/// fmt.Sprintf. A verb that does not fit its operand is reported in the text, as Go does:
/// "%!d(string=hi)". There are no pointers, so %p is always such a verb.
std::optional<std::string> Sprintf(std::string_view format, std::span<const Value> operands,
                                   size_t bytes_max);

}  // namespace tocsin::tmpl
