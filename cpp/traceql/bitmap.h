/// A set of rows of a block.

#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace tocsin::traceql {

class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(uint32_t size, bool value = false)
      : size_(size), words_((size_t{size} + 63) / 64, value ? ~uint64_t{0} : 0) {
    ClearTail();
  }

  /// The members for which holds(i) is true.
  template <class Holds>
  static Bitmap Where(uint32_t size, const Holds& holds) {
    Bitmap result(size);
    uint32_t i = 0;
    for (uint64_t& word : result.words_) {
      const uint32_t count = size - i < 64 ? size - i : 64;
      uint64_t bits = 0;
      for (uint32_t bit = 0; bit < count; ++bit) {
        bits |= uint64_t{holds(i + bit) ? 1U : 0U} << bit;
      }
      word = bits;
      i += count;
    }
    return result;
  }

  /// The places of `wanted` in `values`: Where() for the frequent case, many at a time.
  static Bitmap Equal(std::span<const uint8_t> values, uint8_t wanted);
  static Bitmap Equal(std::span<const uint32_t> values, uint32_t wanted);
  /// The places whose verdict is not 0. `verdict_of`: one for each value that occurs.
  static Bitmap WhereVerdict(std::span<const uint8_t> values, std::span<const uint8_t> verdict_of);
  static Bitmap WhereVerdict(std::span<const uint32_t> values, std::span<const uint8_t> verdict_of);

  uint32_t size() const { return size_; }
  bool Test(uint32_t i) const { return ((words_[i >> 6] >> (i & 63)) & 1) != 0; }
  void Set(uint32_t i) { words_[i >> 6] |= uint64_t{1} << (i & 63); }
  void Clear(uint32_t i) { words_[i >> 6] &= ~(uint64_t{1} << (i & 63)); }
  /// Sets the bit if `value`, without a branch.
  void SetIf(uint32_t i, bool value) { words_[i >> 6] |= uint64_t{value} << (i & 63); }

  // REQUIRES: equal sizes.
  void And(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  }
  void Or(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void AndNot(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  }
  void Not() {
    for (uint64_t& word : words_) word = ~word;
    ClearTail();
  }

  bool None() const {
    for (const uint64_t word : words_) {
      if (word != 0) return false;
    }
    return true;
  }
  uint32_t Count() const {
    uint32_t count = 0;
    for (const uint64_t word : words_) count += static_cast<uint32_t>(std::popcount(word));
    return count;
  }
  bool All() const { return Count() == size_; }

  /// Calls visit(row) for each member, ascending.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(static_cast<uint32_t>(i * 64) + static_cast<uint32_t>(std::countr_zero(word)));
      }
    }
  }

 private:
  template <class T>
  static Bitmap EqualTo(std::span<const T> values, T wanted);
  template <class T>
  static Bitmap ByVerdict(std::span<const T> values, std::span<const uint8_t> verdict_of);

  void ClearTail() {
    if ((size_ & 63) != 0) words_.back() &= (uint64_t{1} << (size_ & 63)) - 1;
  }

  uint32_t size_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace tocsin::traceql
