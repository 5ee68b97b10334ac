#include "storage/spans/segment_check.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/columnar/frame.h"
#include "storage/spans/span_counts.h"
#include "storage/spans/value_filter.h"

namespace tocsin::storage {
namespace {

// What the value filter must have of the rows.
class ExpectedHashes {
 public:
  ExpectedHashes(const SegmentFooter& footer, const SpanBatch& rows)
      : footer_(footer), rows_(rows) {}

  std::vector<uint64_t> Take() && {
    const ValueSummary* names = footer_.FindSummary(kNamesColumn);
    for (uint32_t row = 0; row < rows_.rows(); ++row) {
      if (names == nullptr || !names->listed) {
        hashes_.push_back(ValueHasher::OfNames().Text(rows_.strings[rows_.name[row]]));
      }
      Add(AttrScope::kSpan, {rows_.attr_begin[row], rows_.attr_begin[row + 1]});
    }
    for (const auto& resource : rows_.resources) Add(AttrScope::kResource, resource.attrs);
    for (const auto& scope : rows_.scopes) Add(AttrScope::kInstrumentation, scope.attrs);
    for (const auto& event : rows_.events) Add(AttrScope::kEvent, event.attrs);
    for (const auto& link : rows_.links) Add(AttrScope::kLink, link.attrs);
    return std::move(hashes_);
  }

 private:
  // Of an attribute without a column both the key and the value are expected.
  bool HasColumn(AttrScope scope, const SpanBatch::Key& key, bool* listed) const {
    const SegmentFooter::Range range = footer_.AttributesOf(scope);
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const SegmentFooter::Attribute& attribute = footer_.attributes[i];
      if (attribute.type != key.type || attribute.key != rows_.strings[key.name]) continue;
      const ValueSummary* summary = footer_.FindSummary(kFirstAttributeColumn + i);
      *listed = summary != nullptr && summary->listed;
      return true;
    }
    return false;
  }

  void Add(AttrScope scope, SpanBatch::AttrRange range) {
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const SpanBatch::Attr attr = rows_.attrs[i];
      const SpanBatch::Key& key = rows_.keys[attr.key];
      const auto [it, added] = known_.try_emplace({scope, attr.key});
      if (added) {
        bool listed = false;
        const bool has_column = HasColumn(scope, key, &listed);
        it->second = FilterCovers(key.type) && !listed;
        if (!has_column) hashes_.push_back(ValueHasher::Key(scope, rows_.strings[key.name]));
      }
      if (!it->second) continue;
      const ValueHasher hasher(scope, key.type, rows_.strings[key.name]);
      hashes_.push_back(key.type == ValueType::kString
                            ? hasher.Text(rows_.strings[attr.value])
                            : hasher.Number(static_cast<uint64_t>(rows_.ints[attr.value])));
    }
  }

  const SegmentFooter& footer_;
  const SpanBatch& rows_;
  std::map<std::pair<AttrScope, uint32_t>, bool> known_;  // Of a key: are its values expected?
  std::vector<uint64_t> hashes_;
};

Status CheckFilter(const SegmentColumns& columns, const SpanBatch& rows) {
  const uint32_t pages = columns.footer().filter_pages;
  if (pages == 0) return {};
  std::vector<uint64_t> hashes = ExpectedHashes(columns.footer(), rows).Take();
  // Page by page: the upper half of a hash says which it is.
  std::ranges::sort(hashes);
  const auto rest = std::ranges::unique(hashes);
  hashes.erase(rest.begin(), rest.end());
  for (const uint64_t hash : hashes) {
    TOCSIN_ASSIGN_OR_RETURN(const bool may, columns.FilterMayContain(hash));
    if (!may) return CorruptionError("value filter: a value of the rows is missing");
  }
  return {};
}

Status CheckCounts(const SegmentColumns& columns, const SpanBatch& rows) {
  const SegmentStub& stub = columns.footer().stub;
  SpanCounter counter(stub.min_start);
  std::map<std::string_view, uint32_t> services;
  for (uint32_t row = 0; row < rows.rows(); ++row) {
    const SpanBatch::Resource& resource = rows.resources[rows.scopes[rows.scope[row]].resource];
    const std::string_view name = rows.FindString(resource.attrs, "service.name");
    uint32_t service = 0;
    if (name.data() != nullptr) {
      const auto [it, added] = services.try_emplace(name);
      if (added) it->second = counter.AddService(name);
      service = it->second;
    }
    counter.Add({.service = service,
                 .kind = rows.kind[row],
                 .status = rows.status[row],
                 .root = rows.parent_span_id[row] == 0,
                 .start = rows.start[row],
                 .end = rows.end[row]});
  }
  const auto check = [&](uint32_t value, const std::string& expected) -> Status {
    if (value == 0) return {};
    TOCSIN_ASSIGN_OR_RETURN(const std::string stored, columns.ValueBody(value));
    const Result<std::string> wanted = expected.empty() ? "" : OpenFrame(expected);
    if (wanted.has_value() && *wanted == stored) return {};
    return CorruptionError("counts: not those of the rows");
  };
  TOCSIN_RETURN_IF_ERROR(check(stub.counts_value, counter.Counts()));
  return check(stub.durations_value, counter.CountsByDuration());
}

}  // namespace

Status CheckShortcuts(const SegmentColumns& columns, const SpanBatch& rows) {
  TOCSIN_RETURN_IF_ERROR(columns.InSegment(CheckFilter(columns, rows)));
  return columns.InSegment(CheckCounts(columns, rows));
}

}  // namespace tocsin::storage
