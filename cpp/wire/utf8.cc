#include "cpp/wire/utf8.h"

#include <cstdint>
#include <cstring>

namespace tocsin::wire {
namespace {

// The bytes of the character at the front of [p, end), whose first byte is not ASCII; 0 if
// malformed.
size_t CharacterSize(const char* p, const char* end) {
  const auto at = [&](int i) { return static_cast<uint8_t>(p[i]); };
  const auto is_tail = [&](int i) { return (at(i) & 0xc0) == 0x80; };
  const uint8_t first = at(0);
  const auto left = end - p;
  if (first >= 0xc2 && first <= 0xdf) return left >= 2 && is_tail(1) ? 2 : 0;
  if ((first & 0xf0) == 0xe0) {
    if (left < 3 || !is_tail(1) || !is_tail(2)) return 0;
    if (first == 0xe0 && at(1) < 0xa0) return 0;   // Could be shorter.
    if (first == 0xed && at(1) >= 0xa0) return 0;  // A surrogate.
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (left < 4 || !is_tail(1) || !is_tail(2) || !is_tail(3)) return 0;
    if (first == 0xf0 && at(1) < 0x90) return 0;   // Could be shorter.
    if (first == 0xf4 && at(1) >= 0x90) return 0;  // Above U+10FFFF.
    return 4;
  }
  return 0;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    if (end - p >= 8) {
      uint64_t word;
      std::memcpy(&word, p, sizeof(word));
      if ((word & 0x8080808080808080U) == 0) {
        p += 8;
        continue;
      }
    }
    if (static_cast<uint8_t>(*p) < 0x80) {
      ++p;
      continue;
    }
    const size_t size = CharacterSize(p, end);
    if (size == 0) return false;
    p += size;
  }
  return true;
}

}  // namespace tocsin::wire
