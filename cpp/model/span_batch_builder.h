/// Builds a SpanBatch row by row, interning as it goes. One builder makes one batch; it belongs to
/// one thread. Lists of attributes are built in batch().attrs, and whoever owns a list notes its
/// range:
///
///     SpanBatch& batch = builder.batch();
///     uint32_t begin = builder.AttrCount();
///     builder.AddString("service.name", "checkout");
///     batch.resources.push_back({.attrs = {begin, builder.AttrCount()}});
///     begin = builder.AttrCount();
///     batch.scopes.push_back({.resource = 0, .attrs = {begin, builder.AttrCount()}});
///     ...for each span: builder.AddString(...), batch.events.push_back(...),
///     batch.span_id.push_back(...),
///     ...and so on for every column, at last batch.attr_begin.push_back(builder.AttrCount()),
///     ...batch.event_begin.push_back(...), batch.link_begin.push_back(...)
///     SpanBatch done = std::move(builder).Finish();
///
/// While the batch is being built, the lists of a span, its events and its links may be
/// interleaved, and those of resources and scopes lie between spans: every attribute that no
/// resource, scope, event or link has in its range belongs to the row around it. Finish() sorts
/// that out, so only the finished batch is to be read by attr_begin.
///
/// The wire decoders and the segment reader use the same builder, so that a trace read back from
/// disk is built exactly as one read from the wire.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

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
  // range: AttrCount() before and after.
  void AddString(std::string_view key, std::string_view value);
  void AddBool(std::string_view key, bool value);
  void AddInt(std::string_view key, int64_t value);
  void AddDouble(std::string_view key, double value);
  void AddBytes(std::string_view key, std::string_view value);
  /// `any_value`: the protobuf encoding of an AnyValue that holds an array or a kvlist.
  void AddComposite(std::string_view key, std::string_view any_value);
  void AddEmpty(std::string_view key);

  /// batch().attrs.size(), as the type of ranges.
  uint32_t AttrCount() const { return static_cast<uint32_t>(batch_.attrs.size()); }

  /// What is being built. Callers push whole rows: after the pushes of a row every column of spans
  /// has the same length, and the begin columns one more. Callers may also cut back what they have
  /// pushed (the columns, attrs, events, links, resources, scopes), never what was interned.
  SpanBatch& batch() { return batch_; }

  /// Makes room for `rows` further rows.
  void Reserve(size_t rows);

  /// A copy of row `row` of `from` with its resource, scope, events and links; equal resources and
  /// scopes are shared, also between rows of different batches.
  void CopyRow(const SpanBatch& from, uint32_t row);

  /// Leaves the builder spent. The columns are trimmed to their size.
  SpanBatch Finish() &&;

 private:
  /// Of an open-addressing table. `id` is the index + 1 (strings: the index, as "" is never looked
  /// up); 0 marks an empty slot.
  struct Slot {
    uint32_t tag = 0;  ///< The low half of the hash; its low bits are the home position.
    uint32_t id = 0;
  };
  struct Table {
    std::vector<Slot> slots;
    uint32_t used = 0;
    /// The slot where `tag` was found by `equal`, or the empty one where it belongs.
    template <class Equal>
    Slot& Find(uint32_t tag, const Equal& equal);
    /// Fills a slot that Find returned empty; slots may move.
    void Fill(Slot& slot, uint32_t tag, uint32_t id);
  };
  /// What followed a key the last time, and the value it had: spans of one kind look alike, and a
  /// guess that a comparison confirms is cheaper than a hash.
  struct Memo {
    uint32_t next_key = 0;
    uint32_t value = 0;  ///< As SpanBatch::Attr::value.
  };

  uint32_t FindKey(std::string_view name, ValueType type);
  void AddText(std::string_view key, ValueType type, std::string_view value);
  uint32_t AddResource(const SpanBatch& from, uint32_t resource);
  uint32_t AddScope(const SpanBatch& from, uint32_t scope);
  SpanBatch::AttrRange CopyAttrs(const SpanBatch& from, SpanBatch::AttrRange range);
  bool SameAttrs(const SpanBatch& from, SpanBatch::AttrRange theirs,
                 SpanBatch::AttrRange ours) const;
  bool SameResource(const SpanBatch& from, uint32_t theirs, uint32_t ours) const;
  bool SameScope(const SpanBatch& from, uint32_t theirs, uint32_t ours) const;
  void SeparateAttrs();

  SpanBatch batch_;
  uint64_t seed_;
  Table strings_;
  Table keys_;
  Table traces_;
  std::vector<Memo> memos_;  // By key.
  uint32_t last_key_ = 0;
  // CopyRow. Only a guess, always compared: where the scope of that index was copied to last.
  std::vector<uint32_t> scope_guess_;
  Table copied_resources_;
  Table copied_scopes_;
};

}  // namespace tocsin
