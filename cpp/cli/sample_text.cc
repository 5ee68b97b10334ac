#include "cpp/cli/sample_text.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/quote.h"
#include "cpp/base/rfc3339.h"
#include "cpp/base/utf8.h"

namespace tocsin::cli {
namespace {

using lib::Json;

Failure Malformed() { return CorruptionError("the answer is none of Prometheus's API"); }

// `{count:4, sum:2, (0.5,1]:2}`
std::string HistogramText(const Json& histogram) {
  const auto text = [](const Json* json) {
    return std::string(json != nullptr ? json->StringOr("?") : "?");
  };
  std::string result =
      "{count:" + text(histogram.Find("count")) + ", sum:" + text(histogram.Find("sum"));
  const Json* buckets = histogram.Find("buckets");
  if (buckets == nullptr) return result + "}";
  for (const Json& bucket : buckets->array) {
    if (bucket.array.size() != 4) continue;
    const int64_t rule = bucket.array[0].integer;
    result.append(rule == 1 || rule == 3 ? ", [" : ", (");
    result.append(text(&bucket.array[1])).append(",").append(text(&bucket.array[2]));
    result.append(rule == 0 || rule == 3 ? "]:" : "):").append(text(&bucket.array[3]));
  }
  return result + "}";
}

struct Point {
  double seconds = 0;
  std::string value;
};

// [time, value]
Status AddPoint(const Json& pair, std::vector<Point>* points) {
  if (pair.array.size() != 2) return Malformed();
  const Json& value = pair.array[1];
  points->push_back({pair.array[0].number, value.type == Json::Type::kObject
                                               ? HistogramText(value)
                                               : std::string(value.StringOr("?"))});
  return Status();
}

// Those of one series, floats and histograms together, by time.
Result<std::vector<Point>> PointsOf(const Json& series) {
  std::vector<Point> points;
  for (const std::string_view key : {"value", "histogram"}) {
    if (const Json* one = series.Find(key)) TOCSIN_RETURN_IF_ERROR(AddPoint(*one, &points));
  }
  for (const std::string_view key : {"values", "histograms"}) {
    const Json* many = series.Find(key);
    if (many == nullptr) continue;
    for (const Json& one : many->array) TOCSIN_RETURN_IF_ERROR(AddPoint(one, &points));
  }
  std::ranges::stable_sort(points, {}, &Point::seconds);
  return points;
}

std::string TimeText(double seconds) {
  return FormatRfc3339Millis(static_cast<Nanos>(std::llround(seconds * 1000)) * kMillisecond);
}

std::string Escaped(const std::string& text) {
  const bool plain = std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  return plain && IsValidUtf8(text) ? text : QuoteGo(text);
}

// Characters, as far as that is what a terminal shows.
size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) field.append(c == '"' ? 2 : 1, c);
  return field + "\"";
}

}  // namespace

Result<SampleRows> RowsOf(const Json& data) {
  const Json* type = data.Find("resultType");
  const Json* result = data.Find("result");
  if (type == nullptr || result == nullptr) return Malformed();
  SampleRows rows;
  if (type->StringOr("") == "scalar" || type->StringOr("") == "string") {
    std::vector<Point> points;
    TOCSIN_RETURN_IF_ERROR(AddPoint(*result, &points));
    rows.columns = {"time", "value"};
    rows.rows = {{TimeText(points[0].seconds), points[0].value}};
    return rows;
  }
  std::set<std::string> names;
  for (const Json& series : result->array) {
    const Json* metric = series.Find("metric");
    if (metric == nullptr) return Malformed();
    for (const auto& [name, value] : metric->object) names.insert(name);
  }
  rows.columns.assign(names.begin(), names.end());
  for (const Json& series : result->array) {
    std::vector<std::string> labels;
    for (const std::string& name : names) {
      const Json* value = series.Find("metric")->Find(name);
      labels.emplace_back(value != nullptr ? value->StringOr("") : "");
    }
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<Point> points, PointsOf(series));
    for (const Point& point : points) {
      std::vector<std::string>& row = rows.rows.emplace_back(labels);
      row.push_back(TimeText(point.seconds));
      row.push_back(point.value);
    }
  }
  rows.columns.insert(rows.columns.end(), {"time", "value"});
  return rows;
}

std::string AsTable(const SampleRows& rows) {
  std::vector<std::vector<std::string>> lines = {rows.columns};
  lines.insert(lines.end(), rows.rows.begin(), rows.rows.end());
  std::vector<size_t> widths(rows.columns.size());
  for (std::vector<std::string>& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      line[i] = Escaped(line[i]);
      widths[i] = std::max(widths[i], WidthOf(line[i]));
    }
  }
  std::string text;
  for (const std::vector<std::string>& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      text.append(line[i]);
      const bool last = i + 1 == line.size();
      text.append(last ? "\n" : std::string(widths[i] - WidthOf(line[i]) + 2, ' '));
    }
  }
  return text;
}

std::string AsCsv(const SampleRows& rows) {
  std::string text;
  const auto add = [&text](const std::vector<std::string>& line) {
    for (size_t i = 0; i < line.size(); ++i) {
      text.append(i == 0 ? "" : ",").append(CsvField(line[i]));
    }
    text.append("\n");
  };
  add(rows.columns);
  for (const std::vector<std::string>& line : rows.rows) add(line);
  return text;
}

}  // namespace tocsin::cli
