/// The label index: from label sets to series numbers, from matchers to the series that they match.
///
/// A series is first only known (its label set has a number), and is *listed* when it has a sample:
/// matchers find listed series only. A series whose last sample is gone is unlisted and costs a few
/// bytes a label from then on: its number stays valid, because writers hold it. A restart begins
/// with the series that are on disk.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/series_admin.h"
#include "cpp/promql/source.h"
#include "storage/series/paged_table.h"
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
  bool Knows(SeriesId id) const;
  /// Known series, but for those that were unlisted.
  size_t live() const { return known_ - unlisted_; }

  /// Makes series visible to matchers; those that are listed already are skipped. Their order is
  /// found when it is needed: by Order(). REQUIRES: Knows() each.
  void List(std::span<const SeriesId> ids);
  bool Listed(SeriesId id) const;
  size_t listed() const { return order_.size(); }
  /// Makes listed series invisible again. REQUIRES: ordered().
  void Unlist(std::span<const SeriesId> ids);

  bool ordered() const { return ordered_ == order_.size(); }
  void Order();
  /// The position of a listed series in the order of all labels. REQUIRES: ordered().
  uint32_t RankOf(SeriesId id) const {
    const Entry* entry = entries_.Find(id);
    return entry != nullptr ? entry->rank : 0;
  }
  /// All listed series, by labels. REQUIRES: ordered().
  std::span<const SeriesId> order() const { return order_; }

  /// REQUIRES: Knows(id).
  Labels LabelsOf(SeriesId id) const;
  /// The labels, by name, into `*out`, which is cleared. The texts stay valid as long as the index,
  /// and equal texts lie at the same place. REQUIRES: Knows(id).
  void View(SeriesId id, std::vector<promql::LabelView>* out) const;
  /// The value of the label, "" if there is none. Valid for ever. REQUIRES: Knows(id).
  std::string_view ValueOf(SeriesId id, std::string_view name) const;

  /// The listed series that all matchers match, ordered by labels. REQUIRES: ordered().
  std::vector<SeriesId> Match(std::span<const promql::Matcher> matchers) const;

  /// Fills in the lists of `top` lines each, and the counts of series and label pairs.
  void Describe(size_t top, promql::HeadStatistics* out) const;

 private:
  struct Pair {
    Symbol name;
    Symbol value;
  };
  struct Entry {
    std::unique_ptr<Pair[]> pairs;  ///< Sorted by the text of the name.
    uint32_t rank = 0;              ///< Position in order_, if listed.
    SeriesId next = 0;              ///< The next known series with the same hash.
    uint16_t size = 0;
    bool known = false;
    bool listed = false;
    bool unlisted = false;  ///< Was listed before.

    std::span<const Pair> labels() const { return {pairs.get(), size}; }
  };
  using Postings = std::vector<SeriesId>;
  struct NameIndex {
    Postings series;                              ///< Of any value.
    std::unordered_map<Symbol, Postings> values;  ///< By value.
  };

  bool Equal(const Entry& entry, const Labels& labels) const;
  bool Before(const Entry& a, const Entry& b) const;
  const NameIndex* NameOf(std::string_view name) const;
  /// The listed series among which those that `matcher` matches are, with their number. Null if the
  /// matcher also matches series without the label, which postings do not help with.
  std::optional<Postings> Candidates(const promql::Matcher& matcher) const;
  size_t CandidateCount(const promql::Matcher& matcher) const;
  /// Removes from `*ids` what `matcher` does not match.
  void Filter(const promql::Matcher& matcher, Postings* ids) const;

  SymbolTable symbols_;
  PagedTable<Entry> entries_;  ///< By id.
  std::unordered_map<uint64_t, SeriesId> by_hash_;
  std::unordered_map<Symbol, NameIndex> names_;
  std::vector<SeriesId> order_;  ///< Listed series; the first ordered_ of them by labels.
  size_t ordered_ = 0;
  size_t known_ = 0;
  size_t unlisted_ = 0;
};

}  // namespace tocsin::storage
