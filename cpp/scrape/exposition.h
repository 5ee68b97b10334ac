/// Reads what an exporter says, item by item: the Prometheus text format (0.0.4 and 1.0.0),
/// OpenMetrics (0.0.1 and 1.0) and Prometheus's protobuf messages.
///
/// This is the reading that a scrape needs, and as lenient as Prometheus is in one: the grammar of
/// each line counts, and in OpenMetrics the blanks, `# EOF`, the types and the units. It lets pass
/// what CheckOpenMetrics() (openmetrics_check.h) refuses beyond that: families whose lines are not
/// together, samples that do not fit their family's type, values that a type can not have,
/// exemplars where none belong or with labels that are too long, timestamps that go back, repeated
/// and late metadata.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/model/native_histogram.h"

namespace tocsin::scrape {

enum class Format : uint8_t {
  kText,         ///< Timestamps in milliseconds; comments anywhere.
  kOpenMetrics,  ///< Timestamps in seconds, exemplars, and `# EOF` at the end, which proves it
                 ///< whole.
  kProtobuf,     ///< Delimited io.prometheus.client.MetricFamily messages: native histograms.
};

/// The format that a Content-Type names, or else the media type `fallback` does. Without either an
/// error, in Prometheus's words.
Result<Format> FormatOf(std::string_view content_type, std::string_view fallback);

struct ExposedExemplar {
  Labels labels;
  double value = 0;
  std::optional<Millis> timestamp;
};

/// Views are into the exposition, or good until the next item.
struct ExposedSample {
  /// The bytes that name the series. In one target the same bytes are the same series, so that
  /// whoever remembers them needs no labels.
  std::string_view series;
  double value = 0;
  HistogramPtr histogram;           ///< Null: the sample is `value`.
  std::optional<Millis> timestamp;  ///< If the exporter gave one; may be absurd.
  Millis start = 0;                 ///< Since when it counts, where the format says so; else 0.
  std::vector<ExposedExemplar> exemplars;
};

enum class MetadataPart : uint8_t { kType, kHelp, kUnit };

/// One thing that an exporter says of a metric family. Views as of ExposedSample.
struct ExposedMetadata {
  MetadataPart part = MetadataPart::kType;
  std::string_view family = {};
  MetricType type = MetricType::kUnknown;  ///< kType.
  std::string_view text = {};              ///< kHelp and kUnit.
};

class ExpositionReader {
 public:
  enum class Item : uint8_t { kEnd, kSample, kMetadata };

  virtual ~ExpositionReader() = default;

  /// The next item. kInvalidArgument, with the place, for the first thing that is wrong; then
  /// nothing of the exposition counts, and Next() is not to be called again.
  virtual Result<Item> Next() = 0;

  /// Of the item that Next() has returned.
  const ExposedSample& sample() const { return sample_; }
  const ExposedMetadata& metadata() const { return metadata_; }

  /// The labels of sample(): __name__ first, empty values included; `le` and `quantile` in one
  /// spelling, as in Prometheus 3 ("1.0", not "1"). Errors as of Next().
  virtual Result<std::vector<Labels::Pair>> ReadLabels() = 0;

  /// The type and name of the family that was announced last, "" if none was.
  MetricType family_type() const { return family_type_; }
  std::string_view family() const { return family_; }

 protected:
  ExposedSample sample_;
  ExposedMetadata metadata_;
  MetricType family_type_ = MetricType::kUnknown;
  std::string family_;
};

/// Native histograms, where a format has them.
struct ReaderOptions {
  bool native_histograms = false;   ///< Off: what they have of classic buckets counts.
  bool classic_histograms = false;  ///< Both, where a histogram is both.
  /// Classic histograms become native ones with custom buckets, unless they can not.
  bool convert_classic = false;
};

/// `body` must outlive the reader.
std::unique_ptr<ExpositionReader> ReadExposition(std::string_view body, Format format,
                                                 const ReaderOptions& options);

}  // namespace tocsin::scrape
