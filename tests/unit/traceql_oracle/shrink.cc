#include "tests/unit/traceql_oracle/shrink.h"

#include <utility>

namespace tocsin::oracle {
namespace {

std::vector<Pipeline> Smaller(const Pipeline& pipeline);

// `all` with one of its elements replaced by something smaller, by any of the ways there are.
template <class T, class Smaller>
std::vector<std::vector<T>> OneSmaller(const std::vector<T>& all, const Smaller& smaller) {
  std::vector<std::vector<T>> out;
  for (size_t i = 0; i < all.size(); ++i) {
    for (T& each : smaller(all[i])) {
      out.push_back(all);
      out.back()[i] = std::move(each);
    }
  }
  return out;
}

std::vector<Node> SmallerNodes(const Node& node) {
  std::vector<Node> out = node.args;
  for (auto& args : OneSmaller(node.args, SmallerNodes)) {
    out.push_back(node);
    out.back().args = std::move(args);
  }
  if (node.of_parent) {
    out.push_back(node);
    out.back().of_parent = false;
  }
  return out;
}

std::vector<Spanset> SmallerSpansets(const Spanset& spans) {
  std::vector<Spanset> out = spans.args;
  if (!spans.condition.empty()) out.push_back(Everything());
  for (const Stage& stage : spans.stages) {
    out.insert(out.end(), stage.spans.begin(), stage.spans.end());
  }
  for (auto& condition : OneSmaller(spans.condition, SmallerNodes)) {
    out.push_back(spans);
    out.back().condition = std::move(condition);
  }
  for (auto& args : OneSmaller(spans.args, SmallerSpansets)) {
    out.push_back(spans);
    out.back().args = std::move(args);
  }
  for (Pipeline& stages : Smaller(spans.stages)) {
    out.push_back(spans);
    out.back().stages = std::move(stages);
  }
  return out;
}

std::vector<Stage> SmallerStages(const Stage& stage) {
  std::vector<Stage> out;
  for (auto& spans : OneSmaller(stage.spans, SmallerSpansets)) {
    out.push_back(stage);
    out.back().spans = std::move(spans);
  }
  for (auto& nodes : OneSmaller(stage.nodes, SmallerNodes)) {
    out.push_back(stage);
    out.back().nodes = std::move(nodes);
  }
  return out;
}

std::vector<Pipeline> Smaller(const Pipeline& pipeline) {
  std::vector<Pipeline> out;
  for (size_t i = 0; pipeline.size() > 1 && i < pipeline.size(); ++i) {
    out.push_back(pipeline);
    out.back().erase(out.back().begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (Pipeline& each : OneSmaller(pipeline, SmallerStages)) out.push_back(std::move(each));
  return out;
}

// `metric` without one of the elements of one of its lists.
template <class List>
void Without(const Metric& metric, List Metric::* list, std::vector<Metric>* out) {
  for (size_t i = 0; i < (metric.*list).size(); ++i) {
    out->push_back(metric);
    List& all = out->back().*list;
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

std::vector<Metric> Smaller(const Metric& metric) {
  std::vector<Metric> out;
  for (const Metric& arg : metric.args) {
    if (arg.op != "number") out.push_back(arg);
  }
  Without(metric, &Metric::second, &out);
  Without(metric, &Metric::by, &out);
  if (metric.quantiles.size() > 1) Without(metric, &Metric::quantiles, &out);
  for (Pipeline& pipeline : Smaller(metric.pipeline)) {
    out.push_back(metric);
    out.back().pipeline = std::move(pipeline);
  }
  for (auto& args : OneSmaller(metric.args, [](const Metric& arg) { return Smaller(arg); })) {
    out.push_back(metric);
    out.back().args = std::move(args);
  }
  return out;
}

std::vector<Span> SmallerSpans(const Span& span) {
  std::vector<Span> out;
  const auto clear = [&](auto member) {
    if ((span.*member).empty()) return;
    out.push_back(span);
    (out.back().*member).clear();
  };
  clear(&Span::attributes);
  clear(&Span::resource);
  clear(&Span::scope_attributes);
  clear(&Span::events);
  clear(&Span::links);
  clear(&Span::status_message);
  clear(&Span::scope_name);
  clear(&Span::scope_version);
  clear(&Span::parent_id);
  for (const auto& [key, value] : span.attributes) {
    out.push_back(span);
    out.back().attributes.erase(key);
  }
  return out;
}

class Shrinker {
 public:
  Shrinker(Case found, const std::function<bool(const Case&)>& disagrees)
      : best_(std::move(found)), disagrees_(disagrees) {}

  Case Run() {
    bool smaller = true;
    while (smaller && tries_ > 0) {
      smaller = DropSpans();
      smaller = Simplify() || smaller;
    }
    return std::move(best_);
  }

 private:
  bool Try(Case smaller) {
    if (--tries_ < 0 || !disagrees_(smaller)) return false;
    best_ = std::move(smaller);
    return true;
  }

  // Half of the spans at once, then fewer, then single ones.
  bool DropSpans() {
    bool dropped = false;
    for (size_t size = best_.spans.size() / 2; size > 0; size /= 2) {
      for (size_t begin = 0; begin + size <= best_.spans.size();) {
        Case smaller = best_;
        const auto at = smaller.spans.begin() + static_cast<std::ptrdiff_t>(begin);
        smaller.spans.erase(at, at + static_cast<std::ptrdiff_t>(size));
        if (Try(std::move(smaller))) {
          dropped = true;
        } else {
          begin += size;
        }
      }
    }
    return dropped;
  }

  bool Simplify() {
    if (!(best_.limits == SearchLimits())) {
      Case smaller = best_;
      smaller.limits = {};
      if (Try(std::move(smaller))) return true;
    }
    for (Pipeline& pipeline : Smaller(best_.pipeline)) {
      Case smaller = best_;
      smaller.pipeline = std::move(pipeline);
      if (Try(std::move(smaller))) return true;
    }
    for (Metric& metric : best_.metric ? Smaller(*best_.metric) : std::vector<Metric>()) {
      Case smaller = best_;
      smaller.metric = std::move(metric);
      if (Try(std::move(smaller))) return true;
    }
    for (auto& spans : OneSmaller(best_.spans, SmallerSpans)) {
      Case smaller = best_;
      smaller.spans = std::move(spans);
      if (Try(std::move(smaller))) return true;
    }
    return false;
  }

  Case best_;
  const std::function<bool(const Case&)>& disagrees_;
  int tries_ = 3'000;
};

}  // namespace

Case Shrink(Case found, const std::function<bool(const Case&)>& disagrees) {
  return Shrinker(std::move(found), disagrees).Run();
}

}  // namespace tocsin::oracle
