/// The chunk of a series that still grows, and the run of floats in it: integers in as few bytes as
/// the widest of them needs, so that an append is a store and reading it is a sum.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cpp/model/labels.h"
#include "storage/series/float_chunk.h"

namespace tocsin::storage {

/// An array of integers that are all kept in 1, 2, 4 or 8 bytes. The owner knows how many there
/// are, at most kMaxChunkSamples.
class NarrowInts {
 public:
  /// Puts `value` behind the `count` values there.
  void Append(uint32_t count, int64_t value);
  /// Widens to eight bytes; data() may then be written to.
  void Widen(uint32_t count) { Grow(count, 3); }

  const char* data() const { return data_.get(); }
  int64_t* wide() { return reinterpret_cast<int64_t*>(data_.get()); }
  uint8_t width() const { return width_; }  ///< The logarithm of the bytes of each.
  size_t Bytes() const { return size_t{capacity_} << width_; }

 private:
  /// Makes room for one more value of that width.
  void Grow(uint32_t count, uint8_t width);

  std::unique_ptr<char[]> data_;
  uint8_t width_ = 0;
  uint8_t capacity_ = 0;  ///< Values.
};

/// What it takes to read an open chunk, cheap to copy: a query notes it under the store's lock.
struct OpenFloats {
  ChunkExtent extent;
  int64_t step = 0;         ///< Between the first two samples.
  int64_t first_value = 0;  ///< The first value, as integer or as bits.
  bool integers = false;    ///< Values are differences; otherwise the bits of doubles.
  bool steady = true;       ///< All steps are `step`; otherwise `steps` are differences to it.
  uint8_t step_width = 0;
  uint8_t value_width = 0;
  const char* steps = nullptr;   ///< Of each sample but the first two.
  const char* values = nullptr;  ///< Of each sample but the first.
};

/// Appends the samples. `open` and what it points to are as OpenChunk::View gave it.
void ReadOpenFloats(const OpenFloats& open, std::vector<Sample>* out);
/// Copies what `open` points to behind `*arena`, and gives the offset; Rebase points into it.
size_t CopyOpenFloats(const OpenFloats& open, std::string* arena);
OpenFloats Rebase(const OpenFloats& open, const char* data);

/// Float samples of one series, ascending. Not thread-safe.
class OpenChunk {
 public:
  uint32_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  Millis first_t() const { return first_t_; }        ///< REQUIRES: !empty().
  Millis last_t() const { return last_t_; }          ///< REQUIRES: !empty().
  uint64_t last_bits() const { return last_bits_; }  ///< Of the last value. REQUIRES: !empty().

  /// Whether there is room, and the value codes well with those before it: NaNs (the end of a
  /// series) do not stand among numbers.
  bool Takes(double value) const;
  /// REQUIRES: empty(), or sample.t > last_t() and Takes(sample.v).
  void Append(Sample sample, Millis start);

  OpenFloats View() const;
  const std::vector<StartMark>* starts() const { return starts_.get(); }  ///< Null: none.
  /// As closed chunk. REQUIRES: !empty().
  std::string Seal() const;
  size_t Bytes() const { return steps_.Bytes() + values_.Bytes(); }

 private:
  void AppendStep(Millis t);
  void AppendValue(double value);
  /// Turns the values so far from differences into bits.
  void TurnToBits();

  Millis first_t_ = 0;
  Millis last_t_ = 0;
  int64_t step_ = 0;
  int64_t first_value_ = 0;
  uint64_t last_bits_ = 0;
  NarrowInts steps_;
  NarrowInts values_;
  std::unique_ptr<std::vector<StartMark>> starts_;  ///< Null for nearly every series.
  uint8_t count_ = 0;
  bool integers_ = true;
  bool steady_ = true;
};

}  // namespace tocsin::storage
