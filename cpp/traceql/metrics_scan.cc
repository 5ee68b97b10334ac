#include "cpp/traceql/metrics_scan.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/parallel.h"
#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/block_eval.h"
#include "cpp/traceql/block_pruning.h"
#include "cpp/traceql/metrics_budget.h"
#include "cpp/traceql/metrics_counts.h"
#include "cpp/traceql/metrics_intervals.h"
#include "cpp/traceql/sampling_weight.h"

namespace tocsin::traceql {
namespace {

// A rough price of a trace that waits to be read whole.
constexpr size_t kPendingBytes = 64;
// Spans below this are read by one thread: others would not have begun before it is done.
constexpr uint64_t kWorthSharing = 100'000;

// What is damaged is left out: the store has noted it, and puts it aside.
Status UnlessDamaged(const Status& status) {
  return status.code() == StatusCode::kCorruption ? Status() : status;
}

// A trace that no block tells all of, and the functions that may want spans of it.
using LeafMask = uint64_t;
struct Pending {
  TraceId id;
  LeafMask wanted = 0;
};

// Minutes in which spans of a block were counted for a function, and may be exemplars of it.
struct CountedMinutes {
  uint64_t first = 0;
  uint64_t last = 0;
  uint32_t interval = 0;
  size_t leaf = 0;
  const SpanBlock* block = nullptr;
  uint64_t rank = 0;  // As MetricsSink::ExemplarRank has it.
};

// What the readers of one pass have in common.
struct Pass {
  const SpanView& view;
  const MetricsIntervals& intervals;
  const std::function<Status()>& interrupted;
  bool extrapolate = false;                   // Spans count as many times as their sampling says.
  std::vector<Field> fields;                  // Of all leaves.
  CountDetail detail = CountDetail::kCounts;  // That does for all leaves.
  std::atomic<bool> failed = false;           // Somewhere: the others need not go on.

  Status CheckInterrupted() const { return interrupted ? interrupted() : Status(); }
};

// Reads blocks, and traces whole, and gives each function its spans. Of one thread.
class SpanReader {
 public:
  // `leaves`: with sinks of this reader alone.
  SpanReader(Pass* pass, MetricsBudget* budget, std::span<MetricsLeaf> leaves)
      : pass_(*pass), intervals_(pass->intervals), budget_(budget), leaves_(leaves) {}

  Status ReadBlock(const SpanBlock& block);
  Status ReadTrace(const Pending& trace);
  // Of a block whose rows were counted for the leaf.
  Status ReadExemplars(size_t leaf, const SpanBlock& block);

  // Traces that have to be read whole; each once.
  const std::unordered_map<TraceId, LeafMask, TraceIdHash>& pending() const { return pending_; }
  const MetricsStats& stats() const { return stats_; }
  const std::vector<CountedMinutes>& counted_minutes() const { return counted_minutes_; }

 private:
  Status AddBlock(const SpanBlock& block);
  Status AddExemplars(size_t leaf, const SpanBlock& block);
  Result<bool> AddCounted(const SpanBlock& block);
  Status AddCountedFor(size_t leaf, const SpanBlock& block, const PlacedCells& cells,
                       BlockEval* eval);
  Status ReadBlockFor(size_t leaf, BlockEval* eval);
  Status Defer(size_t leaf, const SpanBlock& block, const Bitmap& rows);
  Status AddInRange(size_t leaf, BlockEval* eval, const Bitmap& rows, const SpanBatch* sampled);
  // Of `selected` those that start in an interval, into rows_ and interval_of_row_.
  Status KeepInRange(const SpanBlock& block, const Bitmap& selected);
  void Weigh(const SpanBatch& batch);

  Pass& pass_;
  const MetricsIntervals& intervals_;
  MetricsBudget* budget_;
  std::span<MetricsLeaf> leaves_;
  std::unordered_map<TraceId, LeafMask, TraceIdHash> pending_;
  std::vector<CountedMinutes> counted_minutes_;
  MetricsStats stats_;
  // Of the block at hand.
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> interval_of_row_;
  std::vector<double> weights_;
};

Status SpanReader::ReadBlock(const SpanBlock& block) {
  const Status added = AddBlock(block);
  block.Release();
  return added;
}

Status SpanReader::ReadExemplars(size_t leaf, const SpanBlock& block) {
  const Status added = AddExemplars(leaf, block);
  block.Release();
  return added;
}

Status SpanReader::AddBlock(const SpanBlock& block) {
  ++stats_.inspected_blocks;
  TOCSIN_ASSIGN_OR_RETURN(const bool counted, AddCounted(block));
  const auto may_select = [&](const MetricsLeaf& leaf) {
    return MaySelect(block, leaf.expr->pipeline);
  };
  if (!counted && std::ranges::none_of(leaves_, may_select)) return {};
  stats_.inspected_spans += block.rows();
  if (counted) return {};
  TOCSIN_ASSIGN_OR_RETURN(
      const std::unique_ptr<BlockEval> eval,
      BlockEval::Make(block, pass_.fields, /*all_whole=*/false, pass_.interrupted));
  for (size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
    TOCSIN_RETURN_IF_ERROR(ReadBlockFor(leaf, eval.get()));
  }
  stats_.inspected_bytes += eval->bytes_read();
  return {};
}

// False: the block has no counts of its rows, or they do not tell enough.
Result<bool> SpanReader::AddCounted(const SpanBlock& block) {
  if (pass_.detail == CountDetail::kRows) return false;
  // Counts are of whole minutes, so that they need not be read for steps of seconds.
  const uint64_t length = block.max_end() - block.min_start();
  if (intervals_.step() < static_cast<uint64_t>(kMinute) && length > intervals_.step()) {
    return false;
  }
  TOCSIN_ASSIGN_OR_RETURN(const auto counted,
                          block.Counted(pass_.detail == CountDetail::kDurations));
  if (counted == nullptr) return false;
  const std::optional<PlacedCells> cells = PlaceCells(*counted, block, intervals_);
  if (!cells) return false;
  TOCSIN_ASSIGN_OR_RETURN(
      const std::unique_ptr<BlockEval> eval,
      BlockEval::Make(*counted->spans, pass_.fields, /*all_whole=*/true, pass_.interrupted));
  for (size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
    TOCSIN_RETURN_IF_ERROR(AddCountedFor(leaf, block, *cells, eval.get()));
  }
  return true;
}

Status SpanReader::AddCountedFor(size_t leaf, const SpanBlock& block, const PlacedCells& cells,
                                 BlockEval* eval) {
  TOCSIN_ASSIGN_OR_RETURN(const Bitmap selected, eval->Rows(leaves_[leaf].expr->pipeline));
  rows_.clear();
  interval_of_row_.clear();
  weights_.clear();
  MetricsSink& sink = *leaves_[leaf].sink;
  std::vector<CountedMinutes> minutes;
  for (size_t i = 0; i < cells.rows.size(); ++i) {
    if (!selected.Test(cells.rows[i])) continue;
    rows_.push_back(cells.rows[i]);
    interval_of_row_.push_back(cells.intervals[i]);
    weights_.push_back(cells.counts[i]);
    minutes.push_back({cells.first[i], cells.last[i], cells.intervals[i], leaf, &block, 0});
  }
  // They come again with each of the rows that are counted apart.
  const auto key = [](const CountedMinutes& of) { return std::pair(of.first, of.interval); };
  std::ranges::sort(minutes, {}, key);
  const auto rest = std::ranges::unique(minutes, {}, key);
  minutes.erase(rest.begin(), rest.end());
  std::erase_if(minutes, [&](CountedMinutes& of) {
    const std::optional<uint64_t> rank = sink.ExemplarRank(of.first, of.last, of.interval);
    of.rank = rank.value_or(0);
    return !rank;
  });
  TOCSIN_RETURN_IF_ERROR(budget_->Take(minutes.size() * sizeof(CountedMinutes)));
  counted_minutes_.insert(counted_minutes_.end(), minutes.begin(), minutes.end());
  if (rows_.empty()) return {};
  return sink.Add({*eval, rows_, interval_of_row_, weights_, /*counted=*/true});
}

Status SpanReader::AddExemplars(size_t leaf, const SpanBlock& block) {
  TOCSIN_ASSIGN_OR_RETURN(
      const std::unique_ptr<BlockEval> eval,
      BlockEval::Make(block, pass_.fields, /*all_whole=*/false, pass_.interrupted));
  TOCSIN_ASSIGN_OR_RETURN(Bitmap rows, eval->Rows(leaves_[leaf].expr->pipeline));
  if (eval->partial() != nullptr) rows.AndNot(*eval->partial());
  TOCSIN_RETURN_IF_ERROR(KeepInRange(block, rows));
  stats_.inspected_bytes += eval->bytes_read();
  return leaves_[leaf].sink->AddExemplars({*eval, rows_, interval_of_row_, {}});
}

Status SpanReader::ReadBlockFor(size_t leaf, BlockEval* eval) {
  const SpanBlock& block = eval->table().block();
  TOCSIN_ASSIGN_OR_RETURN(Bitmap rows, eval->Rows(leaves_[leaf].expr->pipeline));
  // Weights are known of whole traces only.
  if (pass_.extrapolate) return Defer(leaf, block, rows);
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

Status SpanReader::ReadTrace(const Pending& trace) {
  TOCSIN_ASSIGN_OR_RETURN(SpanBatch spans, pass_.view.Trace(trace.id));
  if (spans.empty()) return {};
  ++stats_.inspected_traces;
  MetricsBudget meanwhile(budget_);
  TOCSIN_RETURN_IF_ERROR(meanwhile.Take(spans.MemoryBytes()));
  const auto batch = std::make_shared<const SpanBatch>(std::move(spans));
  const BatchBlock block(batch);
  TOCSIN_ASSIGN_OR_RETURN(
      const std::unique_ptr<BlockEval> eval,
      BlockEval::Make(block, pass_.fields, /*all_whole=*/true, pass_.interrupted));
  for (size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
    if ((trace.wanted >> leaf & 1) == 0) continue;
    TOCSIN_ASSIGN_OR_RETURN(const Bitmap rows, eval->Rows(leaves_[leaf].expr->pipeline));
    TOCSIN_RETURN_IF_ERROR(
        AddInRange(leaf, eval.get(), rows, pass_.extrapolate ? batch.get() : nullptr));
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

// Adds all spans of the range to the functions: in parts that share the blocks, and then the traces
// to be read whole, out by turns. What a part gets does not depend on the threads, so that sums
// come out the same each time.
class Scan {
 public:
  explicit Scan(const MetricsScan& scan)
      : scan_(scan), context_(scan.context), intervals_(scan.context.intervals) {}

  Result<MetricsStats> Run(std::span<MetricsLeaf> leaves);

 private:
  // One part. The first one's sinks are the query's own, the others' are forks of them.
  struct Part {
    MetricsBudget budget;
    std::vector<MetricsLeaf> forks;
    std::optional<SpanReader> reader;
    Status status;

    explicit Part(MetricsBudget* whole) : budget(whole) {}
  };

  std::vector<const SpanBlock*> BlocksInRange() const;
  size_t PartsFor(const std::vector<const SpanBlock*>& blocks) const;
  void Divide(size_t parts, std::span<MetricsLeaf> leaves, Pass* pass);
  // Calls read(reader, item) for each of `items`, item i in part i modulo their number.
  template <class Item, class Read>
  Status ForEach(const std::vector<Item>& items, Pass* pass, const Read& read);
  std::vector<Pending> TakePending() const;
  Result<MetricsStats> Join(std::span<MetricsLeaf> leaves);
  Result<uint64_t> AddExemplars(std::span<MetricsLeaf> leaves, Pass* pass);

  const MetricsScan& scan_;
  const MetricsContext& context_;
  const MetricsIntervals& intervals_;
  std::vector<std::unique_ptr<Part>> parts_;
};

Result<MetricsStats> Scan::Run(std::span<MetricsLeaf> leaves) {
  Pass pass{scan_.view, intervals_, context_.interrupted, scan_.extrapolate, {}};
  if (scan_.extrapolate) pass.detail = CountDetail::kRows;
  for (const MetricsLeaf& leaf : leaves) {
    pass.detail = std::max(pass.detail, DetailFor(*leaf.expr));
    for (const std::vector<Field>& fields : {FieldsOf(leaf.expr->pipeline), leaf.sink->Fields()}) {
      pass.fields.insert(pass.fields.end(), fields.begin(), fields.end());
    }
  }
  const std::vector<const SpanBlock*> blocks = BlocksInRange();
  Divide(PartsFor(blocks), leaves, &pass);
  TOCSIN_RETURN_IF_ERROR(ForEach(blocks, &pass, [](SpanReader& reader, const SpanBlock* block) {
    return reader.ReadBlock(*block);
  }));
  TOCSIN_RETURN_IF_ERROR(
      ForEach(TakePending(), &pass,
              [](SpanReader& reader, const Pending& trace) { return reader.ReadTrace(trace); }));
  TOCSIN_ASSIGN_OR_RETURN(MetricsStats stats, Join(leaves));
  TOCSIN_ASSIGN_OR_RETURN(const uint64_t bytes, AddExemplars(leaves, &pass));
  stats.inspected_bytes += bytes;
  return stats;
}

std::vector<const SpanBlock*> Scan::BlocksInRange() const {
  std::vector<const SpanBlock*> blocks;
  for (const std::shared_ptr<const SpanBlock>& block : scan_.view.blocks()) {
    if (block->rows() == 0) continue;
    if (block->max_end() < intervals_.from() || block->min_start() > intervals_.to()) continue;
    blocks.push_back(block.get());
  }
  return blocks;
}

size_t Scan::PartsFor(const std::vector<const SpanBlock*>& blocks) const {
  const Helpers& helpers = scan_.helpers;
  if (helpers.pool == nullptr || blocks.empty()) return 1;
  uint64_t rows = 0;
  for (const SpanBlock* block : blocks) rows += block->rows();
  if (rows < kWorthSharing && !helpers.always) return 1;
  return std::min(helpers.pool->threads() + 1, blocks.size());
}

void Scan::Divide(size_t parts, std::span<MetricsLeaf> leaves, Pass* pass) {
  parts_.clear();
  for (size_t p = 0; p < parts; ++p) {
    parts_.push_back(std::make_unique<Part>(&context_.budget));
    Part& part = *parts_.back();
    if (p == 0) {
      part.reader.emplace(pass, &part.budget, leaves);
      continue;
    }
    const MetricsContext context{intervals_, part.budget, context_.exemplars, context_.interrupted,
                                 context_.text_groups};
    for (const MetricsLeaf& leaf : leaves) {
      part.forks.push_back({leaf.expr, leaf.sink->Fork(context)});
    }
    part.reader.emplace(pass, &part.budget, part.forks);
  }
}

template <class Item, class Read>
Status Scan::ForEach(const std::vector<Item>& items, Pass* pass, const Read& read) {
  const auto run = [&](size_t p) -> Status {
    for (size_t i = p; i < items.size() && !pass->failed; i += parts_.size()) {
      TOCSIN_RETURN_IF_ERROR(pass->CheckInterrupted());
      TOCSIN_RETURN_IF_ERROR(UnlessDamaged(read(*parts_[p]->reader, items[i])));
    }
    return {};
  };
  RunParts(scan_.helpers.pool, parts_.size(), [&](size_t p) {
    parts_[p]->status = run(p);
    if (!parts_[p]->status.ok()) pass->failed = true;
  });
  for (const auto& part : parts_) TOCSIN_RETURN_IF_ERROR(part->status);
  return {};
}

std::vector<Pending> Scan::TakePending() const {
  std::unordered_map<TraceId, LeafMask, TraceIdHash> all;
  for (const auto& part : parts_) {
    for (const auto& [id, wanted] : part->reader->pending()) all[id] |= wanted;
  }
  std::vector<Pending> pending;
  pending.reserve(all.size());
  for (const auto& [id, wanted] : all) pending.push_back({id, wanted});
  std::ranges::sort(pending, {}, &Pending::id);
  return pending;
}

Result<MetricsStats> Scan::Join(std::span<MetricsLeaf> leaves) {
  MetricsStats total;
  total.total_blocks = static_cast<uint32_t>(scan_.view.blocks().size());
  for (const auto& part : parts_) {
    for (size_t leaf = 0; leaf < part->forks.size(); ++leaf) {
      TOCSIN_RETURN_IF_ERROR(leaves[leaf].sink->Merge(part->forks[leaf].sink.get()));
      part->forks[leaf].sink.reset();
    }
    const MetricsStats& stats = part->reader->stats();
    total.inspected_traces += stats.inspected_traces;
    total.inspected_spans += stats.inspected_spans;
    total.inspected_bytes += stats.inspected_bytes;
    total.inspected_blocks += stats.inspected_blocks;
  }
  for (const MetricsLeaf& leaf : leaves) total.inspected_bytes += leaf.sink->bytes_read();
  return total;
}

// Where rows were only counted, the blocks that have the exemplars are read after all: few, as what
// the first of them give excludes most others. Returns the bytes of columns that were read.
Result<uint64_t> Scan::AddExemplars(std::span<MetricsLeaf> leaves, Pass* pass) {
  std::vector<CountedMinutes> minutes;
  for (const auto& part : parts_) {
    const std::vector<CountedMinutes>& of_part = part->reader->counted_minutes();
    minutes.insert(minutes.end(), of_part.begin(), of_part.end());
  }
  std::ranges::sort(minutes, {}, &CountedMinutes::rank);
  SpanReader reader(pass, &context_.budget, leaves);
  std::set<std::pair<const SpanBlock*, size_t>> read;
  for (const CountedMinutes& minute : minutes) {
    const MetricsSink& sink = *leaves[minute.leaf].sink;
    if (!sink.ExemplarRank(minute.first, minute.last, minute.interval)) continue;
    if (!read.emplace(minute.block, minute.leaf).second) continue;
    TOCSIN_RETURN_IF_ERROR(pass->CheckInterrupted());
    TOCSIN_RETURN_IF_ERROR(UnlessDamaged(reader.ReadExemplars(minute.leaf, *minute.block)));
  }
  return reader.stats().inspected_bytes;
}

}  // namespace

Result<MetricsStats> ScanSpans(const MetricsScan& scan, std::span<MetricsLeaf> leaves) {
  return Scan(scan).Run(leaves);
}

}  // namespace tocsin::traceql
