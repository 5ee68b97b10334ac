#include "cpp/promql/pretty.h"

#include <string_view>

#include "cpp/promql/functions.h"
#include "cpp/promql/print_parts.h"

namespace tocsin::promql {
namespace {

constexpr size_t kMaxLine = 100;

// The text of an expression that begins on a line of its own, `level` deep; at level 0 it may stand
// behind something.
class Printer {
 public:
  explicit Printer(size_t level) : level_(level), indent_(2 * level, ' ') {}

  std::string Print(const Expr& expr) const {
    std::string line = ToString(expr);
    if (line.size() <= kMaxLine) return indent_ + line;
    return std::visit([&](const auto& node) { return Split(node, line); }, expr.node);
  }

 private:
  std::string Deeper(const Expr& expr) const { return Printer(level_ + 1).Print(expr); }

  // Literals and selectors are never broken.
  template <class Node>
  std::string Split(const Node&, const std::string& line) const {
    return indent_ + line;
  }
  std::string Split(const Aggregate& aggregate, const std::string&) const {
    std::string text = indent_ + AggregateHead(aggregate) + "(\n";
    if (aggregate.param) text += Deeper(**aggregate.param) + ",\n";
    return text + Deeper(*aggregate.expr) + "\n" + indent_ + ")";
  }
  std::string Split(const Binary& binary, const std::string&) const {
    return Deeper(*binary.lhs) + "\n" + indent_ + BinaryMiddle(binary) + "\n" + Deeper(*binary.rhs);
  }
  std::string Split(const Call& call, const std::string&) const {
    std::string text = indent_ + std::string(call.function->name) + "(\n";
    for (size_t i = 0; i < call.args.size(); ++i) {
      text += (i > 0 ? ",\n" : "") + Deeper(call.args[i]);
    }
    return text + "\n" + indent_ + ")";
  }
  std::string Split(const Paren& paren, const std::string&) const {
    return indent_ + "(\n" + Deeper(*paren.expr) + "\n" + indent_ + ")";
  }
  std::string Split(const Subquery& subquery, const std::string&) const {
    return Print(*subquery.expr) + SubquerySuffix(subquery);
  }
  std::string Split(const Unary& unary, const std::string&) const {
    const std::string child = Print(*unary.expr);
    return indent_ + (unary.negative ? "-" : "+") + child.substr(child.find_first_not_of(' '));
  }

  const size_t level_;
  const std::string indent_;
};

}  // namespace

std::string Pretty(const Expr& expr) { return Printer(0).Print(expr); }

}  // namespace tocsin::promql
