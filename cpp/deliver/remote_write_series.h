/// What the series of the log are called at the receiver: external labels added, relabelled, and
/// encoded once for all the requests that they are in.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "cpp/base/clock.h"
#include "cpp/deliver/remote_write_metrics.h"
#include "cpp/deliver/remote_write_options.h"
#include "cpp/wire/remote_write.h"

namespace tocsin::deliver {

/// A series as it is sent. Never changed.
struct SendSeries {
  SeriesRef ref = 0;
  std::shared_ptr<const wire::PreparedLabels> labels;
  std::shared_ptr<const MetricMetadata> metadata;  ///< Null if not known, or not sent.
};

/// Bounded: what does not fit is made anew each time it is asked for. Series that were not asked
/// for in a while are forgotten. Belongs to one thread; what it gives away is good everywhere.
class SendSeriesCache {
 public:
  static constexpr size_t kMaxBytes = 64 << 20;
  static constexpr Nanos kForgetAfter = 10 * kMinute;
  /// How long what is known of a family may be out of date.
  static constexpr Nanos kMetadataLife = kMinute;

  /// Borrows all of them.
  SendSeriesCache(const RemoteWriteOptions& options, const RemoteWritePorts& ports)
      : options_(options), ports_(ports), texts_(std::make_shared<Texts>()) {}

  struct Answer {
    std::shared_ptr<const SendSeries> series;        ///< Null: it is not sent.
    DropReason reason = DropReason::kUnknownSeries;  ///< Why not.
  };
  Answer Find(SeriesRef ref, Nanos now);

  /// Forgets what is out of use; cheap when it is not yet time for it.
  void Sweep(Nanos now);

  size_t bytes() const { return bytes_; }

 private:
  struct HashText {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Texts = std::unordered_set<std::string, HashText, std::equal_to<>>;
  struct Entry {
    Answer answer;
    size_t bytes = 0;
    Nanos used = 0;
    Nanos metadata_at = 0;
  };

  Answer Make(SeriesRef ref);
  std::shared_ptr<const MetricMetadata> MetadataOf(std::string_view metric);
  void Clear();

  const RemoteWriteOptions& options_;
  const RemoteWritePorts& ports_;
  std::shared_ptr<Texts> texts_;  ///< Each text once, for all series that have it.
  size_t text_bytes_ = 0;
  std::unordered_map<SeriesRef, Entry> entries_;
  size_t bytes_ = 0;  ///< Of entries_, about.
  Nanos swept_at_ = 0;
};

}  // namespace tocsin::deliver
