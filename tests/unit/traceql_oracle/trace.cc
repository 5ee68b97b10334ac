#include "tests/unit/traceql_oracle/trace.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <tuple>

namespace tocsin::oracle {
namespace {

std::string Describe(const Attributes& attributes) {
  std::string out = "{";
  for (const auto& [key, value] : attributes) {
    out.append(out.size() > 1 ? ", " : "").append(key).append("=").append(Describe(value));
  }
  return out + "}";
}

}  // namespace

Trace::Trace(std::vector<Span> spans) {
  std::stable_sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return std::tie(a.start, a.id, a.end) < std::tie(b.start, b.id, b.end);
  });
  std::set<std::tuple<uint64_t, std::string, uint64_t>> seen;
  for (Span& span : spans) {
    if (seen.emplace(span.start, span.id, span.end).second) spans_.push_back(std::move(span));
  }
}

uint64_t Trace::Start() const { return spans_.front().start; }

int64_t Trace::Duration() const {
  uint64_t end = 0;
  // A span that ends before it starts counts as ending where it starts.
  for (const Span& span : spans_) end = std::max({end, span.start, span.end});
  return end > Start() ? static_cast<int64_t>(end - Start()) : 0;
}

const Span* Trace::Root() const {
  for (const Span& span : spans_) {
    if (span.parent_id.empty()) return &span;
  }
  return nullptr;
}

const Span* Trace::Parent(const Span& span) const {
  if (span.parent_id.empty() || span.parent_id == span.id) return nullptr;
  for (const Span& other : spans_) {
    if (other.id == span.parent_id) return &other;
  }
  return nullptr;
}

bool Trace::IsAncestor(const Span& other, const Span& span) const {
  if (&other == &span) return false;
  std::set<const Span*> met;
  const Span* at = Parent(span);
  while (at != nullptr && met.insert(at).second) {
    if (at == &other) return true;
    at = Parent(*at);
  }
  return false;
}

int64_t Trace::ChildCount(const Span& span) const {
  return std::count_if(spans_.begin(), spans_.end(),
                       [&](const Span& other) { return Parent(other) == &span; });
}

std::map<const Span*, Trace::Nesting> Trace::Nest() const {
  std::map<const Span*, Nesting> nesting;
  for (const Span& span : spans_) nesting[&span];
  int64_t number = 0;
  for (const Span& span : spans_) {
    if (span.parent_id.empty()) NestBelow(span, -1, &number, &nesting);
  }
  return nesting;
}

void Trace::NestBelow(const Span& span, int64_t parent, int64_t* number,
                      std::map<const Span*, Nesting>* nesting) const {
  Nesting& mine = (*nesting)[&span];
  mine.left = ++*number;
  mine.parent = parent;
  for (const Span& other : spans_) {
    if (Parent(other) == &span) NestBelow(other, mine.left, number, nesting);
  }
  mine.right = ++*number;
}

std::vector<Trace> TracesOf(const std::vector<Span>& spans) {
  std::map<std::string, std::vector<Span>> by_id;
  for (const Span& span : spans) by_id[span.trace_id].push_back(span);
  std::vector<Trace> traces;
  for (auto& [id, of_trace] : by_id) traces.emplace_back(std::move(of_trace));
  std::stable_sort(traces.begin(), traces.end(),
                   [](const Trace& a, const Trace& b) { return a.Start() > b.Start(); });
  return traces;
}

std::string Describe(const Datum& datum) {
  const auto describe = [](const auto& value) -> std::string {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::is_same_v<T, double>) {
      char text[40];
      std::snprintf(text, sizeof(text), "%.12g", value);
      return std::string("float ") + text;
    } else if constexpr (std::is_same_v<T, std::string>) {
      return '"' + value + '"';
    } else if constexpr (std::is_same_v<T, Word>) {
      return value.word;
    } else if constexpr (std::is_same_v<T, Elapsed>) {
      return std::to_string(value.count) + "ns";
    } else if constexpr (std::is_same_v<T, Array>) {
      std::string out = "[";
      for (const Datum& item : value) out += (out.size() > 1 ? ", " : "") + Describe(item);
      return out + "]";
    } else {
      return std::to_string(value);
    }
  };
  return std::visit(describe, datum.base());
}

std::string Describe(const std::vector<Span>& spans) {
  std::string out;
  for (const Span& span : spans) {
    out += "  trace " + span.trace_id + " span " + span.id + " parent " +
           (span.parent_id.empty() ? "-" : span.parent_id) + " [" + std::to_string(span.start) +
           ", " + std::to_string(span.end) + "] \"" + span.name + "\" " + span.status + " \"" +
           span.status_message + "\" " + span.kind + " " + Describe(span.attributes) +
           " resource " + Describe(span.resource) + " scope \"" + span.scope_name + "\" \"" +
           span.scope_version + "\" " + Describe(span.scope_attributes);
    for (const Event& event : span.events) {
      out += " event @" + std::to_string(event.time) + " \"" + event.name + "\" " +
             Describe(event.attributes);
    }
    for (const Link& link : span.links) {
      out += " link " + link.trace_id + " " + link.span_id + " " + Describe(link.attributes);
    }
    out += "\n";
  }
  return out;
}

}  // namespace tocsin::oracle
