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

#include <bit>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/series/histogram_chunk.h"
#include "storage/series/log_record_numbers.h"

namespace tocsin::storage {
namespace {

void PutStep(uint64_t value, uint64_t* last, std::string* out) {
  PutVarint64(out, ZigZag(static_cast<int64_t>(value - *last)));
  *last = value;
}

void PutBits(uint64_t bits, std::string* out) {
  PutFixed32(out, static_cast<uint32_t>(bits));
  PutFixed32(out, static_cast<uint32_t>(bits >> 32));
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

}  // namespace

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

}  // namespace tocsin::storage
