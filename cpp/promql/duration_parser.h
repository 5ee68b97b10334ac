/// Lengths of time inside of brackets and behind `offset`, and what they come to.

#pragma once

#include <cstddef>

#include "cpp/base/status.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/token_stream.h"

namespace tocsin::promql {

class DurationParser {
 public:
  /// Without `expressions`, anything but a literal is refused by name.
  DurationParser(TokenStream* tokens, bool expressions)
      : tokens_(tokens), expressions_(expressions) {}

  /// A duration may start with the token at the front.
  bool CanStart() const;
  /// A whole expression; a literal must be greater than zero.
  Result<Duration> ParsePositive();
  /// A literal with an optional sign, step(), range(), min_of(), max_of() or an expression in
  /// parentheses: `x offset 5m * 2` is `(x offset 5m) * 2`.
  Result<Duration> ParseOffset();

 private:
  Result<DurationExpr> ParseExpr(int precedence);
  /// An optional sign, and behind a sign what `operand_of` parses.
  Result<DurationExpr> ParseUnary(Result<DurationExpr> (DurationParser::*operand_of)());
  Result<DurationExpr> ParsePower();
  Result<DurationExpr> ParsePrimary();
  Result<DurationExpr> ParseFunction();
  Result<DurationExpr> ParseNumber();
  Result<Duration> Finish(DurationExpr expr, bool positive) const;

  TokenStream* tokens_;
  const bool expressions_;
  size_t nodes_ = 0;
};

/// What the expressions in a query refer to.
struct DurationContext {
  Millis step = 0;   ///< 0 for an instant query.
  Millis range = 0;  ///< end - start.
};

/// The length in milliseconds. kFailedPrecondition for one that is not finite, out of range, or not
/// positive although it must be.
Result<Millis> EvaluateDuration(const Duration& duration, const DurationContext& context,
                                bool must_be_positive);

}  // namespace tocsin::promql
