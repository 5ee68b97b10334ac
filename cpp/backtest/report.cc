#include "cpp/backtest/report.h"

#include <utility>
#include <vector>

#include "cpp/base/format.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"
#include "cpp/lib/json_texts.h"

namespace tocsin::backtest {
namespace {

using arrow::Column;
using arrow::Type;

template <class AnyPairs>
std::string PairsJson(const AnyPairs& pairs) {
  lib::JsonWriter w;
  lib::WriteTextMap(pairs, &w);
  return std::move(w).Take();
}

void WriteTime(std::optional<Nanos> time, lib::JsonWriter* w) {
  if (time) {
    w->String(FormatRfc3339(*time));
  } else {
    w->Null();
  }
}

void AppendTime(std::optional<Nanos> time, Column* column) {
  if (time) {
    column->AppendInt(*time);
  } else {
    column->AppendNull();
  }
}

void WritePeriod(const AlertPeriod& period, lib::JsonWriter* w) {
  w->BeginObject().Key("alert").String(period.alert).Key("labels");
  lib::WriteTextMap(period.labels, w);
  w->Key("state").String(StateName(period)).Key("pending_since");
  WriteTime(period.pending_since, w);
  w->Key("firing_since");
  WriteTime(period.firing_since, w);
  w->Key("resolved_at");
  WriteTime(period.resolved_at, w);
  w->Key("value").String(FormatSampleValue(period.value));
  w->Key("peak").String(FormatSampleValue(period.peak));
  w->Key("evaluations").Int(static_cast<int64_t>(period.evaluations)).Key("annotations");
  lib::WriteTextMap(period.annotations, w);
  w->Key("group").String(period.group).Key("file").String(period.file).EndObject();
}

void WriteRule(const RuleReport& rule, lib::JsonWriter* w) {
  w->BeginObject().Key("name").String(rule.name);
  w->Key("type").String(rule.alerting ? "alerting" : "recording");
  w->Key("evaluations").Int(static_cast<int64_t>(rule.evaluations));
  w->Key("failures").Int(static_cast<int64_t>(rule.failures));
  if (!rule.last_error.empty()) {
    w->Key("last_error").String(rule.last_error).Key("last_error_at");
    WriteTime(rule.last_error_at, w);
  }
  w->Key("queries").Int(static_cast<int64_t>(rule.queries));
  w->Key("group").String(rule.group).Key("file").String(rule.file).EndObject();
}

void WriteOrigin(const MetricOrigin& origin, lib::JsonWriter* w) {
  w->BeginObject().Key("metric").String(origin.metric);
  w->Key("source").String(SourceName(origin.source));
  if (origin.source == MetricOrigin::Source::kSpans) {
    w->Key("dimensions").BeginArray();
    for (const std::string& label : origin.dimensions) w->String(label);
    w->EndArray().Key("reason").String(origin.reason);
  }
  w->EndObject();
}

void WriteNotes(const Report& report, lib::JsonWriter* w) {
  w->Key("rules").BeginArray();
  for (const RuleReport& rule : report.rules) WriteRule(rule, w);
  w->EndArray().Key("metrics").BeginArray();
  for (const MetricOrigin& origin : report.origins) WriteOrigin(origin, w);
  w->EndArray().Key("warnings").BeginArray();
  for (const std::string& warning : report.warnings) w->String(warning);
  w->EndArray();
}

}  // namespace

std::string_view StateName(const AlertPeriod& period) {
  return period.firing_since ? "firing" : "pending";
}

std::shared_ptr<const arrow::Table> PeriodTable(const Report& report) {
  Column alert("alert", Type::kCategory);
  Column labels("labels", Type::kString);
  Column state("state", Type::kCategory);
  Column pending_since("pending_since", Type::kTimestampNs);
  Column firing_since("firing_since", Type::kTimestampNs);
  Column resolved_at("resolved_at", Type::kTimestampNs);
  Column value("value", Type::kDouble);
  Column peak("peak", Type::kDouble);
  Column evaluations("evaluations", Type::kInt64);
  Column annotations("annotations", Type::kString);
  Column group("group", Type::kCategory);
  Column file("file", Type::kCategory);
  for (const AlertPeriod& period : report.periods) {
    alert.AppendString(period.alert);
    labels.AppendString(PairsJson(period.labels));
    state.AppendString(StateName(period));
    pending_since.AppendInt(period.pending_since);
    AppendTime(period.firing_since, &firing_since);
    AppendTime(period.resolved_at, &resolved_at);
    value.AppendDouble(period.value);
    peak.AppendDouble(period.peak);
    evaluations.AppendInt(static_cast<int64_t>(period.evaluations));
    annotations.AppendString(PairsJson(period.annotations));
    group.AppendString(period.group);
    file.AppendString(period.file);
  }
  std::vector<Column> columns;
  for (Column* column : {&alert, &labels, &state, &pending_since, &firing_since, &resolved_at,
                         &value, &peak, &evaluations, &annotations, &group, &file}) {
    columns.push_back(std::move(*column));
  }
  return std::make_shared<const arrow::Table>(std::move(columns));
}

std::string ReportJson(const Report& report) {
  lib::JsonWriter w;
  w.BeginObject().Key("from").String(FormatRfc3339(report.from));
  w.Key("to").String(FormatRfc3339(report.to)).Key("alerts").BeginArray();
  for (const AlertPeriod& period : report.periods) WritePeriod(period, &w);
  w.EndArray();
  WriteNotes(report, &w);
  w.EndObject();
  return std::move(w).Take();
}

std::string NotesJson(const Report& report) {
  lib::JsonWriter w;
  w.BeginObject().Key("from").String(FormatRfc3339(report.from));
  w.Key("to").String(FormatRfc3339(report.to));
  WriteNotes(report, &w);
  w.EndObject();
  return std::move(w).Take();
}

}  // namespace tocsin::backtest
