#include "cpp/traceql/search.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>

#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/filter.h"
#include "cpp/traceql/whole_trace.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

// A trace on its way into the answer. While it was not read whole, `start` is an upper bound: the
// least start of its spans in one block. Ordered as the answer is, the first on top of the heap.
struct Candidate {
  uint64_t start = 0;
  TraceId id;
  std::unique_ptr<SearchTrace> trace;  // Null until read.
};

struct ComesLater {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.start != b.start ? a.start < b.start : a.id > b.id;
  }
};

// Fields that have their own place in the answer.
bool StandsElsewhere(const Field& field) {
  if (field.of_parent) return false;
  switch (field.intrinsic) {
    case Intrinsic::kName:
    case Intrinsic::kDuration:
    case Intrinsic::kTraceDuration:
    case Intrinsic::kRootName:
    case Intrinsic::kRootService:
    case Intrinsic::kTraceId:
    case Intrinsic::kSpanId:
      return true;
    default:
      return false;
  }
}

std::string KeyOf(const Field& field) {
  if (field.intrinsic == Intrinsic::kNone && !field.of_parent) return field.name;
  return Print(field);
}

std::optional<Value> ValueOf(const Scalar& scalar) {
  Value value;
  switch (scalar.kind) {
    case Scalar::Kind::kBool:
      value.type = ValueType::kBool;
      value.integer = scalar.integer;
      return value;
    case Scalar::Kind::kInt:
      value.type = ValueType::kInt;
      value.integer = scalar.integer;
      return value;
    case Scalar::Kind::kFloat:
      value.type = ValueType::kDouble;
      value.number = scalar.number;
      return value;
    case Scalar::Kind::kString:
      value.text = scalar.text;
      break;
    case Scalar::Kind::kStatus:
      value.text = StatusWord(static_cast<SpanStatus>(scalar.integer));
      break;
    case Scalar::Kind::kSpanKind:
      value.text = KindWord(static_cast<SpanKind>(scalar.integer));
      break;
    case Scalar::Kind::kComposite:
      value.type = ValueType::kComposite;
      value.text = scalar.text;
      return value;
    case Scalar::Kind::kNil:
    case Scalar::Kind::kOpaque:
      return std::nullopt;
  }
  value.type = ValueType::kString;
  return value;
}

class Searcher {
 public:
  Searcher(const SpanView& view, const Query& query, const SearchOptions& options)
      : view_(view), query_(query), options_(options), fields_(FieldsOf(query)) {
    const auto is_name = [](const Field& field) {
      return field.intrinsic == Intrinsic::kName && !field.of_parent;
    };
    name_asked_ = std::any_of(fields_.begin(), fields_.end(), is_name);
    std::erase_if(fields_, StandsElsewhere);
  }

  Result<SearchResult> Run();

 private:
  Status CheckInterrupted() const {
    return options_.interrupted ? options_.interrupted() : Status();
  }
  void Push(Candidate candidate) {
    candidates_.push_back(std::move(candidate));
    std::push_heap(candidates_.begin(), candidates_.end(), ComesLater());
  }
  std::vector<const SpanBlock*> BlocksNewestFirst() const;
  Status AddCandidates(const SpanBlock& block);
  Result<Bitmap> Overlapping(const SpanBlock& block);
  Status EmitAbove(std::optional<uint64_t> bound);
  Result<std::unique_ptr<SearchTrace>> Read(const TraceId& id);
  bool InRange(const SpanBatch& batch, const Bitmap& matched) const;
  static std::unique_ptr<SearchTrace> Summarise(const WholeTrace& trace);
  Status AddSpans(const WholeTrace& trace, const Bitmap& matched, Filter* filter,
                  SearchTrace* out) const;

  const SpanView& view_;
  const Query& query_;
  const SearchOptions& options_;
  std::vector<Field> fields_;  // Whose values the answer shows.
  bool name_asked_ = false;
  std::vector<Candidate> candidates_;  // A heap.
  std::unordered_set<TraceId, TraceIdHash> seen_;
  SearchResult result_;
};

// No span of a block starts after the block's end. So once the candidates that start after the ends
// of all blocks to come are read whole and still lead, they are the newest there can be.
Result<SearchResult> Searcher::Run() {
  const std::vector<const SpanBlock*> blocks = BlocksNewestFirst();
  for (const SpanBlock* block : blocks) {
    TOCSIN_RETURN_IF_ERROR(EmitAbove(block->max_end()));
    if (result_.traces.size() >= options_.limit) return std::move(result_);
    TOCSIN_RETURN_IF_ERROR(CheckInterrupted());
    TOCSIN_RETURN_IF_ERROR(AddCandidates(*block));
  }
  TOCSIN_RETURN_IF_ERROR(EmitAbove(std::nullopt));
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

// The rows that overlap the asked range, where not all of the block does.
Result<Bitmap> Searcher::Overlapping(const SpanBlock& block) {
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, block.Starts());
  TOCSIN_ASSIGN_OR_RETURN(const auto ends, block.Ends());
  result_.stats.inspected_bytes += starts.size_bytes() + ends.size_bytes();
  Bitmap rows(block.rows());
  for (uint32_t row = 0; row < block.rows(); ++row) {
    const uint64_t end = std::max(starts[row], ends[row]);
    rows.SetIf(row, starts[row] <= options_.end && end >= options_.start);
  }
  return rows;
}

Status Searcher::AddCandidates(const SpanBlock& block) {
  ++result_.stats.inspected_blocks;
  result_.stats.inspected_spans += block.rows();
  Filter filter(block, nullptr);
  TOCSIN_ASSIGN_OR_RETURN(Bitmap rows, filter.Evaluate(std::get<Spanset>(query_.pipeline[0].node)));
  result_.stats.inspected_bytes += filter.bytes_read();
  if (rows.None()) return {};
  if (block.min_start() < options_.start || block.max_end() > options_.end) {
    TOCSIN_ASSIGN_OR_RETURN(const Bitmap in_range, Overlapping(block));
    rows.And(in_range);
    if (rows.None()) return {};
  }

  TOCSIN_ASSIGN_OR_RETURN(const auto starts, block.Starts());
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, block.Traces());
  TOCSIN_ASSIGN_OR_RETURN(const auto trace_of_row, block.TraceOfRow());
  result_.stats.inspected_bytes +=
      starts.size_bytes() + traces.size_bytes() + trace_of_row.size_bytes();
  // The least start of each trace here, over all of its rows: close to the truth, so that few
  // traces are read for nothing.
  std::vector<uint64_t> first(traces.size(), UINT64_MAX);
  for (uint32_t row = 0; row < block.rows(); ++row) {
    uint64_t& start = first[trace_of_row[row]];
    start = std::min(start, starts[row]);
  }
  Bitmap chosen(static_cast<uint32_t>(traces.size()));
  rows.ForEach([&](uint32_t row) { chosen.Set(trace_of_row[row]); });
  chosen.ForEach([&](uint32_t trace) {
    if (seen_.insert(traces[trace]).second) {
      Push({first[trace], traces[trace], nullptr});
    }
  });
  return {};
}

// Moves into the answer what no later block can come before; with no bound, everything.
Status Searcher::EmitAbove(std::optional<uint64_t> bound) {
  while (!candidates_.empty() && result_.traces.size() < options_.limit) {
    if (bound && candidates_.front().start <= *bound) break;
    std::pop_heap(candidates_.begin(), candidates_.end(), ComesLater());
    Candidate candidate = std::move(candidates_.back());
    candidates_.pop_back();
    if (candidate.trace == nullptr) {
      TOCSIN_RETURN_IF_ERROR(CheckInterrupted());
      TOCSIN_ASSIGN_OR_RETURN(candidate.trace, Read(candidate.id));
      if (candidate.trace == nullptr) continue;
      if (candidate.trace->start < candidate.start) {
        candidate.start = candidate.trace->start;
        Push(std::move(candidate));
        continue;
      }
    }
    result_.traces.push_back(std::move(*candidate.trace));
  }
  return {};
}

// Null if the trace does not satisfy the query after all.
Result<std::unique_ptr<SearchTrace>> Searcher::Read(const TraceId& id) {
  TOCSIN_ASSIGN_OR_RETURN(SpanBatch batch, view_.Trace(id));
  if (batch.empty()) return nullptr;
  ++result_.stats.inspected_traces;
  const WholeTrace trace(std::make_shared<const SpanBatch>(std::move(batch)));
  if (trace.duration() < options_.min_trace_duration ||
      trace.duration() > options_.max_trace_duration) {
    return nullptr;
  }
  const BatchBlock block(trace.shared_batch());
  Filter filter(block, &trace);
  TOCSIN_ASSIGN_OR_RETURN(const Bitmap matched,
                          filter.Evaluate(std::get<Spanset>(query_.pipeline[0].node)));
  if (!InRange(trace.batch(), matched)) return nullptr;
  std::unique_ptr<SearchTrace> out = Summarise(trace);
  out->id = id;
  TOCSIN_RETURN_IF_ERROR(AddSpans(trace, matched, &filter, out.get()));
  return out;
}

bool Searcher::InRange(const SpanBatch& batch, const Bitmap& matched) const {
  bool in_range = false;
  matched.ForEach([&](uint32_t row) {
    const uint64_t end = std::max(batch.start[row], batch.end[row]);
    in_range = in_range || (batch.start[row] <= options_.end && end >= options_.start);
  });
  return in_range;
}

std::unique_ptr<SearchTrace> Searcher::Summarise(const WholeTrace& trace) {
  auto out = std::make_unique<SearchTrace>();
  out->root_service = trace.root_service().value_or(kNoRootYet);
  out->root_name = trace.root_name().value_or("");
  out->start = trace.start();
  out->duration = trace.duration();
  const SpanBatch& batch = trace.batch();
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    const std::string_view service = batch.ServiceName(row);
    auto it = out->services.find(service);
    if (it == out->services.end()) it = out->services.emplace(service, ServiceStats{}).first;
    ++it->second.spans;
    if (batch.status[row] == SpanStatus::kError) ++it->second.errors;
  }
  return out;
}

Status Searcher::AddSpans(const WholeTrace& trace, const Bitmap& matched, Filter* filter,
                          SearchTrace* out) const {
  const SpanBatch& batch = trace.batch();
  std::vector<uint32_t> shown;
  matched.ForEach([&](uint32_t row) {
    if (options_.spans_per_spanset == 0 || shown.size() < options_.spans_per_spanset) {
      shown.push_back(row);
    }
  });
  out->matched = matched.Count();
  for (const uint32_t row : shown) {
    SearchSpan span;
    span.id = batch.span_id[row];
    span.name = batch.strings[batch.name[row]];
    span.name_asked = name_asked_;
    span.start = batch.start[row];
    span.duration = batch.Duration(row);
    for (const Field& field : fields_) {
      TOCSIN_ASSIGN_OR_RETURN(const std::vector<Scalar> values, filter->ValuesOf(field, row));
      if (values.empty()) continue;
      if (std::optional<Value> value = ValueOf(values[0])) {
        span.attributes.push_back({KeyOf(field), *std::move(value)});
      }
    }
    out->spans.push_back(std::move(span));
  }
  return {};
}

}  // namespace

Result<SearchResult> Search(const SpanView& view, const Query& query,
                            const SearchOptions& options) {
  if (query.pipeline.size() != 1 || !std::holds_alternative<Spanset>(query.pipeline[0].node)) {
    return UnsupportedError("pipelines are not supported in this version");
  }
  Searcher searcher(view, query, options);
  TOCSIN_ASSIGN_OR_RETURN(SearchResult result, searcher.Run());
  result.stats.total_blocks = static_cast<uint32_t>(view.blocks().size());
  return result;
}

}  // namespace tocsin::traceql
