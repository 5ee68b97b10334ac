// Texts, containers, and what has a text of its own.

#include "cpp/template/go_printer.h"

#include <algorithm>

#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"
#include "cpp/template/time_format.h"

namespace tocsin::tmpl {
namespace {

constexpr std::string_view kLowerHex = "0123456789abcdef";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";

/// Whether the text may stand between backticks as it is.
bool FitsBackticks(std::string_view text) {
  return IsValidUtf8(text) && text.find("\xef\xbb\xbf") == std::string_view::npos &&
         std::ranges::none_of(text, [](char c) {
           return (static_cast<uint8_t>(c) < ' ' && c != '\t') || c == '`' || c == '\x7f';
         });
}

}  // namespace

std::string AsciiOnly(std::string_view quoted) {
  std::string out;
  while (!quoted.empty()) {
    uint32_t rune = 0;
    const size_t size = std::max<size_t>(DecodeRune(quoted, &rune), 1);
    if (rune < 0x80) {
      out.append(quoted.substr(0, size));
    } else {
      const int digits = rune > 0xffff ? 8 : 4;
      out.append(digits == 8 ? "\\U" : "\\u");
      for (int i = digits - 1; i >= 0; --i) out.push_back(kLowerHex[rune >> (4 * i) & 0xf]);
    }
    quoted.remove_prefix(size);
  }
  return out;
}

void Printer::Pad(std::string_view text, const Spec& spec) {
  const size_t runes = spec.width == 0 ? 0 : RuneCount(text);
  const size_t fill = spec.width > runes ? spec.width - runes : 0;
  if (!spec.minus) Append(Fill(fill, spec.zero ? '0' : ' '));
  Append(text);
  if (spec.minus) Append(Fill(fill, ' '));
}

void Printer::BadVerb(const Spec& spec, const Value& value) {
  Append("%!");
  Append(spec.verb);
  Append("(");
  if (value.IsNil()) {
    Append("<nil>)");
    return;
  }
  Append(value.TypeName() + "=");
  Spec plain = spec;
  plain.verb = "v";
  plain.bare = true;
  Print(value, plain);
  Append(")");
}

void Printer::PrintHex(std::string_view value, const Spec& spec) {
  if (spec.precision) value = value.substr(0, *spec.precision);
  const bool lower = spec.Is('x');
  const std::string_view digits = lower ? kLowerHex : kUpperHex;
  std::string text;
  for (size_t i = 0; i < value.size() && text.size() <= bytes_max_; ++i) {
    if (spec.space && i > 0) text.push_back(' ');
    const auto byte = static_cast<uint8_t>(value[i]);
    if (spec.sharp && (spec.space || i == 0)) text.append(lower ? "0x" : "0X");
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 0xf]);
  }
  Pad(text, spec);
}

void Printer::PrintQuoted(std::string_view value, const Spec& spec) {
  if (spec.sharp && FitsBackticks(value)) {
    return Pad(std::string("`").append(value).append("`"), spec);
  }
  Pad(spec.plus ? AsciiOnly(QuoteGo(value)) : QuoteGo(value), spec);
}

void Printer::PrintString(std::string_view value, const Spec& spec, const Value& original) {
  if (spec.Is('x') || spec.Is('X')) return PrintHex(value, spec);
  if (spec.precision) value = FirstRunes(value, *spec.precision);
  if (spec.Is('q') || (spec.Is('v') && spec.as_source)) return PrintQuoted(value, spec);
  if (spec.Is('v') || spec.Is('s')) return Pad(value, spec);
  BadVerb(spec, original);
}

void Printer::PrintNested(const Value& value, const Spec& spec) {
  if (full()) return;
  if (value.IsNil()) {
    Append(spec.as_source ? "interface {}(nil)" : "<nil>");
  } else {
    Print(value, spec);
  }
}

void Printer::PrintContainer(const Value& value, const Spec& spec) {
  std::string_view separator;
  const auto separate = [&] {
    Append(separator);
    separator = spec.as_source ? ", " : " ";
  };
  const bool source = spec.as_source;
  if (source) Append(value.TypeName());
  if (const List* list = value.AsList()) {
    Append(source ? "{" : "[");
    for (const Value& item : *list) {
      separate();
      PrintNested(item, spec);
    }
    Append(source ? "}" : "]");
  } else if (const Map* map = value.AsMap()) {
    Append(source ? "{" : "map[");
    for (const auto& [key, entry] : map->entries) {
      separate();
      Print(Value(key), spec);
      Append(":");
      PrintNested(entry, spec);
    }
    Append(source ? "}" : "]");
  } else if (const Record* record = value.AsRecord()) {
    Append("{");
    for (const auto& [name, field] : record->fields) {
      separate();
      if (source || spec.named_fields) Append(name + ":");
      PrintNested(field, spec);
    }
    Append("}");
  }
}

/// Prints what has a String method, if the verb asks for text.
bool Printer::PrintAsText(const Value& value, const Spec& spec) {
  if (std::string_view("vsqxX").find(spec.verb) == std::string_view::npos) return false;
  if (const Time* time = value.AsTime()) {
    const bool source = spec.as_source;
    source ? Pad(TimeSource(*time), spec) : PrintString(TimeString(*time), spec, value);
    return true;
  }
  if (spec.as_source || spec.bare) return false;
  if (const Duration* duration = value.AsDuration()) {
    PrintString(FormatGoDuration(*duration), spec, value);
    return true;
  }
  if (value.type() == nullptr || !value.type()->print) return false;
  PrintString(value.type()->print(value), spec, value);
  return true;
}

void Printer::Print(const Value& value, const Spec& spec) {
  if (full()) return;
  if (spec.Is('T')) {
    Spec text = spec;
    text.verb = "s";
    return value.IsNil() ? Pad("<nil>", text) : PrintString(value.TypeName(), text, value);
  }
  if (value.IsNil()) {
    if (spec.Is('v')) return Pad("<nil>", spec);
    return BadVerb(spec, value);
  }
  if (PrintAsText(value, spec)) return;
  if (const bool* boolean = value.AsBool()) return PrintBool(*boolean, spec);
  if (const int64_t* integer = value.AsInt()) return PrintInt(*integer, spec, value);
  if (const double* number = value.AsFloat()) return PrintFloat(*number, spec);
  if (const std::string* text = value.AsString()) return PrintString(*text, spec, value);
  if (const Duration* duration = value.AsDuration()) return PrintInt(duration->nanos, spec, value);
  if (value.AsTime() != nullptr) return BadVerb(spec, value);
  PrintContainer(value, spec);
}

}  // namespace tocsin::tmpl
