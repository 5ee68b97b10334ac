/// The label index: from label sets to series numbers, from matchers to the series that they match.
///
/// A series is first only known (its label set has a number), and is *listed* when it has a sample:
/// matchers find listed series only. Nothing is removed while the process lives, because the refs
/// that writers hold must stay valid; a restart begins with the series that are on disk.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/source.h"
#include "storage/series/symbol_table.h"

namespace tocsin::storage {

/// The number of a series; persistent, from 1 on.
using SeriesId = uint32_t;
inline constexpr SeriesId kNoSeries = 0;

/// Not thread-safe; const calls may run side by side.
class LabelIndex {
 public:
  /// The series of that label set, or kNoSeries.
  SeriesId Find(const Labels& labels) const;
  /// REQUIRES: Find(labels) == kNoSeries and !Knows(id).
  void Add(SeriesId id, const Labels& labels);
  bool Knows(SeriesId id) const { return id < entries_.size() && entries_[id].known; }
  size_t known() const { return known_; }

  /// Makes series visible to matchers; those that are listed already are skipped.
  /// REQUIRES: Knows() each.
  void List(std::span<const SeriesId> ids);
  bool Listed(SeriesId id) const { return Knows(id) && entries_[id].listed; }
  size_t listed() const { return order_.size(); }

  /// REQUIRES: Knows(id).
  Labels LabelsOf(SeriesId id) const;
  /// The value of the label, "" if there is none. Valid for ever. REQUIRES: Knows(id).
  std::string_view ValueOf(SeriesId id, std::string_view name) const;

  /// The listed series that all matchers match, ordered by labels.
  std::vector<SeriesId> Match(std::span<const promql::Matcher> matchers) const;

 private:
  struct Pair {
    Symbol name;
    Symbol value;
  };
  struct Entry {
    std::unique_ptr<Pair[]> pairs;  ///< Sorted by the text of the name.
    uint32_t size = 0;
    uint32_t rank = 0;  ///< Position in order_, if listed.
    SeriesId next = 0;  ///< The next known series with the same hash.
    bool known = false;
    bool listed = false;

    std::span<const Pair> labels() const { return {pairs.get(), size}; }
  };
  using Postings = std::vector<SeriesId>;
  struct NameIndex {
    Postings series;                              ///< Of any value.
    std::unordered_map<Symbol, Postings> values;  ///< By value.
  };

  bool Equal(const Entry& entry, const Labels& labels) const;
  bool Before(const Entry& a, const Entry& b) const;
  /// The listed series among which those that `matcher` matches are, with their number. Null if the
  /// matcher also matches series without the label, which postings do not help with.
  std::optional<Postings> Candidates(const promql::Matcher& matcher) const;
  size_t CandidateCount(const promql::Matcher& matcher) const;
  /// Removes from `*ids` what `matcher` does not match.
  void Filter(const promql::Matcher& matcher, Postings* ids) const;

  SymbolTable symbols_;
  std::vector<Entry> entries_;  ///< By id.
  std::unordered_map<uint64_t, SeriesId> by_hash_;
  std::unordered_map<Symbol, NameIndex> names_;
  std::vector<SeriesId> order_;  ///< Listed series, by labels.
  size_t known_ = 0;
};

}  // namespace tocsin::storage
