/// Prometheus remote write, what is sent: 1.0 is prometheus.WriteRequest, 2.0 is
/// io.prometheus.write.v2.Request. remote_write_decode.h reads both.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/model/native_histogram.h"

namespace tocsin::wire {

enum class WriteMessage : uint8_t {
  kV1,  ///< prometheus.WriteRequest
  kV2,  ///< io.prometheus.write.v2.Request
};

/// The Content-Type of each message. 1.0 is also what a bare `application/x-protobuf` means.
inline constexpr std::string_view kWriteContentType = "application/x-protobuf";
inline constexpr std::string_view kWriteV2ContentType =
    "application/x-protobuf;proto=io.prometheus.write.v2.Request";
/// Header X-Prometheus-Remote-Write-Version of each message.
inline constexpr std::string_view kWriteVersion = "0.1.0";
inline constexpr std::string_view kWriteV2Version = "2.0.0";

/// A label set made ready to be written many times. Never changed once it is shared.
struct PreparedLabels {
  std::string fields;  ///< As the `labels` of a prometheus.TimeSeries.
  /// Name, value, name, value... A text that several sets share is best the same memory in all of
  /// them: 2.0 then looks it up by its address.
  std::vector<std::string_view> texts;
  std::shared_ptr<const void> owner;  ///< Keeps the memory of `texts`.
};

/// Where equal texts are kept once. Returns the kept one.
using InternFunction = std::function<std::string_view(std::string_view)>;

/// `owner` is what keeps alive what `intern` returns.
PreparedLabels PrepareLabels(const Labels& labels, const InternFunction& intern,
                             std::shared_ptr<const void> owner);

/// One series with what is sent of it. A sender keeps floats and histograms in different series;
/// nothing here demands it.
struct WriteSeries {
  Labels labels;
  std::vector<Sample> samples;  ///< Ascending by time.
  std::vector<Exemplar> exemplars;
  std::vector<HistogramSample> histograms = {};  ///< Ascending by time.
  /// Start ("created") timestamps of `samples` and of `histograms`: empty, or one for each, 0 where
  /// it is not known. Only 2.0 has a place for them.
  std::vector<Millis> starts = {};
  std::vector<Millis> histogram_starts = {};
  /// What the series' family is; null if not known. Only 2.0 says it with the series.
  std::shared_ptr<const MetricMetadata> metadata = {};
  /// If not null, this is the label set, and `labels` is not looked at.
  std::shared_ptr<const PreparedLabels> prepared = {};
};

/// The serialised prometheus.WriteRequest, not compressed yet. Labels are written as Labels keeps
/// them: sorted by name, unique, none empty, as the receiver demands. `metadata` becomes entries of
/// its own; requests with only series or only metadata are usual.
///
/// Histograms with whole counts (below 2^53) are written in the integer form, others in the float
/// form. WriteSeries::metadata and the starts are left out.
std::string EncodeWriteRequest(std::span<const WriteSeries> series,
                               std::span<const MetricMetadata> metadata = {});

/// The serialised io.prometheus.write.v2.Request, not compressed yet: every string once in the
/// symbol table, start timestamps with each sample (as since Prometheus 3.10), metadata with the
/// series. A series that has both floats and histograms is written as two, as 2.0 asks.
std::string EncodeWriteRequestV2(std::span<const WriteSeries> series);

}  // namespace tocsin::wire
