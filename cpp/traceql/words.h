/// The words and tables of the language that the lexer, the parser and the printer share.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/model/span_batch.h"
#include "cpp/traceql/ast.h"

namespace tocsin::traceql {

/// How tightly an operator binds; equal ones associate to the left, kPower to the right. `&&` and
/// `||` bind alike.
int Precedence(Op op);
inline constexpr int kLeafPrecedence = 100;

/// By the words of cpp/model/span_words.h.
std::optional<SpanStatus> FindStatus(std::string_view word);
std::optional<SpanKind> FindKind(std::string_view word);

/// "1h2m3.5s", "1.5s", "20ms", "0s": as Go prints durations.
std::string GoDuration(int64_t nanos);

/// `span`, `resource`, ...; "" for kAny.
std::string_view ScopeWord(Scope scope);
/// kAny for what is no scope.
Scope FindScope(std::string_view word);

/// Bytes of the UTF-8 character at `at`; 1 for what is not UTF-8. REQUIRES: at < text.size().
size_t CharLength(std::string_view text, size_t at);
/// Bytes of the white space character at `at`, 0 if there stands another one.
size_t SpaceLength(std::string_view text, size_t at);
/// Bytes of the character at `at` if it may be part of a name behind a dot without quotes, else 0.
size_t AttributeCharLength(std::string_view text, size_t at);

}  // namespace tocsin::traceql
