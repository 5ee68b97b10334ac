/// What the TraceQL executor needs from whoever holds spans: blocks of rows, each giving its
/// columns in coded form. Implemented by storage/spans over sealed segments and over live batches,
/// and by fakes in tests.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/text_index.h"

namespace tocsin::traceql {

/// One distinct value of a column.
struct Value {
  ValueType type = ValueType::kEmpty;
  std::string text;     ///< kString, kBytes; kComposite: the protobuf encoding of the AnyValue.
  int64_t integer = 0;  ///< kInt; kBool: 0 or 1.
  double number = 0;    ///< kDouble.

  friend bool operator==(const Value&, const Value&) = default;
};

/// A column in coded form: a predicate is evaluated once per entry of `values`, then per row on
/// codes.
struct Column {
  std::vector<Value> values;    ///< Distinct.
  std::vector<uint32_t> codes;  ///< 0: absent; otherwise values[code - 1].
  /// Empty: codes[i] is of span row i. Otherwise codes[i] is of an event or link that belongs to
  /// span row owner[i]; a row may have none or many.
  std::vector<uint32_t> owner;
  /// For columns of many values. What it takes is in no budget: a seventh of the values at most.
  TextIndex index;
};

class SpanBlock;

/// The rows of a block, those that are alike taken together. Immutable.
struct CountedRows {
  /// So many rows of the block, which start from `first` to `last` (Unix nanoseconds, both
  /// included; at most an hour), are like this row of `spans`.
  struct Cell {
    uint32_t row = 0;
    uint32_t count = 0;
    uint64_t first = 0;
    uint64_t last = 0;
  };
  /// Rows are alike in `resource.service.name`, in kind and status, in that they have a parent id
  /// or none and, where it was asked for, in the bucket (metrics_buckets.h) of their duration.
  /// Nothing else of these spans means anything.
  std::shared_ptr<const SpanBlock> spans;
  std::vector<Cell> cells;
};

/// The name of an attribute and where it stands.
struct AttributeKey {
  AttrScope scope = AttrScope::kSpan;
  std::string key;

  friend auto operator<=>(const AttributeKey&, const AttributeKey&) = default;
};

/// Immutable rows. Thread-safe. Spans returned by the accessors live as long as the block, or until
/// Release().
class SpanBlock {
 public:
  virtual ~SpanBlock() = default;

  virtual uint32_t rows() const = 0;
  /// The least start and the greatest end of any row, Unix nanoseconds. Known without reading rows.
  /// A row that ends before it starts counts as ending where it starts, so that no start lies
  /// behind max_end().
  virtual uint64_t min_start() const = 0;
  virtual uint64_t max_end() const = 0;

  /// Distinct trace ids of the block, and for each row the index into them.
  virtual Result<std::span<const TraceId>> Traces() const = 0;
  virtual Result<std::span<const uint32_t>> TraceOfRow() const = 0;
  virtual Result<std::span<const SpanId>> SpanIds() const = 0;
  virtual Result<std::span<const SpanId>> ParentSpanIds() const = 0;
  virtual Result<std::span<const uint64_t>> Starts() const = 0;
  virtual Result<std::span<const uint64_t>> Ends() const = 0;
  virtual Result<std::span<const SpanKind>> Kinds() const = 0;
  virtual Result<std::span<const SpanStatus>> Statuses() const = 0;
  // The next five always have a value: what is empty is "", not absent.
  virtual Result<std::shared_ptr<const Column>> Names() const = 0;
  virtual Result<std::shared_ptr<const Column>> StatusMessages() const = 0;
  /// Event names (owner set), scope name, version.
  virtual Result<std::shared_ptr<const Column>> EventNames() const = 0;
  virtual Result<std::shared_ptr<const Column>> ScopeNames() const = 0;
  virtual Result<std::shared_ptr<const Column>> ScopeVersions() const = 0;
  /// Times of events (owner set, kInt: Unix nanoseconds), trace and span ids of links (owner set,
  /// kBytes of 16 and 8 bytes). A block that does not keep one as a column answers null: conditions
  /// on it are then evaluated on whole traces, which is exact and slower.
  virtual Result<std::shared_ptr<const Column>> EventTimes() const { return nullptr; }
  virtual Result<std::shared_ptr<const Column>> LinkTraceIds() const { return nullptr; }
  virtual Result<std::shared_ptr<const Column>> LinkSpanIds() const { return nullptr; }

  /// The column of an attribute, of whatever types it has; null if no row has it. Of a key that
  /// stands twice in one list the first counts.
  virtual Result<std::shared_ptr<const Column>> Attribute(AttrScope scope,
                                                          std::string_view key) const = 0;

  static constexpr uint32_t kNoRow = UINT32_MAX;

  /// Rows that count as not there: deleted, or the same span (id, start and end) as another row of
  /// this block. Null: none. The accessors above give these rows too.
  virtual Result<std::shared_ptr<const Bitmap>> Hidden() const { return nullptr; }
  /// For each of Traces(), 1 if this block is known to have all spans of the trace among the rows
  /// that are not hidden. The others can be evaluated only on what SpanView::Trace() gives. Empty:
  /// none is known to be whole.
  virtual Result<std::span<const uint8_t>> Whole() const { return std::span<const uint8_t>(); }
  /// For each row the row of its parent, as WholeTrace::parent_row() has it; kNoRow for none. Of
  /// use for traces that are whole. Empty: not kept, to be found through the ids.
  virtual Result<std::span<const uint32_t>> ParentRows() const {
    return std::span<const uint32_t>();
  }

  /// All rows of the block, counted, if it has them so: only where none is hidden and all traces
  /// are whole. Null: it has not. What is damaged counts as not there.
  virtual Result<std::shared_ptr<const CountedRows>> Counted(bool with_durations) const {
    (void)with_durations;
    return nullptr;
  }

  /// Every attribute that a row may have, each once, in no particular order.
  virtual Result<std::vector<AttributeKey>> AttributeKeys() const = 0;
  /// False only if no row can satisfy `field op literal`. Decided by what is at hand (footers,
  /// filters, ranges), never by decoding a column.
  virtual bool MayMatch(const Field& field, Op op, const Literal& literal) const {
    (void)field;
    (void)op;
    (void)literal;
    return true;
  }

  /// Lets go of what was read for the accessors; it is read again when it is asked for again. A
  /// query over a month must not hold all that it has seen. REQUIRES: nobody uses the block, nor
  /// spans that it returned.
  virtual void Release() const {}
};

/// A consistent view: what was acknowledged before it was taken, and nothing later.
class SpanView {
 public:
  virtual ~SpanView() = default;
  /// Blocks that may hold spans in the asked range; every span is in exactly one.
  virtual std::span<const std::shared_ptr<const SpanBlock>> blocks() const = 0;
  /// Everything of one trace, in every block, also outside the asked range, ordered by (start, span
  /// id), duplicates (same span id, start and end) dropped; an empty batch if there is none.
  virtual Result<SpanBatch> Trace(const TraceId& id) const = 0;
  /// The same spans in pieces of bounded size, each ordered by (start, span id), the pieces in no
  /// particular order, until `visit` returns false: for traces that are too large to be held. None
  /// is empty; no call if the trace has no spans.
  virtual Status TracePieces(const TraceId& id, const std::function<bool(SpanBatch)>& visit) const {
    TOCSIN_ASSIGN_OR_RETURN(SpanBatch batch, Trace(id));
    if (!batch.empty()) visit(std::move(batch));
    return {};
  }
};

class SpanSource {
 public:
  virtual ~SpanSource() = default;
  /// A view of the tenant's spans that touch [from, to] (Unix nanoseconds). Thread-safe.
  virtual std::shared_ptr<const SpanView> View(std::string_view tenant, uint64_t from,
                                               uint64_t to) const = 0;
};

}  // namespace tocsin::traceql
