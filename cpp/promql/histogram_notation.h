/// `{{schema:1 sum:5 count:2 buckets:[1 1]}}`: native histograms as text.

#pragma once

#include <cstddef>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/promql/series_notation.h"

namespace tocsin::promql {

/// A line that is being read from the front.
class NotationReader {
 public:
  explicit NotationReader(std::string_view text) : text_(text) {}

  bool AtEnd() const { return position_ == text_.size(); }
  /// The next character, 0 at the end.
  char Peek() const { return AtEnd() ? '\0' : text_[position_]; }
  std::string_view rest() const { return text_.substr(position_); }
  void Skip(size_t count) { position_ += count; }
  /// Takes `word` if it is next.
  bool Take(std::string_view word);
  /// Takes spaces and tabs; true if there were any.
  bool TakeSpace();
  /// Takes letters and underscores.
  std::string_view TakeWord();

  /// A decimal number, `Inf` or `NaN` in any case, with an optional sign.
  Result<double> TakeNumber();
  /// Digits after the `x` that was taken, at most kMaxNotedValues.
  Result<size_t> TakeTimes();
  /// `[+-]`, digits and a unit, or several such; as ParseDuration otherwise.
  Result<Millis> TakeOffset();

  /// "1:7: parse error: what (rest of the line)"
  Failure Fail(std::string_view what) const;

 private:
  std::string_view text_;
  size_t position_ = 0;
};

/// Takes a histogram in double braces. REQUIRES: they are next.
Result<NotedValue> TakeHistogram(NotationReader* reader);

}  // namespace tocsin::promql
