// Decoding OTLP into columns, the first stage of the path of every span. Items are spans, so that
// 1e6 / (items per second) is CPU-seconds per million spans: 0.72 (default) and 1.1 (wide) when
// this was written, on the machine of docs/performance.md.

#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "cpp/wire/otlp_decode.h"
#include "tests/bench/span_generator.h"

namespace tocsin::bench {
namespace {

constexpr uint32_t kSpansPerRequest = 500;
constexpr uint64_t kRequests = 50;  // More than the caches hold, as in a server.

void DecodeRequests(benchmark::State& state, Shape shape) {
  GeneratorOptions options;
  options.shape = shape;
  options.spans_per_request = kSpansPerRequest;
  options.base_time = 1'700'000'000'000'000'000;
  const SpanGenerator generator(options);
  std::vector<std::string> requests;
  int64_t bytes = 0;
  for (uint64_t i = 0; i < kRequests; ++i) {
    requests.push_back(generator.Request(i));
    bytes += static_cast<int64_t>(requests.back().size());
  }
  for (auto _ : state) {
    for (const std::string& request : requests) {
      auto decoded = wire::DecodeOtlp(request);
      benchmark::DoNotOptimize(decoded);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRequests * kSpansPerRequest));
  state.SetBytesProcessed(state.iterations() * bytes);
}
BENCHMARK_CAPTURE(DecodeRequests, default, Shape::kDefault)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DecodeRequests, wide, Shape::kWide)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tocsin::bench

BENCHMARK_MAIN();
