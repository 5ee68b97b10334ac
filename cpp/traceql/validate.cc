#include "cpp/traceql/validate.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cpp/traceql/lexer.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

bool IsNumeric(Type type) {
  return type == Type::kInt || type == Type::kFloat || type == Type::kDuration;
}

// May values of these types meet in one operation?
bool Match(Type a, Type b) {
  return a == Type::kAttribute || b == Type::kAttribute || a == b || (IsNumeric(a) && IsNumeric(b));
}

bool Takes(Op op, Type type) {
  const bool equality = op == Op::kEqual || op == Op::kNotEqual;
  switch (type) {
    case Type::kAttribute:
      return true;
    case Type::kBool:
      return equality || op == Op::kAnd || op == Op::kOr || op == Op::kNot;
    case Type::kInt:
    case Type::kFloat:
    case Type::kDuration:
      return IsArithmetic(op) || op == Op::kNegate || (op >= Op::kEqual && op <= Op::kGreaterEqual);
    case Type::kString:
      return IsComparison(op);
    case Type::kNil:
    case Type::kStatus:
    case Type::kKind:
      return equality;
  }
  return false;
}

std::string Describe(const Expr& expr) {
  if (expr.literal() != nullptr && expr.type == Type::kNil) return "nil";
  return Print(expr) + " (" + std::string(TypeName(expr.type)) + ")";
}

// `status = error`: a bare word opposite a status or a kind is one of its values.
Status ResolveWord(const Expr& typed, Expr* word) {
  const Field* field = word->field();
  if (field == nullptr || !field->bare) return {};
  if (typed.type == Type::kStatus) {
    const std::optional<SpanStatus> status = FindStatus(field->name);
    if (!status) {
      return ParseError(word->at,
                        "unknown status " + field->name + "; expected error, ok or unset");
    }
    word->node = Literal{Type::kStatus, "", static_cast<int64_t>(*status), 0};
    word->type = Type::kStatus;
  } else if (typed.type == Type::kKind) {
    const std::optional<SpanKind> kind = FindKind(field->name);
    if (!kind) {
      return ParseError(word->at, "unknown kind " + field->name +
                                      "; expected server, client, producer, consumer, internal or "
                                      "unspecified");
    }
    word->node = Literal{Type::kKind, "", static_cast<int64_t>(*kind), 0};
    word->type = Type::kKind;
  }
  return {};
}

Status CheckMatch(const Operation& operation, const Position& at) {
  const Expr& left = operation.args[0];
  for (size_t i = 1; i < operation.args.size(); ++i) {
    const Expr& right = operation.args[i];
    if (Match(left.type, right.type)) continue;
    std::string message = "operator " + std::string(OpText(operation.op)) + " has " +
                          Describe(left) + " on its left and " + Describe(right) + " on its right";
    const bool enumerated = left.type == Type::kStatus || left.type == Type::kKind;
    if (enumerated && right.literal() != nullptr && right.type == Type::kString) {
      message.append("; its values are written without quotes");
    }
    return ParseError(at, message);
  }
  for (const Expr& arg : operation.args) {
    if (Takes(operation.op, arg.type)) continue;
    return ParseError(at, "operator " + std::string(OpText(operation.op)) + " does not apply to " +
                              Describe(arg));
  }
  return {};
}

// What every span has is never nil.
Status CheckNil(const Operation& operation, const Position& at) {
  for (size_t i = 0; i < 2; ++i) {
    const Expr& nil = operation.args[i];
    const Field* field = operation.args[1 - i].field();
    if (nil.literal() == nullptr || nil.type != Type::kNil || field == nullptr) continue;
    const bool intrinsic =
        field->intrinsic != Intrinsic::kNone && field->intrinsic != Intrinsic::kParent;
    const bool service = field->scope == Scope::kResource && field->name == "service.name";
    if (intrinsic || (service && !field->of_parent)) {
      return ParseError(at, Print(*field) + " is never nil");
    }
  }
  return {};
}

Status CheckRegex(Operation* operation) {
  const Expr& pattern = operation->args[1];
  if (pattern.literal() == nullptr || pattern.type != Type::kString) {
    return ParseError(pattern.at, "a regular expression must be a string, not " + Print(pattern));
  }
  Result<lib::Regex> regex = lib::Regex::Compile(pattern.literal()->text);
  if (!regex.has_value()) {
    return ParseError(pattern.at,
                      "bad regular expression: " + std::string(regex.error().message()));
  }
  operation->regex = *std::move(regex);
  return {};
}

// x / 0 of integers has no answer whatever the spans hold.
Status CheckDivisor(const Operation& operation) {
  const Literal* divisor = operation.args[1].literal();
  if (divisor != nullptr && divisor->type == Type::kInt && divisor->integer == 0) {
    return ParseError(operation.args[1].at, "division by zero");
  }
  return {};
}

Type ResultOf(const Operation& operation) {
  if (!IsArithmetic(operation.op) && operation.op != Op::kNegate) return Type::kBool;
  for (const Expr& arg : operation.args) {
    if (arg.type != Type::kAttribute) return arg.type;
  }
  return Type::kAttribute;
}

Status Check(Expr* expr) {
  if (const Literal* literal = expr->literal()) {
    expr->type = literal->type;
    return {};
  }
  if (const Field* field = expr->field()) {
    expr->type = TypeOf(*field);
    return {};
  }
  Operation& operation = *expr->operation();
  for (Expr& arg : operation.args) TOCSIN_RETURN_IF_ERROR(Check(&arg));
  if (IsComparison(operation.op)) {
    TOCSIN_RETURN_IF_ERROR(ResolveWord(operation.args[0], &operation.args[1]));
    TOCSIN_RETURN_IF_ERROR(ResolveWord(operation.args[1], &operation.args[0]));
  }
  TOCSIN_RETURN_IF_ERROR(CheckMatch(operation, expr->at));
  if (operation.op == Op::kEqual || operation.op == Op::kNotEqual) {
    TOCSIN_RETURN_IF_ERROR(CheckNil(operation, expr->at));
  }
  if (operation.op == Op::kRegex || operation.op == Op::kNotRegex) {
    TOCSIN_RETURN_IF_ERROR(CheckRegex(&operation));
  }
  if (operation.op == Op::kDivide || operation.op == Op::kModulo) {
    TOCSIN_RETURN_IF_ERROR(CheckDivisor(operation));
  }
  expr->type = ResultOf(operation);
  return {};
}

Status CheckCondition(Expr* condition) {
  TOCSIN_RETURN_IF_ERROR(Check(condition));
  if (condition->type == Type::kBool || condition->type == Type::kAttribute) return {};
  return ParseError(condition->at,
                    "a filter must be a condition; " + Describe(*condition) + " is none");
}

bool HasField(const Expr& expr) {
  if (expr.field() != nullptr) return true;
  const Operation* operation = expr.operation();
  return operation != nullptr &&
         std::any_of(operation->args.begin(), operation->args.end(), HasField);
}

// What a group or an aggregate is made of must say something of a span.
Status CheckOfSpan(Expr* expr, std::string_view what) {
  TOCSIN_RETURN_IF_ERROR(Check(expr));
  if (HasField(*expr)) return {};
  return ParseError(expr->at,
                    std::string(what) + " must look at the span; " + Describe(*expr) + " does not");
}

Status CheckPipeline(Pipeline* pipeline);

Status CheckSpanset(Spanset* spanset) {
  if (spanset->condition) TOCSIN_RETURN_IF_ERROR(CheckCondition(&*spanset->condition));
  for (Spanset& arg : spanset->args) TOCSIN_RETURN_IF_ERROR(CheckSpanset(&arg));
  return CheckPipeline(&spanset->stages);
}

Status CheckAggregate(ScalarExpr* aggregate) {
  TOCSIN_RETURN_IF_ERROR(CheckOfSpan(&*aggregate->of, "an aggregate"));
  aggregate->type = aggregate->of->type;
  if (aggregate->type == Type::kAttribute || IsNumeric(aggregate->type)) return {};
  return ParseError(aggregate->of->at,
                    "an aggregate needs numbers; " + Describe(*aggregate->of) + " is none");
}

Status CheckScalar(ScalarExpr* scalar) {
  TOCSIN_RETURN_IF_ERROR(CheckPipeline(&scalar->stages));
  for (ScalarExpr& arg : scalar->args) TOCSIN_RETURN_IF_ERROR(CheckScalar(&arg));
  switch (scalar->kind) {
    case ScalarExpr::Kind::kNumber:
      scalar->type = scalar->literal.type;
      return {};
    case ScalarExpr::Kind::kCount:
      scalar->type = Type::kInt;
      return {};
    case ScalarExpr::Kind::kPipeline:
      scalar->type = scalar->args[0].type;
      return {};
    case ScalarExpr::Kind::kOperation: {
      scalar->type = scalar->args[0].type;
      if (scalar->args.size() == 1) return {};
      const ScalarExpr& right = scalar->args[1];
      if (scalar->type == Type::kAttribute) scalar->type = right.type;
      const bool divides = scalar->op == Op::kDivide || scalar->op == Op::kModulo;
      const bool zero = right.kind == ScalarExpr::Kind::kNumber &&
                        right.literal.type == Type::kInt && right.literal.integer == 0;
      if (divides && zero) return ParseError(right.at, "division by zero");
      return {};
    }
    default:
      return CheckAggregate(scalar);
  }
}

// The aggregates of a scalar filter, and the pipelines that they are of.
void CollectPipelines(const ScalarExpr& scalar, uint32_t* leaves,
                      std::vector<const ScalarExpr*>* pipelines) {
  if (scalar.kind == ScalarExpr::Kind::kOperation) {
    for (const ScalarExpr& arg : scalar.args) CollectPipelines(arg, leaves, pipelines);
    return;
  }
  if (scalar.kind != ScalarExpr::Kind::kNumber) ++*leaves;
  if (scalar.kind == ScalarExpr::Kind::kPipeline) pipelines->push_back(&scalar);
}

// Which group of one pipeline should meet which one of another is nowhere said.
Status CheckCompared(const ScalarFilter& filter) {
  uint32_t leaves = 0;
  std::vector<const ScalarExpr*> pipelines;
  CollectPipelines(filter.left, &leaves, &pipelines);
  CollectPipelines(filter.right, &leaves, &pipelines);
  if (leaves < 2) return {};
  for (const ScalarExpr* pipeline : pipelines) {
    for (const Stage& stage : pipeline->stages) {
      if (!std::holds_alternative<Group>(stage.node)) continue;
      return ParseError(stage.at,
                        "by() is not supported in one of several pipelines that are compared");
    }
  }
  return {};
}

struct StageChecker {
  Status operator()(Spanset& spanset) const { return CheckSpanset(&spanset); }
  Status operator()(ScalarFilter& filter) const {
    TOCSIN_RETURN_IF_ERROR(CheckScalar(&filter.left));
    TOCSIN_RETURN_IF_ERROR(CheckScalar(&filter.right));
    return CheckCompared(filter);
  }
  Status operator()(Group& group) const {
    for (Expr& by : group.by) TOCSIN_RETURN_IF_ERROR(CheckOfSpan(&by, "by()"));
    return {};
  }
  Status operator()(const Coalesce&) const { return {}; }
  Status operator()(const Select&) const { return {}; }
};

Status CheckPipeline(Pipeline* pipeline) {
  for (Stage& stage : *pipeline) {
    TOCSIN_RETURN_IF_ERROR(std::visit(StageChecker{}, stage.node));
  }
  return {};
}

Status CheckFunction(MetricsFunction* function) {
  TOCSIN_RETURN_IF_ERROR(CheckSpanset(&function->selection));
  for (const double quantile : function->quantiles) {
    if (quantile >= 0 && quantile <= 1) continue;
    return ParseError(function->at, "a quantile must lie between 0 and 1");
  }
  if (function->top_n < 1) return ParseError(function->at, "compare() must show 1 value or more");
  if (function->field && !IsNumeric(TypeOf(*function->field)) &&
      TypeOf(*function->field) != Type::kAttribute) {
    return ParseError(function->at, std::string(MetricsFunctionName(function->kind)) +
                                        "() needs numbers; " + Print(*function->field) + " is " +
                                        std::string(TypeName(TypeOf(*function->field))));
  }
  return {};
}

Status CheckSeries(SeriesExpr* series) {
  using Kind = SeriesExpr::Kind;
  for (SeriesExpr& arg : series->args) {
    TOCSIN_RETURN_IF_ERROR(CheckSeries(&arg));
    if (arg.kind == Kind::kFunction && arg.function.kind == MetricsFunction::Kind::kCompare) {
      return ParseError(series->at,
                        "compare() must stand alone: nothing can be made of its series");
    }
  }
  if ((series->kind == Kind::kTopK || series->kind == Kind::kBottomK) && series->k < 1) {
    return ParseError(series->at, "topk and bottomk need 1 series or more");
  }
  if (series->kind != Kind::kFunction) return {};
  TOCSIN_RETURN_IF_ERROR(CheckPipeline(&series->pipeline));
  return CheckFunction(&series->function);
}

}  // namespace

Status Validate(Query* query) {
  if (FieldsOf(*query).size() > kMaxFields) {
    return ParseError(Position{}, "the query names more than " + std::to_string(kMaxFields) +
                                      " different attributes");
  }
  TOCSIN_RETURN_IF_ERROR(CheckPipeline(&query->pipeline));
  if (query->metrics) return CheckSeries(&*query->metrics);
  return {};
}

}  // namespace tocsin::traceql
