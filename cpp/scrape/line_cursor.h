/// A place in one line of a text exposition, and how the parts of a line are read there.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"

namespace tocsin::scrape {

constexpr bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool IsNameChar(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }
constexpr bool IsMetricNameChar(char c) { return IsNameChar(c) || c == ':'; }
constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }

class LineCursor {
 public:
  /// `line` is part of line `number`, and begins `offset` bytes behind its beginning. `loose`:
  /// blanks may stand between any two parts; otherwise nowhere but where a function says so.
  LineCursor(std::string_view line, size_t number, size_t offset, bool loose)
      : line_(line), number_(number), offset_(offset), loose_(loose) {}

  bool AtEnd() const { return at_ == line_.size(); }
  char Peek() const { return AtEnd() ? '\0' : line_[at_]; }
  size_t at() const { return at_; }
  std::string_view Rest() const { return line_.substr(at_); }
  void Skip(size_t bytes) { at_ += bytes; }
  /// In loose lines only.
  void SkipBlanks() {
    while (loose_ && IsBlank(Peek())) ++at_;
  }
  /// What separates two words of a line: exactly one space, or in loose lines any blanks.
  Status Separator(std::string_view before);

  /// The name of a metric, bare or in quotes.
  Result<std::string> MetricName();
  /// The bytes that name a series: a metric name, labels, or both. Only their extent is found; what
  /// is wrong inside is found by Series().
  Result<std::string_view> SeriesBytes();
  /// A series: __name__ first, then the labels in their order. Up to the end of the line.
  Result<std::vector<Labels::Pair>> Series();
  /// From an opening brace to behind the closing one. A quoted name without a value is the
  /// metric's, if `name` is not null.
  Status LabelSet(std::vector<Labels::Pair>* labels, std::string* name);
  Result<std::string> QuotedText();
  /// The characters up to the next space.
  std::string_view Word();
  Result<double> Number();

  Failure Wrong(std::string_view what) const { return WrongAt(at_, what); }
  Failure WrongAt(size_t at, std::string_view what) const;
  Failure Expected(std::string_view what) const;

 private:
  Status OneLabel(std::vector<Labels::Pair>* labels, std::string* name);

  const std::string_view line_;
  const size_t number_;
  const size_t offset_;
  const bool loose_;
  size_t at_ = 0;
};

/// Undoes the escapes \\, \n and, with `quotes`, \". Another backslash stands for itself.
std::string Unescaped(std::string_view text, bool quotes);

}  // namespace tocsin::scrape
