// Functions of histograms: native ones, and classic ones, which are series that differ in nothing
// but their label `le`.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/base/hash.h"
#include "cpp/base/quote.h"
#include "cpp/promql/classic_histogram.h"
#include "cpp/promql/evaluator.h"
#include "cpp/promql/native_histogram.h"

namespace tocsin::promql {
namespace {

constexpr std::string_view kBucketLabel = "le";

constexpr size_t kNone = std::numeric_limits<size_t>::max();

// A histogram of either kind. The series are borrowed.
struct HistogramSeries {
  struct Bound {
    double upper_bound;
    const StepSeries* series;
  };

  Labels labels;                       // Without le.
  const StepSeries* native = nullptr;  // Null for a classic one.
  std::vector<Bound> bounds = {};      // Of a classic one, ascending.
  // The histogram of the other kind with the same labels: where both are, neither is.
  size_t rival = kNone;

  bool Has(size_t step) const {
    if (native != nullptr) return native->HistogramAt(step) != nullptr;
    return std::ranges::any_of(
        bounds, [step](const Bound& bound) { return !IsAbsent(bound.series->At(step)); });
  }
  // The buckets that have a value at the step.
  void BucketsAt(size_t step, std::vector<Bucket>* buckets) const {
    buckets->clear();
    for (const Bound& bound : bounds) {
      const double count = bound.series->At(step);
      if (!IsAbsent(count)) buckets->push_back({bound.upper_bound, count});
    }
  }
};

// What the functions of a vector of histograms have in common.
struct HistogramScope {
  const Steps& steps;
  bool named;    // Names are still right in what is reported.
  PosRange pos;  // Of the vector.
  Annotations* annotations;

  std::string_view NameOf(const Labels& labels) const { return named ? labels.metric_name() : ""; }
};

// Finds the histograms of a vector, which is borrowed.
class HistogramFinder {
 public:
  explicit HistogramFinder(const HistogramScope& scope) : scope_(scope) {}

  // Series of floats without a valid bound are left out and warned about.
  std::vector<HistogramSeries> Find(const StepVector& vector) {
    for (const StepSeries& series : vector) {
      if (!std::ranges::all_of(series.values, IsAbsent)) AddBucket(series);
    }
    const size_t classic = found_.size();
    for (const StepSeries& series : vector) {
      if (!series.histograms.empty()) AddNative(series);
    }
    for (size_t i = 0; i < classic; ++i) {
      std::ranges::stable_sort(found_[i].bounds, {}, &HistogramSeries::Bound::upper_bound);
    }
    return std::move(found_);
  }

 private:
  void AddBucket(const StepSeries& series) {
    const std::string_view le = series.labels.Get(kBucketLabel);
    const std::optional<double> bound = ParseGoFloat(le);
    if (!bound || std::isnan(*bound)) {
      scope_.annotations->Warn(
          scope_.pos, "bucket label \"le\" is missing or has a malformed value of " + QuoteGo(le) +
                          ForMetricName(scope_.NameOf(series.labels)));
      return;
    }
    const std::string& key = without_bound_.Of(series.labels);
    auto it = index_.find(key);
    if (it == index_.end()) {
      it = index_.emplace(key, found_.size()).first;
      found_.push_back({without_bound_.Select(series.labels)});
    }
    found_[it->second].bounds.push_back({*bound, &series});
  }

  void AddNative(const StepSeries& series) {
    HistogramSeries histogram{series.labels, &series};
    if (const auto it = index_.find(all_labels_.Of(series.labels)); it != index_.end()) {
      histogram.rival = it->second;
      found_[it->second].rival = found_.size();
    }
    found_.push_back(std::move(histogram));
  }

  const HistogramScope& scope_;
  LabelKeys without_bound_{{std::string(kBucketLabel)}, /*keep=*/false};
  LabelKeys all_labels_{{}, /*keep=*/false};
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index_;  // Classic ones.
  std::vector<HistogramSeries> found_;
};

// What of_buckets(buckets, step) or of_native(histogram, step) give for each step at which
// histogram `index` is there and its rival is not.
template <class OfBuckets, class OfNative>
std::vector<double> MapHistogram(const std::vector<HistogramSeries>& histograms, size_t index,
                                 const HistogramScope& scope, const OfBuckets& of_buckets,
                                 const OfNative& of_native) {
  const HistogramSeries& histogram = histograms[index];
  std::vector<Bucket> buckets;
  std::vector<double> dense(scope.steps.count, Absent());
  for (size_t step = 0; step < dense.size(); ++step) {
    if (!histogram.Has(step)) continue;
    if (histogram.rival != kNone && histograms[histogram.rival].Has(step)) {
      scope.annotations->Warn(scope.pos, "vector contains a mix of classic and native histograms" +
                                             ForMetricName(scope.NameOf(histogram.labels)));
    } else if (histogram.native != nullptr) {
      dense[step] = of_native(*histogram.native->HistogramAt(step), step);
    } else {
      histogram.BucketsAt(step, &buckets);
      dense[step] = of_buckets(&buckets, step);
    }
  }
  return dense;
}

void WarnOfPhi(const StepScalars& values, PosRange pos, Annotations* annotations) {
  for (const double phi : values) {
    if (phi >= 0 && phi <= 1) continue;
    annotations->Warn(pos, "quantile value should be between 0 and 1, got " + FormatGoFloat(phi));
    return;
  }
}

// The quantiles of a histogram where it has some.
std::vector<double> QuantilesOf(const std::vector<HistogramSeries>& histograms, size_t index,
                                const StepScalars& phi, const HistogramScope& scope) {
  const std::string_view name = scope.NameOf(histograms[index].labels);
  const auto of_buckets = [&](std::vector<Bucket>* buckets, size_t step) {
    const QuantileResult result = BucketQuantile(phi[step], buckets);
    if (result.forced) {
      scope.annotations->InfoForcedMonotonicity(scope.pos, name, scope.steps.At(step),
                                                result.monotonicity);
    }
    return result.quantile;
  };
  const auto of_native = [&](const NativeHistogram& histogram, size_t step) {
    const HistogramNumber result = QuantileOfHistogram(phi[step], histogram);
    Annotate(scope.annotations, scope.pos, result.notes, name);
    return result.value;
  };
  return MapHistogram(histograms, index, scope, of_buckets, of_native);
}

}  // namespace

Result<StepVector> Evaluator::EvalBuckets(const Expr& expr) {
  const QueryContext::HistogramScope scope(&context_, QueryContext::HistogramNeed::kBuckets);
  return EvalVector(expr);
}

Result<StepVector> Evaluator::FinishHistograms(StepVector result) const {
  TOCSIN_ASSIGN_OR_RETURN(result, NameDropped(std::move(result)));
  // A series may be a histogram of one kind now and of the other one later.
  TOCSIN_RETURN_IF_ERROR(CheckUnique(&result));
  return result;
}

Result<StepVector> Evaluator::EvalHistogramQuantile(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(const StepScalars phi, EvalScalar(call.args[0]));
  TOCSIN_ASSIGN_OR_RETURN(const StepVector vector, EvalBuckets(call.args[1]));
  WarnOfPhi(phi, call.args[0].pos, &context_.annotations());
  const HistogramScope scope{steps_, context_.options().delayed_name_removal, call.args[1].pos,
                             &context_.annotations()};
  const std::vector<HistogramSeries> histograms = HistogramFinder(scope).Find(vector);
  StepVector result;
  for (size_t i = 0; i < histograms.size(); ++i) {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    result.push_back(
        StepSeries::Make(histograms[i].labels, QuantilesOf(histograms, i, phi, scope)));
  }
  return FinishHistograms(std::move(result));
}

Result<StepVector> Evaluator::EvalHistogramQuantiles(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(const StepVector vector, EvalBuckets(call.args[0]));
  const std::string& label = StringArgument(call, 1);
  const HistogramScope scope{steps_, context_.options().delayed_name_removal, call.args[0].pos,
                             &context_.annotations()};
  const std::vector<HistogramSeries> histograms = HistogramFinder(scope).Find(vector);
  StepVector result;
  for (size_t arg = 2; arg < call.args.size(); ++arg) {
    TOCSIN_ASSIGN_OR_RETURN(const StepScalars phi, EvalScalar(call.args[arg]));
    WarnOfPhi(phi, call.args[arg].pos, &context_.annotations());
    for (size_t i = 0; i < histograms.size(); ++i) {
      TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
      const std::vector<double> dense = QuantilesOf(histograms, i, phi, scope);
      // Steps at which phi differs belong to different series.
      for (size_t begin = 0; begin < dense.size();) {
        size_t end = begin + 1;
        while (end < dense.size() && (phi[end] == phi[begin] || std::isnan(phi[begin]))) ++end;
        std::vector<double> part(dense.size(), Absent());
        std::copy(dense.begin() + static_cast<std::ptrdiff_t>(begin),
                  dense.begin() + static_cast<std::ptrdiff_t>(end),
                  part.begin() + static_cast<std::ptrdiff_t>(begin));
        Labels labels = histograms[i].labels;
        labels.Set(label, FormatOpenMetricsFloat(phi[begin]));
        result.push_back(StepSeries::Make(std::move(labels), part));
        begin = end;
      }
    }
  }
  return FinishHistograms(std::move(result));
}

Result<StepVector> Evaluator::EvalHistogramFraction(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(const StepScalars lower, EvalScalar(call.args[0]));
  TOCSIN_ASSIGN_OR_RETURN(const StepScalars upper, EvalScalar(call.args[1]));
  TOCSIN_ASSIGN_OR_RETURN(const StepVector vector, EvalBuckets(call.args[2]));
  const HistogramScope scope{steps_, context_.options().delayed_name_removal, call.args[2].pos,
                             &context_.annotations()};
  const std::vector<HistogramSeries> histograms = HistogramFinder(scope).Find(vector);
  StepVector result;
  for (size_t i = 0; i < histograms.size(); ++i) {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    const auto of_buckets = [&](std::vector<Bucket>* buckets, size_t step) {
      return BucketFraction(lower[step], upper[step], buckets);
    };
    const auto of_native = [&](const NativeHistogram& histogram, size_t step) {
      const HistogramNumber number = FractionOfHistogram(lower[step], upper[step], histogram);
      Annotate(scope.annotations, scope.pos, number.notes, scope.NameOf(histograms[i].labels));
      return number.value;
    };
    result.push_back(StepSeries::Make(histograms[i].labels,
                                      MapHistogram(histograms, i, scope, of_buckets, of_native)));
  }
  return FinishHistograms(std::move(result));
}

Result<StepVector> Evaluator::EvalHistogramNumber(const Call& call) {
  const FunctionId id = call.function->id;
  const bool stats = id == FunctionId::kHistogramCount || id == FunctionId::kHistogramSum ||
                     id == FunctionId::kHistogramAvg;
  std::optional<QueryContext::HistogramScope> scope;
  if (stats) scope.emplace(&context_, QueryContext::HistogramNeed::kStats);
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(call.args[0]));
  const auto number = [id](const NativeHistogram& histogram) {
    switch (id) {
      case FunctionId::kHistogramCount:
        return histogram.count;
      case FunctionId::kHistogramSum:
        return histogram.sum;
      case FunctionId::kHistogramAvg:
        return histogram.sum / histogram.count;
      case FunctionId::kHistogramStdvar:
        return VarianceOfHistogram(histogram);
      default:
        return std::sqrt(VarianceOfHistogram(histogram));
    }
  };
  for (StepSeries& series : vector) {
    for (size_t step = series.first; step < series.end(); ++step) {
      const NativeHistogram* histogram = series.HistogramAt(step);
      series.values[step - series.first] = histogram != nullptr ? number(*histogram) : Absent();
    }
  }
  RemoveHistograms(&vector);
  RemoveEmpty(&vector);
  return NameDropped(std::move(vector));
}

}  // namespace tocsin::promql
