// Layout of a record. Numbers are varints; a "step" is the zigzag of the difference to the same
// field of the item before, which for the first item is 0.
//
//     definitions   count, then for each: id step, number of labels, for each label two texts
//     samples       count, then for each: id step, time step, value
//     exemplars     count, then for each: id step, time step, value bits reversed,
//                   number of labels, for each label: name as text, value as length and bytes
//
//     text    0, length and bytes: a text that is new in the segment; n: the n-th such text
//     value   the bits XOR those of the series' last value in the segment (0 at first), with their
//             bytes reversed: values that change little differ in the high bytes

#include "storage/series/log_record.h"

#include <algorithm>
#include <bit>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"

namespace tocsin::storage {
namespace {

// Of the smallest definition, sample and exemplar: bounds for counts in damaged records.
constexpr size_t kMinDefinitionBytes = 2;
constexpr size_t kMinSampleBytes = 3;
constexpr size_t kMinExemplarBytes = 4;
constexpr size_t kMinLabelBytes = 2;

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

}  // namespace

void SampleLogEncoder::BeginSegment() {
  ++segment_;
  texts_.clear();
}

SampleLogEncoder::State& SampleLogEncoder::StateOf(SeriesId id) {
  if (states_.size() <= id) states_.resize(id + size_t{1});
  return states_[id];
}

void SampleLogEncoder::PutText(std::string_view text, std::string* out) {
  const auto it = texts_.find(text);
  if (it != texts_.end()) return PutVarint64(out, it->second);
  texts_.emplace(text, texts_.size() + 1);
  new_texts_.emplace_back(text);
  PutVarint64(out, 0);
  PutSizedBytes(out, text);
}

void SampleLogEncoder::Define(SeriesId id, const LabelsOf& labels_of) {
  State& state = StateOf(id);
  undo_.emplace_back(id, state);
  if (state.segment == segment_) return;
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
}

std::string SampleLogEncoder::Encode(std::span<const RefSample> samples,
                                     std::span<const RefExemplar> exemplars,
                                     const LabelsOf& labels_of) {
  TOCSIN_CHECK(undo_.empty() && new_texts_.empty());
  definitions_.clear();
  definition_count_ = 0;
  last_defined_ = 0;
  for (const RefSample& sample : samples) Define(static_cast<SeriesId>(sample.series), labels_of);
  for (const RefExemplar& e : exemplars) Define(static_cast<SeriesId>(e.series), labels_of);

  std::string record;
  record.reserve(definitions_.size() + (samples.size() * 4) + (exemplars.size() * 64) + 16);
  PutVarint64(&record, definition_count_);
  record += definitions_;
  PutVarint64(&record, samples.size());
  uint64_t last_id = 0;
  uint64_t last_t = 0;
  for (const RefSample& sample : samples) {
    PutStep(sample.series, &last_id, &record);
    PutStep(static_cast<uint64_t>(sample.sample.t), &last_t, &record);
    const auto bits = std::bit_cast<uint64_t>(sample.sample.v);
    State& state = states_[sample.series];
    PutVarint64(&record, ReverseBytes(bits ^ std::exchange(state.last_bits, bits)));
  }
  PutVarint64(&record, exemplars.size());
  last_id = 0;
  last_t = 0;
  for (const RefExemplar& exemplar : exemplars) {
    PutStep(exemplar.series, &last_id, &record);
    PutStep(static_cast<uint64_t>(exemplar.exemplar.t), &last_t, &record);
    PutVarint64(&record, ReverseBytes(std::bit_cast<uint64_t>(exemplar.exemplar.value)));
    PutVarint64(&record, exemplar.exemplar.labels.size());
    for (const auto& [name, value] : exemplar.exemplar.labels) {
      PutText(name, &record);
      PutSizedBytes(&record, value);
    }
  }
  return record;
}

void SampleLogEncoder::Commit() {
  undo_.clear();
  new_texts_.clear();
}

void SampleLogEncoder::Rollback() {
  // Backwards: a series that occurs twice gets back what it had before the record.
  for (auto it = undo_.rbegin(); it != undo_.rend(); ++it) states_[it->first] = it->second;
  for (const std::string& text : new_texts_) texts_.erase(text);
  undo_.clear();
  new_texts_.clear();
}

namespace {

/// A text, adding it to `*texts` if it is new. Fails the reader for one that cannot be.
std::string GetText(ByteReader* in, std::vector<std::string>* texts) {
  const uint64_t number = in->Varint();
  if (number == 0) {
    const std::string_view text = in->SizedBytes();
    if (in->failed()) return {};
    return texts->emplace_back(text);
  }
  if (number > texts->size()) {
    in->Fail();
    return {};
  }
  return (*texts)[number - 1];
}

Exemplar GetExemplar(ByteReader* in, uint64_t* last_t, std::vector<std::string>* texts) {
  Exemplar exemplar;
  exemplar.t = static_cast<Millis>(GetStep(in, last_t));
  exemplar.value = std::bit_cast<double>(ReverseBytes(in->Varint()));
  std::vector<Labels::Pair> pairs(in->Count(in->remaining() / kMinLabelBytes));
  for (auto& [name, value] : pairs) {
    name = GetText(in, texts);
    value = in->SizedBytes();
  }
  exemplar.labels = Labels(std::move(pairs));
  return exemplar;
}

}  // namespace

Result<SampleLogRecord> SampleLogDecoder::Decode(std::string_view record) {
  SampleLogRecord out;
  ByteReader in(record);
  uint64_t id = 0;
  const auto next_id = [&] {
    if (GetStep(&in, &id) == kNoSeries || id > UINT32_MAX) in.Fail();
    return static_cast<SeriesId>(id);
  };
  out.definitions.resize(in.Count(in.remaining() / kMinDefinitionBytes));
  for (auto& [series, labels] : out.definitions) {
    series = next_id();
    std::vector<Labels::Pair> pairs(in.Count(in.remaining() / kMinLabelBytes));
    for (auto& [name, value] : pairs) {
      name = GetText(&in, &texts_);
      value = GetText(&in, &texts_);
    }
    labels = Labels(std::move(pairs));
    if (in.failed() || !last_bits_.emplace(series, 0).second) {
      return CorruptionError("sample log: bad definition");
    }
  }
  out.samples.resize(in.Count(in.remaining() / kMinSampleBytes));
  id = 0;
  uint64_t t = 0;
  for (RefSample& sample : out.samples) {
    const auto series = last_bits_.find(next_id());
    sample.sample.t = static_cast<Millis>(GetStep(&in, &t));
    const uint64_t change = ReverseBytes(in.Varint());
    if (in.failed() || series == last_bits_.end()) {
      return CorruptionError("sample log: bad sample");
    }
    sample.series = series->first;
    series->second ^= change;
    sample.sample.v = std::bit_cast<double>(series->second);
  }
  out.exemplars.resize(in.Count(in.remaining() / kMinExemplarBytes));
  id = 0;
  t = 0;
  for (RefExemplar& exemplar : out.exemplars) {
    exemplar.series = next_id();
    exemplar.exemplar = GetExemplar(&in, &t, &texts_);
    if (in.failed() || !last_bits_.contains(static_cast<SeriesId>(exemplar.series))) {
      return CorruptionError("sample log: bad exemplar");
    }
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("sample log record"));
  return out;
}

}  // namespace tocsin::storage
