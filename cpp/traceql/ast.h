/// The tree of a TraceQL query: values, comparable, printable. Print(query) is canonical text that
/// parses back to an equal tree.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cpp/lib/regex.h"

namespace tocsin::traceql {

/// Where something begins in the query text, both from 1; columns count characters, not bytes.
struct Position {
  uint32_t line = 1;
  uint32_t column = 1;
};

/// What is known of a value before a span is seen.
enum class Type : uint8_t {
  kNil,
  kBool,
  kInt,
  kFloat,
  kDuration,  ///< Nanoseconds.
  kString,
  kStatus,
  kKind,
  kAttribute,  ///< Whatever the span holds.
};

/// "an int", "a duration", for messages.
std::string_view TypeName(Type type);

struct Literal {
  Type type = Type::kNil;  ///< Never kAttribute.
  std::string text;        ///< kString.
  int64_t integer = 0;     ///< kBool, kInt, kDuration, kStatus (SpanStatus), kKind (SpanKind).
  double number = 0;       ///< kFloat; finite.

  friend bool operator==(const Literal&, const Literal&) = default;
};

enum class Scope : uint8_t {
  kAny,  ///< The span's own attribute, else the resource's, an event's, a link's, the scope's.
  kSpan,
  kResource,
  kEvent,
  kLink,
  kInstrumentation,
};

/// What every span has without being an attribute.
enum class Intrinsic : uint8_t {
  kNone,
  kDuration,
  kName,
  kStatus,
  kStatusMessage,
  kKind,
  kRootName,
  kRootService,
  kTraceDuration,
  kTraceId,
  kNestedSetLeft,
  kNestedSetRight,
  kNestedSetParent,
  kParent,  ///< Nil for a root, and then for nothing but a comparison with nil.
  kSpanId,
  kParentId,
  kChildCount,
  kEventName,
  kEventTimeSinceStart,
  kLinkTraceId,
  kLinkSpanId,
  kInstrumentationName,
  kInstrumentationVersion,
};

/// An attribute or an intrinsic of the span, or with `of_parent` of its parent span.
struct Field {
  Intrinsic intrinsic = Intrinsic::kNone;
  Scope scope = Scope::kAny;  ///< Of an attribute.
  std::string name;           ///< Of an attribute; never empty then.
  bool of_parent = false;
  bool bare = false;  ///< Written as a bare word (loose names). No part of equality.

  friend bool operator==(const Field& a, const Field& b) {
    return a.intrinsic == b.intrinsic && a.scope == b.scope && a.name == b.name &&
           a.of_parent == b.of_parent;
  }
};

struct FieldHash {
  size_t operator()(const Field& field) const;
};

Type TypeOf(const Field& field);

/// `duration`, `trace:rootName`, ...: the names an intrinsic is known by.
struct IntrinsicName {
  Intrinsic intrinsic;
  std::string_view word;    ///< Stands alone; "" if it has no such name.
  std::string_view scope;   ///< Before the colon; "" if it has no scoped name.
  std::string_view scoped;  ///< Behind the colon.
  Type type;
};
const IntrinsicName& NameOf(Intrinsic intrinsic);  ///< REQUIRES: not kNone.
Intrinsic FindIntrinsic(std::string_view word);    ///< kNone if there is none.
Intrinsic FindIntrinsic(std::string_view scope, std::string_view scoped);

enum class Op : uint8_t {
  kAnd,
  kOr,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kRegex,
  kNotRegex,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kPower,
  kNot,     ///< One argument.
  kNegate,  ///< One argument.
};
std::string_view OpText(Op op);
bool IsComparison(Op op);
bool IsArithmetic(Op op);  ///< Of two arguments.

struct Expr;

/// kAnd and kOr hold two arguments or more (`a && b && c` is one node), the others one or two.
struct Operation {
  Op op = Op::kAnd;
  std::vector<Expr> args;
  std::optional<lib::Regex> regex;  ///< kRegex, kNotRegex: args[1] compiled. No part of equality.
};

/// A field expression. Positions are no part of equality.
struct Expr {
  std::variant<Literal, Field, Operation> node;
  Position at;  ///< Of an operation: its operator.
  Type type = Type::kNil;
  uint32_t depth = 1;  ///< Levels of operations and leaves below and including this one.

  const Literal* literal() const { return std::get_if<Literal>(&node); }
  const Field* field() const { return std::get_if<Field>(&node); }
  const Operation* operation() const { return std::get_if<Operation>(&node); }
  Operation* operation() { return std::get_if<Operation>(&node); }
};
bool operator==(const Expr& a, const Expr& b);

/// A set of spans of one trace: a filter, or spansets combined.
struct Spanset {
  enum class Kind : uint8_t {
    kFilter,
    kAnd,  ///< All spans of the arguments if every argument has one, else none.
    kOr,   ///< All spans of the arguments.
  };
  Kind kind = Kind::kFilter;
  std::optional<Expr> condition;  ///< kFilter: none means every span.
  std::vector<Spanset> args;      ///< kAnd, kOr: two or more.
  Position at;                    ///< No part of equality.

  friend bool operator==(const Spanset& a, const Spanset& b) {
    return a.kind == b.kind && a.condition == b.condition && a.args == b.args;
  }
};

struct Query {
  Spanset spans;
  /// `with(name=value, ...)`, in order. All are accepted; answers are exact and newest first
  /// without them.
  std::vector<std::pair<std::string, Literal>> hints;

  friend bool operator==(const Query&, const Query&) = default;
};

/// The fields of a query, each once, in the order of their first appearance.
std::vector<Field> FieldsOf(const Query& query);

std::string Print(const Literal& literal);
std::string Print(const Field& field);
std::string Print(const Expr& expr);
std::string Print(const Query& query);

}  // namespace tocsin::traceql
