/// Remote write: sends every appended sample on to one receiver, as Prometheus does.
///
/// The writer reads the sample log (SampleReader) in the order of appends and spreads it over
/// shards, each with a queue in memory and one request on its way; while the receiver is down the
/// samples wait in the log, on disk. The position up to which everything is done with is saved, so
/// that a restart goes on there. Each sample is sent at least once, those of a series in their
/// order: a series belongs to one shard, and the number of shards changes only while they are
/// empty.
///
/// What the answer makes of a batch:
///     2xx                        sent
///     5xx, no answer             again, for ever, with backoff or as Retry-After says
///     429                        the same with retry_on_http_429, otherwise as other 4xx
///     415 to 2.0                 sent as 1.0, then and from then on, unless 2.0 was taken before
///     other 4xx, and 3xx         dropped, counted as failed and logged; never sent again, nor in
///                                parts
///
/// What has waited longer than max_age is dropped and counted too, and so
/// is what the log no longer has when the writer comes to it.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "cpp/deliver/remote_write_client.h"
#include "cpp/deliver/remote_write_metadata.h"
#include "cpp/deliver/remote_write_metrics.h"
#include "cpp/deliver/remote_write_options.h"
#include "cpp/deliver/remote_write_progress.h"
#include "cpp/deliver/remote_write_rates.h"
#include "cpp/deliver/remote_write_series.h"
#include "cpp/deliver/remote_write_shard.h"

namespace tocsin::deliver {

/// Where the writer of that name had come when it was last saved; nullopt for a new one. Open its
/// SampleReader there. kCorruption if what was saved makes no sense.
Result<std::optional<LogPosition>> SavedPosition(const StateStore& state, std::string_view name);

/// Register it as listener of the sink that the reader reads: it then sends without waiting for its
/// next look.
class RemoteWriter final : public SampleListener {
 public:
  static constexpr Nanos kStopGrace = WriteClient::kStopGrace;

  RemoteWriter(RemoteWriteOptions options, std::unique_ptr<SampleReader> reader,
               RemoteWritePorts ports);
  /// Stop().
  ~RemoteWriter() override;
  RemoteWriter(const RemoteWriter&) = delete;
  RemoteWriter& operator=(const RemoteWriter&) = delete;

  /// Sends on threads of its own, until Stop().
  void Start();
  /// Sends what there is, until a request fails or `flush` has passed, saves the position and ends
  /// the threads. A request that has no answer within kStopGrace is given up: what it sent is sent
  /// again by the next process. Idempotent.
  void Stop(Nanos flush = kMinute);

  /// One step: reads what has come, and sends at most one request for each shard. Returns how long
  /// the next step may wait. For tests; not with Start().
  Nanos Step();

  /// Shards that send.
  size_t shards() const { return shards_.size(); }

  void OnAppend(const SampleBatch& kept, const LabelSource& labels) override;

 private:
  enum class Fed : uint8_t {
    kAll,   ///< The log has nothing more.
    kSome,  ///< There may be more.
    kFull,  ///< A shard has no room, or they are to be emptied.
  };

  void Run();
  void Drain();
  void WaitForWork(Nanos longest);
  Nanos Chores();
  Fed Feed(Nanos now);
  bool HasRoom() const;
  void Distribute(SampleReader::Run&& run, Nanos now);
  void CountGap(const SampleTally& lost);
  void Resolve(SampleReader::Run&& run, Nanos now, std::vector<WriteItem>* items);
  bool Wants(ItemKind kind, SeriesRef series, Millis t, Nanos now, WriteItem* item);
  void Reshard(Nanos now);
  void SetShards(size_t count);
  void SavePosition(Nanos now, bool force);
  WriteShardContext ShardContext();

  const RemoteWriteOptions options_;
  const RemoteWritePorts ports_;
  const std::unique_ptr<SampleReader> reader_;
  RemoteWriteMetrics metrics_;
  WriteClient client_;
  WriteProgress progress_;
  WriteRates rates_;
  SendSeriesCache series_;
  MetadataSender metadata_;

  // Of the thread that feeds the shards.
  std::vector<std::unique_ptr<WriteShard>> shards_;
  size_t wanted_shards_;
  bool threads_ = false;  ///< Do shards have threads of their own?
  Nanos rates_at_ = 0;
  std::optional<LogPosition> saved_to_;
  Nanos saved_at_ = 0;

  std::atomic<Nanos> last_sent_ = 0;
  std::atomic<Millis> newest_sent_ = INT64_MIN;
  std::atomic<Millis> newest_in_ = INT64_MIN;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;     ///< Guarded by mutex_.
  bool stopping_ = false;  ///< Guarded by mutex_.
  bool drained_ = false;   ///< Guarded by mutex_.
  Nanos flush_until_ = 0;  ///< Guarded by mutex_.
  std::thread thread_;
};

}  // namespace tocsin::deliver
