// The executor against a slow and obvious evaluator: span by span over the spans as they were
// written down, with its own idea of values, on random traces and random queries.

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::traceql {
namespace {

// One value: text, a number or a bool.
using Datum = std::variant<std::string, int64_t, double, bool>;
// A plain value has one element.
struct Item : std::vector<Datum> {
  using std::vector<Datum>::vector;
  bool is_array = false;
  bool IsNumber() const {
    return !is_array &&
           (std::holds_alternative<int64_t>(front()) || std::holds_alternative<double>(front()));
  }
};
// Several items are those of events or links.
using Data = std::vector<Item>;

struct Oracle {
  const std::vector<TestSpan>& all;  // Of all traces.

  static std::optional<Item> Find(const Attrs& attrs, const std::string& key) {
    for (const auto& [name, value] : attrs) {
      if (name != key) continue;
      if (const auto* array = std::get_if<ArrayValue>(&value)) {
        Item item(array->items.begin(), array->items.end());
        item.is_array = true;
        return item;
      }
      if (const auto* text = std::get_if<std::string>(&value)) return Item{*text};
      if (const auto* integer = std::get_if<int64_t>(&value)) return Item{*integer};
      if (const auto* number = std::get_if<double>(&value)) return Item{*number};
      return Item{std::get<bool>(value)};
    }
    return std::nullopt;
  }

  static Data FindIn(Scope scope, const TestSpan& span, const std::string& key) {
    Data found;
    const auto add = [&](const Attrs& attrs) {
      if (auto value = Find(attrs, key)) found.push_back(*value);
    };
    if (scope == Scope::kSpan) add(span.attrs);
    if (scope == Scope::kResource) add(span.resource);
    if (scope == Scope::kInstrumentation) add(span.scope_attrs);
    if (scope == Scope::kEvent) {
      for (const TestEvent& event : span.events) add(event.attrs);
    }
    if (scope == Scope::kLink) {
      for (const TestLink& link : span.links) add(link.attrs);
    }
    return found;
  }

  const TestSpan* Parent(const TestSpan& span) const {
    if (span.parent == 0 || span.parent == span.id) return nullptr;
    const TestSpan* parent = nullptr;
    for (const TestSpan& other : all) {
      if (other.trace != span.trace || other.id != span.parent) continue;
      if (parent == nullptr || other.start < parent->start) parent = &other;
    }
    return parent;
  }

  Data Get(const Field& field, const TestSpan& span) const {
    if (field.of_parent) {
      Field own = field;
      own.of_parent = false;
      const TestSpan* parent = Parent(span);
      return parent == nullptr ? Data{} : Get(own, *parent);
    }
    switch (field.intrinsic) {
      case Intrinsic::kNone:
        break;
      case Intrinsic::kDuration:
        return {{static_cast<int64_t>(span.end - span.start)}};
      case Intrinsic::kName:
        return {{span.name}};
      case Intrinsic::kStatus:
        return {{static_cast<int64_t>(span.status)}};
      case Intrinsic::kKind:
        return {{static_cast<int64_t>(span.kind)}};
      case Intrinsic::kTraceDuration: {
        uint64_t first = UINT64_MAX;
        uint64_t last = 0;
        for (const TestSpan& other : all) {
          if (other.trace != span.trace) continue;
          first = std::min(first, other.start);
          last = std::max(last, other.end);
        }
        return {{static_cast<int64_t>(last - first)}};
      }
      case Intrinsic::kRootName: {
        const TestSpan* root = nullptr;
        for (const TestSpan& other : all) {
          if (other.trace != span.trace || other.parent != 0) continue;
          if (root == nullptr || other.start < root->start) root = &other;
        }
        return root == nullptr ? Data{} : Data{{root->name}};
      }
      case Intrinsic::kChildCount: {
        int64_t count = 0;
        for (const TestSpan& other : all) {
          if (other.trace == span.trace && Parent(other) == &span) ++count;
        }
        return {{count}};
      }
      case Intrinsic::kEventName: {
        Data names;
        for (const TestEvent& event : span.events) names.push_back({event.name});
        return names;
      }
      default:
        ADD_FAILURE() << "not in the oracle: " << Print(field);
    }
    if (field.scope != Scope::kAny) return FindIn(field.scope, span, field.name);
    for (const Scope scope :
         {Scope::kSpan, Scope::kResource, Scope::kEvent, Scope::kLink, Scope::kInstrumentation}) {
      if (Data found = FindIn(scope, span, field.name); !found.empty()) return found;
    }
    return {};
  }

  static std::optional<double> Number(const Datum& datum) {
    if (const auto* integer = std::get_if<int64_t>(&datum)) return static_cast<double>(*integer);
    if (const auto* number = std::get_if<double>(&datum)) return *number;
    return std::nullopt;
  }

  static bool OrderHolds(Op op, int order) {
    switch (op) {
      case Op::kEqual:
        return order == 0;
      case Op::kNotEqual:
        return order != 0;
      case Op::kLess:
        return order < 0;
      case Op::kLessEqual:
        return order <= 0;
      case Op::kGreater:
        return order > 0;
      default:
        return order >= 0;
    }
  }

  // Nullopt: they do not meet.
  static std::optional<bool> CompareOne(Op op, const Datum& a, const Datum& b,
                                        const lib::Regex* regex) {
    const auto sign = [](const auto& x, const auto& y) { return x < y ? -1 : x > y ? 1 : 0; };
    const auto x = Number(a);
    const auto y = Number(b);
    if (x && y) return OrderHolds(op, sign(*x, *y));
    if (x || y || a.index() != b.index()) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&a)) {
      if (op == Op::kRegex) return regex->FullMatch(*text);
      if (op == Op::kNotRegex) return !regex->FullMatch(*text);
      return OrderHolds(op, sign(*text, std::get<std::string>(b)));
    }
    if (op != Op::kEqual && op != Op::kNotEqual) return std::nullopt;
    return OrderHolds(op, sign(std::get<bool>(a), std::get<bool>(b)));
  }

  static bool CompareItems(Op op, const Item& a, const Item& b, const lib::Regex* regex) {
    bool any = false;
    bool all_hold = true;
    bool met = false;
    for (const Datum& x : a) {
      for (const Datum& y : b) {
        const std::optional<bool> holds = CompareOne(op, x, y, regex);
        if (!holds) continue;
        met = true;
        any = any || *holds;
        all_hold = all_hold && *holds;
      }
    }
    const bool negative = op == Op::kNotEqual || op == Op::kNotRegex;
    return negative ? met && all_hold : any;
  }

  Data Values(const Expr& expr, const TestSpan& span) const {
    if (const Field* field = expr.field()) return Get(*field, span);
    if (const Literal* literal = expr.literal()) {
      switch (literal->type) {
        case Type::kString:
          return {{literal->text}};
        case Type::kFloat:
          return {{literal->number}};
        case Type::kBool:
          return {{literal->integer != 0}};
        case Type::kNil:
          return {};
        default:
          return {{literal->integer}};
      }
    }
    const Operation& operation = *expr.operation();
    const Data left = Values(operation.args[0], span);
    if (operation.op == Op::kNegate) {
      Data out;
      for (const auto& value : left) {
        if (!value.IsNumber()) continue;
        if (const auto* integer = std::get_if<int64_t>(&value[0])) {
          out.push_back({-*integer});
        } else {
          out.push_back({-Number(value[0]).value_or(0)});
        }
      }
      return out;
    }
    const Data right = Values(operation.args[1], span);
    Data out;
    for (const auto& a : left) {
      for (const auto& b : right) {
        if (!a.IsNumber() || !b.IsNumber()) continue;
        const double x = Number(a[0]).value_or(0);
        const double y = Number(b[0]).value_or(0);
        const bool ints = a[0].index() == 1 && b[0].index() == 1 && !operation.args[0].field();
        const double value = operation.op == Op::kAdd        ? x + y
                             : operation.op == Op::kSubtract ? x - y
                                                             : x * y;
        if (ints) {
          out.push_back({static_cast<int64_t>(value)});
        } else {
          out.push_back({value});
        }
      }
    }
    return out;
  }

  bool Holds(const Expr& expr, const TestSpan& span) const {
    const Operation* operation = expr.operation();
    if (operation != nullptr && operation->op == Op::kNot) return !Holds(operation->args[0], span);
    if (operation != nullptr && operation->op == Op::kAnd) {
      return std::all_of(operation->args.begin(), operation->args.end(),
                         [&](const Expr& arg) { return Holds(arg, span); });
    }
    if (operation != nullptr && operation->op == Op::kOr) {
      return std::any_of(operation->args.begin(), operation->args.end(),
                         [&](const Expr& arg) { return Holds(arg, span); });
    }
    if (operation == nullptr || !IsComparison(operation->op)) {
      for (const auto& value : Values(expr, span)) {
        if (!value.is_array && value[0] == Datum(true)) return true;
      }
      return false;
    }
    if (operation->args[1].literal() != nullptr && operation->args[1].type == Type::kNil) {
      return Values(operation->args[0], span).empty() == (operation->op == Op::kEqual);
    }
    const lib::Regex* regex = operation->regex ? &*operation->regex : nullptr;
    for (const auto& a : Values(operation->args[0], span)) {
      for (const auto& b : Values(operation->args[1], span)) {
        if (CompareItems(operation->op, a, b, regex)) return true;
      }
    }
    return false;
  }

  bool Holds(const Spanset& spanset, const TestSpan& span) const {
    if (spanset.kind == Spanset::Kind::kFilter) {
      return !spanset.condition || Holds(*spanset.condition, span);
    }
    return std::any_of(spanset.args.begin(), spanset.args.end(),
                       [&](const Spanset& arg) { return Holds(arg, span); });
  }

  // The spans that a spanset holds of a trace.
  std::vector<const TestSpan*> Of(const Spanset& spanset, const TraceId& trace) const {
    if (spanset.kind == Spanset::Kind::kAnd) {
      for (const Spanset& arg : spanset.args) {
        if (Of(arg, trace).empty()) return {};
      }
    }
    std::vector<const TestSpan*> spans;
    for (const TestSpan& span : all) {
      if (span.trace != trace) continue;
      const bool in =
          spanset.kind == Spanset::Kind::kFilter
              ? Holds(spanset, span)
              : std::any_of(spanset.args.begin(), spanset.args.end(), [&](const Spanset& arg) {
                  const auto of_arg = Of(arg, trace);
                  return std::find(of_arg.begin(), of_arg.end(), &span) != of_arg.end();
                });
      if (in) spans.push_back(&span);
    }
    std::sort(spans.begin(), spans.end(), [](const TestSpan* a, const TestSpan* b) {
      return std::tie(a->start, a->id) < std::tie(b->start, b->id);
    });
    return spans;
  }

  std::string Search(const Query& query, const SearchOptions& options) const {
    std::map<TraceId, uint64_t> starts;
    for (const TestSpan& span : all) {
      auto& start = starts.try_emplace(span.trace, UINT64_MAX).first->second;
      start = std::min(start, span.start);
    }
    std::vector<std::pair<uint64_t, TraceId>> order;
    order.reserve(starts.size());
    for (const auto& [trace, start] : starts) order.emplace_back(~start, trace);
    std::sort(order.begin(), order.end());
    std::string out;
    uint32_t count = 0;
    for (const auto& [start, trace] : order) {
      const auto spans = Of(query.spans, trace);
      const bool in_range = std::any_of(spans.begin(), spans.end(), [&](const TestSpan* span) {
        return span->start <= options.end && span->end >= options.start;
      });
      if (!in_range || count++ >= options.limit) continue;
      out.append(trace.ToHex()).append(":").append(std::to_string(~start));
      for (const TestSpan* span : spans) out.append(" ").append(std::to_string(span->id));
      out.append("\n");
    }
    return out;
  }
};

std::string Show(const SearchResult& result) {
  std::string out;
  for (const SearchTrace& trace : result.traces) {
    out.append(trace.id.ToHex()).append(":").append(std::to_string(trace.start));
    for (const SearchSpan& span : trace.spans) out.append(" ").append(std::to_string(span.id));
    out.append("\n");
  }
  return out;
}

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  std::vector<TestSpan> Spans() {
    std::vector<TestSpan> spans;
    const size_t traces = 1 + Pick(12);
    for (size_t t = 0; t < traces; ++t) {
      const size_t count = 1 + Pick(8);
      const uint64_t base = 1'000 + Pick(300);
      for (size_t i = 0; i < count; ++i) spans.push_back(Span(t, spans.size() + 1, i, base));
    }
    std::shuffle(spans.begin(), spans.end(), random_);
    return spans;
  }

  std::string Query() {
    std::string text = Filter();
    while (Pick(4) == 0) text += One({" && ", " || "}) + Filter();
    return text;
  }

  size_t Pick(size_t n) { return random_() % n; }

 private:
  TestSpan Span(size_t trace, SpanId id, size_t index, uint64_t base) {
    TestSpan span;
    span.trace = {trace % 3, trace};
    span.id = id;
    // Mostly a tree; at times a parent that is missing.
    span.parent = index == 0 ? (Pick(5) == 0 ? 9'999 : 0) : id - 1 - Pick(index);
    span.start = base + Pick(50);
    span.end = span.start + Pick(30);
    span.name = One({"a", "b", "ab"});
    span.kind = static_cast<SpanKind>(Pick(6));
    span.status = static_cast<SpanStatus>(Pick(3));
    span.attrs = List();
    span.resource = List();
    if (Pick(4) == 0) span.scope_attrs = List();
    while (Pick(2) == 0) span.events.push_back({span.start + Pick(5), One({"e", "f"}), List()});
    while (Pick(4) == 0) span.links.push_back({{1, Pick(3)}, Pick(3), List()});
    return span;
  }

  Attrs List() {
    Attrs attrs;
    while (Pick(3) != 0) attrs.emplace_back(One({"p", "q", "r", "s"}), SomeValue());
    return attrs;
  }

  AttrValue SomeValue() {
    switch (Pick(6)) {
      case 0:
        return static_cast<int64_t>(Pick(4));
      case 1:
        return static_cast<double>(Pick(6)) / 2;
      case 2:
        return Pick(2) == 0;
      case 3: {
        ArrayValue array;
        while (Pick(3) != 0) {
          if (Pick(2) == 0) {
            array.items.emplace_back(One({"a", "b"}));
          } else {
            array.items.emplace_back(static_cast<int64_t>(Pick(3)));
          }
        }
        return array;
      }
      default:
        return One({"a", "b", "ab", ""});
    }
  }

  std::string Filter() { return Pick(20) == 0 ? "{}" : "{ " + Condition(3) + " }"; }

  std::string Condition(int depth) {
    switch (Pick(depth == 0 ? 5 : 9)) {
      case 0:
        return Attribute() + One({" = ", " != ", " < ", " >= "}) + Literal();
      case 1:
        return Attribute() + One({" =~ ", " !~ "}) + One({"\"a.*\"", "\"b\"", "\"\""});
      case 2:
        return Intrinsic();
      case 3:
        return Attribute() + One({" = nil", " != nil", ""});
      case 4:
        return Numeric() + One({" = ", " > ", " <= ", " != "}) + Plain();
      case 5:
        return "!(" + Condition(depth - 1) + ")";
      case 6:
        return "(" + Condition(depth - 1) + ")" + One({" && ", " || "}) + Condition(depth - 1);
      default:
        return Condition(depth - 1) + One({" && ", " || "}) + Condition(depth - 1);
    }
  }

  std::string Attribute() {
    return One({".", "span.", "resource.", "event.", "link.", "instrumentation.", "parent.",
                "parent.resource.", "."}) +
           One({"p", "q", "r", "s", "absent"});
  }

  std::string Intrinsic() {
    return One({"status = error", "status != ok", "kind = server", "kind != client",
                "duration > 10ns", "duration <= 5ns", "name = \"a\"", "name =~ \"a.?\"",
                "traceDuration > 40ns", "rootName = \"a\"", "!(rootName = \"b\")",
                "span:childCount > 1", "event:name = \"e\"", "parent.name != \"a\"",
                "parent.duration > duration"});
  }

  // Plain values only, so that several values never meet several values.
  std::string Plain() {
    return One({"span.p", "resource.q", "duration", "1", "2.5", "parent.span.p"});
  }
  std::string Numeric() {
    return One({"event.q", "span.q", "link.p", "duration", "(span.p + resource.q)",
                "(span.p * 2.0)", "(-span.q)", "(event.p - 1)"});
  }
  std::string Literal() { return One({"1", "2", "0.5", "\"a\"", "\"ab\"", "true", "false", "-1"}); }

  std::string One(const std::vector<std::string>& choices) { return choices[Pick(choices.size())]; }

  std::mt19937 random_;
};

TEST(OracleTest, RandomQueriesOnRandomTraces) {
  int ran = 0;
  int with_results = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    Generator generator(seed);
    const std::vector<TestSpan> spans = generator.Spans();
    std::vector<std::vector<TestSpan>> blocks(1 + generator.Pick(4));
    for (const TestSpan& span : spans) blocks[generator.Pick(blocks.size())].push_back(span);
    const FakeView view(blocks);
    const Oracle oracle{spans};
    for (int i = 0; i < 40; ++i) {
      const std::string text = generator.Query();
      SCOPED_TRACE(testing::Message() << "seed " << seed << ": " << text);
      const Result<Query> query = Parse(text);
      if (!query.has_value()) continue;  // Types that do not meet.
      SearchOptions options;
      options.spans_per_spanset = 0;
      options.limit = static_cast<uint32_t>(1 + generator.Pick(10));
      if (generator.Pick(3) == 0) {
        options.start = 1'000 + generator.Pick(300);
        options.end = options.start + generator.Pick(100);
      }
      const Result<SearchResult> result = Search(view, *query, options);
      ASSERT_TRUE(result.has_value()) << result.error().ToString();
      const std::string expected = oracle.Search(*query, options);
      ASSERT_EQ(Show(*result), expected);
      ++ran;
      with_results += expected.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(ran, 10'000);
  EXPECT_GT(with_results, 5'000);
}

}  // namespace
}  // namespace tocsin::traceql
