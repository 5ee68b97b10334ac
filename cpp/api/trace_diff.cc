#include "cpp/api/trace_diff.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <ranges>
#include <tuple>
#include <unordered_map>

#include "cpp/model/span_words.h"

namespace tocsin::api {
namespace {

using Span = DiffTrace::Span;
using Attr = SpanBatch::Attr;
using Change = TraceDiff::Change;

// Attributes that measure something: a small difference is none. From OpenTelemetry's semantic
// conventions, old names included.
constexpr std::array<std::string_view, 24> kMeasures = {
    "app.jank.period",
    "file.size",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.completion_tokens",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.reasoning.output_tokens",
    "http.request.body.size",
    "http.request.size",
    "http.request_content_length",
    "http.request_content_length_uncompressed",
    "http.response.body.size",
    "http.response.size",
    "http.response_content_length",
    "http.response_content_length_uncompressed",
    "message.compressed_size",
    "message.uncompressed_size",
    "messaging.message.body.size",
    "messaging.message.envelope.size",
    "rpc.message.compressed_size",
    "rpc.message.uncompressed_size",
};

// Attributes that are looked at to find spans that differ in nothing. Beyond it (thousands of spans
// that are nearly alike) they are paired by parent and status alone.
constexpr size_t kMaxLooks = 32'000'000;
constexpr size_t kLooksBetweenQuestions = 100'000;

bool Close(double a, double b, double relative, double absolute) {
  return std::abs(a - b) <= absolute + relative * std::max(std::abs(a), std::abs(b));
}

bool DurationsDiffer(const Span& a, const Span& b) {
  if (!a.valid_duration || !b.valid_duration) return a.valid_duration != b.valid_duration;
  return !Close(static_cast<double>(a.duration), static_cast<double>(b.duration), 0.25, 1e6);
}

std::optional<double> NumberOf(const SpanBatch& batch, Attr attr) {
  switch (batch.keys[attr.key].type) {
    case ValueType::kInt:
      return static_cast<double>(batch.ints[attr.value]);
    case ValueType::kDouble:
      return batch.doubles[attr.value];
    default:
      return std::nullopt;
  }
}

bool ValuesDiffer(std::string_view key, const SpanBatch& base, Attr before,
                  const SpanBatch& compare, Attr after) {
  const ValueType type = base.keys[before.key].type;
  const bool same_type = type == compare.keys[after.key].type;
  const std::optional<double> a = NumberOf(base, before);
  const std::optional<double> b = NumberOf(compare, after);
  if (a && b) {
    if (std::ranges::binary_search(kMeasures, key)) return !Close(*a, *b, 0.05, 0);
    if (same_type && type == ValueType::kInt) {
      return base.ints[before.value] != compare.ints[after.value];
    }
    return *a != *b && !(std::isnan(*a) && std::isnan(*b));
  }
  if (!same_type) return true;
  switch (type) {
    case ValueType::kBool:
      return before.value != after.value;
    case ValueType::kString:
    case ValueType::kBytes:
    case ValueType::kComposite:
      return base.strings[before.value] != compare.strings[after.value];
    default:
      return false;
  }
}

std::vector<std::pair<std::string_view, Attr>> AttrsOf(const SpanBatch& batch, uint32_t row) {
  std::map<std::string_view, Attr> last;
  for (uint32_t i = batch.attr_begin[row]; i < batch.attr_begin[row + 1]; ++i) {
    last[batch.strings[batch.keys[batch.attrs[i].key].name]] = batch.attrs[i];
  }
  return {last.begin(), last.end()};
}

Span SpanOf(const SpanBatch& batch, uint32_t row, uint32_t parent, uint32_t index) {
  Span span{.row = row, .parent = parent, .index = index};
  const SpanBatch::AttrRange attrs{batch.attr_begin[row], batch.attr_begin[row + 1]};
  span.service = batch.FindString(attrs, "service.name");
  if (span.service.empty()) span.service = batch.ServiceName(row);
  span.name = batch.strings[batch.name[row]];
  span.kind = KindWord(batch.kind[row]);
  span.status = StatusWord(batch.status[row]);
  span.valid_duration = batch.start[row] > 0 && batch.end[row] >= batch.start[row];
  if (span.valid_duration) span.duration = static_cast<int64_t>(batch.Duration(row));
  span.attrs = AttrsOf(batch, row);
  return span;
}

// Changes of one pair, fields first.
class Changes {
 public:
  Changes(const SpanBatch& base, const SpanBatch& compare) : base_(base), compare_(compare) {}

  std::vector<Change> Of(const Span& before, const Span& after) const {
    std::vector<Change> changes;
    if (DurationsDiffer(before, after)) changes.push_back({.target = Change::Target::kDuration});
    if (before.status != after.status) changes.push_back({.target = Change::Target::kStatus});
    auto a = before.attrs.begin();
    auto b = after.attrs.begin();
    while (a != before.attrs.end() || b != after.attrs.end()) {
      if (b == after.attrs.end() || (a != before.attrs.end() && a->first < b->first)) {
        changes.push_back({.op = Change::Op::kRemove, .key = a->first, .before = a->second});
        ++a;
      } else if (a == before.attrs.end() || b->first < a->first) {
        changes.push_back({.op = Change::Op::kAdd, .key = b->first, .after = b->second});
        ++b;
      } else {
        if (ValuesDiffer(a->first, base_, a->second, compare_, b->second)) {
          changes.push_back({.key = a->first, .before = a->second, .after = b->second});
        }
        ++a;
        ++b;
      }
    }
    return changes;
  }

  bool Any(const Span& before, const Span& after) const {
    if (DurationsDiffer(before, after) || before.status != after.status ||
        before.attrs.size() != after.attrs.size()) {
      return true;
    }
    for (size_t i = 0; i < before.attrs.size(); ++i) {
      if (before.attrs[i].first != after.attrs[i].first ||
          ValuesDiffer(before.attrs[i].first, base_, before.attrs[i].second, compare_,
                       after.attrs[i].second)) {
        return true;
      }
    }
    return false;
  }

 private:
  const SpanBatch& base_;
  const SpanBatch& compare_;
};

// Numbers for operations, the same in both traces.
class Operations {
 public:
  std::vector<uint32_t> Of(const DiffTrace& trace) {
    std::vector<uint32_t> of;
    for (const Span& span : trace.spans()) {
      const auto [found, added] = numbers_.emplace(std::tuple(span.service, span.name, span.kind),
                                                   static_cast<uint32_t>(numbers_.size()));
      of.push_back(found->second);
    }
    return of;
  }
  size_t size() const { return numbers_.size(); }

 private:
  std::map<std::tuple<std::string_view, std::string_view, std::string_view>, uint32_t> numbers_;
};

// Spans of both traces that are one operation, in their order.
struct Group {
  std::vector<uint32_t> base;
  std::vector<uint32_t> compare;
};

class Matcher {
 public:
  Matcher(const DiffTrace& base, const DiffTrace& compare,
          const std::function<Status()>& interrupted)
      : base_(base),
        compare_(compare),
        interrupted_(interrupted),
        changes_(base.batch(), compare.batch()),
        base_operation_(operations_.Of(base)),
        compare_operation_(operations_.Of(compare)),
        groups_(operations_.size()),
        match_(compare.spans().size(), DiffTrace::kNone) {
    for (uint32_t i = 0; i < base_operation_.size(); ++i) {
      groups_[base_operation_[i]].base.push_back(i);
    }
    for (uint32_t i = 0; i < compare_operation_.size(); ++i) {
      groups_[compare_operation_[i]].compare.push_back(i);
    }
  }

  // The span of the base for each of the compared trace, or kNone.
  Result<std::vector<uint32_t>> Match() && {
    for (Group group : groups_) {
      Pair(&group, true, true, true);
      Pair(&group, true, true, false);
      Pair(&group, true, false, false);
      Pair(&group, false, true, true);
      Pair(&group, false, true, false);
      Pair(&group, false, false, false);
      TOCSIN_RETURN_IF_ERROR(status_);
    }
    return std::move(match_);
  }

  // Operations whose spans the parents do not tell apart.
  size_t Ambiguous() const {
    size_t ambiguous = 0;
    for (const Group& group : groups_) {
      std::map<uint32_t, std::pair<size_t, size_t>> by_parent;
      for (const uint32_t i : group.base) ++by_parent[ParentOf(base_, base_operation_, i)].first;
      for (const uint32_t i : group.compare) {
        ++by_parent[ParentOf(compare_, compare_operation_, i)].second;
      }
      size_t base_left = 0;
      size_t compare_left = 0;
      bool unclear = false;
      for (const auto& [parent, count] : by_parent) {
        const size_t paired = std::min(count.first, count.second);
        if (paired > 0 && (count.first > 1 || count.second > 1)) unclear = true;
        base_left += count.first - paired;
        compare_left += count.second - paired;
      }
      if (base_left > 0 && compare_left > 0 && (base_left > 1 || compare_left > 1)) unclear = true;
      if (unclear) ++ambiguous;
    }
    return ambiguous;
  }

 private:
  static uint32_t ParentOf(const DiffTrace& trace, const std::vector<uint32_t>& operation,
                           uint32_t span) {
    const uint32_t parent = trace.spans()[span].parent;
    return parent == DiffTrace::kNone ? DiffTrace::kNone : operation[parent];
  }

  using Key = std::pair<uint32_t, std::string_view>;
  static Key KeyOf(const DiffTrace& trace, const std::vector<uint32_t>& operation, uint32_t span,
                   bool parent, bool status) {
    return {parent ? ParentOf(trace, operation, span) : 0,
            status ? trace.spans()[span].status : std::string_view{}};
  }

  // Pairs spans of the group that agree in what is asked for, each with the first that is free.
  void Pair(Group* group, bool parent, bool status, bool nothing_else) {
    if (group->base.empty() || group->compare.empty()) return;
    std::map<Key, std::vector<uint32_t>> free;
    // The first is taken first: from the end of the list.
    for (const uint32_t i : std::views::reverse(group->base)) {
      free[KeyOf(base_, base_operation_, i, parent, status)].push_back(i);
    }
    std::erase_if(group->compare, [&](uint32_t i) {
      const auto found = free.find(KeyOf(compare_, compare_operation_, i, parent, status));
      if (found == free.end()) return false;
      const uint32_t base = TakeFrom(&found->second, i, nothing_else);
      if (base == DiffTrace::kNone) return false;
      match_[i] = base;
      return true;
    });
    group->base.clear();
    for (const auto& [key, left] : free) {
      group->base.insert(group->base.end(), left.begin(), left.end());
    }
    std::ranges::sort(group->base);
  }

  uint32_t TakeFrom(std::vector<uint32_t>* candidates, uint32_t compare, bool nothing_else) {
    for (auto it = candidates->rbegin(); it != candidates->rend(); ++it) {
      if (nothing_else) {
        if (!MayLook(base_.spans()[*it])) break;
        if (changes_.Any(base_.spans()[*it], compare_.spans()[compare])) continue;
      }
      const uint32_t taken = *it;
      candidates->erase(std::next(it).base());
      return taken;
    }
    return DiffTrace::kNone;
  }

  bool MayLook(const Span& span) {
    looks_ += 1 + span.attrs.size();
    if (looks_ >= next_question_ && status_.ok()) {
      status_ = interrupted_();
      next_question_ = looks_ + kLooksBetweenQuestions;
    }
    return looks_ <= kMaxLooks && status_.ok();
  }

  const DiffTrace& base_;
  const DiffTrace& compare_;
  const std::function<Status()>& interrupted_;
  const Changes changes_;
  Operations operations_;
  const std::vector<uint32_t> base_operation_;
  const std::vector<uint32_t> compare_operation_;
  std::vector<Group> groups_;
  std::vector<uint32_t> match_;
  size_t looks_ = 0;
  size_t next_question_ = 0;
  Status status_;
};

void WarnOf(const DiffTrace& trace, std::string_view side, TraceDiff* diff) {
  const auto invalid =
      std::ranges::count_if(trace.spans(), [](const Span& span) { return !span.valid_duration; });
  if (invalid > 0) {
    diff->warnings.push_back({"invalid_duration", std::string(side) +
                                                      " trace: " + std::to_string(invalid) +
                                                      " span(s) without a start or that end "
                                                      "before it; their duration counts as none"});
  }
  if (trace.repeated_ids() > 0) {
    diff->warnings.push_back(
        {"duplicate_span_id", std::string(side) +
                                  " trace: " + std::to_string(trace.repeated_ids()) +
                                  " span(s) with the id of another; children are those of the "
                                  "first"});
  }
}

}  // namespace

DiffTrace::DiffTrace(const SpanBatch& batch) : batch_(batch) {
  const auto rows = static_cast<uint32_t>(batch.rows());
  std::vector<uint32_t> order(rows);
  for (uint32_t row = 0; row < rows; ++row) order[row] = row;
  std::ranges::sort(order, {}, [&](uint32_t row) {
    return std::tuple(batch.start[row], batch.span_id[row], row);
  });
  std::unordered_map<SpanId, uint32_t> row_of;
  for (const uint32_t row : order) {
    if (!row_of.emplace(batch.span_id[row], row).second) ++repeated_ids_;
  }
  std::vector<std::vector<uint32_t>> children(rows);
  std::vector<uint32_t> roots;
  for (const uint32_t row : order) {
    const auto parent = row_of.find(batch.parent_span_id[row]);
    if (batch.parent_span_id[row] == 0 || parent == row_of.end()) {
      roots.push_back(row);
    } else {
      children[parent->second].push_back(row);
    }
  }
  // Without recursion, as traces may be deep: what is to be visited, the next one last.
  struct Visit {
    uint32_t row;
    uint32_t parent;
    uint32_t index;
  };
  std::vector<bool> seen(rows);
  uint32_t root_index = 0;
  const auto walk = [&](uint32_t root) {
    std::vector<Visit> stack = {{root, kNone, root_index++}};
    while (!stack.empty()) {
      const Visit visit = stack.back();
      stack.pop_back();
      if (seen[visit.row]) continue;
      seen[visit.row] = true;
      const auto self = static_cast<uint32_t>(spans_.size());
      spans_.push_back(SpanOf(batch, visit.row, visit.parent, visit.index));
      const std::vector<uint32_t>& below = children[visit.row];
      for (auto i = static_cast<uint32_t>(below.size()); i-- > 0;) {
        stack.push_back({below[i], self, i});
      }
    }
  };
  for (const uint32_t row : roots) walk(row);
  // Circles have no root.
  for (const uint32_t row : order) {
    if (!seen[row]) walk(row);
  }
}

std::vector<uint32_t> DiffTrace::PathOf(uint32_t span) const {
  std::vector<uint32_t> path;
  for (; span != kNone; span = spans_[span].parent) path.push_back(spans_[span].index);
  std::ranges::reverse(path);
  return path;
}

Result<TraceDiff> Compare(const DiffTrace& base, const DiffTrace& compare,
                          const std::function<Status()>& interrupted) {
  TraceDiff diff;
  WarnOf(base, "base", &diff);
  WarnOf(compare, "compare", &diff);
  Matcher matcher(base, compare, interrupted);
  const size_t ambiguous = matcher.Ambiguous();
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<uint32_t> match, std::move(matcher).Match());
  const Changes changes(base.batch(), compare.batch());
  std::vector<bool> matched(base.spans().size());
  for (uint32_t i = 0; i < match.size(); ++i) {
    if (match[i] == DiffTrace::kNone) {
      diff.added.push_back(i);
      continue;
    }
    matched[match[i]] = true;
    ++diff.matched;
    auto changed = changes.Of(base.spans()[match[i]], compare.spans()[i]);
    if (!changed.empty()) diff.modified.push_back({match[i], i, std::move(changed)});
  }
  for (uint32_t i = 0; i < matched.size(); ++i) {
    if (!matched[i]) diff.removed.push_back(i);
  }
  if (ambiguous > 0) {
    diff.warnings.push_back({"ambiguous_span_match",
                             std::to_string(ambiguous) +
                                 " operation(s) occur several times below one parent: which span "
                                 "became which is a guess that keeps the changes few"});
  }
  return diff;
}

}  // namespace tocsin::api
