#include "tests/unit/traceql_oracle/generator.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <tuple>

namespace tocsin::oracle {
namespace {

const std::vector<std::string> kKeys = {"p", "q", "r", "s", "http.status", "a b"};
const std::vector<std::string> kOrder = {"=", "!=", "<", "<=", ">", ">="};
const std::vector<std::string> kEquality = {"=", "!="};

std::string Hex(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

Generator::Generator(uint64_t seed) : random_(seed), base_(1'800'000'000'000'000'000) {
  // With the last, spans lie in many minutes, some at their edges.
  unit_ = OneOf<uint64_t>({1, 1'000'000, 400'000'000, 20'000'000'000});
  const size_t traces = 1 + Pick(7);
  for (size_t i = 0; i < traces; ++i) {
    trace_ids_.push_back(OneIn(2) ? Hex(0) + Hex(i + 1) : Hex(random_()) + Hex(i));
  }
}

Datum Generator::Value() {
  const auto plain = [this](size_t type) -> Datum {
    switch (type) {
      case 0:
        return OneOf<int64_t>({-1, 0, 1, 2, 3, 500});
      case 1:
        return OneOf<double>({0.5, 1, 2.5, -1});
      case 2:
        return OneIn(2);
      default:
        return OneOf<std::string>({"", "a", "ab", "b", "B", "1", "api"});
    }
  };
  const size_t type = Pick(5);
  if (!OneIn(6)) return plain(type);
  Array array;
  const size_t count = Pick(4);
  for (size_t i = 0; i < count; ++i) array.push_back(plain(type));
  return array;
}

Attributes Generator::SomeAttributes(size_t most) {
  Attributes attributes;
  const size_t count = Pick(most + 1);
  for (size_t i = 0; i < count; ++i) attributes[OneOf(kKeys)] = Value();
  return attributes;
}

Span Generator::MakeSpan(const std::string& trace, size_t number, size_t of) {
  Span span;
  span.trace_id = trace;
  span.id = Hex(OneIn(15) ? 1 + Pick(of) : number);
  const size_t parent = Pick(10);
  if (number > 1 && parent > 0) {
    span.parent_id = Hex(1 + Pick(number - 1));
    if (parent == 1) span.parent_id = Hex(1 + Pick(of));  // Perhaps itself or one below it.
    if (parent == 2) span.parent_id = Hex(0x999);         // Not received.
  } else if (OneIn(12)) {
    span.parent_id = Hex(1 + Pick(of));
  }
  span.start = base_ + unit_ * Pick(OneIn(3) ? 4 : 300);
  span.end = span.start + unit_ * Pick(60);
  if (OneIn(12)) span.end = span.start - unit_ * Pick(30);
  span.name = OneOf<std::string>({"a", "b", "ab", "", "GET /x"});
  span.status = OneOf<std::string>({"unset", "ok", "error"});
  if (OneIn(3)) span.status_message = OneOf<std::string>({"boom", "a"});
  span.kind =
      OneOf<std::string>({"unspecified", "internal", "server", "client", "producer", "consumer"});
  span.attributes = SomeAttributes(4);
  span.resource = SomeAttributes(2);
  if (!OneIn(6)) span.resource["service.name"] = OneOf<std::string>({"api", "db", "", "web"});
  span.scope_name = OneOf<std::string>({"", "lib", "a"});
  span.scope_version = OneOf<std::string>({"", "1"});
  if (OneIn(3)) span.scope_attributes = SomeAttributes(2);
  for (size_t i = OneIn(3) ? Pick(4) : 0; i > 0; --i) {
    span.events.push_back(
        {span.start + unit_ * Pick(40), OneOf<std::string>({"e", "f", ""}), SomeAttributes(2)});
  }
  for (size_t i = OneIn(4) ? Pick(3) : 0; i > 0; --i) {
    span.links.push_back({OneOf(trace_ids_), Hex(1 + Pick(5)), SomeAttributes(2)});
  }
  return span;
}

std::vector<Span> Generator::Spans() {
  std::vector<Span> spans;
  // Of two spans with the same id and times the store may keep either.
  std::set<std::tuple<std::string, std::string, uint64_t, uint64_t>> seen;
  for (const std::string& trace : trace_ids_) {
    const size_t count = 1 + Pick(9);
    for (size_t number = 1; number <= count; ++number) {
      Span span = MakeSpan(trace, number, count);
      if (seen.emplace(trace, span.id, span.start, span.end).second) {
        spans.push_back(std::move(span));
      }
    }
  }
  std::shuffle(spans.begin(), spans.end(), random_);
  return spans;
}

SearchLimits Generator::Limits() {
  SearchLimits limits;
  limits.traces = OneIn(3) ? 1 + Pick(3) : 20;
  limits.spans_per_spanset = OneOf<size_t>({0, 0, 1, 3});
  if (OneIn(3)) {
    limits.start = base_ + unit_ * Pick(300);
    limits.end = limits.start + unit_ * Pick(100);
  }
  return limits;
}

Node Generator::AnyAttribute() {
  const std::string key = OneIn(12) ? "absent" : OneIn(8) ? "service.name" : OneOf(kKeys);
  Node node = Attribute(
      OneOf<std::string>({"", "", "span", "span", "resource", "event", "link", "instrumentation"}),
      key);
  if (OneIn(8) && (node.scope == "span" || node.scope == "resource" || node.scope.empty())) {
    return OfParent(std::move(node));
  }
  if (node.scope.empty() && key != "a b" && OneIn(3)) node.spelling = key;  // A bare word.
  return node;
}

Node Generator::SomeIntrinsic(const std::vector<std::string>& names) {
  Node node = Intrinsic(OneOf(names));
  const std::string& name = node.name;
  if (OneIn(2)) {
    if (name == "duration" || name == "name" || name == "status" || name == "statusMessage" ||
        name == "kind") {
      node.spelling = "span:" + name;
    }
    if (name == "traceDuration") node.spelling = "trace:duration";
    if (name == "rootName") node.spelling = "trace:rootName";
    if (name == "rootServiceName") node.spelling = "trace:rootService";
  } else if (OneIn(6) && name.find(':') == std::string::npos && name.find("Set") == name.npos &&
             name != "traceDuration" && name.find("root") == name.npos) {
    node.of_parent = true;
  }
  return node;
}

Node Generator::NumberNode(int depth) {
  if (depth > 0 && OneIn(2)) {
    const auto op = OneOf<std::string>({"+", "-", "*", "/", "%", "^", "-1"});
    if (op == "-1") return Operation("-", {NumberNode(depth - 1)});
    Node left = NumberNode(depth - 1);
    if (op == "^") return Operation(op, {left, Literal(int64_t{2})});
    if (op == "/" || op == "%") {
      return Operation(op, {left, OneIn(2) ? Literal(OneOf<int64_t>({2, 3, -1}))
                                           : Attribute("span", OneOf(kKeys))});
    }
    return Operation(op, {left, NumberNode(depth - 1)});
  }
  switch (Pick(6)) {
    case 0:
      return Literal(OneOf<int64_t>({0, 1, 2, -1, 500}));
    case 1:
      return Literal(OneOf<double>({0.5, 1, 2.5}));
    case 2:
      return Literal(Elapsed{static_cast<int64_t>(unit_ * Pick(60))});
    case 3:
      return SomeIntrinsic({"duration", "traceDuration", "span:childCount", "nestedSetLeft",
                            "nestedSetRight", "nestedSetParent", "event:timeSinceStart"});
    default:
      return AnyAttribute();
  }
}

Node Generator::OfIntrinsic() {
  switch (Pick(8)) {
    case 0:
      return Operation(
          OneOf(kEquality),
          {SomeIntrinsic({"status"}), Literal(Word{OneOf<std::string>({"error", "ok", "unset"})})});
    case 1:
      return Operation(OneOf(kEquality),
                       {SomeIntrinsic({"kind"}),
                        Literal(Word{OneOf<std::string>({"server", "client", "unspecified"})})});
    case 2:
      return Operation(OneOf(kOrder), {SomeIntrinsic({"duration", "traceDuration"}),
                                       Literal(Elapsed{static_cast<int64_t>(unit_ * Pick(60))})});
    case 3: {
      Node id = SomeIntrinsic({"span:id", "span:parentID", "link:spanID"});
      return Operation(OneOf(kEquality),
                       {id, Literal(OneOf<std::string>({"1", "2", "0000000000000003", "04"}))});
    }
    case 4:
      return Operation(OneOf(kEquality),
                       {SomeIntrinsic({"trace:id", "link:traceID"}), Literal(OneOf(trace_ids_))});
    case 5: {
      Node node;
      return Operation(OneOf(kEquality), {Intrinsic("parent"), node});
    }
    default: {
      Node text = SomeIntrinsic({"name", "statusMessage", "rootName", "rootServiceName",
                                 "event:name", "instrumentation:name", "instrumentation:version"});
      if (OneIn(3)) {
        return Operation(OneOf<std::string>({"=~", "!~"}),
                         {text, Literal(OneOf<std::string>({"a.*", "b", "", ".+", "(e|api)"}))});
      }
      return Operation(OneOf(kOrder),
                       {text, Literal(OneOf<std::string>({"a", "b", "", "api", "e", "lib", "1"}))});
    }
  }
}

Node Generator::Comparison(int depth) {
  switch (Pick(9)) {
    case 0:
      return AnyAttribute();
    case 1: {
      Node nil;
      return Operation(OneOf(kEquality),
                       {Attribute(OneOf<std::string>({"", "span", "event"}), OneOf(kKeys)), nil});
    }
    case 2:
      return Operation(OneOf<std::string>({"=~", "!~"}),
                       {AnyAttribute(), Literal(OneOf<std::string>({"a.*", "b", "", "[ab]+"}))});
    case 3:
      return Operation(OneOf(kOrder), {NumberNode(depth), NumberNode(depth)});
    case 4:
    case 5:
      return OfIntrinsic();
    default: {
      Datum value = Value();
      while (std::holds_alternative<Array>(value)) value = Value();
      const bool truth = std::holds_alternative<bool>(value);
      Node attribute = AnyAttribute();
      Node literal = Literal(std::move(value));
      if (OneIn(5)) std::swap(attribute, literal);
      return Operation(truth ? OneOf(kEquality) : OneOf(kOrder), {attribute, literal});
    }
  }
}

Node Generator::Condition(int depth) {
  if (depth == 0 || OneIn(3)) return Comparison(1);
  switch (Pick(6)) {
    case 0:
      return Operation("!", {Condition(depth - 1)});
    case 1: {
      Node other = OneIn(2) ? Literal(OneIn(2)) : Attribute("span", OneOf(kKeys));
      return Operation(OneOf(kEquality), {OfIntrinsic(), std::move(other)});
    }
    case 2:
    case 3:
      return Operation("&&", {Condition(depth - 1), Condition(depth - 1)});
    default:
      return Operation("||", {Condition(depth - 1), Condition(depth - 1)});
  }
}

Spanset Generator::Spans(int depth) {
  if (depth > 0 && OneIn(3)) {
    return Combine(OneOf<std::string>({"&&", "||", ">>", "<<", ">", "<", "~", "!>>", "!<<", "!>",
                                       "!<", "!~", "&>>", "&<<", "&>", "&<", "&~"}),
                   Spans(depth - 1), Spans(depth - 1));
  }
  if (depth > 0 && OneIn(12)) {
    Spanset nested;
    nested.op = "|";
    nested.stages = Stages(depth - 1);
    // A pipeline inside another is no TraceQL but ours; whose spansets its coalesce() merges is
    // open.
    std::erase_if(nested.stages, [](const Stage& stage) { return stage.what == "coalesce"; });
    // Of what is one filter the parentheses are just parentheses.
    if (nested.stages.size() > 1) return nested;
  }
  if (depth > 0 && OneIn(12)) {
    Spanset none;
    none.op = "!";
    none.args.push_back(OneIn(3) ? Everything() : Filter(Condition(1)));
    return none;
  }
  return OneIn(8) ? Everything() : Filter(Condition(2));
}

Node Generator::ScalarNode(int depth) {
  if (depth > 0 && OneIn(5)) {
    return Operation(OneOf<std::string>({"+", "-", "*"}),
                     {ScalarNode(depth - 1), ScalarNode(depth - 1)});
  }
  if (OneIn(3)) return Aggregate("count");
  Node of = OneOf<Node>({Attribute("span", OneOf(kKeys)), AnyAttribute(), Intrinsic("duration"),
                         Intrinsic("span:childCount")});
  if (OneIn(5)) of = Operation("*", {std::move(of), Literal(int64_t{2})});
  return Aggregate(OneOf<std::string>({"min", "max", "avg", "sum"}), {std::move(of)});
}

Stage Generator::HavingStage() {
  if (OneIn(8)) {
    Node first = Piped({Take(Spans(0))}, ScalarNode(0));
    Node second = Piped({Take(Spans(0))}, ScalarNode(0));
    return Step("filter", {Operation(OneOf(kOrder), {std::move(first), std::move(second)})});
  }
  Node left = ScalarNode(1);
  const bool elapsed = Print(left).find("duration") != std::string::npos;
  Node right = elapsed ? Literal(Elapsed{static_cast<int64_t>(unit_ * Pick(60))})
                       : Literal(OneOf<int64_t>({0, 1, 2, 3, 4}));
  if (OneIn(6)) right = ScalarNode(0);
  if (OneIn(6)) std::swap(left, right);
  return Step("filter", {Operation(OneOf(kOrder), {std::move(left), std::move(right)})});
}

Pipeline Generator::Stages(int depth) {
  Pipeline stages;
  if (!OneIn(8)) stages.push_back(Take(Spans(depth)));
  const size_t count = stages.empty() ? 1 + Pick(3) : OneOf<size_t>({0, 0, 1, 2, 3});
  for (size_t i = 0; i < count; ++i) {
    switch (Pick(6)) {
      case 0:
        stages.push_back(Take(Spans(1)));
        break;
      case 1:
        if (!stages.empty()) stages.push_back(Step("coalesce", {}));
        break;
      case 2:
        stages.push_back(Step("select", {AnyAttribute(), SomeIntrinsic({"name", "kind", "duration",
                                                                        "span:childCount"})}));
        break;
      case 3:
        stages.push_back(HavingStage());
        break;
      default:
        stages.push_back(
            Step("by", {OneIn(3) ? SomeIntrinsic({"name", "status", "kind", "rootServiceName"})
                                 : AnyAttribute()}));
    }
  }
  if (stages.empty()) stages.push_back(HavingStage());
  return stages;
}

Pipeline Generator::Query() {
  if (OneIn(2)) return {Take(Spans(1))};
  return Stages(2);
}

Metric Generator::MetricLeaf() {
  Metric metric;
  metric.pipeline = OneIn(4) ? Stages(1) : Pipeline{Take(Spans(1))};
  metric.function = OneOf<std::string>({"rate", "count_over_time", "min_over_time", "max_over_time",
                                        "avg_over_time", "sum_over_time", "quantile_over_time",
                                        "histogram_over_time"});
  if (metric.function != "rate" && metric.function != "count_over_time") {
    metric.argument.push_back(
        OneIn(2) ? Intrinsic(OneOf<std::string>({"duration", "traceDuration", "span:childCount"}))
                 : Attribute(OneOf<std::string>({"", "span", "event"}), OneOf(kKeys)));
  }
  if (metric.function == "quantile_over_time") {
    metric.quantiles = OneOf<std::vector<double>>({{0.5}, {0, 0.9, 1}, {0.25, 0.99}});
  }
  for (size_t i = OneIn(2) ? 1 + Pick(2) : 0; i > 0; --i) {
    metric.by.push_back(
        OneIn(3) ? Intrinsic(OneOf<std::string>({"name", "status", "kind", "rootName"}))
                 : Attribute(OneOf<std::string>({"span", "resource", ""}), OneOf(kKeys)));
  }
  for (Node& field : metric.by) {
    if (field.is == Node::Is::kAttribute && field.scope.empty() && field.name != "a b" &&
        OneIn(2)) {
      field.spelling = field.name;
    }
  }
  if (metric.by.size() == 2 && Print(metric.by[0]) == Print(metric.by[1])) metric.by.pop_back();
  return metric;
}

// What dashboards ask, which a store may answer from counts.
Node Generator::CountedCondition() {
  switch (Pick(6)) {
    case 0:
      return Operation(OneOf(kEquality),
                       {Intrinsic("status"), Literal(Word{OneOf<std::string>({"error", "ok"})})});
    case 1:
      return Operation(OneOf(kEquality), {Intrinsic("kind"),
                                          Literal(Word{OneOf<std::string>({"server", "client"})})});
    case 2:
      return Operation("<", {Intrinsic("nestedSetParent"), Literal(int64_t{0})});
    case 3:
      return Operation(OneOf<std::string>({"=~", "!~"}),
                       {Attribute("resource", "service.name"),
                        Literal(OneOf<std::string>({"api|db", "w.*", ""}))});
    case 4: {
      Node nil;
      return Operation(OneOf(kEquality), {Intrinsic("parent"), nil});
    }
    default:
      return Operation(OneOf(kOrder), {Attribute("resource", "service.name"),
                                       Literal(OneOf<std::string>({"api", "db", "", "nowhere"}))});
  }
}

Metric Generator::CountedLeaf() {
  Metric metric;
  Spanset spans = OneIn(3) ? Everything() : Filter(CountedCondition());
  if (OneIn(3)) {
    spans = Filter(
        Operation(OneOf<std::string>({"&&", "||"}), {CountedCondition(), CountedCondition()}));
  }
  metric.pipeline = {Take(std::move(spans))};
  if (OneIn(6)) metric.pipeline.push_back(Take(Filter(CountedCondition())));
  metric.function =
      OneOf<std::string>({"rate", "count_over_time", "quantile_over_time", "histogram_over_time"});
  if (metric.function != "rate" && metric.function != "count_over_time") {
    metric.argument.push_back(Intrinsic("duration"));
  }
  if (metric.function == "quantile_over_time") metric.quantiles = {0, 0.5, 0.99};
  if (OneIn(2)) metric.by.push_back(Attribute("resource", "service.name"));
  if (OneIn(3)) metric.by.push_back(Intrinsic(OneOf<std::string>({"status", "kind"})));
  return metric;
}

Metric Generator::MetricsQuery() {
  Metric metric = OneIn(3) ? CountedLeaf() : MetricLeaf();
  if (OneIn(4)) {
    Metric other = metric;  // With labels that meet.
    other.function = OneOf<std::string>({"rate", "count_over_time"});
    other.argument.clear();
    other.quantiles.clear();
    if (OneIn(2)) other.pipeline = {Take(Everything())};
    if (OneIn(4)) other.by.clear();
    if (OneIn(3)) {
      other = Metric();
      other.op = "number";
      other.number = OneOf<double>({2, 0.5, 100});
    }
    Metric both;
    both.op = OneOf<std::string>({"+", "-", "*", "/"});
    both.args = {std::move(metric), std::move(other)};
    if (OneIn(3)) std::swap(both.args[0], both.args[1]);
    metric = std::move(both);
  }
  for (size_t i = OneIn(3) ? 1 + Pick(2) : 0; i > 0; --i) {
    SecondStage second{OneOf<std::string>({"topk", "bottomk", ">", "<=", "=", "!=", ">="}), 0};
    second.number =
        second.op.ends_with("k") ? 1 + static_cast<double>(Pick(3)) : OneOf<double>({0, 1, 0.5, 2});
    metric.second.push_back(second);
  }
  return metric;
}

MetricsRange Generator::Range() {
  MetricsRange range;
  range.start = base_ + unit_ * Pick(200);
  range.end = range.start + unit_ * (1 + Pick(300));
  range.step = unit_ * OneOf<uint64_t>({30, 64, 100, 150, 1'000});
  range.instant = OneIn(5);
  return range;
}

}  // namespace tocsin::oracle
