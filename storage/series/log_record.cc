// Layout of a record of version 2. Numbers are varints; a "step" is the zigzag of the difference to
// the same field of the item before, which for the first item is 0; "sized" is a length and bytes.
//
//     0 batch
//     definitions   count, then for each: id step, number of labels, for each label two texts
//     min time      zigzag
//     samples       count; if not 0: sized id steps, sized time steps, sized values, sized doubles
//     starts        count, then for each: step of the sample's index, zigzag of the difference of
//                   its start timestamp to the last one of the series in the segment (0 at first)
//     histograms    count, then for each: id step, time step, the histogram by itself
//     starts        of histograms, as of samples
//     exemplars     count, then for each: id step, time step, value bits reversed,
//                   number of labels, for each label: name as text, value as length and bytes
//
//     1 deletion
//     from, to (zigzag), block, number of series, for each the difference to the one before
//
//     2 tally, the first record of a segment
//     samples, histograms, exemplars: how many there are in the segments before
//
//     text    0, length and bytes: a text that is new in the segment; n: the n-th such text
//     value   0: the next 8 bytes of the doubles, bits XOR those of the series' last value in the
//             segment (0 at first); 1: as the last value; n: an integer, as the last value was,
//             zigzag of the difference to it plus 1
//
// Version 1 has no kind, min time, starts or histograms, and its samples are a count, then for each
// id step, time step, and the value's bits XOR the last with their bytes reversed.

#include "storage/series/log_record.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/series/histogram_chunk.h"

namespace tocsin::storage {
namespace {

enum Kind : uint8_t { kBatch = 0, kDeletion = 1, kTally = 2 };

// Of the smallest of each: bounds for counts in damaged records.
constexpr size_t kMinDefinitionBytes = 2;
constexpr size_t kMinSampleBytes = 3;
constexpr size_t kMinStartBytes = 2;
constexpr size_t kMinHistogramBytes = 30;
constexpr size_t kMinExemplarBytes = 4;
constexpr size_t kMinLabelBytes = 2;
constexpr size_t kDoubleBytes = 8;

constexpr double kMostInteger = 9007199254740992.0;  // 2^53: beyond it integers are not exact.

bool AsInteger(uint64_t bits, int64_t* out) {
  const auto value = std::bit_cast<double>(bits);
  if (!(std::fabs(value) <= kMostInteger)) return false;
  *out = static_cast<int64_t>(value);
  return std::bit_cast<uint64_t>(static_cast<double>(*out)) == bits;
}

uint64_t ReverseBytes(uint64_t value) {
  value = ((value & 0x00ff00ff00ff00ffU) << 8) | ((value >> 8) & 0x00ff00ff00ff00ffU);
  value = ((value & 0x0000ffff0000ffffU) << 16) | ((value >> 16) & 0x0000ffff0000ffffU);
  return value << 32 | value >> 32;
}

void PutStep(uint64_t value, uint64_t* last, std::string* out) {
  PutVarint64(out, ZigZag(static_cast<int64_t>(value - *last)));
  *last = value;
}

uint64_t GetStep(ByteReader* in, uint64_t* last) {
  *last += static_cast<uint64_t>(UnZigZag(in->Varint()));
  return *last;
}

void PutBits(uint64_t bits, std::string* out) {
  PutFixed32(out, static_cast<uint32_t>(bits));
  PutFixed32(out, static_cast<uint32_t>(bits >> 32));
}

uint64_t GetBits(ByteReader* in) {
  const uint64_t low = in->Fixed32();
  return low | uint64_t{in->Fixed32()} << 32;
}

void PutValue(uint64_t bits, uint64_t last, std::string* values, std::string* doubles) {
  int64_t integer = 0;
  int64_t before = 0;
  if (bits == last) {
    PutVarint64(values, 1);
  } else if (AsInteger(bits, &integer) && AsInteger(last, &before)) {
    PutVarint64(values, ZigZag(integer - before) + 1);
  } else {
    PutVarint64(values, 0);
    PutBits(bits ^ last, doubles);
  }
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

void SampleLogEncoder::BeginSegment() {
  ++segment_;
  texts_.clear();
  starts_.clear();
}

void SampleLogEncoder::PutText(std::string_view text, std::string* out) {
  const auto it = texts_.find(text);
  if (it != texts_.end()) return PutVarint64(out, it->second);
  texts_.emplace(text, texts_.size() + 1);
  new_texts_.emplace_back(text);
  PutVarint64(out, 0);
  PutSizedBytes(out, text);
}

SampleLogEncoder::State& SampleLogEncoder::Define(SeriesId id, const LabelsOf& labels_of) {
  State& state = states_.At(id);
  undo_.push_back({id, state});
  if (state.segment == segment_) return state;
  state = {segment_, 0};
  ++definition_count_;
  uint64_t last = last_defined_;
  PutStep(id, &last, &definitions_);
  last_defined_ = id;
  const Labels labels = labels_of(id);
  PutVarint64(&definitions_, labels.size());
  for (const auto& [name, value] : labels) {
    PutText(name, &definitions_);
    PutText(value, &definitions_);
  }
  return state;
}

void SampleLogEncoder::PutSamples(std::span<const RefSample> samples, const LabelsOf& labels_of) {
  PutVarint64(&body_, samples.size());
  if (samples.empty()) return;
  std::string ids;
  std::string times;
  std::string values;
  std::string doubles;
  for (std::string* stream : {&ids, &times, &values}) stream->reserve(samples.size() * 2);
  uint64_t last_id = 0;
  uint64_t last_t = 0;
  for (const RefSample& sample : samples) {
    State& state = Define(static_cast<SeriesId>(sample.series), labels_of);
    PutStep(sample.series, &last_id, &ids);
    PutStep(static_cast<uint64_t>(sample.sample.t), &last_t, &times);
    const auto bits = std::bit_cast<uint64_t>(sample.sample.v);
    PutValue(bits, std::exchange(state.last_bits, bits), &values, &doubles);
  }
  for (const std::string* stream : {&ids, &times, &values, &doubles}) {
    PutSizedBytes(&body_, *stream);
  }
}

template <class Item>
void SampleLogEncoder::PutStarts(std::span<const Item> items) {
  std::string starts;
  uint64_t count = 0;
  size_t last = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].start == 0 && starts_.empty()) continue;
    const auto id = static_cast<SeriesId>(items[i].series);
    const auto it = starts_.find(id);
    const Millis before = it == starts_.end() ? 0 : it->second;
    if (items[i].start == before) continue;
    undo_starts_.emplace_back(id, before);
    starts_.insert_or_assign(id, items[i].start);
    ++count;
    PutVarint64(&starts, i - last);
    last = i;
    uint64_t base = static_cast<uint64_t>(before);
    PutStep(static_cast<uint64_t>(items[i].start), &base, &starts);
  }
  PutVarint64(&body_, count);
  body_ += starts;
}

void SampleLogEncoder::PutHistograms(std::span<const RefHistogram> histograms,
                                     const LabelsOf& labels_of) {
  PutVarint64(&body_, histograms.size());
  uint64_t last_id = 0;
  uint64_t last_t = 0;
  for (const RefHistogram& histogram : histograms) {
    Define(static_cast<SeriesId>(histogram.series), labels_of);
    PutStep(histogram.series, &last_id, &body_);
    PutStep(static_cast<uint64_t>(histogram.sample.t), &last_t, &body_);
    PutHistogram(*histogram.sample.histogram, &body_);
  }
}

void SampleLogEncoder::PutExemplars(std::span<const RefExemplar> exemplars,
                                    const LabelsOf& labels_of) {
  PutVarint64(&body_, exemplars.size());
  uint64_t last_id = 0;
  uint64_t last_t = 0;
  for (const RefExemplar& exemplar : exemplars) {
    Define(static_cast<SeriesId>(exemplar.series), labels_of);
    PutStep(exemplar.series, &last_id, &body_);
    PutStep(static_cast<uint64_t>(exemplar.exemplar.t), &last_t, &body_);
    PutVarint64(&body_, ReverseBytes(std::bit_cast<uint64_t>(exemplar.exemplar.value)));
    PutVarint64(&body_, exemplar.exemplar.labels.size());
    for (const auto& [name, value] : exemplar.exemplar.labels) {
      PutText(name, &body_);
      PutSizedBytes(&body_, value);
    }
  }
}

std::string SampleLogEncoder::Encode(const SampleBatch& batch, Millis min_time,
                                     const LabelsOf& labels_of) {
  TOCSIN_CHECK(undo_.empty() && new_texts_.empty());
  definitions_.clear();
  definition_count_ = 0;
  last_defined_ = 0;
  body_.clear();
  // Texts are numbered in the order of the bytes: all definitions stand before the exemplars.
  for (const RefExemplar& exemplar : batch.exemplars) {
    Define(static_cast<SeriesId>(exemplar.series), labels_of);
  }
  for (const RefHistogram& histogram : batch.histograms) {
    Define(static_cast<SeriesId>(histogram.series), labels_of);
  }
  PutSamples(batch.samples, labels_of);
  PutStarts(batch.samples);
  PutHistograms(batch.histograms, labels_of);
  PutStarts(batch.histograms);
  PutExemplars(batch.exemplars, labels_of);

  std::string record(1, static_cast<char>(kBatch));
  record.reserve(definitions_.size() + body_.size() + 32);
  PutVarint64(&record, definition_count_);
  record += definitions_;
  PutVarint64(&record, ZigZag(min_time));
  record += body_;
  return record;
}

std::string SampleLogEncoder::Encode(const Tombstone& deletion) {
  std::string record(1, static_cast<char>(kDeletion));
  PutTombstone(deletion, &record);
  return record;
}

std::string SampleLogEncoder::Encode(const SampleTally& before) {
  std::string record(1, static_cast<char>(kTally));
  PutVarint64(&record, before.samples);
  PutVarint64(&record, before.histograms);
  PutVarint64(&record, before.exemplars);
  return record;
}

void SampleLogEncoder::Commit() {
  undo_.clear();
  undo_starts_.clear();
  new_texts_.clear();
}

void SampleLogEncoder::Rollback() {
  // Backwards: a series that occurs twice gets back what it had before the record.
  for (auto it = undo_.rbegin(); it != undo_.rend(); ++it) states_[it->id] = it->state;
  for (auto it = undo_starts_.rbegin(); it != undo_starts_.rend(); ++it) {
    starts_.insert_or_assign(it->first, it->second);
  }
  for (const std::string& text : new_texts_) texts_.erase(text);
  Commit();
}

void PutTombstone(const Tombstone& tombstone, std::string* out) {
  PutVarint64(out, ZigZag(tombstone.from));
  PutVarint64(out, ZigZag(tombstone.to));
  PutVarint64(out, tombstone.block);
  PutVarint64(out, tombstone.series.size());
  SeriesId last = 0;
  for (const SeriesId id : tombstone.series) PutVarint64(out, id - std::exchange(last, id));
}

Tombstone GetTombstone(ByteReader* in) {
  Tombstone tombstone;
  tombstone.from = UnZigZag(in->Varint());
  tombstone.to = UnZigZag(in->Varint());
  tombstone.block = in->Varint();
  const size_t count = in->Count(in->remaining());
  uint64_t id = 0;
  for (size_t i = 0; i < count && !in->failed(); ++i) {
    const uint64_t step = in->Varint();
    id += step;
    if (step == 0 || id > UINT32_MAX) in->Fail();
    tombstone.series.push_back(static_cast<SeriesId>(id));
  }
  return tombstone;
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
