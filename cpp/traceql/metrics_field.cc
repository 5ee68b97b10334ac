#include "cpp/traceql/metrics_field.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "cpp/base/hash.h"

namespace tocsin::traceql {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Null for an intrinsic that blocks do not keep as a column with a value for each row.
Result<std::shared_ptr<const Column>> ColumnOf(Intrinsic intrinsic, const SpanBlock& block) {
  switch (intrinsic) {
    case Intrinsic::kName:
      return block.Names();
    case Intrinsic::kStatusMessage:
      return block.StatusMessages();
    case Intrinsic::kInstrumentationName:
      return block.ScopeNames();
    case Intrinsic::kInstrumentationVersion:
      return block.ScopeVersions();
    default:
      return nullptr;
  }
}

// The very same value, not only an equal one: quickly seen of what neighbours share.
bool IsSame(const Scalar& a, const Scalar& b) {
  return a.kind == b.kind && a.is_duration == b.is_duration && a.integer == b.integer &&
         std::bit_cast<uint64_t>(a.number) == std::bit_cast<uint64_t>(b.number) &&
         a.text.data() == b.text.data() && a.text.size() == b.text.size();
}

// May codes of the column stand for themselves? Not if a row can have several, or if a value is
// none, so that the next column counts.
bool IsPlain(const Column& column, uint32_t rows) {
  return column.owner.empty() && column.codes.size() == rows &&
         std::none_of(column.values.begin(), column.values.end(),
                      [](const Value& value) { return value.type == ValueType::kEmpty; });
}

double NumberOf(const Scalar& value) {
  if (value.kind == Scalar::Kind::kInt) return static_cast<double>(value.integer);
  return value.kind == Scalar::Kind::kFloat ? value.number : kNone;
}

BucketCode BucketOf(const Scalar& value) {
  if (value.kind == Scalar::Kind::kInt) return BucketOfInt(value.integer);
  return value.kind == Scalar::Kind::kFloat ? BucketOfFloat(value.number) : BucketCode{0};
}

}  // namespace

size_t CodedField::ScalarHash::operator()(const Scalar& value) const {
  const uint64_t number = value.kind == Scalar::Kind::kFloat ? std::bit_cast<uint64_t>(value.number)
                                                             : static_cast<uint64_t>(value.integer);
  return Hash64(value.text, number * 31 + static_cast<uint64_t>(value.kind));
}

bool CodedField::SameScalar::operator()(const Scalar& a, const Scalar& b) const {
  return a.kind == b.kind && a.is_duration == b.is_duration && a.integer == b.integer &&
         std::bit_cast<uint64_t>(a.number) == std::bit_cast<uint64_t>(b.number) && a.text == b.text;
}

Result<CodedField> CodedField::Bind(const Field& field, const std::shared_ptr<TraceTable>& table) {
  CodedField coded;
  if (!field.of_parent) {
    TOCSIN_ASSIGN_OR_RETURN(const bool columns, coded.BindColumns(field, table->block()));
    if (columns) return coded;
    TOCSIN_ASSIGN_OR_RETURN(const bool bytes, coded.BindBytes(field, table->block()));
    if (bytes) return coded;
  }
  TOCSIN_ASSIGN_OR_RETURN(BoundField bound, BoundField::Bind(field, table));
  if (!bound.available()) return InternalError("a block that does not keep " + Print(field));
  coded.bytes_ = bound.bytes();
  coded.bound_ = std::make_unique<BoundField>(std::move(bound));
  coded.bound_->PrepareRows();
  coded.form_ = Form::kValues;
  return coded;
}

Result<bool> CodedField::BindColumns(const Field& field, const SpanBlock& block) {
  std::vector<std::shared_ptr<const Column>> columns;
  if (field.intrinsic == Intrinsic::kNone) {
    TOCSIN_ASSIGN_OR_RETURN(columns, AttributeColumns(field, block));
  } else {
    TOCSIN_ASSIGN_OR_RETURN(std::shared_ptr<const Column> column, ColumnOf(field.intrinsic, block));
    if (column == nullptr) return false;
    columns.push_back(std::move(column));
  }
  uint32_t codes = 0;
  for (const std::shared_ptr<const Column>& column : columns) {
    if (!IsPlain(*column, block.rows())) return false;
    first_code_.push_back(codes);
    codes += static_cast<uint32_t>(column->values.size());
    bytes_ += column->values.size() * sizeof(Value) + column->codes.size() * sizeof(uint32_t);
  }
  first_code_.push_back(codes);
  columns_ = std::move(columns);
  form_ = Form::kColumns;
  return true;
}

Result<bool> CodedField::BindBytes(const Field& field, const SpanBlock& block) {
  static_assert(sizeof(SpanStatus) == 1 && sizeof(SpanKind) == 1);
  if (field.intrinsic == Intrinsic::kStatus) {
    TOCSIN_ASSIGN_OR_RETURN(const auto statuses, block.Statuses());
    bytes_of_row_ = {reinterpret_cast<const uint8_t*>(statuses.data()), statuses.size()};
    form_ = Form::kStatus;
  } else if (field.intrinsic == Intrinsic::kKind) {
    TOCSIN_ASSIGN_OR_RETURN(const auto kinds, block.Kinds());
    bytes_of_row_ = {reinterpret_cast<const uint8_t*>(kinds.data()), kinds.size()};
    form_ = Form::kKind;
  } else {
    return false;
  }
  bytes_ = bytes_of_row_.size();
  return true;
}

void CodedField::Gather(std::span<const uint32_t> rows, std::vector<uint32_t>* codes) {
  codes->resize(rows.size());
  uint32_t* out = codes->data();
  if (form_ == Form::kValues) {
    GatherValues(rows, out);
    return;
  }
  if (form_ != Form::kColumns) {
    for (size_t i = 0; i < rows.size(); ++i) out[i] = uint32_t{bytes_of_row_[rows[i]]} + 1;
    return;
  }
  if (columns_.empty()) {
    std::fill(codes->begin(), codes->end(), 0);
    return;
  }
  const uint32_t* first = columns_[0]->codes.data();
  for (size_t i = 0; i < rows.size(); ++i) out[i] = first[rows[i]];
  for (size_t k = 1; k < columns_.size(); ++k) {
    const uint32_t* next = columns_[k]->codes.data();
    const uint32_t offset = first_code_[k];
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint32_t code = next[rows[i]];
      if (out[i] == 0 && code != 0) out[i] = code + offset;
    }
  }
}

void CodedField::GatherValues(std::span<const uint32_t> rows, uint32_t* codes) {
  const bool multiple = bound_->multiple();
  std::vector<Scalar> of_row;
  Scalar last;
  uint32_t last_code = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!multiple) {
      const Scalar value = bound_->ValueOf(rows[i]);
      if (!IsSame(value, last)) {
        last = value;
        last_code = CodeOf(value);
      }
      codes[i] = last_code;
      continue;
    }
    of_row.clear();
    bound_->ValuesOf(rows[i], &of_row);
    codes[i] = of_row.empty() ? 0 : CodeOf(of_row[0]);
  }
}

uint32_t CodedField::CodeOf(const Scalar& value) {
  if (value.kind == Scalar::Kind::kNil) return 0;
  const auto next = static_cast<uint32_t>(values_.size() + 1);
  const auto [it, added] = code_of_.try_emplace(value, next);
  if (added) values_.push_back(value);
  return it->second;
}

uint32_t CodedField::cardinality() const {
  switch (form_) {
    case Form::kColumns:
      return first_code_.back() + 1;
    case Form::kStatus:
    case Form::kKind:
      return 257;
    case Form::kValues:
      return static_cast<uint32_t>(values_.size() + 1);
    case Form::kNone:
      break;
  }
  return 1;
}

Scalar CodedField::ValueOf(uint32_t code) const {
  if (code == 0) return {};
  switch (form_) {
    case Form::kColumns: {
      const auto next = std::upper_bound(first_code_.begin(), first_code_.end(), code - 1);
      const auto k = static_cast<size_t>(next - first_code_.begin()) - 1;
      return ScalarOf(columns_[k]->values[code - 1 - first_code_[k]]);
    }
    case Form::kStatus:
      return {Scalar::Kind::kStatus, false, code - 1, 0, {}};
    case Form::kKind:
      return {Scalar::Kind::kSpanKind, false, code - 1, 0, {}};
    case Form::kValues:
      return values_[code - 1];
    case Form::kNone:
      break;
  }
  return {};
}

bool IsDuration(const Field& field) { return TypeOf(field) == Type::kDuration; }

Result<MeasuredField> MeasuredField::Bind(const Field& field,
                                          const std::shared_ptr<TraceTable>& table) {
  MeasuredField measured;
  if (field.intrinsic == Intrinsic::kDuration && !field.of_parent) {
    measured.durations_ = true;
    TOCSIN_ASSIGN_OR_RETURN(measured.starts_, table->block().Starts());
    TOCSIN_ASSIGN_OR_RETURN(measured.ends_, table->block().Ends());
    return measured;
  }
  TOCSIN_ASSIGN_OR_RETURN(measured.coded_, CodedField::Bind(field, table));
  return measured;
}

uint64_t MeasuredField::bytes() const {
  return durations_ ? starts_.size_bytes() + ends_.size_bytes() : coded_.bytes();
}

void MeasuredField::Gather(std::span<const uint32_t> rows, std::vector<double>* numbers) {
  numbers->resize(rows.size());
  double* out = numbers->data();
  if (durations_) {
    for (size_t i = 0; i < rows.size(); ++i) out[i] = static_cast<double>(DurationOf(rows[i]));
    return;
  }
  coded_.Gather(rows, &codes_);
  for (size_t i = 0; i < rows.size(); ++i) out[i] = NumberOf(coded_.ValueOf(codes_[i]));
}

void MeasuredField::GatherBuckets(std::span<const uint32_t> rows,
                                  std::vector<BucketCode>* buckets) {
  buckets->resize(rows.size());
  BucketCode* out = buckets->data();
  if (durations_) {
    for (size_t i = 0; i < rows.size(); ++i) out[i] = BucketOfInt(DurationOf(rows[i]));
    return;
  }
  coded_.Gather(rows, &codes_);
  for (size_t i = 0; i < rows.size(); ++i) out[i] = BucketOf(coded_.ValueOf(codes_[i]));
}

}  // namespace tocsin::traceql
