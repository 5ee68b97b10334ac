#include "cpp/template/methods.h"

#include <functional>
#include <map>
#include <string>

#include "cpp/template/go_format.h"
#include "cpp/template/time_format.h"

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

/// A method that takes nothing and cannot fail.
template <class Receiver, class Get>
Method<Receiver> Getter(Get get) {
  return {0, [get](Receiver receiver, Arguments) -> Result<Value> { return Value(get(receiver)); }};
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

Result<Value> Add(Time time, Arguments arguments) {
  const Duration* by = arguments[0].AsDuration();
  if (by == nullptr) return InvalidArgumentError("expected time.Duration");
  Nanos sum = 0;
  if (__builtin_add_overflow(time.unix_nanos, by->nanos, &sum)) {
    return InvalidArgumentError("time out of range");
  }
  time.unix_nanos = sum;
  return Value(time);
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
      {"Add", {1, Add}},
      {"Sub", WithTime(Difference)},
      {"After", WithTime(std::greater<Nanos>())},
      {"Before", WithTime(std::less<Nanos>())},
      {"Equal", WithTime(std::equal_to<Nanos>())},
      {"String", Getter<Time>(TimeString)},
      {"UTC", Getter<Time>([](Time t) { return Time{t.unix_nanos}; })},
      {"IsZero", Getter<Time>([](Time t) { return t.unix_nanos == kZeroTime; })},
      {"Unix", Getter<Time>([](Time t) { return FloorDivide(t.unix_nanos, kSecond); })},
      {"UnixMilli", Getter<Time>([](Time t) { return FloorDivide(t.unix_nanos, kMillisecond); })},
      {"Year", Getter<Time>([](Time t) { return ToCivil(t).year; })},
      {"Month", Getter<Time>([](Time t) { return MonthName(ToCivil(t).month); })},
      {"Day", Getter<Time>([](Time t) { return int64_t{ToCivil(t).day}; })},
      {"Hour", Getter<Time>([](Time t) { return int64_t{ToCivil(t).hour}; })},
      {"Minute", Getter<Time>([](Time t) { return int64_t{ToCivil(t).minute}; })},
      {"Second", Getter<Time>([](Time t) { return int64_t{ToCivil(t).second}; })},
      {"Weekday", Getter<Time>([](Time t) { return WeekdayName(ToCivil(t).weekday); })},
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
