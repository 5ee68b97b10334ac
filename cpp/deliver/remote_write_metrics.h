/// What a remote writer counts. The names are Prometheus's, so that its dashboards and alerts show
/// this sender.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cpp/base/telemetry.h"
#include "cpp/deliver/remote_write_options.h"

namespace tocsin::deliver {

/// What is sent, each with metrics of its own.
enum class ItemKind : uint8_t { kSample, kHistogram, kExemplar };
inline constexpr size_t kItemKinds = 3;

/// How many of each kind.
struct ItemCounts {
  std::array<size_t, kItemKinds> of = {};

  size_t& operator[](ItemKind kind) { return of[static_cast<size_t>(kind)]; }
  size_t operator[](ItemKind kind) const { return of[static_cast<size_t>(kind)]; }
  size_t total() const { return of[0] + of[1] + of[2]; }
  ItemCounts& operator+=(const ItemCounts& other) {
    for (size_t i = 0; i < kItemKinds; ++i) of[i] += other.of[i];
    return *this;
  }
};

/// Why something is not sent, as the label `reason` says it.
enum class DropReason : uint8_t {
  kTooOld,         ///< "too_old"
  kDroppedSeries,  ///< "dropped_series": by write_relabel_configs.
  kUnknownSeries,  ///< "unintentionally_dropped_series": nobody knows its labels.
  kNotWanted,      ///< "native_histograms_off"
  kCustomBuckets,  ///< "nhcb_in_rw1_not_supported"
  kLostInLog,      ///< "lost_in_wal": the log no longer had it.
};

inline constexpr size_t kDropReasons = 6;

/// The metrics of one writer. Thread-safe.
class RemoteWriteMetrics {
 public:
  RemoteWriteMetrics(const RemoteWriteOptions& options, Telemetry* telemetry);

  void Sent(const ItemCounts& counts);
  void Failed(const ItemCounts& counts);
  void Retried(const ItemCounts& counts);
  void Dropped(ItemKind kind, DropReason reason, size_t count = 1);
  /// Of what is in memory: `by` may be negative.
  void Pending(const ItemCounts& added, const ItemCounts& done);

 private:
  struct OfKind {
    Counter* sent = nullptr;
    Counter* failed = nullptr;
    Counter* retried = nullptr;
    Gauge* pending = nullptr;
    std::array<Counter*, kDropReasons> dropped = {};
  };
  using Labels = Telemetry::MetricLabels;

  static Labels LabelsOf(const RemoteWriteOptions& options);
  static OfKind KindMetrics(std::string_view kind, const Labels& labels, Telemetry* telemetry);

  std::array<OfKind, kItemKinds> kinds_;
  std::array<std::atomic<int64_t>, kItemKinds> pending_ = {};

 public:
  Counter& metadata;
  Counter& metadata_failed;
  Counter& metadata_retried;
  Counter& metadata_bytes;
  Counter& bytes;
  Counter& enqueue_retries;
  Counter& gaps;
  Gauge& highest_in;    ///< Seconds.
  Gauge& highest_sent;  ///< Seconds.
  Gauge& shards;
  Gauge& shards_desired;
  Histogram& duration;
};

/// Counts what is appended, whoever it is then sent to: the metrics without a remote_name.
class AppendMeter final : public SampleListener {
 public:
  explicit AppendMeter(Telemetry* telemetry);
  void OnAppend(const SampleBatch& kept, const LabelSource& labels) override;

 private:
  Counter& samples_;
  Counter& histograms_;
  Counter& exemplars_;
  Gauge& highest_;
  Millis newest_ = INT64_MIN;
};

/// The newest time of samples and histograms; INT64_MIN if there are none.
Millis NewestOf(const SampleBatch& batch);

}  // namespace tocsin::deliver
