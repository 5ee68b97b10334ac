/// Selectors and lists of labels: the parts of a query that name series.

#pragma once

#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/token_stream.h"

namespace tocsin::promql {

/// Also keywords may be the name of a metric.
bool CanNameMetric(TokenKind kind);

class SelectorParser {
 public:
  /// Both are borrowed.
  SelectorParser(TokenStream* tokens, const ParserOptions& options)
      : tokens_(tokens), options_(options) {}

  /// `name{...}`, without ranges and modifiers. REQUIRES: a name or a brace is at the front.
  Result<VectorSelector> ParseVectorSelector();
  /// `traceql("...", 5m)`. REQUIRES: the name and a parenthesis are at the front.
  Result<TraceqlSelector> ParseTraceql();
  /// `(a, "b c")`, as behind `by` and `on`.
  Result<std::vector<std::string>> ParseLabelList();

 private:
  Status CheckTraceQuery(const Token& literal, const std::string& query) const;
  Status ParseMatchers(std::vector<Matcher>* matchers);
  Result<Matcher> ParseMatcher();

  TokenStream* tokens_;
  const ParserOptions& options_;
};

}  // namespace tocsin::promql
