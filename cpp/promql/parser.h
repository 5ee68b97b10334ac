/// PromQL text to an expression tree.
///
/// Errors are kInvalidArgument and read as Prometheus's: "1:5: parse error: unexpected <op:*>",
/// with the line and the column of the place. A tree that was returned is well typed.

#pragma once

#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/trace_selector.h"

namespace tocsin::promql {

/// What Prometheus keeps behind feature flags, and what it does not have.
struct ParserOptions {
  bool experimental_functions = false;    ///< promql-experimental-functions
  bool duration_expressions = false;      ///< promql-duration-expr
  bool extended_range_selectors = false;  ///< promql-extended-range-selectors
  bool fill_modifiers = false;            ///< promql-binop-fill-modifiers
  /// Judges what stands inside of traceql(). Null: a bad text is found when it is evaluated.
  TraceQueryCheck check_traces = nullptr;

  /// Of what Prometheus has.
  static ParserOptions Everything() { return {true, true, true, true, nullptr}; }
};

/// The height that a tree may have, as that of `a or a or a ...`: what keeps every walk over it
/// from running out of stack.
inline constexpr uint32_t kMaxExpressionHeight = 500;

/// How deep parentheses, calls and unary operators may nest; the parser itself recurses there.
inline constexpr uint32_t kMaxExpressionNesting = 200;

Result<Expr> Parse(std::string_view query, const ParserOptions& options = {});

/// `name{label="value"}` alone, as in the API's match[]. Unlike in a query, the matchers may all
/// match the empty string.
Result<std::vector<Matcher>> ParseSelector(std::string_view text);

}  // namespace tocsin::promql
