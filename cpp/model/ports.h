/// Ports that several engines use and storage or delivery implements.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"

namespace tocsin {

/// A series of a SampleSink. Valid for the life of the sink, also across its own garbage
/// collection.
using SeriesRef = uint64_t;

struct RefSample {
  SeriesRef series = 0;
  Sample sample;
};

struct RefExemplar {
  SeriesRef series = 0;
  Exemplar exemplar;
};

/// Takes samples: span metrics, scraped samples, the results of rules. Implemented by
/// storage/series. Thread-safe.
class SampleSink {
 public:
  virtual ~SampleSink() = default;

  /// The ref of a label set, made at the first call.
  virtual SeriesRef Ref(const Labels& labels) = 0;

  /// Appends all or nothing; on OK the samples are durable as far as the log's sync policy goes,
  /// and the next query sees them. A sample that is not newer than the last one of its series is
  /// dropped and counted, not an error.
  virtual Status Append(std::span<const RefSample> samples,
                        std::span<const RefExemplar> exemplars) = 0;
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
  virtual void OnAppend(std::span<const RefSample> samples, std::span<const RefExemplar> exemplars,
                        const LabelSource& labels) = 0;
};

/// A place in the order of appends. Only a SampleReader makes sense of the numbers; keep them to
/// begin again at the same place, also in a later process.
struct LogPosition {
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint64_t index = 0;

  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

/// Reads appended samples back in the order of their appends, from a position on: what was written
/// while the receiver of the samples, or this process, was down. Belongs to one thread.
class SampleReader {
 public:
  struct Run {
    std::vector<RefSample> samples;
    std::vector<RefExemplar> exemplars;
    /// Samples that were appended before these could not be read: their log was too old or too
    /// large to be kept, or is damaged.
    bool gap = false;
  };

  virtual ~SampleReader() = default;

  /// The next samples and exemplars, at most `max_items` together; none if there are none yet.
  /// On an error the position stays.
  virtual Result<Run> Next(size_t max_items) = 0;

  /// Behind the last Run.
  virtual LogPosition position() const = 0;

  /// What lies before `position` is not needed again and need not be kept.
  virtual void Release(const LogPosition& position) = 0;
};

}  // namespace tocsin
