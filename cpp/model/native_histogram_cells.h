/// One side of a native histogram as a plain list. For the arithmetic of native histograms only.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpp/model/native_histogram.h"

namespace tocsin {

/// A bucket that is there, with what rounding has taken from its count.
struct HistogramCell {
  int32_t index = 0;
  double count = 0;
  double rest = 0;
};

/// Ascending by index; no index twice.
using HistogramCells = std::vector<HistogramCell>;

/// The buckets of one side. `rests` is empty, or has one for each.
HistogramCells ReadCells(std::span<const HistogramSpan> spans, std::span<const double> counts,
                         std::span<const double> rests = {});

/// The other way round; spans come out as long as they can be. `rests` may be null.
void WriteCells(const HistogramCells& cells, std::vector<HistogramSpan>* spans,
                std::vector<double>* counts, std::vector<double>* rests = nullptr);

/// Takes those away that count nothing.
void DropEmptyCells(HistogramCells* cells);

/// Takes cells together for a lower resolution. REQUIRES: `from` >= `to`, both exponential.
void ReduceCells(int32_t from, int32_t to, HistogramCells* cells);

/// Neumaier's summation: adds `value` to a sum and what rounding took from it.
void AddCompensated(double value, double* sum, double* rest);

}  // namespace tocsin
