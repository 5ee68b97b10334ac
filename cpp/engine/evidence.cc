#include "cpp/engine/evidence.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

#include "cpp/engine/evidence_reads.h"
#include "cpp/engine/trace_evidence_query.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"

namespace tocsin::engine {
namespace {

constexpr uint32_t kMaxTraces = 100;

}  // namespace

// Distinct ids in the order in which they came.
class FoundTraces {
 public:
  explicit FoundTraces(size_t max) : max_(max) {}

  bool full() const { return ids_.size() >= max_; }
  uint32_t wanted() const {
    return static_cast<uint32_t>(std::min<size_t>(max_ - ids_.size(), kMaxTraces));
  }
  bool empty() const { return ids_.empty(); }
  void Add(const TraceId& id) {
    if (!full() && seen_.insert(id).second) ids_.push_back(id.ToHex());
  }
  std::vector<std::string> Take() { return std::move(ids_); }

 private:
  const size_t max_;
  std::set<TraceId> seen_;
  std::vector<std::string> ids_;
};

namespace {

// Of one call.
constexpr std::chrono::milliseconds kMoment(100);
constexpr size_t kMaxExemplars = 10'000;
constexpr size_t kLookupsPerTrace = 4;  // An exemplar's trace may not have been kept.
constexpr size_t kMaxLookups = 64;
constexpr uint32_t kSpareTraces = 10;  // Some may have begun before the window.
constexpr uint32_t kSpansPerTrace = 20;
constexpr uint64_t kMaxSearchBytes = uint64_t{64} << 20;
constexpr std::string_view kGenerated = "traces_spanmetrics_";
constexpr std::string_view kWithExemplars = "traces_spanmetrics_latency_bucket";

uint64_t NanosOf(Millis t) {
  constexpr Millis kLast = INT64_MAX / kMillisecond;
  return static_cast<uint64_t>(std::clamp<Millis>(t, 0, kLast)) * kMillisecond;
}

std::function<Status()> AfterAMoment() {
  using Steady = std::chrono::steady_clock;
  return [end = Steady::now() + kMoment]() -> Status {
    if (Steady::now() < end) return {};
    return DeadlineExceededError("enough was looked at");
  };
}

// Traces of a search.

// Nothing if the span has no such number.
std::optional<double> Measure(const traceql::SearchTrace& trace, const traceql::SearchSpan& span,
                              const traceql::Field& field) {
  if (field.intrinsic == traceql::Intrinsic::kDuration) return static_cast<double>(span.duration);
  if (field.intrinsic == traceql::Intrinsic::kTraceDuration) {
    return static_cast<double>(trace.duration);
  }
  for (const traceql::SearchAttribute& attribute : span.attributes) {
    if (attribute.key != field.name) continue;
    if (attribute.value.type == ValueType::kInt) {
      return static_cast<double>(attribute.value.integer);
    }
    if (attribute.value.type == ValueType::kDouble) return attribute.value.number;
  }
  return std::nullopt;
}

struct Ranked {
  TraceId id;
  double rank = 0;  // The greater, the more telling.
};

// Nothing for a trace whose matching spans all began outside of the window.
std::optional<Ranked> Rank(const traceql::SearchTrace& trace, const EvidenceSearch& search,
                           const EvidenceRead& read) {
  Ranked ranked{trace.id, -std::numeric_limits<double>::infinity()};
  size_t shown = 0;
  bool any = false;
  for (const traceql::SearchSpanset& spanset : trace.spansets) {
    for (const traceql::SearchSpan& span : spanset.spans) {
      ++shown;
      if (span.start <= NanosOf(read.after) || span.start > NanosOf(read.until)) continue;
      any = true;
      if (!search.measured) continue;
      if (const auto number = Measure(trace, span, *search.measured)) {
        ranked.rank = std::max(ranked.rank, search.lowest ? -*number : *number);
      }
    }
  }
  if (!any && shown >= trace.matched) return std::nullopt;
  return ranked;
}

void AddMatching(const traceql::SpanView& view, const EvidenceSearch& search,
                 const EvidenceRead& read, const std::function<Status()>& interrupted,
                 FoundTraces* found) {
  traceql::SearchOptions options;
  options.limit = search.measured ? kMaxTraces : found->wanted() + kSpareTraces;
  options.spans_per_spanset = kSpansPerTrace;
  options.start = NanosOf(read.after) + 1;
  options.end = NanosOf(read.until);
  options.max_bytes = kMaxSearchBytes;
  options.interrupted = interrupted;
  const Result<traceql::SearchResult> result = traceql::Search(view, search.query, options);
  if (!result) return;
  std::vector<Ranked> ranked;
  for (const traceql::SearchTrace& trace : result->traces) {
    if (const auto one = Rank(trace, search, read)) ranked.push_back(*one);
  }
  // Of equal ones the newest first, as they were.
  if (search.measured) std::ranges::stable_sort(ranked, std::ranges::greater(), &Ranked::rank);
  for (const Ranked& one : ranked) found->Add(one.id);
}

// Exemplars.

struct Candidate {
  TraceId id;
  double value = 0;
  Millis t = 0;
};

// What both have a label for is the same.
bool Agree(const Labels& series, const Labels& alert) {
  return std::ranges::all_of(series, [&alert](const Labels::Pair& label) {
    const auto& [name, value] = label;
    if (name == kMetricName) return true;
    const std::string_view other = alert.Get(name);
    return other.empty() || other == value;
  });
}

// Exemplars hang on the histogram of the generator alone; its other series count the same spans.
std::vector<promql::Matcher> MatchersOf(const promql::VectorSelector& selector) {
  std::vector<promql::Matcher> matchers = selector.matchers;
  for (promql::Matcher& matcher : matchers) {
    const bool generated = matcher.op == promql::Matcher::Op::kEqual &&
                           matcher.name == kMetricName && matcher.value.starts_with(kGenerated);
    if (generated) matcher.value = kWithExemplars;
  }
  return matchers;
}

std::optional<TraceId> TraceIdOf(const Labels& exemplar, std::string_view configured) {
  for (const std::string_view name :
       {configured, std::string_view("trace_id"), std::string_view("traceID")}) {
    const std::string_view text = exemplar.Get(name);
    if (!text.empty()) return TraceId::FromHex(text);
  }
  return std::nullopt;
}

bool Exists(const traceql::SpanView& view, const TraceId& id) {
  bool exists = false;
  const Status status = view.TracePieces(id, [&exists](const SpanBatch&) {
    exists = true;
    return false;
  });
  return status.ok() && exists;
}

void AddExemplars(const std::vector<promql::ExemplarSeries>& series, const Labels& alert,
                  std::string_view trace_id_label, std::vector<Candidate>* candidates) {
  for (const promql::ExemplarSeries& one : series) {
    if (!Agree(one.labels, alert)) continue;
    for (const Exemplar& exemplar : one.exemplars) {
      if (candidates->size() >= kMaxExemplars) return;
      if (const auto id = TraceIdOf(exemplar.labels, trace_id_label)) {
        candidates->push_back({*id, exemplar.value, exemplar.t});
      }
    }
  }
}

void SortCandidates(bool highest, std::vector<Candidate>* candidates) {
  std::ranges::sort(*candidates, [highest](const Candidate& a, const Candidate& b) {
    if (highest && a.value != b.value) return a.value > b.value;
    if (a.t != b.t) return a.t > b.t;
    return a.id < b.id;
  });
}

}  // namespace

std::vector<std::string> TraceEvidence::TracesOf(const promql::Expr& expr, const Labels& labels,
                                                 Millis at, size_t max) const {
  FoundTraces found(max);
  if (max == 0) return {};
  const std::vector<EvidenceRead> reads = ReadsOf(expr, at, options_.lookback);
  const std::function<Status()> interrupted = AfterAMoment();
  AddCounted(reads, labels, interrupted, &found);
  if (found.empty()) AddExemplified(reads, labels, interrupted, &found);
  return found.Take();
}

void TraceEvidence::AddCounted(const std::vector<EvidenceRead>& reads, const Labels& labels,
                               const std::function<Status()>& interrupted,
                               FoundTraces* found) const {
  for (const EvidenceRead& read : reads) {
    if (read.traces == nullptr) continue;
    const Result<traceql::Query> metrics =
        traceql::Parse(read.traces->query, {.strict = options_.strict_traceql});
    if (!metrics) continue;
    const auto view = spans_.View(options_.tenant, NanosOf(read.after), NanosOf(read.until));
    for (const EvidenceSearch& search : SearchesOf(*metrics, labels)) {
      if (!found->full()) AddMatching(*view, search, read, interrupted, found);
    }
  }
}

void TraceEvidence::AddExemplified(const std::vector<EvidenceRead>& reads, const Labels& labels,
                                   const std::function<Status()>& interrupted,
                                   FoundTraces* found) const {
  std::vector<Candidate> candidates;
  bool highest = false;
  for (const EvidenceRead& read : reads) {
    if (read.series == nullptr) continue;
    highest = highest || read.highest;
    AddExemplars(series_.QueryExemplars(MatchersOf(*read.series), read.after + 1, read.until),
                 labels, options_.trace_id_label, &candidates);
  }
  if (candidates.empty()) return;
  SortCandidates(highest, &candidates);
  // A trace is found whatever range the view is of.
  const auto view = spans_.View(options_.tenant, 0, 0);
  std::set<TraceId> looked_up;
  const size_t lookups = std::min(found->wanted() * kLookupsPerTrace, kMaxLookups);
  for (const Candidate& candidate : candidates) {
    if (found->full() || looked_up.size() >= lookups || !interrupted().ok()) return;
    if (looked_up.insert(candidate.id).second && Exists(*view, candidate.id)) {
      found->Add(candidate.id);
    }
  }
}

}  // namespace tocsin::engine
