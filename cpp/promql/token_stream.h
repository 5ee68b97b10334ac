/// The tokens of a query as its parsers consume them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/lexer.h"

namespace tocsin::promql {

class TokenStream {
 public:
  /// `query` is borrowed for the life of this.
  explicit TokenStream(std::string_view query) : query_(query), tokens_(Tokenize(query)) {}

  std::string_view query() const { return query_; }
  /// Behind the last token is nothing but copies of it: the end, or the lexer's error.
  const Token& Peek(size_t ahead = 0) const;
  TokenKind PeekKind(size_t ahead = 0) const { return Peek(ahead).kind; }
  const Token& Take();
  bool TakeIf(TokenKind kind);
  /// Where the last token taken ends.
  uint32_t consumed_end() const { return consumed_end_; }

  /// The value of the kNumber or kDuration at the front, in seconds; kInvalidArgument if it is none
  /// after all (3s5m) or too large. REQUIRES: one of the two is at the front.
  Result<double> TakeNumber();

  /// What stands at the front may not stand there: `unexpected <op:*> in <context>, expected
  /// <expected>`. Of a token that the lexer refused: its error.
  Failure Unexpected(std::string_view context, std::string_view expected) const;
  /// A complaint about a part of the query.
  Failure Error(PosRange pos, std::string_view message) const;

 private:
  std::string_view query_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
  uint32_t consumed_end_ = 0;
};

}  // namespace tocsin::promql
