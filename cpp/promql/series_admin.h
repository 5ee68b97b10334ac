/// What the HTTP API of Prometheus asks of whoever holds series, beside samples: listings,
/// exemplars, statistics, and the administration of the store. Implemented by storage/series.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/promql/source.h"

namespace tocsin::promql {

struct ExemplarSeries {
  Labels labels;
  std::vector<Exemplar> exemplars;  ///< By ascending time.
};

/// Listings for /api/v1/series, /labels, /label/<name>/values and /query_exemplars. Times are
/// milliseconds, both ends included; a listing looks at chunks and blocks as wholes, so that a
/// series with samples just beside the range may be in it. No matchers match everything.
/// Thread-safe.
class SeriesCatalog {
 public:
  virtual ~SeriesCatalog() = default;

  /// The label sets that match, ordered; no more than `limit` of them, 0: all.
  virtual std::vector<Labels> MatchSeries(std::span<const Matcher> matchers, Millis from, Millis to,
                                          size_t limit) const = 0;
  /// The label names of the series that match. Sorted, distinct.
  virtual std::vector<std::string> LabelNames(std::span<const Matcher> matchers, Millis from,
                                              Millis to) const = 0;
  /// The values of a label among the series that match. Sorted, distinct.
  virtual std::vector<std::string> LabelValues(std::string_view name,
                                               std::span<const Matcher> matchers, Millis from,
                                               Millis to) const = 0;
  /// The exemplars in [from, to] of the series that match, ordered by labels.
  virtual std::vector<ExemplarSeries> QueryExemplars(std::span<const Matcher> matchers, Millis from,
                                                     Millis to) const = 0;
};

/// One line of a top list.
struct NamedCount {
  std::string name;
  uint64_t value = 0;

  friend bool operator==(const NamedCount&, const NamedCount&) = default;
};

/// What /api/v1/status/tsdb shows. The lists are in descending order of their values.
struct HeadStatistics {
  uint64_t series = 0;
  uint64_t label_pairs = 0;  ///< Distinct ones.
  uint64_t chunks = 0;
  Millis min_time = 0;  ///< Of the samples in the head; both 0 while it has none.
  Millis max_time = 0;
  std::vector<NamedCount> series_by_metric_name;
  std::vector<NamedCount> values_by_label_name;
  std::vector<NamedCount> bytes_by_label_name;   ///< Lengths of the values of all series, summed.
  std::vector<NamedCount> series_by_label_pair;  ///< Named "label=value".
};

/// What /api/v1/status/tsdb/blocks shows of a block.
struct BlockStatistics {
  std::string id;       ///< Unique in the store.
  Millis min_time = 0;  ///< The block covers [min_time, max_time).
  Millis max_time = 0;
  uint64_t series = 0;
  uint64_t samples = 0;  ///< 0 for blocks of a version that did not count them.
  uint64_t chunks = 0;
  /// 1, or 2 for a block of samples that came after that of their time had been written.
  uint32_t level = 1;
};

/// What /api/v1/status/walreplay shows: segments of the log, as they were replayed at the start.
struct ReplayProgress {
  uint64_t first_segment = 0;
  uint64_t last_segment = 0;
  uint64_t current_segment = 0;
  bool done = true;
};

/// Administration, for /api/v1/status/* and /api/v1/admin/tsdb/*. Thread-safe.
class SeriesAdmin {
 public:
  virtual ~SeriesAdmin() = default;

  /// `top`: the greatest length of each list. Looks at every label pair once.
  virtual HeadStatistics HeadStats(size_t top) const = 0;
  /// Oldest first.
  virtual std::vector<BlockStatistics> Blocks() const = 0;
  virtual ReplayProgress Replay() const = 0;

  /// Deletes the samples in [from, to] of the series that all matchers match. When this returns OK
  /// no query sees them, also after a crash; their room comes back with CleanTombstones and with
  /// the retention. kInvalidArgument without a matcher that excludes the empty label set.
  virtual Status DeleteSeries(std::span<const Matcher> matchers, Millis from, Millis to) = 0;
  /// Rewrites the blocks that hold deleted samples without them.
  virtual Status CleanTombstones() = 0;

  /// Puts what the store holds now, without the head if asked to, into a new directory under
  /// `<store>/snapshots`, and returns the directory's name (`20060102T150405Z-0123456789abcdef`).
  /// A store can be opened on it. Blocks are hard links where the file system can.
  virtual Result<std::string> Snapshot(bool skip_head) = 0;
};

}  // namespace tocsin::promql
