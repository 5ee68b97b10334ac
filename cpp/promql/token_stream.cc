#include "cpp/promql/token_stream.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/promql/type_check.h"

namespace tocsin::promql {
namespace {

// As Go's ParseInt with base 0: hexadecimal, octal with a leading zero, decimal. Nullopt for what
// does not fit or is none: then it is read as a float.
std::optional<double> ParseInteger(std::string_view digits) {
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.front() == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return static_cast<double>(value);
}

std::optional<double> ParseNumber(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  if (const std::optional<double> integer = ParseInteger(digits)) return integer;
  const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
  // A hexadecimal number that fits no integer is a float without an exponent.
  return ParseGoFloat(hexadecimal ? digits + "p0" : digits);
}

}  // namespace

const Token& TokenStream::Peek(size_t ahead) const {
  return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
}

const Token& TokenStream::Take() {
  const Token& token = Peek();
  if (next_ + 1 < tokens_.size()) {
    ++next_;
    consumed_end_ = token.end();
  }
  return token;
}

bool TokenStream::TakeIf(TokenKind kind) {
  if (Peek().kind != kind) return false;
  Take();
  return true;
}

Result<double> TokenStream::TakeNumber() {
  const Token& token = Take();
  const PosRange pos{token.position, token.end()};
  if (token.kind == TokenKind::kDuration) {
    const Result<Nanos> duration = ParseDuration(token.text);
    if (!duration.has_value()) return Error(pos, duration.error().message());
    // Milliseconds are the smallest unit, and a whole number of them is exact to divide.
    const int64_t millis = *duration / kMillisecond;
    return static_cast<double>(millis) / 1e3;
  }
  const std::optional<double> number = ParseNumber(token.text);
  if (!number) return Error(pos, "error parsing number: " + QuoteGo(token.text));
  return *number;
}

Failure TokenStream::Unexpected(std::string_view context, std::string_view expected) const {
  const Token& token = Peek();
  const PosRange pos{token.position, token.end()};
  if (token.kind == TokenKind::kError) return Error(pos, token.text);
  std::string message = "unexpected " + token.Description();
  if (!context.empty()) message.append(" in ").append(context);
  if (!expected.empty()) message.append(", expected ").append(expected);
  return Error(pos, message);
}

Failure TokenStream::Error(PosRange pos, std::string_view message) const {
  return ParseErrorAt(query_, pos, message);
}

}  // namespace tocsin::promql
