/// One value as one verb of fmt.Sprintf shows it. Private to this folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/template/value.h"

namespace tocsin::tmpl {

/// What a verb asks for, flags first: "%+08.3f".
struct Spec {
  bool minus = false;
  bool plus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  bool named_fields = false;  ///< "%+v": records with the names of their fields.
  bool as_source = false;     ///< "%#v": as it would be written in a program.
  bool bare = false;          ///< Numbers as they are, though they have names.
  size_t width = 0;
  std::optional<size_t> precision = {};
  std::string_view verb = "v";  ///< One character.

  bool Is(char c) const { return verb.size() == 1 && verb[0] == c; }
};

/// Appends values, and stops growing beyond a bound.
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
  // Numbers: go_print_number.cc.
  void PrintBool(bool value, const Spec& spec);
  /// `original`: the value that the integer stands for, for complaints.
  void PrintInt(int64_t value, const Spec& spec, const Value& original);
  void PrintInBase(int64_t value, int base, std::string prefix, const Spec& spec);
  void PrintFloat(double value, const Spec& spec);
  void PadFloat(std::string number, const Spec& spec);

  void PrintString(std::string_view value, const Spec& spec, const Value& original);
  void PrintQuoted(std::string_view value, const Spec& spec);
  void PrintHex(std::string_view value, const Spec& spec);
  void PrintNested(const Value& value, const Spec& spec);
  void PrintContainer(const Value& value, const Spec& spec);
  bool PrintAsText(const Value& value, const Spec& spec);
  void BadVerb(const Spec& spec, const Value& value);
  /// Fills up to the width with spaces, or zeros.
  void Pad(std::string_view text, const Spec& spec);
  /// As many as asked for, but no more than there is room for.
  std::string Fill(size_t count, char c) const {
    return std::string(count < bytes_max_ ? count : bytes_max_ + 1, c);
  }

  const size_t bytes_max_;
  std::string out_;
};

/// A float as strconv.FormatFloat writes it: `format` is one of e, E, f, g, G, b, x, X; without a
/// precision the fewest digits that tell it from others. Not longer than `bytes_max` and some.
std::string FloatText(double value, char format, std::optional<size_t> precision, size_t bytes_max);

/// A quoted text with escapes in place of all that is not ASCII.
std::string AsciiOnly(std::string_view quoted);

/// What asks for upper case digits.
std::string UpperCase(std::string text);

}  // namespace tocsin::tmpl
