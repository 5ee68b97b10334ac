#include "cpp/template/methods.h"

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "cpp/template/go_format.h"
#include "cpp/template/time_format.h"
#include "cpp/template/time_methods.h"

namespace tocsin::tmpl::internal {
namespace {

using Arguments = std::span<const Value>;

template <class Receiver>
struct Method {
  size_t arguments;
  std::function<Result<Value>(Receiver, Arguments)> call;
};

template <class Receiver>
using Methods = std::map<std::string, Method<Receiver>, std::less<>>;

Value ValueOf(Value value) { return value; }
template <class Plain>
Value ValueOf(Plain plain) {
  return Value(std::move(plain));
}

/// A method that takes nothing and cannot fail.
template <class Receiver, class Get>
Method<Receiver> Getter(Get get) {
  return {0,
          [get](Receiver receiver, Arguments) -> Result<Value> { return ValueOf(get(receiver)); }};
}

/// A method of a time that takes another time.
template <class Get>
Method<Time> WithTime(Get get) {
  return {1, [get](Time time, Arguments arguments) -> Result<Value> {
            const Time* other = arguments[0].AsTime();
            if (other == nullptr) return InvalidArgumentError("expected time.Time");
            return Value(get(time.unix_nanos, other->unix_nanos));
          }};
}

Result<Value> Format(Time time, Arguments arguments) {
  const std::string* layout = arguments[0].AsString();
  if (layout == nullptr) return InvalidArgumentError("expected string");
  return Value(FormatTime(time, *layout));
}

/// Integers are durations too, as constants are in Go.
Result<Duration> DurationOf(const Value& value) {
  if (const Duration* duration = value.AsDuration()) return *duration;
  if (const int64_t* nanos = value.AsInt()) return Duration{*nanos};
  return InvalidArgumentError("expected time.Duration");
}

Result<Value> InRange(const std::optional<Time>& time) {
  if (time) return Value(*time);
  return InvalidArgumentError("time out of range");
}

/// A method of a time that takes a duration.
template <class Get>
Method<Time> OfTimeBy(Get get) {
  return {1, [get](Time time, Arguments arguments) -> Result<Value> {
            TOCSIN_ASSIGN_OR_RETURN(const Duration by, DurationOf(arguments[0]));
            return InRange(get(time, by));
          }};
}

template <class Get>
Method<Duration> OfDurationBy(Get get) {
  return {1, [get](Duration duration, Arguments arguments) -> Result<Value> {
            TOCSIN_ASSIGN_OR_RETURN(const Duration by, DurationOf(arguments[0]));
            return Value(get(duration, by));
          }};
}

Result<Value> AddDate(Time time, Arguments arguments) {
  for (const Value& argument : arguments) {
    if (argument.AsInt() == nullptr) return InvalidArgumentError("expected int");
  }
  return InRange(
      ShiftDate(time, *arguments[0].AsInt(), *arguments[1].AsInt(), *arguments[2].AsInt()));
}

Duration Difference(Nanos a, Nanos b) {
  Nanos difference = 0;
  // Go saturates as well.
  if (__builtin_sub_overflow(a, b, &difference)) difference = a > b ? INT64_MAX : INT64_MIN;
  return {difference};
}

const Methods<Time>& TimeMethods() {
  static const Methods<Time> table{
      {"Format", {1, Format}},
      {"Add", OfTimeBy(Shift)},
      {"AddDate", {3, AddDate}},
      {"Truncate", OfTimeBy([](Time t, Duration d) { return TruncateTime(t, d); })},
      {"Round", OfTimeBy(RoundTime)},
      {"Sub", WithTime(Difference)},
      {"After", WithTime(std::greater<Nanos>())},
      {"Before", WithTime(std::less<Nanos>())},
      {"Equal", WithTime(std::equal_to<Nanos>())},
      {"String", Getter<Time>(TimeString)},
      {"Compare", WithTime([](Nanos a, Nanos b) { return int64_t{a > b} - int64_t{a < b}; })},
      {"GoString", Getter<Time>(TimeSource)},
      {"UTC", Getter<Time>([](Time t) { return Time{t.unix_nanos}; })},
      // The service keeps no other time.
      {"Local", Getter<Time>([](Time t) { return Time{t.unix_nanos}; })},
      {"Location", Getter<Time>([](Time t) { return t.zone; })},
      {"IsZero", Getter<Time>([](Time t) { return t.unix_nanos == kZeroTime; })},
      {"Unix", Getter<Time>([](Time t) { return SinceEpoch(t, kSecond); })},
      {"UnixMilli", Getter<Time>([](Time t) { return SinceEpoch(t, kMillisecond); })},
      {"UnixMicro", Getter<Time>([](Time t) { return SinceEpoch(t, kMicrosecond); })},
      {"UnixNano", Getter<Time>([](Time t) { return SinceEpoch(t, 1); })},
      {"Year", Getter<Time>([](Time t) { return ToCivil(t).year; })},
      {"Month", Getter<Time>([](Time t) { return MonthValue(ToCivil(t).month); })},
      {"Day", Getter<Time>([](Time t) { return int64_t{ToCivil(t).day}; })},
      {"Hour", Getter<Time>([](Time t) { return int64_t{ToCivil(t).hour}; })},
      {"Minute", Getter<Time>([](Time t) { return int64_t{ToCivil(t).minute}; })},
      {"Second", Getter<Time>([](Time t) { return int64_t{ToCivil(t).second}; })},
      {"Weekday", Getter<Time>([](Time t) { return WeekdayValue(ToCivil(t).weekday); })},
      {"Nanosecond", Getter<Time>(NanosecondOf)},
      {"YearDay", Getter<Time>([](Time t) { return int64_t{ToCivil(t).day_of_year}; })},
  };
  return table;
}

double Per(Duration duration, Nanos unit) {
  // As Go does it: whole units and the rest apart, which keeps the nanoseconds of long durations.
  const int64_t whole = duration.nanos / unit;
  const int64_t rest = duration.nanos % unit;
  return static_cast<double>(whole) + static_cast<double>(rest) / static_cast<double>(unit);
}

const Methods<Duration>& DurationMethods() {
  static const Methods<Duration> table{
      {"String", Getter<Duration>(FormatGoDuration)},
      {"Seconds", Getter<Duration>([](Duration d) { return Per(d, kSecond); })},
      {"Minutes", Getter<Duration>([](Duration d) { return Per(d, kMinute); })},
      {"Hours", Getter<Duration>([](Duration d) { return Per(d, kHour); })},
      {"Milliseconds", Getter<Duration>([](Duration d) { return d.nanos / kMillisecond; })},
      {"Microseconds", Getter<Duration>([](Duration d) { return d.nanos / kMicrosecond; })},
      {"Nanoseconds", Getter<Duration>([](Duration d) { return d.nanos; })},
      {"Round", OfDurationBy(RoundDuration)},
      {"Truncate", OfDurationBy(TruncateDuration)},
      {"Abs", Getter<Duration>(Absolute)},
  };
  return table;
}

Failure WrongCount(size_t want, size_t got) {
  return InvalidArgumentError("wrong number of args: want " + std::to_string(want) + " got " +
                              std::to_string(got));
}

template <class Receiver>
Result<Value> CallIn(const Methods<Receiver>& methods, Receiver receiver, std::string_view name,
                     Arguments arguments) {
  const Method<Receiver>& method = methods.find(name)->second;
  if (arguments.size() != method.arguments) return WrongCount(method.arguments, arguments.size());
  return method.call(receiver, arguments);
}

}  // namespace

bool HasMethod(const Value& receiver, std::string_view name) {
  if (const NamedType* type = receiver.type()) return type->methods.contains(name);
  if (receiver.AsTime() != nullptr) return TimeMethods().contains(name);
  return receiver.AsDuration() != nullptr && DurationMethods().contains(name);
}

Result<Value> CallMethod(const Value& receiver, std::string_view name, Arguments arguments) {
  TOCSIN_CHECK(HasMethod(receiver, name));
  if (const NamedType* type = receiver.type()) {
    const TypeMethod& method = type->methods.find(name)->second;
    if (arguments.size() != method.arguments) return WrongCount(method.arguments, arguments.size());
    return method.call(receiver, arguments);
  }
  if (const Time* time = receiver.AsTime()) return CallIn(TimeMethods(), *time, name, arguments);
  return CallIn(DurationMethods(), *receiver.AsDuration(), name, arguments);
}

}  // namespace tocsin::tmpl::internal
