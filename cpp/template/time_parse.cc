#include "cpp/template/time_parse.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cpp/base/quote.h"
#include "cpp/template/time_format.h"
#include "cpp/template/time_layout.h"

namespace tocsin::tmpl {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool StartsWithName(std::string_view text, std::string_view name) {
  return text.size() >= name.size() &&
         std::ranges::equal(text.substr(0, name.size()), name, {}, Lower, Lower);
}

/// Years that nanoseconds in an int64 hold as a whole.
constexpr int64_t kFirstYear = 1678;
constexpr int64_t kLastYear = 2261;

class TimeParser {
 public:
  TimeParser(std::string_view layout, std::string_view text)
      : layout_(layout), text_(text), rest_(text) {}

  Result<Time> Parse() {
    std::string_view layout = layout_;
    while (!layout.empty()) {
      const size_t fraction = FractionLength(layout);
      const LayoutToken* token = fraction == 0 ? FindToken(layout) : nullptr;
      const size_t length = fraction != 0 ? fraction : token != nullptr ? token->text.size() : 1;
      const std::string_view element = layout.substr(0, length);
      const bool taken = fraction != 0      ? TakeFraction(element)
                         : token != nullptr ? TakePart(*token, layout.substr(length))
                                            : TakeLiteral(element.front());
      if (!taken) {
        return Wrong(": cannot parse " + QuoteGo(rest_) + " as " + QuoteGo(element));
      }
      layout.remove_prefix(length);
    }
    if (!rest_.empty()) return Wrong(": extra text: " + QuoteGo(rest_));
    return Moment();
  }

 private:
  Failure Wrong(const std::string& why) const {
    return InvalidArgumentError("parsing time " + QuoteGo(text_) + " as " + QuoteGo(layout_) + why);
  }
  Failure OutOfRange(const std::string& what) const {
    return InvalidArgumentError("parsing time " + QuoteGo(text_) + ": " + what + " out of range");
  }

  /// A space of the layout stands for any number of them.
  bool TakeLiteral(char c) {
    if (c == ' ') {
      while (rest_.starts_with(' ')) rest_.remove_prefix(1);
      return true;
    }
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// From `least` to `most` digits.
  bool TakeNumber(size_t least, size_t most, int* value) {
    size_t digits = 0;
    int number = 0;
    while (digits < most && digits < rest_.size() && IsDigit(rest_[digits])) {
      number = number * 10 + (rest_[digits++] - '0');
    }
    if (digits < least) return false;
    rest_.remove_prefix(digits);
    *value = number;
    return true;
  }

  bool TakeFraction(std::string_view shape) {
    if (shape[1] == '9' && !(rest_.starts_with('.') || rest_.starts_with(','))) return true;
    size_t digits = 0;
    while (digits + 1 < rest_.size() && IsDigit(rest_[digits + 1])) ++digits;
    if (rest_.empty() || (rest_[0] != '.' && rest_[0] != ',')) return false;
    if (digits == 0 || (shape[1] == '0' && digits != shape.size() - 1)) return false;
    nanosecond_ = 0;
    for (size_t i = 0; i < 9; ++i) {
      nanosecond_ = nanosecond_ * 10 + (i < digits ? rest_[i + 1] - '0' : 0);
    }
    rest_.remove_prefix(digits + 1);
    return true;
  }

  bool TakeMonth(size_t letters) {
    for (int month = 1; month <= 12; ++month) {
      const std::string_view name = MonthName(month).substr(0, letters);
      if (!StartsWithName(rest_, name)) continue;
      rest_.remove_prefix(name.size());
      month_ = month;
      return true;
    }
    return false;
  }

  bool TakeWeekday(size_t letters) {
    for (int day = 0; day < 7; ++day) {
      const std::string_view name = WeekdayName(day).substr(0, letters);
      if (!StartsWithName(rest_, name)) continue;
      rest_.remove_prefix(name.size());
      return true;
    }
    return false;
  }

  bool TakeHalf(std::string_view am, std::string_view pm) {
    if (!rest_.starts_with(am) && !rest_.starts_with(pm)) return false;
    afternoon_ = rest_.starts_with(pm);
    rest_.remove_prefix(2);
    return true;
  }

  /// "+0530" in the shape of "-0700", "-07:00", "-07"...
  bool TakeOffset(std::string_view shape) {
    if (!rest_.starts_with('+') && !rest_.starts_with('-')) return false;
    const int sign = rest_.front() == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    shape.remove_prefix(1);
    int seconds = 0;
    for (int unit = 3600; !shape.empty(); unit /= 60) {
      if (shape.front() == ':') {
        if (!TakeLiteral(':')) return false;
        shape.remove_prefix(1);
      }
      int value = 0;
      if (!TakeNumber(2, 2, &value) || value >= (unit == 3600 ? 25 : 60)) return false;
      seconds += value * unit;
      shape.remove_prefix(2);
    }
    offset_ = sign * seconds;
    return true;
  }

  bool TakeZoneName() {
    size_t letters = 0;
    while (letters < rest_.size() && rest_[letters] >= 'A' && rest_[letters] <= 'Z') ++letters;
    if (letters < 3 || letters > 5) return false;
    rest_.remove_prefix(letters);
    return true;
  }

  bool TakeZone(const LayoutToken& token) {
    if (token.part == LayoutPart::kZoneName) return TakeZoneName();
    if (token.part == LayoutPart::kZoneIso && rest_.starts_with('Z')) return TakeLiteral('Z');
    return TakeOffset(token.text);
  }

  bool TakeYear(LayoutPart part) {
    int year = 0;
    if (part == LayoutPart::kLongYear) {
      if (!TakeNumber(4, 4, &year)) return false;
    } else {
      if (!TakeNumber(2, 2, &year)) return false;
      year += year >= 69 ? 1900 : 2000;
    }
    year_ = year;
    return true;
  }

  bool TakeDay(LayoutPart part) {
    const bool of_year = part == LayoutPart::kZeroYearDay || part == LayoutPart::kUnderYearDay;
    if (part == LayoutPart::kUnderDay || part == LayoutPart::kUnderYearDay) TakeLiteral(' ');
    if (!of_year) return TakeNumber(part == LayoutPart::kZeroDay ? 2 : 1, 2, &day_);
    int day = 0;
    if (!TakeNumber(part == LayoutPart::kZeroYearDay ? 3 : 1, 3, &day)) return false;
    day_of_year_ = day;
    return true;
  }

  /// A fraction may follow the seconds although the layout has none.
  bool TakeSecond(size_t least, std::string_view layout) {
    if (!TakeNumber(least, 2, &second_)) return false;
    const bool fraction = rest_.size() > 1 && (rest_[0] == '.' || rest_[0] == ',') &&
                          IsDigit(rest_[1]) && FractionLength(layout) == 0;
    return !fraction || TakeFraction(".9");
  }

  /// `layout`: what follows the token.
  bool TakePart(const LayoutToken& token, std::string_view layout) {
    using enum LayoutPart;
    switch (token.part) {
      case kYear:
      case kLongYear:
        return TakeYear(token.part);
      case kLongMonth:
        return TakeMonth(std::string_view::npos);
      case kMonth:
        return TakeMonth(3);
      case kZeroMonth:
      case kNumMonth:
        return TakeNumber(token.text.size(), 2, &month_);
      case kLongWeekday:
        return TakeWeekday(std::string_view::npos);
      case kWeekday:
        return TakeWeekday(3);
      case kHour:
        return TakeNumber(1, 2, &hour_);
      case kZeroHour12:
      case kHour12:
        return TakeNumber(token.text.size(), 2, &hour_) && (hour_ <= 12 || Beyond("hour"));
      case kZeroMinute:
      case kMinute:
        return TakeNumber(token.text.size(), 2, &minute_);
      case kZeroSecond:
      case kSecond:
        return TakeSecond(token.text.size(), layout);
      case kUpperHalf:
        return TakeHalf("AM", "PM");
      case kLowerHalf:
        return TakeHalf("am", "pm");
      case kZoneName:
      case kZoneIso:
      case kZoneNumeric:
        return TakeZone(token);
      case kZeroDay:
      case kUnderDay:
      case kDay:
      case kZeroYearDay:
      case kUnderYearDay:
        return TakeDay(token.part);
    }
    return false;
  }

  bool Beyond(std::string_view what) {
    beyond_ = what;
    return true;
  }

  Result<Time> Moment() {
    if (!beyond_.empty()) return OutOfRange(beyond_);
    if (month_ < 1 || month_ > 12) return OutOfRange("month");
    if (hour_ > 23) return OutOfRange("hour");
    if (minute_ > 59) return OutOfRange("minute");
    if (second_ > 59) return OutOfRange("second");
    if (afternoon_) hour_ = hour_ % 12 + (*afternoon_ ? 12 : 0);
    if (year_ < kFirstYear || year_ > kLastYear) return OutOfRange("year");
    const std::chrono::year year{year_};
    std::chrono::sys_days date;
    if (day_of_year_) {
      if (*day_of_year_ < 1 || *day_of_year_ > (year.is_leap() ? 366 : 365)) {
        return OutOfRange("day-of-year");
      }
      date = std::chrono::sys_days(year / 1 / 1) + std::chrono::days(*day_of_year_ - 1);
    } else {
      const std::chrono::year_month_day civil = year / month_ / day_;
      if (!civil.ok()) return OutOfRange("day");
      date = std::chrono::sys_days(civil);
    }
    const int64_t days = date.time_since_epoch().count();
    const int64_t hours = days * 24 + hour_;
    const int64_t seconds = (hours * 60 + minute_) * 60 + second_ - offset_;
    Time time;
    time.unix_nanos = seconds * kSecond + nanosecond_;
    time.offset_seconds = offset_;
    // Go names a zone that is counted only by its count, which is none.
    if (offset_ != 0) time.zone = "";
    return time;
  }

  const std::string_view layout_;
  const std::string_view text_;
  std::string_view rest_;
  int year_ = 0;
  int month_ = 1;
  int day_ = 1;
  std::optional<int> day_of_year_;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
  int64_t nanosecond_ = 0;
  std::optional<bool> afternoon_;
  int32_t offset_ = 0;
  std::string beyond_;  ///< What was out of range on the way.
};

}  // namespace

Result<Time> ParseTime(std::string_view layout, std::string_view text) {
  return TimeParser(layout, text).Parse();
}

}  // namespace tocsin::tmpl
