#include "cpp/base/duration.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace tocsin {
namespace {

struct Unit {
  std::string_view name;
  Nanos size;
  bool exact;  ///< Printed only if it divides the whole.
};

constexpr std::array<Unit, 7> kUnits{{{"y", 365 * kDay, true},
                                      {"w", 7 * kDay, true},
                                      {"d", kDay, false},
                                      {"h", kHour, false},
                                      {"m", kMinute, false},
                                      {"s", kSecond, false},
                                      {"ms", kMillisecond, false}}};

Failure NotADuration(std::string_view text) {
  return InvalidArgumentError("not a valid duration string: \"" + std::string(text) +
                              "\"; expected something like 30s, 5m, 1h30m");
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Result<Nanos> ParseDuration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return InvalidArgumentError("empty duration string");
  constexpr auto kMax = std::numeric_limits<Nanos>::max();
  Nanos total = 0;
  size_t next_unit = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0) return NotADuration(text);
    const size_t end =
        digits +
        static_cast<size_t>(std::distance(
            rest.begin() + static_cast<std::ptrdiff_t>(digits),
            std::find_if(rest.begin() + static_cast<std::ptrdiff_t>(digits), rest.end(), IsDigit)));
    const std::string_view name = rest.substr(digits, end - digits);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return NotADuration(text);
    Nanos count = 0;
    for (const char c : rest.substr(0, digits)) {
      const Nanos digit = c - '0';
      if (count > (kMax - digit) / 10) return InvalidArgumentError("duration out of range");
      count = count * 10 + digit;
    }
    const Nanos size = kUnits[next_unit].size;
    if (count > (kMax - total) / size) return InvalidArgumentError("duration out of range");
    total += count * size;
    ++next_unit;
    rest.remove_prefix(end);
  }
  return total;
}

std::string FormatDuration(Nanos duration) {
  if (duration / kMillisecond == 0) return "0s";
  std::string text;
  auto rest = duration < 0 ? -static_cast<uint64_t>(duration) : static_cast<uint64_t>(duration);
  if (duration < 0) text.push_back('-');
  rest -= rest % static_cast<uint64_t>(kMillisecond);
  for (const Unit& unit : kUnits) {
    const auto size = static_cast<uint64_t>(unit.size);
    if (unit.exact && rest % size != 0) continue;
    if (rest / size == 0) continue;
    text.append(std::to_string(rest / size)).append(unit.name);
    rest %= size;
  }
  return text;
}

}  // namespace tocsin
