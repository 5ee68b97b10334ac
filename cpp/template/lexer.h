/// The words inside the braces of a template. Private to this folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/template/value.h"

namespace tocsin::tmpl::internal {

struct Token {
  enum class Kind : uint8_t {
    kEnd,  ///< "}}", with or without its trim marker.
    kDot,
    kField,       ///< ".name"; `text` is the name.
    kVariable,    ///< "$name" or "$".
    kIdentifier,  ///< Functions and keywords.
    /// True, false, numbers, characters and strings, in `value`. It is nil for an integer beyond
    /// int64 that uint64 holds: Go reads these, and complains when they are used.
    kConstant,
    kOpen,
    kClose,
    kPipe,
    kComma,
    kDeclare,  ///< ":=".
    kAssign,
  };
  Kind kind = Kind::kEnd;
  std::string text;
  Value value;
  size_t offset = 0;
  bool after_space = false;  ///< Words are told apart by it: ".a .b" are two, ".a.b" is one.
  bool trims = false;        ///< kEnd: " -}}".
};

/// The token as complaints name it.
std::string Describe(const Token& token);

/// Reads the tokens of one action.
class Lexer {
 public:
  /// `text` is the whole template, `offset` lies behind the opening braces and their trim marker.
  Lexer(std::string_view text, size_t offset) : text_(text), offset_(offset) {}

  /// kInvalidArgument with the position.
  Result<Token> Next();

  /// Behind the last token.
  size_t offset() const { return offset_; }

 private:
  Failure ErrorAt(size_t offset, std::string_view message) const;
  Result<Token> Word(Token token);
  Result<Token> Number(Token token);
  Result<Token> Quoted(Token token);
  Result<Token> RawString(Token token);
  Result<Token> Name(Token token, size_t skip);
  Result<int64_t> Escape(size_t* at, char quote, bool* is_byte) const;
  bool EndsWord() const;

  std::string_view text_;
  size_t offset_;
};

}  // namespace tocsin::tmpl::internal
