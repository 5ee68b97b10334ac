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

bool MayHaveAttribute(const SegmentFooter& footer, const traceql::Field& field) {
  for (uint32_t scope = 0; scope < kAttrScopes; ++scope) {
    if (!InScope(field.scope, static_cast<AttrScope>(scope))) continue;
    if (footer.Find(kOverflowColumn + scope) != nullptr) return true;
  }
  return std::ranges::any_of(footer.attributes, [&](const SegmentFooter::Attribute& attribute) {
    return attribute.key == field.name && InScope(field.scope, attribute.scope);
  });
}

}  // namespace

bool FooterMayMatch(const SegmentFooter& footer, const traceql::Field& field, Op op,
                    const traceql::Literal& literal) {
  if (field.intrinsic != traceql::Intrinsic::kNone || field.of_parent) return true;
  // What is absent equals nil, and may count as different from anything.
  if (literal.type == traceql::Type::kNil || op == Op::kNotEqual || op == Op::kNotRegex) {
    return true;
  }
  return MayHaveAttribute(footer, field);
}

}  // namespace tocsin::storage
