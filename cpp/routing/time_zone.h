/// The tz database of the machine, read by ourselves: g++ 12 has no std::chrono::locate_zone, and
/// localtime_r knows one zone a process.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::routing {

/// What clocks show in a place for a while.
struct ZoneOffset {
  int64_t east = 0;          ///< Seconds ahead of UTC.
  std::string name = "UTC";  ///< "CET"; "+03" where there is no name.
};

/// What a POSIX TZ text says of years without end: "CET-1CEST,M3.5.0,M10.5.0/3".
class ZoneRule {
 public:
  /// kInvalidArgument for what is none.
  static Result<ZoneRule> Parse(std::string_view text);

  /// At a time in seconds since 1970.
  const ZoneOffset& At(int64_t unix_seconds) const;
  int64_t OffsetAt(int64_t unix_seconds) const { return At(unix_seconds).east; }

 private:
  friend class RuleReader;

  struct Day {
    enum class Kind : uint8_t { kJulian, kDayOfYear, kWeekday };
    Kind kind = Kind::kJulian;
    int day = 0;          ///< 1 to 365 without leap days; 0 to 365; or 0 (Sunday) to 6
    int week = 0;         ///< of week 1 to 5 (the last)
    int month = 0;        ///< of month 1 to 12.
    int64_t seconds = 0;  ///< Local time of that day.

    /// Seconds since 1970, as if local time were UTC.
    int64_t At(int64_t year) const;
  };

  ZoneOffset standard_;
  ZoneOffset summer_;
  bool has_summer_ = false;
  Day begin_;  ///< Of summer time.
  Day end_;
};

/// One time zone. Immutable.
class TimeZone {
 public:
  /// Reads a file of the TZif format (RFC 8536, any version). kCorruption.
  static Result<TimeZone> Parse(std::string_view bytes);

  /// At a time in seconds since 1970.
  const ZoneOffset& At(int64_t unix_seconds) const;
  int64_t OffsetAt(int64_t unix_seconds) const { return At(unix_seconds).east; }

 private:
  struct Change {
    int64_t at = 0;
    size_t offset = 0;  ///< Of offsets_.
  };
  std::vector<ZoneOffset> offsets_{ZoneOffset()};  ///< Before all changes: the first.
  std::vector<Change> changes_;                    ///< Ascending.
  std::shared_ptr<const ZoneRule> rule_;  ///< Behind them; null: the last change holds for ever.
};

/// The zone of that name: "" and "UTC", "Local" (the machine's), or one of the database, which is
/// looked for in $ZONEINFO and the usual folders. Read once and kept. Thread-safe. kNotFound.
Result<std::shared_ptr<const TimeZone>> FindZone(std::string_view name);

}  // namespace tocsin::routing
