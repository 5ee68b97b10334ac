/// SpanBatch: the spans of one request (or of one trace) as columns. This is the form in which
/// spans travel through the whole process: the wire decoders make it, the live log writes it, the
/// store keeps it until it is sealed, the generator counts it, and readers of sealed segments give
/// whole traces back in it. There is no object per span.
///
/// Every string is interned once per batch: a StringId indexes `strings`, and id 0 is always "".
/// An attribute is a pair (key, value): `key` indexes `keys`, which fixes the attribute's name and
/// type, and `value` is read according to that type. Attribute lists are ranges of `attrs`, in wire
/// order, duplicates kept.
///
/// A batch is built by SpanBatchBuilder, then immutable, then safe to read from many threads.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/model/ids.h"

namespace tocsin {

using StringId = uint32_t;

/// The numbers are on disk (storage/FORMAT.md): never renumber.
enum class ValueType : uint8_t {
  kString = 0,     ///< value is a StringId
  kBool = 1,       ///< value is 0 or 1
  kInt = 2,        ///< value indexes `ints`
  kDouble = 3,     ///< value indexes `doubles`
  kBytes = 4,      ///< value is a StringId
  kComposite = 5,  ///< array or kvlist: a StringId of the protobuf encoding of its AnyValue
  kEmpty = 6,      ///< an AnyValue without a value; value is 0
};

/// The numbers are on disk: never renumber.
enum class AttrScope : uint8_t {
  kSpan = 0,
  kResource = 1,
  kEvent = 2,
  kLink = 3,
  kInstrumentation = 4,
};

/// As opentelemetry.proto.trace.v1.Span.SpanKind.
enum class SpanKind : uint8_t {
  kUnspecified = 0,
  kInternal = 1,
  kServer = 2,
  kClient = 3,
  kProducer = 4,
  kConsumer = 5,
};

/// As opentelemetry.proto.trace.v1.Status.StatusCode.
enum class SpanStatus : uint8_t { kUnset = 0, kOk = 1, kError = 2 };

/// Interned strings: one blob and the end of each string in it.
class StringTable {
 public:
  StringTable() : ends_{0} {}
  size_t size() const { return ends_.size(); }
  std::string_view operator[](StringId id) const {
    const uint32_t begin = id == 0 ? 0 : ends_[id - 1];
    return {blob_.data() + begin, ends_[id] - begin};
  }
  /// Appends without looking for an equal string. REQUIRES: the blob stays below 4 GiB.
  StringId Append(std::string_view text) {
    blob_.append(text);
    ends_.push_back(static_cast<uint32_t>(blob_.size()));
    return static_cast<StringId>(ends_.size() - 1);
  }
  void ShrinkToFit() {
    blob_.shrink_to_fit();
    ends_.shrink_to_fit();
  }
  const std::string& blob() const { return blob_; }
  const std::vector<uint32_t>& ends() const { return ends_; }
  /// Takes over decoded parts. REQUIRES: ends[0] == 0, ends ascending, ends.back() == blob.size().
  static StringTable FromParts(std::string blob, std::vector<uint32_t> ends) {
    StringTable table;
    table.blob_ = std::move(blob);
    table.ends_ = std::move(ends);
    return table;
  }

 private:
  std::string blob_;
  std::vector<uint32_t> ends_;
};

struct SpanBatch {
  struct Key {
    StringId name = 0;
    ValueType type = ValueType::kString;
  };
  struct Attr {
    uint32_t key = 0;    ///< Index into `keys`.
    uint32_t value = 0;  ///< As ValueType says.
  };
  /// attrs[begin, end).
  struct AttrRange {
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  struct Resource {
    AttrRange attrs;
    uint32_t dropped_attributes = 0;
    StringId schema_url = 0;
  };
  struct Scope {
    uint32_t resource = 0;
    StringId name = 0;
    StringId version = 0;
    AttrRange attrs;
    uint32_t dropped_attributes = 0;
    StringId schema_url = 0;
  };
  struct Event {
    uint64_t time = 0;  ///< Unix nanoseconds.
    StringId name = 0;
    AttrRange attrs;
    uint32_t dropped_attributes = 0;
  };
  struct Link {
    TraceId trace_id;
    SpanId span_id = 0;
    StringId trace_state = 0;
    AttrRange attrs;
    uint32_t dropped_attributes = 0;
    uint32_t flags = 0;
  };
  /// What few spans have. Rows without one have zeros.
  struct Extra {
    uint32_t row = 0;
    StringId status_message = 0;
    StringId trace_state = 0;
    uint32_t dropped_attributes = 0;
    uint32_t dropped_events = 0;
    uint32_t dropped_links = 0;
  };

  // Tables.
  StringTable strings;
  std::vector<Key> keys;  ///< Distinct (name, type).
  std::vector<int64_t> ints;
  std::vector<double> doubles;
  std::vector<Attr> attrs;  ///< Spans', resources', scopes', events' and links' attributes.
  std::vector<Resource> resources;
  std::vector<Scope> scopes;
  std::vector<TraceId> traces;  ///< Distinct, in order of first appearance.

  // One entry a span, in wire order.
  std::vector<uint32_t> trace;  ///< Index into `traces`.
  std::vector<SpanId> span_id;
  std::vector<SpanId> parent_span_id;  ///< 0 for a root.
  std::vector<uint64_t> start;         ///< Unix nanoseconds.
  std::vector<uint64_t> end;           ///< Unix nanoseconds; may lie before start.
  std::vector<StringId> name;
  std::vector<SpanKind> kind;
  std::vector<SpanStatus> status;
  std::vector<uint32_t> flags;      ///< W3C trace flags and the is-remote bits of OTLP.
  std::vector<uint32_t> scope;      ///< Index into `scopes`.
  std::vector<uint32_t> wire_size;  ///< Bytes of the span's protobuf message, for metering.

  // rows + 1 entries each: row r owns [begin[r], begin[r + 1]).
  std::vector<uint32_t> attr_begin{0};   ///< Into `attrs`.
  std::vector<uint32_t> event_begin{0};  ///< Into `events`.
  std::vector<uint32_t> link_begin{0};   ///< Into `links`.
  std::vector<Event> events;
  std::vector<Link> links;
  std::vector<Extra> extras;  ///< Ascending by row.

  size_t rows() const { return span_id.size(); }
  bool empty() const { return span_id.empty(); }

  /// The extra of a row, or a shared one of zeros.
  const Extra& ExtraOf(uint32_t row) const;

  /// end - start, or 0 where the end lies before the start.
  uint64_t Duration(uint32_t row) const {
    return end[row] > start[row] ? end[row] - start[row] : 0;
  }

  /// The first attribute of that name and type string in `range`; empty view data() == nullptr if
  /// none.
  std::string_view FindString(AttrRange range, std::string_view key) const;

  /// `service.name` of the row's resource; "" if it has none.
  std::string_view ServiceName(uint32_t row) const;

  /// Bytes of memory held, for budgets.
  size_t MemoryBytes() const;
};

}  // namespace tocsin
