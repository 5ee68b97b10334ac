/// io.prometheus.client.MetricFamily messages, each behind its length: the one exposition format
/// with native histograms of exponential buckets.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/scrape/exposition.h"

namespace tocsin::scrape {

/// One sample of a metric, as the text format would have it.
struct MetricPart {
  std::string_view suffix = {};  ///< Of the family's name.
  std::string_view label = {};   ///< "le", "quantile" or none.
  std::string bound = {};        ///< Its value.
  double value = 0;
  HistogramPtr histogram = nullptr;
  std::vector<ExposedExemplar> exemplars = {};
};

class ProtobufReader : public ExpositionReader {
 public:
  /// `body` must outlive the reader.
  ProtobufReader(std::string_view body, const ReaderOptions& options)
      : body_(body), options_(options) {}

  Result<Item> Next() override;
  Result<std::vector<Labels::Pair>> ReadLabels() override;

 private:
  Status NextFamily();
  Status NextMetric();
  void ShowPart();
  Failure Wrong(std::string_view what) const;

  const std::string_view body_;
  const ReaderOptions options_;
  size_t at_ = 0;         // Of the next family.
  size_t family_at_ = 0;  // Of the current one.
  // What is still to be shown of the family and of the metric, the next one last.
  std::vector<ExposedMetadata> told_;
  std::vector<std::string_view> metrics_;
  std::vector<MetricPart> parts_;
  MetricPart part_;                       // Shown by sample_.
  std::vector<std::string_view> labels_;  // LabelPair messages of the metric.
  std::string series_;
};

}  // namespace tocsin::scrape
