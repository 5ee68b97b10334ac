#include "storage/spans/live_traces.h"

#include <algorithm>
#include <utility>

#include "cpp/base/check.h"
#include "storage/spans/row_order.h"

namespace tocsin::storage {
namespace {

// A group is closed at so many rows: few enough to be put together anew at each query while it
// grows, and enough to make small requests cheap to query.
constexpr size_t kGroupRows = 4'096;

// What a trace takes in the index, node and bucket included.
constexpr size_t kTraceBytes = 112;

// So many large traces are remembered after they were sealed.
constexpr size_t kMaxRemembered = 4'096;

}  // namespace

SortedRows SortRows(const CutBlock& block) {
  struct Key {
    RowOrder order;
    RowRef row;
    uint32_t part;
  };
  std::vector<Key> keys;
  std::vector<bool> wanted;
  for (uint32_t p = 0; p < block.parts.size(); ++p) {
    const CutBlock::Part& part = block.parts[p];
    const SpanBatch& batch = *part.batch;
    wanted.assign(batch.traces.size(), false);
    for (const uint32_t trace : part.traces) wanted[trace] = true;
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      if (wanted[batch.trace[row]]) keys.push_back({OrderOf(batch, row), {&batch, row}, p});
    }
  }
  // Stable: of equal rows, as a retry makes them, the one received first is kept.
  std::ranges::stable_sort(keys, {}, &Key::order);
  SortedRows sorted;
  sorted.rows.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const Key& key = keys[i];
    if (i == 0 || key.order.trace != keys[i - 1].order.trace) {
      sorted.trace_begin.push_back(static_cast<uint32_t>(sorted.rows.size()));
      sorted.through.push_back(0);
    }
    sorted.through.back() = std::max(sorted.through.back(), block.parts[key.part].position);
    if (i == 0 || keys[i - 1].order != key.order) sorted.rows.push_back(key.row);
  }
  return sorted;
}

void LiveTraces::Insert(LogPosition position, Nanos received,
                        std::shared_ptr<const SpanBatch> spans, const std::vector<bool>& sealed) {
  TOCSIN_CHECK(batches_.empty() || position > batches_.rbegin()->first);
  Batch& batch = batches_[position];
  batch.spans = std::move(spans);
  batch.received = received;
  batch.fragments.resize(batch.spans->traces.size());
  for (size_t row = 0; row < batch.spans->rows(); ++row) {
    Fragment& fragment = batch.fragments[batch.spans->trace[row]];
    ++fragment.rows;
    fragment.wire_bytes += batch.spans->wire_size[row];
  }
  for (uint32_t trace = 0; trace < batch.fragments.size(); ++trace) {
    if (batch.fragments[trace].rows == 0 || (!sealed.empty() && sealed[trace])) {
      batch.fragments[trace].stage = Stage::kSealed;
      batch.partial = true;
    } else {
      ++batch.unsealed;
      LinkFragment(position, batch, trace);
    }
  }
  TOCSIN_CHECK(batch.unsealed > 0);
  batch.bytes =
      batch.spans->MemoryBytes() + batch.fragments.size() * (sizeof(Fragment) + kTraceBytes);
  bytes_ += batch.bytes;

  if (groups_.empty() || groups_.rbegin()->second.rows >= kGroupRows) groups_[position];
  Group& group = groups_.rbegin()->second;
  ++group.batches;
  group.rows += batch.spans->rows();
  group.parts = nullptr;
}

void LiveTraces::LinkFragment(LogPosition position, Batch& batch, uint32_t trace) {
  Fragment& fragment = batch.fragments[trace];
  const FragmentRef here{position, trace};
  const auto [known, is_new] = traces_.try_emplace(batch.spans->traces[trace]);
  Trace& entry = known->second;
  if (is_new) {
    unchecked_.push_back(known->first);
    if (!large_.empty()) {
      if (const auto it = large_.find(known->first); it != large_.end()) {
        entry.sealed_bytes = it->second;
      }
    }
  }
  entry.wire_bytes += fragment.wire_bytes;
  if (entry.in_block) {
    if (BlockHasRoom(fragment.rows)) {
      AddToBlock(here, fragment);
      return;
    }
    // Its part in the block is settled; the late rows start anew, for the next one.
    const uint64_t all = entry.wire_bytes + entry.sealed_bytes - fragment.wire_bytes;
    entry = {};
    entry.wire_bytes = fragment.wire_bytes;
    entry.sealed_bytes = all;
  }
  if (entry.first.position == 0) {
    entry.first = here;
  } else {
    batches_.at(entry.last.position).fragments[entry.last.trace].next = here;
  }
  entry.last = here;
  entry.rows += fragment.rows;
}

void LiveTraces::AddToBlock(FragmentRef at, Fragment& fragment) {
  fragment.stage = Stage::kBlock;
  block_.fragments.push_back(at);
  block_.rows += fragment.rows;
  block_.wire_bytes += fragment.wire_bytes;
}

bool LiveTraces::BlockHasRoom(uint32_t rows) const {
  return block_.rows + rows <= limits_.rows && block_.wire_bytes < limits_.wire_bytes;
}

bool LiveTraces::MoveTrace(Trace& trace, Nanos now) {
  if (block_.rows == 0) {
    block_.opened = now;
  } else if (!BlockHasRoom(trace.rows)) {
    return false;
  }
  for (FragmentRef at = trace.first; at.position != 0;) {
    Fragment& fragment = batches_.at(at.position).fragments[at.trace];
    AddToBlock(at, fragment);
    at = fragment.next;
  }
  trace.in_block = true;
  return true;
}

LiveTraces::Moved LiveTraces::MoveIdle(Nanos until, Nanos now) {
  Moved moved = Moved::kNothing;
  for (auto it = batches_.upper_bound(idle_cursor_);
       it != batches_.end() && it->second.received <= until; ++it) {
    Batch& batch = it->second;
    for (uint32_t i = 0; i < batch.fragments.size(); ++i) {
      if (batch.fragments[i].stage != Stage::kLive) continue;
      Trace& trace = traces_.at(batch.spans->traces[i]);
      if (trace.last != FragmentRef{it->first, i}) continue;  // It has younger rows.
      if (!MoveTrace(trace, now)) return Moved::kBlockFull;
      moved = Moved::kSome;
    }
    idle_cursor_ = it->first;
  }
  return moved;
}

LiveTraces::Moved LiveTraces::MoveOldest(Nanos until, Nanos now) {
  for (auto it = batches_.upper_bound(oldest_cursor_);
       it != batches_.end() && it->second.received <= until; ++it) {
    Batch& batch = it->second;
    Moved moved = Moved::kNothing;
    for (uint32_t i = 0; i < batch.fragments.size(); ++i) {
      if (batch.fragments[i].stage != Stage::kLive) continue;
      if (!MoveTrace(traces_.at(batch.spans->traces[i]), now)) return Moved::kBlockFull;
      moved = Moved::kSome;
    }
    oldest_cursor_ = it->first;
    if (moved == Moved::kSome) return moved;
  }
  return Moved::kNothing;
}

uint64_t LiveTraces::WireBytes(const TraceId& id) const {
  if (const auto it = traces_.find(id); it != traces_.end()) {
    return it->second.wire_bytes + it->second.sealed_bytes;
  }
  const auto it = large_.find(id);
  return it == large_.end() ? 0 : it->second;
}

uint64_t LiveTraces::UnsealedBytes(const TraceId& id) const {
  const auto it = traces_.find(id);
  return it == traces_.end() ? 0 : it->second.wire_bytes;
}

void LiveTraces::SetSealedBytes(const TraceId& id, uint64_t bytes) {
  const auto it = traces_.find(id);
  if (it != traces_.end()) it->second.sealed_bytes = std::max(it->second.sealed_bytes, bytes);
}

void LiveTraces::ForgetSealedBytes(const TraceId& id) {
  if (const auto it = traces_.find(id); it != traces_.end()) it->second.sealed_bytes = 0;
  // Its place in the order stays, so that there is one for each entry.
  if (const auto it = large_.find(id); it != large_.end()) it->second = 0;
}

void LiveTraces::Remember(const TraceId& id, uint64_t bytes) {
  const auto [it, added] = large_.insert_or_assign(id, bytes);
  if (!added) return;
  large_order_.push_back(id);
  if (large_order_.size() <= kMaxRemembered) return;
  large_.erase(large_order_.front());
  large_order_.pop_front();
}

CutBlock LiveTraces::Cut(uint64_t remember) {
  TOCSIN_CHECK(block_.rows > 0);
  OpenBlock open = std::exchange(block_, {});
  std::sort(open.fragments.begin(), open.fragments.end(),
            [](const FragmentRef& a, const FragmentRef& b) {
              return a.position != b.position ? a.position < b.position : a.trace < b.trace;
            });
  CutBlock cut;
  for (const FragmentRef& at : open.fragments) {
    if (cut.parts.empty() || cut.parts.back().position != at.position) {
      cut.parts.push_back({at.position, batches_.at(at.position).spans, {}});
    }
    CutBlock::Part& part = cut.parts.back();
    part.traces.push_back(at.trace);
    const auto it = traces_.find(part.batch->traces[at.trace]);
    if (it == traces_.end() || !it->second.in_block) continue;
    const uint64_t bytes = it->second.wire_bytes + it->second.sealed_bytes;
    if (bytes >= remember) Remember(it->first, bytes);
    traces_.erase(it);
  }
  return cut;
}

void LiveTraces::MarkSealed(const CutBlock& block,
                            std::vector<std::shared_ptr<const SpanBatch>>* freed) {
  for (const CutBlock::Part& part : block.parts) {
    const auto it = batches_.find(part.position);
    Batch& batch = it->second;
    for (const uint32_t trace : part.traces) batch.fragments[trace].stage = Stage::kSealed;
    batch.unsealed -= static_cast<uint32_t>(part.traces.size());
    batch.partial = true;
    const auto group = GroupOf(part.position);
    group->second.parts = nullptr;
    if (batch.unsealed > 0) continue;
    bytes_ -= batch.bytes;
    freed->push_back(std::move(batch.spans));
    batches_.erase(it);
    if (--group->second.batches == 0) groups_.erase(group);
  }
  ForgetSplit(block);
}

std::vector<TraceId> LiveTraces::TakeUnchecked() {
  std::vector<TraceId> taken = std::exchange(unchecked_, {});
  std::erase_if(taken, [this](const TraceId& id) { return !IsLive(id); });
  return taken;
}

void LiveTraces::MarkSplit(std::span<const TraceId> ids) {
  auto marked =
      split_ == nullptr ? std::make_shared<TraceIdSet>() : std::make_shared<TraceIdSet>(*split_);
  const size_t before = marked->size();
  for (const TraceId& id : ids) {
    if (IsLive(id)) marked->insert(id);
  }
  if (marked->size() > before) split_ = std::move(marked);
}

// What has no unsealed rows any more needs no mark.
void LiveTraces::ForgetSplit(const CutBlock& block) {
  if (split_ == nullptr) return;
  auto left = std::make_shared<TraceIdSet>(*split_);
  for (const CutBlock::Part& part : block.parts) {
    for (const uint32_t trace : part.traces) {
      if (!IsLive(part.batch->traces[trace])) left->erase(part.batch->traces[trace]);
    }
  }
  if (left->empty()) left = nullptr;
  split_ = std::move(left);
}

LiveTraces::Groups::iterator LiveTraces::GroupOf(LogPosition position) {
  return std::prev(groups_.upper_bound(position));
}

std::shared_ptr<const LiveParts> LiveTraces::MakeParts(LogPosition begin, LogPosition end) const {
  auto parts = std::make_shared<LiveParts>();
  for (auto it = batches_.lower_bound(begin); it != batches_.end() && it->first < end; ++it) {
    const Batch& batch = it->second;
    LivePart part{batch.spans, {}, !batch.partial};
    for (uint32_t row = 0; batch.partial && row < batch.spans->rows(); ++row) {
      if (batch.fragments[batch.spans->trace[row]].stage != Stage::kSealed) {
        part.rows.push_back(row);
      }
    }
    parts->Add(std::move(part));
  }
  return parts;
}

void LiveTraces::AppendParts(std::vector<std::shared_ptr<const LiveParts>>* parts) {
  for (auto it = groups_.begin(); it != groups_.end(); ++it) {
    Group& group = it->second;
    if (group.parts == nullptr) {
      const auto next = std::next(it);
      group.parts = MakeParts(it->first, next == groups_.end() ? UINT64_MAX : next->first);
    }
    parts->push_back(group.parts);
  }
}

}  // namespace tocsin::storage
