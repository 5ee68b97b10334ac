#include "cpp/engine/tables.h"

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/lib/json.h"
#include "cpp/model/span_words.h"
#include "cpp/promql/result_json.h"
#include "cpp/wire/attribute_json.h"

namespace tocsin::engine {
namespace {

using arrow::Column;
using arrow::Type;

void WriteAttribute(const SpanBatch& batch, const SpanBatch::Attr& attr, lib::JsonWriter* w) {
  const SpanBatch::Key& key = batch.keys[attr.key];
  w->Key(batch.strings[key.name]);
  switch (key.type) {
    case ValueType::kString:
      w->String(batch.strings[attr.value]);
      break;
    case ValueType::kBool:
      w->Bool(attr.value != 0);
      break;
    case ValueType::kInt:
      w->Int(batch.ints[attr.value]);
      break;
    case ValueType::kDouble:
      if (const double number = batch.doubles[attr.value]; std::isfinite(number)) {
        w->Double(number);
      } else {
        wire::WriteDoubleValue(number, w);
      }
      break;
    case ValueType::kBytes:
      wire::WriteBytesValue(batch.strings[attr.value], w);
      break;
    case ValueType::kComposite:
      wire::WriteCompositeValue(batch.strings[attr.value], w);
      break;
    case ValueType::kEmpty:
      w->Null();
      break;
  }
}

std::string AttributesJson(const SpanBatch& batch, uint32_t row) {
  lib::JsonWriter w;
  w.BeginObject();
  for (uint32_t i = batch.attr_begin[row]; i < batch.attr_begin[row + 1]; ++i) {
    WriteAttribute(batch, batch.attrs[i], &w);
  }
  w.EndObject();
  return std::move(w).Take();
}

TablePtr Make(std::vector<Column> columns) {
  return std::make_shared<const arrow::Table>(std::move(columns));
}

void AppendOrNull(Column* column, std::string_view text) {
  if (text.empty()) {
    column->AppendNull();
  } else {
    column->AppendString(text);
  }
}

// Collects samples of any shape of result into columns; label names, and whether there are
// histograms, are known beforehand.
class SampleColumns {
 public:
  SampleColumns(const std::set<std::string>& names, bool histograms) : histograms_(histograms) {
    for (const std::string& name : names) labels_.emplace_back(name, Type::kCategory);
  }

  void Add(const Labels& labels, const Sample& sample) {
    AddPlace(labels, sample.t);
    value_.AppendDouble(sample.v);
    histogram_.AppendNull();
  }

  void Add(const Labels& labels, Millis t, const NativeHistogram& histogram) {
    AddPlace(labels, t);
    value_.AppendNull();
    lib::JsonWriter w;
    promql::WriteHistogram(histogram, &w);
    histogram_.AppendString(w.text());
  }

  TablePtr Finish() && {
    labels_.push_back(std::move(time_));
    labels_.push_back(std::move(value_));
    if (histograms_) labels_.push_back(std::move(histogram_));
    return Make(std::move(labels_));
  }

 private:
  void AddPlace(const Labels& labels, Millis t) {
    for (Column& column : labels_) AppendOrNull(&column, labels.Get(column.name()));
    time_.AppendInt(t * kMillisecond);
  }

  const bool histograms_;
  std::vector<Column> labels_;
  Column time_{"time", Type::kTimestampNs};
  Column value_{"value", Type::kDouble};
  Column histogram_{"histogram", Type::kString};
};

struct SampleTableMaker {
  TablePtr operator()(const promql::ScalarValue& scalar) const {
    SampleColumns columns({}, /*histograms=*/false);
    columns.Add({}, scalar.sample);
    return std::move(columns).Finish();
  }
  TablePtr operator()(const promql::StringValue& text) const {
    Column time("time", Type::kTimestampNs);
    Column value("value", Type::kString);
    time.AppendInt(text.t * kMillisecond);
    value.AppendString(text.value);
    std::vector<Column> columns;
    columns.push_back(std::move(time));
    columns.push_back(std::move(value));
    return Make(std::move(columns));
  }
  TablePtr operator()(const promql::VectorValue& vector) const {
    std::set<std::string> names;
    bool histograms = false;
    for (const auto& one : vector.samples) {
      AddNames(one.labels, &names);
      histograms = histograms || one.histogram != nullptr;
    }
    SampleColumns columns(names, histograms);
    for (const auto& one : vector.samples) {
      if (one.histogram != nullptr) {
        columns.Add(one.labels, one.sample.t, *one.histogram);
      } else {
        columns.Add(one.labels, one.sample);
      }
    }
    return std::move(columns).Finish();
  }
  TablePtr operator()(const promql::MatrixValue& matrix) const {
    std::set<std::string> names;
    bool histograms = false;
    for (const auto& series : matrix.series) {
      AddNames(series.labels, &names);
      histograms = histograms || !series.histograms.empty();
    }
    SampleColumns columns(names, histograms);
    for (const auto& series : matrix.series) AddSeries(series, &columns);
    return std::move(columns).Finish();
  }

  // Floats and histograms in the order of their times.
  static void AddSeries(const promql::SeriesData& series, SampleColumns* columns) {
    auto histogram = series.histograms.begin();
    const auto add_histograms = [&](Millis before) {
      for (; histogram != series.histograms.end() && histogram->t < before; ++histogram) {
        columns->Add(series.labels, histogram->t, *histogram->histogram);
      }
    };
    for (const Sample& sample : series.samples) {
      add_histograms(sample.t);
      columns->Add(series.labels, sample);
    }
    add_histograms(INT64_MAX);
  }

  static void AddNames(const Labels& labels, std::set<std::string>* names) {
    for (const auto& [name, value] : labels) names->insert(name);
  }
};

}  // namespace

TablePtr SearchTable(const traceql::SearchResult& result) {
  Column trace_id("trace_id", Type::kString);
  Column service("root_service_name", Type::kCategory);
  Column name("root_trace_name", Type::kCategory);
  Column start("start", Type::kTimestampNs);
  Column duration("duration_ns", Type::kInt64);
  Column matched("matched", Type::kInt64);
  for (const traceql::SearchTrace& trace : result.traces) {
    trace_id.AppendString(trace.id.ToHex());
    AppendOrNull(&service, trace.root_service);
    AppendOrNull(&name, trace.root_name);
    start.AppendInt(static_cast<int64_t>(trace.start));
    duration.AppendInt(static_cast<int64_t>(trace.duration));
    matched.AppendInt(trace.matched);
  }
  std::vector<Column> columns;
  for (Column* column : {&trace_id, &service, &name, &start, &duration, &matched}) {
    columns.push_back(std::move(*column));
  }
  return Make(std::move(columns));
}

TablePtr SpanTable(const SpanBatch& batch) {
  Column trace_id("trace_id", Type::kString);
  Column span_id("span_id", Type::kString);
  Column parent("parent_span_id", Type::kString);
  Column service("service", Type::kCategory);
  Column name("name", Type::kCategory);
  Column kind("kind", Type::kCategory);
  Column status("status", Type::kCategory);
  Column start("start", Type::kTimestampNs);
  Column duration("duration_ns", Type::kInt64);
  Column attributes("attributes", Type::kString);
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    trace_id.AppendString(batch.traces[batch.trace[row]].ToHex());
    span_id.AppendString(SpanIdToHex(batch.span_id[row]));
    const SpanId up = batch.parent_span_id[row];
    AppendOrNull(&parent, up == 0 ? std::string() : SpanIdToHex(up));
    AppendOrNull(&service, batch.ServiceName(row));
    name.AppendString(batch.strings[batch.name[row]]);
    kind.AppendString(KindWord(batch.kind[row]));
    status.AppendString(StatusWord(batch.status[row]));
    start.AppendInt(static_cast<int64_t>(batch.start[row]));
    duration.AppendInt(static_cast<int64_t>(batch.Duration(row)));
    attributes.AppendString(AttributesJson(batch, row));
  }
  std::vector<Column> columns;
  for (Column* column : {&trace_id, &span_id, &parent, &service, &name, &kind, &status, &start,
                         &duration, &attributes}) {
    columns.push_back(std::move(*column));
  }
  return Make(std::move(columns));
}

TablePtr SampleTable(const promql::QueryResult& result) {
  return std::visit(SampleTableMaker{}, result.value);
}

}  // namespace tocsin::engine
