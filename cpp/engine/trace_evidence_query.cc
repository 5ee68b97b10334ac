#include "cpp/engine/trace_evidence_query.h"

#include <cmath>
#include <string>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/traceql/parser.h"

namespace tocsin::engine {
namespace {

using traceql::MetricsFunction;
using traceql::SeriesExpr;

void CollectFunctions(const SeriesExpr& expr, std::vector<const SeriesExpr*>* functions) {
  if (expr.kind == SeriesExpr::Kind::kFunction) functions->push_back(&expr);
  const bool only_left = expr.kind == SeriesExpr::Kind::kArithmetic &&
                         (expr.op == traceql::Op::kDivide || expr.op == traceql::Op::kSubtract) &&
                         expr.args[0].kind != SeriesExpr::Kind::kNumber;
  for (const SeriesExpr& arg : expr.args) {
    CollectFunctions(arg, functions);
    if (only_left) return;
  }
}

std::string Equals(const std::string& field, const std::string& literal) {
  return field + " = " + literal;
}

std::string TextLiteral(std::string_view text) {
  traceql::Literal literal;
  literal.type = traceql::Type::kString;
  literal.text = text;
  return traceql::Print(literal);
}

// The values that read as `text` in a label, as a condition; whatever type a span has them in.
std::string ConditionOf(const traceql::Field& field, const std::string& text) {
  const std::string name = traceql::Print(field);
  const traceql::Type type = traceql::TypeOf(field);
  // `ok`, `server`, `1.5s`: literals that are written as labels show them.
  if (type != traceql::Type::kAttribute && type != traceql::Type::kString) {
    return Equals(name, text);
  }
  std::string condition = Equals(name, TextLiteral(text));
  if (type == traceql::Type::kString) return condition;
  const std::optional<double> number = ParseGoFloat(text);
  if (number && std::isfinite(*number)) condition += " || " + Equals(name, FormatGoFixed(*number));
  if (text == "true" || text == "false") condition += " || " + Equals(name, text);
  if (text == "nil") condition += " || " + Equals(name, text);
  return condition;
}

std::optional<EvidenceSearch> SearchOf(const SeriesExpr& expr, const Labels& labels) {
  std::string text = traceql::Print(expr.pipeline);
  for (const traceql::Field& field : expr.function.by) {
    const std::string value(labels.Get(traceql::Print(field)));
    if (!value.empty()) text += " | { " + ConditionOf(field, value) + " }";
  }
  EvidenceSearch search;
  if (expr.function.field) {
    search.measured = expr.function.field;
    search.lowest = expr.function.kind == MetricsFunction::Kind::kMinOverTime;
    text += " | select(" + traceql::Print(*search.measured) + ")";
  }
  Result<traceql::Query> query = traceql::Parse(text);
  if (!query) return std::nullopt;
  search.query = *std::move(query);
  return search;
}

}  // namespace

std::vector<EvidenceSearch> SearchesOf(const traceql::Query& metrics, const Labels& labels) {
  std::vector<EvidenceSearch> searches;
  if (!metrics.metrics) return searches;
  std::vector<const SeriesExpr*> functions;
  CollectFunctions(*metrics.metrics, &functions);
  for (const SeriesExpr* function : functions) {
    if (auto search = SearchOf(*function, labels)) searches.push_back(*std::move(search));
  }
  return searches;
}

}  // namespace tocsin::engine
