#include "cpp/promql/load_command.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/model/native_histogram_math.h"

namespace tocsin::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::string_view kBlanks = " \t\r";

Failure AtLine(size_t line, std::string_view what) {
  return InvalidArgumentError("line " + std::to_string(line) + ": " + std::string(what));
}

// Times that are no milliseconds any more are none.
bool FitsInTime(Millis step, size_t values) {
  constexpr Millis kLatest = std::numeric_limits<Millis>::max() / 4;
  return values == 0 || step <= kLatest / static_cast<Millis>(values);
}

Result<std::vector<TimedValue>> TimedValues(const NotedSeries& noted,
                                            const std::optional<NotedStarts>& starts, Millis step) {
  if (starts && starts->labels != noted.labels) {
    return InvalidArgumentError("@st metric does not match the following sample line metric");
  }
  if (starts && starts->offsets.size() != noted.values.size()) {
    return InvalidArgumentError("@st line has " + std::to_string(starts->offsets.size()) +
                                " values but sample line has " +
                                std::to_string(noted.values.size()));
  }
  if (!FitsInTime(step, noted.values.size())) {
    return InvalidArgumentError("the last values are too far in the future");
  }
  std::vector<TimedValue> values;
  for (size_t i = 0; i < noted.values.size(); ++i) {
    if (noted.values[i].blank) continue;
    TimedValue& value = values.emplace_back();
    value.t = static_cast<Millis>(i) * step;
    value.value = noted.values[i].value;
    value.histogram = noted.values[i].histogram;
    if (starts && starts->offsets[i]) value.start = value.t + *starts->offsets[i];
  }
  return values;
}

// A classic histogram at one time, gathered from its series.
struct ClassicHistogram {
  std::map<double, double> buckets;  // Cumulative, by upper bound.
  std::optional<double> count;
  double sum = 0;
};

// Series that are one classic histogram, by their common labels.
using ClassicHistograms = std::map<Labels, std::map<Millis, ClassicHistogram>>;

Result<NativeHistogram> Converted(const ClassicHistogram& classic) {
  std::map<double, double> buckets = classic.buckets;
  const double highest = buckets.empty() ? 0 : buckets.rbegin()->second;
  const double count = classic.count.value_or(highest);
  buckets.emplace(kInfinity, count);
  if (buckets.rbegin()->second != count) {
    return InvalidArgumentError("count mismatch: count=" + FormatGoFloat(count) + " != le=+Inf " +
                                "count=" + FormatGoFloat(buckets.rbegin()->second));
  }
  NativeHistogram native;
  native.schema = kCustomBucketsSchema;
  native.count = count;
  native.sum = classic.sum;
  native.positive_spans = {{0, static_cast<uint32_t>(buckets.size())}};
  double below = 0;
  for (const auto& [bound, cumulative] : buckets) {
    if (cumulative < below) {
      return InvalidArgumentError("count is not cumulative: " + FormatGoFloat(cumulative) + " < " +
                                  FormatGoFloat(below));
    }
    native.positive_buckets.push_back(cumulative - below);
    below = cumulative;
    if (bound != kInfinity) native.custom_values.push_back(bound);
  }
  CompactHistogram(&native);
  TOCSIN_RETURN_IF_ERROR(ValidateHistogram(native));
  return native;
}

// Takes a suffix off the name of a series.
bool TakeSuffix(std::string_view suffix, Labels* labels) {
  const std::string name(labels->metric_name());
  if (!name.ends_with(suffix)) return false;
  labels->Set(kMetricName, std::string_view(name).substr(0, name.size() - suffix.size()));
  return true;
}

void Gather(const LoadCommand::Series& series, ClassicHistograms* histograms) {
  Labels labels = series.labels;
  std::optional<double> bound;
  const bool is_bucket = TakeSuffix("_bucket", &labels);
  if (is_bucket) bound = ParseGoFloat(series.labels.Get("le"));
  if (is_bucket && (!bound || std::isnan(*bound))) return;
  const bool is_count = !is_bucket && TakeSuffix("_count", &labels);
  const bool is_sum = !is_bucket && !is_count && TakeSuffix("_sum", &labels);
  if (!is_bucket && !is_count && !is_sum) return;
  labels.Remove("le");
  std::map<Millis, ClassicHistogram>& by_time = (*histograms)[labels];
  for (const TimedValue& value : series.values) {
    if (value.histogram != nullptr) continue;
    ClassicHistogram& classic = by_time[value.t];
    if (is_bucket) classic.buckets.emplace(*bound, value.value);
    if (is_count) classic.count = value.value;
    if (is_sum) classic.sum = value.value;
  }
}

Result<std::vector<LoadCommand::Series>> CustomHistograms(const LoadCommand& command) {
  ClassicHistograms histograms;
  for (const LoadCommand::Series& series : command.series) Gather(series, &histograms);
  std::vector<LoadCommand::Series> result;
  for (const auto& [labels, by_time] : histograms) {
    LoadCommand::Series& series = result.emplace_back();
    series.labels = labels;
    for (const auto& [t, classic] : by_time) {
      Result<NativeHistogram> native = Converted(classic);
      if (!native.has_value()) return Failure(native.error().WithContext(labels.ToString()));
      auto shared = std::make_shared<const NativeHistogram>(*std::move(native));
      series.values.push_back({.t = t, .histogram = std::move(shared)});
    }
  }
  return result;
}

Status CheckHistograms(const LoadCommand& command) {
  for (const LoadCommand::Series& series : command.series) {
    for (const TimedValue& value : series.values) {
      if (value.histogram == nullptr) continue;
      TOCSIN_RETURN_IF_ERROR(
          ValidateHistogram(*value.histogram).WithContext(series.labels.ToString()));
    }
  }
  return Status();
}

}  // namespace

std::vector<std::string> ScriptLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = std::min(line.find_first_not_of(kBlanks), line.size());
    line.remove_prefix(first);
    line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
    lines.emplace_back(line.starts_with('#') ? "" : line);
  }
  return lines;
}

Result<LoadCommand> ParseLoad(std::span<const std::string> lines, size_t first_line) {
  LoadCommand command;
  const std::string_view head = lines.front();
  const size_t name_end = std::min(head.find_first_of(kBlanks), head.size());
  const std::string_view name = head.substr(0, name_end);
  command.with_custom_buckets = name == "load_with_nhcb";
  if (name != "load" && !command.with_custom_buckets) {
    return AtLine(first_line, "invalid load command. (load[_with_nhcb] <step:duration>)");
  }
  const size_t step_begin = std::min(head.find_first_not_of(kBlanks, name_end), head.size());
  const Result<Nanos> step = ParseDuration(head.substr(step_begin));
  if (!step.has_value()) {
    return AtLine(first_line, "invalid step definition " + QuoteGo(head.substr(step_begin)) + ": " +
                                  std::string(step.error().message()));
  }
  std::optional<NotedStarts> starts;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (IsStartNotation(lines[i])) {
      if (starts) return AtLine(first_line + i, "@st line has no following sample line");
      Result<NotedStarts> noted = ParseStartNotation(lines[i]);
      if (!noted.has_value()) return AtLine(first_line + i, noted.error().message());
      starts = *std::move(noted);
      continue;
    }
    const Result<NotedSeries> noted = ParseSeriesNotation(lines[i]);
    if (!noted.has_value()) return AtLine(first_line + i, noted.error().message());
    Result<std::vector<TimedValue>> values = TimedValues(*noted, starts, *step / kMillisecond);
    if (!values.has_value()) return AtLine(first_line + i, values.error().message());
    command.series.push_back({noted->labels, *std::move(values)});
    starts.reset();
  }
  if (starts) return AtLine(first_line + lines.size() - 1, "@st line has no following sample line");
  return command;
}

Status Load(const LoadCommand& command, MemorySource* source) {
  TOCSIN_RETURN_IF_ERROR(CheckHistograms(command));
  std::vector<LoadCommand::Series> converted;
  if (command.with_custom_buckets) {
    TOCSIN_ASSIGN_OR_RETURN(converted, CustomHistograms(command));
  }
  for (const auto* all : {&command.series, &std::as_const(converted)}) {
    for (const LoadCommand::Series& series : *all) source->Add(series.labels, series.values);
  }
  return Status();
}

Status LoadScript(std::string_view text, MemorySource* source) {
  const std::vector<std::string> lines = ScriptLines(text);
  std::vector<std::pair<size_t, LoadCommand>> commands;
  MemorySource scratch;  // So that what is wrong is found before anything is loaded.
  for (size_t begin = 0; begin < lines.size();) {
    size_t end = begin;
    while (end < lines.size() && !lines[end].empty()) ++end;
    if (end > begin) {
      TOCSIN_ASSIGN_OR_RETURN(LoadCommand command,
                              ParseLoad(std::span(lines).subspan(begin, end - begin), begin + 1));
      const Status status = Load(command, &scratch);
      if (!status.ok()) return AtLine(begin + 1, status.message());
      commands.emplace_back(begin + 1, std::move(command));
    }
    begin = end + 1;
  }
  for (const auto& [line, command] : commands) TOCSIN_RETURN_IF_ERROR(Load(command, source));
  return Status();
}

}  // namespace tocsin::promql
