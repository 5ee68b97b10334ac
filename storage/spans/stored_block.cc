#include "storage/spans/stored_block.h"

#include <algorithm>

#include "storage/spans/hidden_rows.h"
#include "storage/spans/span_counts.h"

namespace tocsin::storage {
namespace {

using ColumnPointer = std::shared_ptr<const traceql::Column>;

Result<RowKeys> KeysOf(const SegmentReader& reader) {
  RowKeys keys;
  TOCSIN_ASSIGN_OR_RETURN(keys.trace_of_row, reader.TraceOfRow());
  TOCSIN_ASSIGN_OR_RETURN(keys.span_ids, reader.SpanIds());
  TOCSIN_ASSIGN_OR_RETURN(keys.starts, reader.Starts());
  TOCSIN_ASSIGN_OR_RETURN(keys.ends, reader.Ends());
  TOCSIN_ASSIGN_OR_RETURN(keys.kinds, reader.Kinds());
  return keys;
}

}  // namespace

template <class T, class Ask>
Result<T> StoredBlock::Read(const Ask& ask) const {
  const auto answer = [&]() -> Result<T> {
    const SegmentReader* reader = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (reader_ == nullptr) {
        TOCSIN_ASSIGN_OR_RETURN(reader_, segment_->OpenReader(cache_));
      }
      reader = reader_.get();
    }
    return ask(*reader);
  }();
  if (answer.has_value()) return answer;
  const StatusCode code = answer.error().code();
  // A segment that the volume no longer has is damage too: nothing removes one.
  if (code == StatusCode::kCorruption || code == StatusCode::kNotFound) {
    segment_->MarkDamaged(answer.error(), damaged_.segments);
    return CorruptionError(answer.error().message());
  }
  return answer;
}

Result<bool> StoredBlock::AppendTrace(const TraceId& id, SpanBatchBuilder* to) const {
  const auto deleted = segment_->marks().deleted();
  return Read<bool>(
      [&](const SegmentReader& reader) { return reader.AppendTrace(id, to, deleted.get()); });
}

Result<std::span<const TraceId>> StoredBlock::Traces() const {
  return Read<std::span<const TraceId>>([](const SegmentReader& r) { return r.Traces(); });
}
Result<std::span<const uint32_t>> StoredBlock::TraceOfRow() const {
  return Read<std::span<const uint32_t>>([](const SegmentReader& r) { return r.TraceOfRow(); });
}
Result<std::span<const SpanId>> StoredBlock::SpanIds() const {
  return Read<std::span<const SpanId>>([](const SegmentReader& r) { return r.SpanIds(); });
}
Result<std::span<const SpanId>> StoredBlock::ParentSpanIds() const {
  return Read<std::span<const SpanId>>([](const SegmentReader& r) { return r.ParentSpanIds(); });
}
Result<std::span<const uint64_t>> StoredBlock::Starts() const {
  return Read<std::span<const uint64_t>>([](const SegmentReader& r) { return r.Starts(); });
}
Result<std::span<const uint64_t>> StoredBlock::Ends() const {
  return Read<std::span<const uint64_t>>([](const SegmentReader& r) { return r.Ends(); });
}
Result<std::span<const SpanKind>> StoredBlock::Kinds() const {
  return Read<std::span<const SpanKind>>([](const SegmentReader& r) { return r.Kinds(); });
}
Result<std::span<const SpanStatus>> StoredBlock::Statuses() const {
  return Read<std::span<const SpanStatus>>([](const SegmentReader& r) { return r.Statuses(); });
}
Result<ColumnPointer> StoredBlock::Names() const {
  return Read<ColumnPointer>([](const SegmentReader& r) { return r.Names(); });
}
Result<ColumnPointer> StoredBlock::StatusMessages() const {
  return Read<ColumnPointer>([](const SegmentReader& r) { return r.StatusMessages(); });
}
Result<ColumnPointer> StoredBlock::EventNames() const {
  return Read<ColumnPointer>([](const SegmentReader& r) { return r.EventNames(); });
}
Result<ColumnPointer> StoredBlock::EventTimes() const {
  return Read<ColumnPointer>([](const SegmentReader& r) { return r.EventTimes(); });
}
Result<ColumnPointer> StoredBlock::LinkTraceIds() const {
  return Read<ColumnPointer>([](const SegmentReader& r) { return r.LinkTraceIds(); });
}
Result<ColumnPointer> StoredBlock::LinkSpanIds() const {
  return Read<ColumnPointer>([](const SegmentReader& r) { return r.LinkSpanIds(); });
}
Result<ColumnPointer> StoredBlock::ScopeNames() const {
  return Read<ColumnPointer>([](const SegmentReader& r) { return r.ScopeNames(); });
}
Result<ColumnPointer> StoredBlock::ScopeVersions() const {
  return Read<ColumnPointer>([](const SegmentReader& r) { return r.ScopeVersions(); });
}
Result<ColumnPointer> StoredBlock::Attribute(AttrScope scope, std::string_view key) const {
  return Read<ColumnPointer>([&](const SegmentReader& r) { return r.Attribute(scope, key); });
}

Result<std::vector<traceql::AttributeKey>> StoredBlock::AttributeKeys() const {
  return Read<std::vector<traceql::AttributeKey>>(
      [](const SegmentReader& r) { return r.AttributeKeys(); });
}

Result<std::shared_ptr<const traceql::Bitmap>> StoredBlock::Hidden() const {
  using Hidden = std::shared_ptr<const traceql::Bitmap>;
  return Read<Hidden>([this](const SegmentReader& reader) -> Result<Hidden> {
    {
      const std::lock_guard lock(mutex_);
      if (hidden_) return *hidden_;
    }
    Hidden hidden = segment_->marks().deleted();
    if (!reader.unique()) {
      TOCSIN_ASSIGN_OR_RETURN(const RowKeys keys, KeysOf(reader));
      Hidden duplicates = DuplicateRows(keys, hidden.get());
      if (duplicates != nullptr && hidden != nullptr) {
        auto both = std::make_shared<traceql::Bitmap>(*duplicates);
        both->Or(*hidden);
        duplicates = std::move(both);
      }
      if (duplicates != nullptr) hidden = std::move(duplicates);
    }
    const std::lock_guard lock(mutex_);
    if (!hidden_) hidden_ = std::move(hidden);
    return *hidden_;
  });
}

Result<std::span<const uint8_t>> StoredBlock::Whole() const {
  using Whole = std::span<const uint8_t>;
  if (segment_->marks().unknown()) return Whole();
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, Traces());
  const std::lock_guard lock(mutex_);
  if (!whole_) {
    whole_.emplace(traces.size(), uint8_t{1});
    if (const auto split = segment_->marks().split()) {
      for (const TraceId& id : *split) {
        const auto it = std::ranges::lower_bound(traces, id);
        if (it != traces.end() && *it == id) {
          (*whole_)[static_cast<size_t>(it - traces.begin())] = 0;
        }
      }
    }
  }
  return Whole(*whole_);
}

Result<std::span<const uint32_t>> StoredBlock::ParentRows() const {
  using Parents = std::span<const uint32_t>;
  TOCSIN_ASSIGN_OR_RETURN(const auto hidden, Hidden());
  return Read<Parents>([&](const SegmentReader& reader) -> Result<Parents> {
    if (hidden == nullptr) return reader.ParentRows();
    TOCSIN_ASSIGN_OR_RETURN(const RowKeys keys, KeysOf(reader));
    TOCSIN_ASSIGN_OR_RETURN(const auto parents, reader.ParentSpanIds());
    const std::lock_guard lock(mutex_);
    if (!parent_rows_) parent_rows_ = FindParentRows(keys, parents, hidden.get());
    return Parents(*parent_rows_);
  });
}

Result<std::shared_ptr<const traceql::CountedRows>> StoredBlock::Counted(
    bool with_durations) const {
  const SegmentStub& stub = segment_->stub();
  const uint32_t value = with_durations ? stub.durations_value : stub.counts_value;
  const SegmentMarks& marks = segment_->marks();
  const auto split = marks.split();
  // Of a trace that stands elsewhere too it is not known here which of its rows count.
  const bool all_count = !marks.unknown() && (split == nullptr || split->empty()) &&
                         marks.deleted() == nullptr && marks.redactions() == nullptr;
  const Volume* volume = segment_->volume()->volume();
  if (value == 0 || !all_count || volume == nullptr) return nullptr;
  const auto counted = [&]() -> Result<std::shared_ptr<const traceql::CountedRows>> {
    TOCSIN_ASSIGN_OR_RETURN(const std::string frame, volume->Get(SegmentKey(stub.number, value)));
    return DecodeCounts(frame, stub.rows);
  }();
  if (counted.has_value()) return counted;
  segment_->NoteDamagedShortcut(counted.error(), damaged_.shortcuts);
  return nullptr;
}

void StoredBlock::Release() const {
  const std::lock_guard lock(mutex_);
  reader_.reset();
  hidden_.reset();
  whole_.reset();
  parent_rows_.reset();
}

bool StoredBlock::MayMatch(const traceql::Field& field, traceql::Op op,
                           const traceql::Literal& literal) const {
  const Result<bool> may = Read<bool>([&](const SegmentReader& r) -> Result<bool> {
    const Result<bool> looks = r.LooksToMatch(field, op, literal);
    if (!looks.has_value()) segment_->NoteDamagedShortcut(looks.error(), damaged_.shortcuts);
    return looks.value_or(true);
  });
  return !may.has_value() || *may;
}

}  // namespace tocsin::storage
