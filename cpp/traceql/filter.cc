#include "cpp/traceql/filter.h"

#include <memory>

#include "cpp/traceql/block_eval.h"

namespace tocsin::traceql {

Result<Bitmap> Filter::Evaluate(const Spanset& spanset) {
  TOCSIN_ASSIGN_OR_RETURN(const std::unique_ptr<BlockEval> eval,
                          BlockEval::Make(block_, FieldsOf(spanset), trace_ != nullptr));
  Result<Bitmap> rows = eval->Rows(spanset);
  bytes_read_ += eval->bytes_read();
  return rows;
}

}  // namespace tocsin::traceql
