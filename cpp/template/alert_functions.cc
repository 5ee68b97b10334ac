#include "cpp/template/alert_functions.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/url.h"
#include "cpp/base/utf8.h"
#include "cpp/lib/regex.h"
#include "cpp/template/builtins.h"
#include "cpp/template/host.h"
#include "cpp/template/time_format.h"
#include "cpp/template/title_case.h"

namespace tocsin::tmpl {
namespace {

using Arguments = std::span<const Value>;

constexpr std::string_view kSampleType = "*template.sample";
constexpr std::array<std::string_view, 8> kLargeUnits{"k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::array<std::string_view, 8> kBinaryUnits{"ki", "Mi", "Gi", "Ti",
                                                       "Pi", "Ei", "Zi", "Yi"};
constexpr std::array<std::string_view, 8> kSmallUnits{"m", "u", "n", "p", "f", "a", "z", "y"};

Result<std::string_view> TextOf(const Value& value) {
  if (const std::string* text = value.AsString()) return std::string_view(*text);
  return InvalidArgumentError("wrong type for value; expected string; got " + value.TypeName());
}

/// Numbers, durations in seconds, and texts that are numbers.
Result<double> NumberOf(const Value& value) {
  if (const double* number = value.AsFloat()) return *number;
  const bool named = value.type() != nullptr;
  if (const int64_t* integer = value.AsInt(); integer && !named) {
    return static_cast<double>(*integer);
  }
  if (const Duration* duration = value.AsDuration()) {
    return static_cast<double>(duration->nanos) / static_cast<double>(kSecond);
  }
  if (const std::string* text = value.AsString()) {
    const std::optional<double> number = ParseGoFloat(*text);
    if (number) return *number;
    return InvalidArgumentError("not a number: \"" + *text + "\"");
  }
  return InvalidArgumentError("can't convert " + value.TypeName() + " to float");
}

std::string FourDigits(double value) { return FormatGoGeneral(value, 4); }

/// The units that bring the value nearest below `step`, or as far as there are units.
template <size_t Size>
std::string_view ScaleDown(double* value, double step,
                           const std::array<std::string_view, Size>& units) {
  std::string_view unit;
  for (const std::string_view next : units) {
    if (std::abs(*value) < step) break;
    unit = next;
    *value /= step;
  }
  return unit;
}

std::string_view ScaleUp(double* value) {
  std::string_view unit;
  for (const std::string_view next : kSmallUnits) {
    if (std::abs(*value) >= 1) break;
    unit = next;
    *value *= 1000;
  }
  return unit;
}

std::string Humanize(double value) {
  if (value == 0 || !std::isfinite(value)) return FourDigits(value);
  const std::string_view unit =
      std::abs(value) >= 1 ? ScaleDown(&value, 1000, kLargeUnits) : ScaleUp(&value);
  return FourDigits(value).append(unit);
}

std::string Humanize1024(double value) {
  if (std::abs(value) <= 1 || !std::isfinite(value)) return FourDigits(value);
  const std::string_view unit = ScaleDown(&value, 1024, kBinaryUnits);
  return FourDigits(value).append(unit);
}

std::string HumanizeDuration(double value) {
  if (!std::isfinite(value)) return FourDigits(value);
  if (value == 0) return FourDigits(value) + "s";
  if (std::abs(value) < 1) {
    const std::string_view unit = ScaleUp(&value);
    return FourDigits(value).append(unit).append("s");
  }
  std::string out = value < 0 ? "-" : "";
  value = std::abs(value);
  // Beyond int64 the parts mean nothing, but they must not overflow either.
  const auto whole = static_cast<int64_t>(std::min(value, 9.2e18));
  if (whole < 60) return out.append(FourDigits(value)).append("s");
  const int64_t days = whole / 86'400;
  const int64_t hours = whole / 3'600 % 24;
  if (days != 0) out.append(std::to_string(days)).append("d ");
  if (days != 0 || hours != 0) out.append(std::to_string(hours)).append("h ");
  out.append(std::to_string(whole / 60 % 60)).append("m ");
  return out.append(std::to_string(whole % 60)).append("s");
}

std::string HumanizePercentage(double value) { return FourDigits(value * 100) + "%"; }

/// A moment from Unix seconds, to the millisecond.
Result<Time> TimeOf(double seconds) {
  const double nanos = seconds * 1e9;
  // The greatest double below 2^63; NaN fails both comparisons.
  if (!(nanos >= -9.223372036854775e18 && nanos <= 9.223372036854775e18)) {
    return InvalidArgumentError(FormatGoFloat(seconds) +
                                " cannot be represented as a nanoseconds timestamp since it "
                                "overflows int64");
  }
  const auto whole = static_cast<int64_t>(nanos);
  return Time{whole / kMillisecond * kMillisecond};
}

Result<std::string> HumanizeTimestamp(double seconds) {
  if (!std::isfinite(seconds)) return FourDigits(seconds);
  TOCSIN_ASSIGN_OR_RETURN(const Time time, TimeOf(seconds));
  return TimeString(time);
}

Result<Duration> DurationOf(double seconds) {
  const double nanos = seconds * 1e9;
  if (!(nanos >= -9.223372036854775e18 && nanos <= 9.223372036854775e18)) {
    return InvalidArgumentError(FormatGoFloat(seconds) + " is no duration");
  }
  return Duration{static_cast<int64_t>(nanos)};
}

/// A function of one number.
template <class Call>
Function OfNumber(Call call) {
  return {1, 1, [call](Arguments arguments) -> Result<Value> {
            TOCSIN_ASSIGN_OR_RETURN(const double number, NumberOf(arguments[0]));
            auto answer = call(number);
            if constexpr (requires { answer.has_value(); }) {
              if (!answer.has_value()) return Failure(std::move(answer).error());
              return Value(*std::move(answer));
            } else {
              return Value(std::move(answer));
            }
          }};
}

/// A function of one text, which it goes through letter by letter.
template <class Call>
Function OfText(Call call) {
  return {1, 1, {}, [call](Arguments arguments, Work* work) -> Result<Value> {
            TOCSIN_ASSIGN_OR_RETURN(const std::string_view text, TextOf(arguments[0]));
            TOCSIN_RETURN_IF_ERROR(work->Spend(text.size() >> 8));
            return Value(call(text));
          }};
}

/// The pattern, if there is enough time to match it once: an operation for every byte and every
/// instruction at the worst.
Result<lib::Regex> PatternFor(std::string_view pattern, std::string_view text, Work* work) {
  TOCSIN_ASSIGN_OR_RETURN(lib::Regex regex, work->Compile(pattern));
  TOCSIN_RETURN_IF_ERROR(work->Spend((text.size() * regex.program_size()) >> 10));
  return regex;
}

Result<Value> Match(Arguments arguments, Work* work) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view pattern, TextOf(arguments[0]));
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view text, TextOf(arguments[1]));
  TOCSIN_ASSIGN_OR_RETURN(const lib::Regex regex, PatternFor(pattern, text, work));
  return Value(regex.PartialMatch(text));
}

Result<Value> ReplaceAll(Arguments arguments, Work* work) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view pattern, TextOf(arguments[0]));
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view replacement, TextOf(arguments[1]));
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view text, TextOf(arguments[2]));
  TOCSIN_ASSIGN_OR_RETURN(const lib::Regex regex, PatternFor(pattern, text, work));
  const lib::ReplaceBounds bounds{.bytes_max = work->limits().bytes_max,
                                  .scanned_max = work->steps_left() << 10};
  uint64_t scanned = 0;
  std::optional<std::string> replaced = regex.ReplaceAll(text, replacement, bounds, &scanned);
  TOCSIN_RETURN_IF_ERROR(work->Spend(scanned >> 10));
  if (!replaced) return ResourceExhaustedError("a text is too large");
  return Value(*std::move(replaced));
}

Result<Value> ParseDurationText(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(std::string_view text, TextOf(arguments[0]));
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  TOCSIN_ASSIGN_OR_RETURN(const Nanos duration, ParseDuration(text));
  const double seconds = static_cast<double>(duration) / static_cast<double>(kSecond);
  return Value(negative ? -seconds : seconds);
}

Result<Value> Args(Arguments arguments) {
  Map map;
  for (size_t i = 0; i < arguments.size(); ++i) {
    map.entries.emplace("arg" + std::to_string(i), arguments[i]);
  }
  return Value(std::move(map));
}

Value SampleValue(const QuerySample& sample) {
  Record record;
  record.type_name = kSampleType;
  record.fields = {{"Labels", StringMap(sample.labels)}, {"Value", NumberOf(sample)}};
  return Value(std::move(record));
}

Result<const Record*> SampleOf(const Value& value) {
  const Record* record = value.AsRecord();
  if (record != nullptr && record->type_name == kSampleType) return record;
  return InvalidArgumentError("expected a sample; got " + value.TypeName());
}

/// Lives as long as the sample.
std::string_view LabelOf(const Record& sample, std::string_view name) {
  const auto& labels = sample.fields[0].second.AsMap()->entries;
  const auto entry = labels.find(name);
  return entry == labels.end() ? std::string_view() : *entry->second.AsString();
}

Result<const List*> SamplesOf(const Value& value) {
  const List* list = value.AsList();
  if (list == nullptr) {
    return InvalidArgumentError("expected the result of a query; got " + value.TypeName());
  }
  for (const Value& item : *list) {
    if (const auto sample = SampleOf(item); !sample) return Failure(sample.error());
  }
  return list;
}

Result<Value> First(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const List* samples, SamplesOf(arguments[0]));
  if (samples->empty()) {
    return InvalidArgumentError("first() called on vector with no elements");
  }
  return samples->front();
}

Result<Value> Label(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view name, TextOf(arguments[0]));
  TOCSIN_ASSIGN_OR_RETURN(const Record* sample, SampleOf(arguments[1]));
  return Value(LabelOf(*sample, name));
}

Result<Value> SampleNumber(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const Record* sample, SampleOf(arguments[0]));
  return sample->fields[1].second;
}

Result<Value> StringValue(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const Record* sample, SampleOf(arguments[0]));
  return Value(LabelOf(*sample, "__value__"));
}

Result<Value> SortByLabel(Arguments arguments, Work* work) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view name, TextOf(arguments[0]));
  TOCSIN_ASSIGN_OR_RETURN(const List* samples, SamplesOf(arguments[1]));
  // As many comparisons of a sample as the logarithm of their number.
  TOCSIN_RETURN_IF_ERROR(work->Spend(samples->size() * std::bit_width(samples->size())));
  List sorted = *samples;
  std::ranges::stable_sort(sorted, {},
                           [name](const Value& v) { return LabelOf(*v.AsRecord(), name); });
  return Value(std::move(sorted));
}

/// The path of "https://host/prefix".
std::string PathOf(std::string_view url) {
  const size_t scheme = url.find("://");
  const size_t path = url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  return path == std::string_view::npos ? std::string() : std::string(url.substr(path));
}

std::string GraphPath(std::string_view expr, std::string_view tab) {
  return "/graph?g0.expr=" + EscapeQuery(expr) + "&g0.tab=" + std::string(tab);
}

/// A query is worth so many steps, and every sample of its answer one: a thousand queries, then.
constexpr uint64_t kQuerySteps = 1'000;

Result<Value> Query(const AlertEnvironment& world, Arguments arguments, Work* work) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view expr, TextOf(arguments[0]));
  if (!world.query) return FailedPreconditionError("there are no queries here");
  TOCSIN_RETURN_IF_ERROR(work->Spend(kQuerySteps));
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<QuerySample> samples, world.query(expr));
  TOCSIN_RETURN_IF_ERROR(work->Spend(samples.size()));
  List list;
  for (const QuerySample& sample : samples) list.push_back(SampleValue(sample));
  static const NamedType type{.name = "template.queryResult", .methods = {}, .print = {}};
  return Value(std::move(list), &type);
}

void AddEnvironmentFunctions(const AlertEnvironment& environment, Functions* table) {
  const AlertEnvironment* world = &environment;
  (*table)["query"] = {1, 1, {}, [world](Arguments arguments, Work* work) {
                         return Query(*world, arguments, work);
                       }};
  (*table)["traces"] = {0, 0, [world](Arguments) -> Result<Value> {
                          List list;
                          if (!world->traces) return Value(std::move(list));
                          for (std::string& id : world->traces()) {
                            list.emplace_back(std::move(id));
                          }
                          return Value(std::move(list));
                        }};
  (*table)["externalURL"] = {
      0, 0, [world](Arguments) -> Result<Value> { return Value(world->external_url); }};
  (*table)["pathPrefix"] = {
      0, 0, [world](Arguments) -> Result<Value> { return Value(PathOf(world->external_url)); }};
  (*table)["now"] = {0, 0, [world](Arguments) -> Result<Value> {
                       const int64_t millis = world->now / kMillisecond;
                       return Value(static_cast<double>(millis) / 1000);
                     }};
}

}  // namespace

std::string TableLink(std::string_view expr) { return GraphPath(expr, "1"); }

const Functions& PureAlertFunctions() {
  static const Functions table{
      {"first", {1, 1, First}},
      {"label", {2, 2, Label}},
      {"value", {1, 1, SampleNumber}},
      {"strvalue", {1, 1, StringValue}},
      {"sortByLabel", {2, 2, {}, SortByLabel}},
      {"args", {0, std::numeric_limits<size_t>::max(), Args}},
      {"match", {2, 2, {}, Match}},
      {"reReplaceAll", {3, 3, {}, ReplaceAll}},
      {"parseDuration", {1, 1, ParseDurationText}},
      {"safeHtml", OfText([](std::string_view text) { return std::string(text); })},
      {"title", OfText(TitleCase)},
      {"toUpper", OfText(ToUpper)},
      {"toLower", OfText(ToLower)},
      {"graphLink", OfText([](std::string_view expr) { return GraphPath(expr, "0"); })},
      {"tableLink", OfText(TableLink)},
      {"stripPort", OfText(StripPort)},
      {"stripDomain", OfText(StripDomain)},
      {"urlQueryEscape", OfText(EscapeQuery)},
      {"humanize", OfNumber(Humanize)},
      {"humanize1024", OfNumber(Humanize1024)},
      {"humanizeDuration", OfNumber(HumanizeDuration)},
      {"humanizePercentage", OfNumber(HumanizePercentage)},
      {"humanizeTimestamp", OfNumber(HumanizeTimestamp)},
      {"toTime", OfNumber(TimeOf)},
      {"toDuration", OfNumber(DurationOf)},
  };
  return table;
}

Value NumberOf(const QuerySample& sample) {
  return sample.histogram == nullptr ? Value(sample.value)
                                     : Value(FormatHistogram(*sample.histogram));
}

Functions AlertFunctions(const AlertEnvironment& environment) {
  Functions table = PureAlertFunctions();
  AddEnvironmentFunctions(environment, &table);
  return table;
}

}  // namespace tocsin::tmpl
