#include "cpp/rules/newest_sample.h"

#include <bit>
#include <cstdint>
#include <string>
#include <utility>

namespace tocsin::rules {

bool NewestSample::Take(const Sample& sample, const Labels& labels, AppendOutcome* outcome) {
  const bool taken = Take(Point{.t = sample.t, .value = sample.v}, labels, outcome);
  if (taken) ++outcome->samples;
  return taken;
}

bool NewestSample::Take(const HistogramSample& sample, const Labels& labels,
                        AppendOutcome* outcome) {
  const bool taken = Take(Point{.t = sample.t, .histogram = sample.histogram}, labels, outcome);
  if (taken) ++outcome->histograms;
  return taken;
}

bool NewestSample::SameValue(const Point& a, const Point& b) {
  if ((a.histogram == nullptr) != (b.histogram == nullptr)) return false;
  if (a.histogram != nullptr) return EqualHistograms(*a.histogram, *b.histogram);
  // The same bits: one NaN is another, a stale marker is not, and -0 is not 0.
  return std::bit_cast<uint64_t>(a.value) == std::bit_cast<uint64_t>(b.value);
}

bool NewestSample::Take(Point point, const Labels& labels, AppendOutcome* outcome) {
  if (!newest_ || point.t > newest_->t) {
    newest_ = std::move(point);
    return true;
  }
  const bool again = point.t == newest_->t;
  if (again && SameValue(point, *newest_)) {
    ++outcome->repeated;
    return false;
  }
  ++(again ? outcome->duplicates : outcome->out_of_order);
  if (outcome->first_refusal.empty()) {
    outcome->first_refusal =
        std::string(again ? "duplicate sample for timestamp" : "out of order sample") +
        ": series " + labels.ToString() + ", timestamp " + std::to_string(point.t);
  }
  return false;
}

}  // namespace tocsin::rules
