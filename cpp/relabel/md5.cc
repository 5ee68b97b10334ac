#include "cpp/relabel/md5.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace tocsin::relabel {
namespace {

constexpr size_t kBlock = 64;
constexpr size_t kRounds = 64;
using State = std::array<uint32_t, 4>;

/// RFC 1321 defines its constants as the integer part of 2^32 * |sin(i)|, i from 1 in radians.
std::array<uint32_t, kRounds> SineTable() {
  std::array<uint32_t, kRounds> table{};
  for (size_t i = 0; i < kRounds; ++i) {
    table[i] = static_cast<uint32_t>(std::abs(std::sin(static_cast<double>(i + 1))) * 0x1p32);
  }
  return table;
}

// REQUIRES: block.size() >= kBlock.
void Update(State* state, std::string_view block) {
  static const std::array<uint32_t, kRounds> sines = SineTable();
  constexpr std::array<std::array<int, 4>, 4> kShifts{
      {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
  std::array<uint32_t, 16> words{};
  std::memcpy(words.data(), block.data(), kBlock);  // Little-endian, as the machines we run on.
  auto [a, b, c, d] = *state;
  for (size_t i = 0; i < kRounds; ++i) {
    uint32_t mixed = 0;
    size_t word = 0;
    switch (i / 16) {
      case 0:
        mixed = (b & c) | (~b & d);
        word = i;
        break;
      case 1:
        mixed = (d & b) | (~d & c);
        word = 5 * i + 1;
        break;
      case 2:
        mixed = b ^ c ^ d;
        word = 3 * i + 5;
        break;
      default:
        mixed = c ^ (b | ~d);
        word = 7 * i;
        break;
    }
    const uint32_t sum = a + mixed + sines[i] + words[word % 16];
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, kShifts[i / 16][i % 4]);
  }
  (*state)[0] += a;
  (*state)[1] += b;
  (*state)[2] += c;
  (*state)[3] += d;
}

}  // namespace

std::array<uint8_t, 16> Md5(std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little);
  State state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  while (bytes.size() >= kBlock) {
    Update(&state, bytes);
    bytes.remove_prefix(kBlock);
  }
  // The rest, a one bit, zeros, and the length in bits at the end of the last block.
  std::array<char, 2 * kBlock> tail{};
  std::ranges::copy(bytes, tail.begin());
  tail[bytes.size()] = static_cast<char>(0x80);
  const size_t size = bytes.size() + 1 + sizeof(bits) <= kBlock ? kBlock : 2 * kBlock;
  std::memcpy(tail.data() + size - sizeof(bits), &bits, sizeof(bits));
  for (size_t at = 0; at < size; at += kBlock) Update(&state, {tail.data() + at, kBlock});
  std::array<uint8_t, 16> digest{};
  std::memcpy(digest.data(), state.data(), digest.size());
  return digest;
}

}  // namespace tocsin::relabel
