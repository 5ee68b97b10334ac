/// Prometheus remote read: prometheus.ReadRequest is read, ReadResponse and ChunkedReadResponse
/// are written.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"
#include "cpp/wire/label_view.h"

namespace tocsin::wire {

enum class ReadMatch : uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

struct ReadMatcher {
  ReadMatch match = ReadMatch::kEqual;
  std::string name;
  std::string value;
};

struct ReadQuery {
  Millis from = 0;  ///< Both ends included.
  Millis to = 0;
  std::vector<ReadMatcher> matchers;
};

enum class ReadResponseType : uint8_t { kSamples, kStreamedChunks };

struct ReadRequest {
  std::vector<ReadQuery> queries;
  /// What the client likes best of what we speak. Hints are skipped.
  ReadResponseType response = ReadResponseType::kSamples;
};

/// Of the body of a request. kInvalidArgument, with the byte offset, for what is malformed, has a
/// matcher that does not exist, or asks only for responses that do not exist; kResourceExhausted
/// when it is larger than `max_bytes` after decompression.
Result<ReadRequest> DecodeReadRequest(std::string_view snappy_block, size_t max_bytes);

/// One series of an answer.
struct ReadSeries {
  std::span<const LabelView> labels;  ///< Ascending by name.
  std::span<const Sample> samples;
  std::span<const HistogramSample> histograms;
};

/// A prometheus.ReadResponse as it grows: a result for each query, in their order.
class ReadResponseWriter {
 public:
  void BeginResult() { result_.clear(); }
  void Add(const ReadSeries& series);
  void EndResult();

  /// Compressed, as the body of the answer.
  std::string Finish() const;

 private:
  std::string result_;
  std::string response_;
};

/// The frames of a streamed answer: each a varint length, a CRC-32C (big endian) and a
/// prometheus.ChunkedReadResponse of about a MiB at most. A longer series goes on in the next
/// frame.
class ChunkedReadWriter {
 public:
  /// Adds the series' frames to `*out`.
  void Add(const ReadSeries& series, size_t query, std::string* out) const;
};

}  // namespace tocsin::wire
