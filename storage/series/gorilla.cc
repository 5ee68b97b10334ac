// A step is the change since the step before, as signed number:
//     0                            no change
//     10    +  7 bits              -64 to 63
//     110   + 14 bits              -8192 to 8191
//     1110  + 20 bits              -524288 to 524287
//     1111  + 64 bits              anything
// A value is its bits XOR those of the value before:
//     0                            the same value
//     10    + bits                 within the window of the last XOR that named one
//     11    + 5 bits leading zeros, 6 bits length less one, and the bits
// A chunk of version 1 is 64 bits of time and 64 bits of value, then steps and values in turn.

#include "storage/series/gorilla.h"

#include <algorithm>
#include <bit>

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

}  // namespace

void StepWriter::Put(uint64_t step, BitWriter* out) {
  const uint64_t change = step - last_;
  last_ = step;
  if (change == 0) return out->Put(0, 1);
  for (const StepCode& code : kStepCodes) {
    if (!Fits(change, code.bits)) continue;
    out->Put(code.prefix, code.prefix_bits);
    out->Put(change, code.bits);
    return;
  }
  out->Put(kEscape, 4);
  out->Put(change, 64);
}

uint64_t StepReader::Get(BitReader* in) {
  if (!in->Bit()) return last_;
  for (const StepCode& code : kStepCodes) {
    if (!in->Bit()) return last_ += SignExtend(in->Get(code.bits), code.bits);
  }
  return last_ += in->Get(64);
}

void XorWriter::Put(uint64_t value, BitWriter* out) {
  const uint64_t change = value ^ last_;
  last_ = value;
  if (change == 0) return out->Put(0, 1);
  const auto leading =
      std::min<uint32_t>(static_cast<uint32_t>(std::countl_zero(change)), kMaxLeading);
  const auto trailing = static_cast<uint32_t>(std::countr_zero(change));
  const uint32_t window_trailing = 64U - leading_ - significant_;
  if (leading_ < 64 && leading >= leading_ && trailing >= window_trailing) {
    out->Put(0b10, 2);
    out->Put(change >> window_trailing, significant_);
    return;
  }
  leading_ = static_cast<uint8_t>(leading);
  significant_ = static_cast<uint8_t>(64 - leading - trailing);
  out->Put(0b11, 2);
  out->Put(leading_, 5);
  out->Put(significant_ - 1U, 6);
  out->Put(change >> trailing, significant_);
}

uint64_t XorReader::Get(BitReader* in, bool* sound) {
  if (!in->Bit()) return last_;
  if (in->Bit()) {
    leading_ = static_cast<uint32_t>(in->Get(5));
    significant_ = static_cast<uint32_t>(in->Get(6)) + 1;
  }
  if (leading_ + significant_ > 64) {
    *sound = false;
    return last_;
  }
  return last_ ^= in->Get(significant_) << (64 - leading_ - significant_);
}

Status DecodeGorilla(std::string_view bytes, uint32_t count, Millis from, Millis to,
                     std::vector<Sample>* out) {
  BitReader in(bytes);
  StepReader steps;
  auto t = static_cast<Millis>(in.Get(64));
  uint64_t value = in.Get(64);
  XorReader values(value);
  bool sound = true;
  for (uint32_t i = 0; i < count; ++i) {
    if (i > 0) {
      const auto next = static_cast<Millis>(static_cast<uint64_t>(t) + steps.Get(&in));
      if (next <= t) return CorruptionError("sample chunk: times do not ascend");
      t = next;
      value = values.Get(&in, &sound);
      if (!sound) return CorruptionError("sample chunk: impossible window");
    }
    if (!in.ok()) return CorruptionError("sample chunk is cut short");
    if (t > to) return {};
    if (t >= from) out->push_back({t, std::bit_cast<double>(value)});
  }
  return {};
}

}  // namespace tocsin::storage
