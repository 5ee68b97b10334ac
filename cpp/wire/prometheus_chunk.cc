#include "cpp/wire/prometheus_chunk.h"

#include <bit>
#include <cmath>
#include <vector>

#include "cpp/base/bits.h"
#include "cpp/base/check.h"
#include "cpp/base/coding.h"

namespace tocsin::wire {
namespace {

void PutByte(uint64_t value, BitWriter* writer) { writer->Put(value, 8); }

void PutDouble(double value, BitWriter* writer) { writer->Put(std::bit_cast<uint64_t>(value), 64); }

void PutVarint(uint64_t value, BitWriter* writer) {
  std::string bytes;
  PutVarint64(&bytes, value);
  for (const char byte : bytes) PutByte(static_cast<uint8_t>(byte), writer);
}

// Whether `count` bits hold the number. The range is not that of two's complement: one more above,
// one less below.
bool Fits(int64_t value, unsigned count) {
  const int64_t half = int64_t{1} << (count - 1);
  return -(half - 1) <= value && value <= half;
}

// The sizes of the variable-length integers: the n-th has a prefix of n ones (1, 2, 3...) and, but
// for the last, a zero.
constexpr unsigned kVarbitSizes[] = {3, 6, 9, 12, 18, 25, 56};

void WriteVarbit(uint64_t value, unsigned ones, BitWriter* writer) {
  writer->Put(~uint64_t{1}, ones + 1);
  writer->Put(value, kVarbitSizes[ones - 1]);
}

void PutVarbitInt(int64_t value, BitWriter* writer) {
  if (value == 0) return writer->Put(0, 1);
  for (unsigned ones = 1; ones <= std::size(kVarbitSizes); ++ones) {
    if (Fits(value, kVarbitSizes[ones - 1])) {
      return WriteVarbit(static_cast<uint64_t>(value), ones, writer);
    }
  }
  PutByte(0xff, writer);
  writer->Put(static_cast<uint64_t>(value), 64);
}

void PutVarbitUint(uint64_t value, BitWriter* writer) {
  if (value == 0) return writer->Put(0, 1);
  for (unsigned ones = 1; ones <= std::size(kVarbitSizes); ++ones) {
    if (value < uint64_t{1} << kVarbitSizes[ones - 1]) return WriteVarbit(value, ones, writer);
  }
  PutByte(0xff, writer);
  writer->Put(value, 64);
}

std::string CountHeader(size_t samples) {
  TOCSIN_CHECK(samples <= 0xffff);
  return {static_cast<char>(samples >> 8), static_cast<char>(samples)};
}

// Values, each as what it differs by from the one before.
class XorValues {
 public:
  void Put(double value, BitWriter* writer) {
    const uint64_t delta = std::bit_cast<uint64_t>(value) ^ std::bit_cast<uint64_t>(last_);
    last_ = value;
    if (delta == 0) return writer->Put(0, 1);
    writer->Put(1, 1);
    unsigned leading = static_cast<unsigned>(std::countl_zero(delta));
    const auto trailing = static_cast<unsigned>(std::countr_zero(delta));
    if (leading >= 32) leading = 31;  // It has five bits.
    if (known_ && leading >= leading_ && trailing >= trailing_) {
      writer->Put(0, 1);
      writer->Put(delta >> trailing_, 64 - leading_ - trailing_);
      return;
    }
    known_ = true;
    leading_ = leading;
    trailing_ = trailing;
    const unsigned bits = 64 - leading - trailing;
    writer->Put(1, 1);
    writer->Put(leading, 5);
    writer->Put(bits, 6);  // 64 becomes 0, which never occurs otherwise.
    writer->Put(delta >> trailing, bits);
  }
  void Start(double value) { last_ = value; }

 private:
  double last_ = 0;
  bool known_ = false;
  unsigned leading_ = 0;
  unsigned trailing_ = 0;
};

void PutTimeChange(int64_t change, BitWriter* writer) {
  if (change == 0) return writer->Put(0, 1);
  const auto bits = static_cast<uint64_t>(change);
  if (Fits(change, 14)) {
    writer->Put(0b10, 2);
    return writer->Put(bits, 14);
  }
  if (Fits(change, 17)) {
    writer->Put(0b110, 3);
    return writer->Put(bits, 17);
  }
  if (Fits(change, 20)) {
    writer->Put(0b1110, 4);
    return writer->Put(bits, 20);
  }
  writer->Put(0b1111, 4);
  writer->Put(bits, 64);
}

void PutZeroThreshold(double threshold, BitWriter* writer) {
  if (threshold == 0) return PutByte(0, writer);
  int exponent = 0;
  const double fraction = std::frexp(threshold, &exponent);
  if (fraction == 0.5 && exponent >= -242 && exponent <= 11) {
    return PutByte(static_cast<uint64_t>(int64_t{exponent} + 243), writer);
  }
  PutByte(255, writer);
  PutDouble(threshold, writer);
}

void PutSpans(const std::vector<HistogramSpan>& spans, BitWriter* writer) {
  PutVarbitUint(spans.size(), writer);
  for (const HistogramSpan& span : spans) {
    PutVarbitUint(span.length, writer);
    PutVarbitInt(span.offset, writer);
  }
}

// Bounds of up to three decimals, as people choose them, are kept as thousandths.
void PutCustomBound(double bound, BitWriter* writer) {
  constexpr double kMaxThousandths = 33'554'430;
  const double thousandths = bound * 1000;
  if (thousandths >= 0 && thousandths <= kMaxThousandths &&
      std::round(thousandths) / 1000 == bound) {
    return PutVarbitUint(static_cast<uint64_t>(std::round(thousandths)) + 1, writer);
  }
  writer->Put(0, 1);
  PutDouble(bound, writer);
}

uint8_t ResetFlags(CounterResetHint hint) {
  switch (hint) {
    case CounterResetHint::kReset:
      return 0b1000'0000;
    case CounterResetHint::kNotReset:
      return 0b0100'0000;
    case CounterResetHint::kGauge:
      return 0b1100'0000;
    case CounterResetHint::kUnknown:
      return 0;
  }
  return 0;
}

}  // namespace

std::string XorChunk(std::span<const Sample> samples) {
  BitWriter writer(CountHeader(samples.size()));
  XorValues values;
  uint64_t last_delta = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto [t, v] = samples[i];
    if (i == 0) {
      PutVarint(ZigZag(t), &writer);
      PutDouble(v, &writer);
      values.Start(v);
      continue;
    }
    const uint64_t delta = static_cast<uint64_t>(t) - static_cast<uint64_t>(samples[i - 1].t);
    if (i == 1) {
      PutVarint(delta, &writer);
    } else {
      PutTimeChange(static_cast<int64_t>(delta - last_delta), &writer);
    }
    last_delta = delta;
    values.Put(v, &writer);
  }
  return writer.Take();
}

std::string FloatHistogramChunk(const HistogramSample& sample) {
  const NativeHistogram& histogram = *sample.histogram;
  std::string chunk = CountHeader(1);
  chunk.push_back(static_cast<char>(ResetFlags(histogram.counter_reset)));
  BitWriter writer(std::move(chunk));
  PutZeroThreshold(histogram.zero_threshold, &writer);
  PutVarbitInt(histogram.schema, &writer);
  PutSpans(histogram.positive_spans, &writer);
  PutSpans(histogram.negative_spans, &writer);
  if (histogram.custom_buckets()) {
    PutVarbitUint(histogram.custom_values.size(), &writer);
    for (const double bound : histogram.custom_values) PutCustomBound(bound, &writer);
  }
  PutVarbitInt(sample.t, &writer);
  PutDouble(histogram.count, &writer);
  PutDouble(histogram.zero_count, &writer);
  PutDouble(histogram.sum, &writer);
  for (const double count : histogram.positive_buckets) PutDouble(count, &writer);
  for (const double count : histogram.negative_buckets) PutDouble(count, &writer);
  return writer.Take();
}

}  // namespace tocsin::wire
