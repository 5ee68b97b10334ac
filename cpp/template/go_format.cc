#include "cpp/template/go_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"
#include "cpp/template/time_format.h"

namespace tocsin::tmpl {
namespace {

/// Wider fields than this are refused in the text, as Go refuses those beyond a million.
constexpr int kWidthMax = 10'000;
/// More digits than this are not printed.
constexpr int kPrecisionMax = 100;

/// A finite or infinite number or NaN; `format` is one of e, E, f, g, G; precision -1: shortest,
/// and only of g and G.
std::string FloatText(double value, char format, int precision) {
  precision = std::min(precision, kPrecisionMax);
  std::string text;
  if (!std::isfinite(value) || precision < 0) {
    text = FormatGoFloat(value);
  } else if (format == 'f') {
    text = FormatGoFixed(value, precision);
  } else if (format == 'e' || format == 'E') {
    text = FormatGoScientific(value, precision);
  } else {
    text = FormatGoGeneral(value, precision);
  }
  if (format == 'E' || format == 'G') std::ranges::replace(text, 'e', 'E');
  return text;
}

constexpr std::string_view kLowerHex = "0123456789abcdef";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";

/// What one verb of a format asks for.
struct Spec {
  bool minus = false;
  bool plus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  int width = 0;
  int precision = -1;
  char verb = 'v';
};

/// Appends values by a Spec, and stops growing beyond a bound.
class Printer {
 public:
  explicit Printer(size_t bytes_max) : bytes_max_(bytes_max) {}

  void Print(const Value& value, const Spec& spec);
  void Append(std::string_view text) {
    if (!full()) out_.append(text);
  }
  bool full() const { return out_.size() > bytes_max_; }
  std::optional<std::string> Take() && {
    if (full()) return std::nullopt;
    return std::move(out_);
  }

 private:
  void PrintBool(bool value, const Spec& spec);
  void PrintInt(int64_t value, const Spec& spec);
  void PrintFloat(double value, const Spec& spec);
  void PrintString(std::string_view value, const Spec& spec);
  void PrintNested(const Value& value, const Spec& spec);
  void PrintContainer(const Value& value, const Spec& spec);
  void BadVerb(char verb, const Value& value);
  /// `sign` is "" or one character, `body` the digits after it.
  void PadNumber(std::string_view sign, std::string_view body, const Spec& spec);
  void Pad(std::string_view text, const Spec& spec);

  const size_t bytes_max_;
  std::string out_;
};

void Printer::Pad(std::string_view text, const Spec& spec) {
  const size_t runes = RuneCount(text);
  const auto width = static_cast<size_t>(spec.width);
  const size_t fill = width > runes ? width - runes : 0;
  if (!spec.minus) Append(std::string(fill, spec.zero ? '0' : ' '));
  Append(text);
  if (spec.minus) Append(std::string(fill, ' '));
}

void Printer::PadNumber(std::string_view sign, std::string_view body, const Spec& spec) {
  const auto width = static_cast<size_t>(spec.width);
  std::string text(sign);
  if (spec.zero && !spec.minus && width > sign.size() + body.size()) {
    text.append(width - sign.size() - body.size(), '0');
  }
  Spec spaces = spec;
  spaces.zero = false;
  Pad(text.append(body), spaces);
}

void Printer::BadVerb(char verb, const Value& value) {
  Append(std::string("%!") + verb + "(");
  if (value.IsNil()) {
    Append("<nil>)");
    return;
  }
  Append(value.TypeName() + "=");
  Print(value, Spec{});
  Append(")");
}

void Printer::PrintBool(bool value, const Spec& spec) {
  if (spec.verb != 't' && spec.verb != 'v') return BadVerb(spec.verb, Value(value));
  Pad(value ? "true" : "false", spec);
}

std::string InBase(uint64_t value, int base, bool upper) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base);
  std::string text(buffer.data(), end.ptr);
  if (upper) {
    std::ranges::transform(text, text.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
  }
  return text;
}

std::string UnicodePoint(int64_t value) {
  std::string digits = InBase(static_cast<uint64_t>(value), 16, true);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return "U+" + digits;
}

void Printer::PrintInt(int64_t value, const Spec& spec) {
  int base = 10;
  std::string prefix;
  switch (spec.verb) {
    case 'd':
    case 'v':
      break;
    case 'b':
      base = 2;
      prefix = spec.sharp ? "0b" : "";
      break;
    case 'o':
      base = 8;
      prefix = spec.sharp ? "0" : "";
      break;
    case 'O':
      base = 8;
      prefix = "0o";
      break;
    case 'x':
      base = 16;
      prefix = spec.sharp ? "0x" : "";
      break;
    case 'X':
      base = 16;
      prefix = spec.sharp ? "0X" : "";
      break;
    case 'c': {
      std::string rune;
      AppendRune(&rune, value);
      return Pad(rune, spec);
    }
    case 'q':
      return Pad(QuoteRuneGo(value), spec);
    case 'U':
      return Pad(UnicodePoint(value), spec);
    default:
      return BadVerb(spec.verb, Value(value));
  }
  const uint64_t magnitude =
      value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string digits = InBase(magnitude, base, spec.verb == 'X');
  if (spec.precision >= 0) {
    if (spec.precision == 0 && value == 0) digits.clear();
    const auto least = static_cast<size_t>(spec.precision);
    if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  }
  Spec padded = spec;
  if (spec.precision >= 0) padded.zero = false;
  std::string sign = value < 0 ? "-" : (spec.plus ? "+" : (spec.space ? " " : ""));
  PadNumber(sign + prefix, digits, padded);
}

void Printer::PrintFloat(double value, const Spec& spec) {
  char format = spec.verb;
  int precision = spec.precision;
  switch (spec.verb) {
    case 'v':
      format = 'g';
      break;
    case 'g':
    case 'G':
      break;
    case 'F':
      format = 'f';
      [[fallthrough]];
    case 'e':
    case 'E':
    case 'f':
      if (precision < 0) precision = 6;
      break;
    default:
      return BadVerb(spec.verb, Value(value));
  }
  std::string text = FloatText(value, format, precision);
  std::string sign;
  if (text[0] == '-' || text[0] == '+') {
    sign = text[0] == '-' || spec.plus || std::isinf(value) ? text.substr(0, 1) : "";
    text.erase(0, 1);
  }
  if (sign.empty() && spec.plus) sign = "+";
  if (sign.empty() && spec.space) sign = " ";
  Spec padded = spec;
  if (!std::isfinite(value)) padded.zero = false;
  PadNumber(sign, text, padded);
}

void Printer::PrintString(std::string_view value, const Spec& spec) {
  if (spec.precision >= 0 && spec.verb != 'x' && spec.verb != 'X') {
    value = FirstRunes(value, static_cast<size_t>(spec.precision));
  }
  switch (spec.verb) {
    case 'v':
    case 's':
      return Pad(value, spec);
    case 'q':
      return Pad(QuoteGo(value), spec);
    case 'x':
    case 'X': {
      if (spec.precision >= 0) value = value.substr(0, static_cast<size_t>(spec.precision));
      const std::string_view digits = spec.verb == 'x' ? kLowerHex : kUpperHex;
      std::string text;
      for (size_t i = 0; i < value.size(); ++i) {
        if (spec.space && i > 0) text.push_back(' ');
        const auto byte = static_cast<uint8_t>(value[i]);
        if (spec.sharp && (spec.space || i == 0)) text.append(spec.verb == 'x' ? "0x" : "0X");
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 0xf]);
      }
      return Pad(text, spec);
    }
    default:
      return BadVerb(spec.verb, Value(value));
  }
}

void Printer::PrintNested(const Value& value, const Spec& spec) {
  if (full()) return;
  if (value.IsNil()) {
    Append("<nil>");
  } else {
    Print(value, spec);
  }
}

void Printer::PrintContainer(const Value& value, const Spec& spec) {
  std::string_view separator;
  const auto separate = [this, &separator] {
    Append(separator);
    separator = " ";
  };
  if (const List* list = value.AsList()) {
    Append("[");
    for (const Value& item : *list) {
      separate();
      PrintNested(item, spec);
    }
    Append("]");
  } else if (const Map* map = value.AsMap()) {
    Append("map[");
    for (const auto& [key, entry] : map->entries) {
      separate();
      PrintString(key, spec);
      Append(":");
      PrintNested(entry, spec);
    }
    Append("]");
  } else if (const Record* record = value.AsRecord()) {
    Append("{");
    for (const auto& [name, field] : record->fields) {
      separate();
      PrintNested(field, spec);
    }
    Append("}");
  }
}

void Printer::Print(const Value& value, const Spec& spec) {
  if (value.IsNil()) {
    if (spec.verb == 'v') return Pad("<nil>", spec);
    return BadVerb(spec.verb, value);
  }
  if (const bool* boolean = value.AsBool()) return PrintBool(*boolean, spec);
  if (const int64_t* integer = value.AsInt()) return PrintInt(*integer, spec);
  if (const double* number = value.AsFloat()) return PrintFloat(*number, spec);
  if (const std::string* text = value.AsString()) return PrintString(*text, spec);
  if (const Time* time = value.AsTime()) return PrintString(TimeString(*time), spec);
  if (const Duration* duration = value.AsDuration()) {
    const bool as_text = std::string_view("vsq").find(spec.verb) != std::string_view::npos;
    return as_text ? PrintString(FormatGoDuration(*duration), spec)
                   : PrintInt(duration->nanos, spec);
  }
  if (value.type() != nullptr && value.type()->print) {
    return PrintString(value.type()->print(value), spec);
  }
  PrintContainer(value, spec);
}

/// Reads formats and hands operands to a Printer.
class Formatter {
 public:
  Formatter(std::string_view format, std::span<const Value> operands, size_t bytes_max)
      : rest_(format), operands_(operands), printer_(bytes_max) {}

  std::optional<std::string> Run() {
    while (!rest_.empty() && !printer_.full()) {
      const size_t percent = std::min(rest_.find('%'), rest_.size());
      printer_.Append(rest_.substr(0, percent));
      rest_.remove_prefix(percent);
      if (!rest_.empty()) Verb();
    }
    if (next_ < operands_.size() && !indexed_) Extra();
    return std::move(printer_).Take();
  }

 private:
  /// REQUIRES: rest_ begins with '%'.
  void Verb();
  void Flags(Spec* spec);
  /// The number at the front, or with '*' the next operand; `fallback` where there is neither.
  int Number(int fallback, std::string_view complaint);
  void Extra();

  std::string_view rest_;
  const std::span<const Value> operands_;
  size_t next_ = 0;
  bool indexed_ = false;
  Printer printer_;
};

void Formatter::Flags(Spec* spec) {
  for (; !rest_.empty(); rest_.remove_prefix(1)) {
    switch (rest_.front()) {
      case '-':
        spec->minus = true;
        break;
      case '+':
        spec->plus = true;
        break;
      case '#':
        spec->sharp = true;
        break;
      case ' ':
        spec->space = true;
        break;
      case '0':
        spec->zero = true;
        break;
      default:
        return;
    }
  }
}

int Formatter::Number(int fallback, std::string_view complaint) {
  if (rest_.starts_with('*')) {
    rest_.remove_prefix(1);
    const int64_t* given = next_ < operands_.size() ? operands_[next_].AsInt() : nullptr;
    ++next_;
    if (given == nullptr || *given > kWidthMax || *given < -kWidthMax) {
      printer_.Append(complaint);
      return fallback;
    }
    return static_cast<int>(*given);
  }
  int number = fallback;
  for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; rest_.remove_prefix(1)) {
    number = std::min(std::max(number, 0) * 10 + (rest_[0] - '0'), kWidthMax + 1);
  }
  if (number > kWidthMax) {
    printer_.Append(complaint);
    return fallback;
  }
  return number;
}

void Formatter::Verb() {
  rest_.remove_prefix(1);
  Spec spec;
  Flags(&spec);
  if (rest_.starts_with('[')) {
    const size_t end = rest_.find(']');
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!rest_.empty()) rest_.remove_prefix(1);
    indexed_ = true;
    printer_.Append("%!(BADINDEX)");
    return;
  }
  spec.width = Number(0, "%!(BADWIDTH)");
  if (spec.width < 0) {
    spec.minus = true;
    spec.width = -spec.width;
  }
  if (rest_.starts_with('.')) {
    rest_.remove_prefix(1);
    const bool given = rest_.starts_with('*');
    spec.precision = Number(given ? -1 : 0, "%!(BADPREC)");
    if (spec.precision < 0) spec.precision = -1;
  }
  if (rest_.empty()) {
    printer_.Append("%!(NOVERB)");
    return;
  }
  uint32_t rune = 0;
  const std::string_view verb = rest_.substr(0, std::max<size_t>(DecodeRune(rest_, &rune), 1));
  rest_.remove_prefix(verb.size());
  if (verb == "%") {
    printer_.Append("%");
  } else if (next_ >= operands_.size()) {
    printer_.Append("%!" + std::string(verb) + "(MISSING)");
  } else {
    spec.verb = verb.size() == 1 ? verb[0] : '?';
    if (spec.minus) spec.zero = false;
    printer_.Print(operands_[next_++], spec);
  }
}

void Formatter::Extra() {
  printer_.Append("%!(EXTRA ");
  std::string_view separator;
  for (const Value& value : operands_.subspan(next_)) {
    printer_.Append(separator);
    separator = ", ";
    if (!value.IsNil()) printer_.Append(value.TypeName() + "=");
    printer_.Print(value, Spec{});
  }
  printer_.Append(")");
}

}  // namespace

std::optional<std::string> PrintValue(const Value& value, size_t bytes_max) {
  Printer printer(bytes_max);
  printer.Print(value, Spec{});
  return std::move(printer).Take();
}

std::optional<std::string> Sprint(std::span<const Value> values, size_t bytes_max) {
  Printer printer(bytes_max);
  for (size_t i = 0; i < values.size(); ++i) {
    const bool texts =
        values[i].AsString() != nullptr || (i > 0 && values[i - 1].AsString() != nullptr);
    if (i > 0 && !texts) printer.Append(" ");
    printer.Print(values[i], Spec{});
  }
  return std::move(printer).Take();
}

std::optional<std::string> Sprintln(std::span<const Value> values, size_t bytes_max) {
  Printer printer(bytes_max);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) printer.Append(" ");
    printer.Print(values[i], Spec{});
  }
  printer.Append("\n");
  return std::move(printer).Take();
}

std::optional<std::string> Sprintf(std::string_view format, std::span<const Value> operands,
                                   size_t bytes_max) {
  return Formatter(format, operands, bytes_max).Run();
}

}  // namespace tocsin::tmpl
