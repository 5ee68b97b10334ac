/// Stored spans in the order of their ends, interval by interval, with what span metrics look at.
/// Private to this folder.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/generate/dimensions.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"

namespace tocsin::backtest {

class SpanReader {
 public:
  /// `source` is borrowed.
  SpanReader(const traceql::SpanSource& source, std::string tenant,
             std::vector<generate::Dimension> dimensions)
      : source_(source), tenant_(std::move(tenant)), dimensions_(std::move(dimensions)) {}

  /// The spans of an interval; `end`: of the interval, Unix nanoseconds. They have ids, times,
  /// name, kind, status, `service.name`, and the attributes of the dimensions as their own; their
  /// wire_size is 0.
  using Visitor = std::function<Status(uint64_t end, const SpanBatch& spans)>;

  /// Visits, in the order of time, the intervals of length `interval` in (after, until] that have
  /// spans; a span belongs where it ends, or where it starts if that is later. Deleted spans and
  /// repetitions within a block are left out. Errors of the store and of the visitor end it.
  Status Read(uint64_t after, uint64_t until, uint64_t interval, const Visitor& visitor) const;

 private:
  const traceql::SpanSource& source_;
  const std::string tenant_;
  const std::vector<generate::Dimension> dimensions_;
};

}  // namespace tocsin::backtest
