#include <unordered_set>
#include <utility>
#include <vector>

#include "cpp/traceql/ast.h"

namespace tocsin::traceql {
namespace {

class FieldCollector {
 public:
  void Visit(const Field& field) {
    if (seen_.insert(field).second) fields_.push_back(field);
  }
  void Visit(const Expr& expr) {
    if (const Field* field = expr.field()) {
      Visit(*field);
    } else if (const Operation* operation = expr.operation()) {
      for (const Expr& arg : operation->args) Visit(arg);
    }
  }
  void Visit(const Spanset& spanset) {
    if (spanset.condition) Visit(*spanset.condition);
    for (const Spanset& arg : spanset.args) Visit(arg);
    Visit(spanset.stages);
  }
  void Visit(const ScalarExpr& scalar) {
    Visit(scalar.stages);
    if (scalar.of) Visit(*scalar.of);
    for (const ScalarExpr& arg : scalar.args) Visit(arg);
  }
  void Visit(const ScalarFilter& filter) {
    Visit(filter.left);
    Visit(filter.right);
  }
  void Visit(const Group& group) {
    for (const Expr& by : group.by) Visit(by);
  }
  void Visit(const Coalesce&) {}
  void Visit(const Select& select) {
    for (const Field& field : select.fields) Visit(field);
  }
  void Visit(const Pipeline& pipeline) {
    for (const Stage& stage : pipeline) {
      std::visit([this](const auto& node) { Visit(node); }, stage.node);
    }
  }
  void Visit(const SeriesExpr& series) {
    for (const SeriesExpr& arg : series.args) Visit(arg);
    if (series.kind != SeriesExpr::Kind::kFunction) return;
    Visit(series.pipeline);
    if (series.function.field) Visit(*series.function.field);
    for (const Field& field : series.function.by) Visit(field);
    Visit(series.function.selection);
  }

  std::vector<Field> Take() && { return std::move(fields_); }

 private:
  std::unordered_set<Field, FieldHash> seen_;
  std::vector<Field> fields_;
};

template <class Node>
std::vector<Field> Collect(const Node& node) {
  FieldCollector collector;
  collector.Visit(node);
  return std::move(collector).Take();
}

}  // namespace

std::vector<Field> FieldsOf(const Query& query) {
  return query.metrics ? Collect(*query.metrics) : Collect(query.pipeline);
}

std::vector<Field> FieldsOf(const Pipeline& pipeline) { return Collect(pipeline); }

std::vector<Field> FieldsOf(const Spanset& spanset) { return Collect(spanset); }

std::vector<Field> FieldsOf(const Expr& expr) { return Collect(expr); }

}  // namespace tocsin::traceql
