/// The parts of a segment that its builder and its reader share: column numbers, the footer, and
/// the columns that are made of several codecs. Private to storage/spans. The bytes are specified
/// in storage/FORMAT.md, "Segment".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/integers.h"
#include "storage/columnar/section.h"
#include "storage/columnar/strings.h"
#include "storage/spans/segment.h"

namespace tocsin::storage {

/// The columns of a segment. The numbers are on disk: never renumber.
// NOLINTNEXTLINE(performance-enum-size): attributes are numbered behind them, 32 bits wide.
enum SegmentColumn : uint32_t {
  kTracesColumn = 1,
  kSpanIdsColumn = 2,
  kParentsColumn = 3,
  kStartsColumn = 4,
  kDurationsColumn = 5,
  kNamesColumn = 6,
  kKindsColumn = 7,
  kStatusesColumn = 8,
  kFlagsColumn = 9,
  kScopeOfRowColumn = 10,
  kWireSizesColumn = 11,
  kStatusMessagesColumn = 12,
  kTraceStatesColumn = 13,
  kDroppedColumn = 14,
  kScopesColumn = 15,
  kResourcesColumn = 16,
  kEventsColumn = 17,
  kEventNamesColumn = 18,
  kLinksColumn = 19,
  kShapesColumn = 32,    ///< + AttrScope.
  kOverflowColumn = 40,  ///< + AttrScope.
  kFirstAttributeColumn = 64,
};

inline constexpr uint32_t kAttrScopes = 5;

/// Attribute keys beyond so many of one scope share the overflow column.
inline constexpr uint32_t kMaxAttributeColumns = 256;

/// No list of a segment (its events, the attributes of one key) is longer: bounds what damaged
/// bytes can make a reader allocate.
inline constexpr size_t kMaxEntries = size_t{1} << 28;

/// How a column is called in errors: "start", "span attribute http.route".
std::string ColumnName(uint32_t column);

/// The hash of the footer's Bloom filter.
uint64_t BloomHash(const TraceId& id);

/// What is known of a column's values without decoding it: all of them, or their range.
struct ValueSummary {
  /// A column of more distinct values has no list of them.
  static constexpr size_t kMaxListed = 64;

  uint32_t column = 0;
  bool listed = false;
  std::vector<uint32_t> values;  ///< If `listed`: the hash of each, ascending.
  bool ranged = false;
  int64_t min = 0;  ///< If `ranged`: numbers, durations in nanoseconds; of a double its floor,
  int64_t max = 0;  ///< and its ceiling.

  static uint32_t HashOf(std::string_view text);
  static uint32_t HashOf(uint64_t number);
};

/// Value 0 of a segment: what the segment is, and where its columns are.
struct SegmentFooter {
  struct Column {
    uint32_t id = 0;
    uint32_t value = 0;   ///< Index of the value that holds it.
    uint64_t offset = 0;  ///< In that value's body; for value 0 in what follows the footer.
    uint64_t size = 0;
  };
  /// attributes[i] is column kFirstAttributeColumn + i. Sorted by scope; the i-th of its scope is
  /// slot i + 1 of the scope's shapes.
  struct Attribute {
    AttrScope scope = AttrScope::kSpan;
    ValueType type = ValueType::kString;
    std::string key;
  };

  std::string tenant;
  SegmentStub stub;             ///< stored_bytes: without value 0.
  std::vector<Column> columns;  ///< Ascending by id.
  std::vector<Attribute> attributes;
  std::string bloom;
  bool unique = false;                  ///< No row is the same span as another.
  std::vector<ValueSummary> summaries;  ///< Of some columns, ascending.
  /// The pages of the value filter (value_filter.h) are values [filter_begin, filter_begin +
  /// filter_pages). It tells of the names of spans, of attributes with a column of a type that it
  /// covers, if their summary has no list, and of all attributes in overflow columns.
  uint32_t filter_begin = 0;
  uint32_t filter_pages = 0;  ///< 0: there is none.

  std::string Encode() const;
  static Result<SegmentFooter> Decode(std::string_view bytes);
  /// The footer of segment `number`, with a whole stub, out of its value 0.
  static Result<SegmentFooter> FromFirstValue(std::string_view frame, uint64_t number);

  const Column* Find(uint32_t id) const;
  const ValueSummary* FindSummary(uint32_t column) const;
  /// The index of the first attribute of the scope, and of the first behind its last.
  struct Range {
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  Range AttributesOf(AttrScope scope) const;
  size_t MemoryBytes() const;
};

/// Splits the body of value 0 into the footer's bytes and the columns behind it.
struct FirstValue {
  std::string_view footer;
  std::string_view columns;
};
Result<FirstValue> SplitFirstValue(std::string_view body);

/// A list of values of one type: the distinct ones and a code for each entry.
struct ValueList {
  ValueType type = ValueType::kString;
  StringList texts;               ///< Distinct; kString, kBytes, kComposite.
  std::vector<uint64_t> numbers;  ///< Distinct; bits of kInt, kDouble, kBool, kEmpty.
  std::vector<uint32_t> codes;

  bool IsText() const { return TypeIsText(type); }
  static bool TypeIsText(ValueType type) {
    return type == ValueType::kString || type == ValueType::kBytes || type == ValueType::kComposite;
  }
  uint32_t distinct() const {
    return static_cast<uint32_t>(IsText() ? texts.size() : numbers.size());
  }
  size_t MemoryBytes() const;
};
void PutValues(const ValueList& values, Packing packing, std::string* out);
ValueList ReadValues(ByteReader* in);
/// The same with the codes of some entries only. A failure if there are fewer.
ValueList ReadValues(ByteReader* in, Slice entries);

/// The attribute lists of one scope, each as the sequence of its keys' slots: 0 is the overflow
/// column, i + 1 the i-th attribute of the scope in the footer.
struct Shapes {
  std::vector<uint32_t> begin{0};  ///< Shape s is slots[begin[s], begin[s + 1]).
  std::vector<uint32_t> slots;
  std::vector<uint32_t> codes;  ///< The shape of each row.

  size_t size() const { return begin.size() - 1; }
  std::span<const uint32_t> operator[](uint32_t shape) const {
    return std::span(slots).subspan(begin[shape], begin[shape + 1] - begin[shape]);
  }
  size_t MemoryBytes() const;
};
void PutShapes(const Shapes& shapes, uint32_t slots, Packing packing, std::string* out);
/// `slots`: one more than the attributes of the scope.
Shapes ReadShapes(ByteReader* in, uint32_t slots);

/// The attributes of a scope that have no column of their own, in the order of their lists.
struct Overflow {
  StringList key_names;
  std::vector<ValueType> key_types;
  std::vector<uint32_t> keys;  ///< Of each entry.
  /// Of each entry, kBytes: a text as it is, a number as its 8 bytes.
  ValueList values;

  static std::string FromNumber(uint64_t bits);
  /// REQUIRES: what FromNumber gave; ReadOverflow has made sure of its size.
  static uint64_t Number(std::string_view bytes);
  size_t MemoryBytes() const;
};
void PutOverflow(const Overflow& overflow, Packing packing, std::string* out);
Overflow ReadOverflow(ByteReader* in);

template <class T>
size_t VectorBytes(const std::vector<T>& v) {
  return v.capacity() * sizeof(T);
}

}  // namespace tocsin::storage
