#include "cpp/template/go_format.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "cpp/base/utf8.h"
#include "cpp/template/go_printer.h"

namespace tocsin::tmpl {
namespace {

/// Beyond it a width or precision is no number for Go.
constexpr int64_t kNumberMax = 1'000'000;

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
    if (next_ < operands_.size() && !reordered_) Extra();
    return std::move(printer_).Take();
  }

 private:
  /// REQUIRES: rest_ begins with '%'.
  void Verb();
  void Flags(Spec* spec);
  void Width(Spec* spec);
  void Precision(Spec* spec);
  /// Reads "[3]", after which the next operand is the third.
  void Index();
  /// The digits at the front. A number too large takes the rest of the format with it.
  std::optional<size_t> Digits();
  /// The operand that '*' stands for.
  std::optional<int64_t> Star();
  void Apply(Spec spec);
  void Extra();

  std::string_view rest_;
  const std::span<const Value> operands_;
  size_t next_ = 0;
  bool reordered_ = false;
  // Of the present verb.
  bool index_is_good_ = true;
  bool after_index_ = false;  ///< Nothing but the index has been read since the index.
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

std::optional<size_t> Formatter::Digits() {
  std::optional<size_t> number;
  for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; rest_.remove_prefix(1)) {
    if (number.value_or(0) > kNumberMax) {
      rest_ = {};
      return std::nullopt;
    }
    number = number.value_or(0) * 10 + static_cast<size_t>(rest_[0] - '0');
  }
  return number;
}

void Formatter::Index() {
  after_index_ = false;
  if (!rest_.starts_with('[')) return;
  reordered_ = true;
  const size_t end = rest_.find(']');
  if (end == std::string_view::npos) {
    index_is_good_ = false;
    rest_.remove_prefix(1);
    return;
  }
  const std::string_view behind = rest_.substr(end + 1);
  rest_ = rest_.substr(1, end - 1);
  const std::optional<size_t> number = Digits();
  const bool is_number = number.has_value() && rest_.empty();
  rest_ = behind;
  after_index_ = is_number;
  if (is_number && *number >= 1 && *number <= operands_.size()) {
    next_ = *number - 1;
  } else {
    index_is_good_ = false;
  }
}

std::optional<int64_t> Formatter::Star() {
  rest_.remove_prefix(1);
  after_index_ = false;
  if (next_ >= operands_.size()) return std::nullopt;
  const int64_t* given = operands_[next_++].AsInt();
  if (given == nullptr || *given > kNumberMax || *given < -kNumberMax) return std::nullopt;
  return *given;
}

void Formatter::Width(Spec* spec) {
  if (rest_.starts_with('*')) {
    const std::optional<int64_t> width = Star();
    if (!width) printer_.Append("%!(BADWIDTH)");
    if (width.value_or(0) < 0) spec->minus = true;
    spec->width = static_cast<size_t>(std::abs(width.value_or(0)));
    return;
  }
  const std::optional<size_t> width = Digits();
  if (width && after_index_) index_is_good_ = false;  // "%[3]2d"
  spec->width = width.value_or(0);
}

void Formatter::Precision(Spec* spec) {
  if (!rest_.starts_with('.')) return;
  rest_.remove_prefix(1);
  if (after_index_) index_is_good_ = false;  // "%[3].2d"
  Index();
  if (!rest_.starts_with('*')) {
    spec->precision = Digits().value_or(0);
    return;
  }
  const std::optional<int64_t> precision = Star();
  if (precision.value_or(-1) < 0) {
    printer_.Append("%!(BADPREC)");
  } else {
    spec->precision = static_cast<size_t>(*precision);
  }
}

void Formatter::Verb() {
  rest_.remove_prefix(1);
  Spec spec;
  index_is_good_ = true;
  Flags(&spec);
  Index();
  Width(&spec);
  Precision(&spec);
  if (!after_index_) Index();
  if (rest_.empty()) {
    printer_.Append("%!(NOVERB)");
    return;
  }
  uint32_t rune = 0;
  spec.verb = rest_.substr(0, std::max<size_t>(DecodeRune(rest_, &rune), 1));
  rest_.remove_prefix(spec.verb.size());
  Apply(spec);
}

void Formatter::Apply(Spec spec) {
  const auto complain = [&](std::string_view about) {
    printer_.Append("%!");
    printer_.Append(spec.verb);
    printer_.Append(about);
  };
  if (spec.Is('%')) return printer_.Append("%");
  if (!index_is_good_) return complain("(BADINDEX)");
  if (next_ >= operands_.size()) return complain("(MISSING)");
  if (spec.minus) spec.zero = false;
  if (spec.Is('v')) {
    spec.as_source = std::exchange(spec.sharp, false);
    spec.named_fields = std::exchange(spec.plus, false);
  }
  printer_.Print(operands_[next_++], spec);
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
