#include "cpp/deliver/retry_after.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <string>

namespace tocsin::deliver {

Nanos ParseRetryAfter(std::string_view text, Nanos now, Nanos longest) {
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) {
    std::tm date{};
    const std::string zero_ended(text);
    const char* parsed = ::strptime(zero_ended.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (parsed == nullptr || *parsed != '\0') return 0;
    seconds = ::timegm(&date) - (now / kSecond);
  }
  return std::clamp<int64_t>(seconds, 0, longest / kSecond) * kSecond;
}

}  // namespace tocsin::deliver
