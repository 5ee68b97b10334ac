#include "cpp/traceql/words.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "cpp/model/span_words.h"

namespace tocsin::traceql {
namespace {

constexpr std::array<std::string_view, 6> kScopeWords = {"",      "span", "resource",
                                                         "event", "link", "instrumentation"};

template <class Enum, size_t N>
std::optional<Enum> Find(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto it = std::find(words.begin(), words.end(), word);
  if (it == words.end()) return std::nullopt;
  return static_cast<Enum>(it - words.begin());
}

}  // namespace

int Precedence(Op op) {
  switch (op) {
    case Op::kAnd:
    case Op::kOr:
      return 1;
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
    case Op::kRegex:
    case Op::kNotRegex:
      return 2;
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kNegate:
      return 3;
    case Op::kNot:
      return 4;
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kModulo:
      return 5;
    case Op::kPower:
      return 6;
  }
  return 0;
}

std::optional<SpanStatus> FindStatus(std::string_view word) {
  return Find<SpanStatus>(kStatusWords, word);
}

std::optional<SpanKind> FindKind(std::string_view word) { return Find<SpanKind>(kKindWords, word); }

std::string GoDuration(int64_t nanos) {
  if (nanos == 0) return "0s";
  const bool negative = nanos < 0;
  uint64_t rest = negative ? 0 - static_cast<uint64_t>(nanos) : static_cast<uint64_t>(nanos);
  std::string out = negative ? "-" : "";
  // The last unit may have a fraction.
  const auto append = [&](uint64_t unit, std::string_view name) {
    out.append(std::to_string(rest / unit));
    std::string fraction = std::to_string(unit + rest % unit).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    if (!fraction.empty()) out.append(".").append(fraction);
    out.append(name);
  };
  constexpr uint64_t kSecond = 1'000'000'000;
  if (rest < 1'000) {
    append(1, "ns");
  } else if (rest < 1'000'000) {
    append(1'000, "\u00b5s");
  } else if (rest < kSecond) {
    append(1'000'000, "ms");
  } else {
    if (rest >= 3'600 * kSecond) out.append(std::to_string(rest / (3'600 * kSecond))).append("h");
    if (rest >= 60 * kSecond) out.append(std::to_string(rest / (60 * kSecond) % 60)).append("m");
    rest %= 60 * kSecond;
    append(kSecond, "s");
  }
  return out;
}

std::string_view ScopeWord(Scope scope) { return kScopeWords[static_cast<size_t>(scope)]; }

Scope FindScope(std::string_view word) {
  return word.empty() ? Scope::kAny : Find<Scope>(kScopeWords, word).value_or(Scope::kAny);
}

size_t CharLength(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  const size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 1;
  if (at + length > text.size()) return 1;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<uint8_t>(text[at + i]) & 0xc0U) != 0x80U) return 1;
  }
  return length;
}

size_t SpaceLength(std::string_view text, size_t at) {
  const char c = text[at];
  if (c == ' ' || (c >= '\t' && c <= '\r')) return 1;
  if (static_cast<uint8_t>(c) < 0x80) return 0;
  // The spaces of Unicode, which text pasted from a web page is full of.
  constexpr std::array<std::string_view, 19> kSpaces = {
      "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
      "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
      "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  for (const std::string_view space : kSpaces) {
    if (text.substr(at).starts_with(space)) return space.size();
  }
  return 0;
}

size_t AttributeCharLength(std::string_view text, size_t at) {
  constexpr std::string_view kOperators = "{}()=~!<>&|^,";
  if (kOperators.find(text[at]) != std::string_view::npos || SpaceLength(text, at) != 0) return 0;
  return CharLength(text, at);
}

}  // namespace tocsin::traceql
