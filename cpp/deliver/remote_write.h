/// Remote write 1.0: sends every appended sample on to one receiver, as Prometheus does.
///
/// The sender reads the sample log (SampleReader) in the order of appends and keeps only the batch
/// that it is sending: while the receiver is down the samples wait in the log, on disk. How far it
/// has come is saved, so that a restart goes on there. Each sample is sent at least once, those of
/// a series in their order.
///
/// What the answer makes of a batch:
///     2xx                        sent
///     5xx, no answer             again, for ever, with backoff or as Retry-After says
///     429                        the same with retry_on_http_429, otherwise as other 4xx
///     400, 413                   halved and tried again, to find what the receiver does not take:
///                                a sample that it already has spoils no other
///     other 4xx, and 3xx         dropped and counted
///
/// A batch that is halved costs at most kMaxSplits further requests; what is still refused then is
/// dropped and counted.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/client.h"
#include "cpp/model/ports.h"
#include "cpp/model/state_store.h"
#include "cpp/wire/remote_write.h"

namespace tocsin::deliver {

struct RemoteWriteOptions {
  std::string name;  ///< Names the metrics and the saved position; unique among the writers.
  std::string url;
  bool send_exemplars = false;
  Labels external_labels;  ///< Added to every series that has no label of that name.
  http::Headers headers;   ///< Sent too; not those that the protocol sets.
  Nanos remote_timeout = 30 * kSecond;
  size_t max_samples_per_send = 2'000;
  /// A batch that is not full is sent when its first sample has waited this long.
  Nanos batch_send_deadline = 5 * kSecond;
  Nanos min_backoff = 30 * kMillisecond;
  Nanos max_backoff = 5 * kSecond;
  bool retry_on_http_429 = false;
  Nanos max_age = 2 * kHour;  ///< Older samples are dropped and counted, not sent; 0: never.
};

/// What the writer works with; all of it outlives the writer.
struct RemoteWritePorts {
  const LabelSource* labels = nullptr;
  StateStore* state = nullptr;  ///< The positions of all remote writers, by name.
  http::FetchFunction fetch = http::Fetch;
  const Clock* clock = &Clock::Real();
  Telemetry* telemetry = &Telemetry::None();
};

/// Where the writer of that name had come when it was last saved; nullopt for a new one. Open its
/// SampleReader there. kCorruption if what was saved makes no sense.
Result<std::optional<LogPosition>> SavedPosition(const StateStore& state, std::string_view name);

/// Register it as listener of the sink that the reader reads: it then sends without waiting for its
/// next look.
class RemoteWriter final : public SampleListener {
 public:
  static constexpr int kMaxSplits = 64;
  static constexpr Nanos kStopGrace = kSecond;

  RemoteWriter(RemoteWriteOptions options, std::unique_ptr<SampleReader> reader,
               RemoteWritePorts ports);
  /// Stop().
  ~RemoteWriter() override;
  RemoteWriter(const RemoteWriter&) = delete;
  RemoteWriter& operator=(const RemoteWriter&) = delete;

  /// Sends on a thread of its own, until Stop().
  void Start();
  /// Sends what there is, until a request fails or `flush` has passed, saves the position and ends
  /// the thread. A request that has no answer within kStopGrace is given up: what it sent is sent
  /// again by the next process. Idempotent.
  void Stop(Nanos flush = 5 * kSecond);

  /// One step: reads what has come, and sends at most one request. Returns how long the next step
  /// may wait. For tests, and for the thread; not with Start().
  Nanos Step();

  void OnAppend(const SampleBatch& kept, const LabelSource& labels) override;

 private:
  struct Metrics;
  /// What is sent as one request.
  struct Piece {
    std::vector<wire::WriteSeries> series;
    size_t samples = 0;
    size_t exemplars = 0;
  };
  enum class Outcome : uint8_t { kSent, kRetry, kSplit, kDrop };

  void Run();
  void Fill(Nanos now);
  void Add(SampleReader::Run&& run, Nanos now);
  std::optional<size_t> SeriesOf(SeriesRef ref);
  void CloseBatch();
  Nanos SendFront(Nanos now);
  Outcome Judge(const Result<http::Response>& response, Nanos now);
  void Split();
  void Drop(std::string_view reason);
  void FinishFront();
  void SavePosition(Nanos now, bool force);

  const RemoteWriteOptions options_;
  const RemoteWritePorts ports_;
  const std::unique_ptr<SampleReader> reader_;
  const std::unique_ptr<Metrics> metrics_;

  // The batch that is being filled.
  Piece batch_;
  std::unordered_map<SeriesRef, size_t> batch_index_;  ///< Into batch_.series.
  Nanos batch_since_ = 0;

  // The batch that is being sent, in its pieces; the first is next. Behind them lies `sent_to_`.
  std::deque<Piece> pieces_;
  std::string body_;  ///< Of the first piece; empty: not encoded yet.
  int splits_ = 0;
  int attempt_ = 0;
  Nanos retry_at_ = 0;
  Nanos retry_after_ = 0;  ///< As the last answer asked for; 0: it did not.
  Millis newest_sent_ = 0;
  LogPosition sent_to_;
  std::optional<LogPosition> saved_to_;
  Nanos saved_at_ = 0;
  Nanos warned_at_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool appended_ = false;              ///< Guarded by mutex_.
  bool stopping_ = false;              ///< Guarded by mutex_.
  Nanos flush_until_ = 0;              ///< Guarded by mutex_.
  std::atomic<bool> draining_{false};  ///< Set with mutex_ held.
  std::stop_source abandon_;           ///< Of the request under way, and of any after it.
  std::thread thread_;
};

}  // namespace tocsin::deliver
