/// A field of the query bound to the columns of one block: its values, row by row or, where the
/// block keeps them in coded form, each distinct value once.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/span_duration.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/scalar.h"
#include "cpp/traceql/source.h"
#include "cpp/traceql/trace_table.h"

namespace tocsin::traceql {

/// Does it tell of the trace or of other spans, so that a row alone does not have it?
bool IsOfTrace(Intrinsic intrinsic);

/// The columns of an attribute that are there, by precedence: of a row counts the first that has a
/// value for it. REQUIRES: the field is no intrinsic.
Result<std::vector<std::shared_ptr<const Column>>> AttributeColumns(const Field& field,
                                                                    const SpanBlock& block);

class BoundField {
 public:
  /// Of traces that are not whole, what depends on other spans (the root, the parent, ...) is what
  /// their rows in this block say. The block must outlive what is bound; the table is kept.
  static Result<BoundField> Bind(const Field& field, const std::shared_ptr<TraceTable>& table);

  /// False if the block does not keep the field. Nothing else may be called then.
  bool available() const { return form_ != Form::kUnavailable; }
  /// True if no row has a value; known without reading a row.
  bool absent() const { return form_ == Form::kColumns && columns_.empty(); }
  /// Bytes of columns that binding has read.
  uint64_t bytes() const { return bytes_; }

  /// The rows for which `predicate(Scalar)` holds, for one of its values or, for a row that has
  /// none, for nil. The predicate is called once for each distinct value where that is possible.
  template <class Predicate>
  Bitmap Scan(const Predicate& predicate) const;

  // Shorter ways for frequent comparisons. Nullopt: this field has none, use Scan.
  /// `field op limit` of durations and counts.
  std::optional<Bitmap> CompareInts(Op op, int64_t limit) const;
  /// `field = id`, or `!=`, of trace:id, span:id and span:parentID. `id`: 32 or 16 digits.
  std::optional<Bitmap> CompareIds(Op op, std::string_view id) const;

  /// `field = text` of a column of many values, of which `equal(Scalar)` is asked for those alone
  /// that are no strings.
  template <class Predicate>
  std::optional<Bitmap> EqualText(std::string_view text, const Predicate& equal) const;

  /// Must be called once before ValueOf and ValuesOf. Takes a pass over the rows only where
  /// multiple().
  void PrepareRows();
  /// May a row have more than one value?
  bool multiple() const;
  /// The value of a row, nil if it has none. REQUIRES: !multiple().
  Scalar ValueOf(uint32_t row) const;
  /// Appends the values of a row, none if it has none. They live as long as this.
  void ValuesOf(uint32_t row, std::vector<Scalar>* out) const;

  /// The column whose codes are all there is to this field, one for each row; null if there is
  /// more or less to it.
  const Column* only_column() const {
    const bool plain = form_ == Form::kColumns && columns_.size() == 1 && !durations_ &&
                       columns_[0]->owner.empty() && columns_[0]->codes.size() == rows_;
    return plain ? columns_[0].get() : nullptr;
  }
  /// Is it the span's own duration? Then DurationAt is its number.
  bool is_duration() const { return form_ == Form::kDurations; }
  int64_t DurationAt(uint32_t row) const { return DurationBetween(starts_[row], ends_[row]); }

 private:
  enum class Form : uint8_t {
    kUnavailable,
    kColumns,    ///< columns_: of those the first that has a value for the row.
    kDurations,  ///< ends_ - starts_
    kInts,       ///< ints_
    kBytes,      ///< enums_: status or kind.
    kSpanIds,    ///< span_ids_: 0 is no value.
    kPresence,   ///< span_ids_: is it 0?
    kTraceIds,   ///< trace_ids_, trace_of_row_
    kTraceInts,  ///< ints_ of trace_of_row_, as durations.
    kNested,     ///< A number of the nested set that table_ knows.
    kParent,     ///< inner_ at parent_row_.
    kRoot,       ///< inner_ at the row in root_row_ of trace_of_row_; default_ where it has none.
  };
  /// The values of a column that has several to a row, by row.
  struct Index {
    std::vector<uint32_t> begin;
    std::vector<uint32_t> codes;
  };

  Status BindAttribute(const Field& field, const SpanBlock& block);
  Status BindColumn(Result<std::shared_ptr<const Column>> column);
  Status BindOptionalColumn(Result<std::shared_ptr<const Column>> column);
  Status BindIntrinsic(Intrinsic intrinsic, const SpanBlock& block);
  Status BindIds(Intrinsic intrinsic, const SpanBlock& block);
  Status BindDurations(const SpanBlock& block);
  Status BindEventOffsets(const SpanBlock& block);
  Status BindOfTrace(Intrinsic intrinsic, const std::shared_ptr<TraceTable>& table);
  Status BindRoot(const Field& field, const std::shared_ptr<TraceTable>& table);
  void BindInts(std::vector<int64_t> values);
  void IdsToHex();
  Scalar EnumScalar(uint8_t value) const { return {enum_kind_, false, value, 0, {}}; }
  int64_t NestedAt(uint32_t row) const { return table_->NestedSetOf(row).*nested_; }
  /// The row of inner_ whose value this row has; kNoRow for none.
  uint32_t InnerRow(uint32_t row) const {
    return form_ == Form::kParent ? parent_row_[row] : root_row_[trace_of_row_[row]];
  }
  Scalar ValueScalar(const Value& value) const {
    return durations_ ? Scalar::Duration(value.integer) : ScalarOf(value);
  }
  static Index IndexByRow(const Column& column, uint32_t rows);

  template <class Predicate>
  Bitmap ScanColumns(const Predicate& predicate) const;
  template <class Predicate>
  Bitmap ScanIds(const Predicate& predicate) const;
  template <class Predicate>
  Bitmap ScanInner(const Predicate& predicate) const;

  Form form_ = Form::kUnavailable;
  uint32_t rows_ = 0;
  uint64_t bytes_ = 0;
  std::vector<std::shared_ptr<const Column>> columns_;
  std::vector<Index> indexes_;  ///< PrepareRows: of columns_, where they have owners.
  std::vector<int64_t> ints_;
  bool durations_ = false;  ///< The values of columns_ are durations.
  std::span<const uint64_t> starts_;
  std::span<const uint64_t> ends_;
  std::span<const uint8_t> enums_;
  Scalar::Kind enum_kind_ = Scalar::Kind::kStatus;
  std::span<const SpanId> span_ids_;
  std::span<const TraceId> trace_ids_;
  std::span<const uint32_t> trace_of_row_;
  mutable std::unordered_map<uint32_t, std::string> hex_;  ///< Of rows or traces asked for.
  std::shared_ptr<BoundField> inner_;
  std::shared_ptr<TraceTable> table_;  ///< Where something of it is used.
  std::span<const uint32_t> parent_row_;
  std::vector<uint32_t> root_row_;
  Scalar default_;
  int64_t TraceTable::NestedSet::* nested_ = nullptr;
};

template <class Predicate>
std::optional<Bitmap> BoundField::EqualText(std::string_view text, const Predicate& equal) const {
  constexpr size_t kManyValues = 64;
  const Column* column = only_column();
  if (column == nullptr || column->values.size() < kManyValues) return std::nullopt;
  std::vector<uint32_t> wanted = column->index.CodesOf(column->values, text);
  for (const uint32_t code : column->index.CodesOfOthers(column->values)) {
    if (equal(ScalarOf(column->values[code - 1]))) wanted.push_back(code);
  }
  if (wanted.empty()) return Bitmap(rows_);
  if (wanted.size() == 1) return Bitmap::Equal(column->codes, wanted[0]);
  std::vector<uint8_t> verdict_of(column->values.size() + 1, 0);
  for (const uint32_t code : wanted) verdict_of[code] = 1;
  return Bitmap::WhereVerdict(column->codes, verdict_of);
}

template <class Predicate>
Bitmap BoundField::ScanColumns(const Predicate& predicate) const {
  if (const Column* column = only_column()) {
    const bool if_none = predicate(Scalar{});
    std::vector<uint8_t> verdict_of(column->values.size() + 1, if_none ? 1 : 0);
    for (size_t i = 0; i < column->values.size(); ++i) {
      verdict_of[i + 1] = predicate(ScalarOf(column->values[i])) ? 1 : 0;
    }
    return Bitmap::WhereVerdict(column->codes, verdict_of);
  }
  Bitmap result(rows_);
  Bitmap resolved(rows_);
  std::vector<uint8_t> verdicts;  // By code. Bit 0: a value; bit 1: and the predicate holds.
  for (const std::shared_ptr<const Column>& column : columns_) {
    verdicts.assign(column->values.size() + 1, 0);
    for (size_t i = 0; i < column->values.size(); ++i) {
      const Scalar value = ValueScalar(column->values[i]);
      if (value.kind == Scalar::Kind::kNil) continue;
      verdicts[i + 1] = predicate(value) ? 3 : 1;
    }
    Bitmap hits(rows_);
    Bitmap found(rows_);
    const std::vector<uint32_t>& codes = column->codes;
    if (column->owner.empty() && codes.size() == rows_) {
      for (uint32_t row = 0; row < rows_; ++row) {
        const uint8_t verdict = verdicts[codes[row]];
        hits.SetIf(row, (verdict & 2) != 0);
        found.SetIf(row, verdict != 0);
      }
    } else {
      for (size_t i = 0; i < codes.size(); ++i) {
        const uint8_t verdict = verdicts[codes[i]];
        hits.SetIf(column->owner[i], (verdict & 2) != 0);
        found.SetIf(column->owner[i], verdict != 0);
      }
    }
    hits.AndNot(resolved);
    result.Or(hits);
    resolved.Or(found);
  }
  if (predicate(Scalar{})) {
    resolved.Not();
    result.Or(resolved);
  }
  return result;
}

// Of rows that have no value of their own the answer is the one for default_.
template <class Predicate>
Bitmap BoundField::ScanInner(const Predicate& predicate) const {
  if (default_.kind == Scalar::Kind::kNil) return inner_->Scan(predicate);
  const bool if_default = predicate(default_);
  // One type for all predicates: a lambda here would ask for a Scan of its own, without end.
  const std::function<bool(const Scalar&)> or_default = [&](const Scalar& value) {
    return value.kind == Scalar::Kind::kNil ? if_default : predicate(value);
  };
  return inner_->Scan(or_default);
}

template <class Predicate>
Bitmap BoundField::ScanIds(const Predicate& predicate) const {
  if (form_ == Form::kTraceIds) {
    std::vector<uint8_t> verdicts(trace_ids_.size());
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const std::string hex = trace_ids_[i].ToHex();
      verdicts[i] = predicate(Scalar::String(hex)) ? 1 : 0;
    }
    return Bitmap::WhereVerdict(trace_of_row_.first(rows_), verdicts);
  }
  const bool if_none = predicate(Scalar{});
  if (form_ == Form::kPresence) {
    const bool if_some = predicate(Scalar{Scalar::Kind::kOpaque, false, 0, 0, {}});
    return Bitmap::Where(rows_,
                         [&](uint32_t row) { return span_ids_[row] == 0 ? if_none : if_some; });
  }
  return Bitmap::Where(rows_, [&](uint32_t row) {
    if (span_ids_[row] == 0) return if_none;
    const std::string hex = SpanIdToHex(span_ids_[row]);
    return predicate(Scalar::String(hex));
  });
}

template <class Predicate>
Bitmap BoundField::Scan(const Predicate& predicate) const {
  if (form_ == Form::kColumns) return ScanColumns(predicate);
  Bitmap result(rows_);
  switch (form_) {
    case Form::kDurations:
      for (uint32_t row = 0; row < rows_; ++row) {
        result.SetIf(row, predicate(Scalar::Duration(DurationAt(row))));
      }
      break;
    case Form::kInts:
      for (uint32_t row = 0; row < rows_; ++row) {
        result.SetIf(row, predicate(Scalar::Int(ints_[row])));
      }
      break;
    case Form::kBytes: {
      std::array<uint8_t, 256> verdicts{};
      for (size_t i = 0; i < verdicts.size(); ++i) {
        verdicts[i] = predicate(EnumScalar(static_cast<uint8_t>(i))) ? 1 : 0;
      }
      return Bitmap::WhereVerdict(enums_.first(rows_), verdicts);
    }
    case Form::kSpanIds:
    case Form::kPresence:
    case Form::kTraceIds:
      return ScanIds(predicate);
    case Form::kNested:
      if (!table_->NestAll().ok()) break;  // Bind() has read all that it needs.
      for (uint32_t row = 0; row < rows_; ++row) {
        result.SetIf(row, predicate(Scalar::Int(NestedAt(row))));
      }
      break;
    case Form::kTraceInts: {
      std::vector<uint8_t> verdicts(ints_.size());
      for (size_t i = 0; i < ints_.size(); ++i) {
        verdicts[i] = predicate(Scalar::Duration(ints_[i])) ? 1 : 0;
      }
      for (uint32_t row = 0; row < rows_; ++row) {
        result.SetIf(row, verdicts[trace_of_row_[row]] != 0);
      }
      break;
    }
    case Form::kParent:
    case Form::kRoot: {
      const Bitmap of_inner = ScanInner(predicate);
      const bool if_none = predicate(Scalar{});
      for (uint32_t row = 0; row < rows_; ++row) {
        const uint32_t inner = InnerRow(row);
        result.SetIf(row, inner == TraceTable::kNoRow ? if_none : of_inner.Test(inner));
      }
      break;
    }
    case Form::kUnavailable:
    case Form::kColumns:
      break;
  }
  return result;
}

}  // namespace tocsin::traceql
