/// The spans of one tenant that are in no segment yet, and how they get there: live trace -> open
/// block -> cut -> sealed. Nothing here touches a file or a clock.
///
/// Rows stay in the batches in which they arrived. What moves between the stages are *fragments*:
/// the rows of one trace in one batch. A batch is let go when its last fragment is sealed. Whoever
/// puts a trace into a segment puts all of its fragments there that are not in an earlier one, so
/// that of every trace a prefix of the log is sealed; recovery relies on it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "storage/spans/live_block.h"
#include "storage/spans/log_format.h"
#include "storage/spans/segment.h"

namespace tocsin::storage {

/// What one segment write takes away from the live set. Owns its batches, so that it can be sorted
/// and encoded while the live set changes.
struct CutBlock {
  struct Part {
    LogPosition position = 0;
    std::shared_ptr<const SpanBatch> batch;
    std::vector<uint32_t> traces;  ///< Indices into batch->traces, ascending.
  };
  std::vector<Part> parts;  ///< Ascending by position; never empty.
};

/// The rows of a cut block in the order of a segment.
struct SortedRows {
  /// As RowOrder has it, of rows equal in that the first received.
  std::vector<RowRef> rows;
  std::vector<uint64_t> through;      ///< For each distinct trace, its last position in the block.
  std::vector<uint32_t> trace_begin;  ///< First row of each distinct trace.
};
SortedRows SortRows(const CutBlock& block);

/// Not thread-safe.
class LiveTraces {
 public:
  /// When the open block is full: it then takes nothing more. An empty one takes any trace.
  struct BlockLimits {
    uint32_t rows = kMaxSegmentRows;               ///< No trace beyond it.
    uint64_t wire_bytes = uint64_t{50} * 1048576;  ///< No trace once it is reached.
  };
  explicit LiveTraces(const BlockLimits& limits) : limits_(limits) {}

  /// `sealed`: by index in batch->traces, those whose rows are in a segment already; empty: none.
  /// REQUIRES: positions ascend; at least one trace is not sealed.
  void Insert(LogPosition position, Nanos received, std::shared_ptr<const SpanBatch> batch,
              const std::vector<bool>& sealed = {});

  enum class Moved : uint8_t {
    kNothing,    ///< Nothing was due.
    kSome,       ///< Everything that was due is in the open block.
    kBlockFull,  ///< Cut the block, then call again.
  };
  /// Moves the traces whose last rows were received at or before `until` to the open block. Late
  /// rows of a trace that is there follow at once.
  Moved MoveIdle(Nanos until, Nanos now);
  /// Moves every trace that has rows in the oldest batch of which some are not in the block yet, if
  /// that batch was received at or before `until`.
  Moved MoveOldest(Nanos until, Nanos now);

  uint32_t block_rows() const { return block_.rows; }
  uint64_t block_wire_bytes() const { return block_.wire_bytes; }
  bool block_full() const { return block_.rows > 0 && !BlockHasRoom(1); }
  /// When the open block got its first trace. REQUIRES: block_rows() > 0.
  Nanos block_opened() const { return block_.opened; }

  /// Closes the open block. Its rows stay in views until MarkSealed. REQUIRES: block_rows() > 0,
  /// and the block cut before is marked.
  /// Of traces that leave with `remember` or more wire bytes in all the size stays known.
  CutBlock Cut(uint64_t remember = UINT64_MAX);
  /// The rows of the block are in segments. What the live set let go is put to `freed`, so that the
  /// caller frees it outside of its lock.
  void MarkSealed(const CutBlock& block, std::vector<std::shared_ptr<const SpanBatch>>* freed);

  /// Traces of which it is not known yet whether segments have rows of them, each once. Whoever
  /// takes them finds out and says so with MarkSplit.
  /// Those that were sealed meanwhile are left out: they were looked up then, and would find
  /// themselves now.
  std::vector<TraceId> TakeUnchecked();
  /// Puts these back among them.
  void CheckAgain(std::span<const TraceId> ids) {
    unchecked_.insert(unchecked_.end(), ids.begin(), ids.end());
  }
  bool has_unchecked() const { return !unchecked_.empty(); }
  /// Of these traces segments have rows too. Those that are not live are passed over.
  void MarkSplit(std::span<const TraceId> ids);
  using TraceIdSet = std::unordered_set<TraceId, TraceIdHash>;
  /// Everything that was marked and has unsealed rows; null: none.
  std::shared_ptr<const TraceIdSet> split() const { return split_; }
  /// Bytes on the wire of the trace as far as they are known here: of what came since it was last
  /// sealed, and of what was sealed before if somebody said so or Cut() remembers it.
  uint64_t WireBytes(const TraceId& id) const;
  /// Only of what came since it was last sealed.
  uint64_t UnsealedBytes(const TraceId& id) const;
  /// The trace, if it is live, has at least so many in segments.
  void SetSealedBytes(const TraceId& id, uint64_t bytes);
  /// What was sealed of the trace is gone.
  void ForgetSealedBytes(const TraceId& id);
  /// Whether the trace has rows that are neither sealed nor in a block that was cut.
  bool IsLive(const TraceId& id) const { return traces_.contains(id); }

  /// All unsealed rows, in pieces of a few thousand.
  void AppendParts(std::vector<std::shared_ptr<const LiveParts>>* parts);

  bool empty() const { return batches_.empty(); }
  /// The least position with an unsealed row; UINT64_MAX if there is none.
  LogPosition oldest() const { return empty() ? UINT64_MAX : batches_.begin()->first; }
  /// Distinct live traces; those in the open block included.
  size_t traces() const { return traces_.size(); }
  /// Bytes of memory held.
  size_t bytes() const { return bytes_; }

 private:
  enum class Stage : uint8_t { kLive, kBlock, kSealed };
  struct FragmentRef {
    LogPosition position = 0;  // 0: none.
    uint32_t trace = 0;        // Index into the batch's traces.
    friend bool operator==(const FragmentRef&, const FragmentRef&) = default;
  };
  struct Fragment {
    FragmentRef next;  // The same trace's next one, in log order.
    uint32_t rows = 0;
    uint32_t wire_bytes = 0;
    Stage stage = Stage::kLive;
  };
  struct Batch {
    std::shared_ptr<const SpanBatch> spans;
    Nanos received = 0;
    std::vector<Fragment> fragments;  // As spans->traces.
    uint32_t unsealed = 0;            // Fragments.
    bool partial = false;             // Some fragment is sealed.
    size_t bytes = 0;
  };
  struct Trace {
    FragmentRef first;
    FragmentRef last;
    uint32_t rows = 0;
    bool in_block = false;
    uint64_t wire_bytes = 0;    // Unsealed ones.
    uint64_t sealed_bytes = 0;  // As far as known.
  };
  // Consecutive batches that a view sees as one block.
  struct Group {
    size_t batches = 0;
    size_t rows = 0;
    std::shared_ptr<const LiveParts> parts;  // Null: to be made anew.
  };
  struct OpenBlock {
    std::vector<FragmentRef> fragments;
    uint32_t rows = 0;
    uint64_t wire_bytes = 0;
    Nanos opened = 0;
  };
  using Batches = std::map<LogPosition, Batch>;
  using Groups = std::map<LogPosition, Group>;

  void LinkFragment(LogPosition position, Batch& batch, uint32_t trace);
  void AddToBlock(FragmentRef at, Fragment& fragment);
  bool BlockHasRoom(uint32_t rows) const;
  bool MoveTrace(Trace& trace, Nanos now);
  std::shared_ptr<const LiveParts> MakeParts(LogPosition begin, LogPosition end) const;
  Groups::iterator GroupOf(LogPosition position);
  void ForgetSplit(const CutBlock& block);
  void Remember(const TraceId& id, uint64_t bytes);

  const BlockLimits limits_;
  Batches batches_;
  std::unordered_map<TraceId, Trace, TraceIdHash> traces_;
  std::vector<TraceId> unchecked_;
  std::shared_ptr<const TraceIdSet> split_;
  // Wire bytes of large traces that are sealed, the oldest entries first to go.
  std::unordered_map<TraceId, uint64_t, TraceIdHash> large_;
  std::deque<TraceId> large_order_;
  OpenBlock block_;
  Groups groups_;  // By the position of their first batch.
  // Everything at or below these was looked at: for idleness, and for having to move.
  LogPosition idle_cursor_ = 0;
  LogPosition oldest_cursor_ = 0;
  size_t bytes_ = 0;
};

}  // namespace tocsin::storage
