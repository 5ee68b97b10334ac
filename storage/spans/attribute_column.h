/// The column of one attribute key, put together from the columns of its types and the overflow
/// column of its scope. Private to storage/spans.

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"
#include "storage/spans/segment_columns.h"

namespace tocsin::storage {

/// A list of values as a column without owners in which every entry has a value.
traceql::Column ToColumn(const ValueList& list);

/// For one thread and one use.
class AttributeMerger {
 public:
  AttributeMerger(const SegmentColumns& columns, AttrScope scope, std::string_view key)
      : columns_(columns), scope_(scope), key_(key) {}

  /// Where the key is: no column is decoded but that of the overflow.
  Status Find();

  bool found() const { return !attributes_.empty() || !overflow_keys_.empty(); }

  /// Under which column and form the result is kept. REQUIRES: found().
  std::pair<uint32_t, uint32_t> Name() const;

  /// Over the rows of the scope. REQUIRES: found().
  Result<traceql::Column> Merge();

 private:
  struct Source {
    uint32_t slot;
    uint32_t base;  // Code of its first value in the merged column.
    std::shared_ptr<const ValueList> values;
    size_t next = 0;
  };

  void FillFromColumns(traceql::Column* column);
  void FillWithOverflow(traceql::Column* column);
  uint32_t OverflowCode(size_t entry, traceql::Column* column);
  traceql::Value OverflowValue(uint32_t key, uint32_t code) const;

  const SegmentColumns& columns_;
  const AttrScope scope_;
  const std::string_view key_;
  SegmentFooter::Range range_;
  std::vector<uint32_t> attributes_;     // Indices in the footer, of several types.
  std::vector<uint32_t> overflow_keys_;  // Of several types.
  std::shared_ptr<const Shapes> shapes_;
  std::shared_ptr<const Overflow> overflow_;
  std::vector<Source> sources_;
  std::unordered_map<uint64_t, uint32_t> overflow_codes_;  // By key << 32 | value.
};

}  // namespace tocsin::storage
