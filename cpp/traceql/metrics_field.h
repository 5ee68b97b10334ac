/// A field of a metrics query over the rows of a block, as small numbers or as measured values.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/span_duration.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bound_field.h"
#include "cpp/traceql/metrics_buckets.h"
#include "cpp/traceql/scalar.h"
#include "cpp/traceql/source.h"
#include "cpp/traceql/trace_table.h"

namespace tocsin::traceql {

/// Rows are given as codes, 0 for a row without a value. Of several values (events, links) the
/// first counts. Equal values may have several codes.
class CodedField {
 public:
  /// REQUIRES: the table's block keeps the field.
  static Result<CodedField> Bind(const Field& field, const std::shared_ptr<TraceTable>& table);

  /// Bytes of columns that binding has read.
  uint64_t bytes() const { return bytes_; }

  /// One code for each of `rows`.
  void Gather(std::span<const uint32_t> rows, std::vector<uint32_t>* codes);
  /// Above every code that was gathered.
  uint32_t cardinality() const;
  /// Of a gathered code; nil for 0. Lives as long as the field.
  Scalar ValueOf(uint32_t code) const;

 private:
  enum class Form : uint8_t {
    kNone,
    kColumns,  ///< columns_: of those the first with a value; codes of each behind the ones before.
    kStatus,   ///< bytes_of_row_, codes one above.
    kKind,
    kValues,  ///< bound_ row by row; values_ are numbered as they are met.
  };
  struct ScalarHash {
    size_t operator()(const Scalar& value) const;
  };
  struct SameScalar {
    bool operator()(const Scalar& a, const Scalar& b) const;
  };

  Result<bool> BindColumns(const Field& field, const SpanBlock& block);
  Result<bool> BindBytes(const Field& field, const SpanBlock& block);
  void GatherValues(std::span<const uint32_t> rows, uint32_t* codes);
  uint32_t CodeOf(const Scalar& value);

  Form form_ = Form::kNone;
  uint64_t bytes_ = 0;
  std::vector<std::shared_ptr<const Column>> columns_;
  std::vector<uint32_t> first_code_;  // Of each column, less one.
  std::span<const uint8_t> bytes_of_row_;
  std::unique_ptr<BoundField> bound_;
  std::vector<Scalar> values_;
  std::unordered_map<Scalar, uint32_t, ScalarHash, SameScalar> code_of_;
};

/// The numbers that a function measures. Durations are nanoseconds here.
class MeasuredField {
 public:
  /// REQUIRES: the table's block keeps the field.
  static Result<MeasuredField> Bind(const Field& field, const std::shared_ptr<TraceTable>& table);

  uint64_t bytes() const;

  /// One number for each of `rows`; NaN for a row without one.
  void Gather(std::span<const uint32_t> rows, std::vector<double>* numbers);
  /// One bucket for each of `rows`; 0 for a row without one.
  void GatherBuckets(std::span<const uint32_t> rows, std::vector<BucketCode>* buckets);

 private:
  int64_t DurationOf(uint32_t row) const { return DurationBetween(starts_[row], ends_[row]); }

  bool durations_ = false;
  std::span<const uint64_t> starts_;
  std::span<const uint64_t> ends_;
  CodedField coded_;
  std::vector<uint32_t> codes_;
};

/// True if the field's numbers are nanoseconds, which the answer gives in seconds.
bool IsDuration(const Field& field);

}  // namespace tocsin::traceql
