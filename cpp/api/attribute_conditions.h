/// Conditions of other systems' searches as text of TraceQL. Whatever stands in a key or a value,
/// it stays a key or a value: nothing of it is read as language.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "cpp/traceql/ast.h"

namespace tocsin::api {

/// The text of a field. REQUIRES: a name that is not empty.
std::string FieldText(traceql::Scope scope, std::string_view name);
std::string FieldText(traceql::Intrinsic intrinsic);

/// A string, a duration in nanoseconds, as literals.
std::string StringText(std::string_view value);
std::string DurationText(uint64_t nanos);

/// `field = "value"`.
std::string IsText(const std::string& field, std::string_view value);
/// The same whatever the case of its letters: `field =~ "(?i)value"`.
std::string IsTextAnyCase(const std::string& field, std::string_view value);
/// Does a field read as `value` does? A value that looks like a number or a boolean is also equal
/// to that number or boolean.
std::string ReadsAs(const std::string& field, std::string_view value);

/// What the Collector's translators write of a span into its tags, as a condition on the span:
/// `span.kind` ("client"), `otel.status_code`, `otel.status_description`, `otel.scope.name` and
/// `.version`, and their older names. kNothing for other tags, and for values that they never have.
std::string OwnTagIs(std::string_view key, std::string_view value);

/// `(a || b)`, `a && b`; of one term the term. REQUIRES: at least one.
std::string AnyOf(std::initializer_list<std::string> terms);
std::string AllOf(std::initializer_list<std::string> terms);

/// What no span satisfies.
inline constexpr std::string_view kNothing = "false";

}  // namespace tocsin::api
