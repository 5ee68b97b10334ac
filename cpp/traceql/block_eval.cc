#include "cpp/traceql/block_eval.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

#include "cpp/traceql/relations.h"

namespace tocsin::traceql {

// A number for each unit, or one for all of them.
struct BlockEval::Numbers {
  std::optional<Scalar> of_all;
  std::vector<Scalar> of_units;
  std::vector<Annotation> annotations;

  const Scalar& Of(uint32_t unit) const { return of_all ? *of_all : of_units[unit]; }
};

namespace {

// A scalar filter may look at the spansets that come in, or at what pipelines make of them.
struct Leaves {
  uint32_t pipelines = 0;
  uint32_t aggregates = 0;

  void Count(const ScalarExpr& scalar) {
    switch (scalar.kind) {
      case ScalarExpr::Kind::kNumber:
        return;
      case ScalarExpr::Kind::kPipeline:
        ++pipelines;
        return;
      case ScalarExpr::Kind::kOperation:
        for (const ScalarExpr& arg : scalar.args) Count(arg);
        return;
      default:
        ++aggregates;
    }
  }
};

const ScalarExpr* FindPipeline(const ScalarExpr& scalar) {
  if (scalar.kind == ScalarExpr::Kind::kPipeline) return &scalar;
  for (const ScalarExpr& arg : scalar.args) {
    if (const ScalarExpr* found = FindPipeline(arg)) return found;
  }
  return nullptr;
}

// Gives equal values equal numbers; 0 is nil.
class ValueNumbers {
 public:
  uint32_t Of(const Scalar& value) {
    if (value.kind == Scalar::Kind::kNil) return 0;
    key_.assign(1, static_cast<char>(value.kind));
    if (value.kind == Scalar::Kind::kString || value.kind == Scalar::Kind::kComposite) {
      key_.append(value.text);
    } else if (value.kind == Scalar::Kind::kFloat) {
      const double number = value.number == 0 ? 0 : value.number;  // -0 is 0.
      key_.append(reinterpret_cast<const char*>(&number), sizeof(number));
    } else {
      key_.append(reinterpret_cast<const char*>(&value.integer), sizeof(value.integer));
    }
    return numbers_.try_emplace(key_, static_cast<uint32_t>(numbers_.size() + 1)).first->second;
  }

 private:
  std::string key_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

// Gives equal pairs equal numbers, from 0 in the order of their first appearance.
class PairNumbers {
 public:
  uint32_t Of(uint32_t a, uint32_t b) {
    // Rows of a trace mostly follow each other. As long as `a` ascends, the last `a` that came with
    // a `b` tells whether the pair is new.
    if (a < greatest_ && !by_pair_) IndexPairs();
    const uint64_t pair = uint64_t{a} << 32 | b;
    if (by_pair_) {
      const auto [it, added] = by_pair_->try_emplace(pair, size());
      if (added) pairs_.push_back(pair);
      return it->second;
    }
    greatest_ = a;
    if (b >= last_.size()) last_.resize(b + size_t{1});
    Last& last = last_[b];
    if (last.number == kNone || last.a != a) {
      last = {a, size()};
      pairs_.push_back(pair);
    }
    return last.number;
  }
  uint32_t size() const { return static_cast<uint32_t>(pairs_.size()); }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Last {
    uint32_t a = 0;
    uint32_t number = kNone;
  };

  void IndexPairs() {
    by_pair_.emplace();
    for (uint32_t i = 0; i < pairs_.size(); ++i) by_pair_->emplace(pairs_[i], i);
  }

  std::vector<uint64_t> pairs_;  // By number.
  std::vector<Last> last_;       // By b, while `a` ascends.
  uint32_t greatest_ = 0;
  std::optional<std::unordered_map<uint64_t, uint32_t>> by_pair_;  // Once it does not.
};

// Calls visit(row, number) with a number for the value that an expression has in each row.
template <class Visit>
Status ForEachKey(const Expr& by, const Bitmap& rows, ConditionEval* conditions, Visit visit) {
  if (by.operation() != nullptr && by.type == Type::kBool) {
    TOCSIN_ASSIGN_OR_RETURN(const Bitmap holds, conditions->Evaluate(by));
    rows.ForEach([&](uint32_t row) { visit(row, holds.Test(row) ? 2 : 1); });
    return {};
  }
  for (const Field& field : FieldsOf(by)) {
    TOCSIN_ASSIGN_OR_RETURN(const BoundField* const bound, conditions->Prepare(field));
    if (!bound->available()) {  // Then every trace is partial and groups do not matter.
      rows.ForEach([&](uint32_t row) { visit(row, 0); });
      return {};
    }
  }
  ValueNumbers numbers;
  if (const Field* field = by.field()) {
    TOCSIN_ASSIGN_OR_RETURN(const BoundField* const bound, conditions->Prepare(*field));
    if (const Column* column = bound->only_column()) {
      constexpr uint32_t kUnknown = UINT32_MAX;
      std::vector<uint32_t> number_of(column->values.size() + 1, kUnknown);
      number_of[0] = 0;
      rows.ForEach([&](uint32_t row) {
        const uint32_t code = column->codes[row];
        uint32_t& number = number_of[code];
        if (number == kUnknown) number = numbers.Of(ScalarOf(column->values[code - 1]));
        visit(row, number);
      });
      return {};
    }
  }
  std::vector<Scalar> values;
  rows.ForEach([&](uint32_t row) {
    values.clear();
    conditions->ValuesOf(by, row, &values);
    visit(row, values.empty() ? 0 : numbers.Of(values[0]));
  });
  return {};
}

// `count() > 20`, where the number is on the right.
std::optional<int64_t> LimitOfCount(const ScalarFilter& filter) {
  const bool plain = filter.left.kind == ScalarExpr::Kind::kCount &&
                     filter.right.kind == ScalarExpr::Kind::kNumber &&
                     filter.right.literal.type == Type::kInt;
  if (!plain) return std::nullopt;
  return filter.right.literal.integer;
}

}  // namespace

Result<std::unique_ptr<BlockEval>> BlockEval::Make(const SpanBlock& block,
                                                   const std::vector<Field>& fields, bool all_whole,
                                                   std::function<Status()> interrupted) {
  TOCSIN_ASSIGN_OR_RETURN(std::shared_ptr<TraceTable> table, TraceTable::Make(block, all_whole));
  std::unique_ptr<BlockEval> eval(new BlockEval(std::move(table), std::move(interrupted)));
  TOCSIN_ASSIGN_OR_RETURN(const bool keeps, eval->conditions_.Keeps(fields));
  if (!keeps) eval->table_->CallAllPartial();
  return eval;
}

Result<Bitmap> BlockEval::Rows(const Pipeline& pipeline) {
  TOCSIN_ASSIGN_OR_RETURN(Selection selection, Select(pipeline));
  return std::move(selection.rows);
}

Result<Bitmap> BlockEval::Rows(const Spanset& spanset) {
  Selection all;
  all.rows = table_->visible();
  return Evaluate(spanset, all);
}

Result<Selection> BlockEval::Select(const Pipeline& pipeline) {
  Selection all;
  all.rows = table_->visible();
  return Run(pipeline, std::move(all));
}

Result<Selection> BlockEval::Run(const Pipeline& stages, Selection in) {
  for (const Stage& stage : stages) {
    if (in.rows.None()) break;
    // Who wants an evaluation asks before it; a single stage need not ask again.
    if (&stage != &stages.front()) TOCSIN_RETURN_IF_ERROR(CheckInterrupted());
    if (const auto* spanset = std::get_if<Spanset>(&stage.node)) {
      TOCSIN_ASSIGN_OR_RETURN(in.rows, Evaluate(*spanset, in));
    } else if (const auto* filter = std::get_if<ScalarFilter>(&stage.node)) {
      TOCSIN_ASSIGN_OR_RETURN(in, Filter(*filter, std::move(in)));
    } else if (const auto* group = std::get_if<Group>(&stage.node)) {
      TOCSIN_ASSIGN_OR_RETURN(in, Split(*group, std::move(in)));
    } else if (std::holds_alternative<Coalesce>(stage.node)) {
      in.grouping.reset();
      in.annotations.clear();
    }
  }
  return in;
}

Result<Bitmap> BlockEval::Evaluate(const Spanset& spanset, const Selection& in) {
  switch (spanset.kind) {
    case Spanset::Kind::kFilter: {
      if (!spanset.condition) return in.rows;
      TOCSIN_ASSIGN_OR_RETURN(Bitmap rows, conditions_.Evaluate(*spanset.condition));
      rows.And(in.rows);
      return rows;
    }
    case Spanset::Kind::kPipeline: {
      Selection inner;
      inner.rows = in.rows;
      inner.grouping = in.grouping;
      TOCSIN_ASSIGN_OR_RETURN(inner, Run(spanset.stages, std::move(inner)));
      return std::move(inner.rows);
    }
    case Spanset::Kind::kAnd:
      return EvaluateAnd(spanset, in);
    case Spanset::Kind::kOr: {
      Bitmap rows(in.rows.size());
      for (const Spanset& arg : spanset.args) {
        TOCSIN_ASSIGN_OR_RETURN(const Bitmap of_arg, Evaluate(arg, in));
        rows.Or(of_arg);
      }
      return rows;
    }
    case Spanset::Kind::kNot: {
      TOCSIN_ASSIGN_OR_RETURN(const Bitmap of_arg, Evaluate(spanset.args[0], in));
      std::vector<uint8_t> keep(Units(in), 1);
      const std::span<const uint32_t> unit_of_row = UnitOfRow(in);
      of_arg.ForEach([&](uint32_t row) { keep[unit_of_row[row]] = 0; });
      Bitmap rows = in.rows;
      KeepUnits(keep, in, &rows);
      AddPartial(in.rows, &rows);
      return rows;
    }
    default:
      return EvaluateStructural(spanset, in);
  }
}

Result<Bitmap> BlockEval::EvaluateAnd(const Spanset& spanset, const Selection& in) {
  const std::span<const uint32_t> unit_of_row = UnitOfRow(in);
  std::vector<uint32_t> args_with(Units(in), 0);  // How many of the first arguments a unit has.
  Bitmap rows(in.rows.size());
  uint32_t so_far = 0;
  for (const Spanset& arg : spanset.args) {
    TOCSIN_ASSIGN_OR_RETURN(const Bitmap of_arg, Evaluate(arg, in));
    if (of_arg.None() && partial() == nullptr) return Bitmap(in.rows.size());
    of_arg.ForEach([&](uint32_t row) {
      uint32_t& with = args_with[unit_of_row[row]];
      if (with == so_far) ++with;
    });
    ++so_far;
    rows.Or(of_arg);
  }
  std::vector<uint8_t> keep(args_with.size());
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = args_with[i] == so_far ? 1 : 0;
  const Bitmap superset = rows;
  KeepUnits(keep, in, &rows);
  AddPartial(superset, &rows);
  return rows;
}

Result<Bitmap> BlockEval::EvaluateStructural(const Spanset& spanset, const Selection& in) {
  TOCSIN_ASSIGN_OR_RETURN(Bitmap left, Evaluate(spanset.args[0], in));
  const bool negated = spanset.form == Spanset::Form::kNegated;
  if (left.None() && !negated && partial() == nullptr) return left;
  TOCSIN_ASSIGN_OR_RETURN(Bitmap right, Evaluate(spanset.args[1], in));
  if (right.None() && partial() == nullptr) return right;
  TOCSIN_ASSIGN_OR_RETURN(const auto parents, table_->ParentRows());
  const Relations relations(parents, in.grouping ? UnitOfRow(in) : std::span<const uint32_t>(),
                            interrupted_);
  TOCSIN_ASSIGN_OR_RETURN(Bitmap rows, relations.Evaluate(spanset.kind, spanset.form, left, right));
  AddPartial(right, &rows);
  if (spanset.form == Spanset::Form::kUnion) AddPartial(left, &rows);
  return rows;
}

// Of traces that are not whole, everything that may be in the answer.
void BlockEval::AddPartial(const Bitmap& superset, Bitmap* rows) const {
  if (partial() == nullptr) return;
  Bitmap more = superset;
  more.And(*partial());
  rows->Or(more);
}

void BlockEval::KeepUnits(const std::vector<uint8_t>& keep, const Selection& in, Bitmap* rows) {
  const std::span<const uint32_t> unit_of_row = UnitOfRow(in);
  const auto kept_units = static_cast<size_t>(std::count(keep.begin(), keep.end(), 1));
  Bitmap kept(rows->size());
  // A trace's rows are found faster than all rows are passed, where there are few.
  if (!in.grouping && kept_units * 64 < rows->size()) {
    for (uint32_t trace = 0; trace < keep.size(); ++trace) {
      if (keep[trace] == 0) continue;
      table_->ForEachRow(trace, [&](uint32_t row) { kept.SetIf(row, rows->Test(row)); });
    }
  } else {
    rows->ForEach([&](uint32_t row) { kept.SetIf(row, keep[unit_of_row[row]] != 0); });
  }
  *rows = std::move(kept);
}

// How many of its rows each unit has.
std::vector<uint32_t> BlockEval::CountRows(const Selection& in) {
  if (in.grouping || !in.rows.All()) return CountByUnit(in.rows, UnitOfRow(in), Units(in));
  std::vector<uint32_t> counts(Units(in));
  for (uint32_t trace = 0; trace < counts.size(); ++trace) counts[trace] = table_->RowsOf(trace);
  return counts;
}

Result<Selection> BlockEval::Filter(const ScalarFilter& filter, Selection in) {
  Leaves leaves;
  leaves.Count(filter.left);
  leaves.Count(filter.right);
  if (leaves.pipelines > 1 || (leaves.pipelines == 1 && leaves.aggregates > 0)) {
    return FilterByPipelines(filter, std::move(in));
  }
  if (leaves.pipelines == 1) {
    // `({...} | by(.a) | count()) > 2` is `{...} | by(.a) | count() > 2`.
    const ScalarExpr* pipeline = FindPipeline(filter.left);
    if (pipeline == nullptr) pipeline = FindPipeline(filter.right);
    TOCSIN_ASSIGN_OR_RETURN(in, Run(pipeline->stages, std::move(in)));
  }
  const uint32_t units = Units(in);
  std::vector<uint8_t> keep(units, 0);
  if (const std::optional<int64_t> limit = LimitOfCount(filter)) {
    const std::vector<uint32_t> counts = CountRows(in);
    const Scalar right = Scalar::Int(*limit);
    Annotation annotation{&filter.left, {}};
    for (uint32_t unit = 0; unit < units; ++unit) {
      if (counts[unit] == 0) continue;
      const Scalar count = Scalar::Int(counts[unit]);
      if (!Compare(filter.op, count, right, nullptr)) continue;
      keep[unit] = 1;
      annotation.of_units.emplace_back(unit, count);
    }
    in.annotations.push_back(std::move(annotation));
  } else {
    TOCSIN_ASSIGN_OR_RETURN(Numbers left, Evaluate(filter.left, in, nullptr));
    TOCSIN_ASSIGN_OR_RETURN(Numbers right, Evaluate(filter.right, in, nullptr));
    for (uint32_t unit = 0; unit < units; ++unit) {
      keep[unit] = Compare(filter.op, left.Of(unit), right.Of(unit), nullptr) ? 1 : 0;
    }
    for (Numbers* side : {&left, &right}) {
      for (Annotation& annotation : side->annotations) {
        in.annotations.push_back(std::move(annotation));
      }
    }
  }
  const Bitmap superset = in.rows;
  KeepUnits(keep, in, &in.rows);
  AddPartial(superset, &in.rows);
  return in;
}

// Several pipelines are compared: the answer has the spans of all of them. None of them splits its
// spansets; Validate() sees to that.
Result<Selection> BlockEval::FilterByPipelines(const ScalarFilter& filter, Selection in) {
  Bitmap united(in.rows.size());
  TOCSIN_ASSIGN_OR_RETURN(const Numbers left, Evaluate(filter.left, in, &united));
  TOCSIN_ASSIGN_OR_RETURN(const Numbers right, Evaluate(filter.right, in, &united));
  std::vector<uint8_t> keep(Units(in), 0);
  for (uint32_t unit = 0; unit < keep.size(); ++unit) {
    keep[unit] = Compare(filter.op, left.Of(unit), right.Of(unit), nullptr) ? 1 : 0;
  }
  in.rows = united;
  KeepUnits(keep, in, &in.rows);
  AddPartial(united, &in.rows);
  return in;
}

// `united`: null, or where the rows go that the aggregates are of.
Result<BlockEval::Numbers> BlockEval::Evaluate(const ScalarExpr& scalar, const Selection& in,
                                               Bitmap* united) {
  Numbers numbers;
  switch (scalar.kind) {
    case ScalarExpr::Kind::kNumber:
      numbers.of_all = ScalarOf(scalar.literal);
      return numbers;
    case ScalarExpr::Kind::kPipeline: {
      if (united == nullptr) return Evaluate(scalar.args[0], in, nullptr);
      Selection inner;
      inner.rows = in.rows;
      inner.grouping = in.grouping;
      TOCSIN_ASSIGN_OR_RETURN(inner, Run(scalar.stages, std::move(inner)));
      return Evaluate(scalar.args[0], inner, united);
    }
    case ScalarExpr::Kind::kOperation: {
      TOCSIN_ASSIGN_OR_RETURN(Numbers left, Evaluate(scalar.args[0], in, united));
      if (scalar.op == Op::kNegate) {
        if (left.of_all) left.of_all = Negate(*left.of_all);
        for (Scalar& value : left.of_units) value = Negate(value);
        return left;
      }
      TOCSIN_ASSIGN_OR_RETURN(Numbers right, Evaluate(scalar.args[1], in, united));
      numbers.annotations = std::move(left.annotations);
      for (Annotation& annotation : right.annotations) {
        numbers.annotations.push_back(std::move(annotation));
      }
      if (left.of_all && right.of_all) {
        numbers.of_all = Calculate(scalar.op, *left.of_all, *right.of_all);
        return numbers;
      }
      const uint32_t units = Units(in);
      numbers.of_units.reserve(units);
      for (uint32_t unit = 0; unit < units; ++unit) {
        numbers.of_units.push_back(Calculate(scalar.op, left.Of(unit), right.Of(unit)));
      }
      return numbers;
    }
    default:
      if (united != nullptr) united->Or(in.rows);
      return EvaluateAggregate(scalar, in);
  }
}

Result<BlockEval::Numbers> BlockEval::EvaluateAggregate(const ScalarExpr& scalar,
                                                        const Selection& in) {
  Numbers numbers;
  TOCSIN_ASSIGN_OR_RETURN(numbers.of_units,
                          AggregateByUnit(scalar, in.rows, UnitOfRow(in), Units(in), &conditions_));
  Annotation annotation{&scalar, {}};
  for (uint32_t unit = 0; unit < numbers.of_units.size(); ++unit) {
    const Scalar& value = numbers.of_units[unit];
    const bool none = value.kind == Scalar::Kind::kNil ||
                      (scalar.kind == ScalarExpr::Kind::kCount && value.integer == 0);
    if (!none) annotation.of_units.emplace_back(unit, value);
  }
  numbers.annotations.push_back(std::move(annotation));
  return numbers;
}

Result<Selection> BlockEval::Split(const Group& group, Selection in) {
  auto grouping = std::make_shared<Grouping>();
  if (in.grouping) grouping->by = in.grouping->by;
  const std::span<const uint32_t> unit_of_row = UnitOfRow(in);
  grouping->group_of_row.assign(unit_of_row.begin(), unit_of_row.end());
  std::vector<uint32_t> unit_of_group;
  for (const Expr& by : group.by) {
    TOCSIN_RETURN_IF_ERROR(CheckInterrupted());
    grouping->by.push_back(&by);
    PairNumbers pairs;
    std::vector<uint32_t> outer;  // Of each new group the one that it is a part of.
    TOCSIN_RETURN_IF_ERROR(ForEachKey(by, in.rows, &conditions_, [&](uint32_t row, uint32_t value) {
      uint32_t& of_row = grouping->group_of_row[row];
      const uint32_t number = pairs.Of(of_row, value);
      if (number == outer.size()) {
        outer.push_back(unit_of_group.empty() ? of_row : unit_of_group[of_row]);
      }
      of_row = number;
    }));
    grouping->groups = pairs.size();
    unit_of_group = std::move(outer);
  }
  for (Annotation& annotation : in.annotations) {
    std::vector<std::pair<uint32_t, Scalar>> of_groups;
    for (uint32_t g = 0; g < unit_of_group.size(); ++g) {
      const auto it =
          std::lower_bound(annotation.of_units.begin(), annotation.of_units.end(), unit_of_group[g],
                           [](const auto& entry, uint32_t unit) { return entry.first < unit; });
      if (it != annotation.of_units.end() && it->first == unit_of_group[g]) {
        of_groups.emplace_back(g, it->second);
      }
    }
    annotation.of_units = std::move(of_groups);
  }
  in.grouping = std::move(grouping);
  return in;
}

}  // namespace tocsin::traceql
