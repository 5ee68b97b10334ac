#include "cpp/traceql/trace_list.h"

#include <algorithm>
#include <memory>
#include <span>
#include <unordered_set>

#include "cpp/traceql/search.h"

namespace tocsin::traceql {
namespace {

// One block of a view. A search in it finds the traces that satisfy the query, judged as a whole,
// by at least one span of the block: so the searches in all blocks together find what one search in
// the view would find, without holding it all at once.
class OneBlockView final : public SpanView {
 public:
  OneBlockView(const SpanView& view, std::shared_ptr<const SpanBlock> block)
      : view_(view), block_(std::move(block)) {}

  std::span<const std::shared_ptr<const SpanBlock>> blocks() const override { return {&block_, 1}; }
  Result<SpanBatch> Trace(const TraceId& id) const override { return view_.Trace(id); }

 private:
  const SpanView& view_;
  const std::shared_ptr<const SpanBlock> block_;
};

Result<std::vector<TraceId>> MatchingTraces(const SpanView& view,
                                            const std::shared_ptr<const SpanBlock>& block,
                                            const Query& query, const TraceListOptions& options) {
  SearchOptions search;
  search.limit = UINT32_MAX;
  search.spans_per_spanset = 1;
  search.start = options.start;
  search.end = options.end;
  search.interrupted = options.interrupted;
  TOCSIN_ASSIGN_OR_RETURN(const SearchResult found,
                          Search(OneBlockView(view, block), query, search));
  std::vector<TraceId> ids;
  ids.reserve(found.traces.size());
  for (const SearchTrace& trace : found.traces) ids.push_back(trace.id);
  std::ranges::sort(ids);  // As they lie in segments.
  return ids;
}

Result<std::vector<TraceId>> AllTraces(const SpanBlock& block, const TraceListOptions& options) {
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, block.Traces());
  TOCSIN_ASSIGN_OR_RETURN(const auto trace_of_row, block.TraceOfRow());
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, block.Starts());
  TOCSIN_ASSIGN_OR_RETURN(const auto ends, block.Ends());
  TOCSIN_ASSIGN_OR_RETURN(const auto hidden, block.Hidden());
  std::vector<bool> listed(traces.size());
  for (uint32_t row = 0; row < block.rows(); ++row) {
    if (hidden != nullptr && hidden->Test(row)) continue;
    const uint64_t end = std::max(starts[row], ends[row]);
    if (starts[row] <= options.end && end >= options.start) listed[trace_of_row[row]] = true;
  }
  std::vector<TraceId> ids;
  for (size_t i = 0; i < traces.size(); ++i) {
    if (listed[i]) ids.push_back(traces[i]);
  }
  return ids;
}

}  // namespace

Result<std::vector<TraceId>> ListTraces(const SpanView& view, const Query* query,
                                        const TraceListOptions& options) {
  std::vector<TraceId> listed;
  std::unordered_set<TraceId, TraceIdHash> seen;
  for (const std::shared_ptr<const SpanBlock>& block : view.blocks()) {
    if (block->rows() == 0) continue;
    if (block->min_start() > options.end || block->max_end() < options.start) continue;
    if (options.interrupted) TOCSIN_RETURN_IF_ERROR(options.interrupted());
    const Result<std::vector<TraceId>> ids = query == nullptr
                                                 ? AllTraces(*block, options)
                                                 : MatchingTraces(view, block, *query, options);
    if (!ids.has_value()) {
      if (ids.error().code() == StatusCode::kCorruption) continue;
      return Failure(ids.error());
    }
    for (const TraceId& id : *ids) {
      if (seen.insert(id).second) listed.push_back(id);
    }
  }
  return listed;
}

}  // namespace tocsin::traceql
