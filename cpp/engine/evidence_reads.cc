#include "cpp/engine/evidence_reads.h"

#include <optional>

#include "cpp/promql/duration_parser.h"
#include "cpp/promql/functions.h"

namespace tocsin::engine {
namespace {

using promql::BinaryOp;
using promql::FunctionId;

// A rule reads a handful of selectors; a text of thousands is not searched for evidence.
constexpr size_t kMaxReads = 32;

bool IsAbsence(FunctionId id) {
  return id == FunctionId::kAbsent || id == FunctionId::kAbsentOverTime;
}

bool AsksForHighest(FunctionId id) {
  return id == FunctionId::kHistogramQuantile || id == FunctionId::kHistogramQuantiles ||
         id == FunctionId::kMaxOverTime || id == FunctionId::kQuantileOverTime;
}

// The right side makes the result true as the left one does.
bool BothSidesCount(BinaryOp op) {
  return op == BinaryOp::kAdd || op == BinaryOp::kMul || op == BinaryOp::kAnd ||
         op == BinaryOp::kOr;
}

class Reader {
 public:
  Reader(Millis at, Millis lookback) : at_(at), lookback_(lookback) {}

  // Times at which an expression is evaluated, both included.
  struct Times {
    Millis first;
    Millis last;
  };

  void Read(const promql::Expr& expr, Times times, bool highest);
  std::vector<EvidenceRead> Take() { return std::move(reads_); }

 private:
  // Nothing for a length that is none.
  std::optional<Millis> LengthOf(const promql::Duration& duration) const {
    const Result<Millis> length = promql::EvaluateDuration(duration, {}, false);
    return length ? std::optional(*length) : std::nullopt;
  }

  std::optional<Times> Shifted(const promql::TimeShift& shift, Times times) const;
  void Add(EvidenceRead read, const promql::TimeShift& shift, Times times,
           const std::optional<promql::Duration>& range);
  void ReadBinary(const promql::Binary& binary, Times times, bool highest);

  const Millis at_;
  const Millis lookback_;
  std::vector<EvidenceRead> reads_;
};

std::optional<Reader::Times> Reader::Shifted(const promql::TimeShift& shift, Times times) const {
  using At = promql::TimeShift::At;
  if (shift.at == At::kTimestamp) times = {shift.timestamp, shift.timestamp};
  if (shift.at == At::kStart || shift.at == At::kEnd) times = {at_, at_};
  if (!shift.offset) return times;
  const std::optional<Millis> offset = LengthOf(*shift.offset);
  if (!offset) return std::nullopt;
  return Times{times.first - *offset, times.last - *offset};
}

void Reader::Add(EvidenceRead read, const promql::TimeShift& shift, Times times,
                 const std::optional<promql::Duration>& range) {
  const std::optional<Times> shifted = Shifted(shift, times);
  const std::optional<Millis> length = range ? LengthOf(*range) : lookback_;
  if (!shifted || !length || reads_.size() >= kMaxReads) return;
  read.after = shifted->first - *length;
  read.until = shifted->last;
  reads_.push_back(read);
}

void Reader::ReadBinary(const promql::Binary& binary, Times times, bool highest) {
  const bool left = binary.lhs->type() == promql::ValueType::kVector;
  if (left) Read(*binary.lhs, times, highest);
  if (!left || BothSidesCount(binary.op)) Read(*binary.rhs, times, highest);
}

void Reader::Read(const promql::Expr& expr, Times times, bool highest) {
  EvidenceRead read;
  read.highest = highest;
  if (const auto* selector = expr.As<promql::VectorSelector>()) {
    read.series = selector;
    Add(read, selector->shift, times, std::nullopt);
  } else if (const auto* matrix = expr.As<promql::MatrixSelector>()) {
    read.series = &matrix->selector;
    Add(read, matrix->selector.shift, times, matrix->range);
  } else if (const auto* traces = expr.As<promql::TraceqlSelector>()) {
    read.traces = traces;
    Add(read, traces->shift, times, traces->window);
  } else if (const auto* subquery = expr.As<promql::Subquery>()) {
    const std::optional<Times> shifted = Shifted(subquery->shift, times);
    const std::optional<Millis> range = LengthOf(subquery->range);
    if (!shifted || !range) return;
    Read(*subquery->expr, {shifted->first - *range, shifted->last}, highest);
  } else if (const auto* call = expr.As<promql::Call>()) {
    if (IsAbsence(call->function->id)) return;
    for (const promql::Expr& arg : call->args) {
      Read(arg, times, highest || AsksForHighest(call->function->id));
    }
  } else if (const auto* aggregate = expr.As<promql::Aggregate>()) {
    Read(*aggregate->expr, times, highest);
  } else if (const auto* binary = expr.As<promql::Binary>()) {
    ReadBinary(*binary, times, highest);
  } else {
    promql::ForEachChild(expr, [&](const promql::Expr& child) { Read(child, times, highest); });
  }
}

}  // namespace

std::vector<EvidenceRead> ReadsOf(const promql::Expr& expr, Millis at, Millis lookback) {
  Reader reader(at, lookback);
  reader.Read(expr, {at, at}, false);
  return reader.Take();
}

}  // namespace tocsin::engine
