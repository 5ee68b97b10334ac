// Layout (the notions of cpp/base/record.h): u8 1 | receiver, integration: varint, group key,
// idempotency key, url, body | log entry: text

#include "cpp/alerting/outbox.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cpp/base/hash.h"
#include "cpp/base/record.h"

namespace tocsin::alerting {
namespace {

constexpr uint8_t kVersion = 1;
constexpr Nanos kBackoffFirst = kSecond / 2;
constexpr std::string_view kHex = "0123456789abcdef";

std::string Target(std::string_view receiver, size_t integration, std::string_view group_key) {
  return std::string(receiver)
      .append("/webhook/")
      .append(std::to_string(integration))
      .append("/")
      .append(group_key);
}

}  // namespace

std::string_view FailureReasonName(FailureReason reason) {
  constexpr std::array<std::string_view, 7> kNames{
      "other",     "clientError", "serverError", "contextCanceled", "contextDeadlineExceeded",
      "authError", "rateLimited"};
  return kNames[static_cast<size_t>(reason)];
}

std::string IdempotencyKey(const Notification& notification, std::string_view group_key,
                           Nanos decided_at) {
  std::string subject = Target(notification.receiver, notification.integration, group_key);
  subject.append("\n").append(std::to_string(decided_at)).append("\n").append(notification.body);
  const Hash128Value hash = Hash128(subject);
  std::string key;
  for (const uint64_t half : {hash.high, hash.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) key.push_back(kHex[(half >> shift) & 0xf]);
  }
  return key;
}

Nanos Backoff(int attempts) {
  const int doublings = std::clamp(attempts - 1, 0, 7);
  return std::min(kBackoffFirst << doublings, kMinute);
}

std::string LogKey(std::string_view receiver, size_t integration, std::string_view group_key) {
  return "log/" + Target(receiver, integration, group_key);
}

std::string OutboxKey(const Delivery& delivery) {
  const Notification& notification = delivery.notification;
  return "out/" + Target(notification.receiver, notification.integration, delivery.group_key);
}

std::string EncodeDelivery(const Delivery& delivery) {
  const Notification& notification = delivery.notification;
  RecordWriter writer;
  writer.Byte(kVersion).Text(notification.receiver).Varint(notification.integration);
  writer.Text(delivery.group_key).Text(notification.idempotency_key).Text(notification.url);
  writer.Text(notification.body).Text(EncodeLogEntry(delivery.entry));
  return std::move(writer).Take();
}

Result<Delivery> DecodeDelivery(std::string_view bytes) {
  RecordReader reader(bytes);
  const bool known = reader.Byte() == kVersion;
  Delivery delivery;
  Notification& notification = delivery.notification;
  notification.receiver = reader.Text();
  notification.integration = reader.Varint();
  delivery.group_key = reader.Text();
  notification.idempotency_key = reader.Text();
  notification.url = reader.Text();
  notification.body = reader.Text();
  const std::string entry = reader.Text();
  if (!known || !reader.done()) return CorruptionError("an undelivered notification is damaged");
  TOCSIN_ASSIGN_OR_RETURN(delivery.entry, DecodeLogEntry(entry));
  return delivery;
}

}  // namespace tocsin::alerting
