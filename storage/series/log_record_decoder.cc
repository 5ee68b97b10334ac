// Reading the records of the sample log; their layout stands in log_record.cc.

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/series/histogram_chunk.h"
#include "storage/series/log_record.h"
#include "storage/series/log_record_numbers.h"

namespace tocsin::storage {
namespace {

// Of the smallest of each: bounds for counts in damaged records.
constexpr size_t kMinDefinitionBytes = 2;
constexpr size_t kMinSampleBytes = 3;
constexpr size_t kMinStartBytes = 2;
constexpr size_t kMinHistogramBytes = 30;
constexpr size_t kMinExemplarBytes = 4;
constexpr size_t kMinLabelBytes = 2;

uint64_t GetStep(ByteReader* in, uint64_t* last) {
  *last += static_cast<uint64_t>(UnZigZag(in->Varint()));
  return *last;
}

uint64_t GetBits(ByteReader* in) {
  const uint64_t low = in->Fixed32();
  return low | uint64_t{in->Fixed32()} << 32;
}

// Passes over the value of a series whose last one is not known.
void SkipValue(ByteReader* values, ByteReader* doubles) {
  if (values->Varint() == 0) GetBits(doubles);
}

uint64_t GetValue(uint64_t last, ByteReader* values, ByteReader* doubles) {
  const uint64_t number = values->Varint();
  if (number == 1) return last;
  if (number == 0) return last ^ GetBits(doubles);
  int64_t before = 0;
  if (!AsInteger(last, &before)) values->Fail();
  const auto integer = static_cast<int64_t>(static_cast<uint64_t>(before) +
                                            static_cast<uint64_t>(UnZigZag(number - 1)));
  return std::bit_cast<uint64_t>(static_cast<double>(integer));
}

}  // namespace

bool MayBeginLogRecord(std::string_view bytes) {
  return bytes.empty() || static_cast<uint8_t>(bytes.front()) <= kTally;
}

/// Reads one record with the decoder's state.
class SampleLogDecoder::Parser {
 public:
  Parser(SampleLogDecoder* decoder, std::string_view record) : d_(*decoder), in_(record) {}

  Result<SampleLogRecord> Run() {
    const uint8_t kind = d_.version_ == 1 ? static_cast<uint8_t>(kBatch) : in_.Byte();
    if (kind == kDeletion) {
      out_.deletion = GetTombstone(&in_);
    } else if (kind == kTally) {
      SampleTally& before = out_.before.emplace();
      before.samples = in_.Varint();
      before.histograms = in_.Varint();
      before.exemplars = in_.Varint();
    } else if (kind == kBatch) {
      Definitions();
      d_.version_ == 1 ? SamplesOfVersion1() : Items();
      Exemplars();
    } else {
      in_.Fail();
    }
    TOCSIN_RETURN_IF_ERROR(in_.Finish("sample log record"));
    if (lossy()) DropUnknown();
    return std::move(out_);
  }

 private:
  bool lossy() const { return d_.losses_ > 0; }

  std::string Text() {
    const uint64_t number = in_.Varint();
    if (number == 0) {
      const std::string_view text = in_.SizedBytes();
      if (in_.failed()) return {};
      if (!lossy()) d_.texts_.emplace_back(text);
      return std::string(text);
    }
    if (number > d_.texts_.size()) {
      text_unknown_ = true;
      if (!lossy()) in_.Fail();
      return {};
    }
    return d_.texts_[number - 1];
  }

  /// The id at the reader; fails it for one that cannot be.
  static SeriesId Id(ByteReader* in, uint64_t* last) {
    if (GetStep(in, last) == kNoSeries || *last > UINT32_MAX) in->Fail();
    return static_cast<SeriesId>(*last);
  }
  /// The state of a defined series; null for another, which fails the reader if no record is lost.
  State* StateOf(SeriesId id) {
    State* const state = d_.states_.Find(id);
    if (state != nullptr && state->defined > 0) return state;
    if (!lossy()) in_.Fail();
    return nullptr;
  }
  /// The same; null also for a series whose last value and start may have been in a lost record.
  State* CertainStateOf(SeriesId id) {
    State* const state = StateOf(id);
    return state != nullptr && state->defined > d_.losses_ ? state : nullptr;
  }

  void Definitions() {
    out_.definitions.resize(in_.Count(in_.remaining() / kMinDefinitionBytes));
    uint64_t id = 0;
    for (auto& [series, labels] : out_.definitions) {
      series = Id(&in_, &id);
      std::vector<Labels::Pair> pairs(in_.Count(in_.remaining() / kMinLabelBytes));
      for (auto& [name, value] : pairs) {
        name = Text();
        value = Text();
      }
      labels = Labels(std::move(pairs));
      if (in_.failed()) return;
      if (std::exchange(text_unknown_, false)) {
        series = kNoSeries;
        continue;
      }
      State& state = d_.states_.At(series);
      if (std::exchange(state.defined, d_.losses_ + 1) > 0) in_.Fail();
    }
  }

  void SamplesOfVersion1() {
    out_.samples.resize(in_.Count(in_.remaining() / kMinSampleBytes));
    uint64_t id = 0;
    uint64_t t = 0;
    for (RefSample& sample : out_.samples) {
      sample.series = Id(&in_, &id);
      State* const state = CertainStateOf(static_cast<SeriesId>(sample.series));
      sample.sample.t = static_cast<Millis>(GetStep(&in_, &t));
      const uint64_t change = ReverseBytes(in_.Varint());
      if (in_.failed()) return;
      if (state == nullptr) {
        sample.series = kNoSeries;
        continue;
      }
      state->last_bits ^= change;
      sample.sample.v = std::bit_cast<double>(state->last_bits);
    }
  }

  void Items() {
    out_.min_time = UnZigZag(in_.Varint());
    Samples();
    Starts(&out_.samples);
    Histograms();
    Starts(&out_.histograms);
  }

  void Samples() {
    out_.samples.resize(in_.Count(in_.remaining() / kMinSampleBytes));
    if (out_.samples.empty()) return;
    ByteReader ids(in_.SizedBytes());
    ByteReader times(in_.SizedBytes());
    ByteReader values(in_.SizedBytes());
    ByteReader doubles(in_.SizedBytes());
    uint64_t id = 0;
    uint64_t t = 0;
    for (RefSample& sample : out_.samples) {
      sample.series = Id(&ids, &id);
      State* const state = CertainStateOf(static_cast<SeriesId>(sample.series));
      if (in_.failed()) return;
      sample.sample.t = static_cast<Millis>(GetStep(&times, &t));
      if (state == nullptr) {
        sample.series = kNoSeries;
        SkipValue(&values, &doubles);
        continue;
      }
      state->last_bits = GetValue(state->last_bits, &values, &doubles);
      sample.sample.v = std::bit_cast<double>(state->last_bits);
    }
    if (!ids.AtEnd() || !times.AtEnd() || !values.AtEnd() || !doubles.AtEnd()) in_.Fail();
  }

  template <class Item>
  void Starts(std::vector<Item>* items) {
    const size_t count = in_.Count(std::min(items->size(), in_.remaining() / kMinStartBytes));
    size_t next = 0;  // The first item that has no start yet.
    const auto fill = [&](size_t end) {
      if (d_.starts_.empty()) next = end;
      for (; next < end; ++next) {
        const auto it = d_.starts_.find(static_cast<SeriesId>((*items)[next].series));
        if (it != d_.starts_.end()) (*items)[next].start = it->second;
      }
    };
    uint64_t index = 0;
    for (size_t i = 0; i < count; ++i) {
      index += in_.Varint();
      const auto change = static_cast<uint64_t>(UnZigZag(in_.Varint()));
      if (index < next || index >= items->size()) in_.Fail();
      if (in_.failed()) return;
      fill(index);
      const auto id = static_cast<SeriesId>((*items)[index].series);
      if (lossy() && CertainStateOf(id) == nullptr) continue;
      Millis& start = d_.starts_[id];
      start = static_cast<Millis>(static_cast<uint64_t>(start) + change);
    }
    fill(items->size());
  }

  void Histograms() {
    const size_t count = in_.Count(in_.remaining() / kMinHistogramBytes);
    uint64_t id = 0;
    uint64_t t = 0;
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      RefHistogram& histogram = out_.histograms.emplace_back();
      histogram.series = Id(&in_, &id);
      if (StateOf(static_cast<SeriesId>(histogram.series)) == nullptr) histogram.series = kNoSeries;
      histogram.sample.t = static_cast<Millis>(GetStep(&in_, &t));
      histogram.sample.histogram = std::make_shared<const NativeHistogram>(GetHistogram(&in_));
    }
  }

  void Exemplars() {
    out_.exemplars.resize(in_.Count(in_.remaining() / kMinExemplarBytes));
    uint64_t id = 0;
    uint64_t t = 0;
    for (RefExemplar& exemplar : out_.exemplars) {
      exemplar.series = Id(&in_, &id);
      if (StateOf(static_cast<SeriesId>(exemplar.series)) == nullptr) exemplar.series = kNoSeries;
      exemplar.exemplar.t = static_cast<Millis>(GetStep(&in_, &t));
      exemplar.exemplar.value = std::bit_cast<double>(ReverseBytes(in_.Varint()));
      std::vector<Labels::Pair> pairs(in_.Count(in_.remaining() / kMinLabelBytes));
      for (auto& [name, value] : pairs) {
        name = Text();
        value = in_.SizedBytes();
      }
      exemplar.exemplar.labels = Labels(std::move(pairs));
      if (in_.failed()) return;
      if (std::exchange(text_unknown_, false)) exemplar.series = kNoSeries;
    }
  }

  /// What cannot be known was given no series.
  void DropUnknown() {
    const auto unknown = [](const auto& item) { return item.series == kNoSeries; };
    out_.unknown.samples = std::erase_if(out_.samples, unknown);
    out_.unknown.histograms = std::erase_if(out_.histograms, unknown);
    out_.unknown.exemplars = std::erase_if(out_.exemplars, unknown);
    std::erase_if(out_.definitions, [](const auto& entry) { return entry.first == kNoSeries; });
  }

  SampleLogDecoder& d_;
  ByteReader in_;
  SampleLogRecord out_;
  bool text_unknown_ = false;  ///< A text of the labels at hand is lost.
};

Result<SampleLogRecord> SampleLogDecoder::Decode(std::string_view record) {
  const size_t texts = texts_.size();
  Result<SampleLogRecord> decoded = Parser(this, record).Run();
  if (!decoded.has_value()) {
    texts_.resize(texts);
    LoseRecords();
  }
  return decoded;
}

void SampleLogDecoder::LoseRecords() {
  ++losses_;
  starts_.clear();
}

}  // namespace tocsin::storage
