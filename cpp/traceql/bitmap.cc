#include "cpp/traceql/bitmap.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tocsin::traceql {
namespace {

constexpr size_t kWord = 64;

// One bit for each of up to 64 values.
template <class T, class Holds>
uint64_t WordWhere(std::span<const T> values, const Holds& holds) {
  uint64_t bits = 0;
  for (size_t i = 0; i < values.size(); ++i) bits |= uint64_t{holds(values[i]) ? 1U : 0U} << i;
  return bits;
}

#if defined(__SSE2__)

__m128i Load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

// Of the 16 bytes of a mask the upper bits.
uint64_t BitsOf(__m128i mask) { return static_cast<uint64_t>(_mm_movemask_epi8(mask)) & 0xffff; }

uint64_t WordEqual(const uint8_t* values, uint8_t wanted) {
  const __m128i all = _mm_set1_epi8(static_cast<char>(wanted));
  uint64_t bits = 0;
  for (size_t i = 0; i < kWord; i += 16) {
    bits |= BitsOf(_mm_cmpeq_epi8(Load(values + i), all)) << i;
  }
  return bits;
}

uint64_t WordEqual(const uint32_t* values, uint32_t wanted) {
  const __m128i all = _mm_set1_epi32(static_cast<int>(wanted));
  const auto four = [&](size_t i) { return _mm_cmpeq_epi32(Load(values + i), all); };
  uint64_t bits = 0;
  for (size_t i = 0; i < kWord; i += 16) {
    // All ones or all zeros stay so when the lanes are made narrower.
    const __m128i low = _mm_packs_epi32(four(i), four(i + 4));
    const __m128i high = _mm_packs_epi32(four(i + 8), four(i + 12));
    bits |= BitsOf(_mm_packs_epi16(low, high)) << i;
  }
  return bits;
}

#else

template <class T>
uint64_t WordEqual(const T* values, T wanted) {
  return WordWhere(std::span(values, kWord), [&](T value) { return value == wanted; });
}

#endif

// Asks `whole_word(values)` of 64 values each, and `holds(value)` of each of the rest.
template <class T, class WholeWord, class Holds>
void Fill(std::span<const T> values, const WholeWord& whole_word, const Holds& holds,
          std::vector<uint64_t>* words) {
  size_t i = 0;
  size_t w = 0;
  for (; i + kWord <= values.size(); i += kWord) (*words)[w++] = whole_word(values.data() + i);
  if (i < values.size()) (*words)[w] = WordWhere(values.subspan(i), holds);
}

}  // namespace

template <class T>
Bitmap Bitmap::EqualTo(std::span<const T> values, T wanted) {
  Bitmap result(static_cast<uint32_t>(values.size()));
  Fill(
      values, [&](const T* from) { return WordEqual(from, wanted); },
      [&](T value) { return value == wanted; }, &result.words_);
  return result;
}

// Mostly one value is wanted, or all but one.
template <class T>
Bitmap Bitmap::ByVerdict(std::span<const T> values, std::span<const uint8_t> verdict_of) {
  const auto size = static_cast<uint32_t>(values.size());
  const auto is_wanted = [](uint8_t verdict) { return verdict != 0; };
  const auto wanted = static_cast<size_t>(std::ranges::count_if(verdict_of, is_wanted));
  if (wanted == 0 || wanted == verdict_of.size()) return Bitmap(size, wanted != 0);
  if (wanted == 1 || wanted + 1 == verdict_of.size()) {
    const auto one = wanted == 1 ? std::ranges::find_if(verdict_of, is_wanted)
                                 : std::ranges::find_if_not(verdict_of, is_wanted);
    Bitmap result = EqualTo(values, static_cast<T>(one - verdict_of.begin()));
    if (wanted != 1) result.Not();
    return result;
  }
  Bitmap result(size);
  const auto holds = [&](T value) { return verdict_of[value] != 0; };
  Fill(
      values, [&](const T* from) { return WordWhere(std::span(from, kWord), holds); }, holds,
      &result.words_);
  return result;
}

Bitmap Bitmap::Equal(std::span<const uint8_t> values, uint8_t wanted) {
  return EqualTo(values, wanted);
}
Bitmap Bitmap::Equal(std::span<const uint32_t> values, uint32_t wanted) {
  return EqualTo(values, wanted);
}
Bitmap Bitmap::WhereVerdict(std::span<const uint8_t> values, std::span<const uint8_t> verdict_of) {
  return ByVerdict(values, verdict_of);
}
Bitmap Bitmap::WhereVerdict(std::span<const uint32_t> values, std::span<const uint8_t> verdict_of) {
  return ByVerdict(values, verdict_of);
}

}  // namespace tocsin::traceql
