/// The tokens of a TraceQL query, one at a time.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"

namespace tocsin::traceql {

struct Token {
  enum class Kind : uint8_t {
    kEnd,
    kSymbol,   ///< An operator or a bracket: `text`.
    kLiteral,  ///< A string, a number or a duration: `literal`.
    kField,    ///< A name with a scope, a dot or a colon: `field`.
    kWord,     ///< A bare word: `text`. Loose names make words of dots and hyphens too.
  };
  Kind kind = Kind::kEnd;
  Position at;
  std::string_view text;  ///< As written; lives as long as the query.
  Literal literal;
  Field field;

  bool Is(std::string_view symbol) const { return kind == Kind::kSymbol && text == symbol; }
};

/// "parse error at line 1, col 3: ".
Failure ParseError(const Position& at, std::string_view message);

class Lexer {
 public:
  /// `text` must outlive the lexer and its tokens.
  Lexer(std::string_view text, bool strict) : text_(text), strict_(strict) {}

  /// The next token; kEnd for ever after the last.
  Result<Token> Next();

 private:
  Status SkipSpace();
  void Step(size_t bytes);
  char Peek(size_t ahead = 0) const {
    return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0';
  }
  Result<Token> ReadSymbol();
  Result<Token> ReadNumber();
  Result<Token> ReadDuration(size_t length);
  Result<Token> ReadString();
  Result<Token> ReadRawString();
  Status ReadEscape(std::string* out);
  Result<Token> ReadName();
  size_t BareWordLength() const;
  Result<Token> ReadScopedIntrinsic(std::string_view scope);
  Result<Token> ReadAttribute(std::string_view scope);
  struct AttributeName {
    std::string name;
    bool quoted = false;
  };
  Result<AttributeName> ReadAttributeName();
  Token Start(Token::Kind kind) const {
    Token token;
    token.kind = kind;
    token.at = at_;
    return token;
  }
  /// Cuts the text of a token that began at `begin`.
  std::string_view Since(size_t begin) const { return text_.substr(begin, offset_ - begin); }

  std::string_view text_;
  bool strict_;
  size_t offset_ = 0;
  Position at_;
};

}  // namespace tocsin::traceql
