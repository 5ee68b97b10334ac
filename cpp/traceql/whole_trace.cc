#include "cpp/traceql/whole_trace.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace tocsin::traceql {

WholeTrace::WholeTrace(std::shared_ptr<const SpanBatch> batch) : batch_(std::move(batch)) {
  const auto rows = static_cast<uint32_t>(batch_->rows());
  std::unordered_map<SpanId, uint32_t> row_of;
  row_of.reserve(rows);
  for (uint32_t row = 0; row < rows; ++row) {
    row_of.try_emplace(batch_->span_id[row], row);
    start_ = std::min(start_, batch_->start[row]);
    end_ = std::max(end_, batch_->end[row]);
    if (batch_->parent_span_id[row] != 0) continue;
    if (root_ == kNoRow || batch_->start[row] < batch_->start[root_]) root_ = row;
  }
  parent_row_.assign(rows, kNoRow);
  for (uint32_t row = 0; row < rows; ++row) {
    const SpanId parent = batch_->parent_span_id[row];
    if (parent == 0 || parent == batch_->span_id[row]) continue;
    if (const auto it = row_of.find(parent); it != row_of.end()) parent_row_[row] = it->second;
  }
}

std::optional<std::string_view> WholeTrace::root_service() const {
  if (root_ == kNoRow) return std::nullopt;
  return batch_->ServiceName(root_);
}

std::optional<std::string_view> WholeTrace::root_name() const {
  if (root_ == kNoRow) return std::nullopt;
  return batch_->strings[batch_->name[root_]];
}

std::vector<int64_t> WholeTrace::ChildCounts() const {
  std::vector<int64_t> counts(parent_row_.size(), 0);
  for (const uint32_t parent : parent_row_) {
    if (parent != kNoRow) ++counts[parent];
  }
  return counts;
}

WholeTrace::NestedSets WholeTrace::Nest() const {
  const auto rows = static_cast<uint32_t>(parent_row_.size());
  // Children in row order, as ranges of one array.
  std::vector<uint32_t> begin(rows + 1, 0);
  for (const uint32_t parent : parent_row_) {
    if (parent != kNoRow) ++begin[parent + 1];
  }
  for (uint32_t row = 0; row < rows; ++row) begin[row + 1] += begin[row];
  std::vector<uint32_t> children(begin[rows]);
  std::vector<uint32_t> next = begin;
  for (uint32_t row = 0; row < rows; ++row) {
    if (parent_row_[row] != kNoRow) children[next[parent_row_[row]]++] = row;
  }

  NestedSets sets{std::vector<int64_t>(rows, 0), std::vector<int64_t>(rows, 0),
                  std::vector<int64_t>(rows, 0)};
  int64_t number = 0;
  std::vector<uint32_t> path;
  next = begin;  // From here: the next child to visit.
  for (uint32_t root = 0; root < rows; ++root) {
    if (batch_->parent_span_id[root] != 0) continue;
    sets.parent[root] = -1;
    sets.left[root] = ++number;
    path.push_back(root);
    while (!path.empty()) {
      const uint32_t row = path.back();
      if (next[row] == begin[row + 1]) {
        sets.right[row] = ++number;
        path.pop_back();
        continue;
      }
      const uint32_t child = children[next[row]++];
      sets.parent[child] = sets.left[row];
      sets.left[child] = ++number;
      path.push_back(child);
    }
  }
  return sets;
}

}  // namespace tocsin::traceql
