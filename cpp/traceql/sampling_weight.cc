#include "cpp/traceql/sampling_weight.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tocsin::traceql {
namespace {

constexpr size_t kThresholdDigits = 14;

// Takes what stands before `separator` off the front.
std::string_view TakeUntil(char separator, std::string_view* text) {
  const size_t end = text->find(separator);
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return part;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Of 2^56: what part of the random numbers was rejected. Trailing zeros may be left out.
std::optional<uint64_t> ParseThreshold(std::string_view digits) {
  if (digits.empty() || digits.size() > kThresholdDigits) return std::nullopt;
  uint64_t threshold = 0;
  for (size_t i = 0; i < kThresholdDigits; ++i) {
    const char c = i < digits.size() ? digits[i] : '0';
    uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint64_t>(c - 'a') + 10;
    } else {
      return std::nullopt;
    }
    threshold = threshold << 4 | digit;
  }
  return threshold;
}

}  // namespace

double SamplingWeight(std::string_view trace_state) {
  constexpr uint64_t kAll = uint64_t{1} << 56;
  while (!trace_state.empty()) {
    std::string_view value = Trim(TakeUntil(',', &trace_state));
    if (TakeUntil('=', &value) != "ot") continue;
    while (!value.empty()) {
      std::string_view item = TakeUntil(';', &value);
      if (TakeUntil(':', &item) != "th") continue;
      const std::optional<uint64_t> threshold = ParseThreshold(item);
      return threshold ? static_cast<double>(kAll) / static_cast<double>(kAll - *threshold) : 1;
    }
  }
  return 1;
}

}  // namespace tocsin::traceql
