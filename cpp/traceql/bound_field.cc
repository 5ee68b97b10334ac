#include "cpp/traceql/bound_field.h"

#include <algorithm>

namespace tocsin::traceql {
namespace {

template <class Value>
Bitmap CompareRows(uint32_t rows, Op op, int64_t limit, const Value& value) {
  Bitmap result;
  const auto scan = [&](const auto& holds) {
    result = Bitmap::Where(rows, [&](uint32_t row) { return holds(value(row)); });
  };
  switch (op) {
    case Op::kEqual:
      scan([=](int64_t v) { return v == limit; });
      break;
    case Op::kNotEqual:
      scan([=](int64_t v) { return v != limit; });
      break;
    case Op::kLess:
      scan([=](int64_t v) { return v < limit; });
      break;
    case Op::kLessEqual:
      scan([=](int64_t v) { return v <= limit; });
      break;
    case Op::kGreater:
      scan([=](int64_t v) { return v > limit; });
      break;
    default:
      scan([=](int64_t v) { return v >= limit; });
      break;
  }
  return result;
}

uint64_t BytesOf(const Column& column) {
  return column.values.size() * sizeof(Value) +
         (column.codes.size() + column.owner.size()) * sizeof(uint32_t);
}

}  // namespace

bool IsOfTrace(Intrinsic intrinsic) {
  switch (intrinsic) {
    case Intrinsic::kRootName:
    case Intrinsic::kRootService:
    case Intrinsic::kTraceDuration:
    case Intrinsic::kNestedSetLeft:
    case Intrinsic::kNestedSetRight:
    case Intrinsic::kNestedSetParent:
    case Intrinsic::kChildCount:
      return true;
    default:
      return false;
  }
}

Result<std::vector<std::shared_ptr<const Column>>> AttributeColumns(const Field& field,
                                                                    const SpanBlock& block) {
  constexpr std::array<std::pair<Scope, AttrScope>, 5> kScopes = {
      {{Scope::kSpan, AttrScope::kSpan},
       {Scope::kResource, AttrScope::kResource},
       {Scope::kEvent, AttrScope::kEvent},
       {Scope::kLink, AttrScope::kLink},
       {Scope::kInstrumentation, AttrScope::kInstrumentation}}};
  std::vector<std::shared_ptr<const Column>> columns;
  for (const auto& [scope, attr_scope] : kScopes) {
    if (field.scope != Scope::kAny && field.scope != scope) continue;
    TOCSIN_ASSIGN_OR_RETURN(std::shared_ptr<const Column> column,
                            block.Attribute(attr_scope, field.name));
    if (column != nullptr) columns.push_back(std::move(column));
  }
  return columns;
}

Result<BoundField> BoundField::Bind(const Field& field, const std::shared_ptr<TraceTable>& table) {
  BoundField bound;
  bound.rows_ = table->rows();
  if (field.of_parent) {
    Field own = field;
    own.of_parent = false;
    TOCSIN_ASSIGN_OR_RETURN(BoundField inner, Bind(own, table));
    if (!inner.available()) return bound;
    bound.form_ = Form::kParent;
    bound.inner_ = std::make_shared<BoundField>(std::move(inner));
    bound.table_ = table;
    TOCSIN_ASSIGN_OR_RETURN(bound.parent_row_, table->ParentRows());
  } else if (field.intrinsic == Intrinsic::kNone) {
    TOCSIN_RETURN_IF_ERROR(bound.BindAttribute(field, table->block()));
  } else if (IsOfTrace(field.intrinsic)) {
    TOCSIN_RETURN_IF_ERROR(bound.BindOfTrace(field.intrinsic, table));
  } else {
    TOCSIN_RETURN_IF_ERROR(bound.BindIntrinsic(field.intrinsic, table->block()));
  }
  return bound;
}

Status BoundField::BindAttribute(const Field& field, const SpanBlock& block) {
  form_ = Form::kColumns;
  TOCSIN_ASSIGN_OR_RETURN(columns_, AttributeColumns(field, block));
  for (const std::shared_ptr<const Column>& column : columns_) bytes_ += BytesOf(*column);
  return {};
}

Status BoundField::BindColumn(Result<std::shared_ptr<const Column>> column) {
  if (!column.has_value()) return column.error();
  form_ = Form::kColumns;
  if (*column == nullptr) return {};
  bytes_ += BytesOf(**column);
  columns_.push_back(*std::move(column));
  return {};
}

// Null means that the block does not keep it, not that no row has it.
Status BoundField::BindOptionalColumn(Result<std::shared_ptr<const Column>> column) {
  if (!column.has_value()) return column.error();
  if (*column == nullptr) {
    form_ = Form::kUnavailable;
    return {};
  }
  return BindColumn(std::move(column));
}

Status BoundField::BindIntrinsic(Intrinsic intrinsic, const SpanBlock& block) {
  switch (intrinsic) {
    case Intrinsic::kName:
      return BindColumn(block.Names());
    case Intrinsic::kStatusMessage:
      return BindColumn(block.StatusMessages());
    case Intrinsic::kEventName:
      return BindColumn(block.EventNames());
    case Intrinsic::kInstrumentationName:
      return BindColumn(block.ScopeNames());
    case Intrinsic::kInstrumentationVersion:
      return BindColumn(block.ScopeVersions());
    case Intrinsic::kDuration:
      return BindDurations(block);
    case Intrinsic::kEventTimeSinceStart:
      return BindEventOffsets(block);
    case Intrinsic::kLinkTraceId:
      TOCSIN_RETURN_IF_ERROR(BindOptionalColumn(block.LinkTraceIds()));
      IdsToHex();
      return {};
    case Intrinsic::kLinkSpanId:
      TOCSIN_RETURN_IF_ERROR(BindOptionalColumn(block.LinkSpanIds()));
      IdsToHex();
      return {};
    case Intrinsic::kStatus: {
      TOCSIN_ASSIGN_OR_RETURN(const auto statuses, block.Statuses());
      static_assert(sizeof(SpanStatus) == 1);
      enums_ = {reinterpret_cast<const uint8_t*>(statuses.data()), statuses.size()};
      enum_kind_ = Scalar::Kind::kStatus;
      break;
    }
    case Intrinsic::kKind: {
      TOCSIN_ASSIGN_OR_RETURN(const auto kinds, block.Kinds());
      static_assert(sizeof(SpanKind) == 1);
      enums_ = {reinterpret_cast<const uint8_t*>(kinds.data()), kinds.size()};
      enum_kind_ = Scalar::Kind::kSpanKind;
      break;
    }
    default:
      return BindIds(intrinsic, block);
  }
  form_ = Form::kBytes;
  bytes_ += enums_.size();
  return {};
}

Status BoundField::BindIds(Intrinsic intrinsic, const SpanBlock& block) {
  if (intrinsic == Intrinsic::kTraceId) {
    TOCSIN_ASSIGN_OR_RETURN(trace_ids_, block.Traces());
    TOCSIN_ASSIGN_OR_RETURN(trace_of_row_, block.TraceOfRow());
    form_ = Form::kTraceIds;
    bytes_ += trace_ids_.size_bytes() + trace_of_row_.size_bytes();
    return {};
  }
  if (intrinsic == Intrinsic::kSpanId) {
    TOCSIN_ASSIGN_OR_RETURN(span_ids_, block.SpanIds());
  } else {
    TOCSIN_ASSIGN_OR_RETURN(span_ids_, block.ParentSpanIds());
  }
  form_ = intrinsic == Intrinsic::kParent ? Form::kPresence : Form::kSpanIds;
  bytes_ += span_ids_.size_bytes();
  return {};
}

void BoundField::BindInts(std::vector<int64_t> values) {
  form_ = Form::kInts;
  ints_ = std::move(values);
}

Status BoundField::BindDurations(const SpanBlock& block) {
  TOCSIN_ASSIGN_OR_RETURN(starts_, block.Starts());
  TOCSIN_ASSIGN_OR_RETURN(ends_, block.Ends());
  form_ = Form::kDurations;
  bytes_ += starts_.size_bytes() + ends_.size_bytes();
  return {};
}

// Times of events become their distance from the start of their span.
Status BoundField::BindEventOffsets(const SpanBlock& block) {
  TOCSIN_RETURN_IF_ERROR(BindOptionalColumn(block.EventTimes()));
  if (!available() || columns_.empty()) return {};
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, block.Starts());
  const Column& times = *columns_[0];
  auto offsets = std::make_shared<Column>();
  offsets->owner = times.owner;
  offsets->codes.reserve(times.codes.size());
  for (size_t i = 0; i < times.codes.size(); ++i) {
    if (times.codes[i] == 0) {
      offsets->codes.push_back(0);
      continue;
    }
    const auto time = static_cast<uint64_t>(times.values[times.codes[i] - 1].integer);
    Value value;
    value.type = ValueType::kInt;
    value.integer = static_cast<int64_t>(time - starts[times.owner[i]]);
    offsets->values.push_back(std::move(value));
    offsets->codes.push_back(static_cast<uint32_t>(offsets->values.size()));
  }
  columns_[0] = std::move(offsets);
  durations_ = true;
  return {};
}

// Ids arrive as bytes and are compared as hexadecimal text.
void BoundField::IdsToHex() {
  if (!available() || columns_.empty()) return;
  auto hex = std::make_shared<Column>(*columns_[0]);
  for (Value& value : hex->values) {
    value.type = ValueType::kString;
    if (value.text.size() == 16) {
      value.text = TraceId::FromBytes(value.text.data()).ToHex();
    } else if (value.text.size() == 8) {
      value.text = SpanIdToHex(SpanIdFromBytes(value.text.data()));
    }
  }
  columns_[0] = std::move(hex);
}

Status BoundField::BindOfTrace(Intrinsic intrinsic, const std::shared_ptr<TraceTable>& table) {
  switch (intrinsic) {
    case Intrinsic::kRootName:
      return BindRoot(Field{Intrinsic::kName, Scope::kAny, "", false, false}, table);
    case Intrinsic::kRootService:
      default_ = Scalar::String("");
      return BindRoot(Field{Intrinsic::kNone, Scope::kResource, "service.name", false, false},
                      table);
    case Intrinsic::kTraceDuration: {
      TOCSIN_ASSIGN_OR_RETURN(const auto extents, table->Extents());
      for (const TraceExtent& extent : extents) ints_.push_back(extent.duration());
      trace_of_row_ = table->trace_of_row();
      form_ = Form::kTraceInts;
      return {};
    }
    case Intrinsic::kChildCount: {
      TOCSIN_ASSIGN_OR_RETURN(std::vector<int64_t> counts, table->ChildCounts());
      BindInts(std::move(counts));
      return {};
    }
    default: {
      if (!table->traces().empty()) TOCSIN_RETURN_IF_ERROR(table->Nest(0));
      nested_ = intrinsic == Intrinsic::kNestedSetLeft    ? &TraceTable::NestedSet::left
                : intrinsic == Intrinsic::kNestedSetRight ? &TraceTable::NestedSet::right
                                                          : &TraceTable::NestedSet::parent;
      table_ = table;
      trace_of_row_ = table->trace_of_row();
      form_ = Form::kNested;
      return {};
    }
  }
}

Status BoundField::BindRoot(const Field& field, const std::shared_ptr<TraceTable>& table) {
  TOCSIN_ASSIGN_OR_RETURN(BoundField inner, Bind(field, table));
  TOCSIN_ASSIGN_OR_RETURN(const auto extents, table->Extents());
  for (const TraceExtent& extent : extents) root_row_.push_back(extent.root);
  inner_ = std::make_shared<BoundField>(std::move(inner));
  table_ = table;
  trace_of_row_ = table->trace_of_row();
  form_ = Form::kRoot;
  return {};
}

std::optional<Bitmap> BoundField::CompareInts(Op op, int64_t limit) const {
  if (form_ == Form::kDurations) {
    return CompareRows(rows_, op, limit, [&](uint32_t row) { return DurationAt(row); });
  }
  if (form_ == Form::kNested && table_->NestAll().ok()) {
    return CompareRows(rows_, op, limit, [&](uint32_t row) { return NestedAt(row); });
  }
  if (form_ == Form::kInts) {
    return CompareRows(rows_, op, limit, [&](uint32_t row) { return ints_[row]; });
  }
  return std::nullopt;
}

std::optional<Bitmap> BoundField::CompareIds(Op op, std::string_view id) const {
  const std::optional<TraceId> wanted = TraceId::FromHex(id);
  if (!wanted || (op != Op::kEqual && op != Op::kNotEqual)) return std::nullopt;
  const bool equal = op == Op::kEqual;
  Bitmap result(rows_);
  if (form_ == Form::kSpanIds && id.size() == 16) {
    for (uint32_t row = 0; row < rows_; ++row) {
      result.SetIf(row, span_ids_[row] != 0 && (span_ids_[row] == wanted->low) == equal);
    }
    return result;
  }
  if (form_ == Form::kTraceIds && id.size() == 32) {
    const auto it = std::find(trace_ids_.begin(), trace_ids_.end(), *wanted);
    if (it == trace_ids_.end()) return Bitmap(rows_, !equal);
    const auto trace = static_cast<uint32_t>(it - trace_ids_.begin());
    for (uint32_t row = 0; row < rows_; ++row) {
      result.SetIf(row, (trace_of_row_[row] == trace) == equal);
    }
    return result;
  }
  return std::nullopt;
}

BoundField::Index BoundField::IndexByRow(const Column& column, uint32_t rows) {
  Index index;
  index.begin.assign(size_t{rows} + 1, 0);
  for (const uint32_t row : column.owner) ++index.begin[row + 1];
  for (uint32_t row = 0; row < rows; ++row) index.begin[row + 1] += index.begin[row];
  index.codes.resize(column.codes.size());
  std::vector<uint32_t> next = index.begin;
  for (size_t i = 0; i < column.codes.size(); ++i) {
    index.codes[next[column.owner[i]]++] = column.codes[i];
  }
  return index;
}

void BoundField::PrepareRows() {
  if (inner_ != nullptr) inner_->PrepareRows();
  indexes_.clear();
  for (const std::shared_ptr<const Column>& column : columns_) {
    const bool plain = column->owner.empty() && column->codes.size() == rows_;
    indexes_.push_back(plain ? Index{} : IndexByRow(*column, rows_));
  }
}

bool BoundField::multiple() const {
  if (inner_ != nullptr) return inner_->multiple();
  return std::any_of(columns_.begin(), columns_.end(), [&](const auto& column) {
    return !column->owner.empty() || column->codes.size() != rows_;
  });
}

Scalar BoundField::ValueOf(uint32_t row) const {
  switch (form_) {
    case Form::kColumns:
      for (const std::shared_ptr<const Column>& column : columns_) {
        const uint32_t code = column->codes[row];
        const Scalar value = code == 0 ? Scalar{} : ValueScalar(column->values[code - 1]);
        if (value.kind != Scalar::Kind::kNil) return value;
      }
      return {};
    case Form::kDurations:
      return Scalar::Duration(DurationAt(row));
    case Form::kInts:
      return Scalar::Int(ints_[row]);
    case Form::kBytes:
      return EnumScalar(enums_[row]);
    case Form::kNested:
      if (!table_->Nest(trace_of_row_[row]).ok()) return {};  // Bind() has read all that it needs.
      return Scalar::Int(NestedAt(row));
    case Form::kTraceInts:
      return Scalar::Duration(ints_[trace_of_row_[row]]);
    case Form::kSpanIds: {
      if (span_ids_[row] == 0) return {};
      const auto [it, added] = hex_.try_emplace(row);
      if (added) it->second = SpanIdToHex(span_ids_[row]);
      return Scalar::String(it->second);
    }
    case Form::kPresence:
      if (span_ids_[row] == 0) return {};
      return {Scalar::Kind::kOpaque, false, 0, 0, {}};
    case Form::kTraceIds: {
      const auto [it, added] = hex_.try_emplace(trace_of_row_[row]);
      if (added) it->second = trace_ids_[trace_of_row_[row]].ToHex();
      return Scalar::String(it->second);
    }
    case Form::kParent:
    case Form::kRoot: {
      const uint32_t inner = InnerRow(row);
      if (inner == TraceTable::kNoRow) return {};
      const Scalar value = inner_->ValueOf(inner);
      return value.kind == Scalar::Kind::kNil ? default_ : value;
    }
    case Form::kUnavailable:
      break;
  }
  return {};
}

void BoundField::ValuesOf(uint32_t row, std::vector<Scalar>* out) const {
  if (!multiple()) {
    const Scalar value = ValueOf(row);
    if (value.kind != Scalar::Kind::kNil) out->push_back(value);
    return;
  }
  if (inner_ != nullptr) {
    if (const uint32_t inner = InnerRow(row); inner != TraceTable::kNoRow) {
      inner_->ValuesOf(inner, out);
    }
    return;
  }
  const size_t before = out->size();
  const auto push = [&](const Column& column, uint32_t code) {
    if (code == 0) return;
    const Scalar value = ValueScalar(column.values[code - 1]);
    if (value.kind != Scalar::Kind::kNil) out->push_back(value);
  };
  for (size_t i = 0; i < columns_.size() && out->size() == before; ++i) {
    const Index& index = indexes_[i];
    if (index.begin.empty()) {
      push(*columns_[i], columns_[i]->codes[row]);
      continue;
    }
    for (uint32_t k = index.begin[row]; k < index.begin[row + 1]; ++k) {
      push(*columns_[i], index.codes[k]);
    }
  }
}

}  // namespace tocsin::traceql
