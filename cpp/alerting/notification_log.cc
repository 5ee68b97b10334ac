// Layout (the notions of cpp/base/record.h): u8 1 | told_at: signed | expires_at: signed |
// firing: varint count, fingerprints as varints | resolved: the same

#include "cpp/alerting/notification_log.h"

#include <algorithm>
#include <utility>

#include "cpp/base/record.h"

namespace tocsin::alerting {
namespace {

constexpr uint8_t kVersion = 1;

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

}  // namespace

bool MustTell(const LogEntry* entry, const News& news) {
  // Who knows of nothing need not hear that nothing is wrong.
  if (entry == nullptr) return !news.firing.empty();
  if (!std::ranges::includes(entry->firing, news.firing)) return true;
  // The end of the last alert counts whether or not the receiver wants to hear of it: the log must
  // forget what was firing.
  if (news.firing.empty()) return !entry->firing.empty();
  if (news.send_resolved && !std::ranges::includes(entry->resolved, news.resolved)) return true;
  return news.repeat_is_due;
}

std::string EncodeLogEntry(const LogEntry& entry) {
  RecordWriter writer;
  writer.Byte(kVersion).Signed(entry.told_at).Signed(entry.expires_at);
  Put(entry.firing, &writer);
  Put(entry.resolved, &writer);
  return std::move(writer).Take();
}

Result<LogEntry> DecodeLogEntry(std::string_view bytes) {
  RecordReader reader(bytes);
  LogEntry entry;
  const bool known = reader.Byte() == kVersion;
  entry.told_at = reader.Signed();
  entry.expires_at = reader.Signed();
  entry.firing = Take(&reader);
  entry.resolved = Take(&reader);
  if (!known || !reader.done()) {
    return CorruptionError("an entry of the notification log cannot be read");
  }
  return entry;
}

}  // namespace tocsin::alerting
