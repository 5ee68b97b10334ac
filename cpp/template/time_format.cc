#include "cpp/template/time_format.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "cpp/template/time_layout.h"

namespace tocsin::tmpl {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};

constexpr int64_t kYearOne = -62'135'596'800;  ///< Seconds.

void AppendPadded(std::string* out, int64_t value, size_t width, char fill) {
  const std::string digits = std::to_string(value);
  if (digits.size() < width) out->append(width - digits.size(), fill);
  out->append(digits);
}

void AppendYear(std::string* out, int64_t year) {
  if (year < 0) out->push_back('-');
  AppendPadded(out, year < 0 ? -year : year, 4, '0');
}

/// A part that is a number, and how it is padded.
struct Digits {
  int64_t value = 0;
  size_t width = 1;
  char fill = '0';
};

std::optional<Digits> DigitsOf(LayoutPart part, const CivilTime& t) {
  const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (part) {
    case LayoutPart::kYear:
      return Digits{t.year % 100, 2};
    case LayoutPart::kZeroYearDay:
      return Digits{t.day_of_year, 3};
    case LayoutPart::kUnderYearDay:
      return Digits{t.day_of_year, 3, ' '};
    case LayoutPart::kZeroMonth:
      return Digits{t.month, 2};
    case LayoutPart::kNumMonth:
      return Digits{t.month};
    case LayoutPart::kZeroDay:
      return Digits{t.day, 2};
    case LayoutPart::kUnderDay:
      return Digits{t.day, 2, ' '};
    case LayoutPart::kDay:
      return Digits{t.day};
    case LayoutPart::kHour:
      return Digits{t.hour, 2};
    case LayoutPart::kZeroHour12:
      return Digits{hour12, 2};
    case LayoutPart::kHour12:
      return Digits{hour12};
    case LayoutPart::kZeroMinute:
      return Digits{t.minute, 2};
    case LayoutPart::kMinute:
      return Digits{t.minute};
    case LayoutPart::kZeroSecond:
      return Digits{t.second, 2};
    case LayoutPart::kSecond:
      return Digits{t.second};
    default:
      return std::nullopt;
  }
}

/// "+0530" in the shape of the token "-0700", "-07:00", "-07"...
void AppendOffset(std::string* out, std::string_view shape, int32_t offset) {
  const int32_t magnitude = offset < 0 ? -offset : offset;
  const std::array<int32_t, 3> parts{magnitude / 3600, magnitude / 60 % 60, magnitude % 60};
  out->push_back(offset < 0 ? '-' : '+');
  shape.remove_prefix(1);
  for (const int32_t part : parts) {
    if (shape.empty()) return;
    if (shape.front() == ':') {
      out->push_back(':');
      shape.remove_prefix(1);
    }
    AppendPadded(out, part, 2, '0');
    shape.remove_prefix(2);
  }
}

void AppendPart(std::string* out, const LayoutToken& token, const CivilTime& t, const Time& time) {
  const LayoutPart part = token.part;
  if (const std::optional<Digits> digits = DigitsOf(part, t)) {
    return AppendPadded(out, digits->value, digits->width, digits->fill);
  }
  switch (part) {
    case LayoutPart::kLongMonth:
      out->append(MonthName(t.month));
      break;
    case LayoutPart::kMonth:
      out->append(MonthName(t.month).substr(0, 3));
      break;
    case LayoutPart::kLongWeekday:
      out->append(WeekdayName(t.weekday));
      break;
    case LayoutPart::kWeekday:
      out->append(WeekdayName(t.weekday).substr(0, 3));
      break;
    case LayoutPart::kZoneName:
      out->append(time.zone);
      break;
    case LayoutPart::kLongYear:
      AppendYear(out, t.year);
      break;
    case LayoutPart::kUpperHalf:
      out->append(t.hour >= 12 ? "PM" : "AM");
      break;
    case LayoutPart::kLowerHalf:
      out->append(t.hour >= 12 ? "pm" : "am");
      break;
    case LayoutPart::kZoneIso:
      if (time.offset_seconds == 0) {
        out->push_back('Z');
      } else {
        AppendOffset(out, token.text, time.offset_seconds);
      }
      break;
    case LayoutPart::kZoneNumeric:
      AppendOffset(out, token.text, time.offset_seconds);
      break;
    default:
      break;  // A number.
  }
}

void AppendFraction(std::string* out, std::string_view fraction, Nanos nanosecond) {
  std::string digits;
  AppendPadded(&digits, nanosecond, 9, '0');
  digits.resize(fraction.size() - 1, '0');
  if (fraction[1] == '9') {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.empty()) return;
  }
  out->push_back(fraction[0]);
  out->append(digits);
}

}  // namespace

CivilTime ToCivil(Time time) {
  if (time.unix_nanos == kZeroTime) return tocsin::ToCivil(kYearOne);
  return tocsin::ToCivil(FloorDivide(time.unix_nanos, kSecond) + time.offset_seconds);
}

std::string FormatTime(Time time, std::string_view layout) {
  const CivilTime civil = ToCivil(time);
  const Nanos nanosecond = time.unix_nanos == kZeroTime ? 0 : FloorModulo(time.unix_nanos, kSecond);
  std::string out;
  while (!layout.empty()) {
    if (const size_t length = FractionLength(layout); length != 0) {
      AppendFraction(&out, layout.substr(0, length), nanosecond);
      layout.remove_prefix(length);
    } else if (const LayoutToken* token = FindToken(layout)) {
      AppendPart(&out, *token, civil, time);
      layout.remove_prefix(token->text.size());
    } else {
      out.push_back(layout.front());
      layout.remove_prefix(1);
    }
  }
  return out;
}

std::string TimeString(Time time) {
  return FormatTime(time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

std::string TimeSource(Time time) {
  const CivilTime civil = ToCivil(time);
  const Nanos nanosecond = time.unix_nanos == kZeroTime ? 0 : FloorModulo(time.unix_nanos, kSecond);
  std::string out = "time.Date(" + std::to_string(civil.year) + ", time.";
  out.append(MonthName(civil.month));
  for (const int64_t part : {int64_t{civil.day}, int64_t{civil.hour}, int64_t{civil.minute},
                             int64_t{civil.second}, int64_t{nanosecond}}) {
    out.append(", ").append(std::to_string(part));
  }
  return out.append(", time.").append(time.zone).append(")");
}

std::string FormatGoDuration(Duration duration) {
  if (duration.nanos == 0) return "0s";
  const bool negative = duration.nanos < 0;
  const uint64_t nanos =
      negative ? -static_cast<uint64_t>(duration.nanos) : static_cast<uint64_t>(duration.nanos);
  std::string out = negative ? "-" : "";
  const auto fraction = [&out](uint64_t value, uint64_t unit, int digits, std::string_view name) {
    out.append(std::to_string(value / unit));
    std::string rest = std::to_string(value % unit);
    rest.insert(0, static_cast<size_t>(digits) - rest.size(), '0');
    rest.erase(rest.find_last_not_of('0') + 1);
    if (!rest.empty()) out.append(".").append(rest);
    out.append(name);
  };
  if (nanos < 1'000) return out.append(std::to_string(nanos)).append("ns");
  if (nanos < 1'000'000) {
    fraction(nanos, 1'000, 3, "µs");
    return out;
  }
  if (nanos < 1'000'000'000) {
    fraction(nanos, 1'000'000, 6, "ms");
    return out;
  }
  const uint64_t minutes = nanos / static_cast<uint64_t>(kMinute);
  if (minutes >= 60) out.append(std::to_string(minutes / 60)).append("h");
  if (minutes > 0) out.append(std::to_string(minutes % 60)).append("m");
  fraction(nanos % static_cast<uint64_t>(kMinute), 1'000'000'000, 9, "s");
  return out;
}

std::string_view MonthName(int month) { return kMonths.at(static_cast<size_t>(month - 1)); }

std::string_view WeekdayName(int weekday) { return kWeekdays.at(static_cast<size_t>(weekday)); }

}  // namespace tocsin::tmpl
