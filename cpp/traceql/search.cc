#include "cpp/traceql/search.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "cpp/base/parallel.h"
#include "cpp/traceql/answer.h"
#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/block_eval.h"
#include "cpp/traceql/block_pruning.h"

namespace tocsin::traceql {
namespace {

// A block that takes less is not worth waking another thread for the next.
constexpr std::chrono::microseconds kWorthSharing{200};

// Bytes that a search holds, and how many it may.
class Budget {
 public:
  Budget(uint64_t limit, MemoryPool* memory) : limit_(limit), memory_(memory) {}
  void Take(uint64_t bytes) {
    used_ += bytes;
    short_ = short_ || !memory_.Take(bytes);
  }
  void Give(uint64_t bytes) {
    used_ -= bytes;
    memory_.Give(bytes);
  }
  Status Check() const {
    if (short_) return ResourceExhaustedError(std::string(kNoQueryMemory));
    if (used_ <= limit_) return {};
    return ResourceExhaustedError("the query needs more memory than the " + std::to_string(limit_) +
                                  " bytes that one query may use");
  }

 private:
  uint64_t limit_;
  uint64_t used_ = 0;
  MemoryLease memory_;
  bool short_ = false;  // Some of it was not to be had.
};

// A block with what the query selects in it. Lives as long as a candidate needs it, and with it
// what was read of the block.
struct Evaluated {
  std::unique_ptr<BlockEval> eval;
  Selection selection;
  Budget* budget;
  uint64_t bytes;

  Evaluated(std::unique_ptr<BlockEval> e, Selection s, Budget* b)
      : eval(std::move(e)), selection(std::move(s)), budget(b) {
    bytes = eval->table().rows() / 4 + selection.annotations.size() * 1'024;
    if (selection.grouping) bytes += selection.grouping->group_of_row.size() * sizeof(uint32_t);
    budget->Take(bytes);
  }
  Evaluated(const Evaluated&) = delete;
  Evaluated& operator=(const Evaluated&) = delete;
  ~Evaluated() {
    const SpanBlock& block = eval->table().block();
    eval.reset();
    block.Release();
    budget->Give(bytes);
  }
};

// A trace that satisfies the query, with its exact start.
struct Candidate {
  uint64_t start = 0;
  TraceId id;
  std::shared_ptr<Evaluated> block;  // Of a trace that is whole in it, at `trace`.
  uint32_t trace = 0;
  std::unique_ptr<SearchTrace> shown;  // Of a trace that was read whole.
};

// A trace whose spans are in several blocks. `start` is an upper bound: the least in one of them.
struct Unread {
  uint64_t start = 0;
  TraceId id;
};

// The order of the answer.
template <class A, class B>
bool ComesFirst(const A& a, const B& b) {
  return a.start != b.start ? a.start > b.start : a.id < b.id;
}

class Searcher {
 public:
  Searcher(const SpanView& view, const Query& query, const SearchOptions& options)
      : view_(view),
        query_(query),
        options_(options),
        fields_(FieldsOf(query)),
        answers_(query, options.spans_per_spanset),
        budget_(options.max_bytes, options.memory) {}

  Result<SearchResult> Run();

 private:
  Status CheckInterrupted() const {
    return options_.interrupted ? options_.interrupted() : Status();
  }
  bool Full() const { return newest_.size() >= options_.limit; }
  // Could something with this start still get into the answer?
  bool MayEnter(uint64_t start) const { return !Full() || start >= newest_.front().start; }
  std::vector<const SpanBlock*> BlocksNewestFirst() const;
  // What a query selects in a block. Of any thread.
  struct Evaluation {
    std::unique_ptr<BlockEval> eval;  // Null: nothing, as could be told without reading it.
    Selection selection;
  };
  Result<Evaluation> Evaluate(const SpanBlock& block) const;
  // Those of the next blocks that it is worth to look at together, in their order.
  std::vector<Result<Evaluation>> EvaluateNext(std::span<const SpanBlock* const> blocks);
  Status AddBlock(const SpanBlock& block, Result<Evaluation> evaluation);
  Status AddTraces(const std::shared_ptr<Evaluated>& evaluated, const Bitmap& in_range);
  Result<Bitmap> InRange(const SpanBlock& block, const Bitmap& rows);
  bool DurationFits(const TraceExtent& extent) const;
  void Push(Candidate candidate);
  Result<bool> NothingNewerThan(uint64_t bound);
  Status ReadAbove(std::optional<uint64_t> bound);
  Status Read(const TraceId& id);
  Status Answer();

  const SpanView& view_;
  const Query& query_;
  const SearchOptions& options_;
  std::vector<Field> fields_;
  AnswerBuilder answers_;
  Budget budget_;
  std::vector<Candidate> newest_;  // A heap, the last of the answer on top; `limit` at most.
  std::unordered_map<TraceId, uint64_t, TraceIdHash> unread_;  // With an upper bound of the start.
  std::unordered_set<TraceId, TraceIdHash> read_;
  bool blocks_are_slow_ = false;  // The last one was.
  SearchResult result_;
};

// No span of a block starts after the block's end. So once the answer is full of traces that start
// after the ends of all blocks to come, they are the newest there can be.
Result<SearchResult> Searcher::Run() {
  result_.stats.total_blocks = static_cast<uint32_t>(view_.blocks().size());
  if (options_.limit == 0) return std::move(result_);
  const std::vector<const SpanBlock*> blocks = BlocksNewestFirst();
  std::vector<Result<Evaluation>> ahead;
  size_t ahead_from = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    TOCSIN_ASSIGN_OR_RETURN(const bool done, NothingNewerThan(blocks[i]->max_end()));
    if (done) break;
    if (i == ahead_from + ahead.size()) {
      ahead_from = i;
      ahead = EvaluateNext(std::span(blocks).subspan(i));
    }
    const Status added = AddBlock(*blocks[i], std::move(ahead[i - ahead_from]));
    // The store puts damaged blocks aside and says so; the others are served.
    if (added.code() != StatusCode::kCorruption) TOCSIN_RETURN_IF_ERROR(added);
    TOCSIN_RETURN_IF_ERROR(budget_.Check());
    if (options_.progress) options_.progress(result_.stats);
  }
  TOCSIN_RETURN_IF_ERROR(ReadAbove(std::nullopt));
  TOCSIN_RETURN_IF_ERROR(Answer());
  return std::move(result_);
}

std::vector<const SpanBlock*> Searcher::BlocksNewestFirst() const {
  std::vector<const SpanBlock*> blocks;
  for (const std::shared_ptr<const SpanBlock>& block : view_.blocks()) {
    if (block->rows() == 0) continue;
    if (block->min_start() > options_.end || block->max_end() < options_.start) continue;
    blocks.push_back(block.get());
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const SpanBlock* a, const SpanBlock* b) { return a->max_end() > b->max_end(); });
  return blocks;
}

Result<Searcher::Evaluation> Searcher::Evaluate(const SpanBlock& block) const {
  TOCSIN_RETURN_IF_ERROR(CheckInterrupted());
  if (!MaySelect(block, query_.pipeline)) return Evaluation{};
  TOCSIN_ASSIGN_OR_RETURN(
      std::unique_ptr<BlockEval> eval,
      BlockEval::Make(block, fields_, /*all_whole=*/false, options_.interrupted));
  TOCSIN_ASSIGN_OR_RETURN(Selection selection, eval->Select(query_.pipeline));
  return Evaluation{std::move(eval), std::move(selection)};
}

// Most searches end after a block or two, and most blocks are passed over in no time. So blocks are
// evaluated ahead only after as many were needed, and only if they take long.
std::vector<Result<Searcher::Evaluation>> Searcher::EvaluateNext(
    std::span<const SpanBlock* const> blocks) {
  using SteadyClock = std::chrono::steady_clock;
  size_t count = 1;
  const Helpers& helpers = options_.helpers;
  if (helpers.pool != nullptr && (blocks_are_slow_ || helpers.always)) {
    const size_t most = std::min<size_t>(helpers.pool->threads() + 1, blocks.size());
    count = std::clamp<size_t>(result_.stats.inspected_blocks, 1, most);
  }
  std::vector<Result<Evaluation>> evaluated(count);
  const auto start = SteadyClock::now();
  RunParts(helpers.pool, count, [&](size_t i) { evaluated[i] = Evaluate(*blocks[i]); });
  blocks_are_slow_ = SteadyClock::now() - start >= kWorthSharing;
  return evaluated;
}

Status Searcher::AddBlock(const SpanBlock& block, Result<Evaluation> evaluation) {
  ++result_.stats.inspected_blocks;
  if (!evaluation.has_value()) return evaluation.error();
  auto& [eval, selection] = *evaluation;
  if (eval == nullptr) {
    block.Release();
    return {};
  }
  result_.stats.inspected_spans += block.rows();
  result_.stats.inspected_traces += eval->table().traces().size();
  result_.stats.inspected_bytes += eval->bytes_read();
  const auto evaluated =
      std::make_shared<Evaluated>(std::move(eval), std::move(selection), &budget_);
  if (evaluated->selection.rows.None()) return {};
  if (block.min_start() >= options_.start && block.max_end() <= options_.end) {
    return AddTraces(evaluated, evaluated->selection.rows);
  }
  TOCSIN_ASSIGN_OR_RETURN(const Bitmap in_range, InRange(block, evaluated->selection.rows));
  return AddTraces(evaluated, in_range);
}

// The rows that overlap the asked range, where not all of the block does.
Result<Bitmap> Searcher::InRange(const SpanBlock& block, const Bitmap& rows) {
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, block.Starts());
  TOCSIN_ASSIGN_OR_RETURN(const auto ends, block.Ends());
  Bitmap in_range(block.rows());
  rows.ForEach([&](uint32_t row) {
    const uint64_t end = std::max(starts[row], ends[row]);
    in_range.SetIf(row, starts[row] <= options_.end && end >= options_.start);
  });
  return in_range;
}

bool Searcher::DurationFits(const TraceExtent& extent) const {
  const uint64_t duration = extent.end - extent.start;
  return duration >= options_.min_trace_duration && duration <= options_.max_trace_duration;
}

Status Searcher::AddTraces(const std::shared_ptr<Evaluated>& evaluated, const Bitmap& in_range) {
  TraceTable& table = evaluated->eval->table();
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, table.block().Starts());
  result_.stats.inspected_bytes += starts.size_bytes();
  const std::span<const uint32_t> trace_of_row = table.trace_of_row();
  Bitmap looked_at(static_cast<uint32_t>(table.traces().size()));
  Status status;
  // A trace starts no later than any of its rows, so that most are passed over at once.
  uint64_t least = Full() ? newest_.front().start : 0;
  in_range.ForEach([&](uint32_t row) {
    if (starts[row] < least || !status.ok()) return;
    const uint32_t trace = trace_of_row[row];
    if (looked_at.Test(trace)) return;
    looked_at.Set(trace);
    const Result<TraceExtent> extent = table.ExtentOf(trace);
    if (!extent.has_value()) {
      status = extent.error();
      return;
    }
    if (!MayEnter(extent->start)) return;
    const TraceId& id = table.traces()[trace];
    if (table.IsWhole(trace)) {
      if (DurationFits(*extent)) Push({extent->start, id, evaluated, trace, nullptr});
      least = Full() ? newest_.front().start : 0;
    } else if (!read_.contains(id)) {
      const auto [it, added] = unread_.try_emplace(id, extent->start);
      if (added) budget_.Take(64);
      it->second = std::min(it->second, extent->start);
    }
  });
  return status;
}

void Searcher::Push(Candidate candidate) {
  const auto order = [](const Candidate& a, const Candidate& b) { return ComesFirst(a, b); };
  if (Full()) {
    if (!ComesFirst(candidate, newest_.front())) return;
    std::pop_heap(newest_.begin(), newest_.end(), order);
    newest_.pop_back();
  } else {
    budget_.Take(sizeof(Candidate));
  }
  newest_.push_back(std::move(candidate));
  std::push_heap(newest_.begin(), newest_.end(), order);
}

// Is the answer complete when all blocks to come end at `bound` or before?
Result<bool> Searcher::NothingNewerThan(uint64_t bound) {
  if (newest_.size() + unread_.size() < options_.limit) return false;
  const auto above = [bound](uint64_t start) { return start > bound; };
  size_t newer = 0;
  for (const Candidate& candidate : newest_) newer += above(candidate.start) ? 1U : 0U;
  size_t maybe_newer = 0;
  for (const auto& [id, start] : unread_) maybe_newer += above(start) ? 1U : 0U;
  if (newer + maybe_newer < options_.limit) return false;
  if (maybe_newer > 0) TOCSIN_RETURN_IF_ERROR(ReadAbove(bound));
  return Full() && newest_.front().start > bound;
}

// Reads traces that may get into the answer, the newest first: those that may start after `bound`,
// or all.
Status Searcher::ReadAbove(std::optional<uint64_t> bound) {
  std::vector<Unread> order;
  for (const auto& [id, start] : unread_) {
    if (!bound || start > *bound) order.push_back({start, id});
  }
  std::sort(order.begin(), order.end(),
            [](const Unread& a, const Unread& b) { return ComesFirst(a, b); });
  for (const Unread& unread : order) {
    if (Full() && !ComesFirst(unread, newest_.front())) return {};
    TOCSIN_RETURN_IF_ERROR(CheckInterrupted());
    TOCSIN_RETURN_IF_ERROR(Read(unread.id));
    unread_.erase(unread.id);
    read_.insert(unread.id);
  }
  return {};
}

// Evaluates the query on the whole trace.
Status Searcher::Read(const TraceId& id) {
  TOCSIN_ASSIGN_OR_RETURN(SpanBatch batch, view_.Trace(id));
  if (batch.empty()) return {};
  const uint64_t bytes = batch.MemoryBytes();
  budget_.Take(bytes);
  TOCSIN_RETURN_IF_ERROR(budget_.Check());
  const BatchBlock block(std::make_shared<const SpanBatch>(std::move(batch)));
  TOCSIN_ASSIGN_OR_RETURN(
      const std::unique_ptr<BlockEval> eval,
      BlockEval::Make(block, fields_, /*all_whole=*/true, options_.interrupted));
  TOCSIN_ASSIGN_OR_RETURN(const Selection selection, eval->Select(query_.pipeline));
  TOCSIN_ASSIGN_OR_RETURN(const Bitmap in_range, InRange(block, selection.rows));
  TOCSIN_ASSIGN_OR_RETURN(const TraceExtent extent, eval->table().ExtentOf(0));
  if (!in_range.None() && DurationFits(extent) && MayEnter(extent.start)) {
    TOCSIN_ASSIGN_OR_RETURN(std::unique_ptr<SearchTrace> shown,
                            answers_.Build(0, selection, eval.get()));
    budget_.Take(BytesOf(*shown));
    Push({extent.start, id, nullptr, 0, std::move(shown)});
  }
  budget_.Give(bytes);
  return {};
}

Status Searcher::Answer() {
  std::sort(newest_.begin(), newest_.end(),
            [](const Candidate& a, const Candidate& b) { return ComesFirst(a, b); });
  for (Candidate& candidate : newest_) {
    if (candidate.shown == nullptr) {
      Result<std::unique_ptr<SearchTrace>> shown =
          answers_.Build(candidate.trace, candidate.block->selection, candidate.block->eval.get());
      if (!shown.has_value()) {
        if (shown.error().code() == StatusCode::kCorruption) continue;
        return shown.error();
      }
      candidate.shown = *std::move(shown);
      budget_.Take(BytesOf(*candidate.shown));
      TOCSIN_RETURN_IF_ERROR(budget_.Check());
    }
    result_.traces.push_back(std::move(*candidate.shown));
    candidate.block.reset();
  }
  return {};
}

}  // namespace

Result<SearchResult> Search(const SpanView& view, const Query& query,
                            const SearchOptions& options) {
  if (query.metrics) {
    return InvalidArgumentError("a metrics query gives series, not traces: ask the metrics API");
  }
  return Searcher(view, query, options).Run();
}

}  // namespace tocsin::traceql
