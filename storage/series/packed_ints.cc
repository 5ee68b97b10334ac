// Layout: zigzag of the base (varint), width in bits (u8), number of patches (u8), `width` bits of
// each (value - base), from the lowest bit of the first byte upwards, and for each patch: its index
// less that of the patch before (u8), and the bits of its difference above `width` (varint). A run
// of no values has no bytes.

#include "storage/series/packed_ints.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"

namespace tocsin::storage {
namespace {

// Of an index and a short varint; only for comparing codings.
constexpr size_t kPatchBytes = 2;
constexpr uint32_t kMaxWidth = 64;
constexpr uint32_t kMostAtOnce = 57;  // A load begins up to 7 bits too early.

size_t BitBytes(size_t count, uint32_t width) { return ((count * width) + 7) / 8; }

uint64_t Difference(int64_t value, int64_t base) {
  return static_cast<uint64_t>(value) - static_cast<uint64_t>(base);
}

struct Coding {
  int64_t base = 0;
  uint32_t width = 0;
  size_t bytes = SIZE_MAX;
};

/// The best width for a base. Values below the base wrap to large differences: patches.
Coding BestWidth(std::span<const int64_t> values, int64_t base) {
  std::array<uint16_t, kMaxWidth + 1> by_width{};
  for (const int64_t value : values) ++by_width[std::bit_width(Difference(value, base))];
  Coding best;
  size_t patches = 0;
  size_t high_bits = 0;  // Of all patches.
  // From the widest down: what does not fit any more becomes a patch.
  for (uint32_t width = kMaxWidth + 1; width-- > 0;) {
    const size_t bytes = BitBytes(values.size(), width) + (patches * kPatchBytes) + (high_bits / 7);
    if (bytes <= best.bytes) best = {base, width, bytes};
    patches += by_width[width];
    high_bits += patches;
  }
  return best;
}

Coding BestCoding(std::span<const int64_t> values) {
  std::array<int64_t, kMaxPacked> sorted;
  const auto end = std::ranges::copy(values, sorted.begin()).out;
  std::sort(sorted.begin(), end);
  Coding best;
  // A few low outliers (the reset of a counter) must not make the base.
  for (const size_t outliers : {0U, 1U, 2U, 4U, 8U}) {
    if (outliers >= values.size()) break;
    if (outliers > 0 && sorted[outliers] == best.base) continue;
    const Coding coding = BestWidth(values, sorted[outliers]);
    if (coding.bytes < best.bytes) best = coding;
  }
  return best;
}

}  // namespace

void PutPacked(std::span<const int64_t> values, std::string* out) {
  TOCSIN_DCHECK(values.size() <= kMaxPacked);
  if (values.empty()) return;
  const bool same = std::ranges::all_of(values, [&](int64_t v) { return v == values.front(); });
  const Coding coding = same ? Coding{values.front(), 0, 0} : BestCoding(values);
  const uint64_t mask =
      coding.width == kMaxWidth ? ~uint64_t{0} : (uint64_t{1} << coding.width) - 1;
  PutVarint64(out, ZigZag(coding.base));
  out->push_back(static_cast<char>(coding.width));
  const size_t patches = static_cast<size_t>(std::ranges::count_if(
      values, [&](int64_t value) { return Difference(value, coding.base) > mask; }));
  out->push_back(static_cast<char>(patches));

  const size_t begin = out->size();
  out->resize(begin + BitBytes(values.size(), coding.width));
  size_t bit = 0;
  for (const int64_t value : values) {
    uint64_t rest = Difference(value, coding.base) & mask;
    for (uint32_t left = coding.width; left > 0;) {
      const auto shift = static_cast<uint32_t>(bit & 7);
      const uint32_t put = std::min(8 - shift, left);
      char& byte = (*out)[begin + (bit >> 3)];
      byte = static_cast<char>(static_cast<uint8_t>(byte) | static_cast<uint8_t>(rest << shift));
      rest >>= put;
      bit += put;
      left -= put;
    }
  }
  size_t last = 0;
  for (size_t i = 0; i < values.size() && coding.width < kMaxWidth; ++i) {
    const uint64_t high = Difference(values[i], coding.base) >> coding.width;
    if (high == 0) continue;
    out->push_back(static_cast<char>(i - last));
    last = i;
    PutVarint64(out, high);
  }
}

void GetPacked(ByteReader* in, std::span<int64_t> values) {
  TOCSIN_DCHECK(values.size() <= kMaxPacked);
  if (values.empty()) return;
  const auto base = static_cast<uint64_t>(UnZigZag(in->Varint()));
  const uint32_t width = in->Byte();
  const size_t patches = in->Byte();
  if (width > kMaxWidth || patches > values.size()) in->Fail();
  const std::string_view bits = in->Bytes(in->failed() ? 0 : BitBytes(values.size(), width));
  if (in->failed()) return;
  if (width == 0) {
    std::ranges::fill(values, static_cast<int64_t>(base));
  } else {
    // Padded, so that every load has its eight bytes and the one behind them.
    std::array<char, (kMaxPacked * 8) + 16> padded;
    std::memcpy(padded.data(), bits.data(), bits.size());
    std::memset(padded.data() + bits.size(), 0, 16);
    const uint64_t mask = width == kMaxWidth ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    size_t bit = 0;
    for (int64_t& value : values) {
      uint64_t word = 0;
      std::memcpy(&word, padded.data() + (bit >> 3), sizeof word);
      word >>= bit & 7;
      if (width > kMostAtOnce && (bit & 7) != 0) {
        word |= uint64_t{static_cast<uint8_t>(padded[(bit >> 3) + 8])} << (64 - (bit & 7));
      }
      value = static_cast<int64_t>((word & mask) + base);
      bit += width;
    }
  }
  size_t at = 0;
  for (size_t i = 0; i < patches; ++i) {
    at += in->Byte();
    const uint64_t high = in->Varint();
    if (at >= values.size() || width == kMaxWidth) in->Fail();
    if (in->failed()) return;
    values[at] = static_cast<int64_t>(static_cast<uint64_t>(values[at]) + (high << width));
  }
}

}  // namespace tocsin::storage
