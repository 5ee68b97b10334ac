#include "cpp/wire/remote_write_histogram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "cpp/base/coding.h"
#include "cpp/base/status.h"
#include "cpp/model/native_histogram_buckets.h"
#include "cpp/model/native_histogram_math.h"

namespace tocsin::wire {
namespace {

enum HistogramField : uint8_t {
  kCountInt = 1,
  kCountFloat = 2,
  kSum = 3,
  kSchema = 4,
  kZeroThreshold = 5,
  kZeroCountInt = 6,
  kZeroCountFloat = 7,
  kNegativeSpans = 8,
  kNegativeDeltas = 9,
  kNegativeCounts = 10,
  kPositiveSpans = 11,
  kPositiveDeltas = 12,
  kPositiveCounts = 13,
  kResetHint = 14,
  kTimestamp = 15,
  kCustomValues = 16,
  kStartTimestamp = 17,
};

constexpr int32_t kMaxReservedSchema = 52;

// The buckets of one sign as they lie on the wire.
struct Side {
  std::vector<HistogramSpan> spans;
  std::vector<int64_t> deltas;
  std::vector<double> counts;
};

struct Fields {
  // Members of oneofs: of two, the one that came last is set.
  bool float_count = false;
  uint64_t count_int = 0;
  double count_float = 0;
  bool float_zero = false;
  uint64_t zero_int = 0;
  double zero_float = 0;

  double sum = 0;
  int32_t schema = 0;
  double zero_threshold = 0;
  Side negative;
  Side positive;
  uint64_t reset_hint = 0;
  Millis t = 0;
  Millis start = 0;
  std::vector<double> custom_values;
};

class HistogramReader {
 public:
  HistogramReader(Fields* fields, int depth, WireError* error)
      : fields_(*fields), depth_(depth), error_(error) {}

  bool Read(std::string_view message) {
    return ForEachField(message, error_, [this](uint32_t tag, const char* p, const char* end) {
      return Field(tag, p, end);
    });
  }

 private:
  const char* Field(uint32_t tag, const char* p, const char* end) {
    switch (tag) {
      case Tag(kCountInt, WireType::kVarint):
        fields_.float_count = false;
        return ReadVarint(p, end, &fields_.count_int);
      case Tag(kCountFloat, WireType::kFixed64):
        fields_.float_count = true;
        return ReadDouble(p, end, &fields_.count_float);
      case Tag(kSum, WireType::kFixed64):
        return ReadDouble(p, end, &fields_.sum);
      case Tag(kSchema, WireType::kVarint):
        return ReadSint32(p, end, &fields_.schema);
      case Tag(kZeroThreshold, WireType::kFixed64):
        return ReadDouble(p, end, &fields_.zero_threshold);
      case Tag(kZeroCountInt, WireType::kVarint):
        fields_.float_zero = false;
        return ReadVarint(p, end, &fields_.zero_int);
      case Tag(kZeroCountFloat, WireType::kFixed64):
        fields_.float_zero = true;
        return ReadDouble(p, end, &fields_.zero_float);
      case Tag(kResetHint, WireType::kVarint):
        return ReadVarint(p, end, &fields_.reset_hint);
      case Tag(kTimestamp, WireType::kVarint):
        return ReadInt64(p, end, &fields_.t);
      case Tag(kStartTimestamp, WireType::kVarint):
        return ReadInt64(p, end, &fields_.start);
      case Tag(kCustomValues, WireType::kBytes):
      case Tag(kCustomValues, WireType::kFixed64):
        return ReadDoubles(tag, p, end, &fields_.custom_values);
      default:
        return SideField(tag, p, end);
    }
  }

  const char* SideField(uint32_t tag, const char* p, const char* end) {
    switch (tag) {
      case Tag(kNegativeSpans, WireType::kBytes):
        return ReadSpan(p, end, &fields_.negative.spans);
      case Tag(kPositiveSpans, WireType::kBytes):
        return ReadSpan(p, end, &fields_.positive.spans);
      case Tag(kNegativeDeltas, WireType::kBytes):
      case Tag(kNegativeDeltas, WireType::kVarint):
        return ReadDeltas(tag, p, end, &fields_.negative.deltas);
      case Tag(kPositiveDeltas, WireType::kBytes):
      case Tag(kPositiveDeltas, WireType::kVarint):
        return ReadDeltas(tag, p, end, &fields_.positive.deltas);
      case Tag(kNegativeCounts, WireType::kBytes):
      case Tag(kNegativeCounts, WireType::kFixed64):
        return ReadDoubles(tag, p, end, &fields_.negative.counts);
      case Tag(kPositiveCounts, WireType::kBytes):
      case Tag(kPositiveCounts, WireType::kFixed64):
        return ReadDoubles(tag, p, end, &fields_.positive.counts);
      default:
        return SkipField(p, end, tag, depth_);
    }
  }

  static const char* ReadSint32(const char* p, const char* end, int32_t* value) {
    uint32_t bits = 0;
    p = ReadUint32(p, end, &bits);
    *value = static_cast<int32_t>(UnZigZag(bits));
    return p;
  }

  // Repeated scalars come packed, or one by one.
  static const char* ReadDeltas(uint32_t tag, const char* p, const char* end,
                                std::vector<int64_t>* deltas) {
    const auto add = [deltas](uint64_t value) { deltas->push_back(UnZigZag(value)); };
    if ((tag & 7) == static_cast<uint32_t>(WireType::kBytes)) return ReadPackedVarints(p, end, add);
    uint64_t value = 0;
    p = ReadVarint(p, end, &value);
    if (p != nullptr) add(value);
    return p;
  }
  static const char* ReadDoubles(uint32_t tag, const char* p, const char* end,
                                 std::vector<double>* values) {
    if ((tag & 7) == static_cast<uint32_t>(WireType::kBytes)) {
      return ReadPackedFixed64(p, end, values);
    }
    return ReadDouble(p, end, &values->emplace_back());
  }

  const char* ReadSpan(const char* p, const char* end, std::vector<HistogramSpan>* spans) {
    HistogramSpan& span = spans->emplace_back();
    return ReadMessage(p, end, [&](std::string_view message) {
      return ForEachField(message, error_, [&](uint32_t tag, const char* q, const char* q_end) {
        switch (tag) {
          case Tag(1, WireType::kVarint):
            return ReadSint32(q, q_end, &span.offset);
          case Tag(2, WireType::kVarint):
            return ReadUint32(q, q_end, &span.length);
          default:
            return SkipField(q, q_end, tag, depth_ - 1);
        }
      });
    });
  }

  Fields& fields_;
  const int depth_;
  WireError* const error_;
};

CounterResetHint HintOf(uint64_t number) {
  switch (number) {
    case 1:
      return CounterResetHint::kReset;
    case 2:
      return CounterResetHint::kNotReset;
    case 3:
      return CounterResetHint::kGauge;
    default:
      return CounterResetHint::kUnknown;
  }
}

// The count of the integer form is that of the buckets. An observation of NaN is in no bucket, and
// makes the sum NaN.
Status CheckTotal(uint64_t found, uint64_t count, double sum) {
  if (std::isnan(sum) ? found <= count : found == count) return {};
  return InvalidArgumentError(std::to_string(found) + " observations found in buckets, but the " +
                              "Count field is " + std::to_string(count) +
                              ": histogram's observation count should " +
                              (std::isnan(sum) ? "be at least" : "equal") +
                              " the number of observations found in the buckets");
}

// Turns what was read into a histogram, still of its own schema.
Status Make(Fields* fields, NativeHistogram* out) {
  out->counter_reset = HintOf(fields->reset_hint);
  out->schema = fields->schema;
  out->zero_threshold = fields->zero_threshold;
  out->sum = fields->sum;
  out->positive_spans = std::move(fields->positive.spans);
  out->negative_spans = std::move(fields->negative.spans);
  out->custom_values = std::move(fields->custom_values);
  if (fields->float_count) {
    out->count = fields->count_float;
    out->zero_count = fields->float_zero ? fields->zero_float : 0;
    out->positive_buckets = std::move(fields->positive.counts);
    out->negative_buckets = std::move(fields->negative.counts);
    return {};
  }
  uint64_t total = fields->float_zero ? 0 : fields->zero_int;
  out->count = static_cast<double>(fields->count_int);
  out->zero_count = static_cast<double>(total);
  out->positive_buckets = CountsOfDeltas(fields->positive.deltas, &total);
  out->negative_buckets = CountsOfDeltas(fields->negative.deltas, &total);
  return CheckTotal(total, fields->count_int, fields->sum);
}

bool IsWhole(double count) {
  constexpr double kExact = 9007199254740992.0;  // 2^53.
  return count >= 0 && count < kExact && count == std::floor(count);
}

// Whether the integer form can say the same. There the count must be that of the buckets; only a
// sum of NaN tells of observations that are in none.
bool IsWhole(const NativeHistogram& histogram) {
  const auto whole = [](double count) { return IsWhole(count); };
  if (!IsWhole(histogram.count) || !IsWhole(histogram.zero_count) ||
      !std::ranges::all_of(histogram.positive_buckets, whole) ||
      !std::ranges::all_of(histogram.negative_buckets, whole)) {
    return false;
  }
  double found = histogram.zero_count;
  for (const double count : histogram.positive_buckets) found += count;
  for (const double count : histogram.negative_buckets) found += count;
  return std::isnan(histogram.sum) ? found <= histogram.count : found == histogram.count;
}

void WriteSpans(uint32_t field, std::span<const HistogramSpan> spans, ProtoWriter* writer) {
  for (const HistogramSpan& span : spans) {
    writer->Message(field, [&] {
      writer->VarintSet(1, static_cast<uint32_t>(ZigZag(span.offset)));
      writer->VarintSet(2, span.length);
    });
  }
}

void WriteDoubles(uint32_t field, std::span<const double> values, ProtoWriter* writer) {
  if (values.empty()) return;
  std::string packed(values.size_bytes(), '\0');
  std::memcpy(packed.data(), values.data(), packed.size());
  writer->Bytes(field, packed);
}

void WriteDeltas(uint32_t field, std::span<const double> counts, ProtoWriter* writer) {
  if (counts.empty()) return;
  std::string packed;
  int64_t previous = 0;
  for (const double count : counts) {
    const auto value = static_cast<int64_t>(count);
    PutVarint64(&packed, ZigZag(value - previous));
    previous = value;
  }
  writer->Bytes(field, packed);
}

}  // namespace

bool ReadHistogram(std::string_view message, int depth, WireHistogram* out, WireError* error) {
  Fields fields;
  if (!HistogramReader(&fields, depth, error).Read(message)) return false;
  *out = {.t = fields.t, .start = fields.start, .histogram = nullptr, .invalid = {}};
  if (IsStaleNan(fields.sum)) return true;
  auto histogram = std::make_shared<NativeHistogram>();
  const Status total = Make(&fields, histogram.get());
  const int32_t schema = histogram->schema;
  const bool too_fine = schema > kMaxExponentialSchema && schema <= kMaxReservedSchema;
  if (too_fine) histogram->schema = kMaxExponentialSchema;  // The layout is judged alike.
  Status status = ValidateHistogram(*histogram);
  if (status.ok()) status = total;
  if (!status.ok()) {
    out->invalid = status.message();
    return true;
  }
  if (too_fine) {
    histogram->schema = schema;
    ReduceResolution(histogram.get(), kMaxExponentialSchema);
  }
  out->histogram = std::move(histogram);
  return true;
}

void WriteHistogram(const HistogramSample& sample, Millis start, ProtoWriter* writer) {
  const NativeHistogram& histogram = *sample.histogram;
  const bool whole = IsWhole(histogram);
  if (whole) {  // Members of a oneof are written also when they are 0: they tell the form.
    writer->Varint(kCountInt, static_cast<uint64_t>(histogram.count));
  } else {
    writer->Double(kCountFloat, histogram.count);
  }
  writer->DoubleSet(kSum, histogram.sum);
  writer->VarintSet(kSchema, static_cast<uint32_t>(ZigZag(histogram.schema)));
  writer->DoubleSet(kZeroThreshold, histogram.zero_threshold);
  if (whole) {
    writer->Varint(kZeroCountInt, static_cast<uint64_t>(histogram.zero_count));
  } else {
    writer->Double(kZeroCountFloat, histogram.zero_count);
  }
  WriteSpans(kNegativeSpans, histogram.negative_spans, writer);
  if (whole) {
    WriteDeltas(kNegativeDeltas, histogram.negative_buckets, writer);
  } else {
    WriteDoubles(kNegativeCounts, histogram.negative_buckets, writer);
  }
  WriteSpans(kPositiveSpans, histogram.positive_spans, writer);
  if (whole) {
    WriteDeltas(kPositiveDeltas, histogram.positive_buckets, writer);
  } else {
    WriteDoubles(kPositiveCounts, histogram.positive_buckets, writer);
  }
  writer->VarintSet(kResetHint, static_cast<uint64_t>(histogram.counter_reset));
  writer->VarintSet(kTimestamp, static_cast<uint64_t>(sample.t));
  WriteDoubles(kCustomValues, histogram.custom_values, writer);
  writer->VarintSet(kStartTimestamp, static_cast<uint64_t>(start));
}

}  // namespace tocsin::wire
