/// Ports that several engines use and storage or delivery implements.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/model/native_histogram.h"

namespace tocsin {

/// A series of a SampleSink. Valid for the life of the sink, also across its own garbage
/// collection.
using SeriesRef = uint64_t;

struct RefSample {
  SeriesRef series = 0;
  Sample sample;
  /// The start ("created") timestamp: since when the counter counts. 0: not known.
  Millis start = 0;
};

struct RefHistogram {
  SeriesRef series = 0;
  HistogramSample sample;
  Millis start = 0;  ///< As of RefSample.
};

struct RefExemplar {
  SeriesRef series = 0;
  Exemplar exemplar;
};

/// What is appended together. The samples of one series, floats and histograms, ascend by time
/// unless they are late ones.
struct SampleBatch {
  std::span<const RefSample> samples = {};
  std::span<const RefHistogram> histograms = {};
  std::span<const RefExemplar> exemplars = {};

  bool empty() const { return samples.empty() && histograms.empty() && exemplars.empty(); }
};

/// What became of a batch. What is not taken is dropped and counted, not an error: one bad sample
/// spoils no other.
struct AppendOutcome {
  size_t samples = 0;  ///< Taken.
  size_t histograms = 0;
  size_t exemplars = 0;
  size_t repeated = 0;       ///< Samples that were there already, with the same value: no error.
  size_t duplicates = 0;     ///< Samples at the time of another one with another value.
  size_t out_of_order = 0;   ///< Older than the series' newest and the out-of-order window.
  size_t out_of_bounds = 0;  ///< Too far in the past or in the future for the store.
  size_t limited = 0;        ///< Of series beyond the cardinality limit.
  size_t exemplars_rejected = 0;
  /// The first refusal, for people: "out of order sample: series {...}, time ...". "" if none.
  std::string first_refusal;

  size_t refused() const { return duplicates + out_of_order + out_of_bounds + limited; }
};

/// Takes samples: span metrics, scraped samples, remote writes, the results of rules. Implemented
/// by storage/series. Thread-safe.
class SampleSink {
 public:
  virtual ~SampleSink() = default;

  /// The ref of a label set, made at the first call.
  virtual SeriesRef Ref(const Labels& labels) = 0;

  /// On OK what was taken is durable as far as the log's sync policy goes, and the next query sees
  /// all of it. On an error nothing was taken.
  virtual Result<AppendOutcome> Append(const SampleBatch& batch) = 0;

  /// Append, for whoever has nobody to tell what was refused: the sink has counted it.
  Status Put(const SampleBatch& batch) {
    const Result<AppendOutcome> outcome = Append(batch);
    return outcome.has_value() ? Status() : outcome.error();
  }

  /// Notes what metric families are; the newest word counts. Survives a restart, but is no part of
  /// what Append makes durable.
  virtual void SetMetadata(std::span<const MetricMetadata> metadata) = 0;
};

/// Tells the labels of refs. Implemented by whoever gave them out. Thread-safe.
class LabelSource {
 public:
  virtual ~LabelSource() = default;
  /// Empty if the ref was never given out.
  virtual Labels LabelsOf(SeriesRef series) const = 0;
};

/// Hears what a SampleSink has taken.
class SampleListener {
 public:
  virtual ~SampleListener() = default;

  /// Called after each successful Append with what was kept of it, in its order; calls come one at
  /// a time, in the order of the appends. Writers wait meanwhile: be quick, and do not append.
  virtual void OnAppend(const SampleBatch& kept, const LabelSource& labels) = 0;
};

/// How many of each kind were appended.
struct SampleTally {
  uint64_t samples = 0;
  uint64_t histograms = 0;
  uint64_t exemplars = 0;

  SampleTally& operator+=(const SampleTally& other) {
    samples += other.samples;
    histograms += other.histograms;
    exemplars += other.exemplars;
    return *this;
  }
  friend auto operator<=>(const SampleTally&, const SampleTally&) = default;
};

/// A place in the order of appends. Only a SampleReader makes sense of the numbers; keep them to
/// begin again at the same place, also in a later process.
struct LogPosition {
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint64_t index = 0;
  /// What was appended before it, since the log began; nullopt if the log does not know.
  std::optional<SampleTally> before = std::nullopt;

  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

/// Reads appended samples back in the order of their appends, from a position on: what was written
/// while the receiver of the samples, or this process, was down. Belongs to one thread.
class SampleReader {
 public:
  struct Run {
    std::vector<RefSample> samples;
    std::vector<RefHistogram> histograms;
    std::vector<RefExemplar> exemplars;
    /// Samples that were appended before these could not be read: their log was too old or too
    /// large to be kept, or is damaged.
    bool gap = false;
    /// How many that were, as far as the log knows.
    SampleTally lost;
  };

  virtual ~SampleReader() = default;

  /// The next samples, histograms and exemplars, at most `max_items` together; none if there are
  /// none yet. On an error the position stays.
  virtual Result<Run> Next(size_t max_items) = 0;

  /// Behind the last Run.
  virtual LogPosition position() const = 0;

  /// What lies before `position` is not needed again and need not be kept.
  virtual void Release(const LogPosition& position) = 0;
};

}  // namespace tocsin
