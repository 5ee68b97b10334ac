// The columns of a segment for readers of a few rows: a trace has some ten of 65,536.

#include <algorithm>
#include <utility>

#include "cpp/base/coding.h"
#include "storage/spans/segment_columns.h"

namespace tocsin::storage {
namespace {

template <class Enum>
std::vector<Enum> Narrow(const std::vector<uint32_t>& codes) {
  std::vector<Enum> narrow(codes.size());
  std::ranges::transform(codes, narrow.begin(), [](uint32_t code) { return Enum(code); });
  return narrow;
}

template <class T>
ColumnPart<T> Whole(std::shared_ptr<const T> column) {
  return {std::move(column), 0};
}

template <class T>
ColumnPart<T> From(T values, size_t first) {
  return {std::make_shared<const T>(std::move(values)), first};
}

}  // namespace

// Most columns take four to eight bytes a row when they are decoded.
bool SegmentColumns::WantsWhole(uint32_t column, Slice slice) const {
  if (slice.size() >= rows() / 4) return true;
  if (FindHeld(uint64_t{column} << 32) != nullptr) return true;
  return cache_->Wants({number_, column, 0}, size_t{rows()} * 8);
}

template <class T, class WholeFn, class Read>
SegmentColumns::Part<T> SegmentColumns::ReadPart(uint32_t column, Slice slice, const WholeFn& whole,
                                                 const Read& read) const {
  if (WantsWhole(column, slice)) {
    TOCSIN_ASSIGN_OR_RETURN(auto values, whole());
    return Whole<T>(std::move(values));
  }
  const auto decode = [&]() -> Result<T> {
    TOCSIN_ASSIGN_OR_RETURN(const std::string bytes, ColumnBytes(column));
    ByteReader in(bytes);
    T values = read(&in);
    const Status status = in.Finish("the column");
    if (!status.ok()) return Damaged(column, status.message());
    return values;
  };
  Result<T> values = decode();
  if (!values) return Failure(InSegment(values.error()));
  return From(*std::move(values), slice.first);
}

SegmentColumns::Part<SegmentColumns::Numbers> SegmentColumns::SpanIds(Slice slice) const {
  return ReadPart<Numbers>(
      kSpanIdsColumn, slice, [this] { return SpanIds(); },
      [&](ByteReader* in) { return ReadRandom(in, rows(), slice); });
}

SegmentColumns::Part<SegmentColumns::Numbers> SegmentColumns::Flags(Slice slice) const {
  return ReadPart<Numbers>(
      kFlagsColumn, slice, [this] { return Flags(); },
      [&](ByteReader* in) { return ReadIntegers(in, rows(), slice); });
}

SegmentColumns::Part<SegmentColumns::Numbers> SegmentColumns::WireSizes(Slice slice) const {
  return ReadPart<Numbers>(
      kWireSizesColumn, slice, [this] { return WireSizes(); },
      [&](ByteReader* in) { return ReadIntegers(in, rows(), slice); });
}

SegmentColumns::Part<std::vector<SpanKind>> SegmentColumns::Kinds(Slice slice) const {
  return ReadPart<std::vector<SpanKind>>(
      kKindsColumn, slice, [this] { return Kinds(); },
      [&](ByteReader* in) { return Narrow<SpanKind>(ReadCodes(in, rows(), 256, slice)); });
}

SegmentColumns::Part<std::vector<SpanStatus>> SegmentColumns::Statuses(Slice slice) const {
  return ReadPart<std::vector<SpanStatus>>(
      kStatusesColumn, slice, [this] { return Statuses(); },
      [&](ByteReader* in) { return Narrow<SpanStatus>(ReadCodes(in, rows(), 256, slice)); });
}

SegmentColumns::Part<SegmentColumns::Codes> SegmentColumns::ScopeOfRow(Slice slice) const {
  TOCSIN_ASSIGN_OR_RETURN(const auto scopes, Scopes());
  return ReadPart<Codes>(
      kScopeOfRowColumn, slice, [this] { return ScopeOfRow(); },
      [&](ByteReader* in) {
        return ReadCodes(in, rows(), static_cast<uint32_t>(scopes->resource.size()), slice);
      });
}

SegmentColumns::Part<ValueList> SegmentColumns::Names(Slice slice) const {
  return ReadPart<ValueList>(
      kNamesColumn, slice, [this] { return Names(); },
      [&](ByteReader* in) {
        ValueList names = ReadValues(in, slice);
        if (names.type != ValueType::kString) in->Fail();
        return names;
      });
}

SegmentColumns::Part<ValueList> SegmentColumns::Attribute(uint32_t index, Slice entries) const {
  return ReadPart<ValueList>(
      kFirstAttributeColumn + index, entries, [this, index] { return Attribute(index); },
      [&](ByteReader* in) {
        ValueList values = ReadValues(in, entries);
        if (values.type != footer_->attributes[index].type) in->Fail();
        return values;
      });
}

// Of each trace the first row's time stands for itself, the others as distances to the row before.
SegmentColumns::Part<SegmentColumns::Numbers> SegmentColumns::Starts(Slice slice) const {
  if (slice.size() == 0) return From(Numbers(), slice.first);
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, Traces());
  const auto trace_of = [&](size_t row) {
    const auto behind = std::ranges::upper_bound(traces->first_row, row);
    return static_cast<size_t>(behind - traces->first_row.begin()) - 1;
  };
  const Slice within = {trace_of(slice.first), trace_of(slice.last - 1) + 1};
  const size_t begin = traces->first_row[within.first];
  const auto read = [&](ByteReader* in) {
    const size_t count = traces->ids.size();
    const Numbers firsts = ReadIntegers(in, count, within);
    const Numbers distances =
        ReadIntegers(in, rows() - count, {begin - within.first, slice.last - within.last});
    if (in->failed()) return Numbers();
    Numbers starts;
    starts.reserve(slice.last - begin);
    size_t trace = within.first;
    size_t next = 0;
    for (size_t row = begin; row < slice.last; ++row) {
      const bool first = row == traces->first_row[trace];
      starts.push_back(first ? firsts[trace++ - within.first] : starts.back() + distances[next++]);
    }
    return starts;
  };
  return ReadPart<Numbers>(kStartsColumn, {begin, slice.last}, [this] { return Starts(); }, read);
}

SegmentColumns::Part<SegmentColumns::Numbers> SegmentColumns::Ends(
    Slice slice, const ColumnPart<Numbers>& starts) const {
  return ReadPart<Numbers>(
      kDurationsColumn, slice, [this] { return Ends(); },
      [&](ByteReader* in) {
        Numbers ends = ReadIntegers(in, rows(), slice);
        for (size_t i = 0; i < ends.size(); ++i) ends[i] += starts[slice.first + i];
        return ends;
      });
}

// The column says of each row which row its parent is, or that it has none, or one elsewhere.
SegmentColumns::Part<SegmentColumns::Numbers> SegmentColumns::Parents(Slice slice) const {
  constexpr size_t kNone = SIZE_MAX;
  std::vector<size_t> parent_rows(slice.size(), kNone);
  const auto read = [&](ByteReader* in) {
    const auto distinct = static_cast<uint32_t>(in->Count(uint64_t{kMaxSegmentRows} * 4));
    const Codes references = ReadCodes(in, rows(), distinct, {0, slice.last});
    const Numbers elsewhere = ReadRandom(in, in->Count(rows()));
    Numbers parents(slice.size());
    if (in->failed()) return parents;
    const auto begin = references.begin() + static_cast<ptrdiff_t>(slice.first);
    auto next = static_cast<size_t>(std::count(references.begin(), begin, 1U));
    for (size_t i = 0; i < parents.size() && !in->failed(); ++i) {
      const uint32_t reference = references[slice.first + i];
      if (reference == 1 && next == elsewhere.size()) in->Fail();
      if (reference == 1 && !in->failed()) parents[i] = elsewhere[next++];
      if (reference < 2) continue;
      const int64_t row = static_cast<int64_t>(slice.first + i) - UnZigZag(reference - 2);
      if (row < 0 || row >= int64_t{rows()}) in->Fail();
      parent_rows[i] = static_cast<size_t>(row);
    }
    return parents;
  };
  auto part = ReadPart<Numbers>(kParentsColumn, slice, [this] { return Parents(); }, read);
  // Parents are of the same trace, and so nearly always among the rows that are asked for.
  Slice needed = slice;
  bool any = false;
  for (const size_t row : parent_rows) {
    if (row == kNone) continue;
    any = true;
    needed = {std::min(needed.first, row), std::max(needed.last, row + 1)};
  }
  if (!part || !any) return part;
  TOCSIN_ASSIGN_OR_RETURN(const auto span_ids, SpanIds(needed));
  Numbers parents = part->values();
  for (size_t i = 0; i < parents.size(); ++i) {
    if (parent_rows[i] != kNone) parents[i] = span_ids[parent_rows[i]];
  }
  return From(std::move(parents), slice.first);
}

}  // namespace tocsin::storage
