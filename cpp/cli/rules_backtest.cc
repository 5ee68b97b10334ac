#include "cpp/cli/rules_backtest.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/arrow/ipc.h"
#include "cpp/backtest/backtest.h"
#include "cpp/backtest/report.h"
#include "cpp/base/clock.h"
#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/rfc3339.h"
#include "cpp/cli/files.h"
#include "cpp/cli/sample_text.h"
#include "cpp/cli/text.h"
#include "cpp/engine/offline_data.h"
#include "cpp/rules/rule_file.h"
#include "cpp/server/engine_options.h"

namespace tocsin::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsageError = 2;
constexpr std::string_view kDefaultPath = "./tocsin-data";

Result<backtest::Options> OptionsOf(const Arguments& arguments) {
  const Nanos now = Clock::Real().Now();
  backtest::Options options;
  if (arguments.start.empty()) {
    return InvalidArgumentError("tocsin rules backtest needs --from: where it begins, such as -7d");
  }
  TOCSIN_ASSIGN_OR_RETURN(options.from, ParseMoment(arguments.start, now));
  TOCSIN_ASSIGN_OR_RETURN(options.to,
                          ParseMoment(arguments.end.empty() ? "now" : arguments.end, now));
  if (options.to < options.from) return InvalidArgumentError("--to lies before --from");
  if (!arguments.interval.empty()) {
    const std::optional<Nanos> interval = ParsePeriod(arguments.interval);
    if (!interval || *interval < kMillisecond) {
      return InvalidArgumentError("--interval takes a duration such as 1m, not \"" +
                                  arguments.interval + "\"");
    }
    options.rules.default_interval = *interval;
  }
  options.rules.parser = server::ServedPromQl();
  options.dimensions = arguments.dimensions;
  options.from_spans = arguments.from_spans;
  return options;
}

Result<std::vector<rules::RuleFile>> ReadRules(const std::vector<std::string>& paths) {
  std::vector<backtest::RuleText> texts;
  for (const std::string& path : paths) {
    TOCSIN_ASSIGN_OR_RETURN(std::string text, ReadText(path));
    texts.push_back({path == "-" ? "<stdin>" : path, std::move(text)});
  }
  return backtest::ParseRules(texts, server::ServedPromQl());
}

Result<backtest::Report> RunOver(const std::string& directory, std::vector<rules::RuleFile> files,
                                 const backtest::Options& options) {
  promql::EngineOptions promql;
  promql.parser = server::ServedPromQl();
  const auto data = engine::OfflineData::Open(directory, promql);
  if (!data.has_value()) {
    if (data.error().code() != StatusCode::kAlreadyExists) return Failure(data.error());
    return AlreadyExistsError(
        std::string(data.error().message()) +
        "; a backtest reads a directory that nobody serves: stop the server, or use a copy that "
        "POST /api/admin/snapshot makes");
  }
  const engine::OfflineData& opened = **data;
  const backtest::History history{opened.promql(), opened.series(), opened.series(),
                                  &opened.spans()};
  return backtest::Run(history, std::move(files), options);
}

std::string TimeText(std::optional<Nanos> time, std::string_view otherwise) {
  return time ? FormatRfc3339Millis(*time) : std::string(otherwise);
}

SampleRows RowsOf(const backtest::Report& report) {
  SampleRows rows;
  rows.columns = {"ALERT",       "STATE", "PENDING SINCE", "FIRING SINCE",
                  "RESOLVED AT", "VALUE", "PEAK",          "LABELS"};
  for (const backtest::AlertPeriod& period : report.periods) {
    Labels labels = period.labels;
    labels.Remove("alertname");
    rows.rows.push_back({period.alert, std::string(backtest::StateName(period)),
                         TimeText(period.pending_since, ""), TimeText(period.firing_since, "-"),
                         TimeText(period.resolved_at, "-"), FormatSampleValue(period.value),
                         FormatSampleValue(period.peak), labels.ToString()});
  }
  return rows;
}

void PrintNotes(const backtest::Report& report) {
  const auto say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  for (const std::string& warning : report.warnings) say("warning: " + warning);
  for (const backtest::RuleReport& rule : report.rules) {
    if (rule.last_error.empty()) continue;
    const std::string what = rule.failures == 0 ? "has a template that fails"
                                                : "failed " + FormatCount(rule.failures) + " of " +
                                                      FormatCount(rule.evaluations) + " times";
    say("warning: " + rule.file + ": group \"" + rule.group + "\", rule \"" + rule.name + "\" " +
        what + ", at last " + FormatRfc3339Millis(rule.last_error_at) + ": " + rule.last_error);
  }
  for (const backtest::MetricOrigin& origin : report.origins) {
    if (origin.source != backtest::MetricOrigin::Source::kSpans) continue;
    std::string line = "info: metric " + origin.metric + " was derived from spans";
    for (size_t i = 0; i < origin.dimensions.size(); ++i) {
      line += (i == 0 ? " with the labels " : ", ") + origin.dimensions[i];
    }
    say(line + ": " + origin.reason);
  }
}

/// What is to be printed.
Result<std::string> AnswerOf(const Arguments& arguments) {
  if (arguments.positional.empty()) {
    return InvalidArgumentError("tocsin rules backtest takes rule files");
  }
  if (arguments.url_given) {
    return InvalidArgumentError(
        "a running server does no backtests: give --path, a data directory that nobody serves");
  }
  const std::string format = arguments.format.empty() ? "table" : arguments.format;
  if (format != "table" && format != "csv" && format != "json" && format != "arrow") {
    return InvalidArgumentError("--format is table, csv, json or arrow, not \"" + format + "\"");
  }
  TOCSIN_ASSIGN_OR_RETURN(const backtest::Options options, OptionsOf(arguments));
  TOCSIN_ASSIGN_OR_RETURN(std::vector<rules::RuleFile> files, ReadRules(arguments.positional));
  const std::string path = arguments.path.empty() ? std::string(kDefaultPath) : arguments.path;
  TOCSIN_ASSIGN_OR_RETURN(const backtest::Report report, RunOver(path, std::move(files), options));
  if (format == "json") return backtest::ReportJson(report) + "\n";
  PrintNotes(report);
  if (format == "arrow") return arrow::EncodeIpcStream(backtest::PeriodTable(report));
  const SampleRows rows = RowsOf(report);
  return format == "csv" ? AsCsv(rows) : AsTable(rows);
}

}  // namespace

int BacktestRules(const Arguments& arguments) {
  const Result<std::string> answer = AnswerOf(arguments);
  if (!answer.has_value()) {
    std::fprintf(stderr, "tocsin: %s\n", std::string(answer.error().message()).c_str());
    return answer.error().code() == StatusCode::kInvalidArgument ? kUsageError : kFailed;
  }
  const bool written = std::fwrite(answer->data(), 1, answer->size(), stdout) == answer->size();
  return written && std::fflush(stdout) == 0 ? 0 : kFailed;
}

}  // namespace tocsin::cli
