#include "cpp/rules/yaml_number.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "cpp/base/format.h"

namespace tocsin::rules {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Takes the prefix away that says it. 0: no such base.
int TakeBase(std::string_view* digits) {
  if (digits->size() < 2 || digits->front() != '0') return 10;
  const char letter = (*digits)[1];
  digits->remove_prefix(IsDigit(letter) ? 1 : 2);
  if (IsDigit(letter) || letter == 'o' || letter == 'O') return 8;
  if (letter == 'x' || letter == 'X') return 16;
  return letter == 'b' || letter == 'B' ? 2 : 0;
}

std::optional<int64_t> Whole(std::string_view number) {
  const bool negative = number.starts_with('-');
  if (negative || number.starts_with('+')) number.remove_prefix(1);
  const int base = TakeBase(&number);
  if (base == 0 || number.starts_with('-')) return std::nullopt;
  // The sign stands before the digits, so that the least number can be read.
  const std::string text = (negative ? "-" : "") + std::string(number);
  const char* last = text.data() + text.size();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), last, value, base);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<int64_t> Truncated(const std::string& number) {
  // Neither names nor hexadecimal fractions.
  if (number.find_first_not_of("0123456789.eE+-") != std::string::npos) return std::nullopt;
  const std::optional<double> value = ParseGoFloat(number);
  constexpr double kLimit = 0x1p63;
  if (!value || std::isinf(*value) || *value >= kLimit) return std::nullopt;
  if (*value < -kLimit) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(*value);
}

}  // namespace

std::optional<int64_t> YamlWhole(std::string_view text) {
  if (text.starts_with('_')) return std::nullopt;
  std::string number(text);
  std::erase(number, '_');
  const std::optional<int64_t> whole = Whole(number);
  return whole ? whole : Truncated(number);
}

}  // namespace tocsin::rules
