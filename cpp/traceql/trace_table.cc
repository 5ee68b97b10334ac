#include "cpp/traceql/trace_table.h"

#include <tuple>
#include <unordered_map>
#include <utility>

namespace tocsin::traceql {
namespace {

// A span id and the trace it belongs to: ids are only unique within one.
struct SpanKey {
  uint32_t trace;
  SpanId id;

  friend bool operator==(const SpanKey&, const SpanKey&) = default;
};

struct SpanKeyHash {
  size_t operator()(const SpanKey& key) const {
    uint64_t x = key.id ^ (uint64_t{key.trace} * 0x9e3779b97f4a7c15U);
    x ^= x >> 32;
    return x * 0xd6e8feb86659fd93U;
  }
};

}  // namespace

Result<std::shared_ptr<TraceTable>> TraceTable::Make(const SpanBlock& block, bool all_whole) {
  std::shared_ptr<TraceTable> table(new TraceTable(block));
  TOCSIN_RETURN_IF_ERROR(table->Load(all_whole));
  return table;
}

Status TraceTable::Load(bool all_whole) {
  TOCSIN_ASSIGN_OR_RETURN(traces_, block_.Traces());
  TOCSIN_ASSIGN_OR_RETURN(trace_of_row_, block_.TraceOfRow());
  visible_ = Bitmap(rows(), true);
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Bitmap> hidden, block_.Hidden());
  if (hidden != nullptr) {
    visible_.AndNot(*hidden);
    all_visible_ = visible_.All();
  }
  TOCSIN_ASSIGN_OR_RETURN(whole_, block_.Whole());
  const bool none_partial = std::find(whole_.begin(), whole_.end(), 0) == whole_.end();
  all_whole_ = all_whole || traces_.empty() || (!whole_.empty() && none_partial);
  if (all_whole_) return {};
  partial_ = visible_;
  if (whole_.empty()) return {};
  Bitmap of_whole(rows());
  for (uint32_t row = 0; row < rows(); ++row) of_whole.SetIf(row, whole_[trace_of_row_[row]] != 0);
  partial_->AndNot(of_whole);
  if (partial_->None()) partial_.reset();
  return {};
}

void TraceTable::CallAllPartial() {
  all_whole_ = false;
  whole_ = {};
  partial_ = visible_;
}

void TraceTable::FindRows() {
  rows_by_trace_known_ = true;
  begin_.assign(traces_.size() + 1, 0);
  if (FindRuns()) return;
  visible_.ForEach([&](uint32_t row) { ++begin_[trace_of_row_[row] + 1]; });
  for (size_t trace = 0; trace < traces_.size(); ++trace) begin_[trace + 1] += begin_[trace];
  rows_by_trace_.resize(begin_.back());
  std::vector<uint32_t> next(begin_.begin(), begin_.end() - 1);
  visible_.ForEach([&](uint32_t row) { rows_by_trace_[next[trace_of_row_[row]]++] = row; });
}

// True if the rows of each trace follow each other, in the order of the traces.
bool TraceTable::FindRuns() {
  const auto count = static_cast<uint32_t>(trace_of_row_.size());
  uint32_t known = 0;  // begin_ is right up to here.
  for (uint32_t row = 0; row < count; ++row) {
    const uint32_t trace = trace_of_row_[row];
    if (trace == known) continue;
    if (trace < known) {
      std::ranges::fill(begin_, 0);
      return false;
    }
    while (known < trace) begin_[++known] = row;
  }
  while (known < traces_.size()) begin_[++known] = count;
  sorted_ = true;
  return true;
}

Status TraceTable::LoadTimes() {
  if (times_known_) return {};
  TOCSIN_ASSIGN_OR_RETURN(starts_, block_.Starts());
  TOCSIN_ASSIGN_OR_RETURN(ends_, block_.Ends());
  TOCSIN_ASSIGN_OR_RETURN(span_ids_, block_.SpanIds());
  TOCSIN_ASSIGN_OR_RETURN(parent_ids_, block_.ParentSpanIds());
  times_known_ = true;
  return {};
}

void TraceTable::Include(uint32_t row, TraceExtent* extent) const {
  extent->start = std::min(extent->start, starts_[row]);
  extent->end = std::max({extent->end, starts_[row], ends_[row]});
  if (parent_ids_[row] != 0) return;
  const auto order = [&](uint32_t r) { return std::tuple(starts_[r], span_ids_[r], ends_[r]); };
  if (extent->root == kNoRow || order(row) < order(extent->root)) extent->root = row;
}

Result<TraceExtent> TraceTable::ExtentOf(uint32_t trace) {
  if (!extents_.empty()) return extents_[trace];
  TOCSIN_RETURN_IF_ERROR(LoadTimes());
  TraceExtent extent;
  ForEachRow(trace, [&](uint32_t row) { Include(row, &extent); });
  return extent;
}

Result<std::span<const TraceExtent>> TraceTable::Extents() {
  if (extents_.empty() && !traces_.empty()) {
    TOCSIN_RETURN_IF_ERROR(LoadTimes());
    extents_.resize(traces_.size());
    visible_.ForEach([&](uint32_t row) { Include(row, &extents_[trace_of_row_[row]]); });
  }
  return std::span<const TraceExtent>(extents_);
}

Result<std::span<const uint32_t>> TraceTable::ParentRows() {
  if (!parents_known_) {
    TOCSIN_RETURN_IF_ERROR(FindParents());
    parents_known_ = true;
  }
  return parents_;
}

Status TraceTable::FindParents() {
  TOCSIN_ASSIGN_OR_RETURN(parents_, block_.ParentRows());
  // What the block keeps was found among all of its rows, hidden ones included.
  bool found = !parents_.empty();
  if (found && !all_visible_) {
    visible_.ForEach([&](uint32_t row) {
      found = found && (parents_[row] == kNoRow || visible_.Test(parents_[row]));
    });
  }
  if (found) return {};
  TOCSIN_RETURN_IF_ERROR(LoadTimes());
  std::unordered_map<SpanKey, uint32_t, SpanKeyHash> row_of;
  row_of.reserve(rows());
  visible_.ForEach([&](uint32_t row) {
    const auto [it, added] = row_of.try_emplace({trace_of_row_[row], span_ids_[row]}, row);
    const auto order = [&](uint32_t r) { return std::pair(starts_[r], ends_[r]); };
    if (!added && order(row) < order(it->second)) it->second = row;
  });
  own_parents_.assign(rows(), kNoRow);
  visible_.ForEach([&](uint32_t row) {
    const SpanId parent = parent_ids_[row];
    if (parent == 0 || parent == span_ids_[row]) return;
    const auto it = row_of.find({trace_of_row_[row], parent});
    if (it != row_of.end()) own_parents_[row] = it->second;
  });
  parents_ = own_parents_;
  return {};
}

Result<std::vector<int64_t>> TraceTable::ChildCounts() {
  TOCSIN_ASSIGN_OR_RETURN(const auto parents, ParentRows());
  std::vector<int64_t> counts(rows(), 0);
  visible_.ForEach([&](uint32_t row) {
    if (parents[row] != kNoRow) ++counts[parents[row]];
  });
  return counts;
}

Status TraceTable::NestAll() {
  for (uint32_t trace = 0; trace < traces_.size(); ++trace) TOCSIN_RETURN_IF_ERROR(Nest(trace));
  return {};
}

Status TraceTable::Nest(uint32_t trace) {
  if (is_nested_.empty()) {
    TOCSIN_RETURN_IF_ERROR(LoadTimes());
    if (const auto parents = ParentRows(); !parents.has_value()) return parents.error();
    is_nested_.assign(traces_.size(), 0);
    nested_.resize(rows());
    place_of_row_.resize(rows());
  }
  if (is_nested_[trace] != 0) return {};
  is_nested_[trace] = 1;
  std::vector<uint32_t> order;
  ForEachRow(trace, [&](uint32_t row) { order.push_back(row); });
  const auto before = [&](uint32_t a, uint32_t b) {
    return std::tuple(starts_[a], span_ids_[a], ends_[a], a) <
           std::tuple(starts_[b], span_ids_[b], ends_[b], b);
  };
  if (!std::is_sorted(order.begin(), order.end(), before)) {
    std::sort(order.begin(), order.end(), before);
  }
  Walk(order);
  return {};
}

// `order`: the rows of one trace, roots and each one's children as they are to be visited.
void TraceTable::Walk(const std::vector<uint32_t>& order) {
  const auto count = static_cast<uint32_t>(order.size());
  for (uint32_t place = 0; place < count; ++place) place_of_row_[order[place]] = place;
  // Children by the place of their parent, as ranges of one array.
  std::vector<uint32_t> begin(count + size_t{1}, 0);
  for (const uint32_t row : order) {
    if (parents_[row] != kNoRow) ++begin[place_of_row_[parents_[row]] + 1];
  }
  for (uint32_t place = 0; place < count; ++place) begin[place + 1] += begin[place];
  std::vector<uint32_t> children(begin[count]);
  std::vector<uint32_t> next(begin.begin(), begin.end() - 1);
  for (const uint32_t row : order) {
    if (parents_[row] != kNoRow) children[next[place_of_row_[parents_[row]]]++] = row;
  }
  next.assign(begin.begin(), begin.end() - 1);  // From here: the next child to visit.
  int64_t number = 0;
  std::vector<uint32_t> path;
  for (const uint32_t root : order) {
    if (parent_ids_[root] != 0) continue;
    nested_[root].parent = -1;
    nested_[root].left = ++number;
    path.push_back(root);
    while (!path.empty()) {
      const uint32_t row = path.back();
      uint32_t& next_child = next[place_of_row_[row]];
      if (next_child == begin[place_of_row_[row] + 1]) {
        nested_[row].right = ++number;
        path.pop_back();
        continue;
      }
      const uint32_t child = children[next_child++];
      nested_[child].parent = nested_[row].left;
      nested_[child].left = ++number;
      path.push_back(child);
    }
  }
}

}  // namespace tocsin::traceql
