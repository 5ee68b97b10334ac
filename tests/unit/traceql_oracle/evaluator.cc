#include "tests/unit/traceql_oracle/evaluator.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <tuple>

#include <regex.h>

namespace tocsin::oracle {
namespace {

bool IsComparison(const std::string& op) {
  static const std::set<std::string> kAll = {"=", "!=", "<", "<=", ">", ">=", "=~", "!~"};
  return kAll.contains(op);
}

bool IsId(const std::string& name) {
  return name == "trace:id" || name == "span:id" || name == "span:parentID" ||
         name == "link:traceID" || name == "link:spanID";
}

// Ids are compared without regard to case and to zeros in front.
Datum BareId(const Datum& datum) {
  const auto* text = std::get_if<std::string>(&datum);
  if (text == nullptr) return datum;
  std::string bare;
  for (const char c : *text) {
    if (bare.empty() && c == '0') continue;
    bare.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return bare;
}

template <class T>
bool Ordered(const std::string& op, const T& a, const T& b) {
  if (op == "=") return a == b;
  if (op == "!=") return a != b;
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  return op == ">=" && a >= b;
}

// With the C library's regular expressions; the tests keep to what all dialects have.
bool IsLike(const std::string& text, const std::string& pattern) {
  regex_t compiled;
  if (regcomp(&compiled, ("^(" + pattern + ")$").c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    return false;
  }
  const bool matches = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return matches;
}

std::optional<int64_t> Whole(const Datum& datum) {
  if (const auto* integer = std::get_if<int64_t>(&datum)) return *integer;
  if (const auto* nanos = std::get_if<Elapsed>(&datum)) return nanos->count;
  return std::nullopt;
}

// Nullopt: values of these kinds do not meet in this operator.
std::optional<bool> CompareOne(const std::string& op, const Datum& left, const Datum& right) {
  const auto a = Number(left);
  const auto b = Number(right);
  if (a && b) {
    if (Whole(left) && Whole(right)) return Ordered(op, *Whole(left), *Whole(right));
    return Ordered(op, *a, *b);
  }
  if (left.index() != right.index()) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&left)) {
    const auto& other = std::get<std::string>(right);
    if (op == "=~") return IsLike(*text, other);
    if (op == "!~") return !IsLike(*text, other);
    return Ordered(op, *text, other);
  }
  if (op != "=" && op != "!=") return std::nullopt;
  if (const auto* word = std::get_if<Word>(&left)) {
    return Ordered(op, word->word, std::get<Word>(right).word);
  }
  if (const auto* truth = std::get_if<bool>(&left)) {
    return Ordered(op, *truth, std::get<bool>(right));
  }
  return std::nullopt;
}

Array Elements(const Datum& datum) {
  if (const auto* array = std::get_if<Array>(&datum)) return *array;
  return {datum};
}

void Append(const Attributes& attributes, const std::string& key, Data* out) {
  if (const auto it = attributes.find(key); it != attributes.end()) out->push_back(it->second);
}

Data FindAttribute(const std::string& scope, const std::string& key, const Span& span) {
  Data found;
  if (scope.empty()) {
    for (const char* each : {"span", "resource", "event", "link", "instrumentation"}) {
      if (found = FindAttribute(each, key, span); !found.empty()) break;
    }
  }
  if (scope == "span") Append(span.attributes, key, &found);
  if (scope == "resource") Append(span.resource, key, &found);
  if (scope == "instrumentation") Append(span.scope_attributes, key, &found);
  if (scope == "event") {
    for (const Event& event : span.events) Append(event.attributes, key, &found);
  }
  if (scope == "link") {
    for (const Link& link : span.links) Append(link.attributes, key, &found);
  }
  return found;
}

bool IsBefore(const Span* a, const Span* b) {
  return std::tie(a->start, a->id, a->end) < std::tie(b->start, b->id, b->end);
}

std::string ServiceOf(const Span& span) {
  const auto it = span.resource.find("service.name");
  const auto* name = it == span.resource.end() ? nullptr : std::get_if<std::string>(&it->second);
  return name == nullptr ? "" : *name;
}

// These have places of their own in an answer.
bool StandsElsewhere(const Node& field) {
  static const std::set<std::string> kElsewhere = {
      "name", "duration", "traceDuration", "rootName", "rootServiceName", "trace:id", "span:id"};
  return field.is == Node::Is::kIntrinsic && !field.of_parent && kElsewhere.contains(field.name);
}

// With all intrinsics written in their usual way and all attributes with their dot.
Node Usual(Node node) {
  node.spelling.clear();
  for (Node& arg : node.args) arg = Usual(std::move(arg));
  return node;
}

std::string KeyOf(const Node& field) {
  if (field.is == Node::Is::kAttribute && !field.of_parent) return field.name;
  return Print(Usual(field));
}

// As Go writes a duration: 1h2m3.5s, 1.5ms, 20ns.
std::string GoDuration(double nanoseconds) {
  const auto total = std::llround(nanoseconds);
  if (total == 0) return "0s";
  char text[80];
  for (const auto& [unit, name] : {std::pair(1.0, "ns"), {1e3, "µs"}, {1e6, "ms"}}) {
    if (std::abs(static_cast<double>(total)) >= unit * 1e3) continue;
    std::snprintf(text, sizeof(text), "%.9g%s", static_cast<double>(total) / unit, name);
    return text;
  }
  const auto minutes = total / 60'000'000'000;
  const double seconds = static_cast<double>(total % 60'000'000'000) / 1e9;
  std::string out;
  if (minutes >= 60) out += std::to_string(minutes / 60) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  std::snprintf(text, sizeof(text), "%.11gs", seconds);
  return out + text;
}

bool InRange(const std::vector<Group>& groups, const SearchLimits& limits) {
  return std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
    return std::any_of(group.spans.begin(), group.spans.end(), [&](const Span* span) {
      return span->start <= limits.end && std::max(span->start, span->end) >= limits.start;
    });
  });
}

std::string ShowServices(const Trace& trace) {
  std::map<std::string, std::pair<uint32_t, uint32_t>> services;
  for (const Span& span : trace.spans()) {
    auto& [spans, errors] = services[ServiceOf(span)];
    ++spans;
    if (span.status == "error") ++errors;
  }
  std::string out;
  for (const auto& [name, counts] : services) {
    out += ShowService(name, counts.first, counts.second);
  }
  return out;
}

}  // namespace

std::optional<double> Number(const Datum& datum) {
  if (const auto whole = Whole(datum)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&datum)) return *number;
  return std::nullopt;
}

bool Compare(const std::string& op, const Datum& left, const Datum& right) {
  // Of arrays any element will do, and for != and !~ none may be equal.
  const bool negative = op == "!=" || op == "!~";
  bool met = false;
  bool any = false;
  bool all = true;
  for (const Datum& a : Elements(left)) {
    for (const Datum& b : Elements(right)) {
      const std::optional<bool> holds = CompareOne(op, a, b);
      if (!holds) continue;
      met = true;
      any = any || *holds;
      all = all && *holds;
    }
  }
  return negative ? met && all : any;
}

std::optional<Datum> Calculate(const std::string& op, const Datum& left, const Datum& right) {
  const auto* x = std::get_if<int64_t>(&left);
  const auto* y = std::get_if<int64_t>(&right);
  if (x != nullptr && y != nullptr) {
    if (op == "+") return *x + *y;
    if (op == "-") return *x - *y;
    if (op == "*") return *x * *y;
    if (op == "/" && *y != 0) return *x / *y;
    if (op == "%" && *y != 0) return *x % *y;
    if (op != "^") return std::nullopt;
    if (*y < 0) return std::pow(static_cast<double>(*x), static_cast<double>(*y));
    int64_t power = 1;
    for (int64_t i = 0; i < *y; ++i) power *= *x;
    return power;
  }
  const auto a = Number(left);
  const auto b = Number(right);
  if (!a || !b) return std::nullopt;
  if (op == "+") return *a + *b;
  if (op == "-") return *a - *b;
  if (op == "*") return *a * *b;
  if (op == "/") return *a / *b;
  if (op == "%") return std::fmod(*a, *b);
  return std::pow(*a, *b);
}

Data Judge::Values(const Node& node, const Span& span) const {
  switch (node.is) {
    case Node::Is::kLiteral:
      return {node.value};
    case Node::Is::kAttribute:
    case Node::Is::kIntrinsic: {
      const Span* of = node.of_parent ? trace_.Parent(span) : &span;
      if (of == nullptr) return {};
      return node.is == Node::Is::kIntrinsic ? Intrinsic(node.name, *of)
                                             : FindAttribute(node.scope, node.name, *of);
    }
    case Node::Is::kOperation:
      return Calculated(node, span);
    case Node::Is::kNil:
    case Node::Is::kAggregate:
    case Node::Is::kPipeline:
      break;
  }
  return {};
}

Data Judge::Calculated(const Node& node, const Span& span) const {
  const std::string& op = node.name;
  if (op == "!" || op == "&&" || op == "||" || IsComparison(op)) return {Holds(node, span)};
  const Data left = Values(node.args[0], span);
  Data out;
  if (node.args.size() == 1) {
    for (const Datum& value : left) {
      if (const auto* whole = std::get_if<int64_t>(&value)) out.emplace_back(-*whole);
      if (const auto* nanos = std::get_if<Elapsed>(&value))
        out.emplace_back(Elapsed{-nanos->count});
      if (const auto* number = std::get_if<double>(&value)) out.emplace_back(-*number);
    }
    return out;
  }
  // One value goes with each of several; several and several go in step.
  const Data right = Values(node.args[1], span);
  if (left.empty() || right.empty()) return {};
  size_t count = std::min(left.size(), right.size());
  if (count == 1) count = std::max(left.size(), right.size());
  for (size_t i = 0; i < count; ++i) {
    const auto value =
        Calculate(op, left[left.size() == 1 ? 0 : i], right[right.size() == 1 ? 0 : i]);
    if (value) out.push_back(*value);
  }
  return out;
}

bool Judge::Holds(const Node& node, const Span& span) const {
  if (node.IsOperation("!")) return !Holds(node.args[0], span);
  if (node.IsOperation("&&")) return Holds(node.args[0], span) && Holds(node.args[1], span);
  if (node.IsOperation("||")) return Holds(node.args[0], span) || Holds(node.args[1], span);
  if (node.is != Node::Is::kOperation || !IsComparison(node.name)) {
    const Data values = Values(node, span);
    return std::any_of(values.begin(), values.end(), [](const Datum& value) {
      const auto* truth = std::get_if<bool>(&value);
      return truth != nullptr && *truth;
    });
  }
  const Node& left = node.args[0];
  const Node& right = node.args[1];
  if (left.is == Node::Is::kNil && right.is == Node::Is::kNil) return false;
  if (left.is == Node::Is::kNil || right.is == Node::Is::kNil) {
    const bool absent = Values(left.is == Node::Is::kNil ? right : left, span).empty();
    return absent == (node.name == "=");
  }
  const bool ids = node.name != "=~" && node.name != "!~" &&
                   ((left.is == Node::Is::kIntrinsic && IsId(left.name)) ||
                    (right.is == Node::Is::kIntrinsic && IsId(right.name)));
  for (const Datum& a : Values(left, span)) {
    for (const Datum& b : Values(right, span)) {
      if (ids ? Compare(node.name, BareId(a), BareId(b)) : Compare(node.name, a, b)) return true;
    }
  }
  return false;
}

Data Judge::Intrinsic(const std::string& name, const Span& span) const {
  const Span* root = trace_.Root();
  if (name == "duration") return {Elapsed{span.Duration()}};
  if (name == "name") return {span.name};
  if (name == "status") return {Word{span.status}};
  if (name == "statusMessage") return {span.status_message};
  if (name == "kind") return {Word{span.kind}};
  if (name == "rootName") return root == nullptr ? Data{} : Data{root->name};
  if (name == "rootServiceName") return root == nullptr ? Data{} : Data{ServiceOf(*root)};
  if (name == "traceDuration") return {Elapsed{trace_.Duration()}};
  if (name == "trace:id") return {span.trace_id};
  if (name == "span:id") return {span.id};
  if (name == "span:parentID") return span.parent_id.empty() ? Data{} : Data{span.parent_id};
  if (name == "parent") return span.parent_id.empty() ? Data{} : Data{Array{}};
  if (name == "span:childCount") return {trace_.ChildCount(span)};
  if (name == "nestedSetLeft") return {trace_.Nest().at(&span).left};
  if (name == "nestedSetRight") return {trace_.Nest().at(&span).right};
  if (name == "nestedSetParent") return {trace_.Nest().at(&span).parent};
  if (name == "instrumentation:name") return {span.scope_name};
  if (name == "instrumentation:version") return {span.scope_version};
  Data values;
  for (const Event& event : span.events) {
    if (name == "event:name") values.emplace_back(event.name);
    if (name == "event:timeSinceStart") {
      values.emplace_back(Elapsed{static_cast<int64_t>(event.time - span.start)});
    }
  }
  for (const Link& link : span.links) {
    if (name == "link:traceID") values.emplace_back(link.trace_id);
    if (name == "link:spanID") values.emplace_back(link.span_id);
  }
  return values;
}

std::vector<const Span*> Judge::Select(const Spanset& spans, const Group& from) const {
  if (spans.op == "|") {
    std::set<const Span*> all;
    for (const Group& group : Run(spans.stages, from)) {
      all.insert(group.spans.begin(), group.spans.end());
    }
    std::vector<const Span*> sorted(all.begin(), all.end());
    std::sort(sorted.begin(), sorted.end(), IsBefore);
    return sorted;
  }
  if (spans.op == "!") {
    return Select(spans.args[0], from).empty() ? from.spans : std::vector<const Span*>();
  }
  if (!spans.op.empty()) return Relate(spans, from);
  std::vector<const Span*> selected;
  for (const Span* span : from.spans) {
    if (spans.condition.empty() || Holds(spans.condition[0], *span)) selected.push_back(span);
  }
  return selected;
}

std::vector<const Span*> Judge::Relate(const Spanset& spans, const Group& from) const {
  const std::vector<const Span*> left = Select(spans.args[0], from);
  const std::vector<const Span*> right = Select(spans.args[1], from);
  const auto is_in = [](const std::vector<const Span*>& some, const Span* span) {
    return std::find(some.begin(), some.end(), span) != some.end();
  };
  const std::string& op = spans.op;
  const bool negated = op[0] == '!';
  const bool united = op[0] == '&' && op != "&&";
  const std::string relation = negated || united ? op.substr(1) : op;
  std::vector<const Span*> result;
  for (const Span* span : from.spans) {
    const bool has_left = std::any_of(left.begin(), left.end(), [&](const Span* other) {
      return Related(relation, *other, *span);
    });
    const bool has_right = std::any_of(right.begin(), right.end(), [&](const Span* other) {
      return Related(relation, *span, *other);
    });
    bool in = false;
    if (op == "&&") {
      in = !left.empty() && !right.empty() && (is_in(left, span) || is_in(right, span));
    } else if (op == "||") {
      in = is_in(left, span) || is_in(right, span);
    } else {
      in = is_in(right, span) && has_left != negated;
      if (united) in = in || (is_in(left, span) && has_right);
    }
    if (in) result.push_back(span);
  }
  return result;
}

// Is `right` below `left` (>>), its child (>), ...?
bool Judge::Related(const std::string& relation, const Span& left, const Span& right) const {
  if (relation == ">>") return trace_.IsAncestor(left, right);
  if (relation == "<<") return trace_.IsAncestor(right, left);
  if (relation == ">") return trace_.Parent(right) == &left;
  if (relation == "<") return trace_.Parent(left) == &right;
  const Span* parent = trace_.Parent(left);
  return relation == "~" && &left != &right && parent != nullptr && parent == trace_.Parent(right);
}

std::vector<Group> Judge::Run(const Pipeline& pipeline) const {
  // A query may stand in parentheses.
  if (pipeline.size() == 1 && pipeline[0].what == "spans" && pipeline[0].spans[0].op == "|") {
    return Run(pipeline[0].spans[0].stages);
  }
  Group whole;
  for (const Span& span : trace_.spans()) whole.spans.push_back(&span);
  return Run(pipeline, whole);
}

std::vector<Group> Judge::Run(const Pipeline& pipeline, const Group& whole) const {
  std::vector<Group> groups = {whole};
  for (const Stage& stage : pipeline) {
    std::vector<Group> next;
    if (stage.what == "coalesce") {
      Group one;
      std::set<const Span*> all;
      for (const Group& group : groups) all.insert(group.spans.begin(), group.spans.end());
      one.spans.assign(all.begin(), all.end());
      std::sort(one.spans.begin(), one.spans.end(), IsBefore);
      if (!one.spans.empty()) next.push_back(std::move(one));
    } else {
      for (const Group& group : groups) {
        for (Group& made : Step(stage, group)) next.push_back(std::move(made));
      }
    }
    groups = std::move(next);
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) { return IsBefore(a.spans[0], b.spans[0]); });
  return groups;
}

std::vector<Group> Judge::Step(const Stage& stage, const Group& group) const {
  if (stage.what == "by") return By(stage.nodes[0], group);
  if (stage.what == "select") return {group};
  Group made = group;
  if (stage.what == "spans") {
    made.spans = Select(stage.spans[0], group);
    if (made.spans.empty()) return {};
    return {made};
  }
  // filter: a comparison of two scalars.
  const Node& comparison = stage.nodes[0];
  const auto left = Scalar(comparison.args[0], group);
  const auto right = Scalar(comparison.args[1], group);
  if (!left || !right || !Compare(comparison.name, left->number, right->number)) return {};
  if (comparison.args[0].is == Node::Is::kPipeline) {
    // What two pipelines were compared for is the spans of both.
    std::set<const Span*> all;
    for (const Node& side : comparison.args) {
      for (const Group& each : Run(side.stages, group)) {
        all.insert(each.spans.begin(), each.spans.end());
      }
    }
    if (all.empty()) return {};
    made.spans.assign(all.begin(), all.end());
    std::sort(made.spans.begin(), made.spans.end(), IsBefore);
    return {made};
  }
  Note(comparison, group, &made);
  return {made};
}

// Every aggregate of a comparison is shown.
void Judge::Note(const Node& node, const Group& group, Group* out) const {
  for (const Node& arg : node.args) {
    if (arg.is != Node::Is::kAggregate) {
      Note(arg, group, out);
      continue;
    }
    const std::optional<Amount> amount = Aggregated(arg, group);
    if (!amount) continue;
    std::string shown = Describe(amount->number);
    if (amount->elapsed) shown = Describe(Datum(GoDuration(*Number(amount->number))));
    out->aggregates.emplace_back(Print(Usual(arg)), shown);
  }
}

std::vector<Group> Judge::By(const Node& node, const Group& group) const {
  const bool bare = node.is == Node::Is::kAttribute && !node.spelling.empty();
  const std::string name = "by(" + Print(bare ? node : Usual(node)) + ")";
  std::vector<std::pair<std::string, Group>> groups;
  for (const Span* span : group.spans) {
    const Data values = Values(node, *span);
    const std::string value = values.empty() ? "nil" : Describe(values[0]);
    auto it = std::find_if(groups.begin(), groups.end(),
                           [&](const auto& each) { return each.first == value; });
    if (it == groups.end()) {
      Group fresh = group;
      fresh.spans.clear();
      Datum shown = std::string("nil");
      if (!values.empty()) shown = values[0];
      if (const auto* elapsed = std::get_if<Elapsed>(&shown)) {
        shown = GoDuration(static_cast<double>(elapsed->count));
      }
      fresh.by.emplace_back(name, ShowValue(shown));
      it = groups.emplace(groups.end(), value, std::move(fresh));
    }
    it->second.spans.push_back(span);
  }
  std::vector<Group> made;
  for (auto& [value, each] : groups) made.push_back(std::move(each));
  return made;
}

std::optional<Amount> Judge::Scalar(const Node& node, const Group& group) const {
  if (node.is == Node::Is::kAggregate) return Aggregated(node, group);
  if (node.is == Node::Is::kLiteral) return Amount{node.value};
  if (node.is == Node::Is::kPipeline) {
    const std::vector<Group> groups = Run(node.stages, group);
    return Scalar(node.args[0], groups.empty() ? Group() : groups[0]);
  }
  const auto left = Scalar(node.args[0], group);
  const auto right = Scalar(node.args[1], group);
  if (!left || !right) return std::nullopt;
  const auto result = Calculate(node.name, left->number, right->number);
  if (!result) return std::nullopt;
  return Amount{*result};
}

std::optional<Amount> Judge::Aggregated(const Node& node, const Group& group) const {
  if (node.name == "count") return Amount{static_cast<int64_t>(group.spans.size())};
  std::vector<double> numbers;
  bool whole = true;
  bool elapsed = false;
  for (const Span* span : group.spans) {
    const Data values = Values(node.args[0], *span);
    const auto number = values.empty() ? std::nullopt : Number(values[0]);
    if (!number) continue;
    numbers.push_back(*number);
    whole = whole && std::holds_alternative<int64_t>(values[0]);
    elapsed = elapsed || std::holds_alternative<Elapsed>(values[0]);
  }
  if (numbers.empty()) return std::nullopt;
  double sum = 0;
  for (const double number : numbers) sum += number;
  double result = sum;
  if (node.name == "avg") result = sum / static_cast<double>(numbers.size());
  if (node.name == "min") result = *std::min_element(numbers.begin(), numbers.end());
  if (node.name == "max") result = *std::max_element(numbers.begin(), numbers.end());
  if (whole && node.name != "avg") return Amount{static_cast<int64_t>(result)};
  return Amount{result, elapsed};
}

std::string Search(const std::vector<Span>& spans, const Pipeline& pipeline,
                   const SearchLimits& limits) {
  std::vector<Node> fields = FieldsOf(pipeline);
  const bool name_asked = std::any_of(fields.begin(), fields.end(), [](const Node& field) {
    return field.is == Node::Is::kIntrinsic && field.name == "name" && !field.of_parent;
  });
  std::erase_if(fields, StandsElsewhere);
  std::string out;
  size_t found = 0;
  for (const Trace& trace : TracesOf(spans)) {
    const Judge judge(trace);
    const std::vector<Group> groups = judge.Run(pipeline);
    if (!InRange(groups, limits) || found++ >= limits.traces) continue;
    const Span* root = trace.Root();
    out +=
        ShowTrace(trace.spans()[0].trace_id, trace.Start(), static_cast<uint64_t>(trace.Duration()),
                  root == nullptr ? "<root span not yet received>" : ServiceOf(*root),
                  root == nullptr ? "" : root->name);
    out += ShowServices(trace);
    for (const Group& group : groups) {
      out += ShowSpanset(group.spans.size());
      for (const auto& [key, value] : group.by) out += ShowAttribute(key, value);
      for (const auto& [key, value] : group.aggregates) out += ShowAttribute(key, value);
      size_t shown = 0;
      for (const Span* span : group.spans) {
        if (limits.spans_per_spanset != 0 && shown++ == limits.spans_per_spanset) break;
        out += ShowSpan(span->id, span->name, name_asked, span->start,
                        static_cast<uint64_t>(span->Duration()));
        for (const Node& field : fields) {
          const Data values = judge.Values(field, *span);
          const bool opaque = field.is == Node::Is::kIntrinsic && field.name == "parent";
          if (values.empty() || opaque) continue;
          out += ShowAttribute(KeyOf(field), ShowValue(values[0]));
        }
      }
    }
  }
  return out;
}

std::string ShowTrace(const std::string& id, uint64_t start, uint64_t duration,
                      const std::string& root_service, const std::string& root_name) {
  return "trace " + id + " at " + std::to_string(start) + " for " + std::to_string(duration) +
         " root \"" + root_service + "\" \"" + root_name + "\"\n";
}

std::string ShowService(const std::string& name, uint32_t spans, uint32_t errors) {
  return "  service \"" + name + "\" " + std::to_string(spans) + " errors " +
         std::to_string(errors) + "\n";
}

std::string ShowSpanset(size_t matched) { return "  set of " + std::to_string(matched) + "\n"; }

std::string ShowSpan(const std::string& id, const std::string& name, bool name_asked,
                     uint64_t start, uint64_t duration) {
  return "    span " + id + (name_asked ? " named \"" : " \"") + name + "\" at " +
         std::to_string(start) + " for " + std::to_string(duration) + "\n";
}

std::string ShowAttribute(const std::string& key, const std::string& value) {
  return "      " + key + " = " + value + "\n";
}

std::string ShowValue(const Datum& datum) {
  if (const auto* word = std::get_if<Word>(&datum)) return Describe(Datum(word->word));
  if (const auto* nanos = std::get_if<Elapsed>(&datum)) return Describe(Datum(nanos->count));
  return Describe(datum);
}

}  // namespace tocsin::oracle
