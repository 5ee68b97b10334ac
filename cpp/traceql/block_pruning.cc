#include "cpp/traceql/block_pruning.h"

#include <algorithm>
#include <variant>

#include "cpp/traceql/condition.h"
#include "cpp/traceql/condition_shape.h"

namespace tocsin::traceql {
namespace {

// The comparison of an attribute or intrinsic with a literal.
bool ComparisonMayHold(const SpanBlock& block, const Operation& operation) {
  const Field* field = operation.args[0].field();
  const Literal* literal = operation.args[1].literal();
  Op op = operation.op;
  if (field == nullptr) {
    field = operation.args[1].field();
    literal = operation.args[0].literal();
    op = Mirrored(op);
  }
  if (field == nullptr || literal == nullptr || literal->type == Type::kNil) return true;
  if (operation.regex && operation.args[0].field() == nullptr) return true;
  if (field->intrinsic == Intrinsic::kTraceId && !field->of_parent && op == Op::kEqual &&
      literal->type == Type::kString) {
    Literal canonical = *literal;
    canonical.text = CanonicalId(literal->text, IdDigits(*field));
    return block.MayMatch(*field, op, canonical);
  }
  if (DependsOnTrace(*field) || IdDigits(*field) > 0) return true;
  return block.MayMatch(*field, op, *literal);
}

bool MaySelect(const SpanBlock& block, const Spanset& spanset) {
  const auto may = [&](const Spanset& arg) { return MaySelect(block, arg); };
  switch (spanset.kind) {
    case Spanset::Kind::kFilter:
      return !spanset.condition || MayHold(block, *spanset.condition);
    case Spanset::Kind::kPipeline:
      return MaySelect(block, spanset.stages);
    case Spanset::Kind::kAnd:  // Each argument may have its span in another block.
    case Spanset::Kind::kOr:
      return std::ranges::any_of(spanset.args, may);
    case Spanset::Kind::kNot:
      return true;
    default:
      return may(spanset.args[1]) ||
             (spanset.form == Spanset::Form::kUnion && may(spanset.args[0]));
  }
}

}  // namespace

bool MayHold(const SpanBlock& block, const Expr& condition) {
  const Operation* operation = condition.operation();
  if (operation == nullptr) return true;
  const auto may = [&](const Expr& arg) { return MayHold(block, arg); };
  if (operation->op == Op::kAnd) return std::ranges::all_of(operation->args, may);
  if (operation->op == Op::kOr) return std::ranges::any_of(operation->args, may);
  return !IsComparison(operation->op) || ComparisonMayHold(block, *operation);
}

bool MaySelect(const SpanBlock& block, const Pipeline& pipeline) {
  // What a later stage has was in the first.
  const auto* first = pipeline.empty() ? nullptr : std::get_if<Spanset>(&pipeline.front().node);
  return first == nullptr || MaySelect(block, *first);
}

}  // namespace tocsin::traceql
