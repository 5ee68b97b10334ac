#include <algorithm>
#include <bit>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/hash.h"
#include "storage/columnar/bloom.h"
#include "storage/columnar/frame.h"
#include "storage/columnar/integers.h"
#include "storage/spans/segment.h"
#include "storage/spans/segment_attributes.h"
#include "storage/spans/segment_format.h"

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

// A table of distinct rows (scopes, resources), recognised by bytes that are equal for equal ones.
class IdentityTable {
 public:
  /// The number of the row, and whether it is new.
  std::pair<uint32_t, bool> Number(const std::string& identity) {
    const auto [it, added] = numbers_.try_emplace(identity, static_cast<uint32_t>(numbers_.size()));
    return {it->second, added};
  }

 private:
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> numbers_;
};

// Turns rows of batches into columns. First every batch on its own, so that its memory is walked
// once and each of its distinct strings is looked up once; what it holds is scattered to the rows'
// places. Then column after column is written.
class Sealer {
 public:
  explicit Sealer(const SegmentInput& input) : input_(input), attrs_(&texts_) {}

  SealedSegment Seal() {
    TOCSIN_CHECK(!input_.rows.empty() && input_.rows.size() <= kMaxSegmentRows);
    packing_ = input_.rows.size() <= kSmallRows ? Packing::kPlain : Packing::kZstd;
    GroupByBatch();
    Allocate();
    for (Group& group : groups_) Gather(&group);
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
  struct Place {
    uint32_t row;  // In the batch.
    uint32_t to;   // In the segment.
  };
  // A batch and its rows that go into the segment, with its strings, keys and scopes as numbers of
  // the segment; kUnknown until they are needed.
  struct Group {
    const SpanBatch* batch = nullptr;
    std::vector<Place> places;
    std::vector<uint32_t> texts;
    std::vector<uint32_t> keys;
    std::vector<uint32_t> scopes;
  };
  struct Event {
    uint64_t time;
    uint32_t name;
    uint32_t dropped;
    AttrRange attrs;
  };
  struct Link {
    const SpanBatch::Link* link;
    uint32_t trace_state;
    AttrRange attrs;
  };
  struct Range {
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  struct Extra {
    uint32_t row;
    uint32_t status_message;
    uint32_t trace_state;
    uint32_t dropped_attributes;
    uint32_t dropped_events;
    uint32_t dropped_links;
  };

  size_t rows() const { return input_.rows.size(); }

  void GroupByBatch() {
    std::unordered_map<const SpanBatch*, uint32_t> known;
    const SpanBatch* last = nullptr;
    uint32_t group = 0;
    for (uint32_t to = 0; to < rows(); ++to) {
      const RowRef& ref = input_.rows[to];
      if (ref.batch != last) {
        const auto [it, added] =
            known.try_emplace(ref.batch, static_cast<uint32_t>(groups_.size()));
        if (added) groups_.emplace_back().batch = ref.batch;
        last = ref.batch;
        group = it->second;
      }
      groups_[group].places.push_back({ref.row, to});
    }
  }

  void Allocate() {
    const auto resize = [this](auto&... columns) { (columns.resize(rows()), ...); };
    resize(trace_, span_id_, parent_, start_, end_, name_, kind_, status_, flags_, scope_, wire_,
           attrs_of_row_, events_of_row_, links_of_row_);
  }

  uint32_t Text(Group* group, StringId id) {
    uint32_t& text = group->texts[id];
    if (text == kUnknown) text = texts_.Id(group->batch->strings[id]);
    return text;
  }

  AttrRange Attributes(Group* group, AttrRange range) {
    const SpanBatch& batch = *group->batch;
    const uint32_t begin = attrs_.size();
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const SpanBatch::Attr attr = batch.attrs[i];
      const SpanBatch::Key batch_key = batch.keys[attr.key];
      uint32_t& key = group->keys[attr.key];
      if (key == kUnknown) key = attrs_.Key(Text(group, batch_key.name), batch_key.type);
      switch (batch_key.type) {
        case ValueType::kString:
        case ValueType::kBytes:
        case ValueType::kComposite:
          attrs_.Add(key, Text(group, attr.value));
          break;
        case ValueType::kInt:
          attrs_.AddNumber(key, static_cast<uint64_t>(batch.ints[attr.value]));
          break;
        case ValueType::kDouble:
          attrs_.AddNumber(key, std::bit_cast<uint64_t>(batch.doubles[attr.value]));
          break;
        case ValueType::kBool:
        case ValueType::kEmpty:
          attrs_.AddNumber(key, attr.value);
          break;
      }
    }
    return {begin, attrs_.size()};
  }

  uint32_t Resource(Group* group, uint32_t index) {
    const SpanBatch::Resource& resource = group->batch->resources[index];
    const uint32_t before = attrs_.size();
    const AttrRange attrs = Attributes(group, resource.attrs);
    const uint32_t schema = Text(group, resource.schema_url);
    std::string identity;
    PutVarint64(&identity, schema);
    PutVarint64(&identity, resource.dropped_attributes);
    attrs_.AppendIdentity(attrs, &identity);
    const auto [number, added] = resource_numbers_.Number(identity);
    if (added) {
      resource_attrs_.push_back(attrs);
      resource_schema_.Add(schema);
      resource_dropped_.push_back(resource.dropped_attributes);
    } else {
      attrs_.Truncate(before);
    }
    return number;
  }

  uint32_t Scope(Group* group, uint32_t index) {
    uint32_t& number = group->scopes[index];
    if (number != kUnknown) return number;
    const SpanBatch::Scope& scope = group->batch->scopes[index];
    const uint32_t resource = Resource(group, scope.resource);
    const uint32_t before = attrs_.size();
    const AttrRange attrs = Attributes(group, scope.attrs);
    const uint32_t name = Text(group, scope.name);
    const uint32_t version = Text(group, scope.version);
    const uint32_t schema = Text(group, scope.schema_url);
    std::string identity;
    for (const uint32_t part : {resource, name, version, schema, scope.dropped_attributes}) {
      PutVarint64(&identity, part);
    }
    attrs_.AppendIdentity(attrs, &identity);
    const auto [found, added] = scope_numbers_.Number(identity);
    if (added) {
      scope_attrs_.push_back(attrs);
      scope_resource_.push_back(resource);
      scope_name_.Add(name);
      scope_version_.Add(version);
      scope_schema_.Add(schema);
      scope_dropped_.push_back(scope.dropped_attributes);
    } else {
      attrs_.Truncate(before);
    }
    return number = found;
  }

  void Gather(Group* group) {
    const SpanBatch& batch = *group->batch;
    group->texts.assign(batch.strings.size(), kUnknown);
    group->keys.assign(batch.keys.size(), kUnknown);
    group->scopes.assign(batch.scopes.size(), kUnknown);
    for (const Place& place : group->places) {
      const uint32_t row = place.row;
      const uint32_t to = place.to;
      trace_[to] = batch.traces[batch.trace[row]];
      span_id_[to] = batch.span_id[row];
      parent_[to] = batch.parent_span_id[row];
      start_[to] = batch.start[row];
      end_[to] = batch.end[row];
      name_[to] = Text(group, batch.name[row]);
      kind_[to] = static_cast<uint32_t>(batch.kind[row]);
      status_[to] = static_cast<uint32_t>(batch.status[row]);
      flags_[to] = batch.flags[row];
      wire_[to] = batch.wire_size[row];
      scope_[to] = Scope(group, batch.scope[row]);
      attrs_of_row_[to] = Attributes(group, {batch.attr_begin[row], batch.attr_begin[row + 1]});
      GatherEvents(group, place);
      GatherLinks(group, place);
      if (!batch.extras.empty()) GatherExtra(group, place);
    }
    // Not needed again; all groups together would be large.
    *group = {};
  }

  void GatherEvents(Group* group, const Place& place) {
    const SpanBatch& batch = *group->batch;
    const auto begin = static_cast<uint32_t>(events_.size());
    for (uint32_t i = batch.event_begin[place.row]; i < batch.event_begin[place.row + 1]; ++i) {
      const SpanBatch::Event& event = batch.events[i];
      events_.push_back({event.time, Text(group, event.name), event.dropped_attributes,
                         Attributes(group, event.attrs)});
    }
    events_of_row_[place.to] = {begin, static_cast<uint32_t>(events_.size())};
  }

  void GatherLinks(Group* group, const Place& place) {
    const SpanBatch& batch = *group->batch;
    const auto begin = static_cast<uint32_t>(links_.size());
    for (uint32_t i = batch.link_begin[place.row]; i < batch.link_begin[place.row + 1]; ++i) {
      const SpanBatch::Link& link = batch.links[i];
      links_.push_back({&link, Text(group, link.trace_state), Attributes(group, link.attrs)});
    }
    links_of_row_[place.to] = {begin, static_cast<uint32_t>(links_.size())};
  }

  void GatherExtra(Group* group, const Place& place) {
    const SpanBatch::Extra& extra = group->batch->ExtraOf(place.row);
    if (extra.row != place.row) return;  // The shared one of zeros, or the zeros of row 0.
    extras_.push_back({place.to, Text(group, extra.status_message), Text(group, extra.trace_state),
                       extra.dropped_attributes, extra.dropped_events, extra.dropped_links});
  }

  void Add(uint32_t column, std::string bytes) { columns_.emplace_back(column, std::move(bytes)); }

  void PutTraces() {
    std::vector<uint64_t> ids;
    std::vector<uint64_t> sizes;
    std::vector<uint64_t> hashes;
    for (uint32_t row = 0; row < rows(); ++row) {
      if (row > 0 && trace_[row] == trace_[row - 1]) {
        ++sizes.back();
        continue;
      }
      TOCSIN_CHECK(row == 0 || trace_[row - 1] < trace_[row]);
      trace_begin_.push_back(row);
      traces_.push_back(trace_[row]);
      ids.push_back(trace_[row].high);
      ids.push_back(trace_[row].low);
      sizes.push_back(1);
      hashes.push_back(BloomHash(trace_[row]));
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
      return std::tuple(trace_[row], start_[row], span_id_[row], end_[row], kind_[row]);
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
        firsts.push_back(start_[row]);
        ++next;
      } else {
        distances.push_back(start_[row] - start_[row - 1]);
      }
      durations.push_back(end_[row] - start_[row]);
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
      finder.Index(span_id_, begin, end);
      for (uint32_t row = begin; row < end; ++row) {
        if (parent_[row] == 0) continue;
        const uint32_t parent = finder.Find(parent_[row]);
        references[row] = 1;
        if (parent == kUnknown) {
          foreign.push_back(parent_[row]);
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
    PutRandom(span_id_, &bytes);
    Add(kSpanIdsColumn, std::move(bytes));
    ValueColumn names(ValueType::kString);
    for (const uint32_t name : name_) names.Add(name);
    footer_.summaries.push_back(names.Summarize(kNamesColumn, &texts_));
    Add(kNamesColumn, names.Encode(&texts_, packing_));
    Summarize(kKindsColumn, Distinct(kind_));
    Summarize(kStatusesColumn, Distinct(status_));
    Add(kKindsColumn, Codes(kind_, 256));
    Add(kStatusesColumn, Codes(status_, 256));
    Add(kFlagsColumn, Integers(flags_));
    Add(kScopeOfRowColumn, Codes(scope_, static_cast<uint32_t>(scope_resource_.size())));
    Add(kWireSizesColumn, Integers(wire_));
  }

  // A text that few rows have: the rows, and their texts.
  void PutSparse(uint32_t column, uint32_t Extra::* field) {
    std::vector<uint32_t> rows_with;
    ValueColumn texts(ValueType::kString);
    for (const Extra& extra : extras_) {
      if (extra.*field == 0) continue;
      rows_with.push_back(extra.row);
      texts.Add(extra.*field);
    }
    if (rows_with.empty()) return;
    std::string bytes;
    PutVarint64(&bytes, rows_with.size());
    bytes += Integers(rows_with);
    bytes += texts.Encode(&texts_, packing_);
    Add(column, std::move(bytes));
  }

  void PutExtras() {
    std::ranges::sort(extras_, {}, &Extra::row);
    PutSparse(kStatusMessagesColumn, &Extra::status_message);
    PutSparse(kTraceStatesColumn, &Extra::trace_state);
    std::vector<std::vector<uint32_t>> fields(4);
    for (const Extra& e : extras_) {
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
    PutVarint64(&bytes, scope_resource_.size());
    bytes += Codes(scope_resource_, static_cast<uint32_t>(resource_dropped_.size()));
    bytes += Integers(scope_dropped_);
    for (ValueColumn* texts : {&scope_name_, &scope_version_, &scope_schema_}) {
      bytes += texts->Encode(&texts_, packing_);
    }
    Add(kScopesColumn, std::move(bytes));
    bytes.clear();
    PutVarint64(&bytes, resource_dropped_.size());
    bytes += Integers(resource_dropped_);
    bytes += resource_schema_.Encode(&texts_, packing_);
    Add(kResourcesColumn, std::move(bytes));
  }

  void PutEvents() {
    if (events_.empty()) return;
    std::vector<uint32_t> counts;
    std::vector<uint64_t> times;
    std::vector<uint32_t> dropped;
    ValueColumn names(ValueType::kString);
    for (size_t row = 0; row < rows(); ++row) {
      const Range range = events_of_row_[row];
      counts.push_back(range.end - range.begin);
      for (uint32_t i = range.begin; i < range.end; ++i) {
        times.push_back(events_[i].time - start_[row]);
        dropped.push_back(events_[i].dropped);
        names.Add(events_[i].name);
        event_attrs_.push_back(events_[i].attrs);
      }
    }
    std::string bytes = Integers(counts);
    PutVarint64(&bytes, times.size());
    PutIntegers(times, packing_, &bytes);
    bytes += Integers(dropped);
    Add(kEventsColumn, std::move(bytes));
    Add(kEventNamesColumn, names.Encode(&texts_, packing_));
  }

  void PutLinks() {
    if (links_.empty()) return;
    std::vector<uint32_t> counts;
    std::vector<uint64_t> ids;
    std::vector<uint32_t> flags;
    std::vector<uint32_t> dropped;
    ValueColumn states(ValueType::kString);
    for (const Range range : links_of_row_) {
      counts.push_back(range.end - range.begin);
      for (uint32_t i = range.begin; i < range.end; ++i) {
        const SpanBatch::Link& link = *links_[i].link;
        ids.insert(ids.end(), {link.trace_id.high, link.trace_id.low, link.span_id});
        flags.push_back(link.flags);
        dropped.push_back(link.dropped_attributes);
        states.Add(links_[i].trace_state);
        link_attrs_.push_back(links_[i].attrs);
      }
    }
    std::string bytes = Integers(counts);
    PutVarint64(&bytes, flags.size());
    PutRandom(ids, &bytes);
    bytes += Integers(flags);
    bytes += Integers(dropped);
    bytes += states.Encode(&texts_, packing_);
    Add(kLinksColumn, std::move(bytes));
  }

  void PutAttributes() {
    const AttributeTable::Output out{&footer_, &columns_, packing_};
    attrs_.Encode(AttrScope::kSpan, attrs_of_row_, out);
    attrs_.Encode(AttrScope::kResource, resource_attrs_, out);
    attrs_.Encode(AttrScope::kEvent, event_attrs_, out);
    attrs_.Encode(AttrScope::kLink, link_attrs_, out);
    attrs_.Encode(AttrScope::kInstrumentation, scope_attrs_, out);
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
      const uint64_t duration = end_[row] > start_[row] ? end_[row] - start_[row] : 0;
      const auto number = static_cast<int64_t>(std::min<uint64_t>(duration, INT64_MAX));
      summary.min = std::min(summary.min, number);
      summary.max = std::max(summary.max, number);
    }
    footer_.summaries.push_back(std::move(summary));
    std::ranges::sort(footer_.summaries, {}, &ValueSummary::column);
  }

  void DescribeSegment() {
    SegmentStub& stub = footer_.stub;
    stub.rows = static_cast<uint32_t>(rows());
    stub.min_start = *std::ranges::min_element(start_);
    // An end before its start does not make the segment end before it starts.
    stub.max_end = std::max(*std::ranges::max_element(end_), *std::ranges::max_element(start_));
    for (const uint32_t size : wire_) stub.wire_bytes += size;
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
  std::vector<Group> groups_;
  TextPool texts_;
  AttributeTable attrs_;
  SegmentFooter footer_;
  AttributeTable::Columns columns_;

  // One entry a row.
  std::vector<TraceId> trace_;
  std::vector<uint64_t> span_id_;
  std::vector<uint64_t> parent_;
  std::vector<uint64_t> start_;
  std::vector<uint64_t> end_;
  std::vector<uint32_t> name_;
  std::vector<uint32_t> kind_;
  std::vector<uint32_t> status_;
  std::vector<uint32_t> flags_;
  std::vector<uint32_t> scope_;
  std::vector<uint32_t> wire_;
  std::vector<AttrRange> attrs_of_row_;
  std::vector<Range> events_of_row_;
  std::vector<Range> links_of_row_;
  std::vector<uint32_t> trace_begin_;  // The first row of each trace.
  std::vector<TraceId> traces_;        // Each once.

  // In the order of the batches; the ranges above say where.
  std::vector<Event> events_;
  std::vector<Link> links_;
  std::vector<Extra> extras_;
  // In the order of the rows.
  std::vector<AttrRange> event_attrs_;
  std::vector<AttrRange> link_attrs_;

  IdentityTable scope_numbers_;
  std::vector<AttrRange> scope_attrs_;
  std::vector<uint32_t> scope_resource_;
  std::vector<uint32_t> scope_dropped_;
  ValueColumn scope_name_{ValueType::kString};
  ValueColumn scope_version_{ValueType::kString};
  ValueColumn scope_schema_{ValueType::kString};
  IdentityTable resource_numbers_;
  std::vector<AttrRange> resource_attrs_;
  std::vector<uint32_t> resource_dropped_;
  ValueColumn resource_schema_{ValueType::kString};
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
