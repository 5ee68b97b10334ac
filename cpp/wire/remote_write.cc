#include "cpp/wire/remote_write.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "cpp/base/coding.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::wire {
namespace {

/// Field numbers of the two Histogram messages, which are the same but for the start timestamp.
enum HistogramField : uint32_t {
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

constexpr uint64_t ZigZag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}

void WriteLabels(const Labels& labels, ProtoWriter* writer) {
  for (const Labels::Pair& label : labels) {
    writer->Message(1, [&] {
      writer->BytesSet(1, label.first);
      writer->BytesSet(2, label.second);
    });
  }
}

bool IsWhole(double count) {
  constexpr double kExact = 9007199254740992.0;  // 2^53.
  return count >= 0 && count < kExact && count == std::floor(count);
}

/// Whether the integer form can say the same.
bool IsWhole(const NativeHistogram& histogram) {
  const auto whole = [](double count) { return IsWhole(count); };
  return IsWhole(histogram.count) && IsWhole(histogram.zero_count) &&
         std::ranges::all_of(histogram.positive_buckets, whole) &&
         std::ranges::all_of(histogram.negative_buckets, whole);
}

void WriteSpans(uint32_t field, std::span<const HistogramSpan> spans, ProtoWriter* writer) {
  for (const HistogramSpan& span : spans) {
    writer->Message(field, [&] {
      writer->VarintSet(1, ZigZag(span.offset));
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

/// In the order of the fields, as protobuf writes them.
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

/// The same in both protocols.
uint64_t TypeNumber(MetricType type) {
  switch (type) {
    case MetricType::kUnknown:
      return 0;
    case MetricType::kCounter:
      return 1;
    case MetricType::kGauge:
      return 2;
    case MetricType::kHistogram:
      return 3;
    case MetricType::kGaugeHistogram:
      return 4;
    case MetricType::kSummary:
      return 5;
    case MetricType::kInfo:
      return 6;
    case MetricType::kStateSet:
      return 7;
  }
  return 0;
}

Millis StartOf(std::span<const Millis> starts, size_t i) {
  return i < starts.size() ? starts[i] : 0;
}

void WriteSamples(const WriteSeries& series, bool with_starts, ProtoWriter* writer) {
  for (size_t i = 0; i < series.samples.size(); ++i) {
    writer->Message(2, [&] {
      writer->DoubleSet(1, series.samples[i].v);
      writer->VarintSet(2, static_cast<uint64_t>(series.samples[i].t));
      if (with_starts) writer->VarintSet(3, static_cast<uint64_t>(StartOf(series.starts, i)));
    });
  }
}

/// The symbol table of a 2.0 request as it grows. The strings are borrowed.
class Symbols {
 public:
  Symbols() { Ref({}); }

  uint32_t Ref(std::string_view text) {
    const auto [found, added] = refs_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
    if (added) texts_.push_back(text);
    return found->second;
  }
  const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::vector<std::string_view> texts_;
  std::unordered_map<std::string_view, uint32_t> refs_;
};

void WriteLabelRefs(const Labels& labels, Symbols* symbols, ProtoWriter* writer) {
  if (labels.empty()) return;
  std::string packed;
  for (const Labels::Pair& label : labels) {
    PutVarint64(&packed, symbols->Ref(label.first));
    PutVarint64(&packed, symbols->Ref(label.second));
  }
  writer->Bytes(1, packed);
}

void WriteExemplarsV2(const WriteSeries& series, Symbols* symbols, ProtoWriter* writer) {
  for (const Exemplar& exemplar : series.exemplars) {
    writer->Message(4, [&] {
      WriteLabelRefs(exemplar.labels, symbols, writer);
      writer->DoubleSet(2, exemplar.value);
      writer->VarintSet(3, static_cast<uint64_t>(exemplar.t));
    });
  }
}

void WriteMetadataV2(const MetricMetadata* metadata, Symbols* symbols, ProtoWriter* writer) {
  if (metadata == nullptr) return;
  writer->Message(5, [&] {
    writer->VarintSet(1, TypeNumber(metadata->type));
    writer->VarintSet(3, symbols->Ref(metadata->help));
    writer->VarintSet(4, symbols->Ref(metadata->unit));
  });
}

void WriteSeriesV2(const WriteSeries& series, Symbols* symbols, ProtoWriter* writer) {
  const bool two = !series.samples.empty() && !series.histograms.empty();
  if (two || series.histograms.empty()) {
    writer->Message(5, [&] {
      WriteLabelRefs(series.labels, symbols, writer);
      WriteSamples(series, /*with_starts=*/true, writer);
      WriteExemplarsV2(series, symbols, writer);
      WriteMetadataV2(series.metadata.get(), symbols, writer);
    });
  }
  if (series.histograms.empty()) return;
  writer->Message(5, [&] {
    WriteLabelRefs(series.labels, symbols, writer);
    for (size_t i = 0; i < series.histograms.size(); ++i) {
      writer->Message(3, [&] {
        WriteHistogram(series.histograms[i], StartOf(series.histogram_starts, i), writer);
      });
    }
    if (!two) WriteExemplarsV2(series, symbols, writer);
    WriteMetadataV2(series.metadata.get(), symbols, writer);
  });
}

}  // namespace

std::string EncodeWriteRequest(std::span<const WriteSeries> series,
                               std::span<const MetricMetadata> metadata) {
  std::string out;
  ProtoWriter writer(&out);
  for (const WriteSeries& one : series) {
    writer.Message(1, [&] {
      WriteLabels(one.labels, &writer);
      WriteSamples(one, /*with_starts=*/false, &writer);
      for (const Exemplar& exemplar : one.exemplars) {
        writer.Message(3, [&] {
          WriteLabels(exemplar.labels, &writer);
          writer.DoubleSet(2, exemplar.value);
          writer.VarintSet(3, static_cast<uint64_t>(exemplar.t));
        });
      }
      for (const HistogramSample& sample : one.histograms) {
        writer.Message(4, [&] { WriteHistogram(sample, /*start=*/0, &writer); });
      }
    });
  }
  for (const MetricMetadata& entry : metadata) {
    writer.Message(3, [&] {
      writer.VarintSet(1, TypeNumber(entry.type));
      writer.BytesSet(2, entry.family);
      writer.BytesSet(4, entry.help);
      writer.BytesSet(5, entry.unit);
    });
  }
  return out;
}

std::string EncodeWriteRequestV2(std::span<const WriteSeries> series) {
  // The symbols come first, and are known last.
  std::string timeseries;
  ProtoWriter writer(&timeseries);
  Symbols symbols;
  for (const WriteSeries& one : series) WriteSeriesV2(one, &symbols, &writer);
  std::string out;
  ProtoWriter head(&out);
  for (const std::string_view text : symbols.texts()) head.Bytes(4, text);
  out += timeseries;
  return out;
}

}  // namespace tocsin::wire
