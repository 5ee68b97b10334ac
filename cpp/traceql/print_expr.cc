#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>

#include "cpp/model/span_words.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

// How tightly the printed form of an expression binds; the parser's own table.
int PrecedenceOf(const Expr& expr) {
  const Operation* operation = expr.operation();
  return operation == nullptr ? kLeafPrecedence : Precedence(operation->op);
}

bool IsPrefix(const Expr& expr) {
  return expr.operation() != nullptr && expr.operation()->args.size() == 1;
}

void PrintExpr(const Expr& expr, std::string* out);

void PrintOperand(const Expr& expr, bool parentheses, std::string* out) {
  if (parentheses) out->push_back('(');
  PrintExpr(expr, out);
  if (parentheses) out->push_back(')');
}

void PrintOperation(const Operation& operation, std::string* out) {
  const int own = Precedence(operation.op);
  if (operation.args.size() == 1) {
    out->append(OpText(operation.op));
    // A prefix operator takes all that binds more tightly than itself, and other prefixes of its
    // kind.
    const Expr& arg = operation.args[0];
    const int binds = PrecedenceOf(arg);
    PrintOperand(arg, binds < own || (binds == own && !IsPrefix(arg)), out);
    return;
  }
  const bool right_associative = operation.op == Op::kPower;
  for (size_t i = 0; i < operation.args.size(); ++i) {
    const Expr& arg = operation.args[i];
    if (i > 0) out->append(" ").append(OpText(operation.op)).append(" ");
    const int binds = PrecedenceOf(arg);
    const bool outer_side = (i == 0) != right_associative;
    PrintOperand(arg, binds < own || (binds == own && !outer_side && !IsPrefix(arg)), out);
  }
}

void PrintExpr(const Expr& expr, std::string* out) {
  if (const Operation* operation = expr.operation()) {
    PrintOperation(*operation, out);
  } else if (const Field* field = expr.field()) {
    out->append(Print(*field));
  } else {
    out->append(Print(*expr.literal()));
  }
}

void PrintQuoted(std::string_view text, std::string* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      out->append("\\x");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

std::string PrintDuration(int64_t nanos) {
  struct Unit {
    int64_t size;
    std::string_view name;
  };
  constexpr std::array<Unit, 6> kUnits = {{{3'600'000'000'000, "h"},
                                           {60'000'000'000, "m"},
                                           {1'000'000'000, "s"},
                                           {1'000'000, "ms"},
                                           {1'000, "us"},
                                           {1, "ns"}}};
  if (nanos == 0) return "0s";
  std::string out;
  for (const Unit& unit : kUnits) {
    if (nanos / unit.size == 0) continue;
    out.append(std::to_string(nanos / unit.size)).append(unit.name);
    nanos %= unit.size;
  }
  return out;
}

std::string PrintFloat(double number) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  std::string out(buffer.data(), end);
  if (out.find_first_of(".e") == std::string::npos) out.append(".0");
  return out;
}

void PrintName(std::string_view name, bool quote, std::string* out) {
  for (size_t i = 0; i < name.size() && !quote; ++i) {
    quote = name[i] == '"' || AttributeCharLength(name, i) == 0;
  }
  if (!quote) quote = name[0] >= '0' && name[0] <= '9';  // `.5` is a number.
  if (!quote) {
    out->append(name);
    return;
  }
  out->push_back('"');
  for (const char c : name) {
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

// Of an attribute of the parent in no scope: would its name be read as something else?
bool NeedsQuotesBehindParent(std::string_view name) {
  if (FindIntrinsic(name) != Intrinsic::kNone) return true;
  const size_t dot = name.find('.');
  return dot != std::string_view::npos && FindScope(name.substr(0, dot)) != Scope::kAny;
}

}  // namespace

std::string Print(const Literal& literal) {
  switch (literal.type) {
    case Type::kBool:
      return literal.integer != 0 ? "true" : "false";
    case Type::kInt:
      return literal.integer == std::numeric_limits<int64_t>::min()
                 ? "minInt"
                 : std::to_string(literal.integer);
    case Type::kFloat:
      return PrintFloat(literal.number);
    case Type::kDuration:
      return PrintDuration(literal.integer);
    case Type::kString: {
      std::string out;
      PrintQuoted(literal.text, &out);
      return out;
    }
    case Type::kStatus:
      return std::string(StatusWord(static_cast<SpanStatus>(literal.integer)));
    case Type::kKind:
      return std::string(KindWord(static_cast<SpanKind>(literal.integer)));
    case Type::kNil:
    case Type::kAttribute:
      break;
  }
  return "nil";
}

std::string Print(const Field& field) {
  std::string out = field.of_parent ? "parent." : "";
  if (field.intrinsic != Intrinsic::kNone) {
    const IntrinsicName& name = NameOf(field.intrinsic);
    if (!name.word.empty()) return out.append(name.word);
    return out.append(name.scope).append(":").append(name.scoped);
  }
  if (field.scope != Scope::kAny) {
    out.append(ScopeWord(field.scope)).append(".");
  } else if (!field.of_parent) {
    out.append(".");
  }
  const bool ambiguous =
      field.of_parent && field.scope == Scope::kAny && NeedsQuotesBehindParent(field.name);
  PrintName(field.name, ambiguous, &out);
  return out;
}

std::string Print(const Expr& expr) {
  std::string out;
  PrintExpr(expr, &out);
  return out;
}

}  // namespace tocsin::traceql
