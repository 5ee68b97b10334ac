#include "cpp/traceql/ast.h"

#include <algorithm>
#include <array>

#include "cpp/base/check.h"
#include "cpp/base/hash.h"
#include "cpp/model/span_batch.h"

namespace tocsin::traceql {
namespace {

constexpr std::array<IntrinsicName, 22> kIntrinsics = {{
    {Intrinsic::kDuration, "duration", "span", "duration", Type::kDuration},
    {Intrinsic::kName, "name", "span", "name", Type::kString},
    {Intrinsic::kStatus, "status", "span", "status", Type::kStatus},
    {Intrinsic::kStatusMessage, "statusMessage", "span", "statusMessage", Type::kString},
    {Intrinsic::kKind, "kind", "span", "kind", Type::kKind},
    {Intrinsic::kRootName, "rootName", "trace", "rootName", Type::kString},
    {Intrinsic::kRootService, "rootServiceName", "trace", "rootService", Type::kString},
    {Intrinsic::kTraceDuration, "traceDuration", "trace", "duration", Type::kDuration},
    {Intrinsic::kTraceId, "", "trace", "id", Type::kString},
    {Intrinsic::kNestedSetLeft, "nestedSetLeft", "", "", Type::kInt},
    {Intrinsic::kNestedSetRight, "nestedSetRight", "", "", Type::kInt},
    {Intrinsic::kNestedSetParent, "nestedSetParent", "", "", Type::kInt},
    {Intrinsic::kParent, "parent", "", "", Type::kNil},
    {Intrinsic::kSpanId, "", "span", "id", Type::kString},
    {Intrinsic::kParentId, "", "span", "parentID", Type::kString},
    {Intrinsic::kChildCount, "", "span", "childCount", Type::kInt},
    {Intrinsic::kEventName, "", "event", "name", Type::kString},
    {Intrinsic::kEventTimeSinceStart, "", "event", "timeSinceStart", Type::kDuration},
    {Intrinsic::kLinkTraceId, "", "link", "traceID", Type::kString},
    {Intrinsic::kLinkSpanId, "", "link", "spanID", Type::kString},
    {Intrinsic::kInstrumentationName, "", "instrumentation", "name", Type::kString},
    {Intrinsic::kInstrumentationVersion, "", "instrumentation", "version", Type::kString},
}};

}  // namespace

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kNil:
      return "nil";
    case Type::kBool:
      return "a bool";
    case Type::kInt:
      return "an int";
    case Type::kFloat:
      return "a float";
    case Type::kDuration:
      return "a duration";
    case Type::kString:
      return "a string";
    case Type::kStatus:
      return "a status";
    case Type::kKind:
      return "a kind";
    case Type::kAttribute:
      return "an attribute";
  }
  return "";
}

size_t FieldHash::operator()(const Field& field) const {
  return Hash64(field.name, static_cast<uint64_t>(field.intrinsic) << 8 |
                                static_cast<uint64_t>(field.scope) << 1 |
                                uint64_t{field.of_parent});
}

Type TypeOf(const Field& field) {
  return field.intrinsic == Intrinsic::kNone ? Type::kAttribute : NameOf(field.intrinsic).type;
}

const IntrinsicName& NameOf(Intrinsic intrinsic) {
  const auto* it = std::find_if(kIntrinsics.begin(), kIntrinsics.end(),
                                [&](const IntrinsicName& n) { return n.intrinsic == intrinsic; });
  TOCSIN_CHECK(it != kIntrinsics.end());
  return *it;
}

Intrinsic FindIntrinsic(std::string_view word) {
  for (const IntrinsicName& name : kIntrinsics) {
    if (!name.word.empty() && name.word == word) return name.intrinsic;
  }
  return Intrinsic::kNone;
}

Intrinsic FindIntrinsic(std::string_view scope, std::string_view scoped) {
  for (const IntrinsicName& name : kIntrinsics) {
    if (!name.scope.empty() && name.scope == scope && name.scoped == scoped) return name.intrinsic;
  }
  return Intrinsic::kNone;
}

std::string_view OpText(Op op) {
  constexpr std::array<std::string_view, 18> kTexts = {
      "&&", "||", "=", "!=", "<", "<=", ">", ">=", "=~",
      "!~", "+",  "-", "*",  "/", "%",  "^", "!",  "-"};
  return kTexts[static_cast<size_t>(op)];
}

bool IsComparison(Op op) { return op >= Op::kEqual && op <= Op::kNotRegex; }
bool IsArithmetic(Op op) { return op >= Op::kAdd && op <= Op::kPower; }

bool operator==(const Expr& a, const Expr& b) {
  if (a.node.index() != b.node.index()) return false;
  if (a.literal() != nullptr) return *a.literal() == *b.literal();
  if (a.field() != nullptr) return *a.field() == *b.field();
  return a.operation()->op == b.operation()->op && a.operation()->args == b.operation()->args;
}

bool operator==(const Spanset& a, const Spanset& b) {
  return a.kind == b.kind && a.form == b.form && a.condition == b.condition && a.args == b.args &&
         a.stages == b.stages;
}

std::string_view SpansetOpText(Spanset::Kind kind, Spanset::Form form) {
  constexpr std::array<std::array<std::string_view, 3>, 5> kStructural = {{{">>", "!>>", "&>>"},
                                                                           {"<<", "!<<", "&<<"},
                                                                           {">", "!>", "&>"},
                                                                           {"<", "!<", "&<"},
                                                                           {"~", "!~", "&~"}}};
  if (IsStructural(kind)) {
    const auto index = static_cast<size_t>(kind) - static_cast<size_t>(Spanset::Kind::kDescendant);
    return kStructural[index][static_cast<size_t>(form)];
  }
  switch (kind) {
    case Spanset::Kind::kAnd:
      return "&&";
    case Spanset::Kind::kOr:
      return "||";
    case Spanset::Kind::kNot:
      return "!";
    default:
      return "";
  }
}

bool operator==(const ScalarExpr& a, const ScalarExpr& b) {
  return a.kind == b.kind && a.op == b.op && a.literal == b.literal && a.of == b.of &&
         a.args == b.args && a.stages == b.stages;
}

bool operator==(const MetricsFunction& a, const MetricsFunction& b) {
  return a.kind == b.kind && a.field == b.field && a.quantiles == b.quantiles && a.by == b.by &&
         a.selection == b.selection && a.top_n == b.top_n && a.start == b.start && a.end == b.end;
}

std::string_view MetricsFunctionName(MetricsFunction::Kind kind) {
  constexpr std::array<std::string_view, 9> kNames = {
      "rate",          "count_over_time", "min_over_time",      "max_over_time",
      "avg_over_time", "sum_over_time",   "quantile_over_time", "histogram_over_time",
      "compare"};
  return kNames[static_cast<size_t>(kind)];
}

bool operator==(const SeriesExpr& a, const SeriesExpr& b) {
  return a.kind == b.kind && a.op == b.op && a.pipeline == b.pipeline && a.function == b.function &&
         a.args == b.args && a.number == b.number && a.k == b.k;
}

}  // namespace tocsin::traceql
