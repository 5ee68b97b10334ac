#include "cpp/wire/otlp_json_metrics.h"

#include <array>

#include "cpp/wire/otlp_json_messages.h"
#include "cpp/wire/otlp_json_transcoder.h"

namespace tocsin::wire {
namespace {

constexpr std::array<std::string_view, 3> kTemporalities = {"AGGREGATION_TEMPORALITY_UNSPECIFIED",
                                                            "AGGREGATION_TEMPORALITY_DELTA",
                                                            "AGGREGATION_TEMPORALITY_CUMULATIVE"};

constexpr JsonField kExemplarFields[] = {
    {"filteredAttributes", "filtered_attributes", 7, JsonFieldType::kMessages, &kJsonKeyValue},
    {"timeUnixNano", "time_unix_nano", 2, JsonFieldType::kFixed64},
    {"asDouble", "as_double", 3, JsonFieldType::kDouble, nullptr, {}, true},
    {"asInt", "as_int", 6, JsonFieldType::kSfixed64, nullptr, {}, true},
    {"spanId", "span_id", 4, JsonFieldType::kSpanId},
    {"traceId", "trace_id", 5, JsonFieldType::kTraceId},
};
constexpr JsonMessage kExemplar{kExemplarFields};
constexpr JsonField kNumberPointFields[] = {
    {"attributes", "attributes", 7, JsonFieldType::kMessages, &kJsonKeyValue},
    {"startTimeUnixNano", "start_time_unix_nano", 2, JsonFieldType::kFixed64},
    {"timeUnixNano", "time_unix_nano", 3, JsonFieldType::kFixed64},
    {"asDouble", "as_double", 4, JsonFieldType::kDouble, nullptr, {}, true},
    {"asInt", "as_int", 6, JsonFieldType::kSfixed64, nullptr, {}, true},
    {"exemplars", "exemplars", 5, JsonFieldType::kMessages, &kExemplar},
    {"flags", "flags", 8, JsonFieldType::kUint32},
};
constexpr JsonMessage kNumberPoint{kNumberPointFields};
constexpr JsonField kHistogramPointFields[] = {
    {"attributes", "attributes", 9, JsonFieldType::kMessages, &kJsonKeyValue},
    {"startTimeUnixNano", "start_time_unix_nano", 2, JsonFieldType::kFixed64},
    {"timeUnixNano", "time_unix_nano", 3, JsonFieldType::kFixed64},
    {"count", "count", 4, JsonFieldType::kFixed64},
    {"sum", "sum", 5, JsonFieldType::kDouble, nullptr, {}, true},
    {"bucketCounts", "bucket_counts", 6, JsonFieldType::kFixed64s},
    {"explicitBounds", "explicit_bounds", 7, JsonFieldType::kDoubles},
    {"exemplars", "exemplars", 8, JsonFieldType::kMessages, &kExemplar},
    {"flags", "flags", 10, JsonFieldType::kUint32},
    {"min", "min", 11, JsonFieldType::kDouble, nullptr, {}, true},
    {"max", "max", 12, JsonFieldType::kDouble, nullptr, {}, true},
};
constexpr JsonMessage kHistogramPoint{kHistogramPointFields};
constexpr JsonField kBucketsFields[] = {
    {"offset", "offset", 1, JsonFieldType::kSint32},
    {"bucketCounts", "bucket_counts", 2, JsonFieldType::kUint64s},
};
constexpr JsonMessage kBuckets{kBucketsFields};
constexpr JsonField kExponentialPointFields[] = {
    {"attributes", "attributes", 1, JsonFieldType::kMessages, &kJsonKeyValue},
    {"startTimeUnixNano", "start_time_unix_nano", 2, JsonFieldType::kFixed64},
    {"timeUnixNano", "time_unix_nano", 3, JsonFieldType::kFixed64},
    {"count", "count", 4, JsonFieldType::kFixed64},
    {"sum", "sum", 5, JsonFieldType::kDouble, nullptr, {}, true},
    {"scale", "scale", 6, JsonFieldType::kSint32},
    {"zeroCount", "zero_count", 7, JsonFieldType::kFixed64},
    {"positive", "positive", 8, JsonFieldType::kMessage, &kBuckets},
    {"negative", "negative", 9, JsonFieldType::kMessage, &kBuckets},
    {"flags", "flags", 10, JsonFieldType::kUint32},
    {"exemplars", "exemplars", 11, JsonFieldType::kMessages, &kExemplar},
    {"min", "min", 12, JsonFieldType::kDouble, nullptr, {}, true},
    {"max", "max", 13, JsonFieldType::kDouble, nullptr, {}, true},
    {"zeroThreshold", "zero_threshold", 14, JsonFieldType::kDouble},
};
constexpr JsonMessage kExponentialPoint{kExponentialPointFields};
constexpr JsonField kQuantileFields[] = {
    {"quantile", "quantile", 1, JsonFieldType::kDouble},
    {"value", "value", 2, JsonFieldType::kDouble},
};
constexpr JsonMessage kQuantile{kQuantileFields};
constexpr JsonField kSummaryPointFields[] = {
    {"attributes", "attributes", 7, JsonFieldType::kMessages, &kJsonKeyValue},
    {"startTimeUnixNano", "start_time_unix_nano", 2, JsonFieldType::kFixed64},
    {"timeUnixNano", "time_unix_nano", 3, JsonFieldType::kFixed64},
    {"count", "count", 4, JsonFieldType::kFixed64},
    {"sum", "sum", 5, JsonFieldType::kDouble},
    {"quantileValues", "quantile_values", 6, JsonFieldType::kMessages, &kQuantile},
    {"flags", "flags", 8, JsonFieldType::kUint32},
};
constexpr JsonMessage kSummaryPoint{kSummaryPointFields};

constexpr JsonField kGaugeFields[] = {
    {"dataPoints", "data_points", 1, JsonFieldType::kMessages, &kNumberPoint},
};
constexpr JsonMessage kGauge{kGaugeFields};
constexpr JsonField kSumFields[] = {
    {"dataPoints", "data_points", 1, JsonFieldType::kMessages, &kNumberPoint},
    {"aggregationTemporality", "aggregation_temporality", 2, JsonFieldType::kEnum, nullptr,
     kTemporalities},
    {"isMonotonic", "is_monotonic", 3, JsonFieldType::kBool},
};
constexpr JsonMessage kSum{kSumFields};
constexpr JsonField kHistogramFields[] = {
    {"dataPoints", "data_points", 1, JsonFieldType::kMessages, &kHistogramPoint},
    {"aggregationTemporality", "aggregation_temporality", 2, JsonFieldType::kEnum, nullptr,
     kTemporalities},
};
constexpr JsonMessage kHistogram{kHistogramFields};
constexpr JsonField kExponentialFields[] = {
    {"dataPoints", "data_points", 1, JsonFieldType::kMessages, &kExponentialPoint},
    {"aggregationTemporality", "aggregation_temporality", 2, JsonFieldType::kEnum, nullptr,
     kTemporalities},
};
constexpr JsonMessage kExponential{kExponentialFields};
constexpr JsonField kSummaryFields[] = {
    {"dataPoints", "data_points", 1, JsonFieldType::kMessages, &kSummaryPoint},
};
constexpr JsonMessage kSummary{kSummaryFields};
constexpr JsonField kMetricFields[] = {
    {"name", "name", 1, JsonFieldType::kText},
    {"description", "description", 2, JsonFieldType::kText},
    {"unit", "unit", 3, JsonFieldType::kText},
    {"gauge", "gauge", 5, JsonFieldType::kMessage, &kGauge},
    {"sum", "sum", 7, JsonFieldType::kMessage, &kSum},
    {"histogram", "histogram", 9, JsonFieldType::kMessage, &kHistogram},
    {"exponentialHistogram", "exponential_histogram", 10, JsonFieldType::kMessage, &kExponential},
    {"summary", "summary", 11, JsonFieldType::kMessage, &kSummary},
    {"metadata", "metadata", 12, JsonFieldType::kMessages, &kJsonKeyValue},
};
constexpr JsonMessage kMetric{kMetricFields};

constexpr JsonField kScopeMetricsFields[] = {
    {"scope", "scope", 1, JsonFieldType::kMessage, &kJsonScope},
    {"metrics", "metrics", 2, JsonFieldType::kMessages, &kMetric},
    {"schemaUrl", "schema_url", 3, JsonFieldType::kText},
};
constexpr JsonMessage kScopeMetrics{kScopeMetricsFields};
constexpr JsonField kResourceMetricsFields[] = {
    {"resource", "resource", 1, JsonFieldType::kMessage, &kJsonResource},
    {"scopeMetrics", "scope_metrics", 2, JsonFieldType::kMessages, &kScopeMetrics},
    {"schemaUrl", "schema_url", 3, JsonFieldType::kText},
};
constexpr JsonMessage kResourceMetrics{kResourceMetricsFields};
constexpr JsonField kRequestFields[] = {
    {"resourceMetrics", "resource_metrics", 1, JsonFieldType::kMessages, &kResourceMetrics},
};
constexpr JsonMessage kRequest{kRequestFields};

}  // namespace

Result<std::string> OtlpMetricsJsonToProto(std::string_view json) {
  return JsonToProto(kRequest, json, 1);
}

}  // namespace tocsin::wire
