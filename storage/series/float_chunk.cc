// Layout:
//
//     form     bits 0-1: values 0 integers, 1 decimals, 2 XORed bits
//              bit 2: the steps between times differ; bit 3: there are start timestamps
//     starts   if so: count, then for each: step of its index, zigzag(first time - start)
//     steps    if so: packed ints, one for each sample but the first
//     values   decimals: power of ten (u8); then, as integers: zigzag of the first value, packed
//              ints of the differences. XORed bits: 64 bits of the first, then as in gorilla.h
//
// A decimal value is its integer divided by the power of ten, as IEEE 754 divides.

#include "storage/series/float_chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/series/gorilla.h"
#include "storage/series/packed_ints.h"

namespace tocsin::storage {
namespace {

static_assert(kMaxChunkSamples <= kMaxPacked);

enum ValueForm : uint8_t { kIntegers = 0, kDecimals = 1, kXored = 2 };
constexpr uint8_t kValueForms = 3;  // A mask.
constexpr uint8_t kStepsDiffer = 4;
constexpr uint8_t kHasStarts = 8;

constexpr double kMostInteger = 9007199254740992.0;  // 2^53: beyond it integers are not exact.
constexpr std::array<double, 10> kPowersOfTen = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

using Integers = std::array<int64_t, kMaxChunkSamples>;

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

/// The samples as integers of which each is the value times the power; false if one is not.
bool AsIntegers(std::span<const Sample> samples, double power, Integers* out) {
  for (size_t i = 0; i < samples.size(); ++i) {
    const double scaled = samples[i].v * power;
    if (!(std::fabs(scaled) <= kMostInteger)) return false;
    const auto integer = static_cast<int64_t>(std::llrint(scaled));
    if (!SameBits(static_cast<double>(integer) / power, samples[i].v)) return false;
    (*out)[i] = integer;
  }
  return true;
}

void PutIntegers(const Integers& values, size_t count, std::string* out) {
  PutVarint64(out, ZigZag(values[0]));
  Integers steps;
  for (size_t i = 1; i < count; ++i) steps[i] = values[i] - values[i - 1];
  PutPacked({steps.data() + 1, count - 1}, out);
}

/// Puts the values; their form.
uint8_t PutValues(std::span<const Sample> samples, std::string* out) {
  Integers values;
  for (size_t power = 0; power < kPowersOfTen.size(); ++power) {
    if (!AsIntegers(samples, kPowersOfTen[power], &values)) continue;
    if (power > 0) out->push_back(static_cast<char>(power));
    PutIntegers(values, samples.size(), out);
    return power == 0 ? kIntegers : kDecimals;
  }
  BitWriter bits;
  const auto first = std::bit_cast<uint64_t>(samples.front().v);
  bits.Put(first, 64);
  XorWriter xored(first);
  for (const Sample& sample : samples.subspan(1)) {
    xored.Put(std::bit_cast<uint64_t>(sample.v), &bits);
  }
  *out += bits.bytes();
  return kXored;
}

/// Modulo 2^64: times may lie at both ends of all time.
int64_t Step(std::span<const Sample> samples, size_t i) {
  return static_cast<int64_t>(static_cast<uint64_t>(samples[i].t) -
                              static_cast<uint64_t>(samples[i - 1].t));
}

bool StepsDiffer(std::span<const Sample> samples) {
  for (size_t i = 2; i < samples.size(); ++i) {
    if (Step(samples, i) != Step(samples, 1)) return true;
  }
  return false;
}

Status GetTimes(ByteReader* in, bool differ, const ChunkExtent& extent, Sample* out) {
  const uint32_t count = extent.count;
  const auto first = static_cast<uint64_t>(extent.first_t);
  const uint64_t span = static_cast<uint64_t>(extent.last_t) - first;
  if (!differ) {
    const uint64_t step = count > 1 ? span / (count - 1) : 0;
    const bool ascending = count == 1 || (step > 0 && extent.last_t > extent.first_t);
    if (!ascending || step * (count - 1) != span) return CorruptionError("sample chunk: bad times");
    for (uint32_t i = 0; i < count; ++i) out[i].t = static_cast<Millis>(first + (i * step));
    return {};
  }
  std::array<int64_t, kMaxPacked> steps;
  GetPacked(in, {steps.data(), count - 1});
  if (in->failed()) return in->Finish("sample chunk");
  uint64_t t = first;
  bool ascending = true;
  out[0].t = extent.first_t;
  for (uint32_t i = 1; i < count; ++i) {
    t += static_cast<uint64_t>(steps[i - 1]);
    out[i].t = static_cast<Millis>(t);
    ascending &= out[i].t > out[i - 1].t;
  }
  if (!ascending || t != static_cast<uint64_t>(extent.last_t)) {
    return CorruptionError("sample chunk: times do not ascend");
  }
  return {};
}

void GetIntegers(ByteReader* in, uint32_t count, double power, Sample* out) {
  auto value = static_cast<uint64_t>(UnZigZag(in->Varint()));
  std::array<int64_t, kMaxPacked> steps;
  GetPacked(in, {steps.data(), count - 1});
  if (in->failed()) return;
  out[0].v = static_cast<double>(static_cast<int64_t>(value));
  for (uint32_t i = 1; i < count; ++i) {
    value += static_cast<uint64_t>(steps[i - 1]);
    out[i].v = static_cast<double>(static_cast<int64_t>(value));
  }
  if (power == 1) return;
  for (uint32_t i = 0; i < count; ++i) out[i].v /= power;
}

void GetXored(ByteReader* in, uint32_t count, Sample* out) {
  BitReader bits(in->Bytes(in->remaining()));
  uint64_t value = bits.Get(64);
  XorReader xored(value);
  bool sound = true;
  for (uint32_t i = 0; i < count; ++i) {
    if (i > 0) value = xored.Get(&bits, &sound);
    out[i].v = std::bit_cast<double>(value);
  }
  if (!sound || !bits.ok()) in->Fail();
}

}  // namespace

void PutStarts(std::span<const StartMark> starts, Millis first_t, std::string* out) {
  PutVarint64(out, starts.size());
  uint32_t last = 0;
  for (const StartMark& mark : starts) {
    PutVarint64(out, mark.index - last);
    last = mark.index;
    const uint64_t before = static_cast<uint64_t>(first_t) - static_cast<uint64_t>(mark.start);
    PutVarint64(out, ZigZag(static_cast<int64_t>(before)));
  }
}

void GetStarts(ByteReader* in, const ChunkExtent& extent, std::vector<StartMark>* starts) {
  const size_t count = in->Count(extent.count);
  uint64_t index = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t step = in->Varint();
    index += step;
    if ((i > 0 && step == 0) || step >= extent.count || index >= extent.count) in->Fail();
    const auto before = static_cast<uint64_t>(UnZigZag(in->Varint()));
    if (in->failed()) return;
    const auto start = static_cast<Millis>(static_cast<uint64_t>(extent.first_t) - before);
    if (starts != nullptr) starts->push_back({static_cast<uint32_t>(index), start});
  }
}

std::string EncodeFloats(std::span<const Sample> samples, std::span<const StartMark> starts) {
  TOCSIN_CHECK(!samples.empty() && samples.size() <= kMaxChunkSamples);
  std::string out(1, '\0');
  uint8_t form = 0;
  if (!starts.empty()) {
    form |= kHasStarts;
    PutStarts(starts, samples.front().t, &out);
  }
  if (StepsDiffer(samples)) {
    form |= kStepsDiffer;
    Integers steps;
    for (size_t i = 1; i < samples.size(); ++i) steps[i] = Step(samples, i);
    PutPacked({steps.data() + 1, samples.size() - 1}, &out);
  }
  form |= PutValues(samples, &out);
  out[0] = static_cast<char>(form);
  return out;
}

Status DecodeFloats(std::string_view bytes, const ChunkExtent& extent, std::vector<Sample>* out,
                    std::vector<StartMark>* starts) {
  ByteReader in(bytes);
  const uint8_t form = in.Byte();
  if (extent.count == 0 || extent.count > kMaxChunkSamples || in.failed() ||
      form > (kHasStarts | kStepsDiffer | kXored)) {
    return CorruptionError("sample chunk: no such form");
  }
  if ((form & kHasStarts) != 0) GetStarts(&in, extent, starts);
  const size_t begin = out->size();
  out->resize(begin + extent.count);
  Sample* const samples = out->data() + begin;
  TOCSIN_RETURN_IF_ERROR(GetTimes(&in, (form & kStepsDiffer) != 0, extent, samples));
  switch (form & kValueForms) {
    case kIntegers:
      GetIntegers(&in, extent.count, 1, samples);
      break;
    case kDecimals: {
      const size_t power = in.Byte();
      if (power >= kPowersOfTen.size()) return CorruptionError("sample chunk: no such power");
      GetIntegers(&in, extent.count, kPowersOfTen[power], samples);
      break;
    }
    case kXored:
      GetXored(&in, extent.count, samples);
      break;
    default:
      in.Fail();
  }
  return in.Finish("sample chunk");
}

}  // namespace tocsin::storage
