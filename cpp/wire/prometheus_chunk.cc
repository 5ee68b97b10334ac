#include "cpp/wire/prometheus_chunk.h"

#include <bit>
#include <cmath>
#include <vector>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"

namespace tocsin::wire {
namespace {

// Bits, the highest first, behind whole bytes that are there already.
class BitWriter {
 public:
  explicit BitWriter(std::string* out) : out_(*out) {}

  // The lowest `count` bits of `value`.
  void Write(uint64_t value, unsigned count) {
    while (count > 0) {
      if (free_ == 0) {
        out_.push_back('\0');
        free_ = 8;
      }
      const unsigned now = count < free_ ? count : free_;
      const uint64_t bits = (value >> (count - now)) & ((uint64_t{1} << now) - 1);
      out_.back() = static_cast<char>(static_cast<uint8_t>(out_.back()) | bits << (free_ - now));
      free_ -= now;
      count -= now;
    }
  }
  void Byte(uint64_t value) { Write(value, 8); }
  void Double(double value) { Write(std::bit_cast<uint64_t>(value), 64); }
  void Varint(uint64_t value) {
    std::string bytes;
    PutVarint64(&bytes, value);
    for (const char byte : bytes) Byte(static_cast<uint8_t>(byte));
  }

 private:
  std::string& out_;
  unsigned free_ = 0;  // Bits of the last byte that are not used yet.
};

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
  writer->Write(~uint64_t{1}, ones + 1);
  writer->Write(value, kVarbitSizes[ones - 1]);
}

void PutVarbitInt(int64_t value, BitWriter* writer) {
  if (value == 0) return writer->Write(0, 1);
  for (unsigned ones = 1; ones <= std::size(kVarbitSizes); ++ones) {
    if (Fits(value, kVarbitSizes[ones - 1])) {
      return WriteVarbit(static_cast<uint64_t>(value), ones, writer);
    }
  }
  writer->Byte(0xff);
  writer->Write(static_cast<uint64_t>(value), 64);
}

void PutVarbitUint(uint64_t value, BitWriter* writer) {
  if (value == 0) return writer->Write(0, 1);
  for (unsigned ones = 1; ones <= std::size(kVarbitSizes); ++ones) {
    if (value < uint64_t{1} << kVarbitSizes[ones - 1]) return WriteVarbit(value, ones, writer);
  }
  writer->Byte(0xff);
  writer->Write(value, 64);
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
    if (delta == 0) return writer->Write(0, 1);
    writer->Write(1, 1);
    unsigned leading = static_cast<unsigned>(std::countl_zero(delta));
    const auto trailing = static_cast<unsigned>(std::countr_zero(delta));
    if (leading >= 32) leading = 31;  // It has five bits.
    if (known_ && leading >= leading_ && trailing >= trailing_) {
      writer->Write(0, 1);
      writer->Write(delta >> trailing_, 64 - leading_ - trailing_);
      return;
    }
    known_ = true;
    leading_ = leading;
    trailing_ = trailing;
    const unsigned bits = 64 - leading - trailing;
    writer->Write(1, 1);
    writer->Write(leading, 5);
    writer->Write(bits, 6);  // 64 becomes 0, which never occurs otherwise.
    writer->Write(delta >> trailing, bits);
  }
  void Start(double value) { last_ = value; }

 private:
  double last_ = 0;
  bool known_ = false;
  unsigned leading_ = 0;
  unsigned trailing_ = 0;
};

void PutTimeChange(int64_t change, BitWriter* writer) {
  if (change == 0) return writer->Write(0, 1);
  const auto bits = static_cast<uint64_t>(change);
  if (Fits(change, 14)) {
    writer->Write(0b10, 2);
    return writer->Write(bits, 14);
  }
  if (Fits(change, 17)) {
    writer->Write(0b110, 3);
    return writer->Write(bits, 17);
  }
  if (Fits(change, 20)) {
    writer->Write(0b1110, 4);
    return writer->Write(bits, 20);
  }
  writer->Write(0b1111, 4);
  writer->Write(bits, 64);
}

void PutZeroThreshold(double threshold, BitWriter* writer) {
  if (threshold == 0) return writer->Byte(0);
  int exponent = 0;
  const double fraction = std::frexp(threshold, &exponent);
  if (fraction == 0.5 && exponent >= -242 && exponent <= 11) {
    return writer->Byte(static_cast<uint64_t>(exponent + 243));
  }
  writer->Byte(255);
  writer->Double(threshold);
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
  writer->Write(0, 1);
  writer->Double(bound);
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
  std::string chunk = CountHeader(samples.size());
  BitWriter writer(&chunk);
  XorValues values;
  uint64_t last_delta = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto [t, v] = samples[i];
    if (i == 0) {
      writer.Varint(ZigZag(t));
      writer.Double(v);
      values.Start(v);
      continue;
    }
    const uint64_t delta = static_cast<uint64_t>(t) - static_cast<uint64_t>(samples[i - 1].t);
    if (i == 1) {
      writer.Varint(delta);
    } else {
      PutTimeChange(static_cast<int64_t>(delta - last_delta), &writer);
    }
    last_delta = delta;
    values.Put(v, &writer);
  }
  return chunk;
}

std::string FloatHistogramChunk(const HistogramSample& sample) {
  const NativeHistogram& histogram = *sample.histogram;
  std::string chunk = CountHeader(1);
  chunk.push_back(static_cast<char>(ResetFlags(histogram.counter_reset)));
  BitWriter writer(&chunk);
  PutZeroThreshold(histogram.zero_threshold, &writer);
  PutVarbitInt(histogram.schema, &writer);
  PutSpans(histogram.positive_spans, &writer);
  PutSpans(histogram.negative_spans, &writer);
  if (histogram.custom_buckets()) {
    PutVarbitUint(histogram.custom_values.size(), &writer);
    for (const double bound : histogram.custom_values) PutCustomBound(bound, &writer);
  }
  PutVarbitInt(sample.t, &writer);
  writer.Double(histogram.count);
  writer.Double(histogram.zero_count);
  writer.Double(histogram.sum);
  for (const double count : histogram.positive_buckets) writer.Double(count);
  for (const double count : histogram.negative_buckets) writer.Double(count);
  return chunk;
}

}  // namespace tocsin::wire
