#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <utility>

#include "cpp/base/hash.h"
#include "storage/columnar/bloom.h"
#include "storage/columnar/frame.h"
#include "storage/spans/attribute_column.h"
#include "storage/spans/redactor.h"
#include "storage/spans/segment.h"
#include "storage/spans/segment_check.h"
#include "storage/spans/segment_columns.h"
#include "storage/spans/segment_pruning.h"
#include "storage/spans/segment_rows.h"

namespace tocsin::storage {
namespace {

using traceql::Column;
using traceql::Value;
using ColumnPtr = Result<std::shared_ptr<const Column>>;

class VolumeSource final : public SegmentSource {
 public:
  VolumeSource(std::shared_ptr<const Volume> volume, uint64_t number)
      : volume_(std::move(volume)), number_(number) {}
  Result<std::string> Value(uint32_t index) const override {
    return volume_->Get(SegmentKey(number_, index));
  }

 private:
  const std::shared_ptr<const Volume> volume_;
  const uint64_t number_;
};

class SealedSource final : public SegmentSource {
 public:
  explicit SealedSource(std::shared_ptr<const SealedSegment> sealed) : sealed_(std::move(sealed)) {}
  Result<std::string> Value(uint32_t index) const override {
    if (index >= sealed_->values.size()) return NotFoundError("no such value");
    return sealed_->values[index];
  }

 private:
  const std::shared_ptr<const SealedSegment> sealed_;
};

// A column whose distinct values are found while it is filled.
class ColumnFiller {
 public:
  /// `identity`: equal for equal values, and only for them.
  void Push(std::string_view identity, const Value& value) {
    const auto [it, added] =
        codes_.try_emplace(std::string(identity), static_cast<uint32_t>(column_.values.size()) + 1);
    if (added) column_.values.push_back(value);
    column_.codes.push_back(it->second);
  }
  Column Take(std::vector<uint32_t> owner) && {
    column_.owner = std::move(owner);
    return std::move(column_);
  }

 private:
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> codes_;
  Column column_;
};

// Row by row what `of` says of the row another table has.
void Spread(const std::vector<uint32_t>& of, Column* column) {
  std::vector<uint32_t> codes(of.size());
  for (size_t row = 0; row < of.size(); ++row) codes[row] = column->codes[of[row]];
  column->codes = std::move(codes);
}

std::vector<uint32_t> Owners(const std::vector<uint32_t>& begin) {
  std::vector<uint32_t> owner(begin.back());
  for (uint32_t row = 0; row + 1 < begin.size(); ++row) {
    std::fill(owner.begin() + begin[row], owner.begin() + begin[row + 1], row);
  }
  return owner;
}

template <class T>
Result<std::span<const T>> AsSpan(const Result<std::shared_ptr<const std::vector<T>>>& column) {
  if (!column) return Failure(column.error());
  return std::span<const T>(**column);
}

}  // namespace

struct SegmentReader::Rep {
  std::unique_ptr<SegmentColumns> columns;
  std::shared_ptr<const SegmentRedactions> redactions;  // Null: none.

  static Result<std::shared_ptr<const SegmentReader>> Open(
      std::unique_ptr<SegmentSource> source, uint64_t number, std::shared_ptr<ColumnCache> cache,
      std::shared_ptr<const SegmentRedactions> redactions = nullptr) {
    TOCSIN_ASSIGN_OR_RETURN(auto columns,
                            SegmentColumns::Open(std::move(source), number, std::move(cache)));
    auto rep = std::make_unique<Rep>();
    rep->columns = std::move(columns);
    rep->redactions = std::move(redactions);
    return std::shared_ptr<const SegmentReader>(new SegmentReader(std::move(rep)));
  }

  // The rows of a trace; empty if there are none.
  Result<std::pair<uint32_t, uint32_t>> RowsOf(const TraceId& id) const {
    TOCSIN_ASSIGN_OR_RETURN(const auto traces, columns->Traces());
    const auto it = std::ranges::lower_bound(traces->ids, id);
    if (it == traces->ids.end() || *it != id) return std::pair{0U, 0U};
    const auto t = static_cast<size_t>(it - traces->ids.begin());
    return std::pair{traces->first_row[t], traces->first_row[t + 1]};
  }

  // Rows that are not in a sparse column have "".
  ColumnPtr Sparse(uint32_t column) const {
    const auto make = [&]() -> Result<Column> {
      TOCSIN_ASSIGN_OR_RETURN(const auto sparse, columns->Sparse(column));
      Column dense = ToColumn(sparse->texts);
      const std::vector<uint32_t> codes = std::exchange(dense.codes, {});
      const auto is_empty = [](const Value& value) { return value.text.empty(); };
      auto empty = std::ranges::find_if(dense.values, is_empty);
      if (empty == dense.values.end()) {
        empty = dense.values.insert(empty, Value{.type = ValueType::kString, .text = {}});
      }
      const auto absent = static_cast<uint32_t>(empty - dense.values.begin()) + 1;
      dense.codes.assign(columns->rows(), absent);
      for (size_t i = 0; i < codes.size(); ++i) dense.codes[sparse->rows[i]] = codes[i];
      return dense;
    };
    return columns->Derived(column, SegmentColumns::kFirstDerivedForm, make);
  }

  // Ids of links; `first` and `count` say which of a link's three numbers.
  ColumnPtr LinkIds(uint32_t form, size_t first, size_t count) const {
    return columns->Derived(kLinksColumn, form, [&]() -> Result<Column> {
      TOCSIN_ASSIGN_OR_RETURN(const auto links, columns->Links());
      ColumnFiller filler;
      for (size_t link = 0; link < links->flags.size(); ++link) {
        Value value{.type = ValueType::kBytes, .text = {}};
        for (size_t i = first; i < first + count; ++i) {
          value.text += SpanIdToBytes(links->ids[3 * link + i]);
        }
        filler.Push(value.text, value);
      }
      return std::move(filler).Take(Owners(links->begin));
    });
  }

  ColumnPtr OfScope(uint32_t form, const ValueList ScopeTable::* texts) const {
    return columns->Derived(kScopesColumn, form, [&]() -> Result<Column> {
      TOCSIN_ASSIGN_OR_RETURN(const auto scopes, columns->Scopes());
      TOCSIN_ASSIGN_OR_RETURN(const auto scope_of_row, columns->ScopeOfRow());
      Column column = ToColumn((*scopes).*texts);
      Spread(*scope_of_row, &column);
      return column;
    });
  }

  // From the rows of a scope to the rows of spans.
  Status Expand(AttrScope scope, Column* column) const {
    if (scope == AttrScope::kEvent) {
      TOCSIN_ASSIGN_OR_RETURN(const auto events, columns->Events());
      column->owner = Owners(events->begin);
    } else if (scope == AttrScope::kLink) {
      TOCSIN_ASSIGN_OR_RETURN(const auto links, columns->Links());
      column->owner = Owners(links->begin);
    } else if (scope != AttrScope::kSpan) {
      TOCSIN_ASSIGN_OR_RETURN(const auto scopes, columns->Scopes());
      TOCSIN_ASSIGN_OR_RETURN(const auto scope_of_row, columns->ScopeOfRow());
      if (scope == AttrScope::kResource) Spread(scopes->resource, column);
      Spread(*scope_of_row, column);
    }
    return {};
  }
};

SegmentReader::SegmentReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
SegmentReader::~SegmentReader() = default;

Result<std::shared_ptr<const SegmentReader>> SegmentReader::Open(
    std::shared_ptr<const Volume> volume, uint64_t number, std::shared_ptr<ColumnCache> cache,
    std::shared_ptr<const SegmentRedactions> redactions) {
  return Rep::Open(std::make_unique<VolumeSource>(std::move(volume), number), number,
                   std::move(cache), std::move(redactions));
}

Result<std::shared_ptr<const SegmentReader>> SegmentReader::Open(
    std::shared_ptr<const SealedSegment> sealed, uint64_t number,
    std::shared_ptr<ColumnCache> cache) {
  return Rep::Open(std::make_unique<SealedSource>(std::move(sealed)), number, std::move(cache));
}

const std::string& SegmentReader::tenant() const { return rep_->columns->footer().tenant; }
const SegmentStub& SegmentReader::stub() const { return rep_->columns->footer().stub; }
bool SegmentReader::unique() const { return rep_->columns->footer().unique; }

bool SegmentReader::MayContain(const TraceId& id) const {
  return BloomMayContain(rep_->columns->footer().bloom, BloomHash(id));
}

Result<bool> SegmentReader::AppendTrace(const TraceId& id, SpanBatchBuilder* to,
                                        const traceql::Bitmap* hidden) const {
  if (!MayContain(id)) return false;
  TOCSIN_ASSIGN_OR_RETURN(const auto range, rep_->RowsOf(id));
  if (range.first == range.second) return false;
  TOCSIN_ASSIGN_OR_RETURN(const SpanBatch rows, ReadRows(range.first, range.second));
  bool any = false;
  for (uint32_t row = 0; row < rows.rows(); ++row) {
    if (hidden != nullptr && hidden->Test(range.first + row)) continue;
    to->CopyRow(rows, row);
    any = true;
  }
  return any;
}

Result<uint64_t> SegmentReader::WireBytesOf(const TraceId& id,
                                            const traceql::Bitmap* hidden) const {
  if (!MayContain(id)) return 0;
  TOCSIN_ASSIGN_OR_RETURN(const auto range, rep_->RowsOf(id));
  if (range.first == range.second) return 0;
  TOCSIN_ASSIGN_OR_RETURN(const auto sizes, rep_->columns->WireSizes());
  uint64_t sum = 0;
  for (uint32_t row = range.first; row < range.second; ++row) {
    if (hidden == nullptr || !hidden->Test(row)) sum += (*sizes)[row];
  }
  return sum;
}

Result<SpanBatch> SegmentReader::ReadRows(uint32_t first, uint32_t last) const {
  TOCSIN_CHECK(first <= last && last <= rows());
  Result<SpanBatch> batch = ReadSegmentRows(*rep_->columns, first, last);
  if (!batch.has_value() || rep_->redactions == nullptr) return batch;
  return RedactRows(*batch, first, *rep_->redactions);
}

Status SegmentReader::CheckShortcuts(const SpanBatch& rows) const {
  return storage::CheckShortcuts(*rep_->columns, rows);
}

Status SegmentReader::ForEachTraceThrough(const TraceVisitor& visit) const {
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, rep_->columns->Traces());
  for (size_t t = 0; t < traces->ids.size(); ++t) visit(traces->ids[t], traces->through[t]);
  return {};
}

Result<std::vector<SegmentReader::AttributeName>> SegmentReader::AttributeNames(
    AttrScope scope) const {
  std::vector<AttributeName> names;
  const SegmentFooter& footer = rep_->columns->footer();
  const SegmentFooter::Range range = footer.AttributesOf(scope);
  for (uint32_t i = range.begin; i < range.end; ++i) {
    names.push_back({footer.attributes[i].key, footer.attributes[i].type});
  }
  if (rep_->columns->HasOverflow(scope)) {
    TOCSIN_ASSIGN_OR_RETURN(const auto overflow, rep_->columns->OverflowOf(scope));
    for (size_t k = 0; k < overflow->key_types.size(); ++k) {
      names.push_back({std::string(overflow->key_names[k]), overflow->key_types[k]});
    }
  }
  return names;
}

Result<std::vector<traceql::AttributeKey>> SegmentReader::AttributeKeys() const {
  std::set<traceql::AttributeKey> keys;
  for (const AttrScope scope : {AttrScope::kSpan, AttrScope::kResource, AttrScope::kEvent,
                                AttrScope::kLink, AttrScope::kInstrumentation}) {
    TOCSIN_ASSIGN_OR_RETURN(std::vector<AttributeName> names, AttributeNames(scope));
    for (AttributeName& name : names) {
      if (rep_->redactions != nullptr && IsRedacted(*rep_->redactions, scope, name.name)) {
        TOCSIN_ASSIGN_OR_RETURN(const auto left, Attribute(scope, name.name));
        if (left == nullptr) continue;
      }
      keys.insert({scope, std::move(name.name)});
    }
  }
  return std::vector<traceql::AttributeKey>(keys.begin(), keys.end());
}

uint32_t SegmentReader::rows() const { return stub().rows; }
uint64_t SegmentReader::min_start() const { return stub().min_start; }
uint64_t SegmentReader::max_end() const { return stub().max_end; }

Result<std::span<const TraceId>> SegmentReader::Traces() const {
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, rep_->columns->Traces());
  return std::span<const TraceId>(traces->ids);
}
Result<std::span<const uint32_t>> SegmentReader::TraceOfRow() const {
  return AsSpan(rep_->columns->TraceOfRow());
}
Result<std::span<const SpanId>> SegmentReader::SpanIds() const {
  return AsSpan(rep_->columns->SpanIds());
}
Result<std::span<const SpanId>> SegmentReader::ParentSpanIds() const {
  return AsSpan(rep_->columns->Parents());
}
Result<std::span<const uint32_t>> SegmentReader::ParentRows() const {
  return AsSpan(rep_->columns->ParentRows());
}
Result<std::span<const uint64_t>> SegmentReader::Starts() const {
  return AsSpan(rep_->columns->Starts());
}
Result<std::span<const uint64_t>> SegmentReader::Ends() const {
  return AsSpan(rep_->columns->Ends());
}
Result<std::span<const SpanKind>> SegmentReader::Kinds() const {
  return AsSpan(rep_->columns->Kinds());
}
Result<std::span<const SpanStatus>> SegmentReader::Statuses() const {
  return AsSpan(rep_->columns->Statuses());
}

ColumnPtr SegmentReader::Names() const {
  return rep_->columns->Derived(kNamesColumn, SegmentColumns::kFirstDerivedForm,
                                [this]() -> Result<Column> {
                                  TOCSIN_ASSIGN_OR_RETURN(const auto names, rep_->columns->Names());
                                  return ToColumn(*names);
                                });
}

ColumnPtr SegmentReader::StatusMessages() const { return rep_->Sparse(kStatusMessagesColumn); }

ColumnPtr SegmentReader::EventNames() const {
  return rep_->columns->Derived(
      kEventNamesColumn, SegmentColumns::kFirstDerivedForm, [this]() -> Result<Column> {
        TOCSIN_ASSIGN_OR_RETURN(const auto names, rep_->columns->EventNames());
        Column column = ToColumn(*names);
        TOCSIN_RETURN_IF_ERROR(rep_->Expand(AttrScope::kEvent, &column));
        return column;
      });
}

ColumnPtr SegmentReader::ScopeNames() const {
  return rep_->OfScope(SegmentColumns::kFirstDerivedForm, &ScopeTable::names);
}
ColumnPtr SegmentReader::ScopeVersions() const {
  return rep_->OfScope(SegmentColumns::kFirstDerivedForm + 1, &ScopeTable::versions);
}

ColumnPtr SegmentReader::EventTimes() const {
  const SegmentColumns& columns = *rep_->columns;
  return columns.Derived(kEventsColumn, SegmentColumns::kFirstDerivedForm, [&]() -> Result<Column> {
    TOCSIN_ASSIGN_OR_RETURN(const auto events, columns.Events());
    TOCSIN_ASSIGN_OR_RETURN(const auto starts, columns.Starts());
    std::vector<uint32_t> owner = Owners(events->begin);
    ColumnFiller filler;
    for (size_t i = 0; i < owner.size(); ++i) {
      const uint64_t time = (*starts)[owner[i]] + events->times[i];
      Value value{.type = ValueType::kInt, .text = {}, .integer = static_cast<int64_t>(time)};
      filler.Push(SpanIdToBytes(time), value);
    }
    return std::move(filler).Take(std::move(owner));
  });
}

ColumnPtr SegmentReader::LinkTraceIds() const {
  return rep_->LinkIds(SegmentColumns::kFirstDerivedForm, 0, 2);
}
ColumnPtr SegmentReader::LinkSpanIds() const {
  return rep_->LinkIds(SegmentColumns::kFirstDerivedForm + 1, 2, 1);
}

ColumnPtr SegmentReader::Attribute(AttrScope scope, std::string_view key) const {
  AttributeMerger merger(*rep_->columns, scope, key);
  TOCSIN_RETURN_IF_ERROR(merger.Find());
  if (!merger.found()) return nullptr;
  const auto [column, form] = merger.Name();
  ColumnPtr whole = rep_->columns->Derived(column, form, [&]() -> Result<Column> {
    TOCSIN_ASSIGN_OR_RETURN(Column merged, merger.Merge());
    TOCSIN_RETURN_IF_ERROR(rep_->Expand(scope, &merged));
    return merged;
  });
  const bool redacted = rep_->redactions != nullptr && IsRedacted(*rep_->redactions, scope, key);
  if (!whole.has_value() || !redacted) return whole;
  // Only for as long as the segment is not written anew: not worth a place in the cache.
  Column left = RedactColumn(**whole, *rep_->redactions, scope, key);
  if (left.values.empty()) return nullptr;
  return std::make_shared<const Column>(std::move(left));
}

bool SegmentReader::MayMatch(const traceql::Field& field, traceql::Op op,
                             const traceql::Literal& literal) const {
  return LooksToMatch(field, op, literal).value_or(true);
}

Result<bool> SegmentReader::LooksToMatch(const traceql::Field& field, traceql::Op op,
                                         const traceql::Literal& literal) const {
  // The footer knows nothing of what is redacted.
  if (rep_->redactions != nullptr) return true;
  return MayMatchSegment(*rep_->columns, field, op, literal);
}

Status ForEachSegment(const Volume& volume, const SegmentVisitor& visit) {
  const size_t key_size = SegmentKey(0, 0).size();
  std::string from = SegmentPrefix(0);
  while (true) {
    const Result<Volume::OwnedEntry> entry = volume.Seek(from);
    if (!entry && entry.error().code() == StatusCode::kNotFound) return {};
    if (!entry) return entry.error();
    if (!entry->key.starts_with('s') || entry->key.size() != key_size) return {};
    const uint64_t number = SpanIdFromBytes(entry->key.data() + 1);
    const auto footer = entry->key == SegmentKey(number, 0)
                            ? SegmentFooter::FromFirstValue(entry->value, number)
                            : CorruptionError("the footer is missing");
    if (footer) {
      visit(number, footer->stub, footer->tenant);
    } else {
      const std::string segment = "segment " + std::to_string(number);
      visit(number, Failure(footer.error().WithContext(segment)), "");
    }
    if (number == UINT64_MAX) return {};
    from = SegmentPrefix(number + 1);
  }
}

}  // namespace tocsin::storage
