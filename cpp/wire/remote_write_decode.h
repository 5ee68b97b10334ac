/// Reading remote write requests: both messages become one flat form whose strings stay in the
/// request. Labels are left as they lie; each label set has an identity, a hash of its bytes, so
/// that whoever knows the series by it never looks at the labels at all.
///
///     TOCSIN_ASSIGN_OR_RETURN(const WriteRequest request,
///                             WriteRequest::Decode(body, WriteMessage::kV1, {}));
///     for (const WriteRequest::Series& series : request.series()) {
///       ... request.Labels(series.labels, &labels) ...
///     }

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/wire/label_view.h"
#include "cpp/wire/remote_write.h"
#include "cpp/wire/remote_write_histogram.h"

namespace tocsin::wire {

struct WriteLimits {
  size_t max_bytes = 32 << 20;  ///< Of the request after decompression.
  /// Series, samples, histograms (and each eight buckets of one), exemplars, symbols and metadata
  /// together: what a small request could otherwise make of memory.
  size_t max_items = 2'000'000;
};

/// A request, decoded. Its views live as long as it does, also when it is moved. Malformed is what
/// protobuf's parser refuses; unknown fields are skipped, of a repeated scalar the last counts.
class WriteRequest {
 public:
  /// Labels that are not read yet.
  struct LabelsRef {
    std::string_view bytes;  ///< 1.0: the fields, one behind the other.
    uint32_t begin = 0;      ///< 2.0: which of the request's references.
    uint32_t end = 0;
  };
  struct WriteSample {
    Sample sample;
    Millis start = 0;  ///< 0: not known.
  };
  struct WriteExemplar {
    LabelsRef labels;
    double value = 0;
    Millis t = 0;
  };
  struct Series {
    LabelsRef labels;
    /// Equal for equal label bytes; of 2.0, for equal labels with equal metadata.
    Hash128Value identity;
    size_t offset = 0;  ///< In the decompressed request.
    std::span<const WriteSample> samples;
    std::span<const WireHistogram> histograms;
    std::span<const WriteExemplar> exemplars;
    // What its family is (2.0).
    MetricType type = MetricType::kUnknown;
    uint32_t help_ref = 0;
    uint32_t unit_ref = 0;
  };

  /// Decompresses and decodes the body of a request. kInvalidArgument, with the byte offset, for
  /// what is malformed; kResourceExhausted for what is beyond the limits.
  static Result<WriteRequest> Decode(std::string_view snappy_block, WriteMessage message,
                                     const WriteLimits& limits);
  /// The same of a request that is not compressed.
  static Result<WriteRequest> Parse(std::string body, WriteMessage message,
                                    const WriteLimits& limits);

  WriteRequest(WriteRequest&&) noexcept = default;
  WriteRequest& operator=(WriteRequest&&) noexcept = default;

  std::span<const Series> series() const { return series_; }
  /// Entries of their own (1.0).
  std::span<const MetricMetadata> metadata() const { return metadata_; }
  size_t samples() const { return samples_.size(); }
  size_t histograms() const { return histograms_.size(); }
  size_t exemplars() const { return exemplars_.size(); }

  /// The labels as they were sent: neither sorted nor checked, not even for being UTF-8. Replaces
  /// `*labels`. kInvalidArgument if they are malformed: then so is the request, and nothing of it
  /// is to be kept. kNotFound if they refer to symbols that do not exist (2.0): this series alone
  /// is bad.
  Status Labels(const LabelsRef& ref, std::vector<LabelView>* labels) const;

  /// A string of the symbol table (2.0); kNotFound if there is no such.
  Result<std::string_view> Symbol(uint32_t ref) const;

 private:
  friend class WriteRequestReader;

  WriteRequest() = default;

  // In a container whose elements stay where they are when the request is moved.
  std::deque<std::string> bytes_;  ///< The body, and labels that were not in one piece.
  std::vector<Series> series_;
  std::vector<WriteSample> samples_;
  std::vector<WireHistogram> histograms_;
  std::vector<WriteExemplar> exemplars_;
  std::vector<MetricMetadata> metadata_;
  std::vector<std::string_view> symbols_;
  std::vector<uint32_t> refs_;
};

}  // namespace tocsin::wire
