/// One of the queues of a remote writer, with its connection to the receiver. All samples of a
/// series go through one shard, one request after the other, so that they arrive in their order.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/deliver/remote_write_batch.h"
#include "cpp/deliver/remote_write_client.h"
#include "cpp/deliver/remote_write_metrics.h"
#include "cpp/deliver/remote_write_options.h"
#include "cpp/deliver/remote_write_progress.h"
#include "cpp/deliver/remote_write_rates.h"

namespace tocsin::deliver {

/// What the shards of a writer share; all of it outlives them.
struct WriteShardContext {
  const RemoteWriteOptions* options = nullptr;
  const Clock* clock = nullptr;
  WriteClient* client = nullptr;
  RemoteWriteMetrics* metrics = nullptr;
  WriteProgress* progress = nullptr;
  WriteRates* rates = nullptr;
  std::atomic<Nanos>* last_sent = nullptr;     ///< When a request last succeeded.
  std::atomic<Millis>* newest_sent = nullptr;  ///< Of the samples that were sent.
  std::function<void()> on_progress;           ///< Called when items are done with.
};

class WriteShard {
 public:
  explicit WriteShard(WriteShardContext context) : context_(std::move(context)) {}
  /// Stop().
  ~WriteShard();
  WriteShard(const WriteShard&) = delete;
  WriteShard& operator=(const WriteShard&) = delete;

  /// Takes items, in their order. From one thread.
  void Add(std::vector<WriteItem> items, Nanos now);
  /// Items that wait, without those of the batch that is being sent.
  size_t queued() const;
  /// Until the queue is empty a batch that is not full need not wait.
  void Flush();
  /// While draining: a request has failed, so that trying on is for the next process.
  bool gave_up() const { return gave_up_.load(); }

  /// Sends on a thread of its own, until Stop(), which waits for the request on its way; what is
  /// still there is lost, and known as not done by the progress.
  void Start();
  void Stop();

  /// One step: at most one request. Returns how long the next step may wait. For tests, and for the
  /// thread; not with Start().
  Nanos Step();

 private:
  /// What came together.
  struct Chunk {
    Nanos since = 0;
    std::vector<WriteItem> items;
    size_t next = 0;  ///< The first that is not taken yet.
  };

  void Run();
  bool TakeBatch(Nanos now, Nanos* wait);
  std::vector<WriteItem> TakeItems();
  Nanos SendBatch(Nanos now);
  bool Prepare(Nanos now);
  void Sent(const WriteAnswer& answer);
  void Refused(const WriteAnswer& answer);
  Nanos RetryLater(const WriteAnswer& answer, Nanos now);
  void GiveUp();
  void CountWritten(const ItemCounts& written);
  void FinishBatch();
  void DropOld(Nanos now, WriteBatch* batch);

  const WriteShardContext context_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Chunk> chunks_;  ///< Guarded by mutex_.
  size_t queued_ = 0;         ///< Guarded by mutex_.
  bool flushing_ = false;     ///< Guarded by mutex_.
  bool woken_ = false;        ///< Guarded by mutex_.
  bool stopping_ = false;     ///< Guarded by mutex_.
  std::atomic<bool> gave_up_ = false;
  std::thread thread_;

  std::optional<WriteBatch> batch_;                      ///< That is being sent.
  std::vector<std::pair<WriteTicket, size_t>> tickets_;  ///< Of what it was made of.
  ItemCounts taken_;                                     ///< The same, by kind.
  std::string body_;                                     ///< Empty: not encoded yet.
  WriteMessage body_message_ = WriteMessage::kV1;
  int attempt_ = 0;
  Nanos retry_at_ = 0;
};

}  // namespace tocsin::deliver
