#include "cpp/api/prometheus_json.h"

#include <utility>
#include <vector>

#include "cpp/api/errors.h"
#include "cpp/base/format.h"
#include "cpp/model/native_histogram_buckets.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

void WriteSample(const Sample& sample, JsonWriter* w) {
  w->BeginArray();
  WriteTimestamp(sample.t, w);
  w->String(FormatSampleValue(sample.v)).EndArray();
}

// Which ends a bucket includes: 0 the right one, 1 the left one, 2 none, 3 both.
int BoundaryRule(const HistogramBucket& bucket) {
  if (bucket.lower_inclusive) return bucket.upper_inclusive ? 3 : 1;
  return bucket.upper_inclusive ? 0 : 2;
}

// [time, {"count":"...","sum":"...","buckets":[[rule,"lower","upper","count"],...]}]
void WriteHistogram(Millis t, const NativeHistogram& histogram, JsonWriter* w) {
  w->BeginArray();
  WriteTimestamp(t, w);
  w->BeginObject().Key("count").String(FormatSampleValue(histogram.count));
  w->Key("sum").String(FormatSampleValue(histogram.sum));
  bool any = false;
  for (const HistogramBucket& bucket : AllBuckets(histogram)) {
    if (bucket.count == 0) continue;
    if (!any) w->Key("buckets").BeginArray();
    any = true;
    w->BeginArray().Int(BoundaryRule(bucket));
    for (const double number : {bucket.lower, bucket.upper, bucket.count}) {
      w->String(FormatSampleValue(number));
    }
    w->EndArray();
  }
  if (any) w->EndArray();
  w->EndObject().EndArray();
}

struct ValueWriter {
  JsonWriter* w;

  void operator()(const promql::ScalarValue& scalar) const {
    w->Key("resultType").String("scalar").Key("result");
    WriteSample(scalar.sample, w);
  }
  void operator()(const promql::StringValue& text) const {
    w->Key("resultType").String("string").Key("result").BeginArray();
    WriteTimestamp(text.t, w);
    w->String(text.value).EndArray();
  }
  void operator()(const promql::VectorValue& vector) const {
    w->Key("resultType").String("vector").Key("result").BeginArray();
    for (const promql::VectorSample& one : vector.samples) {
      w->BeginObject().Key("metric");
      WriteLabels(one.labels, w);
      if (one.histogram != nullptr) {
        w->Key("histogram");
        WriteHistogram(one.sample.t, *one.histogram, w);
      } else {
        w->Key("value");
        WriteSample(one.sample, w);
      }
      w->EndObject();
    }
    w->EndArray();
  }
  void operator()(const promql::MatrixValue& matrix) const {
    w->Key("resultType").String("matrix").Key("result").BeginArray();
    for (const promql::SeriesData& series : matrix.series) {
      w->BeginObject().Key("metric");
      WriteLabels(series.labels, w);
      if (!series.samples.empty()) {
        w->Key("values").BeginArray();
        for (const Sample& sample : series.samples) WriteSample(sample, w);
        w->EndArray();
      }
      if (!series.histograms.empty()) {
        w->Key("histograms").BeginArray();
        for (const HistogramSample& sample : series.histograms) {
          WriteHistogram(sample.t, *sample.histogram, w);
        }
        w->EndArray();
      }
      w->EndObject();
    }
    w->EndArray();
  }
};

void WriteTexts(std::string_view key, const std::vector<std::string>& texts, JsonWriter* w) {
  if (texts.empty()) return;
  w->Key(key).BeginArray();
  for (const std::string& text : texts) w->String(text);
  w->EndArray();
}

std::pair<std::string_view, int> ErrorType(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument:
      return {"bad_data", 400};
    case StatusCode::kFailedPrecondition:
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnsupported:
      return {"execution", 422};
    case StatusCode::kNotFound:
      return {"not_found", 404};
    case StatusCode::kCancelled:
      return {"canceled", 499};
    case StatusCode::kDeadlineExceeded:
      return {"timeout", 503};
    case StatusCode::kUnavailable:
      return {"unavailable", 500};
    default:
      return {"internal", 500};
  }
}

std::string ErrorJson(std::string_view type, std::string_view message) {
  JsonWriter w;
  w.BeginObject().Key("status").String("error").Key("errorType").String(type);
  w.Key("error").String(message).EndObject();
  return std::move(w).Take();
}

}  // namespace

void WriteLabels(const Labels& labels, JsonWriter* w) {
  w->BeginObject();
  for (const auto& [name, value] : labels) w->Key(name).String(value);
  w->EndObject();
}

void WriteTimestamp(Millis t, JsonWriter* w) {
  std::string text = t < 0 ? "-" : "";
  const uint64_t magnitude = t < 0 ? -static_cast<uint64_t>(t) : static_cast<uint64_t>(t);
  text += std::to_string(magnitude / 1000);
  if (const uint64_t fraction = magnitude % 1000; fraction > 0) {
    std::string digits = std::to_string(1000 + fraction).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  w->Raw(text);
}

http::Response PrometheusSuccess(std::string_view data, const std::vector<std::string>& warnings) {
  JsonWriter w;
  w.BeginObject().Key("status").String("success").Key("data").Raw(data);
  WriteTexts("warnings", warnings, &w);
  w.EndObject();
  return http::Response::Json(200, std::move(w).Take());
}

http::Response PrometheusError(const Status& status) {
  const auto [type, code] = ErrorType(status.code());
  return http::Response::Json(code, ErrorJson(type, status.message()));
}

http::Response PrometheusBusy(const Status& status) {
  http::Response response =
      http::Response::Json(429, ErrorJson("too_many_requests", status.message()));
  response.Set("Retry-After", "1");
  return response;
}

http::Response PrometheusResult(const promql::QueryResult& result, std::string_view stats) {
  JsonWriter w;
  w.BeginObject().Key("status").String("success").Key("data").BeginObject();
  std::visit(ValueWriter{&w}, result.value);
  if (!stats.empty()) w.Key("stats").Raw(stats);
  w.EndObject();
  WriteTexts("warnings", result.warnings, &w);
  WriteTexts("infos", result.infos, &w);
  w.EndObject();
  return http::Response::Json(200, std::move(w).Take());
}

}  // namespace tocsin::api
