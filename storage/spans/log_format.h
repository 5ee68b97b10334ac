/// The bytes of the live log: the header of a file, a record, and the side file of request hashes.
/// storage/FORMAT.md, "Live log", is the specification. Pure functions.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/hash.h"
#include "cpp/base/status.h"

namespace tocsin::storage {

/// Where a record stands in the order of everything ever acknowledged: 1, 2, 3 and so on, never
/// used twice by one data directory, also not after the loss of records. 0 is before everything.
using LogPosition = uint64_t;

/// The numbers are on disk: never renumber.
enum class LogKind : uint8_t {
  kSpans = 1,  ///< The payload is a batch (storage/columnar/batch_codec.h).
};

struct LogRecord {
  LogKind kind = LogKind::kSpans;
  LogPosition position = 0;
  Nanos received = 0;      ///< Wall clock of the process that received it.
  Hash128Value body_hash;  ///< Of the request's body as it came.
  std::string_view tenant;
  std::string_view payload;
};

inline constexpr size_t kLogHeaderBytes = 24;

/// The first bytes of a file. `first`: no record of the file has a lower position.
std::string EncodeLogHeader(LogPosition first);
/// The `first` of a file. kCorruption for what EncodeLogHeader cannot have written, and
/// kFailedPrecondition, naming the version, for a file of a later version.
Result<LogPosition> DecodeLogHeader(std::string_view bytes);

/// Everything of a record but its payload, which follows it in the file. The checksum covers both.
/// REQUIRES: tenant and payload are below 1 GiB together.
std::string EncodeLogRecordHead(const LogRecord& record);

/// The record that starts at the front of `bytes`, and the bytes it takes; nullopt if they do not
/// start with a whole and valid record whose position is above `after`. The views point into
/// `bytes`.
struct ParsedLogRecord {
  LogRecord record;
  size_t bytes = 0;
};
std::optional<ParsedLogRecord> ParseLogRecord(std::string_view bytes, LogPosition after);

/// One acknowledged request, for recognising a repeat.
struct RecentRequest {
  Hash128Value key;  ///< As RequestKey makes it.
  Nanos received = 0;
  LogPosition position = 0;
};

/// One key for tenant and body together.
Hash128Value RequestKey(std::string_view tenant, const Hash128Value& body_hash);

/// The side file that outlives a dropped log file.
std::string EncodeRecentRequests(const std::vector<RecentRequest>& requests);
Result<std::vector<RecentRequest>> DecodeRecentRequests(std::string_view bytes);

}  // namespace tocsin::storage
