#include "cpp/api/metrics_proto.h"

#include <cmath>
#include <vector>

#include "cpp/wire/proto_writer.h"

namespace tocsin::api {
namespace {

using wire::ProtoWriter;

// Of tempopb.PartialStatus.
constexpr uint64_t kPartial = 1;

// The members of a oneof are written also when they are zero.
void WriteAnyValue(const traceql::Value& value, std::string* out) {
  ProtoWriter w(out);
  switch (value.type) {
    case ValueType::kString:
      w.Bytes(1, value.text);
      break;
    case ValueType::kBool:
      w.Varint(2, value.integer != 0 ? 1 : 0);
      break;
    case ValueType::kInt:
      w.Varint(3, static_cast<uint64_t>(value.integer));
      break;
    case ValueType::kDouble:
      w.Double(4, value.number);
      break;
    case ValueType::kBytes:
      w.Bytes(7, value.text);
      break;
    case ValueType::kComposite:
      out->append(value.text);
      break;
    case ValueType::kEmpty:
      break;
  }
}

// repeated KeyValue labels = 1, of series and exemplars alike.
void WriteLabels(const std::vector<traceql::MetricsLabel>& labels, std::string* out) {
  ProtoWriter w(out);
  for (const traceql::MetricsLabel& label : labels) {
    w.Message(1, [&] {
      w.BytesSet(1, label.name);
      w.Message(2, [&] { WriteAnyValue(label.value, out); });
    });
  }
}

void WriteRest(const traceql::MetricsResult& result, std::string* out) {
  ProtoWriter w(out);
  const traceql::MetricsStats& stats = result.stats;
  w.Message(2, [&] {
    w.VarintSet(1, stats.inspected_traces);
    w.VarintSet(2, stats.inspected_bytes);
    w.VarintSet(3, stats.total_blocks);
    w.VarintSet(4, stats.total_blocks);
    w.VarintSet(5, stats.total_blocks);
    w.VarintSet(7, stats.inspected_spans);
  });
  if (result.partial.empty()) return;
  w.Varint(3, kPartial);
  w.Bytes(4, result.partial);
}

}  // namespace

std::string EncodeQueryRangeResponse(const traceql::MetricsResult& result) {
  std::string out;
  ProtoWriter w(&out);
  for (const traceql::MetricsSeries& series : result.series) {
    w.Message(1, [&] {
      WriteLabels(series.labels, &out);
      for (size_t i = 0; i < series.values.size(); ++i) {
        if (std::isnan(series.values[i])) continue;
        w.Message(2, [&] {
          w.DoubleSet(1, series.values[i]);
          w.VarintSet(2, static_cast<uint64_t>(result.timestamps_ms[i]));
        });
      }
      for (const traceql::MetricsExemplar& exemplar : series.exemplars) {
        w.Message(4, [&] {
          WriteLabels(exemplar.labels, &out);
          w.DoubleSet(2, exemplar.value);
          w.VarintSet(3, static_cast<uint64_t>(exemplar.timestamp_ms));
        });
      }
    });
  }
  WriteRest(result, &out);
  return out;
}

std::string EncodeQueryInstantResponse(const traceql::MetricsResult& result) {
  std::string out;
  ProtoWriter w(&out);
  for (const traceql::MetricsSeries& series : result.series) {
    w.Message(1, [&] {
      WriteLabels(series.labels, &out);
      w.DoubleSet(2, series.values.back());
    });
  }
  WriteRest(result, &out);
  return out;
}

}  // namespace tocsin::api
