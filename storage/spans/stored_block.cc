#include "storage/spans/stored_block.h"

namespace tocsin::storage {
namespace {

using ColumnPointer = std::shared_ptr<const traceql::Column>;

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
    segment_->MarkDamaged(answer.error(), damaged_segments_);
    return CorruptionError(answer.error().message());
  }
  return answer;
}

Result<bool> StoredBlock::AppendTrace(const TraceId& id, SpanBatchBuilder* to) const {
  return Read<bool>([&](const SegmentReader& reader) -> Result<bool> {
    if (!reader.MayContain(id)) return false;
    return reader.AppendTrace(id, to);
  });
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

}  // namespace tocsin::storage
