#include "storage/spans/segment_rows.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/model/span_batch_builder.h"

namespace tocsin::storage {
namespace {

// Walks the attribute lists of some rows of one scope, row after row. A column holds only the
// values of the rows that have its key: where row r's values are follows from the shapes of the
// rows before it.
class AttributeCursor {
 public:
  /// REQUIRES: only rows of `rows` are asked for.
  AttributeCursor(const SegmentColumns& columns, AttrScope scope, Slice rows)
      : columns_(columns),
        rows_(rows),
        scope_(scope),
        attributes_(columns.footer().AttributesOf(scope)),
        values_(attributes_.end - attributes_.begin),
        next_(values_.size() + 1) {}

  Status Open() {
    TOCSIN_ASSIGN_OR_RETURN(shapes_, columns_.ShapesOf(scope_));
    Count({0, rows_.first}, &next_);
    end_ = next_;
    Count(rows_, &end_);
    row_ = static_cast<uint32_t>(rows_.first);
    return {};
  }

  /// Skips the rows before `row`. REQUIRES: rows are asked for in ascending order.
  void SkipTo(uint32_t row) {
    Count({row_, row}, &next_);
    row_ = row;
  }

  /// Appends the list of the next row.
  Result<SpanBatch::AttrRange> Append(SpanBatchBuilder* to) {
    const uint32_t begin = to->AttrCount();
    for (const uint32_t slot : (*shapes_)[shapes_->codes[row_]]) {
      const Status status = slot == 0 ? AppendOverflow(to) : AppendOwn(slot - 1, to);
      TOCSIN_RETURN_IF_ERROR(status);
    }
    ++row_;
    return SpanBatch::AttrRange{begin, to->AttrCount()};
  }

 private:
  // Adds to `uses`, by slot, how often the rows use it.
  void Count(Slice rows, std::vector<uint32_t>* uses) const {
    constexpr size_t kFew = 16;
    if (rows.size() <= kFew) {
      for (size_t row = rows.first; row < rows.last; ++row) {
        for (const uint32_t slot : (*shapes_)[shapes_->codes[row]]) ++(*uses)[slot];
      }
      return;
    }
    std::vector<uint32_t> of_shape(shapes_->size());
    for (size_t row = rows.first; row < rows.last; ++row) ++of_shape[shapes_->codes[row]];
    for (uint32_t shape = 0; shape < of_shape.size(); ++shape) {
      if (of_shape[shape] == 0) continue;
      for (const uint32_t slot : (*shapes_)[shape]) (*uses)[slot] += of_shape[shape];
    }
  }

  Status AppendOwn(uint32_t attribute, SpanBatchBuilder* to) {
    auto& part = values_[attribute];
    uint32_t& next = next_[attribute + 1];
    if (!part) {
      const uint32_t index = attributes_.begin + attribute;
      auto read = columns_.Attribute(index, {next, end_[attribute + 1]});
      if (!read) return read.error();
      part.emplace(*std::move(read));
    }
    const std::string_view key = columns_.footer().attributes[attributes_.begin + attribute].key;
    const ValueList& values = part->values();
    const uint32_t code = values.codes[part->At(next++)];
    if (values.IsText()) {
      AppendText(key, values.type, values.texts[code], to);
    } else {
      AppendNumber(key, values.type, values.numbers[code], to);
    }
    return {};
  }

  Status AppendOverflow(SpanBatchBuilder* to) {
    if (overflow_ == nullptr) {
      TOCSIN_ASSIGN_OR_RETURN(overflow_, columns_.OverflowOf(scope_));
    }
    const uint32_t entry = next_[0]++;
    const uint32_t key = overflow_->keys[entry];
    const ValueType type = overflow_->key_types[key];
    const std::string_view bytes = overflow_->values.texts[overflow_->values.codes[entry]];
    if (ValueList::TypeIsText(type)) {
      AppendText(overflow_->key_names[key], type, bytes, to);
    } else {
      AppendNumber(overflow_->key_names[key], type, Overflow::Number(bytes), to);
    }
    return {};
  }

  static void AppendText(std::string_view key, ValueType type, std::string_view text,
                         SpanBatchBuilder* to) {
    if (type == ValueType::kString) to->AddString(key, text);
    if (type == ValueType::kBytes) to->AddBytes(key, text);
    if (type == ValueType::kComposite) to->AddComposite(key, text);
  }

  static void AppendNumber(std::string_view key, ValueType type, uint64_t bits,
                           SpanBatchBuilder* to) {
    if (type == ValueType::kBool) to->AddBool(key, bits != 0);
    if (type == ValueType::kInt) to->AddInt(key, static_cast<int64_t>(bits));
    if (type == ValueType::kDouble) to->AddDouble(key, std::bit_cast<double>(bits));
    if (type == ValueType::kEmpty) to->AddEmpty(key);
  }

  const SegmentColumns& columns_;
  const Slice rows_;
  const AttrScope scope_;
  const SegmentFooter::Range attributes_;
  std::shared_ptr<const Shapes> shapes_;
  std::vector<std::optional<ColumnPart<ValueList>>> values_;  // By attribute, once needed.
  std::shared_ptr<const Overflow> overflow_;
  std::vector<uint32_t> next_;  // By slot: the next entry of its column,
  std::vector<uint32_t> end_;   // and the one behind the last row's.
  uint32_t row_ = 0;
};

class RowReader {
 public:
  RowReader(const SegmentColumns& columns, uint32_t first, uint32_t last)
      : columns_(columns), first_(first), last_(last), rows_{first, last} {}

  Result<SpanBatch> Read() {
    builder_.Reserve(last_ - first_);
    TOCSIN_RETURN_IF_ERROR(ReadScopes());
    TOCSIN_ASSIGN_OR_RETURN(const Starts starts, columns_.Starts(rows_));
    TOCSIN_RETURN_IF_ERROR(ReadLists(starts));
    TOCSIN_RETURN_IF_ERROR(ReadColumns(starts));
    TOCSIN_RETURN_IF_ERROR(ReadExtras());
    return std::move(builder_).Finish();
  }

 private:
  using Starts = ColumnPart<SegmentColumns::Numbers>;

  SpanBatch& batch() { return builder_.batch(); }

  StringId Text(const ValueList& texts, size_t entry) {
    return builder_.Intern(texts.texts[texts.codes[entry]]);
  }

  // The distinct numbers of [first, last) that `of` gives, ascending, each with its place there.
  static std::vector<uint32_t> Distinct(std::vector<uint32_t> numbers) {
    std::ranges::sort(numbers);
    const auto rest = std::ranges::unique(numbers);
    numbers.erase(rest.begin(), rest.end());
    return numbers;
  }
  static uint32_t PlaceOf(const std::vector<uint32_t>& sorted, uint32_t number) {
    return static_cast<uint32_t>(std::ranges::lower_bound(sorted, number) - sorted.begin());
  }

  static Slice Around(const std::vector<uint32_t>& sorted) {
    return sorted.empty() ? Slice() : Slice{sorted.front(), size_t{sorted.back()} + 1};
  }

  // The scopes and resources of the rows, and no others.
  Status ReadScopes() {
    TOCSIN_ASSIGN_OR_RETURN(const auto scope_of_row, columns_.ScopeOfRow(rows_));
    TOCSIN_ASSIGN_OR_RETURN(const auto scopes, columns_.Scopes());
    TOCSIN_ASSIGN_OR_RETURN(const auto resources, columns_.Resources());
    std::vector<uint32_t> used;
    used.reserve(rows_.size());
    for (uint32_t row = first_; row < last_; ++row) used.push_back(scope_of_row[row]);
    used = Distinct(std::move(used));
    std::vector<uint32_t> used_resources;
    used_resources.reserve(used.size());
    for (const uint32_t scope : used) used_resources.push_back(scopes->resource[scope]);
    used_resources = Distinct(std::move(used_resources));

    AttributeCursor resource_attrs(columns_, AttrScope::kResource, Around(used_resources));
    TOCSIN_RETURN_IF_ERROR(resource_attrs.Open());
    for (const uint32_t resource : used_resources) {
      resource_attrs.SkipTo(resource);
      TOCSIN_ASSIGN_OR_RETURN(const auto range, resource_attrs.Append(&builder_));
      batch().resources.push_back({range, static_cast<uint32_t>(resources->dropped[resource]),
                                   Text(resources->schemas, resource)});
    }
    AttributeCursor scope_attrs(columns_, AttrScope::kInstrumentation, Around(used));
    TOCSIN_RETURN_IF_ERROR(scope_attrs.Open());
    for (const uint32_t scope : used) {
      scope_attrs.SkipTo(scope);
      TOCSIN_ASSIGN_OR_RETURN(const auto range, scope_attrs.Append(&builder_));
      batch().scopes.push_back({PlaceOf(used_resources, scopes->resource[scope]),
                                Text(scopes->names, scope), Text(scopes->versions, scope), range,
                                static_cast<uint32_t>(scopes->dropped[scope]),
                                Text(scopes->schemas, scope)});
    }
    for (uint32_t row = first_; row < last_; ++row) {
      batch().scope.push_back(PlaceOf(used, scope_of_row[row]));
    }
    return {};
  }

  // The attributes, events and links of each row.
  Status ReadLists(const Starts& starts) {
    TOCSIN_ASSIGN_OR_RETURN(const auto events, columns_.Events());
    TOCSIN_ASSIGN_OR_RETURN(const auto event_names, columns_.EventNames());
    TOCSIN_ASSIGN_OR_RETURN(const auto links, columns_.Links());
    AttributeCursor span_attrs(columns_, AttrScope::kSpan, rows_);
    AttributeCursor event_attrs(columns_, AttrScope::kEvent,
                                {events->begin[first_], events->begin[last_]});
    AttributeCursor link_attrs(columns_, AttrScope::kLink,
                               {links->begin[first_], links->begin[last_]});
    for (AttributeCursor* cursor : {&span_attrs, &event_attrs, &link_attrs}) {
      TOCSIN_RETURN_IF_ERROR(cursor->Open());
    }
    for (uint32_t row = first_; row < last_; ++row) {
      TOCSIN_RETURN_IF_ERROR(ToStatus(span_attrs.Append(&builder_)));
      for (uint32_t i = events->begin[row]; i < events->begin[row + 1]; ++i) {
        TOCSIN_ASSIGN_OR_RETURN(const auto range, event_attrs.Append(&builder_));
        batch().events.push_back({starts[row] + events->times[i], Text(*event_names, i), range,
                                  static_cast<uint32_t>(events->dropped[i])});
      }
      for (uint32_t i = links->begin[row]; i < links->begin[row + 1]; ++i) {
        TOCSIN_ASSIGN_OR_RETURN(const auto range, link_attrs.Append(&builder_));
        const uint64_t* ids = &links->ids[size_t{3} * i];
        batch().links.push_back({{ids[0], ids[1]},
                                 ids[2],
                                 Text(links->states, i),
                                 range,
                                 static_cast<uint32_t>(links->dropped[i]),
                                 static_cast<uint32_t>(links->flags[i])});
      }
      batch().attr_begin.push_back(builder_.AttrCount());
      batch().event_begin.push_back(static_cast<uint32_t>(batch().events.size()));
      batch().link_begin.push_back(static_cast<uint32_t>(batch().links.size()));
    }
    return {};
  }

  static Status ToStatus(const Result<SpanBatch::AttrRange>& result) {
    return result ? Status() : result.error();
  }

  template <class From, class To>
  void Copy(const ColumnPart<From>& from, std::vector<To>* to) {
    for (uint32_t row = first_; row < last_; ++row) to->push_back(static_cast<To>(from[row]));
  }

  Status ReadColumns(const Starts& starts) {
    TOCSIN_ASSIGN_OR_RETURN(const auto traces, columns_.Traces());
    TOCSIN_ASSIGN_OR_RETURN(const auto span_ids, columns_.SpanIds(rows_));
    TOCSIN_ASSIGN_OR_RETURN(const auto parents, columns_.Parents(rows_));
    TOCSIN_ASSIGN_OR_RETURN(const auto ends, columns_.Ends(rows_, starts));
    TOCSIN_ASSIGN_OR_RETURN(const auto names, columns_.Names(rows_));
    TOCSIN_ASSIGN_OR_RETURN(const auto kinds, columns_.Kinds(rows_));
    TOCSIN_ASSIGN_OR_RETURN(const auto statuses, columns_.Statuses(rows_));
    TOCSIN_ASSIGN_OR_RETURN(const auto flags, columns_.Flags(rows_));
    TOCSIN_ASSIGN_OR_RETURN(const auto wire_sizes, columns_.WireSizes(rows_));
    auto trace = std::ranges::upper_bound(traces->first_row, first_);
    for (uint32_t row = first_; row < last_; ++row) {
      while (*trace <= row) ++trace;
      const auto index = static_cast<size_t>(trace - traces->first_row.begin()) - 1;
      batch().trace.push_back(builder_.InternTrace(traces->ids[index]));
      batch().name.push_back(Text(names.values(), names.At(row)));
    }
    Copy(span_ids, &batch().span_id);
    Copy(parents, &batch().parent_span_id);
    Copy(starts, &batch().start);
    Copy(ends, &batch().end);
    Copy(kinds, &batch().kind);
    Copy(statuses, &batch().status);
    Copy(flags, &batch().flags);
    Copy(wire_sizes, &batch().wire_size);
    return {};
  }

  // Calls `set(extra, i)` for each entry i of a sparse column that is of one of the rows.
  template <class Set>
  void ForEachSparse(const std::vector<uint64_t>& rows, std::vector<SpanBatch::Extra>* extras,
                     const Set& set) {
    const auto begin = std::ranges::lower_bound(rows, first_);
    for (auto it = begin; it != rows.end() && *it < last_; ++it) {
      set((*extras)[static_cast<size_t>(*it - first_)], static_cast<size_t>(it - rows.begin()));
    }
  }

  Status ReadExtras() {
    TOCSIN_ASSIGN_OR_RETURN(const auto messages, columns_.Sparse(kStatusMessagesColumn));
    TOCSIN_ASSIGN_OR_RETURN(const auto states, columns_.Sparse(kTraceStatesColumn));
    TOCSIN_ASSIGN_OR_RETURN(const auto dropped, columns_.Dropped());
    std::vector<SpanBatch::Extra> extras(last_ - first_);
    ForEachSparse(messages->rows, &extras, [&](SpanBatch::Extra& extra, size_t i) {
      extra.status_message = Text(messages->texts, i);
    });
    ForEachSparse(states->rows, &extras, [&](SpanBatch::Extra& extra, size_t i) {
      extra.trace_state = Text(states->texts, i);
    });
    ForEachSparse(dropped->rows, &extras, [&](SpanBatch::Extra& extra, size_t i) {
      extra.dropped_attributes = static_cast<uint32_t>(dropped->attributes[i]);
      extra.dropped_events = static_cast<uint32_t>(dropped->events[i]);
      extra.dropped_links = static_cast<uint32_t>(dropped->links[i]);
    });
    for (uint32_t row = 0; row < extras.size(); ++row) {
      SpanBatch::Extra& extra = extras[row];
      extra.row = row;
      if ((extra.status_message | extra.trace_state | extra.dropped_attributes |
           extra.dropped_events | extra.dropped_links) != 0) {
        batch().extras.push_back(extra);
      }
    }
    return {};
  }

  const SegmentColumns& columns_;
  const uint32_t first_;
  const uint32_t last_;
  const Slice rows_;
  SpanBatchBuilder builder_;
};

}  // namespace

Result<SpanBatch> ReadSegmentRows(const SegmentColumns& columns, uint32_t first, uint32_t last) {
  return RowReader(columns, first, last).Read();
}

}  // namespace tocsin::storage
