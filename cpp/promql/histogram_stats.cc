#include "cpp/promql/histogram_stats.h"

#include <memory>
#include <utility>

#include "cpp/model/native_histogram_math.h"

namespace tocsin::promql {

void ReduceToStats(std::span<const HistogramSample> histograms, std::vector<HistogramSample>* out) {
  out->clear();
  const NativeHistogram* previous = nullptr;
  for (const HistogramSample& sample : histograms) {
    const NativeHistogram& full = *sample.histogram;
    NativeHistogram reduced;
    reduced.counter_reset = full.counter_reset;
    reduced.schema = full.schema;
    reduced.count = full.count;
    reduced.sum = full.sum;
    if (full.counter_reset == CounterResetHint::kUnknown && previous != nullptr) {
      reduced.counter_reset =
          DetectReset(full, *previous) ? CounterResetHint::kReset : CounterResetHint::kNotReset;
    }
    previous = &full;
    out->push_back({sample.t, std::make_shared<const NativeHistogram>(std::move(reduced))});
  }
}

}  // namespace tocsin::promql
