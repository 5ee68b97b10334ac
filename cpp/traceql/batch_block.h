/// A SpanBatch seen as a block: how whole traces are evaluated, and how rows that are not sealed
/// yet can be searched.

#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// Adds every attribute that a row of the batch may have.
void AddAttributeKeys(const SpanBatch& batch, std::set<AttributeKey>* keys);

/// Immutable and thread-safe. Columns are made anew at each call, in one pass over the rows.
class BatchBlock : public SpanBlock {
 public:
  explicit BatchBlock(std::shared_ptr<const SpanBatch> batch);

  uint32_t rows() const override { return static_cast<uint32_t>(batch_->rows()); }
  uint64_t min_start() const override { return min_start_; }
  uint64_t max_end() const override { return max_end_; }
  Result<std::span<const TraceId>> Traces() const override { return batch_->traces; }
  Result<std::span<const uint32_t>> TraceOfRow() const override { return batch_->trace; }
  Result<std::span<const SpanId>> SpanIds() const override { return batch_->span_id; }
  Result<std::span<const SpanId>> ParentSpanIds() const override { return batch_->parent_span_id; }
  Result<std::span<const uint64_t>> Starts() const override { return batch_->start; }
  Result<std::span<const uint64_t>> Ends() const override { return batch_->end; }
  Result<std::span<const SpanKind>> Kinds() const override { return batch_->kind; }
  Result<std::span<const SpanStatus>> Statuses() const override { return batch_->status; }
  Result<std::shared_ptr<const Column>> Names() const override;
  Result<std::shared_ptr<const Column>> StatusMessages() const override;
  Result<std::shared_ptr<const Column>> EventNames() const override;
  Result<std::shared_ptr<const Column>> ScopeNames() const override;
  Result<std::shared_ptr<const Column>> ScopeVersions() const override;
  Result<std::shared_ptr<const Column>> EventTimes() const override;
  Result<std::shared_ptr<const Column>> LinkTraceIds() const override;
  Result<std::shared_ptr<const Column>> LinkSpanIds() const override;
  Result<std::shared_ptr<const Column>> Attribute(AttrScope scope,
                                                  std::string_view key) const override;
  Result<std::vector<AttributeKey>> AttributeKeys() const override;

 private:
  std::shared_ptr<const SpanBatch> batch_;
  uint64_t min_start_ = 0;
  uint64_t max_end_ = 0;
};

}  // namespace tocsin::traceql
