#include "cpp/api/jaeger_read.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "cpp/base/duration.h"
#include "cpp/base/quote.h"

namespace tocsin::api {

std::string_view JaegerText(const http::Request& request, std::string_view name) {
  return request.Query(name).value_or("");
}

Failure NotParsed(std::string_view function, std::string_view text, std::string_view why) {
  return InvalidArgumentError("strconv." + std::string(function) + ": parsing " + QuoteGo(text) +
                              ": " + std::string(why));
}

Result<int64_t> ParseJaegerInt(std::string_view text, int64_t least, int64_t most) {
  int64_t value = 0;
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = !digits.empty() && end == digits.data() + digits.size();
  if (error == std::errc::result_out_of_range || (whole && (value < least || value > most))) {
    return NotParsed("ParseInt", text, "value out of range");
  }
  if (!whole || error != std::errc()) return NotParsed("ParseInt", text, "invalid syntax");
  return value;
}

Failure BadJaegerParam(std::string_view name, const Status& why) {
  return Failure(why.WithContext("unable to parse param '" + std::string(name) + "'"));
}

Result<std::optional<Nanos>> ReadJaegerTime(const http::Request& request, std::string_view name,
                                            Nanos unit) {
  const std::string_view text = JaegerText(request, name);
  if (text.empty()) return std::optional<Nanos>();
  const Result<int64_t> value = ParseJaegerInt(text, INT64_MIN / unit, INT64_MAX / unit);
  if (!value) return BadJaegerParam(name, value.error());
  return std::optional<Nanos>(std::max<Nanos>(*value, 0) * unit);
}

Result<Nanos> ParseJaegerDuration(std::string_view text) {
  if (const std::optional<Nanos> value = ParsePeriod(text)) return *value;
  return InvalidArgumentError("time: invalid duration " + QuoteGo(text));
}

Result<Nanos> ReadJaegerDuration(const http::Request& request, std::string_view name) {
  const std::string_view text = JaegerText(request, name);
  if (text.empty()) return Nanos{0};
  const Result<Nanos> value = ParseJaegerDuration(text);
  if (!value) return BadJaegerParam(name, value.error());
  return *value;
}

Result<bool> ParseJaegerBool(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "FALSE", "false", "False"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  return NotParsed("ParseBool", text, "invalid syntax");
}

Result<bool> ReadJaegerBool(const http::Request& request, std::string_view name) {
  const std::string_view text = JaegerText(request, name);
  if (text.empty()) return false;
  const Result<bool> value = ParseJaegerBool(text);
  if (!value) return BadJaegerParam(name, value.error());
  return *value;
}

}  // namespace tocsin::api
