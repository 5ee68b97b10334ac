/// Realistic spans from a seed: the load of the benchmarks and of the crash test. The shapes are
/// described in docs/performance.md, "The load". Request `n` of a generator is the same bytes
/// whenever it is asked for, so a load can repeat what was not acknowledged, and a check knows what
/// must be there.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::bench {

enum class Shape : uint8_t {
  kDefault,  ///< 12 attributes a span out of 14 keys.
  kWide,     ///< 12 attributes a span out of 300 keys.
};

struct GeneratorOptions {
  uint64_t seed = 1;
  Shape shape = Shape::kDefault;
  uint32_t spans_per_request = 500;
  uint64_t base_time = 0;  ///< Unix nanoseconds at which the first trace starts.
  bool one_trace = false;  ///< All spans of all requests are of the same trace.
};

/// Thread-safe: it has no state but its options.
class SpanGenerator {
 public:
  explicit SpanGenerator(const GeneratorOptions& options);

  /// A serialised ExportTraceServiceRequest of exactly spans_per_request spans of whole traces.
  std::string Request(uint64_t number) const;

  /// The trace ids (32 hexadecimal digits) of a request with the number of spans of each.
  struct TraceCount {
    std::string trace_id;
    uint32_t spans = 0;
  };
  std::vector<TraceCount> Traces(uint64_t number) const;

 private:
  GeneratorOptions options_;
  std::vector<std::string> resources_;  // Encoded, one a service.
  std::vector<std::string> wide_keys_;
};

}  // namespace tocsin::bench
