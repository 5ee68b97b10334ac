#include "cpp/base/utf8.h"

#include <algorithm>
#include <array>

namespace tocsin {
namespace {

bool Between(uint32_t rune, uint32_t first, uint32_t last) { return rune >= first && rune <= last; }

/// Blocks in which capital and small letters alternate, the capital at an even or an odd number.
bool IsEvenPair(uint32_t rune) {
  return Between(rune, 0x100, 0x137) || Between(rune, 0x14a, 0x177);
}
bool IsOddPair(uint32_t rune) { return Between(rune, 0x139, 0x148) || Between(rune, 0x179, 0x17e); }

uint32_t UpperRune(uint32_t rune) {
  if (Between(rune, 'a', 'z')) return rune - 32;
  if (rune < 0x80) return rune;
  if (Between(rune, 0xe0, 0xfe) && rune != 0xf7) return rune - 32;
  if (rune == 0xff) return 0x178;
  if (rune == 0xb5) return 0x39c;
  if (rune == 0x131) return 'I';
  if (rune == 0x17f) return 'S';
  if (IsEvenPair(rune) && rune != 0x130) return rune & ~1U;
  if (IsOddPair(rune)) return (rune - 1) | 1U;
  if (rune == 0x3c2) return 0x3a3;
  if (Between(rune, 0x3b1, 0x3cb)) return rune - 32;
  if (rune == 0x3ac) return 0x386;
  if (Between(rune, 0x3ad, 0x3af)) return rune - 37;
  if (Between(rune, 0x430, 0x44f)) return rune - 32;
  if (Between(rune, 0x450, 0x45f)) return rune - 80;
  return rune;
}

uint32_t LowerRune(uint32_t rune) {
  if (Between(rune, 'A', 'Z')) return rune + 32;
  if (rune < 0x80) return rune;
  if (Between(rune, 0xc0, 0xde) && rune != 0xd7) return rune + 32;
  if (rune == 0x178) return 0xff;
  if (rune == 0x130) return 'i';
  if (IsEvenPair(rune) && rune != 0x131) return rune | 1U;
  if (IsOddPair(rune)) return rune + (rune & 1U);
  if (Between(rune, 0x391, 0x3ab) && rune != 0x3a2) return rune + 32;
  if (rune == 0x386) return 0x3ac;
  if (Between(rune, 0x388, 0x38a)) return rune + 37;
  if (Between(rune, 0x410, 0x42f)) return rune + 32;
  if (Between(rune, 0x400, 0x40f)) return rune + 80;
  return rune;
}

/// As strings.Title sees it: in ASCII what is neither letter, digit nor underscore, beyond it
/// spaces.
bool IsSeparator(uint32_t rune) {
  if (rune < 0x80) {
    return !Between(rune, '0', '9') && !Between(rune, 'a', 'z') && !Between(rune, 'A', 'Z') &&
           rune != '_';
  }
  return rune == 0x85 || rune == 0xa0 || rune == 0x1680 || Between(rune, 0x2000, 0x200a) ||
         rune == 0x2028 || rune == 0x2029 || rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

/// Maps every code point; `change(rune, previous)`, where the text before the first is a space.
template <class Change>
std::string MapRunes(std::string_view text, const Change& change) {
  std::string out;
  uint32_t previous = ' ';
  while (!text.empty()) {
    uint32_t rune = 0;
    const size_t size = DecodeRune(text, &rune);
    if (size == 0) {
      out.push_back(text[0]);
      previous = 0xfffd;
    } else {
      AppendRune(&out, change(rune, previous));
      previous = rune;
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

}  // namespace

size_t DecodeRune(std::string_view text, uint32_t* rune) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) {
    *rune = lead;
    return 1;
  }
  const size_t size = lead >= 0xf0 ? 4 : (lead >= 0xe0 ? 3 : 2);
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  uint32_t value = lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0U) != 0x80) return 0;
    value = value << 6 | (byte & 0x3fU);
  }
  constexpr std::array<uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return 0;
  *rune = value;
  return size;
}

bool IsValidUtf8(std::string_view text) {
  for (uint32_t rune = 0; !text.empty();) {
    const size_t size = DecodeRune(text, &rune);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

size_t RuneCount(std::string_view text) {
  size_t count = 0;
  for (uint32_t rune = 0; !text.empty(); ++count) {
    text.remove_prefix(std::max<size_t>(DecodeRune(text, &rune), 1));
  }
  return count;
}

std::string_view FirstRunes(std::string_view text, size_t count) {
  std::string_view rest = text;
  uint32_t rune = 0;
  for (; count > 0 && !rest.empty(); --count) {
    rest.remove_prefix(std::max<size_t>(DecodeRune(rest, &rune), 1));
  }
  return text.substr(0, text.size() - rest.size());
}

void AppendRune(std::string* out, int64_t rune) {
  if (rune < 0 || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) rune = 0xfffd;
  const auto code = static_cast<uint32_t>(rune);
  const auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
  };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | code >> 12));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xf0 | code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string ToUpper(std::string_view text) {
  return MapRunes(text, [](uint32_t rune, uint32_t) { return UpperRune(rune); });
}

std::string ToLower(std::string_view text) {
  return MapRunes(text, [](uint32_t rune, uint32_t) { return LowerRune(rune); });
}

std::string ToTitle(std::string_view text) {
  return MapRunes(text, [](uint32_t rune, uint32_t previous) {
    return IsSeparator(previous) ? UpperRune(rune) : rune;
  });
}

}  // namespace tocsin
