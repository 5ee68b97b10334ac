#include "cpp/model/native_histogram_cells.h"

#include <cmath>

#include "cpp/model/native_histogram_buckets.h"

namespace tocsin {

HistogramCells ReadCells(std::span<const HistogramSpan> spans, std::span<const double> counts,
                         std::span<const double> rests) {
  HistogramCells cells;
  cells.reserve(counts.size());
  BucketCursor cursor(spans, counts, /*reverse=*/false);
  while (cursor.Next()) {
    const double rest = rests.empty() ? 0 : rests[cursor.position()];
    cells.push_back({cursor.index(), cursor.count(), rest});
  }
  return cells;
}

void WriteCells(const HistogramCells& cells, std::vector<HistogramSpan>* spans,
                std::vector<double>* counts, std::vector<double>* rests) {
  spans->clear();
  counts->clear();
  if (rests != nullptr) rests->clear();
  int64_t next = 0;
  for (const HistogramCell& cell : cells) {
    if (spans->empty() || cell.index != next) {
      spans->push_back({static_cast<int32_t>(cell.index - next), 0});
    }
    ++spans->back().length;
    next = int64_t{cell.index} + 1;
    counts->push_back(cell.count);
    if (rests != nullptr) rests->push_back(cell.rest);
  }
}

void DropEmptyCells(HistogramCells* cells) {
  std::erase_if(*cells,
                [](const HistogramCell& cell) { return cell.count == 0 && cell.rest == 0; });
}

void ReduceCells(int32_t from, int32_t to, HistogramCells* cells) {
  if (from == to || cells->empty()) return;
  size_t last = 0;
  for (size_t i = 0; i < cells->size(); ++i) {
    HistogramCell cell = (*cells)[i];
    cell.index = ((cell.index - 1) >> (from - to)) + 1;
    HistogramCell& target = (*cells)[last];
    if (i > 0 && target.index == cell.index) {
      AddCompensated(cell.count, &target.count, &target.rest);
      AddCompensated(cell.rest, &target.count, &target.rest);
    } else {
      last += i > 0 ? 1 : 0;
      (*cells)[last] = cell;
    }
  }
  cells->resize(last + 1);
}

void AddCompensated(double value, double* sum, double* rest) {
  const double total = *sum + value;
  if (std::isinf(total)) {
    *rest = 0;
  } else if (std::abs(*sum) >= std::abs(value)) {
    *rest += (*sum - total) + value;
  } else {
    *rest += (value - total) + *sum;
  }
  *sum = total;
}

}  // namespace tocsin
