/// What may stand behind a selector or a subquery: `offset`, `@`, `anchored` and `smoothed`.

#pragma once

#include "cpp/base/status.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/token_stream.h"

namespace tocsin::promql {

class ModifierParser {
 public:
  /// Both are borrowed.
  ModifierParser(TokenStream* tokens, const ParserOptions& options)
      : tokens_(tokens), options_(options) {}

  /// A modifier may start with the token at the front.
  bool CanStart() const;
  /// Takes one modifier, and puts it into what it stands behind. REQUIRES: CanStart().
  Status ParseInto(Expr* expr);

 private:
  Status ParseOffset(Expr* expr);
  Status ParseAt(Expr* expr);
  Status ParseExtension(Expr* expr);

  TokenStream* tokens_;
  const ParserOptions& options_;
};

}  // namespace tocsin::promql
