/// From a decoded remote write request to what a SampleSink takes: label sets are checked and
/// become refs, what no store can take is sorted out.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/model/ports.h"
#include "cpp/receive/series_cache.h"
#include "cpp/wire/remote_write_decode.h"

namespace tocsin::receive {

/// Reasons for people, as many as are worth reading.
class Refusals {
 public:
  void Add(std::string reason);
  bool empty() const { return count_ == 0; }
  /// One a line, and how many more there were.
  std::string Text() const;

 private:
  static constexpr size_t kShown = 10;
  std::vector<std::string> shown_;
  size_t count_ = 0;
};

/// Checks what may come in any order and from anybody: names and values are UTF-8, no name is empty
/// or given twice, and there is a metric name. Sorts them; empty values are dropped.
/// kInvalidArgument with the reason.
Result<Labels> LabelsFrom(const std::vector<wire::LabelView>& labels);

/// The family of a metric of that type: without the suffix of its part.
std::string_view FamilyOf(std::string_view metric_name, MetricType type);

class WriteBatch {
 public:
  /// All of the request, which must live as long as this. kInvalidArgument if it is malformed after
  /// all: then nothing of it is to be kept.
  static Result<WriteBatch> Make(const wire::WriteRequest& request, wire::WriteMessage message,
                                 SampleSink* sink, SeriesCache* cache);

  SampleBatch batch() const { return {samples_, histograms_, exemplars_}; }
  const std::vector<MetricMetadata>& metadata() const { return metadata_; }
  /// The series that were not in the cache, for it.
  const std::vector<SeriesCache::Entry>& new_series() const { return new_series_; }

  Refusals& refusals() { return refusals_; }
  size_t invalid_label_samples() const { return invalid_label_samples_; }
  size_t invalid_histograms() const { return invalid_histograms_; }
  size_t invalid_exemplars() const { return invalid_exemplars_; }
  /// Histograms that were stale markers, and are among the samples.
  size_t stale_histograms() const { return stale_histograms_; }

 private:
  WriteBatch(const wire::WriteRequest& request, wire::WriteMessage message)
      : request_(request), v2_(message == wire::WriteMessage::kV2) {}

  Status ResolveSeries(SampleSink* sink, SeriesCache* cache);
  Status ResolveNew(const wire::WriteRequest::Series& series, SampleSink* sink,
                    SeriesCache::Entry* entry);
  void Refuse(const wire::WriteRequest::Series& series, std::string_view reason);
  Status NoteMetadata(const wire::WriteRequest::Series& series, std::string_view metric_name);
  void AddMetadata(MetricMetadata metadata);
  void AddSamples(const wire::WriteRequest::Series& series, SeriesRef ref);
  void AddHistograms(const wire::WriteRequest::Series& series, SeriesRef ref);
  Status AddExemplars(const wire::WriteRequest::Series& series, SeriesRef ref);

  const wire::WriteRequest& request_;
  bool v2_;
  std::vector<SeriesCache::Entry> series_;  ///< One for each of the request's; kUnknown if refused.
  std::vector<wire::LabelView> labels_;     ///< Reused.
  std::vector<RefSample> samples_;
  std::vector<RefHistogram> histograms_;
  std::vector<RefExemplar> exemplars_;
  std::vector<MetricMetadata> metadata_;
  std::vector<SeriesCache::Entry> new_series_;
  Refusals refusals_;
  size_t invalid_label_samples_ = 0;
  size_t invalid_histograms_ = 0;
  size_t invalid_exemplars_ = 0;
  size_t stale_histograms_ = 0;
};

}  // namespace tocsin::receive
