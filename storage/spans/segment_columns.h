/// The decoded columns of one segment: read when first asked for, shared through the cache, held
/// for as long as this object lives. Private to storage/spans.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/traceql/source.h"
#include "storage/columnar/column_cache.h"
#include "storage/columnar/integers.h"
#include "storage/spans/segment_format.h"

namespace tocsin::storage {

/// Where a segment's values are. Thread-safe.
class SegmentSource {
 public:
  virtual ~SegmentSource() = default;
  /// kNotFound if there is no such value.
  virtual Result<std::string> Value(uint32_t index) const = 0;
};

struct TraceTable {
  std::vector<TraceId> ids;  ///< Ascending.
  std::vector<uint32_t>
      first_row;  ///< One more than ids: trace t has rows [first_row[t], ...[t + 1]).
  std::vector<uint64_t> through;
  size_t MemoryBytes() const;
};

struct ScopeTable {
  std::vector<uint32_t> resource;  ///< Index into the resources.
  std::vector<uint64_t> dropped;
  ValueList names;
  ValueList versions;
  ValueList schemas;
  size_t MemoryBytes() const;
};

struct ResourceTable {
  std::vector<uint64_t> dropped;
  ValueList schemas;
  size_t MemoryBytes() const;
};

struct EventTable {
  std::vector<uint32_t> begin;  ///< One more than rows.
  std::vector<uint64_t> times;  ///< Since the start of the event's span, modulo 2^64.
  std::vector<uint64_t> dropped;
  size_t MemoryBytes() const;
};

struct LinkTable {
  std::vector<uint32_t> begin;  ///< One more than rows.
  std::vector<uint64_t> ids;    ///< Three each: the trace id's halves and the span id.
  std::vector<uint64_t> flags;
  std::vector<uint64_t> dropped;
  ValueList states;
  size_t MemoryBytes() const;
};

/// Who is whose parent.
struct ParentTable {
  std::vector<uint32_t> row;  ///< Of each row the row with its parent's id; SpanBlock::kNoRow.
  std::vector<uint32_t> foreign_rows;  ///< Whose parent is in no row; ascending.
  std::vector<uint64_t> foreign_ids;   ///< Their parents.
  size_t MemoryBytes() const;
};

/// A text that few rows have.
struct SparseTexts {
  std::vector<uint64_t> rows;  ///< Ascending.
  ValueList texts;
  size_t MemoryBytes() const;
};

/// Counts that few rows have.
struct DroppedTable {
  std::vector<uint64_t> rows;  ///< Ascending.
  std::vector<uint64_t> attributes;
  std::vector<uint64_t> events;
  std::vector<uint64_t> links;
  size_t MemoryBytes() const;
};

/// Entries of a column that are asked for by their place in the whole: of the decoded column, or of
/// what alone was decoded.
template <class T>
class ColumnPart {
 public:
  ColumnPart(std::shared_ptr<const T> values, size_t first)
      : values_(std::move(values)), first_(first) {}
  /// Where entry `entry` of the column is in values(). REQUIRES: it was asked for.
  size_t At(size_t entry) const { return entry - first_; }
  const T& values() const { return *values_; }
  const auto& operator[](size_t entry) const { return (*values_)[At(entry)]; }

 private:
  std::shared_ptr<const T> values_;
  size_t first_;
};

/// Thread-safe. What is returned is consistent in itself: every index is valid, every list as long
/// as it must be. Otherwise kCorruption, naming the segment and the column.
class SegmentColumns {
 public:
  static Result<std::unique_ptr<SegmentColumns>> Open(std::unique_ptr<SegmentSource> source,
                                                      uint64_t number,
                                                      std::shared_ptr<ColumnCache> cache);

  template <class T>
  using Loaded = Result<std::shared_ptr<const T>>;
  using Numbers = std::vector<uint64_t>;
  using Codes = std::vector<uint32_t>;

  const SegmentFooter& footer() const { return *footer_; }
  uint32_t rows() const { return footer_->stub.rows; }

  Loaded<TraceTable> Traces() const;
  Loaded<Codes> TraceOfRow() const;
  Loaded<Numbers> SpanIds() const;
  Loaded<ParentTable> ParentReferences() const;
  Loaded<Numbers> Parents() const;
  /// As SpanBlock::ParentRows() has them while no row is hidden.
  Loaded<Codes> ParentRows() const;
  Loaded<Numbers> Starts() const;
  Loaded<Numbers> Ends() const;
  Loaded<ValueList> Names() const;
  Loaded<std::vector<SpanKind>> Kinds() const;
  Loaded<std::vector<SpanStatus>> Statuses() const;
  Loaded<Numbers> Flags() const;
  Loaded<Codes> ScopeOfRow() const;
  Loaded<Numbers> WireSizes() const;
  /// `column`: kStatusMessagesColumn or kTraceStatesColumn.
  Loaded<SparseTexts> Sparse(uint32_t column) const;
  Loaded<DroppedTable> Dropped() const;
  Loaded<ScopeTable> Scopes() const;
  Loaded<ResourceTable> Resources() const;
  Loaded<EventTable> Events() const;
  Loaded<ValueList> EventNames() const;
  Loaded<LinkTable> Links() const;
  /// One code a row of the scope; empty where the scope has no rows.
  Loaded<Shapes> ShapesOf(AttrScope scope) const;
  /// Values of footer().attributes[index].
  Loaded<ValueList> Attribute(uint32_t index) const;
  bool HasOverflow(AttrScope scope) const;
  Loaded<Overflow> OverflowOf(AttrScope scope) const;

  template <class T>
  using Part = Result<ColumnPart<T>>;

  /// The same for rows [first, last) alone. If the decoded column is at hand, or will be asked for
  /// often enough to be kept, it is of that; otherwise only what is needed is decoded, and not
  /// kept. REQUIRES, here and below: first <= last <= rows().
  Part<Numbers> SpanIds(Slice slice) const;
  Part<Numbers> Parents(Slice slice) const;
  Part<Numbers> Starts(Slice slice) const;
  /// `starts`: what Starts() gave for at least these rows.
  Part<Numbers> Ends(Slice slice, const ColumnPart<Numbers>& starts) const;
  Part<ValueList> Names(Slice slice) const;
  Part<std::vector<SpanKind>> Kinds(Slice slice) const;
  Part<std::vector<SpanStatus>> Statuses(Slice slice) const;
  Part<Numbers> Flags(Slice slice) const;
  Part<Codes> ScopeOfRow(Slice slice) const;
  Part<Numbers> WireSizes(Slice slice) const;
  /// Some entries of footer().attributes[index]. REQUIRES: the shapes say that they are there.
  Part<ValueList> Attribute(uint32_t index, Slice entries) const;

  /// What is in the frame of a value, not kept.
  Result<std::string> ValueBody(uint32_t index) const { return OpenValue(index); }
  /// False only if no value that the value filter covers has that hash. REQUIRES: the footer has a
  /// filter.
  Result<bool> FilterMayContain(uint64_t hash) const;

  /// A column that `make` derives from others, kept under (column, form). Forms below
  /// kFirstDerivedForm are this class's own.
  static constexpr uint32_t kFirstDerivedForm = 8;
  using MakeColumn = std::function<Result<traceql::Column>()>;
  Loaded<traceql::Column> Derived(uint32_t column, uint32_t form, const MakeColumn& make) const;

  /// kCorruption that names the column.
  Failure Damaged(uint32_t column, std::string_view how) const;
  /// `status`, with the segment's number in front if it is not there yet.
  Status InSegment(const Status& status) const;

 private:
  SegmentColumns(std::unique_ptr<SegmentSource> source, uint64_t number,
                 std::shared_ptr<ColumnCache> cache)
      : source_(std::move(source)), number_(number), cache_(std::move(cache)) {}

  template <class T, class Make>
  Loaded<T> Load(uint32_t column, uint32_t form, const Make& make) const;
  template <class T, class Read>
  Loaded<T> Decode(uint32_t column, const Read& read) const;
  template <class T, class Whole, class Read>
  Part<T> ReadPart(uint32_t column, Slice slice, const Whole& whole, const Read& read) const;
  bool WantsWhole(uint32_t column, Slice slice) const;
  Failure InColumn(uint32_t column, const Status& status) const;
  Result<std::string> ColumnBytes(uint32_t column) const;
  Loaded<std::string> SharedValue(uint32_t index) const;
  Result<std::string> OpenValue(uint32_t index) const;
  uint32_t SlotsOf(AttrScope scope) const;
  Result<size_t> RowsOf(AttrScope scope) const;

  const std::unique_ptr<SegmentSource> source_;
  const uint64_t number_;
  const std::shared_ptr<ColumnCache> cache_;
  std::shared_ptr<const SegmentFooter> footer_;

  mutable std::mutex mutex_;
  // The page of the value filter that was read last: one condition asks several times.
  mutable uint32_t filter_page_ = UINT32_MAX;
  mutable std::string filter_bytes_;
  struct Held {
    std::shared_ptr<const Cached> kept;
    std::weak_ptr<const Cached> seen;  // As long as somebody else keeps it.
    std::shared_ptr<const Cached> Get() const { return kept != nullptr ? kept : seen.lock(); }
  };
  std::shared_ptr<const Cached> FindHeld(uint64_t name) const;

  // By column << 32 | form. Columns of attributes, and what is derived, are only seen: a segment
  // may have thousands of them.
  mutable std::unordered_map<uint64_t, Held> held_;
};

}  // namespace tocsin::storage
