#include "cpp/api/expression_json.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cpp/base/format.h"
#include "cpp/lib/json.h"
#include "cpp/lib/json_texts.h"
#include "cpp/promql/functions.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

// Prometheus names the types of values in two ways; here in the short one.
std::string_view TypeWord(promql::ValueType type) {
  switch (type) {
    case promql::ValueType::kScalar:
      return "scalar";
    case promql::ValueType::kString:
      return "string";
    case promql::ValueType::kVector:
      return "vector";
    case promql::ValueType::kMatrix:
      return "matrix";
  }
  return "none";
}

std::string_view CardinalityWord(promql::Cardinality cardinality) {
  constexpr std::array<std::string_view, 4> kWords = {"one-to-one", "many-to-one", "one-to-many",
                                                      "many-to-many"};
  return kWords.at(static_cast<size_t>(cardinality));
}

void WriteDuration(std::string_view key, const std::optional<promql::Duration>& duration,
                   JsonWriter* w) {
  const bool known = duration.has_value() && !duration->expression.has_value();
  w->Key(key).Int(known ? duration->millis : 0);
  if (duration.has_value() && duration->expression.has_value()) {
    w->Key(std::string(key) + "Expr").String(promql::ToString(*duration->expression));
  }
}

void WriteShift(const promql::TimeShift& shift, JsonWriter* w) {
  using At = promql::TimeShift::At;
  WriteDuration("offset", shift.offset, w);
  w->Key("timestamp");
  if (shift.at == At::kTimestamp) {
    w->Int(shift.timestamp);
  } else {
    w->Null();
  }
  w->Key("startOrEnd");
  if (shift.at == At::kStart || shift.at == At::kEnd) {
    w->String(shift.at == At::kStart ? "start" : "end");
  } else {
    w->Null();
  }
}

void WriteMatching(const std::optional<promql::VectorMatching>& matching, JsonWriter* w) {
  w->Key("matching");
  if (!matching) {
    w->Null();
    return;
  }
  w->BeginObject().Key("card").String(CardinalityWord(matching->cardinality)).Key("labels");
  lib::WriteTextList(matching->labels, w);
  w->Key("on").Bool(matching->on).Key("include");
  lib::WriteTextList(matching->include, w);
  w->Key("fillValues").BeginObject();
  const auto fill = [w](std::string_view side, const std::optional<double>& value) {
    w->Key(side);
    // As text: NaN is a legal one.
    if (value) {
      w->String(FormatSampleValue(*value));
    } else {
      w->Null();
    }
  };
  fill("lhs", matching->fill_left);
  fill("rhs", matching->fill_right);
  w->EndObject().EndObject();
}

struct NodeWriter {
  JsonWriter* w;

  void Child(std::string_view key, const promql::Expr& expr) const {
    w->Key(key);
    Write(expr);
  }
  void Write(const promql::Expr& expr) const {
    w->BeginObject();
    std::visit(*this, expr.node);
    w->EndObject();
  }
  JsonWriter& Type(std::string_view type) const { return w->Key("type").String(type); }

  void Selector(const promql::VectorSelector& selector) const {
    w->Key("name").String(selector.name).Key("matchers").BeginArray();
    constexpr std::array<std::string_view, 4> kOperators = {"=", "!=", "=~", "!~"};
    for (const promql::Matcher& matcher : selector.matchers) {
      w->BeginObject().Key("name").String(matcher.name).Key("value").String(matcher.value);
      w->Key("type").String(kOperators.at(static_cast<size_t>(matcher.op))).EndObject();
    }
    w->EndArray();
    WriteShift(selector.shift, w);
    w->Key("anchored").Bool(selector.anchored).Key("smoothed").Bool(selector.smoothed);
  }

  void operator()(const promql::NumberLiteral& number) const {
    Type("numberLiteral").Key("val").String(FormatSampleValue(number.value));
  }
  void operator()(const promql::StringLiteral& text) const {
    Type("stringLiteral").Key("val").String(text.value);
  }
  void operator()(const promql::VectorSelector& selector) const {
    Type("vectorSelector");
    Selector(selector);
  }
  void operator()(const promql::MatrixSelector& matrix) const {
    Type("matrixSelector");
    WriteDuration("range", matrix.range, w);
    Selector(matrix.selector);
  }
  void operator()(const promql::TraceqlSelector& selector) const {
    Type("traceqlSelector").Key("query").String(selector.query);
    WriteDuration("window", selector.window, w);
    WriteShift(selector.shift, w);
  }
  void operator()(const promql::Subquery& subquery) const {
    Type("subquery");
    Child("expr", *subquery.expr);
    WriteDuration("range", subquery.range, w);
    WriteDuration("step", subquery.step, w);
    WriteShift(subquery.shift, w);
  }
  void operator()(const promql::Call& call) const {
    const promql::Function& function = *call.function;
    Type("call").Key("func").BeginObject().Key("name").String(function.name);
    w->Key("argTypes").BeginArray();
    for (size_t i = 0; i < function.arg_count; ++i) w->String(TypeWord(function.args.at(i)));
    w->EndArray().Key("variadic").Int(function.variadic);
    w->Key("returnType").String(TypeWord(function.return_type)).EndObject();
    w->Key("args").BeginArray();
    for (const promql::Expr& arg : call.args) Write(arg);
    w->EndArray();
  }
  void operator()(const promql::Aggregate& aggregate) const {
    Type("aggregation").Key("op").String(promql::AggregateOpName(aggregate.op));
    Child("expr", *aggregate.expr);
    if (aggregate.param) {
      Child("param", **aggregate.param);
    } else {
      w->Key("param").Null();
    }
    w->Key("grouping");
    lib::WriteTextList(aggregate.grouping, w);
    w->Key("without").Bool(aggregate.without);
  }
  void operator()(const promql::Binary& binary) const {
    Type("binaryExpr").Key("op").String(promql::BinaryOpName(binary.op));
    Child("lhs", *binary.lhs);
    Child("rhs", *binary.rhs);
    WriteMatching(binary.matching, w);
    w->Key("bool").Bool(binary.return_bool);
  }
  void operator()(const promql::Unary& unary) const {
    Type("unaryExpr").Key("op").String(unary.negative ? "-" : "+");
    Child("expr", *unary.expr);
  }
  void operator()(const promql::Paren& paren) const {
    Type("parenExpr");
    Child("expr", *paren.expr);
  }
};

}  // namespace

std::string ExpressionJson(const promql::Expr& expr) {
  JsonWriter w;
  NodeWriter{&w}.Write(expr);
  return std::move(w).Take();
}

}  // namespace tocsin::api
