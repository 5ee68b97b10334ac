/// Makes of one answer of a target what is appended: the way of a scrape through labels,
/// relabelling and limits.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ports.h"
#include "cpp/scrape/exposition.h"
#include "cpp/scrape/job.h"
#include "cpp/scrape/metadata_memory.h"
#include "cpp/scrape/series_memory.h"

namespace tocsin::scrape {

/// What is appended together.
struct Collected {
  std::vector<RefSample> samples;
  std::vector<RefHistogram> histograms;
  std::vector<RefExemplar> exemplars;
  std::vector<MetricMetadata> metadata;  ///< That is new.

  SampleBatch batch() const { return {samples, histograms, exemplars}; }
};

/// What became of the samples of a scrape.
struct CollectCounts {
  size_t scraped = 0;     ///< Read, until the end or an error.
  size_t kept = 0;        ///< And not dropped by relabelling.
  size_t added = 0;       ///< Series that the scrape before did not have.
  size_t duplicates = 0;  ///< The same line twice.
  size_t too_far = 0;     ///< Ten minutes or more ahead of now.
};

/// The parts of a job that a scrape obeys.
struct CollectRules {
  SampleRules samples;
  size_t sample_limit = 0;
  size_t bucket_limit = 0;
  double min_bucket_factor = 0;
};

/// The labels of a sample of a target: `target` without names that begin with two underscores.
Labels JoinLabels(const std::vector<Labels::Pair>& exposed, const Labels& target,
                  bool honor_labels);

/// One use for one scrape.
class SampleCollector {
 public:
  /// All is borrowed. `time`: of samples that have none of their own.
  SampleCollector(const CollectRules& rules, const Labels& target, SampleSink* sink, Millis time)
      : rules_(rules), target_(target), sink_(*sink), time_(time) {}

  /// Reads `body` into `out`. On an error what is in `out` does not count. kInvalidArgument: the
  /// body, with the place. kResourceExhausted: a limit.
  Status Collect(std::string_view body, Format format, SeriesMemory* series,
                 MetadataMemory* metadata, Collected* out);

  const CollectCounts& counts() const { return counts_; }

 private:
  /// A sample of the family that is being read, whose start may be told later.
  struct Startable {
    uint64_t metric = 0;
    bool histogram = false;
    size_t index = 0;
  };

  Status OneSample(ExpositionReader* reader, Format format, SeriesMemory* memory, Collected* out);
  Result<KnownSeries*> Learn(ExpositionReader* reader, Format format, SeriesMemory* memory);
  Status CheckLabels(const Labels& labels) const;
  Status Append(const ExposedSample& sample, const KnownSeries& known, Collected* out);
  Result<HistogramPtr> Coarsened(const HistogramPtr& histogram) const;
  void StartIs(uint64_t metric, Millis start, Collected* out);

  const CollectRules& rules_;
  const Labels& target_;
  SampleSink& sink_;
  const Millis time_;
  CollectCounts counts_;
  Status limit_;  // The first limit that was hit; reading goes on, to count.
  size_t limited_ = 0;
  std::vector<Startable> family_;
  std::pair<uint64_t, Millis> start_;  // The metric whose start was told last.
};

}  // namespace tocsin::scrape
