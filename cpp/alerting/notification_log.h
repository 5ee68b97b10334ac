/// What each receiver was last told about each group: the memory that keeps a notification from
/// being repeated, or forgotten, over a restart. Private to this folder.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "cpp/alerting/journal.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::alerting {

using Fingerprints = std::set<uint64_t>;

struct LogEntry {
  Nanos told_at = 0;  ///< 0: never for sure.
  Nanos expires_at = 0;
  Fingerprints firing;
  Fingerprints resolved;
  /// Of firing alerts in messages since then of which nobody knows whether they arrived.
  Fingerprints attempted;

  /// Whether the receiver may believe that the alert fires.
  bool MayBelieveFiring(uint64_t fingerprint) const {
    return firing.contains(fingerprint) || attempted.contains(fingerprint);
  }
};

/// What there is to tell about a group, and to whom.
struct News {
  Fingerprints firing;
  Fingerprints resolved;
  bool send_resolved = true;   ///< The receiver wants to hear of resolved alerts.
  bool repeat_is_due = false;  ///< It was last told longer ago than the repeat interval.
};

/// Why a receiver is told: Alertmanager's values of notification_reason.
enum class Reason : uint8_t {
  kNone,
  kFirst,
  kNewAlerts,
  kNewResolved,
  kAllResolved,
  kRepeat,
};

/// "none", "first notification", "new alerts added", "some alerts resolved", "all alerts resolved",
/// "repeat interval elapsed".
std::string_view ReasonName(Reason reason);

/// Whether and why a receiver that was last told `entry` (null: never, or so long ago that it is
/// forgotten) is to be told the news.
Reason ReasonToTell(const LogEntry* entry, const News& news);

std::string EncodeLogEntry(const LogEntry& entry);
/// kCorruption for bytes that EncodeLogEntry did not write.
Result<LogEntry> DecodeLogEntry(std::string_view bytes);

/// All entries, in memory and on their way to the store. Without a lock of its own.
class NotificationLog {
 public:
  /// Borrows the journal.
  explicit NotificationLog(Journal* journal) : journal_(*journal) {}

  /// The entry of a key, null if there is none or it has expired. Valid until the next change.
  const LogEntry* Find(const std::string& key, Nanos now) const;
  void Write(const std::string& key, LogEntry entry);
  /// Takes up what is in the store already.
  void Restore(std::string key, LogEntry entry);
  /// Forgets what has expired. Cheap if that was done a short while ago.
  void Sweep(Nanos now);

 private:
  Journal& journal_;
  std::map<std::string, LogEntry, std::less<>> entries_;
  Nanos swept_at_ = 0;
};

}  // namespace tocsin::alerting
