#include "cpp/traceql/metrics.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/block_eval.h"
#include "cpp/traceql/metrics_budget.h"
#include "cpp/traceql/metrics_intervals.h"
#include "cpp/traceql/metrics_series.h"
#include "cpp/traceql/metrics_sink.h"
#include "cpp/traceql/sampling_weight.h"

namespace tocsin::traceql {
namespace {

// Metrics functions of one query: as many as bits of a mask.
constexpr size_t kMaxFunctions = 64;
// A rough price of a trace that waits to be read whole.
constexpr size_t kPendingBytes = 64;
constexpr int64_t kDefaultHintedExemplars = 100;

struct Leaf {
  const SeriesExpr* expr;
  std::unique_ptr<MetricsSink> sink;
};

void CollectLeaves(const SeriesExpr& expr, std::vector<Leaf>* leaves) {
  if (expr.kind == SeriesExpr::Kind::kFunction) leaves->push_back({&expr, nullptr});
  for (const SeriesExpr& arg : expr.args) CollectLeaves(arg, leaves);
}

const Literal* FindHint(const Query& query, std::string_view name) {
  for (const auto& [hint, literal] : query.hints) {
    if (hint == name) return &literal;
  }
  return nullptr;
}

// What is damaged is left out: the store has noted it, and puts it aside.
Status UnlessDamaged(const Status& status) {
  return status.code() == StatusCode::kCorruption ? Status() : status;
}

uint32_t ExemplarLimit(const Query& query, const MetricsOptions& options) {
  if (options.instant) return 0;
  int64_t limit = options.exemplars;
  if (const Literal* hint = FindHint(query, "exemplars")) {
    if (hint->type == Type::kInt) limit = hint->integer;
    if (hint->type == Type::kBool && hint->integer == 0) limit = 0;
    if (hint->type == Type::kBool && hint->integer != 0 && limit == 0) {
      limit = kDefaultHintedExemplars;
    }
  }
  return static_cast<uint32_t>(std::clamp<int64_t>(limit, 0, kMaxExemplars));
}

// Reads the blocks once, and the traces that no block tells all of, and gives each function its
// spans.
class SpanReader {
 public:
  SpanReader(const SpanView& view, const MetricsIntervals& intervals, MetricsBudget* budget,
             const std::function<Status()>& interrupted)
      : view_(view), intervals_(intervals), budget_(budget), interrupted_(interrupted) {}

  // `extrapolate`: spans count as many times as their sampling says.
  Status Run(std::span<Leaf> leaves, bool extrapolate);
  MetricsStats TakeStats(std::span<const Leaf> leaves);

 private:
  using LeafMask = uint64_t;

  Status CheckInterrupted() const { return interrupted_ ? interrupted_() : Status(); }
  Status ReadBlock(const SpanBlock& block);
  Status ReadBlockFor(size_t leaf, BlockEval* eval);
  Status Defer(size_t leaf, const SpanBlock& block, const Bitmap& rows);
  Status ReadTrace(const TraceId& id, LeafMask wanted);
  Status AddInRange(size_t leaf, BlockEval* eval, const Bitmap& rows, const SpanBatch* sampled);
  // Of `selected` those that start in an interval, into rows_ and interval_of_row_.
  Status KeepInRange(const SpanBlock& block, const Bitmap& selected);
  void Weigh(const SpanBatch& batch);

  const SpanView& view_;
  const MetricsIntervals& intervals_;
  MetricsBudget* budget_;
  const std::function<Status()>& interrupted_;
  bool extrapolate_ = false;
  std::span<Leaf> leaves_;
  std::vector<Field> fields_;  // Of all leaves.
  std::unordered_map<TraceId, LeafMask, TraceIdHash> pending_;
  MetricsStats stats_;
  // Of the block at hand.
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> interval_of_row_;
  std::vector<double> weights_;
};

Status SpanReader::Run(std::span<Leaf> leaves, bool extrapolate) {
  leaves_ = leaves;
  extrapolate_ = extrapolate;
  pending_.clear();
  stats_ = {};
  fields_.clear();
  for (const Leaf& leaf : leaves) {
    for (const std::vector<Field>& fields : {FieldsOf(leaf.expr->pipeline), leaf.sink->Fields()}) {
      fields_.insert(fields_.end(), fields.begin(), fields.end());
    }
  }
  for (const std::shared_ptr<const SpanBlock>& block : view_.blocks()) {
    if (block->rows() == 0) continue;
    if (block->max_end() < intervals_.from() || block->min_start() > intervals_.to()) continue;
    TOCSIN_RETURN_IF_ERROR(CheckInterrupted());
    TOCSIN_RETURN_IF_ERROR(UnlessDamaged(ReadBlock(*block)));
  }
  for (const auto& [id, wanted] : pending_) {
    TOCSIN_RETURN_IF_ERROR(CheckInterrupted());
    TOCSIN_RETURN_IF_ERROR(UnlessDamaged(ReadTrace(id, wanted)));
  }
  return {};
}

Status SpanReader::ReadBlock(const SpanBlock& block) {
  ++stats_.inspected_blocks;
  stats_.inspected_spans += block.rows();
  TOCSIN_ASSIGN_OR_RETURN(const std::unique_ptr<BlockEval> eval, BlockEval::Make(block, fields_));
  for (size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
    TOCSIN_RETURN_IF_ERROR(ReadBlockFor(leaf, eval.get()));
  }
  stats_.inspected_bytes += eval->bytes_read();
  return {};
}

Status SpanReader::ReadBlockFor(size_t leaf, BlockEval* eval) {
  const SpanBlock& block = eval->table().block();
  TOCSIN_ASSIGN_OR_RETURN(Bitmap rows, eval->Rows(leaves_[leaf].expr->pipeline));
  // Weights are known of whole traces only.
  if (extrapolate_) return Defer(leaf, block, rows);
  if (eval->partial() != nullptr) {
    Bitmap possible = rows;
    possible.And(*eval->partial());
    TOCSIN_RETURN_IF_ERROR(Defer(leaf, block, possible));
    rows.AndNot(*eval->partial());
  }
  return AddInRange(leaf, eval, rows, nullptr);
}

Status SpanReader::Defer(size_t leaf, const SpanBlock& block, const Bitmap& rows) {
  TOCSIN_RETURN_IF_ERROR(KeepInRange(block, rows));
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, block.Traces());
  TOCSIN_ASSIGN_OR_RETURN(const auto trace_of_row, block.TraceOfRow());
  uint32_t last = UINT32_MAX;
  for (const uint32_t row : rows_) {
    const uint32_t trace = trace_of_row[row];
    if (trace == last) continue;
    last = trace;
    const auto [it, added] = pending_.try_emplace(traces[trace], 0);
    if (added) {
      TOCSIN_RETURN_IF_ERROR(budget_->Take(kPendingBytes));
    }
    it->second |= LeafMask{1} << leaf;
  }
  return {};
}

Status SpanReader::ReadTrace(const TraceId& id, LeafMask wanted) {
  TOCSIN_ASSIGN_OR_RETURN(SpanBatch spans, view_.Trace(id));
  if (spans.empty()) return {};
  ++stats_.inspected_traces;
  const auto batch = std::make_shared<const SpanBatch>(std::move(spans));
  const BatchBlock block(batch);
  TOCSIN_ASSIGN_OR_RETURN(const std::unique_ptr<BlockEval> eval,
                          BlockEval::Make(block, fields_, /*all_whole=*/true));
  for (size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
    if ((wanted >> leaf & 1) == 0) continue;
    TOCSIN_ASSIGN_OR_RETURN(const Bitmap rows, eval->Rows(leaves_[leaf].expr->pipeline));
    TOCSIN_RETURN_IF_ERROR(
        AddInRange(leaf, eval.get(), rows, extrapolate_ ? batch.get() : nullptr));
  }
  return {};
}

// `sampled`: null, or the batch that the rows are of, for their weights.
Status SpanReader::AddInRange(size_t leaf, BlockEval* eval, const Bitmap& rows,
                              const SpanBatch* sampled) {
  TOCSIN_RETURN_IF_ERROR(KeepInRange(eval->table().block(), rows));
  if (rows_.empty()) return {};
  weights_.clear();
  if (sampled != nullptr) Weigh(*sampled);
  return leaves_[leaf].sink->Add({*eval, rows_, interval_of_row_, weights_});
}

Status SpanReader::KeepInRange(const SpanBlock& block, const Bitmap& selected) {
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, block.Starts());
  const uint32_t most = selected.Count();
  rows_.resize(most);
  interval_of_row_.resize(most);
  size_t kept = 0;
  selected.ForEach([&](uint32_t row) {
    if (!intervals_.Contains(starts[row])) return;
    rows_[kept] = row;
    interval_of_row_[kept++] = intervals_.Of(starts[row]);
  });
  rows_.resize(kept);
  interval_of_row_.resize(kept);
  return {};
}

void SpanReader::Weigh(const SpanBatch& batch) {
  for (const uint32_t row : rows_) {
    weights_.push_back(SamplingWeight(batch.strings[batch.ExtraOf(row).trace_state]));
  }
}

MetricsStats SpanReader::TakeStats(std::span<const Leaf> leaves) {
  for (const Leaf& leaf : leaves) stats_.inspected_bytes += leaf.sink->bytes_read();
  stats_.total_blocks = static_cast<uint32_t>(view_.blocks().size());
  return stats_;
}

// REQUIRES: the sinks of the leaves have all rows. Takes the leaves in the order in which
// CollectLeaves found them.
Result<SeriesSet> Evaluate(const SeriesExpr& expr, std::span<Leaf>* leaves) {
  using Kind = SeriesExpr::Kind;
  if (expr.kind == Kind::kFunction) {
    MetricsSink& sink = *leaves->front().sink;
    *leaves = leaves->subspan(1);
    return sink.Finish();
  }
  if (expr.kind == Kind::kArithmetic) {
    const bool left_number = expr.args[0].kind == Kind::kNumber;
    if (left_number || expr.args[1].kind == Kind::kNumber) {
      const SeriesExpr& number = expr.args[left_number ? 0 : 1];
      TOCSIN_ASSIGN_OR_RETURN(SeriesSet set, Evaluate(expr.args[left_number ? 1 : 0], leaves));
      return CombineWithNumber(expr.op, std::move(set), number.number, left_number);
    }
    TOCSIN_ASSIGN_OR_RETURN(SeriesSet left, Evaluate(expr.args[0], leaves));
    TOCSIN_ASSIGN_OR_RETURN(SeriesSet right, Evaluate(expr.args[1], leaves));
    return Combine(expr.op, std::move(left), std::move(right));
  }
  if (expr.args.empty()) return InternalError("a number where a metrics query is expected");
  TOCSIN_ASSIGN_OR_RETURN(SeriesSet set, Evaluate(expr.args[0], leaves));
  DropEmptySeries(&set);
  if (expr.kind == Kind::kFilter) {
    KeepWhere(expr.op, expr.number, &set);
  } else {
    KeepTop(expr.k, expr.kind == Kind::kTopK, &set);
  }
  DropEmptySeries(&set);
  return set;
}

}  // namespace

Result<MetricsResult> EvaluateMetrics(const SpanView& view, const Query& query,
                                      const MetricsOptions& options) {
  if (!query.metrics) {
    return InvalidArgumentError(
        "not a metrics query: it needs a function such as `| rate()` behind its spans");
  }
  TOCSIN_ASSIGN_OR_RETURN(const MetricsIntervals intervals, MetricsIntervals::Make(options));
  std::vector<Leaf> leaves;
  CollectLeaves(*query.metrics, &leaves);
  if (leaves.size() > kMaxFunctions) {
    return InvalidArgumentError("more than 64 metrics functions in one query");
  }
  MetricsBudget budget(options.max_memory);
  const MetricsContext context{intervals, budget, ExemplarLimit(query, options),
                               options.interrupted};
  for (Leaf& leaf : leaves) {
    const MetricsFunction& function = leaf.expr->function;
    leaf.sink = function.kind == MetricsFunction::Kind::kCompare
                    ? MakeCompareSink(function, context)
                    : MakeFunctionSink(function, context);
  }
  const Literal* extrapolate = FindHint(query, "extrapolate");
  SpanReader reader(view, intervals, &budget, options.interrupted);
  const auto run = [&](std::span<Leaf> wanted) {
    return reader.Run(wanted, extrapolate != nullptr && extrapolate->type == Type::kBool &&
                                  extrapolate->integer != 0);
  };
  TOCSIN_RETURN_IF_ERROR(run(leaves));
  MetricsResult result;
  result.stats = reader.TakeStats(leaves);
  for (Leaf& leaf : leaves) {
    while (leaf.sink->NeedsMore()) {
      TOCSIN_RETURN_IF_ERROR(run({&leaf, 1}));
    }
  }

  result.timestamps_ms = intervals.TimestampsMs();
  std::span<Leaf> unread = leaves;
  TOCSIN_ASSIGN_OR_RETURN(result.series, Evaluate(*query.metrics, &unread));
  DropEmptySeries(&result.series);
  SortSeries(&result.series);
  PlaceExemplars(result.timestamps_ms, &result.series);
  if (options.max_series > 0 && result.series.size() > options.max_series) {
    KeepLargest(options.max_series, &result.series);
    result.partial = "Response exceeds maximum series limit of " +
                     std::to_string(options.max_series) + ", a partial response is returned";
  }
  return result;
}

}  // namespace tocsin::traceql
