#include "storage/columnar/integers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"

namespace tocsin::storage {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are copied as they lie in memory");

enum IntegerForm : uint8_t { kConstant = 0, kFixedBits = 1, kSplitBits = 2 };
enum CodeForm : uint8_t { kOneCode = 0, kPlanes = 1, kFirstSeen = 2, kInOrder = 3 };

// How a value was changed before its bits were written.
enum Transform : uint8_t {
  kOffset = 0,  // value - base
  kSigned = 1,  // ZigZag(value)
  kDelta = 2,   // ZigZag(value - the value before)
  kDelta2 = 3,  // ZigZag of the difference of differences
  kRising = 4,  // value - the value before, which never falls
};
constexpr uint8_t kTransforms = 5;

constexpr std::array<uint64_t, 3> kFactors = {1'000'000'000, 1'000'000, 1'000};

uint64_t ZigZagU(uint64_t value) { return ZigZag(static_cast<int64_t>(value)); }
uint64_t UnZigZagU(uint64_t value) { return static_cast<uint64_t>(UnZigZag(value)); }

int BitLength(uint64_t value) { return 64 - std::countl_zero(value); }

// Bits from the least significant upwards.
class BitWriter {
 public:
  explicit BitWriter(size_t reserve_bits) { bytes_.reserve(reserve_bits / 8 + 16); }
  void Put(uint64_t value, int width) {
    if (width > 32) {
      Put(value & 0xffffffffU, 32);
      value >>= 32;
      width -= 32;
    }
    pending_ |= value << used_;
    used_ += width;
    while (used_ >= 32) {
      PutFixed32(&bytes_, static_cast<uint32_t>(pending_));
      pending_ >>= 32;
      used_ -= 32;
    }
  }
  std::string Take() && {
    for (; used_ > 0; used_ -= 8, pending_ >>= 8) bytes_.push_back(static_cast<char>(pending_));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  uint64_t pending_ = 0;  // Fewer than 32 bits between calls.
  int used_ = 0;
};

// REQUIRES: the bytes hold as many bits as are asked for.
class BitReader {
 public:
  // The bits [first, last) of `bytes`.
  BitReader(std::string_view bytes, size_t first, size_t last) : at_(first % 8) {
    const std::string_view part = bytes.substr(first / 8, (last + 7) / 8 - first / 8);
    // Eight zero bytes behind the end let every load be a whole word.
    bytes_.reserve(part.size() + 8);
    bytes_.append(part).append(8, '\0');
  }
  uint64_t Get(int width) {
    if (width > 32) {
      const uint64_t low = Get(32);
      return low | Get(width - 32) << 32;
    }
    uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + at_ / 8, 8);
    const uint64_t value = (word >> (at_ % 8)) & ((uint64_t{1} << width) - 1);
    at_ += static_cast<size_t>(width);
    return value;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

uint64_t CommonFactor(std::span<const uint64_t> values) {
  for (const uint64_t factor : kFactors) {
    const auto divides = [factor](uint64_t value) {
      return static_cast<int64_t>(value) % static_cast<int64_t>(factor) == 0;
    };
    if (std::all_of(values.begin(), values.end(), divides)) return factor;
  }
  return 1;
}

void Apply(Transform transform, uint64_t base, std::vector<uint64_t>* values) {
  uint64_t before = base;
  uint64_t before_delta = 0;
  for (uint64_t& value : *values) {
    const uint64_t original = value;
    const uint64_t delta = original - before;
    switch (transform) {
      case kOffset:
        value = original - base;
        break;
      case kSigned:
        value = ZigZagU(original);
        break;
      case kDelta:
        value = ZigZagU(delta);
        break;
      case kDelta2:
        value = ZigZagU(delta - before_delta);
        break;
      case kRising:
        value = delta;
        break;
    }
    before = original;
    before_delta = delta;
  }
}

void Undo(Transform transform, uint64_t base, uint64_t factor, std::vector<uint64_t>* values) {
  uint64_t before = base;
  uint64_t before_delta = 0;
  for (uint64_t& value : *values) {
    switch (transform) {
      case kOffset:
        value += base;
        break;
      case kSigned:
        value = UnZigZagU(value);
        break;
      case kDelta:
        value = before += UnZigZagU(value);
        break;
      case kDelta2:
        before_delta += UnZigZagU(value);
        value = before += before_delta;
        break;
      case kRising:
        value = before += value;
        break;
    }
    if (factor != 1) value *= factor;
  }
}

struct Plan {
  Transform transform = kOffset;
  uint64_t base = 0;
};

// The transform whose results are shortest, by a sample of neighbours.
Plan ChooseTransform(std::span<const uint64_t> values) {
  const uint64_t least = *std::min_element(values.begin(), values.end());
  const bool rises = std::is_sorted(values.begin(), values.end());
  const std::array<uint64_t, kTransforms> bases = {least, 0, values[0], values[0], values[0]};
  constexpr size_t kSample = 2048;
  const std::span<const uint64_t> sample = values.first(std::min(values.size(), kSample));
  Plan best;
  uint64_t best_bits = UINT64_MAX;
  for (uint8_t t = 0; t < kTransforms; ++t) {
    const auto transform = static_cast<Transform>(t);
    if (transform == kRising && !rises) continue;
    std::vector<uint64_t> changed(sample.begin(), sample.end());
    Apply(transform, bases[t], &changed);
    uint64_t bits = 0;
    for (const uint64_t value : changed) bits += static_cast<uint64_t>(BitLength(value));
    if (bits < best_bits) {
      best = {transform, bases[t]};
      best_bits = bits;
    }
  }
  return best;
}

// Bits that the lengths take once they are compressed: their entropy, a byte each where there is
// too little to compress.
double LengthBits(const std::array<size_t, 65>& lengths, size_t count, Packing packing) {
  const double total = static_cast<double>(count);
  if (packing == Packing::kPlain && count >= 256) return total * 6;
  if (count < 256) return total * 8;
  double bits = 0;
  for (const size_t n : lengths) {
    if (n > 0) bits += static_cast<double>(n) * std::log2(total / static_cast<double>(n));
  }
  return bits + 256;
}

void PutFixed(std::span<const uint64_t> values, int width, std::string* out) {
  out->push_back(static_cast<char>(width));
  BitWriter bits(values.size() * static_cast<size_t>(width));
  for (const uint64_t value : values) bits.Put(value, width);
  PutSection(std::move(bits).Take(), Packing::kPlain, out);
}

// The highest bit of a value is known from its length and not written.
void PutSplit(std::span<const uint64_t> values, Packing packing, std::string* out) {
  std::string lengths;
  lengths.reserve(values.size());
  BitWriter bits(values.size() * 32);
  for (const uint64_t value : values) {
    const int length = BitLength(value);
    lengths.push_back(static_cast<char>(length));
    if (length > 1) bits.Put(value ^ (uint64_t{1} << (length - 1)), length - 1);
  }
  PutSection(lengths, packing, out);
  PutSection(std::move(bits).Take(), Packing::kPlain, out);
}

std::vector<uint64_t> ReadFixed(ByteReader* in, size_t count, Slice slice) {
  const int width = in->Byte();
  if (width > 64) in->Fail();
  const auto bits_each = static_cast<size_t>(width);
  const size_t bytes = (count * bits_each + 7) / 8;
  const Section stored(in, bytes);
  if (stored.bytes().size() != bytes) in->Fail();
  if (in->failed()) return {};
  BitReader bits(stored.bytes(), slice.first * bits_each, slice.last * bits_each);
  std::vector<uint64_t> values(slice.size());
  for (uint64_t& value : values) value = bits.Get(width);
  return values;
}

// Bits that stand behind so many lengths; in->Fail() if one of them makes no sense. Without
// branches, as compilers make vectors of it then.
size_t BitsBehind(std::string_view lengths, ByteReader* in) {
  uint64_t bits = 0;
  uint8_t most = 0;
  // As many as a sum of 32 bits surely holds.
  constexpr size_t kBatch = size_t{1} << 20;
  for (; !lengths.empty(); lengths.remove_prefix(std::min(lengths.size(), kBatch))) {
    uint32_t sum = 0;
    for (const char length : lengths.substr(0, kBatch)) {
      const auto n = static_cast<uint8_t>(length);
      most = std::max(most, n);
      sum += static_cast<uint32_t>(n - (n != 0 ? 1 : 0));
    }
    bits += sum;
  }
  if (most > 64) in->Fail();
  return bits;
}

std::vector<uint64_t> ReadSplit(ByteReader* in, size_t count, Slice slice) {
  const Section section(in, count);
  const std::string_view lengths = section.bytes();
  if (lengths.size() != count) in->Fail();
  if (in->failed()) return {};
  const size_t first = BitsBehind(lengths.substr(0, slice.first), in);
  const size_t last = first + BitsBehind(lengths.substr(slice.first, slice.size()), in);
  const size_t total = last + BitsBehind(lengths.substr(slice.last), in);
  const Section stored(in, (total + 7) / 8);
  if (stored.bytes().size() != (total + 7) / 8) in->Fail();
  if (in->failed()) return {};
  BitReader bits(stored.bytes(), first, last);
  std::vector<uint64_t> values(slice.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const int length = static_cast<uint8_t>(lengths[slice.first + i]);
    const int set = length != 0 ? 1 : 0;
    // NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift): lengths above 64 were refused above.
    values[i] = bits.Get(length - set) | static_cast<uint64_t>(set) << (length - set);
  }
  return values;
}

// Planes of bytes of equal significance, the least first.
void PutPlanes(std::span<const uint32_t> values, uint32_t most, Packing packing, std::string* out) {
  const int planes = std::max(1, (BitLength(most) + 7) / 8);
  out->push_back(static_cast<char>(planes));
  std::string plane(values.size(), '\0');
  for (int shift = 0; shift < planes * 8; shift += 8) {
    for (size_t i = 0; i < values.size(); ++i) plane[i] = static_cast<char>(values[i] >> shift);
    PutSection(plane, packing, out);
  }
}

std::vector<uint32_t> ReadPlanes(ByteReader* in, size_t count, Slice slice) {
  const int planes = in->Byte();
  if (planes > 4 || (planes == 0 && count > 0)) in->Fail();
  std::vector<uint32_t> values;
  for (int p = 0; p < planes; ++p) {
    const Section section(in, count);
    if (section.bytes().size() != count) in->Fail();
    if (in->failed()) return {};
    const std::string_view plane = section.bytes().substr(slice.first, slice.size());
    values.resize(plane.size());
    for (size_t i = 0; i < plane.size(); ++i) {
      values[i] |= uint32_t{static_cast<uint8_t>(plane[i])} << (8 * p);
    }
  }
  return values;
}

template <class T>
void DropFront(size_t count, std::vector<T>* values) {
  values->erase(values->begin(), values->begin() + static_cast<ptrdiff_t>(count));
}

}  // namespace

void PutIntegers(std::span<const uint64_t> values, Packing packing, std::string* out) {
  const auto same = [&](uint64_t value) { return value == values[0]; };
  if (values.empty() || std::all_of(values.begin(), values.end(), same)) {
    out->push_back(static_cast<char>(kConstant));
    PutVarint64(out, values.empty() ? 0 : ZigZagU(values[0]));
    return;
  }
  const uint64_t factor = CommonFactor(values);
  std::vector<uint64_t> changed(values.begin(), values.end());
  if (factor != 1) {
    for (uint64_t& value : changed) {
      value = static_cast<uint64_t>(static_cast<int64_t>(value) / static_cast<int64_t>(factor));
    }
  }
  const Plan plan = ChooseTransform(changed);
  Apply(plan.transform, plan.base, &changed);

  std::array<size_t, 65> lengths{};
  size_t split_bits = 0;
  for (const uint64_t value : changed) {
    const int length = BitLength(value);
    ++lengths[static_cast<size_t>(length)];
    split_bits += length > 1 ? static_cast<size_t>(length - 1) : 0;
  }
  int width = 64;
  while (lengths[static_cast<size_t>(width)] == 0) --width;
  const double fixed = static_cast<double>(changed.size()) * width;
  const bool split =
      static_cast<double>(split_bits) + LengthBits(lengths, changed.size(), packing) < fixed * 0.97;
  out->push_back(static_cast<char>(split ? kSplitBits : kFixedBits));
  out->push_back(static_cast<char>(plan.transform));
  PutVarint64(out, factor);
  PutVarint64(out, ZigZagU(plan.base));
  if (split) {
    PutSplit(changed, packing, out);
  } else {
    PutFixed(changed, width, out);
  }
}

std::vector<uint64_t> ReadIntegers(ByteReader* in, size_t count) {
  return ReadIntegers(in, count, {0, count});
}

std::vector<uint64_t> ReadIntegers(ByteReader* in, size_t count, Slice slice) {
  const uint8_t form = in->Byte();
  if (form == kConstant) {
    const uint64_t value = UnZigZagU(in->Varint());
    if (in->failed()) return {};
    return std::vector<uint64_t>(slice.size(), value);
  }
  const uint8_t transform = in->Byte();
  const uint64_t factor = in->Varint();
  const uint64_t base = UnZigZagU(in->Varint());
  if (form > kSplitBits || transform >= kTransforms) in->Fail();
  if (in->failed()) return {};
  // The others are sums over all that stands before.
  const bool alone = transform == kOffset || transform == kSigned;
  const Slice needed = {alone ? slice.first : 0, slice.last};
  std::vector<uint64_t> values =
      form == kSplitBits ? ReadSplit(in, count, needed) : ReadFixed(in, count, needed);
  if (in->failed()) return {};
  Undo(static_cast<Transform>(transform), base, factor, &values);
  DropFront(slice.first - needed.first, &values);
  return values;
}

void PutCodes(std::span<const uint32_t> codes, uint32_t distinct, Packing packing,
              std::string* out) {
  bool one = true;
  bool in_order = true;
  bool first_seen = true;
  uint32_t seen = 0;
  for (size_t i = 0; i < codes.size(); ++i) {
    TOCSIN_DCHECK(codes[i] < distinct);
    one = one && codes[i] == codes[0];
    in_order = in_order && codes[i] == i;
    first_seen = first_seen && codes[i] <= seen;
    if (codes[i] == seen) ++seen;
  }
  if (one) {
    out->push_back(static_cast<char>(kOneCode));
    PutVarint64(out, codes.empty() ? 0 : codes[0]);
  } else if (in_order) {
    out->push_back(static_cast<char>(kInOrder));
  } else if (distinct <= 256 || !first_seen) {
    out->push_back(static_cast<char>(kPlanes));
    PutPlanes(codes, distinct - 1, packing, out);
  } else {
    out->push_back(static_cast<char>(kFirstSeen));
    std::vector<uint32_t> marked(codes.begin(), codes.end());
    seen = 0;
    for (uint32_t& code : marked) {
      if (code == seen) {
        ++seen;
        code = 0;
      } else {
        ++code;
      }
    }
    PutPlanes(marked, distinct, packing, out);
  }
}

std::vector<uint32_t> ReadCodes(ByteReader* in, size_t count, uint32_t distinct) {
  return ReadCodes(in, count, distinct, {0, count});
}

std::vector<uint32_t> ReadCodes(ByteReader* in, size_t count, uint32_t distinct, Slice slice) {
  const uint8_t form = in->Byte();
  std::vector<uint32_t> codes;
  if (form == kOneCode) {
    const uint64_t code = in->Varint();
    if (code >= distinct && count > 0) in->Fail();
    if (!in->failed()) codes.assign(slice.size(), static_cast<uint32_t>(code));
    return codes;
  }
  if (form == kInOrder) {
    if (count > distinct) in->Fail();
    if (in->failed()) return {};
    codes.resize(slice.size());
    std::iota(codes.begin(), codes.end(), static_cast<uint32_t>(slice.first));
    return codes;
  }
  if (form > kInOrder) in->Fail();
  // How many are new before the slice is to be counted from the front.
  const Slice needed = {form == kFirstSeen ? 0 : slice.first, slice.last};
  codes = ReadPlanes(in, count, needed);
  if (in->failed()) return {};
  if (form == kFirstSeen) {
    uint32_t seen = 0;
    for (uint32_t& code : codes) code = code == 0 ? seen++ : code - 1;
  }
  DropFront(slice.first - needed.first, &codes);
  uint32_t most = 0;
  for (const uint32_t code : codes) most = std::max(most, code);
  if (!codes.empty() && most >= distinct) in->Fail();
  return codes;
}

void PutRandom(std::span<const uint64_t> values, std::string* out) {
  PutSection({reinterpret_cast<const char*>(values.data()), values.size_bytes()}, Packing::kPlain,
             out);
}

std::vector<uint64_t> ReadRandom(ByteReader* in, size_t count) {
  return ReadRandom(in, count, {0, count});
}

std::vector<uint64_t> ReadRandom(ByteReader* in, size_t count, Slice slice) {
  const Section section(in, count * 8);
  if (section.bytes().size() != count * 8) in->Fail();
  if (in->failed()) return {};
  std::vector<uint64_t> values(slice.size());
  if (!values.empty()) {
    std::memcpy(values.data(), section.bytes().data() + slice.first * 8, slice.size() * 8);
  }
  return values;
}

void PutDoubleBits(std::span<const uint64_t> bits, Packing packing, std::string* out) {
  std::string planes(bits.size() * 8, '\0');
  for (size_t i = 0; i < bits.size(); ++i) {
    for (size_t p = 0; p < 8; ++p) {
      planes[p * bits.size() + i] = static_cast<char>(bits[i] >> (8 * p));
    }
  }
  PutSection(planes, packing, out);
}

std::vector<uint64_t> ReadDoubleBits(ByteReader* in, size_t count) {
  const Section section(in, count * 8);
  const std::string_view planes = section.bytes();
  if (planes.size() != count * 8) in->Fail();
  if (in->failed()) return {};
  std::vector<uint64_t> bits(count);
  for (size_t i = 0; i < count; ++i) {
    for (size_t p = 0; p < 8; ++p) {
      bits[i] |= uint64_t{static_cast<uint8_t>(planes[p * count + i])} << (8 * p);
    }
  }
  return bits;
}

}  // namespace tocsin::storage
