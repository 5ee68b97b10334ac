/// What a metrics query does with series once they are made: arithmetic, topk, filters, limits.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpp/traceql/ast.h"
#include "cpp/traceql/metrics.h"

namespace tocsin::traceql {

/// Series with distinct labels, all of as many values.
using SeriesSet = std::vector<MetricsSeries>;

/// By labels.
void SortSeries(SeriesSet* series);
/// Leaves out the series that have no sample.
void DropEmptySeries(SeriesSet* series);

/// Series with equal labels, in whatever order, `__name__` apart, point by point; those without a
/// partner vanish. A side that is one series without labels is a partner to each of the other. A
/// missing sample makes the result missing, and so does division by zero. What exemplars measured
/// is no point of the result: their values become NaN. REQUIRES: op is one of + - * /.
SeriesSet Combine(Op op, const SeriesSet& left, const SeriesSet& right);
/// The same with the number at every point. Labels stay.
SeriesSet CombineWithNumber(Op op, SeriesSet series, double number, bool number_is_left);

/// Keeps, at each point in time, the k greatest (or least) samples. Of equal ones those of the
/// series that comes first by labels.
void KeepTop(int64_t k, bool greatest, SeriesSet* series);
/// Keeps the samples for which `sample op number` holds.
void KeepWhere(Op op, double number, SeriesSet* series);
/// Exemplars without a value get the sample of their series; those where there is none go.
/// `timestamps_ms`: the right ends of the intervals.
void PlaceExemplars(std::span<const int64_t> timestamps_ms, SeriesSet* series);
/// Keeps the `limit` series with the greatest sums, in their order.
void KeepLargest(size_t limit, SeriesSet* series);

}  // namespace tocsin::traceql
