/// The records of the sample log: what one Append wrote, as bytes and back.
///
/// Both sides keep the state of a segment: the series and label texts that it has defined so far
/// and the last value of each series, against which the next is coded. A segment needs nothing from
/// the segments before it. Byte layout: storage/FORMAT.md, "Sample log".

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/base/status.h"
#include "cpp/model/ports.h"
#include "storage/series/label_index.h"

namespace tocsin::storage {

/// A decoded record.
struct SampleLogRecord {
  std::vector<std::pair<SeriesId, Labels>> definitions;  ///< Series that are new in the segment.
  std::vector<RefSample> samples;                        ///< In the order of the Append.
  std::vector<RefExemplar> exemplars;
};

/// Encodes the records of one segment after another. A record becomes part of the state only with
/// Commit: one that could not be written has never been.
class SampleLogEncoder {
 public:
  /// Tells the labels of a series.
  using LabelsOf = std::function<Labels(SeriesId)>;

  /// Forgets the state: the next record is the first of a segment.
  void BeginSegment();

  /// REQUIRES: the last record was committed or rolled back. Every ref is a SeriesId.
  std::string Encode(std::span<const RefSample> samples, std::span<const RefExemplar> exemplars,
                     const LabelsOf& labels_of);
  void Commit();
  void Rollback();

 private:
  struct State {
    uint32_t segment = 0;    ///< In which the series was last defined; 0: never.
    uint64_t last_bits = 0;  ///< Of its last value in that segment.
  };

  State& StateOf(SeriesId id);
  void Define(SeriesId id, const LabelsOf& labels_of);
  void PutText(std::string_view text, std::string* out);

  uint32_t segment_ = 1;
  std::vector<State> states_;  ///< By id.
  std::unordered_map<std::string, uint64_t, StringHash, std::equal_to<>> texts_;
  // Of the record at hand.
  std::string definitions_;
  uint64_t definition_count_ = 0;
  SeriesId last_defined_ = 0;
  std::vector<std::pair<SeriesId, State>> undo_;
  std::vector<std::string> new_texts_;
};

/// Decodes the records of one segment, in order.
class SampleLogDecoder {
 public:
  /// kCorruption for bytes that Encode could not have written at this point of the segment; the
  /// state is then of no further use.
  Result<SampleLogRecord> Decode(std::string_view record);

 private:
  std::unordered_map<SeriesId, uint64_t> last_bits_;  ///< Of every series defined so far.
  std::vector<std::string> texts_;
};

}  // namespace tocsin::storage
