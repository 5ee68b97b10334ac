// Any bytes at all as OTLP metrics: what protobuf's parser accepts our decoder accepts, and what
// comes of it are samples with a name. Seeds: tests/fuzz/corpus/otlp_metrics/.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cpp/wire/otlp_metrics.h"
#include "cpp/wire/proto/otlp_metrics.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto decoded = tocsin::wire::DecodeOtlpMetrics(input, {});
  opentelemetry::proto::metrics::v1::ExportMetricsServiceRequest parsed;
  if (!decoded.has_value()) {
    if (!parsed.ParseFromArray(data, static_cast<int>(size))) return 0;
    if (decoded.error().code() == tocsin::StatusCode::kResourceExhausted) return 0;
    std::fprintf(stderr, "only protobuf accepts: %s\n", decoded.error().ToString().c_str());
    std::abort();
  }
  for (const tocsin::wire::OtlpSample& sample : decoded->samples) {
    if (sample.labels.metric_name().empty()) std::abort();
    if (sample.histogram != nullptr && !ValidateHistogram(*sample.histogram).ok()) std::abort();
  }
  return 0;
}
