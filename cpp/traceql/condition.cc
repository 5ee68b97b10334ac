#include "cpp/traceql/condition.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "cpp/base/hash.h"
#include "cpp/traceql/block_pruning.h"
#include "cpp/traceql/condition_shape.h"

namespace tocsin::traceql {
namespace {

// The literals that one field is compared with by `=` and `||`.
class InSet {
 public:
  void Add(const Scalar& value) {
    if (value.kind == Scalar::Kind::kString) {
      strings_.emplace(value.text);
    } else {
      others_.push_back(value);
    }
  }

  bool Contains(const Scalar& value) const {
    if (value.kind == Scalar::Kind::kString) return strings_.contains(value.text);
    if (value.kind == Scalar::Kind::kComposite) {
      const std::vector<Scalar> elements = DecodeArray(value.text);
      return std::any_of(elements.begin(), elements.end(),
                         [&](const Scalar& element) { return Contains(element); });
    }
    return std::any_of(others_.begin(), others_.end(), [&](const Scalar& other) {
      return Compare(Op::kEqual, value, other, nullptr);
    });
  }

 private:
  std::unordered_set<std::string, StringHash, std::equal_to<>> strings_;
  std::vector<Scalar> others_;
};

// The rows where one of several equalities of one field holds.
Bitmap ScanIn(const BoundField& bound, const Field& field,
              const std::vector<const Expr*>& equalities) {
  InSet set;
  for (const Expr* equality : equalities) {
    const Operation& operation = *equality->operation();
    const Literal* literal = operation.args[1].literal();
    if (literal == nullptr) literal = operation.args[0].literal();
    if (const size_t digits = IdDigits(field); digits > 0) {
      const std::string id = CanonicalId(literal->text, digits);
      set.Add(Scalar::String(id));
    } else {
      set.Add(ScalarOf(*literal));
    }
  }
  return bound.Scan([&](const Scalar& value) { return set.Contains(value); });
}

}  // namespace

// `subject op limit`, where the subject has the one field of the comparison and the limit has none.
struct ConditionEval::Leaf {
  const Field& field;
  BoundField& bound;
  const Operation& operation;
  size_t subject;  // Index of the argument with the field; if both have it, 0 and no limit.
  std::optional<Scalar> limit;

  const lib::Regex* regex() const { return operation.regex ? &*operation.regex : nullptr; }
};

bool DependsOnTrace(const Field& field) { return field.of_parent || IsOfTrace(field.intrinsic); }

Result<const BoundField*> ConditionEval::Prepare(const Field& field) {
  TOCSIN_ASSIGN_OR_RETURN(Bound* const bound, Bind(field));
  if (bound->field.available() && !bound->rows_prepared) {
    bound->field.PrepareRows();
    bound->rows_prepared = true;
  }
  return &bound->field;
}

Result<bool> ConditionEval::Keeps(const std::vector<Field>& fields) {
  for (const Field& field : fields) {
    // Only these have columns that a block may do without.
    const bool rare = field.intrinsic == Intrinsic::kEventTimeSinceStart ||
                      field.intrinsic == Intrinsic::kLinkTraceId ||
                      field.intrinsic == Intrinsic::kLinkSpanId;
    if (!rare) continue;
    TOCSIN_ASSIGN_OR_RETURN(const Bound* const bound, Bind(field));
    if (!bound->field.available()) return false;
  }
  return true;
}

Result<ConditionEval::Bound*> ConditionEval::Bind(const Field& field) {
  if (const auto it = bound_.find(field); it != bound_.end()) return &it->second;
  TOCSIN_ASSIGN_OR_RETURN(BoundField bound, BoundField::Bind(field, table_));
  bytes_read_ += bound.bytes();
  return &bound_.try_emplace(field, Bound{std::move(bound), false}).first->second;
}

// What depends on spans elsewhere is not known here.
void ConditionEval::PatchPartial(const std::vector<const Field*>& fields, bool otherwise,
                                 Bitmap* rows) const {
  const Bitmap* const partial = table_->partial();
  if (partial == nullptr || std::none_of(fields.begin(), fields.end(), [](const Field* field) {
        return DependsOnTrace(*field);
      })) {
    return;
  }
  if (otherwise) {
    rows->Or(*partial);
  } else {
    rows->AndNot(*partial);
  }
}

// Nested conditions ask for themselves.
bool ConditionEval::MayMatch(const Expr& expr) const {
  const Operation* operation = expr.operation();
  if (operation == nullptr || !IsComparison(operation->op)) return true;
  return MayHold(table_->block(), expr);
}

Result<Bitmap> ConditionEval::EvaluateExpr(const Expr& expr, bool otherwise) {
  const Operation* operation = expr.operation();
  if (operation == nullptr) return EvaluateLeaf(expr, otherwise);
  switch (operation->op) {
    case Op::kAnd:
      return EvaluateAnd(*operation, otherwise);
    case Op::kOr:
      return EvaluateOr(*operation, otherwise);
    case Op::kNot: {
      TOCSIN_ASSIGN_OR_RETURN(Bitmap rows, EvaluateExpr(operation->args[0], !otherwise));
      rows.Not();
      return rows;
    }
    case Op::kEqual:
    case Op::kNotEqual:
      if (IsCondition(operation->args[0]) || IsCondition(operation->args[1])) {
        return EvaluateBoolEquality(*operation, otherwise);
      }
      return EvaluateLeaf(expr, otherwise);
    default:
      return EvaluateLeaf(expr, otherwise);
  }
}

Result<Bitmap> ConditionEval::EvaluateAnd(const Operation& operation, bool otherwise) {
  std::vector<std::pair<int, const Expr*>> order;
  order.reserve(operation.args.size());
  for (const Expr& arg : operation.args) {
    if (!MayMatch(arg)) return Bitmap(table_->rows());
    order.emplace_back(CostOf(arg), &arg);
  }
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  Bitmap result(table_->rows(), true);
  for (const auto& [cost, arg] : order) {
    TOCSIN_ASSIGN_OR_RETURN(const Bitmap rows, EvaluateExpr(*arg, otherwise));
    result.And(rows);
    if (result.None()) break;
  }
  return result;
}

Result<Bitmap> ConditionEval::EvaluateOr(const Operation& operation, bool otherwise) {
  // `.a = 1 || .a = 2 || ...` is one look-up for each distinct value of .a.
  std::unordered_map<Field, std::vector<const Expr*>, FieldHash> equalities;
  Bitmap result(table_->rows());
  for (const Expr& arg : operation.args) {
    if (const Field* field = FieldOfEquality(arg)) {
      equalities[*field].push_back(&arg);
      continue;
    }
    TOCSIN_ASSIGN_OR_RETURN(const Bitmap rows, EvaluateExpr(arg, otherwise));
    result.Or(rows);
  }
  for (auto& [field, args] : equalities) {
    std::erase_if(args, [&](const Expr* arg) { return !MayMatch(*arg); });
    if (args.empty()) continue;
    if (args.size() == 1) {
      TOCSIN_ASSIGN_OR_RETURN(const Bitmap rows, EvaluateLeaf(*args[0], otherwise));
      result.Or(rows);
      continue;
    }
    TOCSIN_ASSIGN_OR_RETURN(const Bound* const bound, Bind(field));
    if (!bound->field.available()) {
      result.Or(Bitmap(table_->rows(), otherwise));
      continue;
    }
    Bitmap rows = ScanIn(bound->field, field, args);
    PatchPartial({&field}, otherwise, &rows);
    result.Or(rows);
  }
  return result;
}

// `(.a > 1) = .b`: one side is a condition, the other one too or a bool.
Result<Bitmap> ConditionEval::EvaluateBoolEquality(const Operation& operation, bool otherwise) {
  std::vector<const Field*> fields;
  for (const Expr& arg : operation.args) CollectFields(arg, &fields);
  for (const Field* field : fields) {
    TOCSIN_ASSIGN_OR_RETURN(const Bound* const bound, Bind(*field));
    if (!bound->field.available()) return Bitmap(table_->rows(), otherwise);
  }
  const size_t condition = IsCondition(operation.args[0]) ? 0 : 1;
  const Expr& other = operation.args[1 - condition];
  TOCSIN_ASSIGN_OR_RETURN(const Bitmap holds, EvaluateExpr(operation.args[condition], otherwise));
  // The rows where the other side stands in the relation to true, and to false.
  Bitmap if_true;
  Bitmap if_false;
  if (IsCondition(other) || other.literal() != nullptr) {
    TOCSIN_ASSIGN_OR_RETURN(if_true, EvaluateExpr(other, otherwise));
    if_false = if_true;
    (operation.op == Op::kEqual ? if_false : if_true).Not();
  } else if (const Field* field = other.field()) {
    TOCSIN_ASSIGN_OR_RETURN(const Bound* const bound, Bind(*field));
    const auto related_to = [&](bool side) {
      return bound->field.Scan([&](const Scalar& value) {
        return Compare(operation.op, Scalar::Bool(side), value, nullptr);
      });
    };
    if_true = related_to(true);
    if_false = related_to(false);
  } else {
    return Bitmap(table_->rows());  // Arithmetic gives no bool.
  }
  if_true.And(holds);
  if_false.AndNot(holds);
  if_true.Or(if_false);
  PatchPartial(fields, otherwise, &if_true);
  return if_true;
}

// A comparison, or the truth of a value.
Result<Bitmap> ConditionEval::EvaluateLeaf(const Expr& expr, bool otherwise) {
  if (!MayMatch(expr)) return Bitmap(table_->rows());
  std::vector<const Field*> fields;
  CollectFields(expr, &fields);
  if (fields.empty()) return Bitmap(table_->rows(), RowVerdict(expr, 0));
  if (const Operation* operation = expr.operation();
      operation != nullptr && !IsComparison(operation->op)) {
    return Bitmap(table_->rows());  // Arithmetic gives no bool.
  }
  Bitmap rows;
  if (fields.size() == 1) {
    const bool root_test = OnlyAsksForRoots(expr);
    if (!root_test) {
      TOCSIN_ASSIGN_OR_RETURN(const Bound* const bound, Bind(*fields[0]));
      if (!bound->field.available()) return Bitmap(table_->rows(), otherwise);
    }
    TOCSIN_ASSIGN_OR_RETURN(
        rows, root_test ? EvaluateRootTest(expr) : EvaluateOneField(expr, *fields[0]));
    if (root_test) return rows;
  } else {
    for (const Field* field : fields) {
      TOCSIN_ASSIGN_OR_RETURN(const BoundField* const bound, Prepare(*field));
      if (!bound->available()) return Bitmap(table_->rows(), otherwise);
    }
    TOCSIN_ASSIGN_OR_RETURN(rows, EvaluateRows(expr, fields));
  }
  PatchPartial(fields, otherwise, &rows);
  return rows;
}

// Roots are known by their missing parent id, whatever else of the trace is here.
Result<Bitmap> ConditionEval::EvaluateRootTest(const Expr& expr) {
  const Operation& operation = *expr.operation();
  const size_t subject = operation.args[0].field() != nullptr ? 0 : 1;
  const Op op = subject == 0 ? operation.op : Mirrored(operation.op);
  const Scalar limit = ValueOf(operation.args[1 - subject], Scalar{});
  TOCSIN_ASSIGN_OR_RETURN(const Bound* const parent,
                          Bind(Field{Intrinsic::kParent, Scope::kAny, "", false, false}));
  return parent->field.Scan([&](const Scalar& value) {
    const Scalar number = Scalar::Int(value.kind == Scalar::Kind::kNil ? -1 : 0);
    return Compare(op, number, limit, nullptr);
  });
}

// REQUIRES: the field is available.
Result<Bitmap> ConditionEval::EvaluateOneField(const Expr& expr, const Field& field) {
  TOCSIN_ASSIGN_OR_RETURN(Bound* const bound, Bind(field));
  const Operation* operation = expr.operation();
  if (operation == nullptr) {
    return bound->field.Scan([](const Scalar& value) { return value.IsTrue(); });
  }
  std::vector<const Field*> of_side;
  CollectFields(operation->args[0], &of_side);
  const size_t subject = of_side.empty() ? 1 : 0;
  of_side.clear();
  CollectFields(operation->args[1 - subject], &of_side);
  // Of several values on both sides each meets each.
  if (!of_side.empty() && bound->field.multiple()) {
    if (const auto prepared = Prepare(field); !prepared) return Failure(prepared.error());
    return EvaluateRows(expr, {&field});
  }
  Leaf leaf{field, bound->field, *operation, subject, std::nullopt};
  if (of_side.empty()) leaf.limit = ValueOf(operation->args[1 - subject], Scalar{});
  return EvaluateComparison(leaf);
}

Result<Bitmap> ConditionEval::EvaluateComparison(const Leaf& leaf) {
  const Operation& operation = leaf.operation;
  const Expr& subject = operation.args[leaf.subject];
  const Op op = leaf.subject == 0 ? operation.op : Mirrored(operation.op);
  if (NilTested(operation) != nullptr) {
    const bool wants_nil = operation.op == Op::kEqual;
    return leaf.bound.Scan([&](const Scalar& value) {
      return (ValueOf(subject, value).kind == Scalar::Kind::kNil) == wants_nil;
    });
  }
  if (!leaf.limit || subject.field() == nullptr) {
    return leaf.bound.Scan([&](const Scalar& value) {
      return Compare(operation.op, ValueOf(operation.args[0], value),
                     ValueOf(operation.args[1], value), leaf.regex());
    });
  }
  Scalar limit = *leaf.limit;
  std::string id;
  if (const size_t digits = IdDigits(leaf.field);
      digits > 0 && limit.kind == Scalar::Kind::kString && leaf.regex() == nullptr) {
    id = CanonicalId(limit.text, digits);
    limit = Scalar::String(id);
    if (std::optional<Bitmap> rows = leaf.bound.CompareIds(op, id)) return *std::move(rows);
  }
  if (limit.kind == Scalar::Kind::kInt) {
    if (std::optional<Bitmap> rows = leaf.bound.CompareInts(op, limit.integer)) {
      return *std::move(rows);
    }
  }
  const auto holds = [&](const Scalar& value) { return Compare(op, value, limit, leaf.regex()); };
  if (op == Op::kEqual && limit.kind == Scalar::Kind::kString) {
    if (std::optional<Bitmap> rows = leaf.bound.EqualText(limit.text, holds)) {
      return *std::move(rows);
    }
  }
  return leaf.bound.Scan(holds);
}

// Several fields meet: row by row. REQUIRES: they are prepared.
Result<Bitmap> ConditionEval::EvaluateRows(const Expr& expr,
                                           const std::vector<const Field*>& fields) {
  bool multiple = false;
  for (const Field* field : fields) {
    TOCSIN_ASSIGN_OR_RETURN(const Bound* const bound, Bind(*field));
    multiple = multiple || bound->field.multiple();
  }
  Bitmap result(table_->rows());
  const Operation& operation = *expr.operation();
  if (multiple || NilTested(operation) != nullptr) {
    for (uint32_t row = 0; row < table_->rows(); ++row) result.SetIf(row, RowVerdict(expr, row));
    return result;
  }
  const lib::Regex* regex = operation.regex ? &*operation.regex : nullptr;
  for (uint32_t row = 0; row < table_->rows(); ++row) {
    const auto value_of = [&](const Field& field) { return bound_.at(field).field.ValueOf(row); };
    result.SetIf(row, Compare(operation.op, ValueIn(operation.args[0], value_of),
                              ValueIn(operation.args[1], value_of), regex));
  }
  return result;
}

// The values of an expression in a row. An operation on several values on one side applies to each
// of them, on both sides to the first of each, the second of each, and so on.
void ConditionEval::RowValues(const Expr& expr, uint32_t row, std::vector<Scalar>* out) const {
  const auto push = [&](const Scalar& value) {
    if (value.kind != Scalar::Kind::kNil) out->push_back(value);
  };
  if (const Literal* literal = expr.literal()) return push(ScalarOf(*literal));
  if (const Field* field = expr.field()) return bound_.at(*field).field.ValuesOf(row, out);
  const Operation& operation = *expr.operation();
  std::vector<Scalar> left;
  RowValues(operation.args[0], row, &left);
  if (operation.op == Op::kNegate) {
    for (const Scalar& value : left) push(Negate(value));
    return;
  }
  if (!IsArithmetic(operation.op)) return;
  std::vector<Scalar> right;
  RowValues(operation.args[1], row, &right);
  if (left.empty() || right.empty()) return;
  const bool repeat_left = left.size() == 1;
  const bool repeat_right = right.size() == 1;
  const size_t count = repeat_left    ? right.size()
                       : repeat_right ? left.size()
                                      : std::min(left.size(), right.size());
  for (size_t i = 0; i < count; ++i) {
    push(Calculate(operation.op, left[repeat_left ? 0 : i], right[repeat_right ? 0 : i]));
  }
}

bool ConditionEval::RowVerdict(const Expr& expr, uint32_t row) const {
  std::vector<Scalar> left;
  std::vector<Scalar> right;
  const Operation* operation = expr.operation();
  if (operation == nullptr || !IsComparison(operation->op)) {
    RowValues(expr, row, &left);
    return std::any_of(left.begin(), left.end(), [](const Scalar& v) { return v.IsTrue(); });
  }
  if (const Expr* tested = NilTested(*operation)) {
    if (IsNil(*tested)) return false;  // nil = nil and nil != nil compare nothing.
    RowValues(*tested, row, &left);
    return left.empty() == (operation->op == Op::kEqual);
  }
  RowValues(operation->args[0], row, &left);
  RowValues(operation->args[1], row, &right);
  const lib::Regex* regex = operation->regex ? &*operation->regex : nullptr;
  for (const Scalar& a : left) {
    for (const Scalar& b : right) {
      if (Compare(operation->op, a, b, regex)) return true;
    }
  }
  return false;
}

}  // namespace tocsin::traceql
