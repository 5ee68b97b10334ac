/// The rows of a segment counted, so that most metrics queries need not read them: how many start
/// in each minute, by the service, the kind, the status, whether they are roots and, in a table of
/// its own, by the power of two of their duration. Private to storage/spans. Byte layout:
/// storage/FORMAT.md, "Counts".

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"
#include "storage/spans/segment_attributes.h"

namespace tocsin::storage {

/// Counts rows one by one, and makes the tables.
class SpanCounter {
 public:
  /// `first_start`: the least start of any row.
  explicit SpanCounter(uint64_t first_start) : first_minute_(MinuteOf(first_start)) {}

  struct Row {
    uint32_t service = 0;  ///< 0: none; otherwise what AddService gave.
    SpanKind kind = SpanKind::kUnspecified;
    SpanStatus status = SpanStatus::kUnset;
    bool root = false;
    uint64_t start = 0;
    uint64_t end = 0;
  };
  /// The number of a service. REQUIRES: each name once.
  uint32_t AddService(std::string_view name);
  void Add(const Row& row);
  /// A row cannot be counted: there will be no tables.
  void GiveUp() { possible_ = false; }

  /// The frames of the tables; "" for one that would hardly be smaller than the rows.
  std::string Counts() const { return Encode(false); }
  std::string CountsByDuration() const { return Encode(true); }

 private:
  static uint64_t MinuteOf(uint64_t start);
  std::vector<uint32_t> ServiceOrder() const;
  std::string Encode(bool durations) const;

  const uint64_t first_minute_;
  bool possible_ = true;
  uint64_t rows_ = 0;
  std::vector<std::string> services_;
  Dictionary keys_;  // What rows that are counted together have in common.
  std::vector<uint32_t> counts_;
};

/// A table as the executor takes it. `rows`: of the segment; a table of another number of rows is
/// damaged.
Result<std::shared_ptr<const traceql::CountedRows>> DecodeCounts(std::string_view frame,
                                                                 uint32_t rows);

}  // namespace tocsin::storage
