// Expressions as text, in the style of Prometheus: one space around operators, none inside of
// parentheses, modifiers behind what they modify.

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cpp/base/duration.h"
#include "cpp/base/exposition_text.h"
#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/functions.h"
#include "cpp/promql/print_parts.h"

namespace tocsin::promql {
namespace {

std::string MillisText(Millis millis) { return FormatDuration(millis * kMillisecond); }

// A number of seconds that was written with units; it is a whole number of milliseconds.
std::string SecondsText(double seconds) {
  return FormatDuration(static_cast<Nanos>(seconds * 1e3 + (seconds < 0 ? -0.5 : 0.5)) *
                        kMillisecond);
}

std::string JoinLabels(const std::vector<std::string>& labels) {
  std::string text = "(";
  for (const std::string& label : labels) {
    if (text.size() > 1) text.append(", ");
    text.append(IsPlainLabelName(label) ? label : QuoteGo(label));
  }
  return text.append(")");
}

std::string DurationText(const Duration& duration) {
  return duration.expression ? ToString(*duration.expression) : MillisText(duration.millis);
}

std::string AtText(const TimeShift& shift) {
  switch (shift.at) {
    case TimeShift::At::kNone:
      return "";
    case TimeShift::At::kStart:
      return " @ start()";
    case TimeShift::At::kEnd:
      return " @ end()";
    case TimeShift::At::kTimestamp:
      break;
  }
  const auto magnitude = shift.timestamp < 0 ? -static_cast<uint64_t>(shift.timestamp)
                                             : static_cast<uint64_t>(shift.timestamp);
  std::string fraction = std::to_string(magnitude % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::string(" @ ") + (shift.timestamp < 0 ? "-" : "") + std::to_string(magnitude / 1000) +
         "." + fraction;
}

std::string OffsetText(const TimeShift& shift) {
  return shift.offset ? " offset " + DurationText(*shift.offset) : "";
}

std::string ExtensionText(const VectorSelector& selector) {
  if (selector.anchored) return " anchored";
  return selector.smoothed ? " smoothed" : "";
}

std::string BareSelectorText(const VectorSelector& selector) {
  std::string text = selector.name;
  // The last matcher of a named selector is the name itself.
  const size_t count = selector.matchers.size() - (selector.name.empty() ? 0 : 1);
  if (count == 0 && !selector.name.empty()) return text;
  text.push_back('{');
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text.push_back(',');
    text.append(ToString(selector.matchers[i]));
  }
  return text.append("}");
}

std::string MatchingText(const VectorMatching& matching) {
  std::string text;
  const bool grouped = matching.cardinality == Cardinality::kManyToOne ||
                       matching.cardinality == Cardinality::kOneToMany;
  if (!matching.labels.empty() || matching.on || grouped) {
    text.append(matching.on ? " on " : " ignoring ").append(JoinLabels(matching.labels));
  }
  if (grouped) {
    text.append(matching.cardinality == Cardinality::kManyToOne ? " group_left " : " group_right ");
    text.append(JoinLabels(matching.include));
  }
  const std::string left = matching.fill_left ? FormatGoFloat(*matching.fill_left) : "";
  const std::string right = matching.fill_right ? FormatGoFloat(*matching.fill_right) : "";
  if (!left.empty() && left == right) return text.append(" fill (").append(left).append(")");
  if (!left.empty()) text.append(" fill_left (").append(left).append(")");
  if (!right.empty()) text.append(" fill_right (").append(right).append(")");
  return text;
}

struct NodePrinter {
  std::string operator()(const NumberLiteral& number) const {
    return number.has_unit ? SecondsText(number.value) : FormatGoFixed(number.value);
  }
  std::string operator()(const StringLiteral& string) const { return QuoteGo(string.value); }
  std::string operator()(const VectorSelector& selector) const {
    return BareSelectorText(selector) + ExtensionText(selector) + AtText(selector.shift) +
           OffsetText(selector.shift);
  }
  std::string operator()(const MatrixSelector& matrix) const {
    const VectorSelector& selector = matrix.selector;
    return BareSelectorText(selector) + "[" + DurationText(matrix.range) + "]" +
           ExtensionText(selector) + AtText(selector.shift) + OffsetText(selector.shift);
  }
  std::string operator()(const TraceqlSelector& selector) const {
    return "traceql(" + QuoteGo(selector.query) +
           (selector.window ? ", " + DurationText(*selector.window) : "") + ")" +
           AtText(selector.shift) + OffsetText(selector.shift);
  }
  std::string operator()(const Subquery& subquery) const {
    return ToString(*subquery.expr) + SubquerySuffix(subquery);
  }
  std::string operator()(const Call& call) const {
    std::string text(call.function->name);
    text.push_back('(');
    for (size_t i = 0; i < call.args.size(); ++i) {
      if (i > 0) text.append(", ");
      text.append(ToString(call.args[i]));
    }
    return text.append(")");
  }
  std::string operator()(const Aggregate& aggregate) const {
    std::string text = AggregateHead(aggregate) + "(";
    if (aggregate.param) text.append(ToString(**aggregate.param)).append(", ");
    return text.append(ToString(*aggregate.expr)).append(")");
  }
  std::string operator()(const Binary& binary) const {
    return ToString(*binary.lhs) + " " + BinaryMiddle(binary) + " " + ToString(*binary.rhs);
  }
  std::string operator()(const Unary& unary) const {
    return (unary.negative ? "-" : "+") + ToString(*unary.expr);
  }
  std::string operator()(const Paren& paren) const { return "(" + ToString(*paren.expr) + ")"; }
};

std::string_view DurationOpName(DurationExpr::Op op) {
  switch (op) {
    case DurationExpr::Op::kAdd:
      return " + ";
    case DurationExpr::Op::kSub:
      return " - ";
    case DurationExpr::Op::kMul:
      return " * ";
    case DurationExpr::Op::kDiv:
      return " / ";
    case DurationExpr::Op::kMod:
      return " % ";
    default:
      return " ^ ";
  }
}

}  // namespace

std::string AggregateHead(const Aggregate& aggregate) {
  std::string text(AggregateOpName(aggregate.op));
  if (aggregate.without) {
    text.append(" without ").append(JoinLabels(aggregate.grouping)).append(" ");
  } else if (!aggregate.grouping.empty()) {
    text.append(" by ").append(JoinLabels(aggregate.grouping)).append(" ");
  }
  return text;
}

std::string BinaryMiddle(const Binary& binary) {
  std::string text(BinaryOpName(binary.op));
  if (binary.return_bool) text.append(" bool");
  if (binary.matching) text.append(MatchingText(*binary.matching));
  return text;
}

std::string SubquerySuffix(const Subquery& subquery) {
  return "[" + DurationText(subquery.range) + ":" +
         (subquery.step ? DurationText(*subquery.step) : "") + "]" + AtText(subquery.shift) +
         OffsetText(subquery.shift);
}

std::string ToString(const Expr& expr) { return std::visit(NodePrinter(), expr.node); }

std::string ToString(const DurationExpr& expr) {
  switch (expr.op) {
    case DurationExpr::Op::kNumber:
      return expr.has_unit ? SecondsText(expr.seconds) : FormatGoFixed(expr.seconds);
    case DurationExpr::Op::kStep:
      return "step()";
    case DurationExpr::Op::kRange:
      return "range()";
    case DurationExpr::Op::kNegate:
      return "-" + ToString(expr.operands.front());
    case DurationExpr::Op::kParen:
      return "(" + ToString(expr.operands.front()) + ")";
    case DurationExpr::Op::kMinOf:
    case DurationExpr::Op::kMaxOf:
      return std::string(expr.op == DurationExpr::Op::kMinOf ? "min_of(" : "max_of(") +
             ToString(expr.operands[0]) + ", " + ToString(expr.operands[1]) + ")";
    default:
      return ToString(expr.operands[0]) + std::string(DurationOpName(expr.op)) +
             ToString(expr.operands[1]);
  }
}

std::string ToString(const Matcher& matcher) {
  constexpr std::array<std::string_view, 4> kOperators = {"=", "!=", "=~", "!~"};
  std::string text = IsPlainLabelName(matcher.name) ? matcher.name : QuoteGo(matcher.name);
  text.append(kOperators.at(static_cast<size_t>(matcher.op)));
  return text.append(QuoteGo(matcher.value));
}

}  // namespace tocsin::promql
