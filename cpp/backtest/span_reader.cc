#include "cpp/backtest/span_reader.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "cpp/model/span_batch_builder.h"

namespace tocsin::backtest {
namespace {

using ColumnPtr = std::shared_ptr<const traceql::Column>;

/// An attribute that a dimension may come from.
struct AttributeColumn {
  std::string_view key;
  ColumnPtr column;
};

/// What is read of a block. The spans live as long as the block.
struct Columns {
  std::span<const TraceId> traces;
  std::span<const uint32_t> trace_of_row;
  std::span<const SpanId> span_ids;
  std::span<const uint64_t> starts;
  std::span<const uint64_t> ends;
  std::span<const SpanKind> kinds;
  std::span<const SpanStatus> statuses;
  ColumnPtr names;
  ColumnPtr services;
  /// By dimension, in the order in which they are looked at.
  std::vector<std::vector<AttributeColumn>> dimensions;
  std::shared_ptr<const traceql::Bitmap> hidden;
};

/// A row that is asked for.
struct Row {
  uint64_t interval = 0;  ///< Its number, from 0.
  uint32_t block = 0;
  uint32_t row = 0;
};

Result<Columns> Load(const traceql::SpanBlock& block,
                     const std::vector<generate::Dimension>& dimensions) {
  Columns columns;
  TOCSIN_ASSIGN_OR_RETURN(columns.traces, block.Traces());
  TOCSIN_ASSIGN_OR_RETURN(columns.trace_of_row, block.TraceOfRow());
  TOCSIN_ASSIGN_OR_RETURN(columns.span_ids, block.SpanIds());
  TOCSIN_ASSIGN_OR_RETURN(columns.starts, block.Starts());
  TOCSIN_ASSIGN_OR_RETURN(columns.ends, block.Ends());
  TOCSIN_ASSIGN_OR_RETURN(columns.kinds, block.Kinds());
  TOCSIN_ASSIGN_OR_RETURN(columns.statuses, block.Statuses());
  TOCSIN_ASSIGN_OR_RETURN(columns.names, block.Names());
  TOCSIN_ASSIGN_OR_RETURN(columns.services, block.Attribute(AttrScope::kResource, "service.name"));
  TOCSIN_ASSIGN_OR_RETURN(columns.hidden, block.Hidden());
  for (const generate::Dimension& dimension : dimensions) {
    auto& ordered = columns.dimensions.emplace_back();
    for (const AttrScope scope : {AttrScope::kResource, AttrScope::kSpan}) {
      for (const std::string& key : dimension.attributes) {
        TOCSIN_ASSIGN_OR_RETURN(ColumnPtr column, block.Attribute(scope, key));
        if (column != nullptr) ordered.push_back({key, std::move(column)});
      }
    }
  }
  return columns;
}

const traceql::Value* ValueAt(const ColumnPtr& column, uint32_t row) {
  const uint32_t code = column == nullptr ? 0 : column->codes[row];
  return code == 0 ? nullptr : &column->values[code - 1];
}

/// Adds the attribute if a label can be made of it.
bool AddAttribute(std::string_view key, const traceql::Value& value, SpanBatchBuilder* to) {
  switch (value.type) {
    case ValueType::kString:
      to->AddString(key, value.text);
      return true;
    case ValueType::kBool:
      to->AddBool(key, value.integer != 0);
      return true;
    case ValueType::kInt:
      to->AddInt(key, value.integer);
      return true;
    case ValueType::kDouble:
      to->AddDouble(key, value.number);
      return true;
    default:
      return false;
  }
}

/// Makes the batch of one interval.
class BatchMaker {
 public:
  void Add(const Columns& columns, uint32_t row) {
    const uint32_t scope = ScopeOf(ValueAt(columns.services, row));
    SpanBatch& batch = builder_.batch();
    for (const auto& ordered : columns.dimensions) {
      for (const AttributeColumn& attribute : ordered) {
        const traceql::Value* value = ValueAt(attribute.column, row);
        if (value != nullptr && AddAttribute(attribute.key, *value, &builder_)) break;
      }
    }
    batch.trace.push_back(builder_.InternTrace(columns.traces[columns.trace_of_row[row]]));
    batch.span_id.push_back(columns.span_ids[row]);
    batch.parent_span_id.push_back(0);
    batch.start.push_back(columns.starts[row]);
    batch.end.push_back(columns.ends[row]);
    const traceql::Value* name = ValueAt(columns.names, row);
    batch.name.push_back(name == nullptr ? 0 : builder_.Intern(name->text));
    batch.kind.push_back(columns.kinds[row]);
    batch.status.push_back(columns.statuses[row]);
    batch.flags.push_back(0);
    batch.scope.push_back(scope);
    batch.wire_size.push_back(0);
    batch.attr_begin.push_back(builder_.AttrCount());
    batch.event_begin.push_back(0);
    batch.link_begin.push_back(0);
  }

  SpanBatch Finish() && { return std::move(builder_).Finish(); }

 private:
  uint32_t ScopeOf(const traceql::Value* service) {
    const bool named = service != nullptr && service->type == ValueType::kString;
    const std::string_view name = named ? std::string_view(service->text) : std::string_view();
    const auto [entry, added] = scopes_.try_emplace(name, builder_.batch().scopes.size());
    if (added) {
      const uint32_t begin = builder_.AttrCount();
      if (named) builder_.AddString("service.name", name);
      builder_.batch().resources.emplace_back().attrs = {begin, builder_.AttrCount()};
      builder_.batch().scopes.emplace_back().resource = static_cast<uint32_t>(entry->second);
    }
    return static_cast<uint32_t>(entry->second);
  }

  SpanBatchBuilder builder_;
  std::unordered_map<std::string_view, size_t> scopes_;  ///< By service; views into columns.
};

/// The time that is read, in steps.
struct Window {
  uint64_t after;
  uint64_t until;
  uint64_t interval;
};

/// Notes the rows of a block that end in (after, until].
void FindRows(const Columns& columns, uint32_t block, const Window& window,
              std::vector<Row>* rows) {
  for (uint32_t row = 0; row < columns.ends.size(); ++row) {
    const uint64_t end = std::max(columns.ends[row], columns.starts[row]);
    if (end <= window.after || end > window.until) continue;
    if (columns.hidden != nullptr && columns.hidden->Test(row)) continue;
    rows->push_back({(end - window.after - 1) / window.interval, block, row});
  }
}

}  // namespace

Status SpanReader::Read(uint64_t after, uint64_t until, uint64_t interval,
                        const Visitor& visitor) const {
  const auto view = source_.View(tenant_, after + 1, until);
  std::vector<Columns> blocks;
  std::vector<Row> rows;
  for (const auto& block : view->blocks()) {
    if (block->max_end() <= after || block->min_start() > until) continue;
    TOCSIN_ASSIGN_OR_RETURN(Columns columns, Load(*block, dimensions_));
    FindRows(columns, static_cast<uint32_t>(blocks.size()), {after, until, interval}, &rows);
    blocks.push_back(std::move(columns));
  }
  std::ranges::stable_sort(rows, {}, &Row::interval);
  for (auto row = rows.begin(); row != rows.end();) {
    const uint64_t number = row->interval;
    BatchMaker maker;
    for (; row != rows.end() && row->interval == number; ++row) {
      maker.Add(blocks[row->block], row->row);
    }
    const SpanBatch batch = std::move(maker).Finish();
    TOCSIN_RETURN_IF_ERROR(visitor(after + (number + 1) * interval, batch));
  }
  return {};
}

}  // namespace tocsin::backtest
