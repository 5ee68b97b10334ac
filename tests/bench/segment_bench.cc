// Sealing and reading segments, and the batch codec of the live log, on the load of
// docs/performance.md: 131 requests of 500 spans, as many as a segment takes. CPU is given in
// seconds per million spans, sizes in bytes per span.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "cpp/wire/otlp_decode.h"
#include "storage/columnar/batch_codec.h"
#include "storage/spans/segment.h"
#include "storage/spans/segment_format.h"
#include "tests/bench/span_generator.h"

namespace tocsin::bench {
namespace {

using storage::RowRef;

constexpr uint32_t kSpansPerRequest = 500;
constexpr uint64_t kRequests = 131;
constexpr double kSpans = kSpansPerRequest * static_cast<double>(kRequests);

// The batches of one segment, and their rows in its order.
struct Load {
  std::vector<SpanBatch> batches;
  std::vector<RowRef> rows;
  std::vector<uint64_t> through;

  explicit Load(Shape shape) {
    GeneratorOptions options;
    options.shape = shape;
    options.spans_per_request = kSpansPerRequest;
    options.base_time = 1'700'000'000'000'000'000;
    const SpanGenerator generator(options);
    batches.reserve(kRequests);
    for (uint64_t i = 0; i < kRequests; ++i) {
      batches.push_back(wire::DecodeOtlp(generator.Request(i))->batch);
    }
    for (const SpanBatch& batch : batches) {
      for (uint32_t row = 0; row < batch.rows(); ++row) rows.push_back({&batch, row});
    }
    const auto key = [](const RowRef& ref) {
      return std::pair(ref.batch->traces[ref.batch->trace[ref.row]], ref.batch->start[ref.row]);
    };
    std::sort(rows.begin(), rows.end(),
              [&](const RowRef& a, const RowRef& b) { return key(a) < key(b); });
    size_t traces = 1;
    for (size_t i = 1; i < rows.size(); ++i) {
      traces += key(rows[i]).first != key(rows[i - 1]).first ? 1U : 0U;
    }
    through.resize(traces, 1'000'000);
  }

  storage::SealedSegment Build() const {
    return storage::BuildSegment({.tenant = "bench", .rows = rows, .through = through});
  }

  static const Load& Of(Shape shape) {
    static const Load usual(Shape::kDefault);
    static const Load wide(Shape::kWide);
    return shape == Shape::kWide ? wide : usual;
  }
};

void Report(benchmark::State& state, double spans, double bytes_per_span) {
  // Time per span in nanoseconds is thousandths of a second per million; as a rate it is inverted.
  state.counters["s_per_million"] =
      benchmark::Counter(spans * static_cast<double>(state.iterations()) / 1e6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  if (bytes_per_span > 0) state.counters["bytes_per_span"] = bytes_per_span;
}

void SealSegment(benchmark::State& state, Shape shape) {
  const Load& load = Load::Of(shape);
  double bytes = 0;
  for (auto _ : state) {
    const storage::SealedSegment sealed = load.Build();
    bytes = static_cast<double>(sealed.stub.stored_bytes);
  }
  Report(state, kSpans, bytes / kSpans);
}
BENCHMARK_CAPTURE(SealSegment, default, Shape::kDefault)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(SealSegment, wide, Shape::kWide)->Unit(benchmark::kMillisecond);

void EncodeBatches(benchmark::State& state, Shape shape) {
  const Load& load = Load::Of(shape);
  double bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (const SpanBatch& batch : load.batches) {
      bytes += static_cast<double>(storage::EncodeBatch(batch).size());
    }
  }
  Report(state, kSpans, bytes / kSpans);
}
BENCHMARK_CAPTURE(EncodeBatches, default, Shape::kDefault)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodeBatches, wide, Shape::kWide)->Unit(benchmark::kMillisecond);

void DecodeBatches(benchmark::State& state) {
  std::vector<std::string> encoded;
  for (const SpanBatch& batch : Load::Of(Shape::kDefault).batches) {
    encoded.push_back(storage::EncodeBatch(batch));
  }
  for (auto _ : state) {
    for (const std::string& bytes : encoded) {
      benchmark::DoNotOptimize(storage::DecodeBatch(bytes));
    }
  }
  Report(state, kSpans, 0);
}
BENCHMARK(DecodeBatches)->Unit(benchmark::kMillisecond);

std::shared_ptr<const storage::SegmentReader> Open(std::shared_ptr<storage::ColumnCache> cache) {
  static const auto sealed =
      std::make_shared<const storage::SealedSegment>(Load::Of(Shape::kDefault).Build());
  return *storage::SegmentReader::Open(sealed, 1, std::move(cache));
}

std::shared_ptr<storage::ColumnCache> Cache(size_t bytes) {
  return std::make_shared<storage::ColumnCache>(bytes);
}

// Reading one column that nothing is cached of.
void ColdColumn(benchmark::State& state, std::string_view key) {
  for (auto _ : state) {
    const auto reader = Open(Cache(0));
    benchmark::DoNotOptimize(key == "duration" ? reader->Ends().has_value()
                             : key == "name"
                                 ? reader->Names().has_value()
                                 : reader->Attribute(AttrScope::kSpan, key).has_value());
  }
  Report(state, kSpans, 0);
}
BENCHMARK_CAPTURE(ColdColumn, duration, "duration")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(ColdColumn, name, "name")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(ColdColumn, status_code, "http.status_code")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(ColdColumn, absent, "absent")->Unit(benchmark::kMicrosecond);

void OneTrace(benchmark::State& state, size_t cache_bytes) {
  const auto cache = Cache(cache_bytes);
  const Load& load = Load::Of(Shape::kDefault);
  size_t at = 0;
  for (auto _ : state) {
    const RowRef& ref = load.rows[at = (at + 7'919) % load.rows.size()];
    SpanBatchBuilder builder;
    benchmark::DoNotOptimize(
        *Open(cache)->AppendTrace(ref.batch->traces[ref.batch->trace[ref.row]], &builder));
  }
}
BENCHMARK_CAPTURE(OneTrace, cold, 0)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(OneTrace, warm, size_t{256} << 20)->Unit(benchmark::kMicrosecond);

// What each column of the sealed segment takes, largest first.
void PrintColumns() {
  const auto sealed = Load::Of(Shape::kDefault).Build();
  const auto footer = *storage::SegmentFooter::FromFirstValue(sealed.values[0], 1);
  std::vector<std::pair<uint64_t, std::string>> sizes;
  for (const auto& column : footer.columns) {
    std::string name = storage::ColumnName(column.id);
    if (column.id >= storage::kFirstAttributeColumn) {
      name = footer.attributes[column.id - storage::kFirstAttributeColumn].key;
    }
    sizes.emplace_back(column.size, name);
  }
  sizes.emplace_back(sealed.values[0].size(), "footer");
  std::sort(sizes.rbegin(), sizes.rend());
  for (const auto& [size, name] : sizes) {
    std::printf("%8.3f bytes a span  %s\n", static_cast<double>(size) / kSpans, name.c_str());
  }
}

}  // namespace
}  // namespace tocsin::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  tocsin::bench::PrintColumns();
  benchmark::RunSpecifiedBenchmarks();
}
