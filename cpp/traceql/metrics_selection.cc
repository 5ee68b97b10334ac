#include "cpp/traceql/metrics_selection.h"

#include <memory>
#include <variant>

#include "cpp/traceql/bound_field.h"
#include "cpp/traceql/filter.h"

namespace tocsin::traceql {
namespace {

Result<bool> IsExact(const Pipeline& pipeline, const SpanBlock& block) {
  const auto* spanset = std::get_if<Spanset>(&pipeline[0].node);
  if (pipeline.size() != 1 || spanset == nullptr || spanset->kind != Spanset::Kind::kFilter) {
    return false;
  }
  for (const Field& field : FieldsOf(pipeline)) {
    TOCSIN_ASSIGN_OR_RETURN(const BoundField bound, BoundField::Bind(field, block, nullptr));
    if (!bound.available()) return false;
  }
  return true;
}

}  // namespace

Result<BlockSelection> SelectInBlock(const Pipeline& pipeline, const SpanBlock& block,
                                     bool whole_traces_only) {
  BlockSelection out;
  Filter filter(block, nullptr);
  TOCSIN_ASSIGN_OR_RETURN(Bitmap rows, filter.Evaluate(std::get<Spanset>(pipeline[0].node)));
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Bitmap> hidden, block.Hidden());
  if (hidden != nullptr) rows.AndNot(*hidden);
  out.bytes_read = filter.bytes_read();
  out.exact = Bitmap(block.rows());
  TOCSIN_ASSIGN_OR_RETURN(const auto whole, block.Whole());
  TOCSIN_ASSIGN_OR_RETURN(const bool exact, IsExact(pipeline, block));
  if (whole_traces_only || whole.empty() || !exact) {
    out.possible = std::move(rows);
    return out;
  }
  TOCSIN_ASSIGN_OR_RETURN(const auto trace_of_row, block.TraceOfRow());
  for (uint32_t row = 0; row < block.rows(); ++row) {
    out.exact.SetIf(row, whole[trace_of_row[row]] != 0);
  }
  out.possible = rows;
  out.possible.AndNot(out.exact);
  out.exact.And(rows);
  return out;
}

Result<Bitmap> SelectInTrace(const Pipeline& pipeline, const SpanBlock& block,
                             const WholeTrace& trace) {
  Filter filter(block, &trace);
  return filter.Evaluate(std::get<Spanset>(pipeline[0].node));
}

}  // namespace tocsin::traceql
