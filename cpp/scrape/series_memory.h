/// What a scraper remembers of the series of one target from scrape to scrape: so a line that was
/// seen before costs one comparison and no look at its labels, and a series that is not seen again
/// is noticed.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/model/ports.h"

namespace tocsin::scrape {

/// What is known of one way to write a series.
struct KnownSeries {
  SeriesRef ref = 0;
  bool dropped = false;      ///< By relabelling; `ref` means nothing.
  bool tells_start = false;  ///< A `..._created`: its value is when its metric began to count.
  uint64_t metric = 0;       ///< Identifies the metric it is a part of; 0: none that has a start.
  uint64_t seen = 0;         ///< The last scrape that had it.
  KnownSeries* next = nullptr;  ///< Which one stood behind it then.
  std::string_view text;        ///< How it is written.
};

/// Belongs to one thread at a time.
class SeriesMemory {
 public:
  /// Begins a scrape.
  void Begin();

  /// Null if the series is not known. Asked in the order of the exposition, which is mostly that of
  /// the scrape before, this is a comparison of bytes.
  KnownSeries* Find(std::string_view text);
  /// Adds one that Find() does not know.
  KnownSeries* Add(std::string_view text);
  /// Notes that the series is there in this scrape; false if that was known.
  bool See(KnownSeries* series);
  /// The series is there in this scrape, and is to end when it is missing in a later one.
  void Track(KnownSeries* series) { tracked_now_.push_back(series); }

  /// Ends a scrape that was whole: calls `gone` for each series that was tracked in the one before
  /// and is not in this one, and forgets what this scrape has not had.
  void EndWhole(const std::function<void(SeriesRef)>& gone);
  /// Ends one that counts as empty: all tracked series are gone.
  void EndEmpty(const std::function<void(SeriesRef)>& gone);

  /// Adds the refs of the series that are tracked to `refs`.
  void AddTracked(std::unordered_set<SeriesRef>* refs) const;

 private:
  void ForgetUnseen();

  uint64_t scrape_ = 0;
  size_t seen_ = 0;        // How many this scrape has had.
  size_t whole_size_ = 0;  // How many were known after the last whole scrape.
  std::unordered_map<std::string, KnownSeries, StringHash, std::equal_to<>> known_;
  KnownSeries* previous_ = nullptr;  // Found or added last.
  KnownSeries* first_ = nullptr;     // Of the last scrape.
  std::vector<KnownSeries*> tracked_;
  std::vector<KnownSeries*> tracked_now_;
};

}  // namespace tocsin::scrape
