#include "cpp/api/attribute_conditions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "cpp/base/format.h"
#include "cpp/traceql/words.h"

namespace tocsin::api {
namespace {

using traceql::Field;
using traceql::Intrinsic;
using traceql::Literal;
using traceql::Type;

std::string Join(std::initializer_list<std::string> terms, std::string_view between) {
  std::string text;
  for (const std::string& term : terms) {
    if (!text.empty()) text.append(between);
    text.append(term);
  }
  return text;
}

bool IsInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::to_string(value) == text;
}

// Of a number that no integer is, as Go or JavaScript may have written it: the same as TraceQL
// reads it. Nothing for other texts.
std::optional<std::string> FractionText(std::string_view text) {
  if (text.find_first_of(".eE") == std::string_view::npos) return std::nullopt;
  if (text.find_first_not_of("0123456789.-+eE") != std::string_view::npos) return std::nullopt;
  const std::optional<double> value = ParseGoFloat(text);
  if (!value.has_value() || *value - *value != 0) return std::nullopt;
  std::string number = FormatGoFixed(*value);
  // Without a point it would be an integer, and that may be too large for one.
  if (number.find('.') == std::string::npos) number.append(".0");
  return number;
}

}  // namespace

std::string FieldText(traceql::Scope scope, std::string_view name) {
  Field field;
  field.scope = scope;
  field.name = name;
  return Print(field);
}

std::string FieldText(traceql::Intrinsic intrinsic) {
  Field field;
  field.intrinsic = intrinsic;
  return Print(field);
}

std::string StringText(std::string_view value) {
  Literal literal;
  literal.type = Type::kString;
  literal.text = value;
  return Print(literal);
}

std::string DurationText(uint64_t nanos) {
  Literal literal;
  literal.type = Type::kDuration;
  literal.integer = static_cast<int64_t>(std::min<uint64_t>(nanos, INT64_MAX));
  return Print(literal);
}

std::string IsText(const std::string& field, std::string_view value) {
  return field + " = " + StringText(value);
}

std::string IsTextAnyCase(const std::string& field, std::string_view value) {
  std::string pattern = "(?i)";
  for (const char c : value) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return field + " =~ " + StringText(pattern);
}

std::string ReadsAs(const std::string& field, std::string_view value) {
  std::string text = IsText(field, value);
  const std::string plain(value);
  if (value == "true" || value == "false" || IsInteger(value)) {
    return AnyOf({text, field + " = " + plain});
  }
  if (const auto number = FractionText(value)) return AnyOf({text, field + " = " + *number});
  return text;
}

std::string OwnTagIs(std::string_view key, std::string_view value) {
  struct Own {
    std::string_view key;
    Intrinsic intrinsic;
  };
  constexpr auto kOwn = std::to_array<Own>({
      {"otel.status_description", Intrinsic::kStatusMessage},
      {"otel.scope.name", Intrinsic::kInstrumentationName},
      {"otel.scope.version", Intrinsic::kInstrumentationVersion},
      {"otel.library.name", Intrinsic::kInstrumentationName},
      {"otel.library.version", Intrinsic::kInstrumentationVersion},
  });
  if (key == "span.kind") {
    const auto kind = traceql::FindKind(value);
    const bool known = kind && *kind != SpanKind::kUnspecified;
    return known ? "kind = " + std::string(value) : std::string(kNothing);
  }
  if (key == "otel.status_code" && value == "ERROR") return "status = error";
  if (key == "otel.status_code" && value == "OK") return "status = ok";
  const auto* own = std::ranges::find(kOwn, key, &Own::key);
  return own == kOwn.end() ? std::string(kNothing) : IsText(FieldText(own->intrinsic), value);
}

std::string AnyOf(std::initializer_list<std::string> terms) {
  const std::string text = Join(terms, " || ");
  return terms.size() > 1 ? "(" + text + ")" : text;
}

std::string AllOf(std::initializer_list<std::string> terms) { return Join(terms, " && "); }

}  // namespace tocsin::api
