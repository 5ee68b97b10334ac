// Numbers: integers in any base, and floats.

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"
#include "cpp/template/go_printer.h"

namespace tocsin::tmpl {
namespace {

/// What cpp/base/format.h writes.
constexpr size_t kShortPrecision = 100;
/// No double has more digits behind its point, and none more that count.
constexpr size_t kDigitsMax = 1'100;

std::string InBase(uint64_t value, int base) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base);
  return {buffer.data(), end.ptr};
}

uint64_t Magnitude(int64_t value) {
  return value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

std::string SignOf(bool negative, const Spec& spec) {
  if (negative) return "-";
  if (spec.plus) return "+";
  return spec.space ? " " : "";
}

std::string UnicodePoint(int64_t value, const Spec& spec, size_t bytes_max) {
  std::string digits = UpperCase(InBase(static_cast<uint64_t>(value), 16));
  const size_t least = std::min(std::max<size_t>(spec.precision.value_or(4), 4), bytes_max);
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  std::string text = "U+" + digits;
  if (!spec.sharp || value < 0 || value > 0x10ffff) return text;
  std::string rune;
  AppendRune(&rune, value);
  const bool shown = QuoteRuneGo(value) == "'" + rune + "'" || rune == "'" || rune == "\\";
  return shown ? text.append(" '").append(rune).append("'") : text;
}

/// The bits of a finite double: mantissa * 2^exponent, without its sign.
struct Binary {
  uint64_t mantissa = 0;
  int exponent = 0;
};

constexpr int kMantissaBits = 52;

Binary BinaryOf(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  const int exponent = static_cast<int>(bits >> kMantissaBits & 0x7ff);
  const uint64_t fraction = bits & ((uint64_t{1} << kMantissaBits) - 1);
  constexpr int kBias = 1'023 + kMantissaBits;
  if (exponent == 0) return {fraction, 1 - kBias};
  return {fraction | uint64_t{1} << kMantissaBits, exponent - kBias};
}

std::string Signed(int exponent) {
  return (exponent < 0 ? "-" : "+") + std::to_string(std::abs(exponent));
}

/// "6755399441055744p-52".
std::string BinaryText(double value) {
  const Binary binary = BinaryOf(value);
  return std::to_string(binary.mantissa) + "p" + Signed(binary.exponent);
}

/// Drops all but `digits` hexadecimal digits behind the leading one, to the nearest, half to even.
void RoundHex(Binary* binary, size_t digits) {
  const int drop = kMantissaBits - 4 * static_cast<int>(digits);
  if (drop <= 0) return;
  const uint64_t half = uint64_t{1} << (drop - 1);
  const uint64_t rest = binary->mantissa & (2 * half - 1);
  binary->mantissa -= rest;
  const bool odd = (binary->mantissa >> drop & 1) != 0;
  if (rest > half || (rest == half && odd)) binary->mantissa += 2 * half;
  if (binary->mantissa >> (kMantissaBits + 1) != 0) {
    binary->mantissa >>= 1;
    ++binary->exponent;
  }
}

/// "0x1.8p+00".
std::string HexText(double value, std::optional<size_t> precision, size_t bytes_max) {
  Binary binary = BinaryOf(value);
  if (binary.mantissa == 0) binary.exponent = -kMantissaBits;
  while (binary.mantissa != 0 && binary.mantissa >> kMantissaBits == 0) {
    binary.mantissa <<= 1;
    --binary.exponent;
  }
  if (precision) RoundHex(&binary, *precision);
  std::string fraction = InBase(binary.mantissa & ((uint64_t{1} << kMantissaBits) - 1), 16);
  fraction.insert(0, kMantissaBits / 4 - fraction.size(), '0');
  if (precision) {
    fraction.resize(std::min(*precision, bytes_max + 1), '0');
  } else {
    fraction.erase(fraction.find_last_not_of('0') + 1);
  }
  std::string exponent = Signed(binary.exponent + kMantissaBits);
  if (exponent.size() < 3) exponent.insert(1, 1, '0');
  std::string text = binary.mantissa >> kMantissaBits != 0 ? "0x1" : "0x0";
  if (!fraction.empty()) text.append(".").append(fraction);
  return text.append("p").append(exponent);
}

/// More digits than cpp/base/format.h writes. Those beyond the last of the double are zeros.
std::string LongText(double value, char format, size_t precision, size_t bytes_max) {
  const auto style = format == 'f'   ? std::chars_format::fixed
                     : format == 'e' ? std::chars_format::scientific
                                     : std::chars_format::general;
  std::array<char, kDigitsMax + 400> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, style,
                                 static_cast<int>(std::min(precision, kDigitsMax)));
  std::string text(buffer.data(), end.ptr);
  if (format == 'g' || precision <= kDigitsMax) return text;
  const size_t exponent = std::min(text.find('e'), text.size());
  return text.insert(exponent, std::min(precision - kDigitsMax, bytes_max + 1), '0');
}

std::string DecimalText(double value, char format, std::optional<size_t> precision,
                        size_t bytes_max) {
  if (!precision) return FormatGoFloat(value);
  if (*precision > kShortPrecision) return LongText(value, format, *precision, bytes_max);
  const int digits = static_cast<int>(*precision);
  if (format == 'f') return FormatGoFixed(value, digits);
  return format == 'e' ? FormatGoScientific(value, digits) : FormatGoGeneral(value, digits);
}

/// The flag '#': a point in any case, and for `digits` of %g as many digits as were asked for.
std::string WithPoint(std::string number, size_t digits, bool hex) {
  const size_t tail = std::min(number.find_first_of(hex ? "pP" : "eEpP"), number.size());
  const std::string exponent = number.substr(tail);
  number.resize(tail);
  const size_t first = std::min(number.find_first_not_of("0."), number.size());
  size_t significant = static_cast<size_t>(std::ranges::count_if(
      std::string_view(number).substr(first), [](char c) { return c != '.'; }));
  if (number.find('.') == std::string::npos) {
    if (number == "0") ++significant;
    number.push_back('.');
  }
  if (significant < digits) number.append(digits - significant, '0');
  return number + exponent;
}

}  // namespace

std::string UpperCase(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

std::string FloatText(double value, char format, std::optional<size_t> precision,
                      size_t bytes_max) {
  if (!std::isfinite(value)) return FormatGoFloat(value);
  const bool upper = format == 'E' || format == 'G' || format == 'X';
  const char lower = static_cast<char>(format | 0x20);
  const double magnitude = std::abs(value);
  std::string text;
  if (lower == 'b') {
    text = BinaryText(magnitude);
  } else if (lower == 'x') {
    text = HexText(magnitude, precision, bytes_max);
  } else {
    text = DecimalText(magnitude, lower, precision, bytes_max);
  }
  if (upper) text = UpperCase(std::move(text));
  return std::signbit(value) ? "-" + text : text;
}

void Printer::PrintBool(bool value, const Spec& spec) {
  if (!spec.Is('t') && !spec.Is('v')) return BadVerb(spec, Value(value));
  Pad(value ? "true" : "false", spec);
}

void Printer::PrintInBase(int64_t value, int base, std::string prefix, const Spec& spec) {
  Spec padded = spec;
  padded.zero = false;
  if (spec.precision == 0 && value == 0) return Pad("", padded);
  std::string digits = InBase(Magnitude(value), base);
  if (spec.Is('X')) digits = UpperCase(std::move(digits));
  const std::string sign = SignOf(value < 0, spec);
  size_t least = spec.precision.value_or(0);
  if (!spec.precision && spec.zero && !spec.minus && spec.width > sign.size()) {
    least = spec.width - sign.size();
  }
  if (digits.size() < least) digits.insert(0, Fill(least - digits.size(), '0'));
  if (base == 8 && spec.sharp && digits[0] != '0') prefix.push_back('0');
  Pad(sign + prefix + digits, padded);
}

void Printer::PrintInt(int64_t value, const Spec& spec, const Value& original) {
  Spec padded = spec;
  if (spec.verb.size() != 1) return BadVerb(spec, original);
  switch (spec.verb[0]) {
    case 'd':
    case 'v':
      return PrintInBase(value, 10, "", spec);
    case 'b':
      return PrintInBase(value, 2, spec.sharp ? "0b" : "", spec);
    case 'o':
      return PrintInBase(value, 8, "", spec);
    case 'O':
      return PrintInBase(value, 8, "0o", spec);
    case 'x':
      return PrintInBase(value, 16, spec.sharp ? "0x" : "", spec);
    case 'X':
      return PrintInBase(value, 16, spec.sharp ? "0X" : "", spec);
    case 'c': {
      std::string rune;
      AppendRune(&rune, value);
      return Pad(rune, spec);
    }
    case 'q':
      return Pad(spec.plus ? AsciiOnly(QuoteRuneGo(value)) : QuoteRuneGo(value), spec);
    case 'U':
      padded.zero = false;
      return Pad(UnicodePoint(value, spec, bytes_max_), padded);
    default:
      return BadVerb(spec, original);
  }
}

void Printer::PrintFloat(double value, const Spec& spec) {
  constexpr std::string_view kVerbs = "vbgGxXfFeE";
  if (kVerbs.find(spec.verb) == std::string_view::npos) return BadVerb(spec, Value(value));
  char format = spec.verb[0];
  if (format == 'v') format = 'g';
  if (format == 'F') format = 'f';
  std::optional<size_t> precision = spec.precision;
  const bool six = format == 'f' || format == 'e' || format == 'E';
  if (!precision && six) precision = 6;
  std::string number = FloatText(value, format, precision, bytes_max_);
  if (number[0] != '-' && number[0] != '+') number.insert(0, "+");
  if (spec.sharp && format != 'b' && std::isfinite(value)) {
    const bool counts = format == 'g' || format == 'G' || format == 'x';
    const size_t digits = counts ? std::min(precision.value_or(6), bytes_max_ + 1) : 0;
    number = number[0] + WithPoint(number.substr(1), digits, format == 'x' || format == 'X');
  }
  PadFloat(std::move(number), spec);
}

/// `number` begins with its sign.
void Printer::PadFloat(std::string number, const Spec& spec) {
  Spec spaces = spec;
  spaces.zero = false;
  const bool infinite = number[1] == 'I';
  const bool finite = !infinite && number[1] != 'N';
  if (number[0] == '+' && spec.space && !spec.plus) number[0] = ' ';
  const bool sign_shown = spec.plus || number[0] != '+' || infinite;
  if (!sign_shown) number.erase(0, 1);
  if (finite && spec.zero && !spec.minus && spec.width > number.size()) {
    number.insert(sign_shown ? 1 : 0, Fill(spec.width - number.size(), '0'));
  }
  Pad(number, spaces);
}

}  // namespace tocsin::tmpl
