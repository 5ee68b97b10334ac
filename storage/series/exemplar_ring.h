/// The newest exemplars of all series, as many as fit a bound: the oldest makes room for the
/// newest.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/model/labels.h"
#include "storage/series/label_index.h"

namespace tocsin::storage {

/// Not thread-safe; const calls may run side by side.
class ExemplarRing {
 public:
  enum class Verdict : uint8_t {
    kNew,
    kDuplicate,   ///< The newest of its series, once more.
    kOutOfOrder,  ///< Older than the newest of its series.
    kTooLarge,    ///< More label text than kMaxLabelBytes.
  };

  /// OpenMetrics allows 128 characters.
  static constexpr size_t kMaxLabelBytes = 512;

  explicit ExemplarRing(size_t capacity) : capacity_(capacity) {}

  /// What Add would make of it.
  Verdict Judge(SeriesId series, const Exemplar& exemplar) const;
  /// Keeps the exemplar, whatever Judge says of it.
  void Add(SeriesId series, const Exemplar& exemplar);

  size_t size() const { return ring_.size(); }

  /// Those of the given series in [from, to], oldest first.
  using Visitor = std::function<void(SeriesId, Exemplar)>;
  void ForEach(Millis from, Millis to, const Visitor& visit) const;
  /// The series that have exemplars, ascending.
  std::vector<SeriesId> Series() const;

 private:
  struct Entry {
    SeriesId series;
    Millis t;
    double value;
    std::string labels;  ///< Packed: a third of the memory of Labels.
  };
  struct Newest {
    Millis t = 0;
    double value = 0;
    uint64_t labels_hash = 0;
    uint32_t count = 0;  ///< Of the series in the ring.
  };

  size_t capacity_;
  std::deque<Entry> ring_;
  std::unordered_map<SeriesId, Newest> newest_;
};

/// Name and value of each label, each as a length and its bytes.
std::string PackLabels(const Labels& labels);
/// REQUIRES: packed is of PackLabels.
Labels UnpackLabels(std::string_view packed);

}  // namespace tocsin::storage
