/// Which traces show why an alert holds.

#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/series_admin.h"
#include "cpp/rules/ports.h"
#include "cpp/traceql/source.h"

namespace tocsin::engine {

struct EvidenceRead;  // cpp/engine/evidence_reads.h
class FoundTraces;

struct EvidenceOptions {
  std::string tenant;  ///< Whose traces are given.
  bool strict_traceql = false;
  std::string trace_id_label = "traceID";  ///< Of exemplars; `trace_id` and `traceID` count, too.
  Millis lookback = 300'000;               ///< Of instant selectors.
};

/// For an expression over traceql(): traces with spans that its query counts, for the alert's
/// group. For one over series: exemplars of what it reads, where the labels that series and alert
/// share are equal; of the generator's counters those of its histogram, as both count the same
/// spans. Of a quotient the numerator, of a difference what is subtracted from. Where a quantile or
/// an extreme is asked for, the highest values first, otherwise the newest.
///
/// A call looks at a bounded number of exemplars and traces, and ends after a moment with what it
/// has. Thread-safe.
class TraceEvidence final : public rules::EvidenceSource {
 public:
  /// Both sources are borrowed.
  TraceEvidence(const traceql::SpanSource& spans, const promql::SeriesCatalog& series,
                EvidenceOptions options)
      : spans_(spans), series_(series), options_(std::move(options)) {}

  std::vector<std::string> TracesOf(const promql::Expr& expr, const Labels& labels, Millis at,
                                    size_t max) const override;

 private:
  // Traces that queries of traceql() count.
  void AddCounted(const std::vector<EvidenceRead>& reads, const Labels& labels,
                  const std::function<Status()>& interrupted, FoundTraces* found) const;
  // Traces of exemplars.
  void AddExemplified(const std::vector<EvidenceRead>& reads, const Labels& labels,
                      const std::function<Status()>& interrupted, FoundTraces* found) const;

  const traceql::SpanSource& spans_;
  const promql::SeriesCatalog& series_;
  const EvidenceOptions options_;
};

}  // namespace tocsin::engine
