/// The rows of one block that a spanset expression selects, in one call.

#pragma once

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/source.h"
#include "cpp/traceql/whole_trace.h"

namespace tocsin::traceql {

class Filter {
 public:
  /// With a trace, whose BatchBlock `block` must be, answers are exact. Without one they are as
  /// those of BlockEval: exact for whole traces, a superset for the others. Both must outlive the
  /// filter.
  Filter(const SpanBlock& block, const WholeTrace* trace) : block_(block), trace_(trace) {}

  Result<Bitmap> Evaluate(const Spanset& spanset);
  /// Bytes of columns that were read so far.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  const SpanBlock& block_;
  const WholeTrace* trace_;
  uint64_t bytes_read_ = 0;
};

}  // namespace tocsin::traceql
