// Layout, as one run of bits, the highest of each byte first:
//
//     first sample   64 bits time, 64 bits value
//     each further   time: the change of the step since the sample before (the step before the
//                    first is 0), as signed number
//                        0                            no change
//                        10    +  7 bits              -64 to 63
//                        110   + 14 bits              -8192 to 8191
//                        1110  + 20 bits              -524288 to 524287
//                        1111  + 64 bits              anything
//                    value: its bits XOR those of the value before
//                        0                            the same value
//                        10    + bits                 within the window of the last XOR that named
//                        one 11    + 5 bits leading zeros, 6 bits length less one, and the bits
//
// The rest of the last byte is zero.

#include "storage/series/chunk.h"

#include <algorithm>
#include <bit>

#include "cpp/base/check.h"

namespace tocsin::storage {
namespace {

struct StepCode {
  uint32_t prefix;
  uint32_t prefix_bits;
  uint32_t bits;
};
constexpr StepCode kStepCodes[] = {{0b10, 2, 7}, {0b110, 3, 14}, {0b1110, 4, 20}};
constexpr uint32_t kEscape = 0b1111;
constexpr uint32_t kMaxLeading = 31;  // Five bits.

bool Fits(uint64_t change, uint32_t bits) {
  // Adding half the range makes the signed range an unsigned one.
  return change + (uint64_t{1} << (bits - 1)) < (uint64_t{1} << bits);
}

uint64_t SignExtend(uint64_t value, uint32_t bits) {
  const uint64_t sign = uint64_t{1} << (bits - 1);
  return (value ^ sign) - sign;
}

/// Takes bits off the front; beyond the end it gives zeros and ok() turns false.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Get(uint32_t width) {
    uint64_t value = 0;
    while (width > 0) {
      if (position_ >> 3 >= bytes_.size()) {
        ok_ = false;
        return 0;
      }
      const auto byte = static_cast<uint8_t>(bytes_[position_ >> 3]);
      const auto available = static_cast<uint32_t>(8 - (position_ & 7));
      const uint32_t take = std::min(available, width);
      const uint32_t part = (byte >> (available - take)) & ((1U << take) - 1);
      value = value << take | part;
      position_ += take;
      width -= take;
    }
    return value;
  }
  bool Bit() { return Get(1) != 0; }
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

uint64_t GetStepChange(BitReader& in) {
  if (!in.Bit()) return 0;
  for (const StepCode& code : kStepCodes) {
    if (!in.Bit()) return SignExtend(in.Get(code.bits), code.bits);
  }
  return in.Get(64);
}

}  // namespace

void ChunkBuilder::PutBits(uint64_t bits, uint32_t width) {
  while (width > 0) {
    if (free_bits_ == 0) {
      bytes_.push_back('\0');
      free_bits_ = 8;
    }
    const uint32_t put = std::min<uint32_t>(free_bits_, width);
    const auto part = static_cast<uint32_t>(bits >> (width - put)) & ((1U << put) - 1);
    bytes_.back() =
        static_cast<char>(static_cast<uint8_t>(bytes_.back()) | (part << (free_bits_ - put)));
    free_bits_ = static_cast<uint8_t>(free_bits_ - put);
    width -= put;
  }
}

void ChunkBuilder::PutStep(uint64_t change) {
  if (change == 0) return PutBits(0, 1);
  for (const StepCode& code : kStepCodes) {
    if (!Fits(change, code.bits)) continue;
    PutBits(code.prefix, code.prefix_bits);
    PutBits(change, code.bits);
    return;
  }
  PutBits(kEscape, 4);
  PutBits(change, 64);
}

void ChunkBuilder::PutValue(uint64_t bits) {
  const uint64_t change = bits ^ value_;
  if (change == 0) return PutBits(0, 1);
  const auto leading =
      std::min<uint32_t>(static_cast<uint32_t>(std::countl_zero(change)), kMaxLeading);
  const auto trailing = static_cast<uint32_t>(std::countr_zero(change));
  const uint32_t window_trailing = 64U - leading_ - significant_;
  if (leading_ < 64 && leading >= leading_ && trailing >= window_trailing) {
    PutBits(0b10, 2);
    PutBits(change >> window_trailing, significant_);
    return;
  }
  leading_ = static_cast<uint8_t>(leading);
  significant_ = static_cast<uint8_t>(64 - leading - trailing);
  PutBits(0b11, 2);
  PutBits(leading_, 5);
  PutBits(significant_ - 1U, 6);
  PutBits(change >> trailing, significant_);
}

void ChunkBuilder::Append(Sample sample) {
  TOCSIN_DCHECK(count_ < kMaxChunkSamples && (count_ == 0 || sample.t > last_t_));
  const auto bits = std::bit_cast<uint64_t>(sample.v);
  if (count_ == 0) {
    first_t_ = sample.t;
    PutBits(static_cast<uint64_t>(sample.t), 64);
    PutBits(bits, 64);
  } else {
    const uint64_t step = static_cast<uint64_t>(sample.t) - static_cast<uint64_t>(last_t_);
    PutStep(step - step_);
    PutValue(bits);
    step_ = step;
  }
  last_t_ = sample.t;
  value_ = bits;
  ++count_;
}

Status DecodeChunk(std::string_view bytes, uint32_t count, Millis from, Millis to,
                   std::vector<Sample>* out) {
  BitReader in(bytes);
  auto t = static_cast<Millis>(in.Get(64));
  uint64_t value = in.Get(64);
  uint64_t step = 0;
  uint32_t leading = 0;
  uint32_t significant = 64;
  for (uint32_t i = 0; i < count; ++i) {
    if (i > 0) {
      step += GetStepChange(in);
      const auto next = static_cast<Millis>(static_cast<uint64_t>(t) + step);
      if (next <= t) return CorruptionError("sample chunk: times do not ascend");
      t = next;
      if (in.Bit()) {
        if (in.Bit()) {
          leading = static_cast<uint32_t>(in.Get(5));
          significant = static_cast<uint32_t>(in.Get(6)) + 1;
        }
        if (leading + significant > 64) return CorruptionError("sample chunk: impossible window");
        value ^= in.Get(significant) << (64 - leading - significant);
      }
    }
    if (!in.ok()) return CorruptionError("sample chunk is cut short");
    if (t > to) return {};
    if (t >= from) out->push_back({t, std::bit_cast<double>(value)});
  }
  return {};
}

}  // namespace tocsin::storage
