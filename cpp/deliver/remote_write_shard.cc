#include "cpp/deliver/remote_write_shard.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "cpp/base/log.h"

namespace tocsin::deliver {
namespace {

// Without a reason to wake up, how often it is looked.
constexpr Nanos kPoll = 500 * kMillisecond;

ItemCounts CountsOf(const std::vector<WriteItem>& items) {
  ItemCounts counts;
  for (const WriteItem& item : items) ++counts[item.kind];
  return counts;
}

}  // namespace

WriteShard::~WriteShard() { Stop(); }

// The thread.

void WriteShard::Start() {
  thread_ = std::thread([this] { Run(); });
}

void WriteShard::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void WriteShard::Run() {
  while (true) {
    const Nanos wait = Step();
    std::unique_lock lock(mutex_);
    if (wait > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(wait),
                        [this] { return stopping_ || woken_; });
    }
    woken_ = false;
    if (stopping_) return;
  }
}

void WriteShard::Flush() {
  {
    const std::lock_guard lock(mutex_);
    flushing_ = true;
    woken_ = true;
  }
  changed_.notify_all();
}

// The queue.

void WriteShard::Add(std::vector<WriteItem> items, Nanos now) {
  if (items.empty()) return;
  context_.metrics->Pending(CountsOf(items), {});
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const size_t before = queued_;
    queued_ += items.size();
    chunks_.push_back({now, std::move(items), 0});
    const size_t full = context_.options->max_samples_per_send;
    wake = before == 0 || (before < full && queued_ >= full);
    woken_ = woken_ || wake;
  }
  if (wake) changed_.notify_one();
}

size_t WriteShard::queued() const {
  const std::lock_guard lock(mutex_);
  return queued_;
}

// REQUIRES: mutex_ held.
std::vector<WriteItem> WriteShard::TakeItems() {
  std::vector<WriteItem> items;
  const size_t wanted = std::min(queued_, context_.options->max_samples_per_send);
  items.reserve(wanted);
  while (items.size() < wanted) {
    Chunk& chunk = chunks_.front();
    const size_t count = std::min(wanted - items.size(), chunk.items.size() - chunk.next);
    const auto begin = chunk.items.begin() + static_cast<std::ptrdiff_t>(chunk.next);
    std::move(begin, begin + static_cast<std::ptrdiff_t>(count), std::back_inserter(items));
    chunk.next += count;
    if (chunk.next == chunk.items.size()) chunks_.pop_front();
  }
  queued_ -= wanted;
  return items;
}

bool WriteShard::TakeBatch(Nanos now, Nanos* wait) {
  std::vector<WriteItem> items;
  {
    const std::lock_guard lock(mutex_);
    *wait = kPoll;
    if (queued_ == 0) {
      flushing_ = false;
      return false;
    }
    const Nanos due = chunks_.front().since + context_.options->batch_send_deadline;
    const bool full = queued_ >= context_.options->max_samples_per_send;
    if (!full && !flushing_ && !context_.client->draining() && now < due) {
      *wait = std::min(due - now, kPoll);
      return false;
    }
    items = TakeItems();
  }
  tickets_.clear();
  for (const WriteItem& item : items) {
    if (tickets_.empty() || tickets_.back().first != item.ticket) {
      tickets_.emplace_back(item.ticket, 0);
    }
    ++tickets_.back().second;
  }
  taken_ = CountsOf(items);
  batch_.emplace(items);
  return true;
}

// Sending.

Nanos WriteShard::Step() {
  const Nanos now = context_.clock->Now();
  Nanos wait = 0;
  if (!batch_.has_value() && !TakeBatch(now, &wait)) return wait;
  if (now < retry_at_) {
    if (context_.client->draining()) GiveUp();
    return retry_at_ - now;
  }
  return SendBatch(now);
}

void WriteShard::DropOld(Nanos now, WriteBatch* batch) {
  if (context_.options->max_age <= 0) return;
  const ItemCounts dropped = batch->DropOlderThan((now - context_.options->max_age) / kMillisecond);
  if (dropped.total() == 0) return;
  body_.clear();
  context_.rates->Dropped(dropped.total());
  for (const ItemKind kind : {ItemKind::kSample, ItemKind::kHistogram, ItemKind::kExemplar}) {
    context_.metrics->Dropped(kind, DropReason::kTooOld, dropped[kind]);
  }
}

// Makes the body. False if there is nothing left in it.
bool WriteShard::Prepare(Nanos now) {
  DropOld(now, &*batch_);
  const WriteMessage message = context_.client->message();
  if (message != body_message_) body_.clear();
  if (body_.empty() && message == WriteMessage::kV1) {
    const size_t dropped = batch_->DropCustomBuckets();
    context_.metrics->Dropped(ItemKind::kHistogram, DropReason::kCustomBuckets, dropped);
  }
  if (batch_->empty()) return false;
  if (body_.empty()) body_ = batch_->Encode(message);
  body_message_ = message;
  return true;
}

Nanos WriteShard::SendBatch(Nanos now) {
  if (!Prepare(now)) {
    FinishBatch();
    return 0;
  }
  const WriteAnswer answer = context_.client->Send(body_, body_message_, attempt_);
  const Nanos after = context_.clock->Now();
  using Outcome = WriteAnswer::Outcome;
  if (answer.outcome == Outcome::kRetry) return RetryLater(answer, after);
  if (answer.outcome == Outcome::kOtherMessage) {
    body_.clear();
    return 0;
  }
  context_.rates->Out(batch_->counts().total(), after - now);
  if (answer.outcome == Outcome::kSent) {
    context_.last_sent->store(after);
    Sent(answer);
  } else {
    Refused(answer);
  }
  return 0;
}

void WriteShard::GiveUp() {
  if (!gave_up_.exchange(true)) context_.on_progress();
}

Nanos WriteShard::RetryLater(const WriteAnswer& answer, Nanos now) {
  context_.metrics->Retried(batch_->counts());
  if (context_.client->draining()) GiveUp();
  constexpr int kMaxDoublings = 30;
  const int doublings = std::min(attempt_++, kMaxDoublings);
  const Nanos backoff =
      std::min(context_.options->max_backoff, context_.options->min_backoff << doublings);
  retry_at_ = now + std::max(backoff, answer.retry_after);
  return std::max<Nanos>(retry_at_ - now, 1);
}

// The receiver has said what it has written; the rest is lost.
void WriteShard::CountWritten(const ItemCounts& written) {
  const ItemCounts& counts = batch_->counts();
  ItemCounts sent;
  ItemCounts failed;
  for (size_t i = 0; i < kItemKinds; ++i) {
    sent.of[i] = std::min(counts.of[i], written.of[i]);
    failed.of[i] = counts.of[i] - sent.of[i];
  }
  context_.metrics->Sent(sent);
  context_.metrics->Failed(failed);
}

void WriteShard::Sent(const WriteAnswer& answer) {
  context_.metrics->bytes.Add(static_cast<double>(body_.size()));
  if (body_message_ == WriteMessage::kV2) {
    // A receiver of 2.0 must say what it has written. One that says nothing has most likely taken
    // the message for 1.0, and found nothing in it.
    if (!answer.written.has_value()) {
      log::Warn(
          "remote write: the receiver does not say what it has written of a 2.0 message; it "
          "counts as failed",
          {{"name", context_.options->name}});
    }
    CountWritten(answer.written.value_or(ItemCounts()));
  } else {
    context_.metrics->Sent(batch_->counts());
  }
  if (batch_->newest() != INT64_MIN) {
    Millis newest = context_.newest_sent->load();
    while (newest < batch_->newest() &&
           !context_.newest_sent->compare_exchange_weak(newest, batch_->newest())) {
    }
    context_.metrics->highest_sent.Set(static_cast<double>(std::max(newest, batch_->newest())) /
                                       1'000);
  }
  FinishBatch();
}

void WriteShard::Refused(const WriteAnswer& answer) {
  CountWritten(answer.written.value_or(ItemCounts()));
  log::Debug("remote write: dropped what the receiver refuses",
             {{"name", context_.options->name}, {"items", uint64_t{batch_->counts().total()}}});
  FinishBatch();
}

void WriteShard::FinishBatch() {
  batch_.reset();
  body_.clear();
  attempt_ = 0;
  retry_at_ = 0;
  context_.metrics->Pending({}, taken_);
  for (const auto& [ticket, count] : tickets_) context_.progress->Done(ticket, count);
  tickets_.clear();
  context_.on_progress();
}

}  // namespace tocsin::deliver
