/// Builds a SpanBatch row by row, interning as it goes. One builder makes one batch; it belongs to
/// one thread. The order of calls is the order of OTLP:
///
///     builder.BeginResource();  builder.AddAttr(...)*;  builder.EndResource(...)
///       builder.BeginScope();   builder.AddAttr(...)*;  builder.EndScope(...)
///         span columns are pushed to batch() directly, then builder.EndSpan()
///
/// The wire decoders and the segment reader use the same builder, so that a trace read back from
/// disk is built exactly as one read from the wire.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/model/span_batch.h"

namespace tocsin {

class SpanBatchBuilder {
 public:
  SpanBatchBuilder();

  /// The id of `text` in the batch; equal texts share one.
  StringId Intern(std::string_view text);

  /// The index into `keys` of (name, type).
  uint32_t InternKey(std::string_view name, ValueType type);

  /// The index into `traces`.
  uint32_t InternTrace(const TraceId& id);

  // Appends one attribute to the list that is being built (batch().attrs). The caller notes the
  // range: attrs.size() before and after.
  void AddString(std::string_view key, std::string_view value);
  void AddBool(std::string_view key, bool value);
  void AddInt(std::string_view key, int64_t value);
  void AddDouble(std::string_view key, double value);
  void AddBytes(std::string_view key, std::string_view value);
  /// `any_value`: the protobuf encoding of an AnyValue that holds an array or a kvlist.
  void AddComposite(std::string_view key, std::string_view any_value);
  void AddEmpty(std::string_view key);

  /// What is being built. Callers push whole rows: after the pushes of a row every column of spans
  /// has the same length, and the begin columns one more.
  SpanBatch& batch() { return batch_; }

  /// A copy of row `row` of `from` with its resource, scope, events and links; equal resources and
  /// scopes that are copied one after another are shared.
  void CopyRow(const SpanBatch& from, uint32_t row);

  /// Leaves the builder spent. The columns are trimmed to their size.
  SpanBatch Finish() &&;

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t id = 0;  // + 1; 0 marks an empty slot.
  };
  void GrowStrings();
  void GrowTraces();
  SpanBatch::AttrRange CopyAttrs(const SpanBatch& from, SpanBatch::AttrRange range);

  SpanBatch batch_;
  std::vector<Slot> string_slots_;
  std::vector<Slot> key_slots_;
  std::vector<Slot> trace_slots_;
  // CopyRow: where the last copied resource and scope came from, and where they went.
  const SpanBatch* copied_from_ = nullptr;
  std::vector<uint32_t> copied_scopes_;     // By index in copied_from_; UINT32_MAX: not yet.
  std::vector<uint32_t> copied_resources_;
};

}  // namespace tocsin
