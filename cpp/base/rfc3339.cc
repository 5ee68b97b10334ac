#include "cpp/base/rfc3339.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace tocsin {

std::string FormatRfc3339(Nanos time) {
  if (time == 0) return "0001-01-01T00:00:00Z";
  Nanos fraction = time % kSecond;
  if (fraction < 0) fraction += kSecond;
  const auto seconds = static_cast<time_t>((time - fraction) / kSecond);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string formatted(text.data(), size);
  if (fraction > 0) {
    std::snprintf(text.data(), text.size(), ".%09lld", static_cast<long long>(fraction));
    formatted += text.data();
    formatted.erase(formatted.find_last_not_of('0') + 1);
  }
  return formatted + "Z";
}

}  // namespace tocsin
