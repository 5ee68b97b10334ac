// Functions of classic histograms: series that differ in nothing but their label `le`.

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/base/hash.h"
#include "cpp/promql/classic_histogram.h"
#include "cpp/promql/evaluator.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {
namespace {

constexpr std::string_view kBucketLabel = "le";

struct HistogramSeries {
  Labels labels;  // Without le.
  struct Bound {
    double upper_bound;
    const StepSeries* series;
  };
  std::vector<Bound> bounds;  // Ascending.

  // The buckets that have a value at the step.
  void BucketsAt(size_t step, std::vector<Bucket>* buckets) const {
    buckets->clear();
    for (const Bound& bound : bounds) {
      const double count = bound.series->At(step);
      if (!IsAbsent(count)) buckets->push_back({bound.upper_bound, count});
    }
  }
};

// The histograms of a vector, which is borrowed; series without a valid bound are left out and
// warned about. `named` says whether names are still right in what is reported.
std::vector<HistogramSeries> FindHistograms(const StepVector& vector, bool named, PosRange pos,
                                            Annotations* annotations) {
  LabelKeys keys({std::string(kBucketLabel)}, /*keep=*/false);
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index;
  std::vector<HistogramSeries> histograms;
  for (const StepSeries& series : vector) {
    const std::string_view le = series.labels.Get(kBucketLabel);
    const std::optional<double> bound = ParseGoFloat(le);
    if (!bound || std::isnan(*bound)) {
      annotations->Warn(pos, "bucket label \"le\" is missing or has a malformed value of " +
                                 QuoteGo(le) +
                                 ForMetricName(named ? series.labels.metric_name() : ""));
      continue;
    }
    const std::string& key = keys.Of(series.labels);
    auto it = index.find(key);
    if (it == index.end()) {
      it = index.emplace(key, histograms.size()).first;
      histograms.push_back({keys.Select(series.labels), {}});
    }
    histograms[it->second].bounds.push_back({*bound, &series});
  }
  for (HistogramSeries& histogram : histograms) {
    std::ranges::stable_sort(histogram.bounds, {}, &HistogramSeries::Bound::upper_bound);
  }
  return histograms;
}

void WarnOfPhi(const StepScalars& values, PosRange pos, Annotations* annotations) {
  for (const double phi : values) {
    if (phi >= 0 && phi <= 1) continue;
    annotations->Warn(pos, "quantile value should be between 0 and 1, got " + FormatGoFloat(phi));
    return;
  }
}

// Where the histogram has buckets, the quantile.
struct QuantileEvaluation {
  const Steps& steps;
  bool named;
  PosRange pos;  // Of the vector.
  Annotations* annotations;

  std::vector<double> Run(const HistogramSeries& histogram, const StepScalars& phi) const {
    std::vector<double> dense(steps.count);
    std::vector<Bucket> buckets;
    for (size_t step = 0; step < dense.size(); ++step) {
      histogram.BucketsAt(step, &buckets);
      dense[step] = Absent();
      if (buckets.empty()) continue;
      const QuantileResult result = BucketQuantile(phi[step], &buckets);
      dense[step] = result.quantile;
      if (!result.forced) continue;
      annotations->InfoForcedMonotonicity(pos, named ? histogram.labels.metric_name() : "",
                                          steps.At(step), result.monotonicity);
    }
    return dense;
  }
};

}  // namespace

Result<StepVector> Evaluator::EvalHistogramQuantile(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(const StepScalars phi, EvalScalar(call.args[0]));
  TOCSIN_ASSIGN_OR_RETURN(const StepVector vector, EvalVector(call.args[1]));
  WarnOfPhi(phi, call.args[0].pos, &context_.annotations());
  const bool named = context_.options().delayed_name_removal;
  const PosRange pos = call.args[1].pos;
  const QuantileEvaluation evaluation{steps_, named, pos, &context_.annotations()};
  StepVector result;
  for (HistogramSeries& histogram : FindHistograms(vector, named, pos, &context_.annotations())) {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    const std::vector<double> dense = evaluation.Run(histogram, phi);
    result.push_back(StepSeries::Make(std::move(histogram.labels), dense));
  }
  return NameDropped(std::move(result));
}

Result<StepVector> Evaluator::EvalHistogramQuantiles(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(const StepVector vector, EvalVector(call.args[0]));
  const std::string& label = StringArgument(call, 1);
  const bool named = context_.options().delayed_name_removal;
  const PosRange pos = call.args[0].pos;
  const QuantileEvaluation evaluation{steps_, named, pos, &context_.annotations()};
  const std::vector<HistogramSeries> histograms =
      FindHistograms(vector, named, pos, &context_.annotations());
  StepVector result;
  for (size_t i = 2; i < call.args.size(); ++i) {
    TOCSIN_ASSIGN_OR_RETURN(const StepScalars phi, EvalScalar(call.args[i]));
    WarnOfPhi(phi, call.args[i].pos, &context_.annotations());
    for (const HistogramSeries& histogram : histograms) {
      TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
      const std::vector<double> dense = evaluation.Run(histogram, phi);
      // Steps at which phi differs belong to different series.
      for (size_t begin = 0; begin < dense.size();) {
        size_t end = begin + 1;
        while (end < dense.size() && (phi[end] == phi[begin] || std::isnan(phi[begin]))) ++end;
        std::vector<double> part(dense.size(), Absent());
        std::copy(dense.begin() + static_cast<std::ptrdiff_t>(begin),
                  dense.begin() + static_cast<std::ptrdiff_t>(end),
                  part.begin() + static_cast<std::ptrdiff_t>(begin));
        Labels labels = histogram.labels;
        labels.Set(label, FormatOpenMetricsFloat(phi[begin]));
        result.push_back(StepSeries::Make(std::move(labels), part));
        begin = end;
      }
    }
  }
  if (!named) {
    for (StepSeries& series : result) DropMetricName(&series.labels);
    TOCSIN_RETURN_IF_ERROR(MergeSameLabels(&result));
    return result;
  }
  for (StepSeries& series : result) series.drop_name = true;
  return result;
}

Result<StepVector> Evaluator::EvalHistogramFraction(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(const StepScalars lower, EvalScalar(call.args[0]));
  TOCSIN_ASSIGN_OR_RETURN(const StepScalars upper, EvalScalar(call.args[1]));
  TOCSIN_ASSIGN_OR_RETURN(const StepVector vector, EvalVector(call.args[2]));
  const bool named = context_.options().delayed_name_removal;
  StepVector result;
  std::vector<Bucket> buckets;
  std::vector<double> dense(steps_.count);
  for (HistogramSeries& histogram :
       FindHistograms(vector, named, call.args[2].pos, &context_.annotations())) {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    for (size_t step = 0; step < dense.size(); ++step) {
      histogram.BucketsAt(step, &buckets);
      dense[step] = buckets.empty() ? Absent() : BucketFraction(lower[step], upper[step], &buckets);
    }
    result.push_back(StepSeries::Make(std::move(histogram.labels), dense));
  }
  return NameDropped(std::move(result));
}

}  // namespace tocsin::promql
