#include "storage/spans/gathered_rows.h"

#include <bit>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/hash.h"

namespace tocsin::storage {
namespace {

constexpr uint32_t kUnknown = UINT32_MAX;

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

class Gatherer {
 public:
  Gatherer(std::span<const RowRef> rows, GatheredRows* to) : rows_(rows), to_(*to) {}

  void Run() {
    GroupByBatch();
    Allocate();
    for (Group& group : groups_) Gather(&group);
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
  void GroupByBatch() {
    std::unordered_map<const SpanBatch*, uint32_t> known;
    const SpanBatch* last = nullptr;
    uint32_t group = 0;
    for (uint32_t to = 0; to < rows_.size(); ++to) {
      const RowRef& ref = rows_[to];
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
    const auto resize = [this](auto&... columns) { (columns.resize(rows_.size()), ...); };
    resize(to_.trace, to_.span_id, to_.parent, to_.start, to_.end, to_.name, to_.kind, to_.status,
           to_.flags, to_.scope, to_.wire, to_.attrs_of_row, to_.events_of_row, to_.links_of_row);
  }

  uint32_t Text(Group* group, StringId id) {
    uint32_t& text = group->texts[id];
    if (text == kUnknown) text = to_.texts.Id(group->batch->strings[id]);
    return text;
  }

  AttrRange Attributes(Group* group, AttrRange range) {
    const SpanBatch& batch = *group->batch;
    const uint32_t begin = to_.attrs.size();
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const SpanBatch::Attr attr = batch.attrs[i];
      const SpanBatch::Key batch_key = batch.keys[attr.key];
      uint32_t& key = group->keys[attr.key];
      if (key == kUnknown) key = to_.attrs.Key(Text(group, batch_key.name), batch_key.type);
      switch (batch_key.type) {
        case ValueType::kString:
        case ValueType::kBytes:
        case ValueType::kComposite:
          to_.attrs.Add(key, Text(group, attr.value));
          break;
        case ValueType::kInt:
          to_.attrs.AddNumber(key, static_cast<uint64_t>(batch.ints[attr.value]));
          break;
        case ValueType::kDouble:
          to_.attrs.AddNumber(key, std::bit_cast<uint64_t>(batch.doubles[attr.value]));
          break;
        case ValueType::kBool:
        case ValueType::kEmpty:
          to_.attrs.AddNumber(key, attr.value);
          break;
      }
    }
    return {begin, to_.attrs.size()};
  }

  uint32_t Resource(Group* group, uint32_t index) {
    const SpanBatch::Resource& resource = group->batch->resources[index];
    const uint32_t before = to_.attrs.size();
    const AttrRange attrs = Attributes(group, resource.attrs);
    const uint32_t schema = Text(group, resource.schema_url);
    std::string identity;
    PutVarint64(&identity, schema);
    PutVarint64(&identity, resource.dropped_attributes);
    to_.attrs.AppendIdentity(attrs, &identity);
    const auto [number, added] = resource_numbers_.Number(identity);
    if (added) {
      to_.resource_attrs.push_back(attrs);
      to_.resource_schema.Add(schema);
      to_.resource_dropped.push_back(resource.dropped_attributes);
    } else {
      to_.attrs.Truncate(before);
    }
    return number;
  }

  uint32_t Scope(Group* group, uint32_t index) {
    uint32_t& number = group->scopes[index];
    if (number != kUnknown) return number;
    const SpanBatch::Scope& scope = group->batch->scopes[index];
    const uint32_t resource = Resource(group, scope.resource);
    const uint32_t before = to_.attrs.size();
    const AttrRange attrs = Attributes(group, scope.attrs);
    const uint32_t name = Text(group, scope.name);
    const uint32_t version = Text(group, scope.version);
    const uint32_t schema = Text(group, scope.schema_url);
    std::string identity;
    for (const uint32_t part : {resource, name, version, schema, scope.dropped_attributes}) {
      PutVarint64(&identity, part);
    }
    to_.attrs.AppendIdentity(attrs, &identity);
    const auto [found, added] = scope_numbers_.Number(identity);
    if (added) {
      to_.scope_attrs.push_back(attrs);
      to_.scope_resource.push_back(resource);
      to_.scope_name.Add(name);
      to_.scope_version.Add(version);
      to_.scope_schema.Add(schema);
      to_.scope_dropped.push_back(scope.dropped_attributes);
    } else {
      to_.attrs.Truncate(before);
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
      to_.trace[to] = batch.traces[batch.trace[row]];
      to_.span_id[to] = batch.span_id[row];
      to_.parent[to] = batch.parent_span_id[row];
      to_.start[to] = batch.start[row];
      to_.end[to] = batch.end[row];
      to_.name[to] = Text(group, batch.name[row]);
      to_.kind[to] = static_cast<uint32_t>(batch.kind[row]);
      to_.status[to] = static_cast<uint32_t>(batch.status[row]);
      to_.flags[to] = batch.flags[row];
      to_.wire[to] = batch.wire_size[row];
      to_.scope[to] = Scope(group, batch.scope[row]);
      to_.attrs_of_row[to] = Attributes(group, {batch.attr_begin[row], batch.attr_begin[row + 1]});
      GatherEvents(group, place);
      GatherLinks(group, place);
      if (!batch.extras.empty()) GatherExtra(group, place);
    }
    // Not needed again; all groups together would be large.
    *group = {};
  }

  void GatherEvents(Group* group, const Place& place) {
    const SpanBatch& batch = *group->batch;
    const auto begin = static_cast<uint32_t>(to_.events.size());
    for (uint32_t i = batch.event_begin[place.row]; i < batch.event_begin[place.row + 1]; ++i) {
      const SpanBatch::Event& event = batch.events[i];
      to_.events.push_back({event.time, Text(group, event.name), event.dropped_attributes,
                            Attributes(group, event.attrs)});
    }
    to_.events_of_row[place.to] = {begin, static_cast<uint32_t>(to_.events.size())};
  }

  void GatherLinks(Group* group, const Place& place) {
    const SpanBatch& batch = *group->batch;
    const auto begin = static_cast<uint32_t>(to_.links.size());
    for (uint32_t i = batch.link_begin[place.row]; i < batch.link_begin[place.row + 1]; ++i) {
      const SpanBatch::Link& link = batch.links[i];
      to_.links.push_back({&link, Text(group, link.trace_state), Attributes(group, link.attrs)});
    }
    to_.links_of_row[place.to] = {begin, static_cast<uint32_t>(to_.links.size())};
  }

  void GatherExtra(Group* group, const Place& place) {
    const SpanBatch::Extra& extra = group->batch->ExtraOf(place.row);
    if (extra.row != place.row) return;  // The shared one of zeros, or the zeros of row 0.
    to_.extras.push_back({place.to, Text(group, extra.status_message),
                          Text(group, extra.trace_state), extra.dropped_attributes,
                          extra.dropped_events, extra.dropped_links});
  }

  const std::span<const RowRef> rows_;
  GatheredRows& to_;
  std::vector<Group> groups_;
  IdentityTable scope_numbers_;
  IdentityTable resource_numbers_;
};

}  // namespace

void GatherRows(std::span<const RowRef> rows, GatheredRows* to) { Gatherer(rows, to).Run(); }

}  // namespace tocsin::storage
