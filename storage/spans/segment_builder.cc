#include <algorithm>
#include <bit>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/hash.h"
#include "cpp/model/span_duration.h"
#include "storage/columnar/bloom.h"
#include "storage/columnar/frame.h"
#include "storage/columnar/integers.h"
#include "storage/spans/gathered_rows.h"
#include "storage/spans/segment.h"
#include "storage/spans/segment_format.h"
#include "storage/spans/span_counts.h"
#include "storage/spans/value_filter.h"

namespace tocsin::storage {
namespace {

constexpr uint32_t kUnknown = UINT32_MAX;

// A segment of so few rows is compressed as a whole: its columns are too short to be compressed one
// by one.
constexpr size_t kSmallRows = 1'024;
// A segment up to this size is one value, and columns below kOwnValueBytes share values up to it.
constexpr size_t kSharedValueBytes = size_t{64} << 10;
constexpr size_t kOwnValueBytes = size_t{4} << 10;

using AttrRange = SpanBatch::AttrRange;
using Extra = GatheredRows::Extra;
using Range = GatheredRows::Range;

// Writes gathered rows column after column.
class Sealer {
 public:
  explicit Sealer(const SegmentInput& input) : input_(input) {}

  SealedSegment Seal() {
    TOCSIN_CHECK(!input_.rows.empty() && input_.rows.size() <= kMaxSegmentRows);
    packing_ = input_.rows.size() <= kSmallRows ? Packing::kPlain : Packing::kZstd;
    GatherRows(input_.rows, &in_);
    PutTraces();
    PutTimes();
    PutParents();
    PutRowColumns();
    PutExtras();
    PutScopes();
    PutEvents();
    PutLinks();
    PutAttributes();
    return Assemble();
  }

 private:
  size_t rows() const { return input_.rows.size(); }

  void Add(uint32_t column, std::string bytes) { columns_.emplace_back(column, std::move(bytes)); }

  void PutTraces() {
    std::vector<uint64_t> ids;
    std::vector<uint64_t> sizes;
    std::vector<uint64_t> hashes;
    for (uint32_t row = 0; row < rows(); ++row) {
      if (row > 0 && in_.trace[row] == in_.trace[row - 1]) {
        ++sizes.back();
        continue;
      }
      TOCSIN_CHECK(row == 0 || in_.trace[row - 1] < in_.trace[row]);
      trace_begin_.push_back(row);
      traces_.push_back(in_.trace[row]);
      ids.push_back(in_.trace[row].high);
      ids.push_back(in_.trace[row].low);
      sizes.push_back(1);
      hashes.push_back(BloomHash(in_.trace[row]));
    }
    TOCSIN_CHECK(input_.through.size() == sizes.size());
    std::string bytes;
    PutRandom(ids, &bytes);
    PutIntegers(sizes, packing_, &bytes);
    PutIntegers(input_.through, packing_, &bytes);
    Add(kTracesColumn, std::move(bytes));
    footer_.unique = RowsAscend();
    footer_.stub.traces = static_cast<uint32_t>(sizes.size());
    footer_.bloom = BuildBloom(hashes);
  }

  // Rows in strict order are no duplicates of each other.
  bool RowsAscend() const {
    const auto key = [this](size_t row) {
      return std::tuple(in_.trace[row], in_.start[row], in_.span_id[row], in_.end[row],
                        in_.kind[row]);
    };
    for (size_t row = 1; row < rows(); ++row) {
      if (!(key(row - 1) < key(row))) return false;
    }
    return true;
  }

  // The starts of the traces, then the distance of every other row from the row before it.
  void PutTimes() {
    std::vector<uint64_t> firsts;
    std::vector<uint64_t> distances;
    std::vector<uint64_t> durations;
    size_t next = 0;
    for (uint32_t row = 0; row < rows(); ++row) {
      if (next < trace_begin_.size() && trace_begin_[next] == row) {
        firsts.push_back(in_.start[row]);
        ++next;
      } else {
        distances.push_back(in_.start[row] - in_.start[row - 1]);
      }
      durations.push_back(in_.end[row] - in_.start[row]);
    }
    std::string bytes;
    PutIntegers(firsts, packing_, &bytes);
    PutIntegers(distances, packing_, &bytes);
    Add(kStartsColumn, std::move(bytes));
    bytes.clear();
    PutIntegers(durations, packing_, &bytes);
    Add(kDurationsColumn, std::move(bytes));
  }

  // Where in [begin, end), the rows of a trace, that span id is; kUnknown if nowhere.
  class SpanFinder {
   public:
    void Index(std::span<const SpanId> ids, uint32_t begin, uint32_t end) {
      ids_ = ids;
      slots_.assign(std::bit_ceil((end - begin) * size_t{2}), kUnknown);
      for (uint32_t row = begin; row < end; ++row) {
        uint32_t& slot = Slot(ids[row]);
        if (slot == kUnknown) slot = row;
      }
    }
    uint32_t Find(SpanId id) { return Slot(id); }

   private:
    uint32_t& Slot(SpanId id) {
      for (size_t at = Hash64({reinterpret_cast<const char*>(&id), sizeof(id)});; ++at) {
        uint32_t& slot = slots_[at & (slots_.size() - 1)];
        if (slot == kUnknown || ids_[slot] == id) return slot;
      }
    }
    std::span<const SpanId> ids_;
    std::vector<uint32_t> slots_;
  };

  // 0: root; 1: a span elsewhere, whose id is listed; otherwise 2 + the zigzag of the distance.
  void PutParents() {
    std::vector<uint32_t> references(rows());
    std::vector<uint64_t> foreign;
    SpanFinder finder;
    uint32_t most = 0;
    for (size_t t = 0; t < trace_begin_.size(); ++t) {
      const uint32_t begin = trace_begin_[t];
      const auto end =
          t + 1 < trace_begin_.size() ? trace_begin_[t + 1] : static_cast<uint32_t>(rows());
      finder.Index(in_.span_id, begin, end);
      for (uint32_t row = begin; row < end; ++row) {
        if (in_.parent[row] == 0) continue;
        const uint32_t parent = finder.Find(in_.parent[row]);
        references[row] = 1;
        if (parent == kUnknown) {
          foreign.push_back(in_.parent[row]);
        } else {
          references[row] = 2 + static_cast<uint32_t>(ZigZag(int64_t{row} - int64_t{parent}));
        }
        most = std::max(most, references[row]);
      }
    }
    std::string bytes;
    PutVarint64(&bytes, most + 1);
    PutCodes(references, most + 1, packing_, &bytes);
    PutVarint64(&bytes, foreign.size());
    PutRandom(foreign, &bytes);
    Add(kParentsColumn, std::move(bytes));
  }

  // REQUIRES: numbers below 256.
  static std::vector<uint32_t> Distinct(const std::vector<uint32_t>& numbers) {
    std::vector<bool> seen(256, false);
    for (const uint32_t number : numbers) seen[number] = true;
    std::vector<uint32_t> distinct;
    for (uint32_t number = 0; number < seen.size(); ++number) {
      if (seen[number]) distinct.push_back(number);
    }
    return distinct;
  }

  std::string Integers(const std::vector<uint32_t>& values) const {
    const std::vector<uint64_t> wide(values.begin(), values.end());
    std::string bytes;
    PutIntegers(wide, packing_, &bytes);
    return bytes;
  }

  std::string Codes(const std::vector<uint32_t>& codes, uint32_t distinct) const {
    std::string bytes;
    PutCodes(codes, distinct, packing_, &bytes);
    return bytes;
  }

  void PutRowColumns() {
    std::string bytes;
    PutRandom(in_.span_id, &bytes);
    Add(kSpanIdsColumn, std::move(bytes));
    ValueColumn names(ValueType::kString);
    for (const uint32_t name : in_.name) names.Add(name);
    footer_.summaries.push_back(names.Summarize(kNamesColumn, &in_.texts));
    if (!footer_.summaries.back().listed) {
      names.AppendHashes(ValueHasher::OfNames(), &in_.texts, &hashes_);
    }
    Add(kNamesColumn, names.Encode(&in_.texts, packing_));
    Summarize(kKindsColumn, Distinct(in_.kind));
    Summarize(kStatusesColumn, Distinct(in_.status));
    Add(kKindsColumn, Codes(in_.kind, 256));
    Add(kStatusesColumn, Codes(in_.status, 256));
    Add(kFlagsColumn, Integers(in_.flags));
    Add(kScopeOfRowColumn, Codes(in_.scope, static_cast<uint32_t>(in_.scope_resource.size())));
    Add(kWireSizesColumn, Integers(in_.wire));
  }

  // A text that few rows have: the rows, and their texts.
  void PutSparse(uint32_t column, uint32_t Extra::* field) {
    std::vector<uint32_t> rows_with;
    ValueColumn texts(ValueType::kString);
    for (const Extra& extra : in_.extras) {
      if (extra.*field == 0) continue;
      rows_with.push_back(extra.row);
      texts.Add(extra.*field);
    }
    if (rows_with.empty()) return;
    std::string bytes;
    PutVarint64(&bytes, rows_with.size());
    bytes += Integers(rows_with);
    bytes += texts.Encode(&in_.texts, packing_);
    Add(column, std::move(bytes));
  }

  void PutExtras() {
    std::ranges::sort(in_.extras, {}, &Extra::row);
    PutSparse(kStatusMessagesColumn, &Extra::status_message);
    PutSparse(kTraceStatesColumn, &Extra::trace_state);
    std::vector<std::vector<uint32_t>> fields(4);
    for (const Extra& e : in_.extras) {
      if ((e.dropped_attributes | e.dropped_events | e.dropped_links) == 0) continue;
      fields[0].push_back(e.row);
      fields[1].push_back(e.dropped_attributes);
      fields[2].push_back(e.dropped_events);
      fields[3].push_back(e.dropped_links);
    }
    if (fields[0].empty()) return;
    std::string bytes;
    PutVarint64(&bytes, fields[0].size());
    for (const auto& field : fields) bytes += Integers(field);
    Add(kDroppedColumn, std::move(bytes));
  }

  void PutScopes() {
    std::string bytes;
    PutVarint64(&bytes, in_.scope_resource.size());
    bytes += Codes(in_.scope_resource, static_cast<uint32_t>(in_.resource_dropped.size()));
    bytes += Integers(in_.scope_dropped);
    for (ValueColumn* texts : {&in_.scope_name, &in_.scope_version, &in_.scope_schema}) {
      bytes += texts->Encode(&in_.texts, packing_);
    }
    Add(kScopesColumn, std::move(bytes));
    bytes.clear();
    PutVarint64(&bytes, in_.resource_dropped.size());
    bytes += Integers(in_.resource_dropped);
    bytes += in_.resource_schema.Encode(&in_.texts, packing_);
    Add(kResourcesColumn, std::move(bytes));
  }

  void PutEvents() {
    if (in_.events.empty()) return;
    std::vector<uint32_t> counts;
    std::vector<uint64_t> times;
    std::vector<uint32_t> dropped;
    ValueColumn names(ValueType::kString);
    for (size_t row = 0; row < rows(); ++row) {
      const Range range = in_.events_of_row[row];
      counts.push_back(range.end - range.begin);
      for (uint32_t i = range.begin; i < range.end; ++i) {
        times.push_back(in_.events[i].time - in_.start[row]);
        dropped.push_back(in_.events[i].dropped);
        names.Add(in_.events[i].name);
        event_attrs_.push_back(in_.events[i].attrs);
      }
    }
    std::string bytes = Integers(counts);
    PutVarint64(&bytes, times.size());
    PutIntegers(times, packing_, &bytes);
    bytes += Integers(dropped);
    Add(kEventsColumn, std::move(bytes));
    Add(kEventNamesColumn, names.Encode(&in_.texts, packing_));
  }

  void PutLinks() {
    if (in_.links.empty()) return;
    std::vector<uint32_t> counts;
    std::vector<uint64_t> ids;
    std::vector<uint32_t> flags;
    std::vector<uint32_t> dropped;
    ValueColumn states(ValueType::kString);
    for (const Range range : in_.links_of_row) {
      counts.push_back(range.end - range.begin);
      for (uint32_t i = range.begin; i < range.end; ++i) {
        const SpanBatch::Link& link = *in_.links[i].link;
        ids.insert(ids.end(), {link.trace_id.high, link.trace_id.low, link.span_id});
        flags.push_back(link.flags);
        dropped.push_back(link.dropped_attributes);
        states.Add(in_.links[i].trace_state);
        link_attrs_.push_back(in_.links[i].attrs);
      }
    }
    std::string bytes = Integers(counts);
    PutVarint64(&bytes, flags.size());
    PutRandom(ids, &bytes);
    bytes += Integers(flags);
    bytes += Integers(dropped);
    bytes += states.Encode(&in_.texts, packing_);
    Add(kLinksColumn, std::move(bytes));
  }

  void PutAttributes() {
    const AttributeTable::Output out{&footer_, &columns_, &hashes_, packing_};
    in_.attrs.Encode(AttrScope::kSpan, in_.attrs_of_row, out);
    in_.attrs.Encode(AttrScope::kResource, in_.resource_attrs, out);
    in_.attrs.Encode(AttrScope::kEvent, event_attrs_, out);
    in_.attrs.Encode(AttrScope::kLink, link_attrs_, out);
    in_.attrs.Encode(AttrScope::kInstrumentation, in_.scope_attrs, out);
  }

  // The columns whose values are listed in the footer as they are found: those of small numbers.
  void Summarize(uint32_t column, const std::vector<uint32_t>& numbers) {
    ValueSummary summary{.column = column, .listed = true, .values = numbers};
    for (uint32_t& number : summary.values) number = ValueSummary::HashOf(uint64_t{number});
    std::ranges::sort(summary.values);
    const auto rest = std::ranges::unique(summary.values);
    summary.values.erase(rest.begin(), rest.end());
    footer_.summaries.push_back(std::move(summary));
  }

  void SummarizeDurations() {
    ValueSummary summary{
        .column = kDurationsColumn, .values = {}, .ranged = true, .min = INT64_MAX, .max = 0};
    for (size_t row = 0; row < rows(); ++row) {
      const int64_t number = DurationBetween(in_.start[row], in_.end[row]);
      summary.min = std::min(summary.min, number);
      summary.max = std::max(summary.max, number);
    }
    footer_.summaries.push_back(std::move(summary));
    std::ranges::sort(footer_.summaries, {}, &ValueSummary::column);
  }

  // By resource; 0 for one that names none. Counting ends where a name is no text.
  std::vector<uint32_t> ServicesOfResources(SpanCounter* counter) {
    const uint32_t key = in_.texts.Id("service.name");
    std::unordered_map<uint64_t, uint32_t> numbers;  // By text.
    std::vector<uint32_t> services;
    for (const AttrRange attrs : in_.resource_attrs) {
      const auto name = in_.attrs.First(attrs, key);
      if (name && name->first != ValueType::kString) counter->GiveUp();
      uint32_t number = 0;
      if (name) {
        uint32_t& known = numbers[name->second];
        if (known == 0) known = counter->AddService(in_.texts[name->second]);
        number = known;
      }
      services.push_back(number);
    }
    return services;
  }

  // Adds the values of the rows counted and of the value filter behind those of the columns.
  void PutShortcuts(SealedSegment* sealed) {
    const auto add = [&](std::string value) -> uint32_t {
      if (value.empty()) return 0;
      sealed->values.push_back(std::move(value));
      return static_cast<uint32_t>(sealed->values.size() - 1);
    };
    // Of rows that may be duplicates it is not known which will count.
    if (footer_.unique) {
      SpanCounter counter(footer_.stub.min_start);
      const std::vector<uint32_t> services = ServicesOfResources(&counter);
      for (size_t row = 0; row < rows(); ++row) {
        counter.Add({.service = services[in_.scope_resource[in_.scope[row]]],
                     .kind = static_cast<SpanKind>(in_.kind[row]),
                     .status = static_cast<SpanStatus>(in_.status[row]),
                     .root = in_.parent[row] == 0,
                     .start = in_.start[row],
                     .end = in_.end[row]});
      }
      footer_.stub.counts_value = add(counter.Counts());
      if (footer_.stub.counts_value > 0) {
        footer_.stub.durations_value = add(counter.CountsByDuration());
      }
    }
    if (hashes_.empty()) return;
    footer_.filter_begin = static_cast<uint32_t>(sealed->values.size());
    for (const std::string& page : BuildValueFilter(hashes_)) {
      sealed->values.push_back(SealFrame(page, Compression::kNone));
      ++footer_.filter_pages;
    }
  }

  void DescribeSegment() {
    SegmentStub& stub = footer_.stub;
    stub.rows = static_cast<uint32_t>(rows());
    stub.min_start = *std::ranges::min_element(in_.start);
    // An end before its start does not make the segment end before it starts.
    stub.max_end =
        std::max(*std::ranges::max_element(in_.end), *std::ranges::max_element(in_.start));
    for (const uint32_t size : in_.wire) stub.wire_bytes += size;
    stub.log_first = input_.log_first;
    stub.log_last = input_.log_last;
    stub.order = input_.order;
    footer_.tenant = std::string(input_.tenant);
    SummarizeDurations();
  }

  // Columns go into values: all into value 0 behind the footer if they are small together, else
  // each large one into its own and the small ones together.
  SealedSegment Assemble() {
    DescribeSegment();
    std::ranges::sort(columns_, {}, &std::pair<uint32_t, std::string>::first);
    // Columns that were not compressed one by one are compressed with their frame.
    const auto compression = packing_ == Packing::kPlain ? Compression::kZstd : Compression::kNone;
    size_t total = 0;
    for (const auto& [id, bytes] : columns_) total += bytes.size();
    SealedSegment sealed;
    std::string first;   // Behind the footer.
    std::string shared;  // Becomes a value when it is full.
    sealed.values.emplace_back();
    std::vector<std::pair<size_t, size_t>> waiting;  // Columns in `shared`, by index; offset.
    const auto flush = [&] {
      for (const auto& [index, offset] : waiting) {
        footer_.columns[index].value = static_cast<uint32_t>(sealed.values.size());
        footer_.columns[index].offset = offset;
      }
      if (!waiting.empty()) sealed.values.push_back(SealFrame(shared, compression));
      waiting.clear();
      shared.clear();
    };
    for (auto& [id, bytes] : columns_) {
      footer_.columns.push_back({.id = id, .size = bytes.size()});
      SegmentFooter::Column& column = footer_.columns.back();
      if (total <= kSharedValueBytes) {
        column.offset = first.size();
        first += bytes;
      } else if (bytes.size() >= kOwnValueBytes) {
        column.value = static_cast<uint32_t>(sealed.values.size());
        sealed.values.push_back(SealFrame(bytes, compression));
      } else {
        if (shared.size() + bytes.size() > kSharedValueBytes) flush();
        waiting.emplace_back(footer_.columns.size() - 1, shared.size());
        shared += bytes;
      }
    }
    flush();
    PutShortcuts(&sealed);
    for (const std::string& value : sealed.values) footer_.stub.stored_bytes += value.size();
    std::string body;
    PutSizedBytes(&body, footer_.Encode());
    body += first;
    sealed.values[0] = SealFrame(body, Compression::kZstd);
    sealed.stub = footer_.stub;
    sealed.traces = std::move(traces_);
    sealed.stub.stored_bytes += sealed.values[0].size();
    return sealed;
  }

  const SegmentInput& input_;
  Packing packing_ = Packing::kZstd;
  GatheredRows in_;
  SegmentFooter footer_;
  AttributeTable::Columns columns_;
  std::vector<uint64_t> hashes_;       // For the value filter.
  std::vector<uint32_t> trace_begin_;  // The first row of each trace.
  std::vector<TraceId> traces_;        // Each once.
  // In the order of the rows.
  std::vector<AttrRange> event_attrs_;
  std::vector<AttrRange> link_attrs_;
};

}  // namespace

SealedSegment BuildSegment(const SegmentInput& input) { return Sealer(input).Seal(); }

std::string SegmentPrefix(uint64_t number) {
  std::string key = "s";
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

std::string SegmentKey(uint64_t number, uint32_t index) {
  std::string key = SegmentPrefix(number);
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(index >> shift));
  return key;
}

}  // namespace tocsin::storage
