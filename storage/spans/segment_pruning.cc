#include "storage/spans/segment_pruning.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/columnar/bloom.h"
#include "storage/spans/value_filter.h"

namespace tocsin::storage {
namespace {

using traceql::Op;
using traceql::Scope;

// A regular expression of more alternatives is not taken apart.
constexpr size_t kMaxAlternatives = 64;

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

// The texts that `a|b\.c` matches as a whole; nothing if that is more than such a list.
std::optional<std::vector<std::string>> Alternatives(std::string_view regex) {
  constexpr std::string_view kSpecial = "^$.*+?()[]{}";
  constexpr std::string_view kEscaped = "^$.*+?()[]{}|\\/-";
  std::vector<std::string> texts(1);
  for (size_t i = 0; i < regex.size(); ++i) {
    if (regex[i] == '|') {
      if (texts.size() == kMaxAlternatives) return std::nullopt;
      texts.emplace_back();
      continue;
    }
    if (regex[i] == '\\') {
      ++i;
      if (i == regex.size() || !kEscaped.contains(regex[i])) return std::nullopt;
    } else if (kSpecial.contains(regex[i])) {
      return std::nullopt;
    }
    texts.back().push_back(regex[i]);
  }
  return texts;
}

// A comparison of a field with a value. What it equals: one of `texts`, or `number`.
class Question {
 public:
  Question(const SegmentColumns& columns, Op op, const traceql::Literal& literal)
      : columns_(columns), footer_(columns.footer()), op_(op), literal_(literal) {
    if (literal.type == traceql::Type::kInt && op == Op::kEqual) number_ = literal.integer;
    if (literal.type != traceql::Type::kString) return;
    if (op == Op::kEqual) texts_ = {literal.text};
    if (op == Op::kRegex) texts_ = Alternatives(literal.text);
  }

  /// `hasher`: of the column, if the value filter tells of it where it has no list; null: it does
  /// not.
  Result<bool> OfColumn(const ValueSummary* summary, ValueType type,
                        const ValueHasher* hasher) const {
    if (summary != nullptr && !InRange(*summary, type)) return false;
    const bool texts = texts_ && type == ValueType::kString;
    const bool number = number_ && type == ValueType::kInt;
    if (!texts && !number) return true;
    if (summary != nullptr && summary->listed) return Lists(*summary);
    if (footer_.filter_pages == 0 || hasher == nullptr) return true;
    return InFilter(*hasher);
  }

  Result<bool> OfAttribute(const traceql::Field& field) const {
    for (uint32_t s = 0; s < kAttrScopes; ++s) {
      const auto scope = static_cast<AttrScope>(s);
      if (!InScope(field.scope, scope)) continue;
      TOCSIN_ASSIGN_OR_RETURN(const bool may, OfOverflow(scope, field.name));
      if (may) return true;
    }
    for (uint32_t i = 0; i < footer_.attributes.size(); ++i) {
      const SegmentFooter::Attribute& attribute = footer_.attributes[i];
      if (attribute.key != field.name || !InScope(field.scope, attribute.scope)) continue;
      const ValueHasher hasher(attribute.scope, attribute.type, attribute.key);
      TOCSIN_ASSIGN_OR_RETURN(
          const bool may,
          OfColumn(footer_.FindSummary(kFirstAttributeColumn + i), attribute.type, &hasher));
      if (may) return true;
    }
    return false;
  }

  bool OfNumbered(const ValueSummary* summary) const {
    return summary == nullptr || op_ != Op::kEqual || !summary->listed ||
           MayList(*summary, ValueSummary::HashOf(static_cast<uint64_t>(literal_.integer)));
  }

  // Of ids that are no ids nothing is said.
  bool OfTraceId() const {
    const auto id = literal_.text.size() == 32 ? TraceId::FromHex(literal_.text) : std::nullopt;
    return op_ != Op::kEqual || !id || BloomMayContain(footer_.bloom, BloomHash(*id));
  }

 private:
  static bool MayList(const ValueSummary& summary, uint32_t hash) {
    return std::ranges::binary_search(summary.values, hash);
  }

  bool Lists(const ValueSummary& summary) const {
    if (number_) return MayList(summary, ValueSummary::HashOf(static_cast<uint64_t>(*number_)));
    return std::ranges::any_of(*texts_, [&](const std::string& text) {
      return MayList(summary, ValueSummary::HashOf(text));
    });
  }

  Result<bool> InFilter(const ValueHasher& hasher) const {
    if (number_) return columns_.FilterMayContain(hasher.Number(static_cast<uint64_t>(*number_)));
    for (const std::string& text : *texts_) {
      TOCSIN_ASSIGN_OR_RETURN(const bool may, columns_.FilterMayContain(hasher.Text(text)));
      if (may) return true;
    }
    return false;
  }

  // What shares a column with others.
  Result<bool> OfOverflow(AttrScope scope, std::string_view key) const {
    if (footer_.Find(kOverflowColumn + static_cast<uint32_t>(scope)) == nullptr) return false;
    if (footer_.filter_pages == 0) return true;
    TOCSIN_ASSIGN_OR_RETURN(const bool known,
                            columns_.FilterMayContain(ValueHasher::Key(scope, key)));
    if (!known) return false;
    if (!texts_ && !number_) return true;
    const ValueHasher hasher(scope, number_ ? ValueType::kInt : ValueType::kString, key);
    // A comparison with another type may mean its text.
    TOCSIN_ASSIGN_OR_RETURN(const bool others, columns_.FilterMayContain(hasher.OtherTypes()));
    return others ? Result<bool>(true) : InFilter(hasher);
  }

  // Whether a number in the summary's range may satisfy the condition.
  bool InRange(const ValueSummary& summary, ValueType type) const {
    if (!summary.ranged || (type != ValueType::kInt && type != ValueType::kDouble)) return true;
    switch (literal_.type) {
      case traceql::Type::kInt:
      case traceql::Type::kDuration:
        return MayCompare(summary, static_cast<double>(literal_.integer));
      case traceql::Type::kFloat:
        return MayCompare(summary, literal_.number);
      default:
        return true;
    }
  }

  // Doubles near the ends of the range may be rounded: nothing is excluded on equality with an end.
  bool MayCompare(const ValueSummary& summary, double wanted) const {
    const auto min = static_cast<double>(summary.min);
    const auto max = static_cast<double>(summary.max);
    switch (op_) {
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

  const SegmentColumns& columns_;
  const SegmentFooter& footer_;
  const Op op_;
  const traceql::Literal& literal_;
  std::optional<std::vector<std::string>> texts_;
  std::optional<int64_t> number_;
};

}  // namespace

Result<bool> MayMatchSegment(const SegmentColumns& columns, const traceql::Field& field, Op op,
                             const traceql::Literal& literal) {
  using traceql::Intrinsic;
  using traceql::Type;
  if (field.of_parent) return true;
  // What is absent equals nil, and may count as different from anything.
  if (literal.type == Type::kNil || op == Op::kNotEqual || op == Op::kNotRegex) return true;
  const Question question(columns, op, literal);
  const SegmentFooter& footer = columns.footer();
  switch (field.intrinsic) {
    case Intrinsic::kNone:
      return question.OfAttribute(field);
    case Intrinsic::kName: {
      const ValueHasher hasher = ValueHasher::OfNames();
      return question.OfColumn(footer.FindSummary(kNamesColumn), ValueType::kString, &hasher);
    }
    case Intrinsic::kDuration:
      return question.OfColumn(footer.FindSummary(kDurationsColumn), ValueType::kInt, nullptr);
    case Intrinsic::kTraceId:
      return literal.type != Type::kString || question.OfTraceId();
    case Intrinsic::kStatus:
      return literal.type != Type::kStatus ||
             question.OfNumbered(footer.FindSummary(kStatusesColumn));
    case Intrinsic::kKind:
      return literal.type != Type::kKind || question.OfNumbered(footer.FindSummary(kKindsColumn));
    default:
      return true;
  }
}

}  // namespace tocsin::storage
