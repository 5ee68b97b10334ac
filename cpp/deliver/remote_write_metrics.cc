#include "cpp/deliver/remote_write_metrics.h"

#include <algorithm>
#include <string>

#include "cpp/http/url.h"

namespace tocsin::deliver {
namespace {

constexpr std::array<std::string_view, kItemKinds> kKindNames = {"samples", "histograms",
                                                                 "exemplars"};
constexpr std::array<const char*, kDropReasons> kReasons = {"too_old",
                                                            "dropped_series",
                                                            "unintentionally_dropped_series",
                                                            "native_histograms_off",
                                                            "nhcb_in_rw1_not_supported",
                                                            "lost_in_wal"};

std::string NameOf(std::string_view end) { return "prometheus_remote_storage_" + std::string(end); }

double Seconds(Millis t) { return static_cast<double>(t) / 1'000; }

}  // namespace

RemoteWriteMetrics::Labels RemoteWriteMetrics::LabelsOf(const RemoteWriteOptions& options) {
  return {{"remote_name", options.name}, {"url", http::ShownUrl(options.url)}};
}

RemoteWriteMetrics::OfKind RemoteWriteMetrics::KindMetrics(std::string_view kind,
                                                           const Labels& labels,
                                                           Telemetry* telemetry) {
  const std::string name(kind);
  const std::string what(1, static_cast<char>(kind[0] - 'a' + 'A'));
  const std::string begin = what + name.substr(1);
  OfKind metrics;
  metrics.sent =
      &telemetry->GetCounter(NameOf(name + "_total"), begin + " sent to the receiver.", labels);
  metrics.failed = &telemetry->GetCounter(NameOf(name + "_failed_total"),
                                          begin + " that the receiver refused for good.", labels);
  metrics.retried = &telemetry->GetCounter(
      NameOf(name + "_retried_total"), begin + " that were sent again after a failure.", labels);
  metrics.pending = &telemetry->GetGauge(NameOf(name + "_pending"),
                                         begin + " in memory that are still to be sent.", labels);
  for (size_t i = 0; i < kReasons.size(); ++i) {
    Labels with_reason = labels;
    with_reason.emplace_back("reason", kReasons[i]);
    metrics.dropped[i] = &telemetry->GetCounter(
        NameOf(name + "_dropped_total"), begin + " dropped before they were sent.", with_reason);
  }
  return metrics;
}

RemoteWriteMetrics::RemoteWriteMetrics(const RemoteWriteOptions& options, Telemetry* telemetry)
    : metadata(telemetry->GetCounter(NameOf("metadata_total"), "Metadata sent to the receiver.",
                                     LabelsOf(options))),
      metadata_failed(telemetry->GetCounter(NameOf("metadata_failed_total"),
                                            "Metadata that the receiver refused for good.",
                                            LabelsOf(options))),
      metadata_retried(telemetry->GetCounter(NameOf("metadata_retried_total"),
                                             "Metadata that was sent again after a failure.",
                                             LabelsOf(options))),
      metadata_bytes(telemetry->GetCounter(
          NameOf("metadata_bytes_total"), "Bytes of compressed metadata sent.", LabelsOf(options))),
      bytes(telemetry->GetCounter(NameOf("bytes_total"), "Bytes of compressed samples sent.",
                                  LabelsOf(options))),
      enqueue_retries(telemetry->GetCounter(NameOf("enqueue_retries_total"),
                                            "Times that reading on had to wait for a full shard.",
                                            LabelsOf(options))),
      gaps(telemetry->GetCounter("tocsin_remote_write_gaps_total",
                                 "Times that the log no longer had what was still to be sent.",
                                 LabelsOf(options))),
      highest_in(telemetry->GetGauge(NameOf("queue_highest_timestamp_seconds"),
                                     "Time of the newest sample that was appended.",
                                     LabelsOf(options))),
      highest_sent(telemetry->GetGauge(NameOf("queue_highest_sent_timestamp_seconds"),
                                       "Time of the newest sample that was sent.",
                                       LabelsOf(options))),
      shards(telemetry->GetGauge(NameOf("shards"), "Shards that send.", LabelsOf(options))),
      shards_desired(telemetry->GetGauge(
          NameOf("shards_desired"), "Shards that the measured rates ask for.", LabelsOf(options))),
      duration(telemetry->GetHistogram(
          NameOf("sent_batch_duration_seconds"), "Time that requests took.",
          {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60, 120, 300},
          LabelsOf(options))) {
  const Labels labels = LabelsOf(options);
  for (size_t i = 0; i < kItemKinds; ++i) {
    kinds_[i] = KindMetrics(kKindNames[i], labels, telemetry);
  }
  telemetry->GetGauge(NameOf("shards_max"), "The most shards there may be.", labels)
      .Set(options.max_shards);
  telemetry->GetGauge(NameOf("shards_min"), "The fewest shards there may be.", labels)
      .Set(options.min_shards);
  telemetry->GetGauge(NameOf("shard_capacity"), "What each shard may hold in memory.", labels)
      .Set(static_cast<double>(options.capacity));
  telemetry->GetGauge(NameOf("max_samples_per_send"), "The most samples of a request.", labels)
      .Set(static_cast<double>(options.max_samples_per_send));
}

void RemoteWriteMetrics::Sent(const ItemCounts& counts) {
  for (size_t i = 0; i < kItemKinds; ++i) {
    if (counts.of[i] > 0) kinds_[i].sent->Add(static_cast<double>(counts.of[i]));
  }
}

void RemoteWriteMetrics::Failed(const ItemCounts& counts) {
  for (size_t i = 0; i < kItemKinds; ++i) {
    if (counts.of[i] > 0) kinds_[i].failed->Add(static_cast<double>(counts.of[i]));
  }
}

void RemoteWriteMetrics::Retried(const ItemCounts& counts) {
  for (size_t i = 0; i < kItemKinds; ++i) {
    if (counts.of[i] > 0) kinds_[i].retried->Add(static_cast<double>(counts.of[i]));
  }
}

void RemoteWriteMetrics::Dropped(ItemKind kind, DropReason reason, size_t count) {
  if (count == 0) return;
  kinds_[static_cast<size_t>(kind)].dropped[static_cast<size_t>(reason)]->Add(
      static_cast<double>(count));
}

void RemoteWriteMetrics::Pending(const ItemCounts& added, const ItemCounts& done) {
  for (size_t i = 0; i < kItemKinds; ++i) {
    const int64_t change = static_cast<int64_t>(added.of[i]) - static_cast<int64_t>(done.of[i]);
    if (change == 0) continue;
    kinds_[i].pending->Set(static_cast<double>(pending_[i].fetch_add(change) + change));
  }
}

Millis NewestOf(const SampleBatch& batch) {
  Millis newest = INT64_MIN;
  for (const RefSample& sample : batch.samples) newest = std::max(newest, sample.sample.t);
  for (const RefHistogram& sample : batch.histograms) newest = std::max(newest, sample.sample.t);
  return newest;
}

AppendMeter::AppendMeter(Telemetry* telemetry)
    : samples_(telemetry->GetCounter(NameOf("samples_in_total"),
                                     "Samples appended that remote write sends on.")),
      histograms_(telemetry->GetCounter(NameOf("histograms_in_total"),
                                        "Histograms appended that remote write sends on.")),
      exemplars_(telemetry->GetCounter(NameOf("exemplars_in_total"),
                                       "Exemplars appended that remote write sends on.")),
      highest_(telemetry->GetGauge(NameOf("highest_timestamp_in_seconds"),
                                   "Time of the newest sample that was appended.")) {}

void AppendMeter::OnAppend(const SampleBatch& kept, const LabelSource& /*labels*/) {
  if (!kept.samples.empty()) samples_.Add(static_cast<double>(kept.samples.size()));
  if (!kept.histograms.empty()) histograms_.Add(static_cast<double>(kept.histograms.size()));
  if (!kept.exemplars.empty()) exemplars_.Add(static_cast<double>(kept.exemplars.size()));
  const Millis newest = NewestOf(kept);
  if (newest <= newest_) return;
  newest_ = newest;
  highest_.Set(Seconds(newest));
}

}  // namespace tocsin::deliver
