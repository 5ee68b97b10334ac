#include "storage/spans/hidden_rows.h"

#include <bit>
#include <cstddef>
#include <tuple>

#include "cpp/base/seeded_mix.h"
#include "cpp/traceql/source.h"

namespace tocsin::storage {
namespace {

constexpr uint32_t kNoRow = traceql::SpanBlock::kNoRow;

// Rows by some of their numbers.
class RowTable {
 public:
  explicit RowTable(size_t rows) : slots_(std::bit_ceil(rows * 2 + 2), kNoRow) {}

  /// The place of the row that `equal` accepts, or where it would go: then it holds kNoRow.
  template <class Equal>
  uint32_t& Find(uint64_t hash, const Equal& equal) {
    for (size_t at = hash;; ++at) {
      uint32_t& slot = slots_[at & (slots_.size() - 1)];
      if (slot == kNoRow || equal(slot)) return slot;
    }
  }

 private:
  std::vector<uint32_t> slots_;
};

}  // namespace

std::shared_ptr<const traceql::Bitmap> DuplicateRows(const RowKeys& keys,
                                                     const traceql::Bitmap* hidden) {
  const auto rows = static_cast<uint32_t>(keys.span_ids.size());
  std::shared_ptr<traceql::Bitmap> duplicates;
  RowTable table(rows);
  for (uint32_t row = 0; row < rows; ++row) {
    if (hidden != nullptr && hidden->Test(row)) continue;
    const uint64_t hash =
        SeededMix(SeededMix(keys.span_ids[row] ^ keys.starts[row]) ^ keys.ends[row]);
    uint32_t& known = table.Find(hash, [&](uint32_t other) {
      return keys.span_ids[other] == keys.span_ids[row] && keys.starts[other] == keys.starts[row] &&
             keys.ends[other] == keys.ends[row] && keys.kinds[other] == keys.kinds[row] &&
             keys.trace_of_row[other] == keys.trace_of_row[row];
    });
    if (known == kNoRow) {
      known = row;
      continue;
    }
    if (duplicates == nullptr) duplicates = std::make_shared<traceql::Bitmap>(rows);
    duplicates->Set(row);
  }
  return duplicates;
}

std::vector<uint32_t> FindParentRows(const RowKeys& keys, std::span<const SpanId> parents,
                                     const traceql::Bitmap* hidden) {
  const auto rows = static_cast<uint32_t>(keys.span_ids.size());
  RowTable table(rows);
  const auto find = [&](uint32_t trace, SpanId id) -> uint32_t& {
    return table.Find(SeededMix(id ^ uint64_t{trace} << 32), [&, trace, id](uint32_t other) {
      return keys.span_ids[other] == id && keys.trace_of_row[other] == trace;
    });
  };
  const auto order = [&](uint32_t row) {
    return std::tuple(keys.starts[row], keys.ends[row], row);
  };
  for (uint32_t row = 0; row < rows; ++row) {
    if (hidden != nullptr && hidden->Test(row)) continue;
    uint32_t& first = find(keys.trace_of_row[row], keys.span_ids[row]);
    if (first == kNoRow || order(row) < order(first)) first = row;
  }
  std::vector<uint32_t> found(rows, kNoRow);
  for (uint32_t row = 0; row < rows; ++row) {
    if (parents[row] == 0 || parents[row] == keys.span_ids[row]) continue;
    found[row] = find(keys.trace_of_row[row], parents[row]);
  }
  return found;
}

}  // namespace tocsin::storage
