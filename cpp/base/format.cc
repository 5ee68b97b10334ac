#include "cpp/base/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "cpp/base/check.h"

namespace tocsin {
namespace {

// A finite number as 0.d1d2d3... times ten to the `point`: all formats are layouts of these.
struct Digits {
  bool negative = false;
  std::string digits;  // Without leading zeros; "0" for zero.
  int point = 0;       // Where the decimal point stands, counted from the first digit.
};

Digits ShortestDigits(double value) {
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::scientific);
  TOCSIN_CHECK(result.ec == std::errc());
  std::string_view text(buffer.data(), static_cast<size_t>(result.ptr - buffer.data()));
  Digits digits;
  if (text.front() == '-') {
    digits.negative = true;
    text.remove_prefix(1);
  }
  const size_t exponent_at = text.find('e');
  for (const char c : text.substr(0, exponent_at)) {
    if (c != '.') digits.digits.push_back(c);
  }
  std::string_view exponent_text = text.substr(exponent_at + 1);
  if (exponent_text.front() == '+') exponent_text.remove_prefix(1);
  int exponent = 0;
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  digits.point = exponent + 1;
  return digits;
}

std::string LayOutFixed(const Digits& d) {
  std::string text = d.negative ? "-" : "";
  const auto count = static_cast<int>(d.digits.size());
  if (d.point <= 0) {
    if (d.digits == "0") return text + "0";
    text.append("0.").append(static_cast<size_t>(-d.point), '0').append(d.digits);
  } else if (d.point >= count) {
    text.append(d.digits).append(static_cast<size_t>(d.point - count), '0');
  } else {
    const auto point = static_cast<size_t>(d.point);
    text.append(d.digits, 0, point).append(".").append(d.digits, point);
  }
  return text;
}

std::string LayOutScientific(const Digits& d) {
  std::string text = d.negative ? "-" : "";
  text.push_back(d.digits.front());
  if (d.digits.size() > 1) text.append(".").append(d.digits, 1);
  const int exponent = d.point - 1;
  text.append(exponent < 0 ? "e-" : "e+");
  const std::string magnitude = std::to_string(std::abs(exponent));
  if (magnitude.size() < 2) text.push_back('0');
  return text.append(magnitude);
}

std::optional<std::string> NotFinite(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return std::nullopt;
}

// C and Go agree on how finite numbers look, down to the two digits of the exponent.
std::string WithPrecision(double value, const char* format, int precision) {
  TOCSIN_CHECK(precision >= 0 && precision <= 100);
  if (auto text = NotFinite(value)) return *std::move(text);
  // The longest: a sign, 309 digits, the point and 100 more.
  std::array<char, 512> buffer;
  const int size = std::snprintf(buffer.data(), buffer.size(), format, precision, value);
  return {buffer.data(), static_cast<size_t>(size)};
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::ranges::equal(
      text, lower, {}, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

}  // namespace

std::string FormatGoFloat(double value) {
  if (auto text = NotFinite(value)) return *std::move(text);
  const Digits digits = ShortestDigits(value);
  const int exponent = digits.point - 1;
  const bool scientific = exponent < -4 || exponent >= 6;
  return scientific ? LayOutScientific(digits) : LayOutFixed(digits);
}

std::string FormatGoFixed(double value) {
  if (auto text = NotFinite(value)) return *std::move(text);
  return LayOutFixed(ShortestDigits(value));
}

std::string FormatGoScientific(double value) {
  if (auto text = NotFinite(value)) return *std::move(text);
  return LayOutScientific(ShortestDigits(value));
}

std::string FormatGoGeneral(double value, int precision) {
  return WithPrecision(value, "%.*g", precision);
}

std::string FormatGoFixed(double value, int precision) {
  return WithPrecision(value, "%.*f", precision);
}

std::string FormatGoScientific(double value, int precision) {
  return WithPrecision(value, "%.*e", precision);
}

std::string FormatSampleValue(double value) {
  if (auto text = NotFinite(value)) return *std::move(text);
  const Digits digits = ShortestDigits(value);
  const double magnitude = std::abs(value);
  const bool scientific = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  return scientific ? LayOutScientific(digits) : LayOutFixed(digits);
}

std::string FormatOpenMetricsFloat(double value) {
  std::string text = FormatGoFloat(value);
  const bool plain = std::isfinite(value) && text.find_first_of("e.") == std::string::npos;
  return plain ? text.append(".0") : text;
}

std::optional<double> ParseGoFloat(std::string_view text) {
  if (text.empty()) return std::nullopt;
  bool negative = false;
  if (text.front() == '+' || text.front() == '-') {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  double value = 0;
  if (EqualsIgnoringCase(text, "inf") || EqualsIgnoringCase(text, "infinity")) {
    value = HUGE_VAL;
  } else if (EqualsIgnoringCase(text, "nan")) {
    value = NAN;
  } else {
    // from_chars would also take a sign, "inf" and "nan(...)": all of that is settled above.
    auto format = std::chars_format::general;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
      // Go wants the exponent of a hexadecimal float.
      if (text.find_first_of("pP") == std::string_view::npos) return std::nullopt;
      format = std::chars_format::hex;
      text.remove_prefix(2);
    }
    const bool begins_well =
        !text.empty() &&
        (std::isxdigit(static_cast<unsigned char>(text[0])) != 0 || text.front() == '.');
    if (!begins_well) return std::nullopt;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, format);
    if (end != text.data() + text.size()) return std::nullopt;
    if (error == std::errc::result_out_of_range) {
      // Too large or too small: strtod tells which. The text is known to be a number.
      const std::string whole = (format == std::chars_format::hex ? "0x" : "") + std::string(text);
      value = std::strtod(whole.c_str(), nullptr);
    } else if (error != std::errc()) {
      return std::nullopt;
    }
  }
  return negative ? -value : value;
}

}  // namespace tocsin
