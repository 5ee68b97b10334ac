/// What a search shows of a trace.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/block_eval.h"
#include "cpp/traceql/search.h"
#include "cpp/traceql/selection.h"

namespace tocsin::traceql {

class AnswerBuilder {
 public:
  /// `spans_per_spanset`: 0 for all.
  AnswerBuilder(const Query& query, uint32_t spans_per_spanset);

  /// REQUIRES: `trace` is whole in the block, and `selection` has rows of it.
  Result<std::unique_ptr<SearchTrace>> Build(uint32_t trace, const Selection& selection,
                                             BlockEval* eval) const;

 private:
  struct Rows;  // Of one spanset.

  Status AddRoot(uint32_t trace, BlockEval* eval, SearchTrace* out) const;
  Status AddServices(uint32_t trace, BlockEval* eval, SearchTrace* out) const;
  Result<SearchSpanset> BuildSpanset(const Rows& rows, const Selection& selection,
                                     BlockEval* eval) const;
  Result<SearchSpan> BuildSpan(uint32_t row, BlockEval* eval) const;
  Status AddAttributes(const Rows& rows, const Selection& selection, BlockEval* eval,
                       SearchSpanset* out) const;

  std::vector<Field> fields_;  // Whose values the answer shows.
  bool name_asked_ = false;
  uint32_t spans_per_spanset_;
};

/// Roughly the memory that a trace of an answer takes.
uint64_t BytesOf(const SearchTrace& trace);

}  // namespace tocsin::traceql
