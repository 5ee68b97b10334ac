#include "cpp/promql/result_json.h"

#include <cstdint>
#include <string>
#include <variant>

#include "cpp/base/format.h"
#include "cpp/lib/json_texts.h"
#include "cpp/model/native_histogram_buckets.h"

namespace tocsin::promql {
namespace {

using lib::JsonWriter;

int BoundaryRule(const HistogramBucket& bucket) {
  if (bucket.lower_inclusive) return bucket.upper_inclusive ? 3 : 1;
  return bucket.upper_inclusive ? 0 : 2;
}

void WriteSample(const Sample& sample, JsonWriter* w) {
  w->BeginArray();
  WriteTimestamp(sample.t, w);
  w->String(FormatSampleValue(sample.v)).EndArray();
}

void WriteHistogramSample(Millis t, const NativeHistogram& histogram, JsonWriter* w) {
  w->BeginArray();
  WriteTimestamp(t, w);
  WriteHistogram(histogram, w);
  w->EndArray();
}

struct ValueWriter {
  JsonWriter* w;

  void operator()(const ScalarValue& scalar) const {
    w->Key("resultType").String("scalar").Key("result");
    WriteSample(scalar.sample, w);
  }
  void operator()(const StringValue& text) const {
    w->Key("resultType").String("string").Key("result").BeginArray();
    WriteTimestamp(text.t, w);
    w->String(text.value).EndArray();
  }
  void operator()(const VectorValue& vector) const {
    w->Key("resultType").String("vector").Key("result").BeginArray();
    for (const VectorSample& one : vector.samples) {
      w->BeginObject().Key("metric");
      WriteLabels(one.labels, w);
      if (one.histogram != nullptr) {
        w->Key("histogram");
        WriteHistogramSample(one.sample.t, *one.histogram, w);
      } else {
        w->Key("value");
        WriteSample(one.sample, w);
      }
      w->EndObject();
    }
    w->EndArray();
  }
  void operator()(const MatrixValue& matrix) const {
    w->Key("resultType").String("matrix").Key("result").BeginArray();
    for (const SeriesData& series : matrix.series) WriteSeries(series);
    w->EndArray();
  }

  void WriteSeries(const SeriesData& series) const {
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
        WriteHistogramSample(sample.t, *sample.histogram, w);
      }
      w->EndArray();
    }
    w->EndObject();
  }
};

}  // namespace

void WriteTimestamp(Millis t, JsonWriter* w) {
  // In whole numbers: no double has every millisecond.
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

void WriteLabels(const Labels& labels, JsonWriter* w) { lib::WriteTextMap(labels, w); }

void WriteHistogram(const NativeHistogram& histogram, JsonWriter* w) {
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
  w->EndObject();
}

void WriteValue(const Value& value, JsonWriter* w) { std::visit(ValueWriter{w}, value); }

}  // namespace tocsin::promql
