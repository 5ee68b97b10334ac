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

struct Stage;

/// An expression whose value, for one trace, is a set of its spans. Evaluated on the spans that
/// come in: all of the trace, or in a later stage those of one spanset.
struct Spanset {
  enum class Kind : uint8_t {
    kFilter,
    kPipeline,  ///< The spans of all spansets that a pipeline in parentheses gives.
    kAnd,       ///< All spans of the arguments if every argument has one, else none.
    kOr,        ///< All spans of the arguments.
    kNot,       ///< `!{ .a }`, loose only: every span if the argument has none, else none.
    // Structural: relations of the right argument's spans to the left one's. A parent must have
    // been received; nothing is its own ancestor or sibling.
    kDescendant,  ///< `>>`
    kAncestor,    ///< `<<`
    kChild,       ///< `>`
    kParent,      ///< `<`
    kSibling,     ///< `~`
  };
  /// Of the structural kinds.
  enum class Form : uint8_t {
    kPlain,    ///< Spans of the right that stand in the relation to one of the left.
    kNegated,  ///< `!>>`: spans of the right that stand in it to none of the left.
    kUnion,    ///< `&>>`: spans of both sides that stand in it to one of the other.
  };
  Kind kind = Kind::kFilter;
  Form form = Form::kPlain;
  std::optional<Expr> condition;  ///< kFilter: none means every span.
  std::vector<Spanset> args;      ///< kAnd, kOr: two or more; structural: two; kNot: one.
  std::vector<Stage> stages;      ///< kPipeline: at least one.
  Position at;                    ///< Of an operation: its operator. No part of equality.
};
bool operator==(const Spanset& a, const Spanset& b);

inline bool IsStructural(Spanset::Kind kind) { return kind >= Spanset::Kind::kDescendant; }
/// `>>`, `!>>`, `&&`, ...; "" for a filter and a pipeline.
std::string_view SpansetOpText(Spanset::Kind kind, Spanset::Form form);

/// An aggregate of the spans of one spanset, a number, or arithmetic of them.
struct ScalarExpr {
  enum class Kind : uint8_t {
    kNumber,  ///< `literal`: kInt, kFloat or kDuration.
    kCount,
    kMin,  ///< This and the next three are of the numbers that `of` has in the spans.
    kMax,
    kAvg,
    kSum,
    kOperation,  ///< `op` of args: arithmetic of two, or kNegate of one.
    kPipeline,   ///< args[0] of each spanset that the pipeline in parentheses gives.
  };
  Kind kind = Kind::kNumber;
  Op op = Op::kAdd;
  Literal literal;
  std::optional<Expr> of;  ///< kMin, kMax, kAvg, kSum.
  std::vector<ScalarExpr> args;
  std::vector<Stage> stages;  ///< kPipeline: at least one.
  Type type = Type::kNil;     ///< kInt, kFloat, kDuration or kAttribute.
  Position at;                ///< No part of equality.
};
bool operator==(const ScalarExpr& a, const ScalarExpr& b);

/// Keeps the spansets for which `left op right` holds.
struct ScalarFilter {
  Op op = Op::kEqual;  ///< kEqual to kGreaterEqual.
  ScalarExpr left;
  ScalarExpr right;

  friend bool operator==(const ScalarFilter&, const ScalarFilter&) = default;
};

/// Splits each spanset into one for each combination of values, nil included.
struct Group {
  std::vector<Expr> by;  ///< One; loose: or more.

  friend bool operator==(const Group&, const Group&) = default;
};

/// Makes one spanset of all.
struct Coalesce {
  friend bool operator==(const Coalesce&, const Coalesce&) = default;
};

/// Adds fields to the answer.
struct Select {
  std::vector<Field> fields;

  friend bool operator==(const Select&, const Select&) = default;
};

/// One step of a pipeline: from the spansets of a trace to those that the next step sees. Spansets
/// without spans vanish.
struct Stage {
  std::variant<Spanset, ScalarFilter, Group, Coalesce, Select> node;
  Position at;  ///< No part of equality.

  friend bool operator==(const Stage& a, const Stage& b) { return a.node == b.node; }
};

/// The first stage sees all spans of a trace as one spanset.
using Pipeline = std::vector<Stage>;

/// What a metrics query makes of the spans that its pipeline gives: the first stage of series.
struct MetricsFunction {
  enum class Kind : uint8_t {
    kRate,
    kCountOverTime,
    kMinOverTime,
    kMaxOverTime,
    kAvgOverTime,
    kSumOverTime,
    kQuantileOverTime,
    kHistogramOverTime,
    kCompare,
  };
  Kind kind = Kind::kRate;
  std::optional<Field> field;     ///< kMinOverTime to kHistogramOverTime: whose numbers.
  std::vector<double> quantiles;  ///< kQuantileOverTime: at least one, each in [0, 1].
  std::vector<Field> by;          ///< May be empty; always is for kCompare.
  /// kCompare: the spans to set against the others (a kFilter), how many values of each attribute
  /// to show, and the range of the selection in Unix nanoseconds, 0 for none.
  Spanset selection;
  int64_t top_n = 10;
  int64_t start = 0;
  int64_t end = 0;
  Position at;  ///< No part of equality.
};
bool operator==(const MetricsFunction& a, const MetricsFunction& b);
/// `rate`, `count_over_time`, ...
std::string_view MetricsFunctionName(MetricsFunction::Kind kind);

/// An expression whose value is a set of series.
struct SeriesExpr {
  enum class Kind : uint8_t {
    kFunction,    ///< `function` of the spans that `pipeline` gives.
    kNumber,      ///< `number`; only as one side of kArithmetic.
    kArithmetic,  ///< args[0] op args[1], op one of + - * /; one of them is no number.
    kTopK,        ///< The `k` greatest of args[0].
    kBottomK,     ///< The `k` least.
    kFilter,      ///< The points of args[0] that are `op number`.
  };
  Kind kind = Kind::kFunction;
  Op op = Op::kAdd;
  Pipeline pipeline;  ///< kFunction: at least one stage.
  MetricsFunction function;
  std::vector<SeriesExpr> args;
  double number = 0;  ///< kNumber, kFilter; finite.
  int64_t k = 0;      ///< kTopK, kBottomK: at least 1.
  Position at;        ///< Of an operation: its operator. No part of equality.
};
bool operator==(const SeriesExpr& a, const SeriesExpr& b);

struct Query {
  Pipeline pipeline;  ///< Of a search: at least one stage. Of a metrics query: empty.
  std::optional<SeriesExpr> metrics;  ///< A metrics query.
  /// `with(name=value, ...)`, in order. All are accepted; answers are exact and newest first
  /// without them.
  std::vector<std::pair<std::string, Literal>> hints;

  friend bool operator==(const Query&, const Query&) = default;
};

/// The fields of a query (conditions, groups, aggregates, selected ones), each once, in the order
/// of their first appearance. Of a metrics query those of its pipelines and functions.
std::vector<Field> FieldsOf(const Query& query);
std::vector<Field> FieldsOf(const Pipeline& pipeline);
std::vector<Field> FieldsOf(const Spanset& spanset);
std::vector<Field> FieldsOf(const Expr& expr);

std::string Print(const Literal& literal);
std::string Print(const Field& field);
std::string Print(const Expr& expr);
std::string Print(const Spanset& spanset);
/// `count()`, `max(duration) - 1s`, ...
std::string Print(const ScalarExpr& scalar);
std::string Print(const Pipeline& pipeline);
std::string Print(const SeriesExpr& series);
std::string Print(const Query& query);

}  // namespace tocsin::traceql
