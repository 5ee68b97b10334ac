#include "cpp/deliver/remote_write_metadata.h"

#include <algorithm>
#include <span>

#include "cpp/lib/compression.h"
#include "cpp/wire/remote_write.h"

namespace tocsin::deliver {

void MetadataSender::Begin(Nanos now) {
  metrics_->metadata_failed.Add(static_cast<double>(all_.size() - sent_));
  begun_at_ = now;
  all_ = ports_.metadata->AllMetadata();
  sent_ = 0;
  retry_at_ = now;
  attempt_ = 0;
}

void MetadataSender::Send(Nanos now) {
  const size_t count = std::min(options_.max_metadata_per_send, all_.size() - sent_);
  const std::span<const MetricMetadata> part = std::span(all_).subspan(sent_, count);
  const std::string body = lib::SnappyCompress(wire::EncodeWriteRequest({}, part));
  const WriteAnswer answer = client_->Send(body, WriteMessage::kV1, attempt_);
  const auto entries = static_cast<double>(count);
  if (answer.outcome == WriteAnswer::Outcome::kRetry) {
    constexpr int kMaxDoublings = 30;
    metrics_->metadata_retried.Add(entries);
    const Nanos backoff =
        std::min(options_.max_backoff, options_.min_backoff << std::min(attempt_++, kMaxDoublings));
    retry_at_ = ports_.clock->Now() + std::max(backoff, answer.retry_after);
    return;
  }
  if (answer.outcome == WriteAnswer::Outcome::kSent) {
    metrics_->metadata.Add(entries);
    metrics_->metadata_bytes.Add(static_cast<double>(body.size()));
  } else {
    metrics_->metadata_failed.Add(entries);
  }
  sent_ += count;
  attempt_ = 0;
  retry_at_ = now;
}

Nanos MetadataSender::Step(Nanos now) {
  const bool apart = client_->message() == WriteMessage::kV1;
  if (!apart || !options_.send_metadata || ports_.metadata == nullptr || client_->draining()) {
    return options_.metadata_interval;
  }
  if (begun_at_ == 0 || now >= begun_at_ + options_.metadata_interval) Begin(now);
  if (sent_ < all_.size() && now >= retry_at_) Send(now);
  const Nanos next = sent_ < all_.size() ? retry_at_ : begun_at_ + options_.metadata_interval;
  return std::max<Nanos>(next - now, 0);
}

}  // namespace tocsin::deliver
