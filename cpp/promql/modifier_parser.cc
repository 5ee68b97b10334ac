#include "cpp/promql/modifier_parser.h"

#include <cmath>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/promql/duration_parser.h"

namespace tocsin::promql {

using Kind = TokenKind;

namespace {

// The modifiers of what may be shifted in time, or null.
TimeShift* ShiftOf(Expr* expr) {
  if (auto* selector = std::get_if<VectorSelector>(&expr->node)) return &selector->shift;
  if (auto* matrix = std::get_if<MatrixSelector>(&expr->node)) return &matrix->selector.shift;
  if (auto* traces = std::get_if<TraceqlSelector>(&expr->node)) return &traces->shift;
  if (auto* subquery = std::get_if<Subquery>(&expr->node)) return &subquery->shift;
  return nullptr;
}

}  // namespace

bool ModifierParser::CanStart() const {
  const Kind kind = tokens_->PeekKind();
  return kind == Kind::kOffset || kind == Kind::kAt || kind == Kind::kAnchored ||
         kind == Kind::kSmoothed;
}

Status ModifierParser::ParseInto(Expr* expr) {
  switch (tokens_->PeekKind()) {
    case Kind::kOffset:
      return ParseOffset(expr);
    case Kind::kAt:
      return ParseAt(expr);
    default:
      return ParseExtension(expr);
  }
}

Status ModifierParser::ParseOffset(Expr* expr) {
  tokens_->Take();
  DurationParser durations(tokens_, options_.duration_expressions);
  if (!durations.CanStart()) {
    return tokens_->Unexpected("offset", "number, duration, step(), or range()");
  }
  TOCSIN_ASSIGN_OR_RETURN(Duration offset, durations.ParseOffset());
  TimeShift* shift = ShiftOf(expr);
  if (shift == nullptr) {
    return tokens_->Error(
        expr->pos,
        "offset modifier must be preceded by an instant vector selector or range vector "
        "selector or a subquery");
  }
  if (shift->offset) return tokens_->Error(expr->pos, "offset may not be set multiple times");
  // An offset of nothing is none, so that it may be followed by another one, as in Prometheus.
  if (offset.expression || offset.millis != 0) shift->offset = std::move(offset);
  expr->pos.end = tokens_->consumed_end();
  return Status();
}

Status ModifierParser::ParseAt(Expr* expr) {
  tokens_->Take();
  TimeShift::At at = TimeShift::At::kTimestamp;
  double seconds = 0;
  if (tokens_->PeekKind() == Kind::kStart || tokens_->PeekKind() == Kind::kEndFunction) {
    at = tokens_->Take().kind == Kind::kStart ? TimeShift::At::kStart : TimeShift::At::kEnd;
    if (!tokens_->TakeIf(Kind::kLeftParen)) return tokens_->Unexpected("@", "timestamp");
    if (!tokens_->TakeIf(Kind::kRightParen)) return tokens_->Unexpected("@", "timestamp");
  } else {
    bool negative = false;
    if (tokens_->PeekKind() == Kind::kAdd || tokens_->PeekKind() == Kind::kSub) {
      negative = tokens_->Take().kind == Kind::kSub;
    }
    if (tokens_->PeekKind() != Kind::kNumber && tokens_->PeekKind() != Kind::kDuration) {
      return tokens_->Unexpected("@", "timestamp");
    }
    TOCSIN_ASSIGN_OR_RETURN(seconds, tokens_->TakeNumber());
    if (negative) seconds = -seconds;
  }
  // Far beyond any calendar, and still far enough from the ends of int64 to add to it.
  constexpr double kMostSeconds = 1e15;
  if (!(std::abs(seconds) <= kMostSeconds)) {
    return tokens_->Error(expr->pos,
                          "timestamp out of bounds for @ modifier: " + FormatGoFixed(seconds));
  }
  TimeShift* shift = ShiftOf(expr);
  if (shift == nullptr) {
    return tokens_->Error(
        expr->pos,
        "@ modifier must be preceded by an instant vector selector or range vector "
        "selector or a subquery");
  }
  if (shift->at != TimeShift::At::kNone) {
    return tokens_->Error(expr->pos, "@ <timestamp> may not be set multiple times");
  }
  shift->at = at;
  shift->timestamp = static_cast<Millis>(std::round(seconds * 1000));
  expr->pos.end = tokens_->consumed_end();
  return Status();
}

Status ModifierParser::ParseExtension(Expr* expr) {
  const Token keyword = tokens_->Take();
  if (!options_.extended_range_selectors) {
    return tokens_->Error(expr->pos, keyword.text + " modifier is experimental and not enabled");
  }
  if (expr->As<Subquery>() != nullptr) {
    return tokens_->Error(expr->pos, keyword.text + " modifier is not supported for subqueries");
  }
  auto* selector = std::get_if<VectorSelector>(&expr->node);
  if (auto* matrix = std::get_if<MatrixSelector>(&expr->node)) selector = &matrix->selector;
  // Prometheus's own words for a modifier on what is no selector; nothing is missing here.
  if (selector == nullptr) {
    return tokens_->Error(expr->pos, keyword.text + " modifier not implemented");
  }
  (keyword.kind == Kind::kAnchored ? selector->anchored : selector->smoothed) = true;
  if (selector->anchored && selector->smoothed) {
    return tokens_->Error(expr->pos, "anchored and smoothed modifiers cannot be used together");
  }
  expr->pos.end = tokens_->consumed_end();
  return Status();
}

}  // namespace tocsin::promql
