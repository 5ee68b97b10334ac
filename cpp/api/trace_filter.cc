#include "cpp/api/trace_filter.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cpp/model/span_batch_builder.h"
#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/block_eval.h"
#include "cpp/traceql/whole_trace.h"

namespace tocsin::api {
namespace {

using traceql::Bitmap;
using traceql::Intrinsic;
using traceql::WholeTrace;

// What a span has of its own.
bool IsOfSpan(Intrinsic intrinsic) {
  switch (intrinsic) {
    case Intrinsic::kNone:
    case Intrinsic::kDuration:
    case Intrinsic::kName:
    case Intrinsic::kStatus:
    case Intrinsic::kStatusMessage:
    case Intrinsic::kKind:
    case Intrinsic::kSpanId:
    case Intrinsic::kParentId:
    case Intrinsic::kEventName:
    case Intrinsic::kEventTimeSinceStart:
    case Intrinsic::kLinkTraceId:
    case Intrinsic::kLinkSpanId:
    case Intrinsic::kInstrumentationName:
    case Intrinsic::kInstrumentationVersion:
      return true;
    default:
      return false;
  }
}

// Keeps what is up to so many steps away from the rows that matched. visit_next(row, visit) calls
// visit(other) for what is one step from a row. Each row is left once, by the shortest way.
template <class VisitNext>
void KeepNear(const Bitmap& matched, int64_t levels, const VisitNext& visit_next, Bitmap* keep) {
  std::vector<uint32_t> level;
  Bitmap reached = matched;
  matched.ForEach([&](uint32_t row) { level.push_back(row); });
  for (int64_t depth = 0; (levels == kAllLevels || depth < levels) && !level.empty(); ++depth) {
    std::vector<uint32_t> next;
    for (const uint32_t row : level) {
      visit_next(row, [&](uint32_t other) {
        keep->Set(other);
        if (reached.Test(other)) return;
        reached.Set(other);
        next.push_back(other);
      });
    }
    level = std::move(next);
  }
}

void KeepAncestors(const WholeTrace& trace, const Bitmap& matched, int64_t levels, Bitmap* keep) {
  const std::vector<uint32_t>& parents = trace.parent_row();
  const auto parent = [&](uint32_t row, const auto& visit) {
    if (parents[row] != WholeTrace::kNoRow) visit(parents[row]);
  };
  KeepNear(matched, levels, parent, keep);
}

void KeepDescendants(const WholeTrace& trace, const Bitmap& matched, int64_t levels, Bitmap* keep) {
  const std::vector<uint32_t>& parents = trace.parent_row();
  std::vector<std::vector<uint32_t>> children(parents.size());
  for (uint32_t row = 0; row < parents.size(); ++row) {
    if (parents[row] != WholeTrace::kNoRow) children[parents[row]].push_back(row);
  }
  const auto below = [&](uint32_t row, const auto& visit) {
    for (const uint32_t child : children[row]) visit(child);
  };
  KeepNear(matched, levels, below, keep);
}

}  // namespace

Result<traceql::Spanset> SpanFilterOf(const traceql::Query& query) {
  constexpr std::string_view kOnlyOne = "only a single TraceQL filter is supported";
  if (query.metrics.has_value()) {
    return InvalidArgumentError(std::string(kOnlyOne) + ": got a metrics query");
  }
  if (query.pipeline.size() != 1) {
    return InvalidArgumentError(std::string(kOnlyOne) + ": got a pipeline");
  }
  const auto* filter = std::get_if<traceql::Spanset>(&query.pipeline.front().node);
  if (filter == nullptr || filter->kind != traceql::Spanset::Kind::kFilter) {
    return InvalidArgumentError(std::string(kOnlyOne) + ": got an operation on spansets");
  }
  for (const traceql::Field& field : traceql::FieldsOf(query)) {
    if (field.of_parent || !IsOfSpan(field.intrinsic)) {
      return InvalidArgumentError("intrinsic is not supported by this filter: \"" +
                                  traceql::Print(field) + "\"");
    }
  }
  return *filter;
}

Result<SpanBatch> FilterSpans(std::shared_ptr<const SpanBatch> trace, const SpanFilter& filter) {
  if (trace->empty()) return SpanBatch{};
  const WholeTrace whole(std::move(trace));
  const traceql::BatchBlock block(whole.shared_batch());
  TOCSIN_ASSIGN_OR_RETURN(
      const std::unique_ptr<traceql::BlockEval> eval,
      traceql::BlockEval::Make(block, traceql::FieldsOf(filter.matches), /*all_whole=*/true));
  TOCSIN_ASSIGN_OR_RETURN(const Bitmap matched, eval->Rows(filter.matches));
  Bitmap keep = matched;
  if (filter.ancestors != 0) KeepAncestors(whole, matched, filter.ancestors, &keep);
  if (filter.descendants != 0) KeepDescendants(whole, matched, filter.descendants, &keep);
  SpanBatchBuilder builder;
  builder.Reserve(keep.Count());
  keep.ForEach([&](uint32_t row) { builder.CopyRow(whole.batch(), row); });
  return std::move(builder).Finish();
}

}  // namespace tocsin::api
