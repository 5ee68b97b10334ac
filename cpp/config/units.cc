#include "cpp/config/units.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace tocsin::config {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsNumberChar(char c) { return (c >= '0' && c <= '9') || c == '.' || c == '_'; }

// Takes the digits, underscores and points off the front.
std::string_view TakeNumber(std::string_view* text) {
  size_t length = 0;
  while (length < text->size() && IsNumberChar((*text)[length])) ++length;
  const std::string_view number = text->substr(0, length);
  text->remove_prefix(length);
  return number;
}

// `number` times `unit`, where the number may have a fraction.
std::optional<uint64_t> Multiply(std::string_view number, uint64_t unit) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  const size_t point = number.find('.');
  const std::string_view whole_text = number.substr(0, point);
  uint64_t whole = 0;
  if (!whole_text.empty()) {
    const std::optional<uint64_t> count = ParseCount(whole_text);
    if (!count) return std::nullopt;
    whole = *count;
  }
  double fraction = 0;
  if (point != std::string_view::npos) {
    const std::string_view digits = number.substr(point + 1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
      return std::nullopt;
    }
    const std::string text = "0." + std::string(digits);
    std::from_chars(text.data(), text.data() + text.size(), fraction);
  } else if (whole_text.empty()) {
    return std::nullopt;
  }
  if (whole > kMax / unit) return std::nullopt;
  const auto rest = static_cast<uint64_t>(std::llround(fraction * static_cast<double>(unit)));
  if (whole * unit > kMax - rest) return std::nullopt;
  return whole * unit + rest;
}

// The factor of "", "B", "K", "KB", "Ki", "KiB" and so on; 0 if it is none. `thousand`: of K and
// KB.
uint64_t SizeUnit(std::string_view text, uint64_t thousand) {
  constexpr std::string_view kPrefixes = "kmgtp";
  const std::string unit = Lower(text);
  if (unit.empty() || unit == "b") return 1;
  const size_t power = kPrefixes.find(unit[0]);
  if (power == std::string_view::npos) return 0;
  const std::string_view rest = std::string_view(unit).substr(1);
  const bool binary = rest == "i" || rest == "ib";
  if (!binary && !rest.empty() && rest != "b") return 0;
  uint64_t factor = 1;
  for (size_t i = 0; i <= power; ++i) factor *= binary ? 1024 : thousand;
  return factor;
}

std::optional<uint64_t> ParseSizeWith(std::string_view text, uint64_t thousand) {
  if (text.starts_with("0x") || text.starts_with("0X")) return ParseCount(text);
  const std::string_view number = TakeNumber(&text);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const uint64_t unit = SizeUnit(text, thousand);
  if (unit == 0) return std::nullopt;
  return Multiply(number, unit);
}

}  // namespace

std::optional<uint64_t> ParseCount(std::string_view text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  if (text.empty() || text.front() == '_' || text.back() == '_') return std::nullopt;
  std::string digits(text);
  std::erase(digits, '_');
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> ParseSize(std::string_view text) { return ParseSizeWith(text, 1000); }

std::optional<uint64_t> ParseBinarySize(std::string_view text) { return ParseSizeWith(text, 1024); }

std::optional<bool> ParseBool(std::string_view text) {
  const std::string word = Lower(text);
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return std::nullopt;
}

}  // namespace tocsin::config
