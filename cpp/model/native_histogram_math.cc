#include "cpp/model/native_histogram_math.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/model/native_histogram_buckets.h"
#include "cpp/model/native_histogram_cells.h"

namespace tocsin {
namespace {

using Spans = std::vector<HistogramSpan>;
using Counts = std::vector<double>;

// One side of a histogram that is being changed. `rests` is null where nobody asks for them.
struct MutableSide {
  Spans* spans;
  Counts* counts;
  Counts* rests;

  HistogramCells Read() const {
    return ReadCells(*spans, *counts, rests != nullptr ? *rests : std::span<const double>());
  }
  void Write(const HistogramCells& cells) const { WriteCells(cells, spans, counts, rests); }
};

MutableSide PositiveSide(NativeHistogram* histogram, HistogramRest* rest) {
  return {&histogram->positive_spans, &histogram->positive_buckets,
          rest != nullptr ? &rest->positive_buckets : nullptr};
}

MutableSide NegativeSide(NativeHistogram* histogram, HistogramRest* rest) {
  return {&histogram->negative_spans, &histogram->negative_buckets,
          rest != nullptr ? &rest->negative_buckets : nullptr};
}

// What becomes of the hint of `*hint` when a histogram with `other` is added; true: a collision.
bool CombineHints(CounterResetHint other, CounterResetHint* hint) {
  if (*hint == other || *hint == CounterResetHint::kGauge) return false;
  if (other == CounterResetHint::kGauge) {
    *hint = CounterResetHint::kGauge;
    return false;
  }
  const bool collision = *hint != CounterResetHint::kUnknown && other != CounterResetHint::kUnknown;
  *hint = CounterResetHint::kUnknown;
  return collision;
}

struct ZeroBucket {
  double threshold = 0;
  double count = 0;
  double rest = 0;
};

// Adds the cells of one side that begin below `zero->threshold`. If a populated one reaches beyond,
// the threshold moves to its end; true then.
bool AbsorbSide(const HistogramCells& cells, int32_t schema, ZeroBucket* zero) {
  for (const HistogramCell& cell : cells) {
    if (ExponentialBound(cell.index - 1, schema) >= zero->threshold) return false;
    AddCompensated(cell.count, &zero->count, &zero->rest);
    AddCompensated(cell.rest, &zero->count, &zero->rest);
    const double end = ExponentialBound(cell.index, schema);
    if (end > zero->threshold) {
      if (cell.count == 0) return false;
      zero->threshold = end;
      return true;
    }
  }
  return false;
}

// The zero bucket if its threshold were `threshold`, or what is next above that and is no bound
// inside of a populated bucket.
ZeroBucket Widened(const NativeHistogram& histogram, const HistogramRest* rest, double threshold) {
  if (threshold == histogram.zero_threshold) {
    return {threshold, histogram.zero_count, rest != nullptr ? rest->zero_count : 0};
  }
  const auto cells = [&](const Spans& spans, const Counts& counts,
                         const Counts HistogramRest::* side) {
    return ReadCells(spans, counts, rest != nullptr ? rest->*side : std::span<const double>());
  };
  const HistogramCells positive =
      cells(histogram.positive_spans, histogram.positive_buckets, &HistogramRest::positive_buckets);
  const HistogramCells negative =
      cells(histogram.negative_spans, histogram.negative_buckets, &HistogramRest::negative_buckets);
  while (true) {
    ZeroBucket zero{threshold, histogram.zero_count, rest != nullptr ? rest->zero_count : 0};
    AbsorbSide(positive, histogram.schema, &zero);
    // What was taken from the positive side is wrong if the negative side needs more.
    if (!AbsorbSide(negative, histogram.schema, &zero)) return zero;
    threshold = zero.threshold;
  }
}

// Removes the buckets that the zero bucket covers.
void DropCovered(const NativeHistogram& histogram, const MutableSide& side) {
  HistogramCells cells = side.Read();
  const auto covered = std::ranges::find_if(cells, [&histogram](const HistogramCell& cell) {
    return ExponentialBound(cell.index - 1, histogram.schema) >= histogram.zero_threshold;
  });
  cells.erase(cells.begin(), covered);
  DropEmptyCells(&cells);
  side.Write(cells);
}

void WidenZeroBucket(double threshold, NativeHistogram* histogram, HistogramRest* rest) {
  const ZeroBucket zero = Widened(*histogram, rest, threshold);
  histogram->zero_threshold = zero.threshold;
  histogram->zero_count = zero.count;
  if (rest != nullptr) rest->zero_count = zero.rest;
  DropCovered(*histogram, PositiveSide(histogram, rest));
  DropCovered(*histogram, NegativeSide(histogram, rest));
}

// Gives the histogram a zero bucket that fits `other` as well, and returns what is in that of
// `other` then.
ZeroBucket ReconcileZeroBuckets(const NativeHistogram& other, NativeHistogram* histogram,
                                HistogramRest* rest) {
  ZeroBucket zero{other.zero_threshold, other.zero_count, 0};
  while (zero.threshold < histogram->zero_threshold || zero.threshold > histogram->zero_threshold) {
    if (zero.threshold < histogram->zero_threshold) {
      zero = Widened(other, nullptr, histogram->zero_threshold);
    }
    if (zero.threshold > histogram->zero_threshold) {
      WidenZeroBucket(zero.threshold, histogram, rest);
    }
  }
  return zero;
}

void AddCell(const HistogramCell& other, double sign, HistogramCell* cell) {
  AddCompensated(sign * other.count, &cell->count, &cell->rest);
  if (other.rest != 0) AddCompensated(sign * other.rest, &cell->count, &cell->rest);
}

HistogramCells Merged(const HistogramCells& cells, std::span<const HistogramCell> others,
                      double sign) {
  HistogramCells merged;
  merged.reserve(cells.size() + others.size());
  size_t next = 0;
  for (const HistogramCell& other : others) {
    while (next < cells.size() && cells[next].index < other.index) merged.push_back(cells[next++]);
    if (next < cells.size() && cells[next].index == other.index) {
      merged.push_back(cells[next++]);
      AddCell(other, sign, &merged.back());
    } else {
      merged.push_back({other.index, sign * other.count, sign * other.rest});
    }
  }
  merged.insert(merged.end(), cells.begin() + static_cast<std::ptrdiff_t>(next), cells.end());
  return merged;
}

// Same layout: count by count, without a detour.
void AddInPlace(const Counts& others, double sign, const MutableSide& side) {
  for (size_t i = 0; i < others.size(); ++i) {
    double unused = 0;
    AddCompensated(sign * others[i], &(*side.counts)[i],
                   side.rests != nullptr ? &(*side.rests)[i] : &unused);
  }
}

// A side that is only read.
struct ReadSide {
  const Spans& spans;
  const Counts& counts;
  int32_t schema;
};

// Adds to a side; what the zero bucket of `target` covers is left out.
void AddSide(const NativeHistogram& target, const ReadSide& added, double sign,
             const MutableSide& side) {
  if (added.counts.empty()) return;
  const bool custom = target.custom_buckets();
  const auto covered = [&](int32_t index) {
    return !custom && ExponentialBound(index, target.schema) <= target.zero_threshold;
  };
  if (added.schema == target.schema && added.spans == *side.spans) {
    BucketCursor first(added.spans, added.counts, /*reverse=*/false);
    if (first.Next() && !covered(first.index())) return AddInPlace(added.counts, sign, side);
  }
  HistogramCells others = ReadCells(added.spans, added.counts);
  if (!custom) ReduceCells(added.schema, target.schema, &others);
  size_t skipped = 0;
  while (skipped < others.size() && covered(others[skipped].index)) ++skipped;
  side.Write(Merged(side.Read(), std::span(others).subspan(skipped), sign));
}

// The bounds that both have.
std::vector<double> CommonBounds(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> common;
  std::ranges::set_intersection(a, b, std::back_inserter(common));
  return common;
}

// Adds cells to those of coarser bounds, all of which are among `bounds`.
void AddToBounds(const HistogramCells& cells, const std::vector<double>& bounds, double sign,
                 const std::vector<double>& target_bounds, HistogramCells* target) {
  for (const HistogramCell& cell : cells) {
    const auto index = static_cast<size_t>(cell.index);
    const auto at = index < bounds.size() ? std::ranges::lower_bound(target_bounds, bounds[index])
                                          : target_bounds.end();
    AddCell(cell, sign, &(*target)[static_cast<size_t>(at - target_bounds.begin())]);
  }
}

HistogramCells EmptyCells(size_t count) {
  HistogramCells cells(count);
  for (size_t i = 0; i < count; ++i) cells[i].index = static_cast<int32_t>(i);
  return cells;
}

// True if the bounds differed.
bool AddCustom(const NativeHistogram& other, double sign, NativeHistogram* histogram,
               HistogramRest* rest) {
  const MutableSide side = PositiveSide(histogram, rest);
  if (histogram->custom_values == other.custom_values) {
    AddSide(*histogram, {other.positive_spans, other.positive_buckets, other.schema}, sign, side);
    return false;
  }
  std::vector<double> common = CommonBounds(histogram->custom_values, other.custom_values);
  HistogramCells target = EmptyCells(common.size() + 1);
  AddToBounds(side.Read(), histogram->custom_values, 1, common, &target);
  AddToBounds(ReadCells(other.positive_spans, other.positive_buckets), other.custom_values, sign,
              common, &target);
  DropEmptyCells(&target);
  side.Write(target);
  histogram->custom_values = std::move(common);
  return true;
}

void AddExponential(const NativeHistogram& other, double sign, NativeHistogram* histogram,
                    HistogramRest* rest) {
  const MutableSide positive = PositiveSide(histogram, rest);
  const MutableSide negative = NegativeSide(histogram, rest);
  if (other.schema < histogram->schema) {
    for (const MutableSide& side : {positive, negative}) {
      HistogramCells cells = side.Read();
      ReduceCells(histogram->schema, other.schema, &cells);
      side.Write(cells);
    }
    histogram->schema = other.schema;
  }
  AddSide(*histogram, {other.positive_spans, other.positive_buckets, other.schema}, sign, positive);
  AddSide(*histogram, {other.negative_spans, other.negative_buckets, other.schema}, sign, negative);
}

// `*histogram += sign * other`, with what rounding takes if `rest` is not null.
HistogramMerge Combine(const NativeHistogram& other, double sign, NativeHistogram* histogram,
                       HistogramRest* rest) {
  HistogramMerge merge;
  if (histogram->custom_buckets() != other.custom_buckets()) {
    merge.incompatible = true;
    return merge;
  }
  merge.reset_collision = CombineHints(other.counter_reset, &histogram->counter_reset);
  HistogramRest unused;
  HistogramRest& rests = rest != nullptr ? *rest : unused;
  const bool custom = histogram->custom_buckets();
  if (!custom) {
    const ZeroBucket zero = ReconcileZeroBuckets(other, histogram, rest);
    AddCompensated(sign * zero.count, &histogram->zero_count, &rests.zero_count);
    if (rest != nullptr) AddCompensated(zero.rest, &histogram->zero_count, &rests.zero_count);
  }
  AddCompensated(sign * other.count, &histogram->count, &rests.count);
  AddCompensated(sign * other.sum, &histogram->sum, &rests.sum);
  if (custom) {
    merge.bounds_reconciled = AddCustom(other, sign, histogram, rest);
  } else {
    AddExponential(other, sign, histogram, rest);
  }
  return merge;
}

template <class Change>
void ChangeEach(NativeHistogram* histogram, const Change& change) {
  change(&histogram->zero_count);
  change(&histogram->count);
  change(&histogram->sum);
  for (double& count : histogram->positive_buckets) change(&count);
  for (double& count : histogram->negative_buckets) change(&count);
}

template <class Change>
void ChangeEach(HistogramRest* rest, const Change& change) {
  change(&rest->zero_count);
  change(&rest->count);
  change(&rest->sum);
  for (double& count : rest->positive_buckets) change(&count);
  for (double& count : rest->negative_buckets) change(&count);
}

// Some bucket of `previous` has more than the same one of `current`.
bool AnyWentDown(std::span<const HistogramCell> current, std::span<const HistogramCell> previous) {
  size_t next = 0;
  for (const HistogramCell& cell : previous) {
    while (next < current.size() && current[next].index < cell.index) ++next;
    const bool found = next < current.size() && current[next].index == cell.index;
    if (found ? current[next].count < cell.count : cell.count != 0) return true;
  }
  return false;
}

bool SideWasReset(const NativeHistogram& current, const ReadSide& now, const ReadSide& before) {
  if (now.schema == before.schema && now.spans == before.spans) {
    return !std::ranges::equal(now.counts, before.counts,
                               [](double after, double then) { return !(after < then); });
  }
  HistogramCells previous = ReadCells(before.spans, before.counts);
  if (current.custom_buckets()) return AnyWentDown(ReadCells(now.spans, now.counts), previous);
  ReduceCells(before.schema, now.schema, &previous);
  // What the zero bucket covers has been compared with it.
  const auto covered = [&current](const HistogramCell& cell) {
    return ExponentialBound(cell.index, current.schema) <= current.zero_threshold;
  };
  const auto first = std::ranges::find_if_not(previous, covered);
  return AnyWentDown(ReadCells(now.spans, now.counts), {first, previous.end()});
}

// Custom bounds differ: compares what lies between the bounds that both have.
bool CommonBucketsWereReset(const NativeHistogram& current, const NativeHistogram& previous) {
  const std::vector<double> common = CommonBounds(current.custom_values, previous.custom_values);
  HistogramCells now = EmptyCells(common.size() + 1);
  HistogramCells before = now;
  AddToBounds(ReadCells(current.positive_spans, current.positive_buckets), current.custom_values, 1,
              common, &now);
  AddToBounds(ReadCells(previous.positive_spans, previous.positive_buckets), previous.custom_values,
              1, common, &before);
  return AnyWentDown(now, before);
}

void AddEach(const Counts& others, Counts* counts) {
  for (size_t i = 0; i < others.size(); ++i) (*counts)[i] += others[i];
}

}  // namespace

HistogramMerge AddHistogram(NativeHistogram* histogram, const NativeHistogram& other) {
  return Combine(other, 1, histogram, nullptr);
}

HistogramMerge SubtractHistogram(NativeHistogram* histogram, const NativeHistogram& other) {
  return Combine(other, -1, histogram, nullptr);
}

void MultiplyHistogram(NativeHistogram* histogram, double factor) {
  ChangeEach(histogram, [factor](double* value) { *value *= factor; });
  if (factor < 0) histogram->counter_reset = CounterResetHint::kGauge;
}

void DivideHistogram(NativeHistogram* histogram, double divisor) {
  if (divisor == 0) {
    for (Counts* counts : {&histogram->positive_buckets, &histogram->negative_buckets}) {
      counts->clear();
    }
    for (Spans* spans : {&histogram->positive_spans, &histogram->negative_spans}) spans->clear();
  }
  ChangeEach(histogram, [divisor](double* value) { *value /= divisor; });
  if (divisor < 0) histogram->counter_reset = CounterResetHint::kGauge;
}

void CompactHistogram(NativeHistogram* histogram) {
  for (const MutableSide& side :
       {PositiveSide(histogram, nullptr), NegativeSide(histogram, nullptr)}) {
    const bool compact =
        std::ranges::none_of(*side.counts, [](double count) { return count == 0; }) &&
        std::ranges::none_of(*side.spans, [&side](const HistogramSpan& span) {
          return span.length == 0 || (span.offset == 0 && &span != side.spans->data());
        });
    if (compact) continue;
    HistogramCells cells = side.Read();
    DropEmptyCells(&cells);
    side.Write(cells);
  }
}

void ReduceResolution(NativeHistogram* histogram, int32_t schema) {
  TOCSIN_CHECK(!histogram->custom_buckets() && schema <= histogram->schema);
  if (schema == histogram->schema) return;
  for (const MutableSide& side :
       {PositiveSide(histogram, nullptr), NegativeSide(histogram, nullptr)}) {
    HistogramCells cells = side.Read();
    ReduceCells(histogram->schema, schema, &cells);
    side.Write(cells);
  }
  histogram->schema = schema;
}

bool HasOverflow(const NativeHistogram& histogram) {
  const auto infinite = [](double value) { return std::isinf(value); };
  return infinite(histogram.zero_count) || infinite(histogram.count) || infinite(histogram.sum) ||
         std::ranges::any_of(histogram.positive_buckets, infinite) ||
         std::ranges::any_of(histogram.negative_buckets, infinite) ||
         std::ranges::any_of(histogram.custom_values, infinite);
}

bool DetectReset(const NativeHistogram& current, const NativeHistogram& previous) {
  if (current.counter_reset == CounterResetHint::kReset) return true;
  if (current.counter_reset == CounterResetHint::kNotReset) return false;
  if (current.count < previous.count) return true;
  if (current.custom_buckets()) {
    if (!previous.custom_buckets()) return true;
    if (current.custom_values != previous.custom_values) {
      return CommonBucketsWereReset(current, previous);
    }
  } else {
    // A counter gains neither resolution nor a narrower zero bucket, and no wider one that cuts a
    // populated bucket.
    if (previous.custom_buckets() || current.schema > previous.schema) return true;
    if (current.zero_threshold < previous.zero_threshold) return true;
    const ZeroBucket zero = Widened(previous, nullptr, current.zero_threshold);
    if (zero.threshold != current.zero_threshold || current.zero_count < zero.count) return true;
  }
  const auto positive = [](const NativeHistogram& histogram) {
    return ReadSide{histogram.positive_spans, histogram.positive_buckets, histogram.schema};
  };
  const auto negative = [](const NativeHistogram& histogram) {
    return ReadSide{histogram.negative_spans, histogram.negative_buckets, histogram.schema};
  };
  return SideWasReset(current, positive(current), positive(previous)) ||
         SideWasReset(current, negative(current), negative(previous));
}

CompensatedHistogram::CompensatedHistogram(NativeHistogram first) : sum_(std::move(first)) {
  rest_.positive_buckets.resize(sum_.positive_buckets.size());
  rest_.negative_buckets.resize(sum_.negative_buckets.size());
}

HistogramMerge CompensatedHistogram::Add(const NativeHistogram& other) {
  return Combine(other, 1, &sum_, &rest_);
}

void CompensatedHistogram::Multiply(double factor) {
  MultiplyHistogram(&sum_, factor);
  ChangeEach(&rest_, [factor](double* value) { *value *= factor; });
}

void CompensatedHistogram::Divide(double divisor) {
  ChangeEach(&sum_, [divisor](double* value) { *value /= divisor; });
  ChangeEach(&rest_, [divisor](double* value) { *value /= divisor; });
}

NativeHistogram CompensatedHistogram::Value() const {
  NativeHistogram value = sum_;
  value.zero_count += rest_.zero_count;
  value.count += rest_.count;
  value.sum += rest_.sum;
  AddEach(rest_.positive_buckets, &value.positive_buckets);
  AddEach(rest_.negative_buckets, &value.negative_buckets);
  return value;
}

}  // namespace tocsin
