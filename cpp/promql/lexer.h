/// PromQL text as tokens.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::promql {

enum class TokenKind : uint8_t {
  kEnd,
  kError,  ///< `text` says what is wrong.
  // With a value of their own.
  kIdentifier,
  kMetricIdentifier,  ///< With a colon in it.
  kString,            ///< Quotes included.
  kNumber,
  kDuration,
  // Punctuation.
  kComma,
  kColon,
  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kAt,
  kAssign,    ///< `=`
  kRegex,     ///< `=~`
  kNotRegex,  ///< `!~`
  // Operators.
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEqual,  ///< `==`
  kNotEqual,
  kGreater,
  kLess,
  kGreaterEqual,
  kLessEqual,
  kTrimUpper,
  kTrimLower,
  kAnd,
  kOr,
  kUnless,
  // Aggregations.
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopk,
  kBottomk,
  kCountValues,
  kQuantile,
  kLimitk,
  kLimitRatio,
  // Keywords.
  kOffset,
  kAnchored,
  kSmoothed,
  kBy,
  kWithout,
  kOn,
  kIgnoring,
  kGroupLeft,
  kGroupRight,
  kFill,
  kFillLeft,
  kFillRight,
  kBool,
  // Names of values of the query, which `@` and duration expressions know as well.
  kStart,
  kEndFunction,
  kStep,
  kRange,
  kMaxOf,
  kMinOf,
};

bool IsOperator(TokenKind kind);
bool IsAggregator(TokenKind kind);
bool IsFillKeyword(TokenKind kind);

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t position = 0;  ///< Of the first byte in the query.
  std::string text;       ///< As written; of kError, the message.

  uint32_t end() const { return position + static_cast<uint32_t>(text.size()); }
  /// As it is named in an error: `number "1"`, `<op:*>`, `end of input`.
  std::string Description() const;
};

/// The tokens of a query without its comments and spaces. The last one is kEnd or kError.
/// REQUIRES: query.size() < 2^32.
std::vector<Token> Tokenize(std::string_view query);

}  // namespace tocsin::promql
