/// The oracle's own tree of a TraceQL query. It is not what a parser makes of text: the generator
/// builds it, Print() writes it down for the engine, and the evaluator walks it. Operators,
/// functions and scopes are the words that TraceQL has for them.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/traceql_oracle/trace.h"

namespace tocsin::oracle {

struct Stage;

/// A field expression, or with aggregates a scalar expression.
struct Node {
  enum class Is {
    kNil,
    kLiteral,    ///< value
    kAttribute,  ///< scope ("" for any), name
    kIntrinsic,  ///< name, as in Intrinsics()
    kOperation,  ///< name: the operator; args: one or two
    kAggregate,  ///< name: count, min, max, avg, sum; args: none or one
    kPipeline,   ///< (stages | args[0])
  };
  Is is = Is::kNil;
  Datum value;
  std::string name;
  std::string scope;
  std::string spelling;    ///< How an intrinsic or a literal is written, if not as usual.
  bool of_parent = false;  ///< Of an attribute or an intrinsic: that of the parent span.
  std::vector<Node> args;
  std::vector<Stage> stages;

  bool IsOperation(const std::string& op) const { return is == Is::kOperation && name == op; }
};

Node Literal(Datum value);
Node Attribute(std::string scope, std::string name);
Node Intrinsic(std::string name);
Node Operation(std::string op, std::vector<Node> args);
Node Aggregate(std::string function, std::vector<Node> args = {});
Node Piped(std::vector<Stage> stages, Node aggregate);
Node OfParent(Node node);

/// What gives spans: `{ condition }`, an operator between two such, a pipeline in parentheses.
struct Spanset {
  /// "": a filter; "|": a pipeline; "!": everything if the argument, a filter, has no span;
  /// otherwise an operator.
  std::string op;
  std::vector<Node> condition;  ///< Of a filter; none or one.
  std::vector<Spanset> args;    ///< Of an operator; two.
  std::vector<Stage> stages;    ///< Of a pipeline.
};

/// One step of a pipeline.
struct Stage {
  std::string what;  ///< spans, filter (a comparison of scalars), by, coalesce, select
  std::vector<Spanset> spans;
  std::vector<Node> nodes;
};
using Pipeline = std::vector<Stage>;

Spanset Filter(Node condition);
Spanset Everything();
Spanset Combine(std::string op, Spanset left, Spanset right);
Stage Take(Spanset spans);
Stage Step(std::string what, std::vector<Node> nodes);

/// topk, bottomk, or a comparison with a number.
struct SecondStage {
  std::string op;
  double number = 0;
};

/// A metrics query: a leaf with a pipeline and a function, a number, or arithmetic of the two.
struct Metric {
  std::string op;  ///< "": a leaf; "number"; + - * /
  Pipeline pipeline;
  std::string function;
  std::vector<Node> argument;
  std::vector<double> quantiles;
  std::vector<Node> by;
  double number = 0;
  std::vector<Metric> args;
  std::vector<SecondStage> second;
};

std::string Print(const Node& node);
std::string Print(const Spanset& spans);
std::string Print(const Pipeline& pipeline);
std::string Print(const Metric& metric);

/// Attributes and intrinsics, each once, in the order in which they stand in the text.
std::vector<Node> FieldsOf(const Pipeline& pipeline);

}  // namespace tocsin::oracle
