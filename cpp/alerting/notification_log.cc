// Layout (the notions of cpp/base/record.h): u8 2 | told_at: signed | expires_at: signed |
// firing: varint count, fingerprints as varints | resolved: the same | attempted: the same.
// Version 1 had no `attempted`.

#include "cpp/alerting/notification_log.h"

#include <algorithm>
#include <utility>

#include "cpp/base/record.h"

namespace tocsin::alerting {
namespace {

constexpr uint8_t kFirstVersion = 1;
constexpr uint8_t kVersion = 2;

void Put(const Fingerprints& fingerprints, RecordWriter* writer) {
  writer->Varint(fingerprints.size());
  for (const uint64_t fingerprint : fingerprints) writer->Varint(fingerprint);
}

Fingerprints Take(RecordReader* reader) {
  Fingerprints fingerprints;
  for (uint64_t left = reader->Count(); left > 0 && reader->ok(); --left) {
    fingerprints.insert(reader->Varint());
  }
  return fingerprints;
}

bool Overlap(const Fingerprints& a, const Fingerprints& b) {
  return std::ranges::any_of(a, [&b](uint64_t fingerprint) { return b.contains(fingerprint); });
}

}  // namespace

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "none";
    case Reason::kFirst:
      return "first notification";
    case Reason::kNewAlerts:
      return "new alerts added";
    case Reason::kNewResolved:
      return "some alerts resolved";
    case Reason::kAllResolved:
      return "all alerts resolved";
    case Reason::kRepeat:
      return "repeat interval elapsed";
  }
  return "unknown";
}

Reason ReasonToTell(const LogEntry* entry, const News& news) {
  // Who knows of nothing need not hear that nothing is wrong.
  if (entry == nullptr) return news.firing.empty() ? Reason::kNone : Reason::kFirst;
  if (!std::ranges::includes(entry->firing, news.firing)) {
    return entry->firing.empty() ? Reason::kFirst : Reason::kNewAlerts;
  }
  if (news.firing.empty()) {
    // The end of the last alert counts whether or not the receiver wants to hear of it: the log
    // must forget what was firing.
    const bool believes = !entry->firing.empty() || Overlap(entry->attempted, news.resolved);
    return believes ? Reason::kAllResolved : Reason::kNone;
  }
  if (news.send_resolved && !std::ranges::includes(entry->resolved, news.resolved)) {
    return Reason::kNewResolved;
  }
  return news.repeat_is_due ? Reason::kRepeat : Reason::kNone;
}

std::string EncodeLogEntry(const LogEntry& entry) {
  RecordWriter writer;
  writer.Byte(kVersion).Signed(entry.told_at).Signed(entry.expires_at);
  Put(entry.firing, &writer);
  Put(entry.resolved, &writer);
  Put(entry.attempted, &writer);
  return std::move(writer).Take();
}

Result<LogEntry> DecodeLogEntry(std::string_view bytes) {
  RecordReader reader(bytes);
  LogEntry entry;
  const uint8_t version = reader.Byte();
  entry.told_at = reader.Signed();
  entry.expires_at = reader.Signed();
  entry.firing = Take(&reader);
  entry.resolved = Take(&reader);
  if (version == kVersion) entry.attempted = Take(&reader);
  const bool known = version == kVersion || version == kFirstVersion;
  if (!known || !reader.done()) {
    return CorruptionError("an entry of the notification log cannot be read");
  }
  return entry;
}

const LogEntry* NotificationLog::Find(const std::string& key, Nanos now) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() || entry->second.expires_at <= now ? nullptr : &entry->second;
}

void NotificationLog::Write(const std::string& key, LogEntry entry) {
  journal_.Set(key, EncodeLogEntry(entry));
  entries_.insert_or_assign(key, std::move(entry));
}

void NotificationLog::Restore(std::string key, LogEntry entry) {
  entries_.insert_or_assign(std::move(key), std::move(entry));
}

void NotificationLog::Sweep(Nanos now) {
  if (now >= swept_at_ && now - swept_at_ < kMinute) return;
  swept_at_ = now;
  std::erase_if(entries_, [&](const auto& item) {
    if (item.second.expires_at > now) return false;
    journal_.Erase(item.first);
    return true;
  });
}

}  // namespace tocsin::alerting
