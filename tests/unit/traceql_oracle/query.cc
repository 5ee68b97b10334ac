#include "tests/unit/traceql_oracle/query.h"

#include <algorithm>
#include <cstdio>
#include <functional>

namespace tocsin::oracle {
namespace {

constexpr int kLeaf = 10;
constexpr int kNegation = 3;

// How tightly what stands outermost in the text of a node binds.
int Level(const Node& node) {
  if (node.is == Node::Is::kLiteral) {
    const std::string text = Print(node);
    return text[0] == '-' ? kNegation : kLeaf;
  }
  if (node.is != Node::Is::kOperation) return kLeaf;
  const std::string& op = node.name;
  if (op == "&&" || op == "||") return 1;
  if (op == "+" || op == "-") return kNegation;
  if (op == "!") return 4;
  if (op == "*" || op == "/" || op == "%") return 5;
  if (op == "^") return 6;
  return 2;
}

std::string InParentheses(const Node& node, bool needed) {
  return needed ? "(" + Print(node) + ")" : Print(node);
}

std::string PrintOperation(const Node& node) {
  const int level = Level(node);
  const int first = Level(node.args[0]);
  if (node.args.size() == 1) return node.name + InParentheses(node.args[0], first <= level);
  const int second = Level(node.args[1]);
  // `^` associates to the right, comparisons not at all, everything else to the left.
  const bool left = node.name == "^" || level == 2 ? first <= level : first < level;
  // What begins with a minus is put in parentheses behind an operator, to be easily read.
  const bool minus = second == kNegation && Print(node.args[1])[0] == '-';
  const bool right = node.name == "^" ? second < level : second <= level;
  return InParentheses(node.args[0], left) + " " + node.name + " " +
         InParentheses(node.args[1], right || minus);
}

std::string PrintFloat(double number) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.15g", number);
  const std::string out = text;
  return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
}

std::string PrintNanos(int64_t count) {
  if (count != 0 && count % 1'000'000'000 == 0) return std::to_string(count / 1'000'000'000) + "s";
  if (count != 0 && count % 1'000'000 == 0) return std::to_string(count / 1'000'000) + "ms";
  return std::to_string(count) + "ns";
}

std::string PrintLiteral(const Datum& datum) {
  if (const auto* number = std::get_if<double>(&datum)) return PrintFloat(*number);
  if (const auto* nanos = std::get_if<Elapsed>(&datum)) return PrintNanos(nanos->count);
  return Describe(datum);
}

std::string PrintName(const std::string& name) {
  return name.find(' ') == std::string::npos ? name : '"' + name + '"';
}

std::string PrintList(const std::vector<Node>& nodes) {
  std::string out;
  for (const Node& node : nodes) out.append(out.empty() ? "" : ", ").append(Print(node));
  return out;
}

int Level(const Spanset& spans) {
  if (spans.op.empty() || spans.op == "|" || spans.op == "!") return kLeaf;
  return spans.op == "&&" || spans.op == "||" ? 1 : 2;
}

std::string InParentheses(const Spanset& spans, bool needed) {
  return needed ? "(" + Print(spans) + ")" : Print(spans);
}

void Visit(const Pipeline& pipeline, const std::function<void(const Node&)>& visit);

void Visit(const Node& node, const std::function<void(const Node&)>& visit) {
  Visit(node.stages, visit);
  if (node.is == Node::Is::kAttribute || node.is == Node::Is::kIntrinsic) visit(node);
  for (const Node& arg : node.args) Visit(arg, visit);
}

void Visit(const Spanset& spans, const std::function<void(const Node&)>& visit) {
  for (const Node& node : spans.condition) Visit(node, visit);
  for (const Spanset& arg : spans.args) Visit(arg, visit);
  Visit(spans.stages, visit);
}

void Visit(const Pipeline& pipeline, const std::function<void(const Node&)>& visit) {
  for (const Stage& stage : pipeline) {
    for (const Spanset& spans : stage.spans) Visit(spans, visit);
    for (const Node& node : stage.nodes) Visit(node, visit);
  }
}

}  // namespace

Node Literal(Datum value) {
  Node node;
  node.is = Node::Is::kLiteral;
  node.value = std::move(value);
  return node;
}

Node Attribute(std::string scope, std::string name) {
  Node node;
  node.is = Node::Is::kAttribute;
  node.scope = std::move(scope);
  node.name = std::move(name);
  return node;
}

Node Intrinsic(std::string name) {
  Node node;
  node.is = Node::Is::kIntrinsic;
  node.name = std::move(name);
  return node;
}

Node Operation(std::string op, std::vector<Node> args) {
  Node node;
  node.is = Node::Is::kOperation;
  node.name = std::move(op);
  node.args = std::move(args);
  return node;
}

Node Aggregate(std::string function, std::vector<Node> args) {
  Node node;
  node.is = Node::Is::kAggregate;
  node.name = std::move(function);
  node.args = std::move(args);
  return node;
}

Node Piped(std::vector<Stage> stages, Node aggregate) {
  Node node;
  node.is = Node::Is::kPipeline;
  node.stages = std::move(stages);
  node.args.push_back(std::move(aggregate));
  return node;
}

Node OfParent(Node node) {
  node.of_parent = true;
  return node;
}

Spanset Filter(Node condition) {
  Spanset spans;
  spans.condition.push_back(std::move(condition));
  return spans;
}

Spanset Everything() { return {}; }

Spanset Combine(std::string op, Spanset left, Spanset right) {
  Spanset spans;
  spans.op = std::move(op);
  spans.args.push_back(std::move(left));
  spans.args.push_back(std::move(right));
  return spans;
}

Stage Take(Spanset spans) {
  Stage stage;
  stage.what = "spans";
  stage.spans.push_back(std::move(spans));
  return stage;
}

Stage Step(std::string what, std::vector<Node> nodes) {
  Stage stage;
  stage.what = std::move(what);
  stage.nodes = std::move(nodes);
  return stage;
}

std::string Print(const Node& node) {
  switch (node.is) {
    case Node::Is::kNil:
      return "nil";
    case Node::Is::kLiteral:
      return node.spelling.empty() ? PrintLiteral(node.value) : node.spelling;
    case Node::Is::kAttribute:
      return (node.of_parent ? "parent." : "") +
             (node.scope.empty() ? (node.of_parent ? "" : ".") : node.scope + ".") +
             PrintName(node.name);
    case Node::Is::kIntrinsic:
      return (node.of_parent ? "parent." : "") +
             (node.spelling.empty() ? node.name : node.spelling);
    case Node::Is::kOperation:
      return PrintOperation(node);
    case Node::Is::kPipeline:
      return "(" + Print(node.stages) + " | " + Print(node.args[0]) + ")";
    case Node::Is::kAggregate:
      break;
  }
  return node.name + "(" + PrintList(node.args) + ")";
}

std::string Print(const Spanset& spans) {
  if (spans.op.empty()) {
    return spans.condition.empty() ? "{ }" : "{ " + Print(spans.condition[0]) + " }";
  }
  if (spans.op == "|") return "(" + Print(spans.stages) + ")";
  if (spans.op == "!") return "!" + Print(spans.args[0]);
  const int level = Level(spans);
  return InParentheses(spans.args[0], Level(spans.args[0]) < level) + " " + spans.op + " " +
         InParentheses(spans.args[1], Level(spans.args[1]) <= level);
}

std::string Print(const Pipeline& pipeline) {
  std::string out;
  for (const Stage& stage : pipeline) {
    if (!out.empty()) out.append(" | ");
    if (stage.what == "spans") {
      out.append(Print(stage.spans[0]));
    } else if (stage.what == "filter") {
      out.append(Print(stage.nodes[0]));
    } else {
      out.append(stage.what).append("(").append(PrintList(stage.nodes)).append(")");
    }
  }
  return out;
}

std::string Print(const Metric& metric) {
  std::string out;
  if (metric.op == "number") {
    out = Describe(Datum(static_cast<int64_t>(metric.number)));
    if (metric.number != static_cast<double>(static_cast<int64_t>(metric.number))) {
      out = PrintFloat(metric.number);
    }
    return out;
  }
  if (metric.op.empty()) {
    out = Print(metric.pipeline) + " | " + metric.function + "(" + PrintList(metric.argument);
    for (const double q : metric.quantiles) out += ", " + PrintFloat(q);
    out += ")";
    if (!metric.by.empty()) out += " by (" + PrintList(metric.by) + ")";
  } else {
    for (const Metric& arg : metric.args) {
      if (!out.empty()) out += " " + metric.op + " ";
      out += arg.op == "number" ? Print(arg) : "(" + Print(arg) + ")";
    }
  }
  for (const SecondStage& second : metric.second) {
    const bool rank = second.op == "topk" || second.op == "bottomk";
    out += rank ? " | " + second.op + "(" + std::to_string(static_cast<int>(second.number)) + ")"
                : " " + second.op + " " + PrintFloat(second.number);
  }
  return out;
}

std::vector<Node> FieldsOf(const Pipeline& pipeline) {
  std::vector<Node> fields;
  Visit(pipeline, [&](const Node& node) {
    const bool known = std::any_of(fields.begin(), fields.end(), [&](const Node& other) {
      return other.is == node.is && other.scope == node.scope && other.name == node.name &&
             other.of_parent == node.of_parent;
    });
    if (!known) fields.push_back(node);
  });
  return fields;
}

}  // namespace tocsin::oracle
