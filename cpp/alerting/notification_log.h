/// What each receiver was last told about each group: the memory that keeps a notification from
/// being repeated, or forgotten, over a restart. Private to this folder.

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::alerting {

using Fingerprints = std::set<uint64_t>;

struct LogEntry {
  Nanos told_at = 0;
  Nanos expires_at = 0;
  Fingerprints firing;
  Fingerprints resolved;
};

/// What there is to tell about a group, and to whom.
struct News {
  Fingerprints firing;
  Fingerprints resolved;
  bool send_resolved = true;   ///< The receiver wants to hear of resolved alerts.
  bool repeat_is_due = false;  ///< It was last told longer ago than the repeat interval.
};

/// Whether a receiver that was last told `entry` (null: never, or so long ago that it is forgotten)
/// is to be told the news.
bool MustTell(const LogEntry* entry, const News& news);

std::string EncodeLogEntry(const LogEntry& entry);
/// kCorruption for bytes that EncodeLogEntry did not write.
Result<LogEntry> DecodeLogEntry(std::string_view bytes);

}  // namespace tocsin::alerting
