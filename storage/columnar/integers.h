/// Codecs for columns of 64-bit integers and of dictionary codes. Each chooses among a few forms by
/// what the values look like; reading back gives exactly the values that were written. Byte
/// layouts: storage/FORMAT.md, "Integers" and "Codes".
///
/// A reader is told how many values to expect. Damage is a failure of the ByteReader, and the
/// result is then unspecified.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/columnar/byte_reader.h"
#include "storage/columnar/section.h"

namespace tocsin::storage {

/// What of a list is wanted: the values at [first, last). Reading a few costs less than reading
/// all, but not nothing: what is compressed is unpacked, and running sums begin at the front.
struct Slice {
  size_t first = 0;
  size_t last = 0;
  size_t size() const { return last - first; }
};

/// Numbers whose order and distance mean something: times, durations, sizes, counts. Arithmetic is
/// modulo 2^64, so that signed numbers may be given as their two's complement. Takes off a common
/// factor (the microseconds of clocks that know no nanoseconds), differences where they are
/// smaller, and writes either a fixed number of bits for each value or, for long-tailed ones, the
/// length of each value as a compressed byte and its bits behind.
void PutIntegers(std::span<const uint64_t> values, Packing packing, std::string* out);
std::vector<uint64_t> ReadIntegers(ByteReader* in, size_t count);
/// Of `count` values those of the slice, here and below. REQUIRES: first <= last <= count.
std::vector<uint64_t> ReadIntegers(ByteReader* in, size_t count, Slice slice);

/// Indices into a dictionary of `distinct` entries, in the order in which they first appear: either
/// planes of bytes, or, for columns with many distinct values, with a zero for "the next new one".
/// REQUIRES: every code is below `distinct`.
void PutCodes(std::span<const uint32_t> codes, uint32_t distinct, Packing packing,
              std::string* out);
/// Every code is below `distinct`.
std::vector<uint32_t> ReadCodes(ByteReader* in, size_t count, uint32_t distinct);
std::vector<uint32_t> ReadCodes(ByteReader* in, size_t count, uint32_t distinct, Slice slice);

/// Bits without structure: random ids. Eight bytes each.
void PutRandom(std::span<const uint64_t> values, std::string* out);
std::vector<uint64_t> ReadRandom(ByteReader* in, size_t count);
std::vector<uint64_t> ReadRandom(ByteReader* in, size_t count, Slice slice);

/// The bits of doubles, byte by byte of equal significance, so that short fractions compress.
void PutDoubleBits(std::span<const uint64_t> bits, Packing packing, std::string* out);
std::vector<uint64_t> ReadDoubleBits(ByteReader* in, size_t count);

}  // namespace tocsin::storage
