#include "cpp/routing/time_zone.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <utility>

#include "cpp/base/civil_time.h"
#include "cpp/base/quote.h"

namespace tocsin::routing {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

// Days since 1970 of the first of a month.
int64_t DaysBefore(int64_t year, int month) {
  // Years that begin in March, so that the leap day is the last.
  const int64_t y = month > 2 ? year : year - 1;
  const int64_t month_of_year = month > 2 ? month - 3 : month + 9;
  const int64_t day_of_year = (153 * month_of_year + 2) / 5;
  return y * 365 + FloorDivide(y, 4) - FloorDivide(y, 100) + FloorDivide(y, 400) + day_of_year -
         719'468;
}

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// Integers of big-endian order off the front of a file.
class BytesReader {
 public:
  explicit BytesReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

  std::string_view Take(uint64_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  int64_t Integer(size_t size) {
    const std::string_view bytes = Take(size);
    uint64_t value = 0;
    for (const char c : bytes) value = value << 8U | static_cast<uint8_t>(c);
    if (size < 8 && !bytes.empty() && (static_cast<uint8_t>(bytes[0]) & 0x80U) != 0) {
      value |= ~uint64_t{0} << (8 * size);
    }
    return static_cast<int64_t>(value);
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Header {
  char version = '\0';
  uint64_t utc_marks = 0;
  uint64_t standard_marks = 0;
  uint64_t leap_seconds = 0;
  uint64_t times = 0;
  uint64_t types = 0;
  uint64_t characters = 0;
};

std::optional<Header> TakeHeader(BytesReader* reader) {
  const bool known = reader->Take(4) == "TZif";
  Header header;
  const std::string_view version = reader->Take(1);
  reader->Take(15);
  for (uint64_t* count : {&header.utc_marks, &header.standard_marks, &header.leap_seconds,
                          &header.times, &header.types, &header.characters}) {
    *count = static_cast<uint64_t>(reader->Integer(4)) & 0xffff'ffffU;
  }
  if (!known || !reader->ok()) return std::nullopt;
  header.version = version[0];
  return header;
}

constexpr size_t kTypeSize = 6;

// "" for what is no file that can be read.
std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();  // Of a folder nothing; iterators would throw.
  return std::move(text).str();
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  return value == nullptr ? std::string() : std::string(value);
}

// The bytes of a zone of the database; "" if it is not there.
std::string ReadZone(const std::string& name) {
  for (const std::string& folder :
       {Variable("ZONEINFO"), std::string("/usr/share/zoneinfo"),
        std::string("/usr/share/lib/zoneinfo"), std::string("/usr/lib/locale/TZ"),
        std::string("/etc/zoneinfo")}) {
    if (folder.empty()) continue;
    std::string bytes = ReadFile(std::string(folder).append("/").append(name));
    if (bytes.starts_with("TZif")) return bytes;
  }
  return {};
}

std::string ReadLocalZone() {
  const char* value = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  if (value == nullptr) return ReadFile("/etc/localtime");
  std::string name = value;
  if (name.starts_with(':')) name.erase(0, 1);
  return name.starts_with('/') ? ReadFile(name) : ReadZone(name);
}

Result<TimeZone> LoadZone(const std::string& name) {
  if (name.empty() || name == "UTC") return TimeZone();
  if (name == "Local") {
    const std::string bytes = ReadLocalZone();
    return bytes.empty() ? TimeZone() : TimeZone::Parse(bytes);  // As Go: without one it is UTC.
  }
  const bool is_path =
      name.find("..") != std::string::npos || name.front() == '/' || name.front() == '\\';
  const std::string bytes = is_path ? std::string() : ReadZone(name);
  if (bytes.empty()) {
    return NotFoundError("unknown time zone " + QuoteGo(name) +
                         " (zones come from the system's package tzdata)");
  }
  return TimeZone::Parse(bytes);
}

}  // namespace

// The parts of a POSIX TZ text, from left to right.
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  bool Skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // "CET" or "<+0530>", without the brackets.
  std::optional<std::string> Name() {
    const bool bracketed = Skip('<');
    size_t end = 0;
    while (end < rest_.size() && IsOfName(rest_[end], bracketed)) ++end;
    std::string name(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (end < 3 || (bracketed && !Skip('>'))) return std::nullopt;
    return name;
  }

  std::optional<int> Number(int most) {
    int value = 0;
    size_t digits = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      value = value * 10 + (rest_[digits] - '0');
      if (value > most) return std::nullopt;
    }
    if (digits == 0) return std::nullopt;
    rest_.remove_prefix(digits);
    return value;
  }

  // [+-]hh[:mm[:ss]] in seconds.
  std::optional<int64_t> Time() {
    constexpr int kMostHours = 167;
    const bool negative = Skip('-');
    if (!negative) Skip('+');
    const std::optional<int> hours = Number(kMostHours);
    if (!hours) return std::nullopt;
    int64_t seconds = int64_t{*hours} * 3600;
    for (const int unit : {60, 1}) {
      if (!Skip(':')) break;
      const std::optional<int> part = Number(59);
      if (!part) return std::nullopt;
      seconds += int64_t{*part} * unit;
    }
    return negative ? -seconds : seconds;
  }

  // ",M3.5.0/2" and its like.
  std::optional<ZoneRule::Day> Day() {
    using Kind = ZoneRule::Day::Kind;
    if (!Skip(',')) return std::nullopt;
    ZoneRule::Day day;
    if (Skip('M')) {
      day.kind = Kind::kWeekday;
      day.month = Number(12).value_or(0);
      day.week = Skip('.') ? Number(5).value_or(0) : 0;
      day.day = Skip('.') ? Number(6).value_or(-1) : -1;
      if (day.month < 1 || day.week < 1 || day.day < 0) return std::nullopt;
    } else {
      day.kind = Skip('J') ? Kind::kJulian : Kind::kDayOfYear;
      const std::optional<int> number = Number(365);
      if (!number || (day.kind == Kind::kJulian && *number == 0)) return std::nullopt;
      day.day = *number;
    }
    const std::optional<int64_t> time = Skip('/') ? Time() : std::optional<int64_t>(2 * 3600);
    if (!time) return std::nullopt;
    day.seconds = *time;
    return day;
  }

  // False if it is none; the rest stays.
  bool Read(ZoneRule* rule) {
    const std::optional<std::string> standard = Name();
    if (!standard) return false;
    const std::optional<int64_t> west = Time();
    if (!west) return false;
    rule->standard_ = {.east = -*west, .name = *standard};
    if (at_end()) return true;
    const std::optional<std::string> summer = Name();
    if (!summer) return false;
    rule->has_summer_ = true;
    rule->summer_ = {.east = rule->standard_.east + 3600, .name = *summer};
    if (!at_end() && rest_.front() != ',') {
      const std::optional<int64_t> summer_west = Time();
      if (!summer_west) return false;
      rule->summer_.east = -*summer_west;
    }
    const std::optional<ZoneRule::Day> begin = Day();
    const std::optional<ZoneRule::Day> end = Day();
    if (!begin || !end) return false;
    rule->begin_ = *begin;
    rule->end_ = *end;
    return at_end();
  }

 private:
  static bool IsOfName(char c, bool bracketed) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (bracketed && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
  }

  std::string_view rest_;
};

int64_t ZoneRule::Day::At(int64_t year) const {
  int64_t days = DaysBefore(year, 1);
  switch (kind) {
    case Kind::kJulian:
      days += day - 1 + (IsLeap(year) && day > 59 ? 1 : 0);
      break;
    case Kind::kDayOfYear:
      days += day;
      break;
    case Kind::kWeekday: {
      days = DaysBefore(year, month);
      const int64_t next = month == 12 ? DaysBefore(year + 1, 1) : DaysBefore(year, month + 1);
      const int64_t first_weekday = FloorModulo(days + 4, 7);  // 1970 began on a Thursday.
      days += FloorModulo(day - first_weekday, 7) + 7 * int64_t{week - 1};
      if (days >= next) days -= 7;
      break;
    }
  }
  return days * kSecondsPerDay + seconds;
}

Result<ZoneRule> ZoneRule::Parse(std::string_view text) {
  ZoneRule rule;
  if (!RuleReader(text).Read(&rule)) {
    return InvalidArgumentError(QuoteGo(text) + " is no rule of a time zone");
  }
  return rule;
}

const ZoneOffset& ZoneRule::At(int64_t unix_seconds) const {
  if (!has_summer_) return standard_;
  const int64_t year = ToCivil(unix_seconds + standard_.east).year;
  const int64_t begin = begin_.At(year) - standard_.east;
  const int64_t end = end_.At(year) - summer_.east;
  const bool summer = begin < end ? begin <= unix_seconds && unix_seconds < end
                                  : begin <= unix_seconds || unix_seconds < end;
  return summer ? summer_ : standard_;
}

Result<TimeZone> TimeZone::Parse(std::string_view bytes) {
  const Failure broken = CorruptionError("a file of the tz database cannot be read");
  BytesReader reader(bytes);
  std::optional<Header> header = TakeHeader(&reader);
  if (!header) return broken;
  size_t time_size = 4;
  if (header->version >= '2') {
    // The same again follows with wider times; what stands first is for old programs.
    reader.Take(header->times * 5 + header->types * kTypeSize + header->characters +
                header->leap_seconds * 8 + header->standard_marks + header->utc_marks);
    header = TakeHeader(&reader);
    if (!header) return broken;
    time_size = 8;
  }
  if (header->times * (time_size + 1) + header->types * kTypeSize > reader.rest().size()) {
    return broken;
  }
  TimeZone zone;
  zone.changes_.resize(header->times);
  for (Change& change : zone.changes_) change.at = reader.Integer(time_size);
  const std::string_view indexes = reader.Take(header->times);
  std::vector<uint8_t> names(header->types);
  zone.offsets_.resize(header->types);
  for (size_t i = 0; i < names.size(); ++i) {
    zone.offsets_[i].east = reader.Integer(4);
    reader.Take(1);
    names[i] = static_cast<uint8_t>(reader.Integer(1));
  }
  const std::string_view characters = reader.Take(header->characters);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] >= characters.size()) return broken;
    const std::string_view name = characters.substr(names[i]);
    zone.offsets_[i].name = name.substr(0, name.find('\0'));
  }
  for (size_t i = 0; i < indexes.size(); ++i) {
    zone.changes_[i].offset = static_cast<uint8_t>(indexes[i]);
    if (zone.changes_[i].offset >= zone.offsets_.size()) return broken;
  }
  if (names.empty() || !std::ranges::is_sorted(zone.changes_, {}, &Change::at)) return broken;
  reader.Take(header->leap_seconds * (time_size + 4) + header->standard_marks + header->utc_marks);
  if (!reader.ok()) return broken;
  std::string_view footer = reader.rest();
  if (time_size == 8 && footer.size() > 2 && footer.front() == '\n' && footer.back() == '\n') {
    footer = footer.substr(1, footer.size() - 2);
    TOCSIN_ASSIGN_OR_RETURN(ZoneRule rule, ZoneRule::Parse(footer));
    zone.rule_ = std::make_shared<const ZoneRule>(rule);
  }
  return zone;
}

const ZoneOffset& TimeZone::At(int64_t unix_seconds) const {
  const auto next = std::ranges::upper_bound(changes_, unix_seconds, {}, &Change::at);
  if (next == changes_.end() && rule_ != nullptr) return rule_->At(unix_seconds);
  return offsets_[next == changes_.begin() ? 0 : (next - 1)->offset];
}

Result<std::shared_ptr<const TimeZone>> FindZone(std::string_view name) {
  static std::mutex mutex;
  static auto* const zones =
      new std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>>();
  const std::lock_guard lock(mutex);
  if (const auto it = zones->find(name); it != zones->end()) return it->second;
  TOCSIN_ASSIGN_OR_RETURN(TimeZone zone, LoadZone(std::string(name)));
  auto kept = std::make_shared<const TimeZone>(std::move(zone));
  zones->emplace(name, kept);
  return kept;
}

}  // namespace tocsin::routing
