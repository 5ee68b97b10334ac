#include "storage/spans/live_block.h"

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <utility>

#include "cpp/traceql/batch_block.h"
#include "storage/spans/live_columns.h"

namespace tocsin::storage {
namespace {

using traceql::Column;
using ColumnResult = Result<std::shared_ptr<const Column>>;

// Calls visit(batch, row of the batch, row of the block) for every row, and begin(batch) before the
// first row of each batch.
template <class Begin, class Visit>
void ForEachRow(const LiveBlock::Groups& groups, const Begin& begin, const Visit& visit) {
  uint32_t out = 0;
  for (const auto& group : groups) {
    for (const LivePart& part : group->parts) {
      begin(*part.batch);
      for (uint32_t i = 0; i < part.size(); ++i, ++out) visit(*part.batch, part.RowAt(i), out);
    }
  }
}

// A column with one value a row, which `code` finds.
template <class CodeOf>
ColumnResult RowColumn(const LiveBlock::Groups& groups, const CodeOf& code_of) {
  LiveColumnBuilder column;
  ForEachRow(
      groups, [&](const SpanBatch& batch) { column.BeginBatch(batch); },
      [&](const SpanBatch& batch, uint32_t row, uint32_t) {
        column.Push(code_of(column, batch, row));
      });
  return std::move(column).Finish();
}

// A column with one value for each event of each row.
template <class CodeOf>
ColumnResult EventColumn(const LiveBlock::Groups& groups, const CodeOf& code_of) {
  LiveColumnBuilder column;
  ForEachRow(
      groups, [&](const SpanBatch& batch) { column.BeginBatch(batch); },
      [&](const SpanBatch& batch, uint32_t row, uint32_t out) {
        for (uint32_t i = batch.event_begin[row]; i < batch.event_begin[row + 1]; ++i) {
          column.Push(code_of(column, batch.events[i]), out);
        }
      });
  return std::move(column).Finish();
}

template <class CodeOf>
ColumnResult LinkColumn(const LiveBlock::Groups& groups, const CodeOf& code_of) {
  LiveColumnBuilder column;
  ForEachRow(
      groups, [&](const SpanBatch& batch) { column.BeginBatch(batch); },
      [&](const SpanBatch& batch, uint32_t row, uint32_t out) {
        for (uint32_t i = batch.link_begin[row]; i < batch.link_begin[row + 1]; ++i) {
          column.Push(code_of(column, batch.links[i]), out);
        }
      });
  return std::move(column).Finish();
}

// One attribute of one scope, over all parts. Resources and scopes are looked at once, not once a
// row.
class AttributeColumn {
 public:
  AttributeColumn(AttrScope scope, std::string_view key) : scope_(scope), key_(key) {}

  void Add(const LivePart& part, uint32_t first_row) {
    const SpanBatch& batch = *part.batch;
    const LiveAttribute attribute(batch, key_);
    column_.BeginBatch(batch);
    if (scope_ == AttrScope::kResource) {
      by_owner_.clear();
      for (const auto& resource : batch.resources) {
        by_owner_.push_back(Code(attribute, batch, resource.attrs));
      }
    } else if (scope_ == AttrScope::kInstrumentation) {
      by_owner_.clear();
      for (const auto& scope : batch.scopes) {
        by_owner_.push_back(Code(attribute, batch, scope.attrs));
      }
    }
    for (uint32_t i = 0; i < part.size(); ++i) {
      AddRow(attribute, batch, part.RowAt(i), first_row + i);
    }
  }

  ColumnResult Finish() && {
    if (!found_) return std::shared_ptr<const Column>();
    return std::move(column_).Finish();
  }

 private:
  void AddRow(const LiveAttribute& attribute, const SpanBatch& batch, uint32_t row, uint32_t out) {
    switch (scope_) {
      case AttrScope::kSpan:
        Push(Code(attribute, batch, {batch.attr_begin[row], batch.attr_begin[row + 1]}));
        return;
      case AttrScope::kResource:
        Push(by_owner_[batch.scopes[batch.scope[row]].resource]);
        return;
      case AttrScope::kInstrumentation:
        Push(by_owner_[batch.scope[row]]);
        return;
      case AttrScope::kEvent:
        for (uint32_t i = batch.event_begin[row]; i < batch.event_begin[row + 1]; ++i) {
          PushOwned(Code(attribute, batch, batch.events[i].attrs), out);
        }
        return;
      case AttrScope::kLink:
        for (uint32_t i = batch.link_begin[row]; i < batch.link_begin[row + 1]; ++i) {
          PushOwned(Code(attribute, batch, batch.links[i].attrs), out);
        }
        return;
    }
  }

  uint32_t Code(const LiveAttribute& attribute, const SpanBatch& batch,
                SpanBatch::AttrRange range) {
    if (!attribute.present()) return 0;
    const SpanBatch::Attr* attr = attribute.Find(range);
    return attr == nullptr ? 0 : column_.CodeOf(batch.keys[attr->key].type, attr->value);
  }

  // A resource that has it counts only if a row belongs to it.
  void Push(uint32_t code) {
    found_ = found_ || code != 0;
    column_.Push(code);
  }
  void PushOwned(uint32_t code, uint32_t owner) {
    found_ = found_ || code != 0;
    column_.Push(code, owner);
  }

  const AttrScope scope_;
  const std::string_view key_;
  LiveColumnBuilder column_;
  std::vector<uint32_t> by_owner_;
  bool found_ = false;
};

bool AppendTraceOf(const LivePart& part, const TraceId& id, SpanBatchBuilder* to) {
  const std::vector<TraceId>& traces = part.batch->traces;
  const auto it = std::find(traces.begin(), traces.end(), id);
  if (it == traces.end()) return false;
  const auto index = static_cast<uint32_t>(it - traces.begin());
  bool found = false;
  for (uint32_t i = 0; i < part.size(); ++i) {
    const uint32_t row = part.RowAt(i);
    if (part.batch->trace[row] != index) continue;
    to->CopyRow(*part.batch, row);
    found = true;
  }
  return found;
}

}  // namespace

void LiveParts::Add(LivePart part) {
  if (part.size() == 0) return;
  const SpanBatch& batch = *part.batch;
  for (uint32_t i = 0; i < part.size(); ++i) {
    const uint32_t row = part.RowAt(i);
    min_start = std::min(min_start, batch.start[row]);
    max_end = std::max(max_end, std::max(batch.start[row], batch.end[row]));
  }
  rows += part.size();
  parts.push_back(std::move(part));
}

LiveBlock::LiveBlock(Groups groups, std::shared_ptr<const TraceIdSet> split)
    : groups_(std::move(groups)), split_(std::move(split)) {
  for (const auto& group : groups_) {
    rows_ += group->rows;
    min_start_ = std::min(min_start_, group->min_start);
    max_end_ = std::max(max_end_, group->max_end);
  }
}

bool LiveBlock::AppendTrace(const TraceId& id, SpanBatchBuilder* to) const {
  bool found = false;
  for (const auto& group : groups_) {
    for (const LivePart& part : group->parts) found = AppendTraceOf(part, id, to) || found;
  }
  return found;
}

const LiveBlock::TraceRows& LiveBlock::TracesLocked() const {
  if (traces_) return *traces_;
  traces_.emplace();
  std::unordered_map<TraceId, uint32_t, TraceIdHash> index;
  std::vector<uint32_t> memo;  // Index in the batch's traces to ours + 1.
  ForEachRow(
      groups_, [&](const SpanBatch& batch) { memo.assign(batch.traces.size(), 0); },
      [&](const SpanBatch& batch, uint32_t row, uint32_t) {
        uint32_t& known = memo[batch.trace[row]];
        if (known == 0) {
          const TraceId& id = batch.traces[batch.trace[row]];
          const auto next = static_cast<uint32_t>(traces_->traces.size());
          const auto [it, is_new] = index.try_emplace(id, next);
          if (is_new) traces_->traces.push_back(id);
          known = it->second + 1;
        }
        traces_->of_row.push_back(known - 1);
      });
  return *traces_;
}

template <class T>
Result<std::span<const T>> LiveBlock::Gather(std::optional<std::vector<T>>* kept,
                                             std::vector<T> SpanBatch::* column) const {
  const std::lock_guard lock(mutex_);
  if (!*kept) {
    std::vector<T> values;
    values.reserve(rows_);
    ForEachRow(
        groups_, [](const SpanBatch&) {},
        [&](const SpanBatch& batch, uint32_t row, uint32_t) {
          values.push_back((batch.*column)[row]);
        });
    *kept = std::move(values);
  }
  return std::span<const T>(**kept);
}

Result<std::span<const TraceId>> LiveBlock::Traces() const {
  const std::lock_guard lock(mutex_);
  return std::span<const TraceId>(TracesLocked().traces);
}

Result<std::span<const uint32_t>> LiveBlock::TraceOfRow() const {
  const std::lock_guard lock(mutex_);
  return std::span<const uint32_t>(TracesLocked().of_row);
}

Result<std::span<const SpanId>> LiveBlock::SpanIds() const {
  return Gather(&span_ids_, &SpanBatch::span_id);
}
Result<std::span<const SpanId>> LiveBlock::ParentSpanIds() const {
  return Gather(&parent_span_ids_, &SpanBatch::parent_span_id);
}
Result<std::span<const uint64_t>> LiveBlock::Starts() const {
  return Gather(&starts_, &SpanBatch::start);
}
Result<std::span<const uint64_t>> LiveBlock::Ends() const {
  return Gather(&ends_, &SpanBatch::end);
}
Result<std::span<const SpanKind>> LiveBlock::Kinds() const {
  return Gather(&kinds_, &SpanBatch::kind);
}
Result<std::span<const SpanStatus>> LiveBlock::Statuses() const {
  return Gather(&statuses_, &SpanBatch::status);
}

ColumnResult LiveBlock::Names() const {
  return RowColumn(groups_, [](LiveColumnBuilder& column, const SpanBatch& batch, uint32_t row) {
    return column.CodeOfString(batch.name[row]);
  });
}

ColumnResult LiveBlock::StatusMessages() const {
  return RowColumn(groups_, [](LiveColumnBuilder& column, const SpanBatch& batch, uint32_t row) {
    return column.CodeOfString(batch.ExtraOf(row).status_message);
  });
}

ColumnResult LiveBlock::EventNames() const {
  return EventColumn(groups_, [](LiveColumnBuilder& column, const SpanBatch::Event& event) {
    return column.CodeOfString(event.name);
  });
}

ColumnResult LiveBlock::EventTimes() const {
  return EventColumn(groups_, [](LiveColumnBuilder& column, const SpanBatch::Event& event) {
    return column.CodeOfInt(static_cast<int64_t>(event.time));
  });
}

ColumnResult LiveBlock::LinkTraceIds() const {
  return LinkColumn(groups_, [](LiveColumnBuilder& column, const SpanBatch::Link& link) {
    return column.CodeOfBytes(link.trace_id.ToBytes());
  });
}

ColumnResult LiveBlock::LinkSpanIds() const {
  return LinkColumn(groups_, [](LiveColumnBuilder& column, const SpanBatch::Link& link) {
    return column.CodeOfBytes(SpanIdToBytes(link.span_id));
  });
}

ColumnResult LiveBlock::ScopeNames() const {
  return RowColumn(groups_, [](LiveColumnBuilder& column, const SpanBatch& batch, uint32_t row) {
    return column.CodeOfString(batch.scopes[batch.scope[row]].name);
  });
}

ColumnResult LiveBlock::ScopeVersions() const {
  return RowColumn(groups_, [](LiveColumnBuilder& column, const SpanBatch& batch, uint32_t row) {
    return column.CodeOfString(batch.scopes[batch.scope[row]].version);
  });
}

ColumnResult LiveBlock::Attribute(AttrScope scope, std::string_view key) const {
  AttributeColumn column(scope, key);
  uint32_t first_row = 0;
  for (const auto& group : groups_) {
    for (const LivePart& part : group->parts) {
      column.Add(part, first_row);
      first_row += part.size();
    }
  }
  return std::move(column).Finish();
}

Result<std::vector<traceql::AttributeKey>> LiveBlock::AttributeKeys() const {
  std::set<traceql::AttributeKey> keys;
  for (const auto& group : groups_) {
    for (const LivePart& part : group->parts) traceql::AddAttributeKeys(*part.batch, &keys);
  }
  return std::vector<traceql::AttributeKey>(keys.begin(), keys.end());
}

Result<RowKeys> LiveBlock::Keys() const {
  RowKeys keys;
  TOCSIN_ASSIGN_OR_RETURN(keys.trace_of_row, TraceOfRow());
  TOCSIN_ASSIGN_OR_RETURN(keys.span_ids, SpanIds());
  TOCSIN_ASSIGN_OR_RETURN(keys.starts, Starts());
  TOCSIN_ASSIGN_OR_RETURN(keys.ends, Ends());
  TOCSIN_ASSIGN_OR_RETURN(keys.kinds, Kinds());
  return keys;
}

Result<std::shared_ptr<const traceql::Bitmap>> LiveBlock::Hidden() const {
  TOCSIN_ASSIGN_OR_RETURN(const RowKeys keys, Keys());
  const std::lock_guard lock(mutex_);
  if (!hidden_) hidden_ = DuplicateRows(keys, nullptr);
  return *hidden_;
}

Result<std::span<const uint8_t>> LiveBlock::Whole() const {
  const std::lock_guard lock(mutex_);
  if (!whole_) {
    const std::vector<TraceId>& traces = TracesLocked().traces;
    whole_.emplace(traces.size(), uint8_t{1});
    for (size_t t = 0; split_ != nullptr && t < traces.size(); ++t) {
      if (split_->contains(traces[t])) (*whole_)[t] = 0;
    }
  }
  return std::span<const uint8_t>(*whole_);
}

Result<std::span<const uint32_t>> LiveBlock::ParentRows() const {
  TOCSIN_ASSIGN_OR_RETURN(const RowKeys keys, Keys());
  TOCSIN_ASSIGN_OR_RETURN(const auto parents, ParentSpanIds());
  TOCSIN_ASSIGN_OR_RETURN(const auto hidden, Hidden());
  const std::lock_guard lock(mutex_);
  if (!parent_rows_) parent_rows_ = FindParentRows(keys, parents, hidden.get());
  return std::span<const uint32_t>(*parent_rows_);
}

}  // namespace tocsin::storage
