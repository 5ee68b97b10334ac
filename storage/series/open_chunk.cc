#include "storage/series/open_chunk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "cpp/base/check.h"

namespace tocsin::storage {
namespace {

constexpr double kMostInteger = 9007199254740992.0;  // 2^53: beyond it integers are not exact.

/// The value as integer, if it is one, bit by bit (-0 is not).
bool AsInteger(double value, int64_t* out) {
  if (!(std::fabs(value) <= kMostInteger)) return false;
  *out = static_cast<int64_t>(value);
  return std::bit_cast<uint64_t>(static_cast<double>(*out)) == std::bit_cast<uint64_t>(value);
}

uint8_t WidthOf(int64_t value) {
  if (value == static_cast<int8_t>(value)) return 0;
  if (value == static_cast<int16_t>(value)) return 1;
  return value == static_cast<int32_t>(value) ? 2 : 3;
}

/// Calls `use` with a function that gives the i-th integer of an array of that width.
template <class Use>
void WithWidth(uint8_t width, const char* data, Use use) {
  const auto typed = [&]<class T>(T) {
    use([data](size_t i) {
      T value;
      std::memcpy(&value, data + (i * sizeof(T)), sizeof(T));
      return static_cast<int64_t>(value);
    });
  };
  switch (width) {
    case 0:
      return typed(int8_t{});
    case 1:
      return typed(int16_t{});
    case 2:
      return typed(int32_t{});
    default:
      return typed(int64_t{});
  }
}

void StoreInt(char* data, size_t i, uint8_t width, int64_t value) {
  // The low bytes come first: the build refuses big-endian machines (cpp/base/coding.h does not
  // care, but this layout lives in memory only and may rely on it).
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(data + (i << width), &value, size_t{1} << width);
}

uint32_t StepCount(const OpenFloats& open) {
  return open.steady || open.extent.count < 2 ? 0 : open.extent.count - 2;
}
uint32_t ValueCount(const OpenFloats& open) { return open.extent.count - 1; }

}  // namespace

void NarrowInts::Grow(uint32_t count, uint8_t width) {
  uint32_t capacity = capacity_;
  if (count >= capacity) {
    // Powers of two less what rounding by the allocator would waste; the last is a whole chunk.
    capacity = std::min<uint32_t>(kMaxChunkSamples, std::max<uint32_t>(15, capacity * 2));
  }
  if (capacity == capacity_ && width == width_) return;
  auto data = std::make_unique_for_overwrite<char[]>(size_t{capacity} << width);
  if (width == width_) {
    if (count > 0) std::memcpy(data.get(), data_.get(), size_t{count} << width);
  } else {
    WithWidth(width_, data_.get(), [&](auto at) {
      for (uint32_t i = 0; i < count; ++i) StoreInt(data.get(), i, width, at(i));
    });
  }
  data_ = std::move(data);
  width_ = width;
  capacity_ = static_cast<uint8_t>(capacity);
}

void NarrowInts::Append(uint32_t count, int64_t value) {
  Grow(count, std::max(width_, WidthOf(value)));
  StoreInt(data_.get(), count, width_, value);
}

bool OpenChunk::Takes(double value) const {
  return count_ < kMaxChunkSamples &&
         (count_ == 0 || std::isnan(value) == std::isnan(std::bit_cast<double>(last_bits_)));
}

void OpenChunk::AppendStep(Millis t) {
  const auto step = static_cast<int64_t>(static_cast<uint64_t>(t) - static_cast<uint64_t>(last_t_));
  if (count_ == 1) {
    step_ = step;
    return;
  }
  if (steady_ && step == step_) return;
  if (steady_) {
    for (uint32_t i = 0; i + 2 < count_; ++i) steps_.Append(i, 0);
    steady_ = false;
  }
  steps_.Append(count_ - 2U,
                static_cast<int64_t>(static_cast<uint64_t>(step) - static_cast<uint64_t>(step_)));
}

void OpenChunk::TurnToBits() {
  int64_t value = first_value_;
  first_value_ = std::bit_cast<int64_t>(static_cast<double>(value));
  values_.Widen(count_ - 1U);
  for (uint32_t i = 0; i + 1 < count_; ++i) {
    value += values_.wide()[i];
    values_.wide()[i] = std::bit_cast<int64_t>(static_cast<double>(value));
  }
  integers_ = false;
}

void OpenChunk::AppendValue(double value) {
  int64_t integer = 0;
  const bool is_integer = AsInteger(value, &integer);
  if (count_ == 0) {
    integers_ = is_integer;
    first_value_ = is_integer ? integer : std::bit_cast<int64_t>(value);
    return;
  }
  if (integers_ && !is_integer) TurnToBits();
  int64_t last = 0;
  if (integers_) AsInteger(std::bit_cast<double>(last_bits_), &last);
  values_.Append(count_ - 1U, integers_ ? integer - last : std::bit_cast<int64_t>(value));
}

void OpenChunk::Append(Sample sample, Millis start) {
  TOCSIN_DCHECK(count_ == 0 || (sample.t > last_t_ && Takes(sample.v)));
  if (count_ == 0) {
    first_t_ = sample.t;
  } else {
    AppendStep(sample.t);
  }
  AppendValue(sample.v);
  last_t_ = sample.t;
  last_bits_ = std::bit_cast<uint64_t>(sample.v);
  const Millis last_start = starts_ != nullptr ? starts_->back().start : 0;
  if (start != last_start) {
    if (starts_ == nullptr) starts_ = std::make_unique<std::vector<StartMark>>();
    starts_->push_back({count_, start});
  }
  ++count_;
}

OpenFloats OpenChunk::View() const {
  return {.extent = {count_, first_t_, last_t_},
          .step = step_,
          .first_value = first_value_,
          .integers = integers_,
          .steady = steady_,
          .step_width = steps_.width(),
          .value_width = values_.width(),
          .steps = steps_.data(),
          .values = values_.data()};
}

std::string OpenChunk::Seal() const {
  std::vector<Sample> samples;
  ReadOpenFloats(View(), &samples);
  return EncodeFloats(samples, starts_ != nullptr ? *starts_ : std::span<const StartMark>());
}

void ReadOpenFloats(const OpenFloats& open, std::vector<Sample>* out) {
  const uint32_t count = open.extent.count;
  if (count == 0) return;
  const size_t begin = out->size();
  out->resize(begin + count);
  Sample* const samples = out->data() + begin;
  auto t = static_cast<uint64_t>(open.extent.first_t);
  const auto step = static_cast<uint64_t>(open.step);
  if (open.steady) {
    for (uint32_t i = 0; i < count; ++i) samples[i].t = static_cast<Millis>(t + (i * step));
  } else {
    samples[0].t = open.extent.first_t;
    samples[1].t = static_cast<Millis>(t += step);
    WithWidth(open.step_width, open.steps, [&](auto at) {
      for (uint32_t i = 2; i < count; ++i) {
        samples[i].t = static_cast<Millis>(t += step + static_cast<uint64_t>(at(i - 2)));
      }
    });
  }
  if (!open.integers) {
    samples[0].v = std::bit_cast<double>(open.first_value);
    WithWidth(open.value_width, open.values, [&](auto at) {
      for (uint32_t i = 1; i < count; ++i) samples[i].v = std::bit_cast<double>(at(i - 1));
    });
    return;
  }
  int64_t value = open.first_value;
  samples[0].v = static_cast<double>(value);
  WithWidth(open.value_width, open.values, [&](auto at) {
    for (uint32_t i = 1; i < count; ++i) samples[i].v = static_cast<double>(value += at(i - 1));
  });
}

size_t CopyOpenFloats(const OpenFloats& open, std::string* arena) {
  const size_t begin = arena->size();
  if (StepCount(open) > 0) arena->append(open.steps, size_t{StepCount(open)} << open.step_width);
  if (ValueCount(open) > 0) {
    arena->append(open.values, size_t{ValueCount(open)} << open.value_width);
  }
  return begin;
}

OpenFloats Rebase(const OpenFloats& open, const char* data) {
  OpenFloats rebased = open;
  rebased.steps = data;
  rebased.values = data + (size_t{StepCount(open)} << open.step_width);
  return rebased;
}

}  // namespace tocsin::storage
