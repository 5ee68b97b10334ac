// Layout of a chunk:
//
//     layout   zigzag of the schema, zero threshold (u64), positive spans, negative spans, bounds:
//              count and for each: zigzag of the offset and length; for bounds: u64
//     starts   as in float_chunk.h; a count of 0 where there are none
//     bits     for each histogram:
//                 but the first: the step of the time, as in gorilla.h
//                 the reset hint: 0 as before (at first: unknown), or 1 and two bits
//                 the sum: as in gorilla.h, XORed with the one before (at first 0)
//                 0: whole counts; 1: any
//                 zero count, count, positive buckets, negative buckets, each against the same
//                 count of the histogram before (at first 0)
//     whole    the difference as signed number: 0 none; 10 + 4 bits; 110 + 8; 1110 + 16; 1111 + 64
//     any      0 the same; 1 + 64 bits

#include "storage/series/histogram_chunk.h"

#include <bit>
#include <cmath>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"

namespace tocsin::storage {
namespace {

constexpr double kMostInteger = 9007199254740992.0;  // 2^53: beyond it integers are not exact.
constexpr size_t kSpanBytes = 2;                     // Of the smallest: bounds counts.

struct CountCode {
  uint32_t prefix;
  uint32_t prefix_bits;
  uint32_t bits;
};
constexpr CountCode kCountCodes[] = {{0b10, 2, 4}, {0b110, 3, 8}, {0b1110, 4, 16}};

bool Whole(double value) {
  return std::fabs(value) <= kMostInteger && value == std::trunc(value) &&
         !(value == 0 && std::signbit(value));
}

/// What whole counts are coded against: the count before, if that was whole.
int64_t Base(double before) { return Whole(before) ? static_cast<int64_t>(before) : 0; }

void PutWhole(double value, double before, BitWriter* out) {
  const auto change = static_cast<uint64_t>(static_cast<int64_t>(value) - Base(before));
  if (change == 0) return out->Put(0, 1);
  for (const CountCode& code : kCountCodes) {
    if (change + (uint64_t{1} << (code.bits - 1)) >= (uint64_t{1} << code.bits)) continue;
    out->Put(code.prefix, code.prefix_bits);
    return out->Put(change, code.bits);
  }
  out->Put(0b1111, 4);
  out->Put(change, 64);
}

double GetWhole(double before, BitReader* in) {
  uint64_t change = 0;
  if (in->Bit()) {
    bool found = false;
    for (const CountCode& code : kCountCodes) {
      if (in->Bit()) continue;
      const uint64_t sign = uint64_t{1} << (code.bits - 1);
      change = (in->Get(code.bits) ^ sign) - sign;
      found = true;
      break;
    }
    if (!found) change = in->Get(64);
  }
  return static_cast<double>(static_cast<int64_t>(static_cast<uint64_t>(Base(before)) + change));
}

void PutAny(double value, double before, BitWriter* out) {
  const auto bits = std::bit_cast<uint64_t>(value);
  const bool same = bits == std::bit_cast<uint64_t>(before);
  out->Put(same ? 0 : 1, 1);
  if (!same) out->Put(bits, 64);
}

double GetAny(double before, BitReader* in) {
  return in->Bit() ? std::bit_cast<double>(in->Get(64)) : before;
}

void PutFixed64(double value, std::string* out) {
  const auto bits = std::bit_cast<uint64_t>(value);
  PutFixed32(out, static_cast<uint32_t>(bits));
  PutFixed32(out, static_cast<uint32_t>(bits >> 32));
}
double GetFixed64(ByteReader* in) {
  const uint64_t low = in->Fixed32();
  return std::bit_cast<double>(low | uint64_t{in->Fixed32()} << 32);
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameLayout(const NativeHistogram& a, const NativeHistogram& b) {
  return a.schema == b.schema && SameBits(a.zero_threshold, b.zero_threshold) &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         a.custom_values == b.custom_values;
}

void PutSpans(const std::vector<HistogramSpan>& spans, std::string* out) {
  PutVarint64(out, spans.size());
  for (const HistogramSpan& span : spans) {
    PutVarint64(out, ZigZag(span.offset));
    PutVarint64(out, span.length);
  }
}

void PutLayout(const NativeHistogram& histogram, std::string* out) {
  PutVarint64(out, ZigZag(histogram.schema));
  PutFixed64(histogram.zero_threshold, out);
  PutSpans(histogram.positive_spans, out);
  PutSpans(histogram.negative_spans, out);
  PutVarint64(out, histogram.custom_values.size());
  for (const double bound : histogram.custom_values) PutFixed64(bound, out);
}

int32_t GetInt32(ByteReader* in) {
  const int64_t value = UnZigZag(in->Varint());
  if (value != static_cast<int32_t>(value)) in->Fail();
  return static_cast<int32_t>(value);
}

/// The spans; the number of their buckets is added to `*buckets`.
std::vector<HistogramSpan> GetSpans(ByteReader* in, uint64_t* buckets) {
  std::vector<HistogramSpan> spans(in->Count(in->remaining() / kSpanBytes));
  for (HistogramSpan& span : spans) {
    span.offset = GetInt32(in);
    span.length = static_cast<uint32_t>(in->Count(UINT32_MAX));
    *buckets += span.length;
  }
  return spans;
}

/// A histogram of that layout whose counts are 0. `bits_a_bucket` is what each bucket takes at
/// least of what follows: bounds the memory that damaged bytes can ask for.
NativeHistogram GetLayout(ByteReader* in, uint64_t bits_a_bucket) {
  NativeHistogram histogram;
  histogram.schema = GetInt32(in);
  histogram.zero_threshold = GetFixed64(in);
  uint64_t positive = 0;
  uint64_t negative = 0;
  histogram.positive_spans = GetSpans(in, &positive);
  histogram.negative_spans = GetSpans(in, &negative);
  histogram.custom_values.resize(in->Count(in->remaining() / sizeof(double)));
  for (double& bound : histogram.custom_values) bound = GetFixed64(in);
  if (positive + negative > in->remaining() * 8 / bits_a_bucket) in->Fail();
  if (in->failed()) return histogram;
  histogram.positive_buckets.resize(positive);
  histogram.negative_buckets.resize(negative);
  return histogram;
}

/// Calls `visit` with each count of `histogram` and the same of `before`.
template <class Histogram, class Visit>
void ForEachCount(Histogram& histogram, const NativeHistogram& before, Visit visit) {
  visit(histogram.zero_count, before.zero_count);
  visit(histogram.count, before.count);
  for (size_t i = 0; i < histogram.positive_buckets.size(); ++i) {
    visit(histogram.positive_buckets[i], before.positive_buckets[i]);
  }
  for (size_t i = 0; i < histogram.negative_buckets.size(); ++i) {
    visit(histogram.negative_buckets[i], before.negative_buckets[i]);
  }
}

NativeHistogram WithoutCounts(const NativeHistogram& histogram) {
  NativeHistogram empty;
  empty.positive_buckets.resize(histogram.positive_buckets.size());
  empty.negative_buckets.resize(histogram.negative_buckets.size());
  return empty;
}

}  // namespace

bool OpenHistograms::Takes(const NativeHistogram& histogram) const {
  return count_ < kMaxChunkSamples && (count_ == 0 || SameLayout(*last_, histogram));
}

void OpenHistograms::PutCounts(const NativeHistogram& histogram) {
  const NativeHistogram before = last_ == nullptr ? WithoutCounts(histogram) : *last_;
  bool whole = true;
  ForEachCount(histogram, before, [&](double value, double) { whole = whole && Whole(value); });
  bits_.Put(whole ? 0 : 1, 1);
  ForEachCount(histogram, before, [&](double value, double was) {
    whole ? PutWhole(value, was, &bits_) : PutAny(value, was, &bits_);
  });
}

void OpenHistograms::Append(const HistogramSample& sample, Millis start) {
  const NativeHistogram& histogram = *sample.histogram;
  TOCSIN_DCHECK(count_ == 0 || (sample.t > last_t_ && Takes(histogram)));
  if (count_ == 0) {
    first_t_ = sample.t;
  } else {
    steps_.Put(static_cast<uint64_t>(sample.t) - static_cast<uint64_t>(last_t_), &bits_);
  }
  const CounterResetHint hint =
      last_ == nullptr ? CounterResetHint::kUnknown : last_->counter_reset;
  bits_.Put(hint == histogram.counter_reset ? 0 : 1, 1);
  if (hint != histogram.counter_reset) bits_.Put(static_cast<uint64_t>(histogram.counter_reset), 2);
  sums_.Put(std::bit_cast<uint64_t>(histogram.sum), &bits_);
  PutCounts(histogram);
  if (start != (starts_.empty() ? 0 : starts_.back().start)) starts_.push_back({count_, start});
  last_t_ = sample.t;
  last_ = sample.histogram;
  ++count_;
}

std::string OpenHistograms::Seal() const {
  std::string out;
  PutLayout(*last_, &out);
  PutStarts(starts_, first_t_, &out);
  out += bits_.bytes();
  return out;
}

Status DecodeHistograms(std::string_view bytes, const ChunkExtent& extent,
                        std::vector<HistogramSample>* out, std::vector<StartMark>* starts) {
  ByteReader in(bytes);
  NativeHistogram current = GetLayout(&in, 1);
  GetStarts(&in, extent, starts);
  if (in.failed() || extent.count == 0 || extent.count > kMaxChunkSamples) {
    return CorruptionError("histogram chunk: the layout makes no sense");
  }
  BitReader bits(in.Bytes(in.remaining()));
  StepReader steps;
  XorReader sums;
  bool sound = true;
  Millis t = extent.first_t;
  for (uint32_t i = 0; i < extent.count; ++i) {
    if (i > 0) {
      const auto next = static_cast<Millis>(static_cast<uint64_t>(t) + steps.Get(&bits));
      if (next <= t) return CorruptionError("histogram chunk: times do not ascend");
      t = next;
    }
    if (bits.Bit()) current.counter_reset = static_cast<CounterResetHint>(bits.Get(2));
    current.sum = std::bit_cast<double>(sums.Get(&bits, &sound));
    const bool any = bits.Bit();
    ForEachCount(current, current, [&](double& value, double before) {
      value = any ? GetAny(before, &bits) : GetWhole(before, &bits);
    });
    if (!sound || !bits.ok()) return CorruptionError("histogram chunk is cut short");
    out->push_back({t, std::make_shared<const NativeHistogram>(current)});
  }
  if (t != extent.last_t) return CorruptionError("histogram chunk: times do not fit");
  return {};
}

void PutHistogram(const NativeHistogram& histogram, std::string* out) {
  PutLayout(histogram, out);
  out->push_back(static_cast<char>(histogram.counter_reset));
  PutFixed64(histogram.sum, out);
  PutFixed64(histogram.count, out);
  PutFixed64(histogram.zero_count, out);
  for (const auto* buckets : {&histogram.positive_buckets, &histogram.negative_buckets}) {
    for (const double value : *buckets) {
      if (Whole(value) && value >= 0) {
        PutVarint64(out, static_cast<uint64_t>(value) << 1);
      } else {
        PutVarint64(out, 1);
        PutFixed64(value, out);
      }
    }
  }
}

NativeHistogram GetHistogram(ByteReader* in) {
  NativeHistogram histogram = GetLayout(in, 8);
  const uint8_t hint = in->Byte();
  if (hint > static_cast<uint8_t>(CounterResetHint::kGauge)) in->Fail();
  histogram.counter_reset = static_cast<CounterResetHint>(hint);
  histogram.sum = GetFixed64(in);
  histogram.count = GetFixed64(in);
  histogram.zero_count = GetFixed64(in);
  for (auto* buckets : {&histogram.positive_buckets, &histogram.negative_buckets}) {
    for (double& value : *buckets) {
      const uint64_t number = in->Varint();
      if (number % 2 == 0) {
        value = static_cast<double>(number >> 1);
      } else if (number == 1) {
        value = GetFixed64(in);
      } else {
        in->Fail();
      }
    }
  }
  return histogram;
}

}  // namespace tocsin::storage
