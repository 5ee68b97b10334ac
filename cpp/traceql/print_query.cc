// The canonical text of queries. What binds less tightly than its place asks for stands in
// parentheses; the parser's own table of precedence decides.

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "cpp/traceql/ast.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

void PrintPipeline(const Pipeline& pipeline, std::string* out);

int PrecedenceOf(const Spanset& spanset) {
  switch (spanset.kind) {
    case Spanset::Kind::kFilter:
    case Spanset::Kind::kPipeline:
      return kLeafPrecedence;
    case Spanset::Kind::kNot:
      return Precedence(Op::kNot);
    case Spanset::Kind::kAnd:
    case Spanset::Kind::kOr:
      return Precedence(Op::kAnd);
    default:
      return Precedence(Op::kGreater);
  }
}

void PrintSpanset(const Spanset& spanset, std::string* out);

void PrintOperand(const Spanset& arg, bool parentheses, std::string* out) {
  if (parentheses) out->push_back('(');
  PrintSpanset(arg, out);
  if (parentheses) out->push_back(')');
}

void PrintSpanset(const Spanset& spanset, std::string* out) {
  switch (spanset.kind) {
    case Spanset::Kind::kFilter:
      out->append(spanset.condition ? "{ " + Print(*spanset.condition) + " }" : "{ }");
      return;
    case Spanset::Kind::kPipeline:
      out->push_back('(');
      PrintPipeline(spanset.stages, out);
      out->push_back(')');
      return;
    case Spanset::Kind::kNot:
      out->push_back('!');
      PrintOperand(spanset.args[0], PrecedenceOf(spanset.args[0]) < PrecedenceOf(spanset), out);
      return;
    default:
      break;
  }
  const int own = PrecedenceOf(spanset);
  for (size_t i = 0; i < spanset.args.size(); ++i) {
    if (i > 0) out->append(" ").append(SpansetOpText(spanset.kind, spanset.form)).append(" ");
    const int binds = PrecedenceOf(spanset.args[i]);
    PrintOperand(spanset.args[i], binds < own || (binds == own && i > 0), out);
  }
}

int PrecedenceOf(const ScalarExpr& scalar) {
  return scalar.kind == ScalarExpr::Kind::kOperation ? Precedence(scalar.op) : kLeafPrecedence;
}

void PrintScalar(const ScalarExpr& scalar, std::string* out);

void PrintOperand(const ScalarExpr& arg, bool parentheses, std::string* out) {
  if (parentheses) out->push_back('(');
  PrintScalar(arg, out);
  if (parentheses) out->push_back(')');
}

void PrintOperation(const ScalarExpr& scalar, std::string* out) {
  const int own = Precedence(scalar.op);
  if (scalar.op == Op::kNegate) {
    // Behind a minus a number would become a negative number.
    out->push_back('-');
    PrintOperand(
        scalar.args[0],
        PrecedenceOf(scalar.args[0]) < own || scalar.args[0].kind == ScalarExpr::Kind::kNumber,
        out);
    return;
  }
  const bool right_associative = scalar.op == Op::kPower;
  for (size_t i = 0; i < 2; ++i) {
    const ScalarExpr& arg = scalar.args[i];
    if (i > 0) out->append(" ").append(OpText(scalar.op)).append(" ");
    const int binds = PrecedenceOf(arg);
    const bool outer_side = (i == 0) != right_associative;
    const bool negative = arg.kind == ScalarExpr::Kind::kNumber && i == 0 &&
                          scalar.op == Op::kPower &&
                          (arg.literal.integer < 0 || std::signbit(arg.literal.number));
    PrintOperand(arg, negative || binds < own || (binds == own && !outer_side), out);
  }
}

void PrintNumber(const Literal& literal, std::string* out) {
  if (literal.type == Type::kDuration && literal.integer < 0) {
    Literal positive = literal;
    positive.integer = -positive.integer;
    out->append("-").append(Print(positive));
    return;
  }
  out->append(Print(literal));
}

void PrintScalar(const ScalarExpr& scalar, std::string* out) {
  constexpr std::array<std::string_view, 6> kNames = {"", "count", "min", "max", "avg", "sum"};
  switch (scalar.kind) {
    case ScalarExpr::Kind::kNumber:
      return PrintNumber(scalar.literal, out);
    case ScalarExpr::Kind::kOperation:
      return PrintOperation(scalar, out);
    case ScalarExpr::Kind::kPipeline:
      out->push_back('(');
      PrintPipeline(scalar.stages, out);
      out->append(" | ");
      PrintScalar(scalar.args[0], out);
      out->push_back(')');
      return;
    default:
      out->append(kNames[static_cast<size_t>(scalar.kind)]).push_back('(');
      if (scalar.of) out->append(Print(*scalar.of));
      out->push_back(')');
  }
}

template <class Item>
void PrintList(const std::vector<Item>& items, std::string* out) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out->append(", ");
    out->append(Print(items[i]));
  }
}

struct StagePrinter {
  std::string* out;

  void operator()(const Spanset& spanset) const { PrintSpanset(spanset, out); }
  void operator()(const ScalarFilter& filter) const {
    PrintScalar(filter.left, out);
    out->append(" ").append(OpText(filter.op)).append(" ");
    PrintScalar(filter.right, out);
  }
  void operator()(const Group& group) const {
    out->append("by(");
    PrintList(group.by, out);
    out->push_back(')');
  }
  void operator()(const Coalesce&) const { out->append("coalesce()"); }
  void operator()(const Select& select) const {
    out->append("select(");
    PrintList(select.fields, out);
    out->push_back(')');
  }
};

void PrintPipeline(const Pipeline& pipeline, std::string* out) {
  for (size_t i = 0; i < pipeline.size(); ++i) {
    if (i > 0) out->append(" | ");
    std::visit(StagePrinter{out}, pipeline[i].node);
  }
}

std::string PrintFloat(double number) {
  if (number == std::trunc(number) && std::abs(number) < 1e15) {
    return std::to_string(static_cast<int64_t>(number));
  }
  Literal literal;
  literal.type = Type::kFloat;
  literal.number = number;
  return Print(literal);
}

void PrintCompare(const MetricsFunction& function, std::string* out) {
  PrintSpanset(function.selection, out);
  const bool range = function.start != 0 || function.end != 0;
  if (function.top_n != MetricsFunction().top_n || range) {
    out->append(", ").append(std::to_string(function.top_n));
  }
  if (!range) return;
  out->append(", ").append(std::to_string(function.start));
  out->append(", ").append(std::to_string(function.end));
}

void PrintFunction(const MetricsFunction& function, std::string* out) {
  out->append(MetricsFunctionName(function.kind)).push_back('(');
  if (function.kind == MetricsFunction::Kind::kCompare) PrintCompare(function, out);
  if (function.field) out->append(Print(*function.field));
  for (const double quantile : function.quantiles) out->append(", ").append(PrintFloat(quantile));
  out->push_back(')');
  if (function.by.empty()) return;
  out->append(" by (");
  PrintList(function.by, out);
  out->push_back(')');
}

void PrintSeries(const SeriesExpr& series, std::string* out);

// One side of arithmetic.
void PrintTerm(const SeriesExpr& side, bool parentheses, std::string* out) {
  if (parentheses) out->push_back('(');
  PrintSeries(side, out);
  if (parentheses) out->push_back(')');
}

void PrintArithmetic(const SeriesExpr& series, std::string* out) {
  const int own = Precedence(series.op);
  for (size_t i = 0; i < 2; ++i) {
    const SeriesExpr& side = series.args[i];
    if (i > 0) out->append(" ").append(OpText(series.op)).append(" ");
    bool parentheses = side.kind != SeriesExpr::Kind::kNumber;
    if (side.kind == SeriesExpr::Kind::kArithmetic) {
      const int binds = Precedence(side.op);
      parentheses = binds < own || (binds == own && i > 0);
    }
    PrintTerm(side, parentheses, out);
  }
}

void PrintSeries(const SeriesExpr& series, std::string* out) {
  switch (series.kind) {
    case SeriesExpr::Kind::kFunction:
      PrintPipeline(series.pipeline, out);
      out->append(" | ");
      return PrintFunction(series.function, out);
    case SeriesExpr::Kind::kNumber:
      out->append(PrintFloat(series.number));
      return;
    case SeriesExpr::Kind::kArithmetic:
      return PrintArithmetic(series, out);
    case SeriesExpr::Kind::kTopK:
    case SeriesExpr::Kind::kBottomK:
      PrintSeries(series.args[0], out);
      out->append(series.kind == SeriesExpr::Kind::kTopK ? " | topk(" : " | bottomk(");
      out->append(std::to_string(series.k)).push_back(')');
      return;
    case SeriesExpr::Kind::kFilter:
      PrintSeries(series.args[0], out);
      out->append(" ").append(OpText(series.op)).append(" ").append(PrintFloat(series.number));
      return;
  }
}

template <class Node, class Printer>
std::string Printed(const Node& node, const Printer& printer) {
  std::string out;
  printer(node, &out);
  return out;
}

}  // namespace

std::string Print(const Spanset& spanset) { return Printed(spanset, PrintSpanset); }

std::string Print(const ScalarExpr& scalar) {
  return Printed(scalar, [](const ScalarExpr& s, std::string* out) { PrintScalar(s, out); });
}

std::string Print(const Pipeline& pipeline) { return Printed(pipeline, PrintPipeline); }

std::string Print(const SeriesExpr& series) { return Printed(series, PrintSeries); }

std::string Print(const Query& query) {
  std::string out = query.metrics ? Print(*query.metrics) : Print(query.pipeline);
  for (size_t i = 0; i < query.hints.size(); ++i) {
    out.append(i == 0 ? " with(" : ", ");
    out.append(query.hints[i].first).append("=").append(Print(query.hints[i].second));
  }
  if (!query.hints.empty()) out.append(")");
  return out;
}

}  // namespace tocsin::traceql
