/// Values while a query runs, and what the operators do with them.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cpp/lib/regex.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// A value that is looked at, not owned: `text` belongs to a column, a literal or a batch.
struct Scalar {
  enum class Kind : uint8_t {
    kNil,  ///< No value.
    kBool,
    kInt,  ///< Ints and durations.
    kFloat,
    kString,
    kStatus,
    kSpanKind,
    kComposite,  ///< An array or a kvlist; `text` is its encoding.
    kOpaque,     ///< Something is there that no operator but a comparison with nil can use.
  };
  Kind kind = Kind::kNil;
  bool is_duration = false;  ///< kInt: arithmetic gives floats then.
  int64_t integer = 0;       ///< kBool, kInt, kStatus, kSpanKind.
  double number = 0;         ///< kFloat.
  std::string_view text;     ///< kString, kComposite.

  static Scalar Bool(bool value) { return {Kind::kBool, false, value ? 1 : 0, 0, {}}; }
  static Scalar Int(int64_t value) { return {Kind::kInt, false, value, 0, {}}; }
  static Scalar Duration(int64_t nanos) { return {Kind::kInt, true, nanos, 0, {}}; }
  static Scalar Float(double value) { return {Kind::kFloat, false, 0, value, {}}; }
  static Scalar String(std::string_view value) { return {Kind::kString, false, 0, 0, value}; }

  bool IsNumber() const { return kind == Kind::kInt || kind == Kind::kFloat; }
  double AsDouble() const { return kind == Kind::kInt ? static_cast<double>(integer) : number; }
  bool IsTrue() const { return kind == Kind::kBool && integer != 0; }
};

/// Lives as long as `value`. An AnyValue without a value is nil.
Scalar ScalarOf(const Value& value);
Scalar ScalarOf(const Literal& literal);

/// `left op right` for a comparison that is no test for nil. False if a side is nil or the types do
/// not meet. Of an array: true if any element does, for != and !~ if none of its elements, and at
/// least one of the other side's type, is equal or matches.
/// `regex` is the compiled right side of =~ and !~, else null.
bool Compare(Op op, const Scalar& left, const Scalar& right, const lib::Regex* regex);

/// Ints with an int result wrap around on overflow and truncate on division; with a duration or a
/// float in it the result is a float. Nil for what is no number, and for division by int zero.
Scalar Calculate(Op op, const Scalar& left, const Scalar& right);
Scalar Negate(const Scalar& value);

/// The scalar elements of an array in protobuf's AnyValue encoding; elements that are lists
/// themselves are left out. Empty for a kvlist, and stops at bytes that are no valid encoding.
std::vector<Scalar> DecodeArray(std::string_view any_value);

}  // namespace tocsin::traceql
