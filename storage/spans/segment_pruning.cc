#include "storage/spans/segment_pruning.h"

#include <algorithm>

namespace tocsin::storage {
namespace {

using traceql::Op;
using traceql::Scope;

bool InScope(Scope wanted, AttrScope scope) {
  switch (wanted) {
    case Scope::kAny:
      return true;
    case Scope::kSpan:
      return scope == AttrScope::kSpan;
    case Scope::kResource:
      return scope == AttrScope::kResource;
    case Scope::kEvent:
      return scope == AttrScope::kEvent;
    case Scope::kLink:
      return scope == AttrScope::kLink;
    case Scope::kInstrumentation:
      return scope == AttrScope::kInstrumentation;
  }
  return true;
}

// Whether a number in the summary's range may satisfy `number op wanted`. Doubles near the ends of
// the range may be rounded: nothing is excluded on equality with an end.
bool MayCompare(const ValueSummary& summary, Op op, double wanted) {
  if (!summary.ranged) return true;
  const auto min = static_cast<double>(summary.min);
  const auto max = static_cast<double>(summary.max);
  switch (op) {
    case Op::kEqual:
      return min <= wanted && wanted <= max;
    case Op::kLess:
    case Op::kLessEqual:
      return min <= wanted;
    case Op::kGreater:
    case Op::kGreaterEqual:
      return max >= wanted;
    default:
      return true;
  }
}

bool MayList(const ValueSummary& summary, uint32_t hash) {
  return !summary.listed || std::ranges::binary_search(summary.values, hash);
}

bool MayMatchColumn(const ValueSummary* summary, ValueType type, Op op,
                    const traceql::Literal& literal) {
  if (summary == nullptr) return true;
  const bool number = type == ValueType::kInt || type == ValueType::kDouble;
  switch (literal.type) {
    case traceql::Type::kString:
      // A comparison with another type may mean its text.
      if (type != ValueType::kString || op != Op::kEqual) return true;
      return MayList(*summary, ValueSummary::HashOf(literal.text));
    case traceql::Type::kInt:
    case traceql::Type::kDuration:
      return !number || MayCompare(*summary, op, static_cast<double>(literal.integer));
    case traceql::Type::kFloat:
      return !number || MayCompare(*summary, op, literal.number);
    default:
      return true;
  }
}

bool MayMatchAttribute(const SegmentFooter& footer, const traceql::Field& field, Op op,
                       const traceql::Literal& literal) {
  for (uint32_t scope = 0; scope < kAttrScopes; ++scope) {
    if (!InScope(field.scope, static_cast<AttrScope>(scope))) continue;
    if (footer.Find(kOverflowColumn + scope) != nullptr) return true;
  }
  for (uint32_t i = 0; i < footer.attributes.size(); ++i) {
    const SegmentFooter::Attribute& attribute = footer.attributes[i];
    if (attribute.key != field.name || !InScope(field.scope, attribute.scope)) continue;
    const ValueSummary* summary = footer.FindSummary(kFirstAttributeColumn + i);
    if (MayMatchColumn(summary, attribute.type, op, literal)) return true;
  }
  return false;
}

bool MayMatchNumbered(const ValueSummary* summary, Op op, const traceql::Literal& literal) {
  return summary == nullptr || op != Op::kEqual ||
         MayList(*summary, ValueSummary::HashOf(static_cast<uint64_t>(literal.integer)));
}

}  // namespace

bool FooterMayMatch(const SegmentFooter& footer, const traceql::Field& field, Op op,
                    const traceql::Literal& literal) {
  using traceql::Intrinsic;
  using traceql::Type;
  if (field.of_parent) return true;
  // What is absent equals nil, and may count as different from anything.
  if (literal.type == Type::kNil || op == Op::kNotEqual || op == Op::kNotRegex) return true;
  switch (field.intrinsic) {
    case Intrinsic::kNone:
      return MayMatchAttribute(footer, field, op, literal);
    case Intrinsic::kName:
      return MayMatchColumn(footer.FindSummary(kNamesColumn), ValueType::kString, op, literal);
    case Intrinsic::kDuration:
      return MayMatchColumn(footer.FindSummary(kDurationsColumn), ValueType::kInt, op, literal);
    case Intrinsic::kStatus:
      return literal.type != Type::kStatus ||
             MayMatchNumbered(footer.FindSummary(kStatusesColumn), op, literal);
    case Intrinsic::kKind:
      return literal.type != Type::kKind ||
             MayMatchNumbered(footer.FindSummary(kKindsColumn), op, literal);
    default:
      return true;
  }
}

}  // namespace tocsin::storage
