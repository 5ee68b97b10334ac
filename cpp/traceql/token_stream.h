/// The tokens of a query with one of them in view, and the words of syntax errors.

#pragma once

#include <string_view>

#include "cpp/base/status.h"
#include "cpp/traceql/lexer.h"

namespace tocsin::traceql {

class TokenStream {
 public:
  /// `text` must outlive the stream. Nothing is in view before the first Advance().
  TokenStream(std::string_view text, bool strict) : lexer_(text, strict), strict_(strict) {}

  bool strict() const { return strict_; }
  const Token& token() const { return token_; }
  Token& token() { return token_; }

  Status Advance() {
    TOCSIN_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return {};
  }
  bool Is(std::string_view symbol) const { return token_.Is(symbol); }
  bool IsWord(std::string_view word) const {
    return token_.kind == Token::Kind::kWord && token_.text == word;
  }
  /// Steps over the symbol; refuses anything else.
  Status Expect(std::string_view symbol);
  /// `syntax error: unexpected ..., expected ...` at the token in view.
  Failure Unexpected(std::string_view expected) const;

 private:
  Lexer lexer_;
  bool strict_;
  Token token_;
};

/// A field: of an expression or of a list. Refuses anything else as not `expected`.
Result<Field> ParseField(TokenStream* tokens, std::string_view expected);

/// A field expression, up to the first token that cannot continue it. Types are not checked.
Result<Expr> ParseExpr(TokenStream* tokens);

}  // namespace tocsin::traceql
