#include "cpp/api/trace_pruning.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/hash.h"
#include "cpp/model/span_batch_builder.h"
#include "cpp/traceql/whole_trace.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::api {
namespace {

using traceql::WholeTrace;

constexpr std::string_view kIsSummary = "aggregation.is_summary";
constexpr uint32_t kMinParents = 2;
constexpr uint32_t kNoGroup = UINT32_MAX;

constexpr std::array<Nanos, 11> kBuckets = {
    5 * kMillisecond,    10 * kMillisecond,  25 * kMillisecond,  50 * kMillisecond,
    100 * kMillisecond,  250 * kMillisecond, 500 * kMillisecond, kSecond,
    2500 * kMillisecond, 5 * kSecond,        10 * kSecond};

// `*` stands for any characters.
bool MatchesGlob(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string ArrayOf(const std::vector<double>& numbers) {
  std::string array;
  wire::ProtoWriter writer(&array);
  for (const double number : numbers) writer.Message(1, [&] { writer.Double(4, number); });
  std::string any;
  wire::ProtoWriter(&any).Bytes(5, array);
  return any;
}

std::string ArrayOf(const std::vector<uint64_t>& numbers) {
  std::string array;
  wire::ProtoWriter writer(&array);
  for (const uint64_t number : numbers) writer.Message(1, [&] { writer.Varint(3, number); });
  std::string any;
  wire::ProtoWriter(&any).Bytes(5, array);
  return any;
}

class Pruner {
 public:
  Pruner(SpanBatch trace, const PruningOptions& options)
      : trace_(std::make_shared<const SpanBatch>(std::move(trace))),
        batch_(trace_.batch()),
        options_(options),
        group_of_(batch_.rows(), kNoGroup),
        children_left_(batch_.rows(), 0) {
    for (const uint32_t parent : trace_.parent_row()) {
      if (parent != WholeTrace::kNoRow) ++children_left_[parent];
    }
  }

  bool HasSummaries() const {
    for (const SpanBatch::Key& key : batch_.keys) {
      if (batch_.strings[key.name] == kIsSummary) return true;
    }
    return false;
  }

  /// True if there is something to replace.
  bool FindGroups() {
    Keyed leaves;
    for (uint32_t row = 0; row < batch_.rows(); ++row) {
      if (children_left_[row] == 0 && HasParent(row)) leaves[LeafKey(row)].push_back(row);
    }
    Replace(leaves, std::max<uint32_t>(options_.min_spans, 2));
    for (int64_t depth = 0; options_.max_parent_depth < 0 || depth < options_.max_parent_depth;
         ++depth) {
      Keyed parents;
      for (uint32_t row = 0; row < batch_.rows(); ++row) {
        const bool is_parent = had_children_.size() > row && had_children_[row];
        if (is_parent && children_left_[row] == 0 && group_of_[row] == kNoGroup && HasParent(row)) {
          parents[ParentKey(row)].push_back(row);
        }
      }
      if (!Replace(parents, kMinParents)) break;
    }
    return !groups_.empty();
  }

  SpanBatch Build() const {
    SpanBatchBuilder builder;
    for (uint32_t row = 0; row < batch_.rows(); ++row) {
      const uint32_t group = group_of_[row];
      if (group == kNoGroup) {
        builder.CopyRow(batch_, row);
      } else if (groups_[group].rows.front() == row) {
        AddSummary(groups_[group], &builder);
      }
    }
    return std::move(builder).Finish();
  }

 private:
  // Rows by what makes them alike; ordered, so that the outcome is the same every time.
  using Keyed = std::map<std::string, std::vector<uint32_t>>;
  struct Group {
    std::vector<uint32_t> rows;
    SpanId id = 0;
  };

  bool HasParent(uint32_t row) const { return trace_.parent_row()[row] != WholeTrace::kNoRow; }

  static void Append(std::string* key, std::string_view part) {
    key->append(std::to_string(part.size())).append(":").append(part);
  }

  std::string ParentKey(uint32_t row) const {
    std::string key;
    Append(&key, batch_.strings[batch_.name[row]]);
    key.push_back(static_cast<char>(batch_.kind[row]));
    key.push_back(static_cast<char>(batch_.status[row]));
    Append(&key, batch_.strings[batch_.name[trace_.parent_row()[row]]]);
    return key;
  }

  std::string LeafKey(uint32_t row) const {
    std::string key = ParentKey(row);
    Append(&key, batch_.strings[batch_.ExtraOf(row).trace_state]);
    std::vector<std::tuple<std::string_view, ValueType, uint32_t>> attributes;
    for (uint32_t i = batch_.attr_begin[row]; i < batch_.attr_begin[row + 1]; ++i) {
      const SpanBatch::Key& name = batch_.keys[batch_.attrs[i].key];
      const std::string_view text = batch_.strings[name.name];
      const auto matches = [&](const std::string& pattern) { return MatchesGlob(pattern, text); };
      if (std::ranges::none_of(options_.group_by, matches)) continue;
      attributes.emplace_back(text, name.type, batch_.attrs[i].value);
    }
    std::ranges::sort(attributes);
    for (const auto& [name, type, value] : attributes) {
      Append(&key, name);
      key.push_back(static_cast<char>(type));
      AppendValue(type, value, &key);
    }
    return key;
  }

  void AppendValue(ValueType type, uint32_t value, std::string* key) const {
    switch (type) {
      case ValueType::kString:
      case ValueType::kBytes:
      case ValueType::kComposite:
        return Append(key, batch_.strings[value]);
      case ValueType::kInt:
        return Append(key, std::to_string(batch_.ints[value]));
      case ValueType::kDouble:
        return Append(key, std::to_string(batch_.doubles[value]));
      case ValueType::kBool:
        return Append(key, std::to_string(value));
      case ValueType::kEmpty:
        return;
    }
  }

  // Makes groups of what is alike often enough. True if there was any.
  bool Replace(const Keyed& alike, uint32_t at_least) {
    had_children_.resize(batch_.rows(), false);
    bool any = false;
    for (const auto& [key, rows] : alike) {
      if (rows.size() < at_least) continue;
      any = true;
      Group group;
      group.rows = rows;
      std::string ids;
      for (const uint32_t row : rows) {
        ids += SpanIdToBytes(batch_.span_id[row]);
        group_of_[row] = static_cast<uint32_t>(groups_.size());
        const uint32_t parent = trace_.parent_row()[row];
        --children_left_[parent];
        had_children_[parent] = true;
      }
      group.id = std::max<SpanId>(Hash64(ids), 1);
      groups_.push_back(std::move(group));
    }
    return any;
  }

  void AddSummary(const Group& group, SpanBatchBuilder* builder) const {
    const uint32_t slowest = *std::ranges::max_element(
        group.rows, {}, [&](uint32_t row) { return batch_.Duration(row); });
    builder->CopyRow(batch_, slowest);
    SpanBatch& out = builder->batch();
    out.span_id.back() = group.id;
    const uint32_t parent_group = group_of_[trace_.parent_row()[slowest]];
    if (parent_group != kNoGroup) out.parent_span_id.back() = groups_[parent_group].id;
    uint64_t total = 0;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    std::vector<uint64_t> counts(kBuckets.size() + 1);
    for (const uint32_t row : group.rows) {
      out.start.back() = std::min(out.start.back(), batch_.start[row]);
      out.end.back() = std::max(out.end.back(), batch_.end[row]);
      const uint64_t duration = batch_.Duration(row);
      total += duration;
      least = std::min(least, duration);
      most = std::max(most, duration);
      for (size_t i = 0; i < counts.size(); ++i) {
        if (i == kBuckets.size() || duration <= static_cast<uint64_t>(kBuckets[i])) ++counts[i];
      }
    }
    std::vector<double> bounds;
    bounds.reserve(kBuckets.size());
    for (const Nanos bucket : kBuckets) bounds.push_back(static_cast<double>(bucket) / 1e9);
    const auto number = [&](std::string_view key, uint64_t value) {
      builder->AddInt(key, static_cast<int64_t>(value));
    };
    builder->AddBool(kIsSummary, true);
    number("aggregation.span_count", group.rows.size());
    number("aggregation.duration_min_ns", least);
    number("aggregation.duration_max_ns", most);
    number("aggregation.duration_avg_ns", total / group.rows.size());
    number("aggregation.duration_total_ns", total);
    builder->AddComposite("aggregation.histogram_bucket_bounds_s", ArrayOf(bounds));
    builder->AddComposite("aggregation.histogram_bucket_counts", ArrayOf(counts));
    out.attr_begin.back() = builder->AttrCount();
  }

  const WholeTrace trace_;
  const SpanBatch& batch_;
  const PruningOptions& options_;
  std::vector<Group> groups_;
  std::vector<uint32_t> group_of_;       // By row.
  std::vector<uint32_t> children_left_;  // By row: those that are in no group.
  std::vector<bool> had_children_;       // By row: some of them are in a group.
};

}  // namespace

SpanBatch PruneSpans(SpanBatch trace, const PruningOptions& options, bool* pruned) {
  *pruned = false;
  if (trace.empty()) return trace;
  Pruner pruner(trace, options);
  if (pruner.HasSummaries() || !pruner.FindGroups()) return trace;
  *pruned = true;
  return pruner.Build();
}

}  // namespace tocsin::api
