/// The records of the sample log: what one Append wrote, or one deletion, as bytes and back.
///
/// Both sides keep the state of a segment: the series and label texts that it has defined so far
/// and the last value of each series, against which the next is coded. A segment needs nothing from
/// the segments before it. Byte layout: storage/FORMAT.md, "Sample log".

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/base/status.h"
#include "cpp/model/ports.h"
#include "storage/columnar/byte_reader.h"
#include "storage/series/label_index.h"
#include "storage/series/paged_table.h"

namespace tocsin::storage {

/// Samples in [from, to] of the series that were deleted: those appended before, and in blocks of
/// lower numbers than `block`.
struct Tombstone {
  Millis from = 0;
  Millis to = 0;
  uint64_t block = 0;
  std::vector<SeriesId> series;  ///< Ascending.
};

/// From, to (zigzag), block, number of series, for each the difference to the one before.
void PutTombstone(const Tombstone& tombstone, std::string* out);
/// Fails the reader for anything that PutTombstone did not write.
Tombstone GetTombstone(ByteReader* in);

/// A decoded record.
struct SampleLogRecord {
  std::vector<std::pair<SeriesId, Labels>> definitions;  ///< Series that are new in the segment.
  /// When it was written, samples before this time belonged to blocks that existed already.
  Millis min_time = INT64_MIN;
  std::vector<RefSample> samples;  ///< In the order of the Append.
  std::vector<RefHistogram> histograms;
  std::vector<RefExemplar> exemplars;
  std::optional<Tombstone> deletion;  ///< Then there is nothing else.
  /// What was appended before, since the log began: the first record of a segment, and nothing
  /// else.
  std::optional<SampleTally> before;
  /// What it held besides and cannot be told, because a record before it is lost.
  SampleTally unknown;

  size_t items() const { return samples.size() + histograms.size() + exemplars.size(); }
  /// All that was appended with it.
  SampleTally tally() const {
    SampleTally all{samples.size(), histograms.size(), exemplars.size()};
    return all += unknown;
  }
};

/// Whether a record of version 2, or what is there of its front, may begin so: of random bytes few
/// do.
bool MayBeginLogRecord(std::string_view bytes);

/// Encodes the records of one segment after another. A record becomes part of the state only with
/// Commit: one that could not be written has never been.
class SampleLogEncoder {
 public:
  /// Tells the labels of a series.
  using LabelsOf = std::function<Labels(SeriesId)>;

  /// Forgets the state: the next record is the first of a segment.
  void BeginSegment();

  /// REQUIRES: the last record was committed or rolled back. Every ref is a SeriesId.
  std::string Encode(const SampleBatch& batch, Millis min_time, const LabelsOf& labels_of);
  void Commit();
  void Rollback();

  /// These need no state, no Commit and no Rollback.
  static std::string Encode(const Tombstone& deletion);
  static std::string Encode(const SampleTally& before);

 private:
  struct State {
    uint32_t segment = 0;    ///< In which the series was last defined; 0: never.
    uint64_t last_bits = 0;  ///< Of its last value in that segment.
  };
  struct Undo {
    SeriesId id;
    State state;
  };

  State& Define(SeriesId id, const LabelsOf& labels_of);
  void PutText(std::string_view text, std::string* out);
  void PutSamples(std::span<const RefSample> samples, const LabelsOf& labels_of);
  void PutHistograms(std::span<const RefHistogram> histograms, const LabelsOf& labels_of);
  void PutExemplars(std::span<const RefExemplar> exemplars, const LabelsOf& labels_of);
  template <class Item>
  void PutStarts(std::span<const Item> items);

  uint32_t segment_ = 1;
  PagedTable<State> states_;
  std::unordered_map<std::string, uint64_t, StringHash, std::equal_to<>> texts_;
  std::unordered_map<SeriesId, Millis> starts_;  ///< Start timestamps that are not 0.
  // Of the record at hand.
  std::string definitions_;
  uint64_t definition_count_ = 0;
  SeriesId last_defined_ = 0;
  std::string body_;
  std::vector<Undo> undo_;
  std::vector<std::pair<SeriesId, Millis>> undo_starts_;
  std::vector<std::string> new_texts_;
};

/// Decodes the records of one segment, in order.
class SampleLogDecoder {
 public:
  /// `version`: of the segment, 1 or 2.
  explicit SampleLogDecoder(uint8_t version = 2) : version_(version) {}

  /// kCorruption for bytes that Encode could not have written at this point of the segment: then
  /// the record is lost.
  Result<SampleLogRecord> Decode(std::string_view record);

  /// One or more records are lost here. What builds on them is left out of those that follow and
  /// counted as unknown: floats and start timestamps of series that were defined before, and all
  /// of series whose definition is lost or has a text that is.
  void LoseRecords();

 private:
  struct State {
    uint32_t defined = 0;  ///< 1 and the losses before its definition; 0: it has none.
    uint64_t last_bits = 0;
  };
  class Parser;

  uint8_t version_;
  uint32_t losses_ = 0;
  PagedTable<State, 4'096> states_;
  std::unordered_map<SeriesId, Millis> starts_;
  std::vector<std::string> texts_;  ///< Up to the first loss: of later ones the number is unknown.
};

}  // namespace tocsin::storage
