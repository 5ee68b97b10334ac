/// Ports that several engines use and storage or delivery implements.

#pragma once

#include <cstdint>
#include <span>

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

}  // namespace tocsin
