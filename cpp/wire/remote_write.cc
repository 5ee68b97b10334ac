#include "cpp/wire/remote_write.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/wire/proto_writer.h"
#include "cpp/wire/remote_write_histogram.h"

namespace tocsin::wire {
namespace {

void WriteLabels(const Labels& labels, ProtoWriter* writer) {
  for (const Labels::Pair& label : labels) {
    writer->Message(1, [&] {
      writer->BytesSet(1, label.first);
      writer->BytesSet(2, label.second);
    });
  }
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
  Symbols() : by_address_(kInitialSlots) { Ref({}); }

  uint32_t Ref(std::string_view text) {
    const auto [found, added] = refs_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
    if (added) texts_.push_back(text);
    return found->second;
  }

  /// Ref, for texts that come again at the same address: most of those of prepared label sets.
  uint32_t RefByAddress(std::string_view text) {
    const size_t mask = by_address_.size() - 1;
    const auto address = reinterpret_cast<uintptr_t>(text.data());
    size_t at = (address * kMix >> 32) & mask;
    while (by_address_[at].address != 0) {
      if (by_address_[at].address == address && by_address_[at].size == text.size()) {
        return by_address_[at].ref;
      }
      at = (at + 1) & mask;
    }
    const uint32_t ref = Ref(text);
    by_address_[at] = {address, text.size(), ref};
    if (2 * ++addresses_ > by_address_.size()) Grow();
    return ref;
  }

  const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  struct Slot {
    uintptr_t address = 0;  // 0: free.
    size_t size = 0;
    uint32_t ref = 0;
  };
  static constexpr size_t kInitialSlots = 1'024;
  static constexpr uint64_t kMix = 0x9E3779B97F4A7C15;

  void Grow() {
    std::vector<Slot> old(2 * by_address_.size());
    old.swap(by_address_);
    const size_t mask = by_address_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.address == 0) continue;
      size_t at = (slot.address * kMix >> 32) & mask;
      while (by_address_[at].address != 0) at = (at + 1) & mask;
      by_address_[at] = slot;
    }
  }

  std::vector<std::string_view> texts_;
  std::unordered_map<std::string_view, uint32_t> refs_;
  std::vector<Slot> by_address_;
  size_t addresses_ = 0;
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

void WriteLabelsOf(const WriteSeries& series, Symbols* symbols, ProtoWriter* writer) {
  if (series.prepared == nullptr) return WriteLabelRefs(series.labels, symbols, writer);
  std::string packed;
  for (const std::string_view text : series.prepared->texts) {
    PutVarint64(&packed, symbols->RefByAddress(text));
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
      WriteLabelsOf(series, symbols, writer);
      WriteSamples(series, /*with_starts=*/true, writer);
      WriteExemplarsV2(series, symbols, writer);
      WriteMetadataV2(series.metadata.get(), symbols, writer);
    });
  }
  if (series.histograms.empty()) return;
  writer->Message(5, [&] {
    WriteLabelsOf(series, symbols, writer);
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

PreparedLabels PrepareLabels(const Labels& labels, const InternFunction& intern,
                             std::shared_ptr<const void> owner) {
  PreparedLabels prepared;
  ProtoWriter writer(&prepared.fields);
  WriteLabels(labels, &writer);
  prepared.texts.reserve(2 * labels.size());
  for (const Labels::Pair& label : labels) {
    prepared.texts.push_back(intern(label.first));
    prepared.texts.push_back(intern(label.second));
  }
  prepared.owner = std::move(owner);
  return prepared;
}

std::string EncodeWriteRequest(std::span<const WriteSeries> series,
                               std::span<const MetricMetadata> metadata) {
  std::string out;
  ProtoWriter writer(&out);
  for (const WriteSeries& one : series) {
    writer.Message(1, [&] {
      if (one.prepared == nullptr) {
        WriteLabels(one.labels, &writer);
      } else {
        out += one.prepared->fields;
      }
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
