#include "cpp/traceql/metrics_cells.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace tocsin::traceql {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Adds to a sum and keeps what rounding takes away (Neumaier), so that the order of the spans does
// not show.
void AddTo(double value, double* sum, double* lost) {
  const double next = *sum + value;
  // What is infinite has lost nothing.
  if (std::isfinite(next)) {
    *lost += std::abs(*sum) >= std::abs(value) ? (*sum - next) + value : (value - next) + *sum;
  }
  *sum = next;
}

}  // namespace

size_t MetricsCells::width() const {
  if (kind_ == Kind::kSum) return 2;
  return kind_ == Kind::kAverage ? 3 : 1;
}

Status MetricsCells::Grow(size_t groups) {
  const size_t numbers = width() * intervals_;
  while (cells_.size() < groups) {
    TOCSIN_RETURN_IF_ERROR(budget_->Take(numbers * sizeof(double) + sizeof(cells_[0])));
    auto cells = std::make_unique_for_overwrite<double[]>(numbers);
    std::fill_n(cells.get(), numbers, kind_ == Kind::kCount ? 0 : kNone);
    cells_.push_back(std::move(cells));
  }
  return {};
}

// Of sums: an infinite one and its negative add up to NaN, but what they lost never is.
bool MetricsCells::IsEmpty(const double* cell) const {
  return std::isnan(cell[width() > 1 ? 1 : 0]);
}

void MetricsCells::Add(const Rows& rows) {
  switch (kind_) {
    case Kind::kCount:
      AddCounts(rows);
      break;
    case Kind::kMin:
      AddExtremes(rows, std::less<>());
      break;
    case Kind::kMax:
      AddExtremes(rows, std::greater<>());
      break;
    case Kind::kSum:
    case Kind::kAverage:
      AddSums(rows);
      break;
  }
}

void MetricsCells::AddCounts(const Rows& rows) {
  const size_t count = rows.groups.size();
  if (rows.weights.empty()) {
    for (size_t i = 0; i < count; ++i) cells_[rows.groups[i]][rows.intervals[i]] += 1;
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    cells_[rows.groups[i]][rows.intervals[i]] += rows.weights[i];
  }
}

template <class Better>
void MetricsCells::AddExtremes(const Rows& rows, Better better) {
  for (size_t i = 0; i < rows.groups.size(); ++i) {
    double& cell = cells_[rows.groups[i]][rows.intervals[i]];
    if (better(rows.numbers[i], cell) || std::isnan(cell)) cell = rows.numbers[i];
  }
}

void MetricsCells::AddSums(const Rows& rows) {
  const size_t w = width();
  for (size_t i = 0; i < rows.groups.size(); ++i) {
    double* cell = cells_[rows.groups[i]].get() + w * rows.intervals[i];
    if (IsEmpty(cell)) std::fill_n(cell, w, 0);
    const double weight = rows.weights.empty() ? 1 : rows.weights[i];
    AddTo(rows.numbers[i] * weight, &cell[0], &cell[1]);
    if (kind_ == Kind::kAverage) cell[2] += weight;
  }
}

void MetricsCells::Merge(const MetricsCells& other, std::span<const uint32_t> groups) {
  const size_t w = width();
  for (size_t group = 0; group < other.cells_.size(); ++group) {
    for (size_t i = 0; i < intervals_; ++i) {
      MergeCell(other.cells_[group].get() + w * i, cells_[groups[group]].get() + w * i);
    }
  }
}

// REQUIRES: `from` is a cell of a sink like this one.
void MetricsCells::MergeCell(const double* from, double* to) const {
  if (kind_ == Kind::kCount) {
    to[0] += from[0];
    return;
  }
  if (IsEmpty(from)) return;
  if (IsEmpty(to)) {
    std::copy_n(from, width(), to);
    return;
  }
  switch (kind_) {
    case Kind::kCount:
      break;
    case Kind::kMin:
      to[0] = std::min(to[0], from[0]);
      break;
    case Kind::kMax:
      to[0] = std::max(to[0], from[0]);
      break;
    case Kind::kAverage:
      to[2] += from[2];
      [[fallthrough]];
    case Kind::kSum:
      AddTo(from[0], &to[0], &to[1]);
      to[1] += from[1];
      break;
  }
}

Status MetricsCells::Slide(const WindowRuns& runs) {
  std::vector<double> scratch;
  TOCSIN_RETURN_IF_ERROR(budget_->Take(2 * width() * intervals_ * sizeof(double)));
  for (const auto& cells : cells_) SlideGroup(runs, cells.get(), &scratch);
  intervals_ = runs.count;
  return {};
}

// In stretches as long as a window, each interval is joined with those before it in its stretch,
// and with those behind it. A window then is the end of one stretch and the beginning of the next:
// so the work does not grow with the length of the windows, also where nothing can be taken away
// from a sum again.
void MetricsCells::SlideGroup(const WindowRuns& runs, double* cells,
                              std::vector<double>* scratch) const {
  const size_t w = width();
  const size_t count = intervals_;
  scratch->assign(cells, cells + count * w);
  scratch->insert(scratch->end(), cells, cells + count * w);
  double* from_begin = scratch->data();
  double* to_end = scratch->data() + count * w;
  for (size_t i = 1; i < count; ++i) {
    if (i % runs.length != 0) MergeCell(from_begin + (i - 1) * w, from_begin + i * w);
  }
  for (size_t i = count - 1; i-- > 0;) {
    if ((i + 1) % runs.length != 0) MergeCell(to_end + (i + 1) * w, to_end + i * w);
  }
  for (size_t window = 0; window < runs.count; ++window) {
    const size_t begin = runs.first + window * runs.stride;
    const size_t last = begin + runs.length - 1;
    double* out = cells + window * w;
    std::copy_n(to_end + begin * w, w, out);
    // One that is a stretch is complete.
    if (begin % runs.length != 0) MergeCell(from_begin + last * w, out);
    if (kind_ == Kind::kCount && *out == 0) *out = kNone;
  }
}

double MetricsCells::At(uint32_t group, uint32_t interval) const {
  const double* cell = cells_[group].get() + width() * interval;
  if (kind_ == Kind::kSum) return cell[0] + cell[1];
  if (kind_ == Kind::kAverage) return (cell[0] + cell[1]) / cell[2];
  return cell[0];
}

}  // namespace tocsin::traceql
