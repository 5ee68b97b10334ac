#include "cpp/base/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace tocsin {
namespace {

struct Unit {
  std::string_view name;
  Nanos size;
};

constexpr std::array<Unit, 10> kAllUnits{{{"y", 365 * kDay},
                                          {"w", 7 * kDay},
                                          {"d", kDay},
                                          {"h", kHour},
                                          {"m", kMinute},
                                          {"s", kSecond},
                                          {"ms", kMillisecond},
                                          {"us", kMicrosecond},
                                          {"ns", 1},
                                          {"µs", kMicrosecond}}};
// Prometheus's, and those that FormatPeriod writes.
constexpr std::span<const Unit> kUnits = std::span(kAllUnits).first<7>();
constexpr std::span<const Unit> kPrintedUnits = std::span(kAllUnits).subspan<3, 6>();

// Prometheus prints these only if they divide the whole.
bool IsPrintedWhole(const Unit& unit) { return unit.size >= 7 * kDay; }

constexpr auto kMax = std::numeric_limits<Nanos>::max();

Failure NotADuration(std::string_view text) {
  return InvalidArgumentError("not a valid duration string: \"" + std::string(text) +
                              "\"; expected something like 30s, 5m, 1h30m");
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The digits of the front as a number. Nullopt: there are none, or it is beyond int64.
std::optional<int64_t> TakeWhole(std::string_view* text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || text->starts_with('-')) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return value;
}

// ".25" of the front; 0 without a point. Nullopt: a point without digits.
std::optional<double> TakeFraction(std::string_view* text) {
  if (!text->starts_with('.')) return 0;
  const size_t end = std::min(text->find_first_not_of("0123456789", 1), text->size());
  if (end == 1) return std::nullopt;
  const std::string digits = "0" + std::string(text->substr(0, end));
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  text->remove_prefix(end);
  return value;
}

// "1.5h" of the front. Nullopt: it is none, or beyond `most`.
std::optional<Nanos> TakePeriod(std::string_view* text, Nanos most) {
  const std::optional<int64_t> whole = text->starts_with('.') ? 0 : TakeWhole(text);
  const std::optional<double> fraction = TakeFraction(text);
  const size_t length = std::min(text->find_first_of("0123456789."), text->size());
  const auto* const unit = std::ranges::find(kAllUnits, text->substr(0, length), &Unit::name);
  if (!whole || !fraction || unit == kAllUnits.end()) return std::nullopt;
  text->remove_prefix(length);
  const Nanos rest = std::llround(*fraction * static_cast<double>(unit->size));
  if (rest > most || *whole > (most - rest) / unit->size) return std::nullopt;
  return *whole * unit->size + rest;
}

}  // namespace

Result<Nanos> ParseDuration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return InvalidArgumentError("empty duration string");
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
    if (IsPrintedWhole(unit) && rest % size != 0) continue;
    if (rest / size == 0) continue;
    text.append(std::to_string(rest / size)).append(unit.name);
    rest %= size;
  }
  return text;
}

std::optional<Nanos> ParsePeriod(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  Nanos total = 0;
  while (!text.empty()) {
    const std::optional<Nanos> part = TakePeriod(&text, kMax - total);
    if (!part) return std::nullopt;
    total += *part;
  }
  return total;
}

std::string FormatPeriod(Nanos period) {
  if (period == 0) return "0s";
  std::string text;
  for (const Unit& unit : kPrintedUnits) {
    if (period / unit.size == 0) continue;
    text.append(std::to_string(period / unit.size)).append(unit.name);
    period %= unit.size;
  }
  return text;
}

}  // namespace tocsin
