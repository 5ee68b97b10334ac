#include "cpp/engine/selector_retention.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"

namespace tocsin::engine {
namespace {

// Traces that one look finds and one deletion takes.
constexpr uint32_t kTracesAtOnce = 1'000;

Result<traceql::Query> ParseSelector(const SelectorRule& rule) {
  Result<traceql::Query> query = traceql::Parse(rule.selector);
  if (!query) return Failure(query.error().WithContext("retention of " + rule.selector));
  if (query->metrics) {
    return InvalidArgumentError("retention of " + rule.selector + ": metrics select no traces");
  }
  if (rule.keep <= 0) {
    return InvalidArgumentError("retention of " + rule.selector + " must be above 0");
  }
  return query;
}

}  // namespace

Status CheckSelectorRule(const SelectorRule& rule) {
  const Result<traceql::Query> query = ParseSelector(rule);
  return query ? Status() : query.error();
}

Status SelectorRetention::Set(const SelectorRules& rules) {
  auto parsed = std::make_shared<std::vector<Rule>>();
  for (const auto& [tenant, list] : rules) {
    for (const SelectorRule& rule : list) {
      TOCSIN_ASSIGN_OR_RETURN(traceql::Query query, ParseSelector(rule));
      parsed->push_back({tenant, rule.selector, std::move(query), rule.keep});
    }
  }
  const std::lock_guard lock(mutex_);
  rules_ = std::move(parsed);
  return {};
}

Result<uint64_t> SelectorRetention::Expire() const {
  std::shared_ptr<const std::vector<Rule>> rules;
  {
    const std::lock_guard lock(mutex_);
    rules = rules_;
  }
  uint64_t deleted = 0;
  Status failed;
  for (const Rule& rule : *rules) {
    const Result<uint64_t> spans = Expire(rule);
    if (spans) {
      deleted += *spans;
    } else if (failed.ok()) {
      failed = spans.error();
    }
  }
  if (!failed.ok()) return Failure(std::move(failed));
  return deleted;
}

Result<uint64_t> SelectorRetention::Expire(const Rule& rule) const {
  const Nanos limit = clock_.Now() - rule.keep;
  if (limit <= 0) return 0;
  traceql::SearchOptions options;
  options.limit = kTracesAtOnce;
  options.spans_per_spanset = 1;
  options.end = static_cast<uint64_t>(limit);
  uint64_t deleted = 0;
  const std::vector<TraceId> pinned = spans_.Pinned(rule.tenant);
  // From the newest backwards: what is found and deleted is not found again.
  while (true) {
    const auto view = spans_.View(rule.tenant, 0, options.end);
    TOCSIN_ASSIGN_OR_RETURN(const traceql::SearchResult found,
                            traceql::Search(*view, rule.query, options));
    std::vector<storage::TraceDeletion> old;
    for (const traceql::SearchTrace& trace : found.traces) {
      if (std::ranges::binary_search(pinned, trace.id)) continue;
      // One that began before the limit and goes on behind it waits.
      if (trace.start + trace.duration <= static_cast<uint64_t>(limit)) {
        old.push_back({trace.id, {}});
      }
    }
    if (!old.empty()) {
      TOCSIN_ASSIGN_OR_RETURN(const uint64_t spans, spans_.Delete(rule.tenant, old));
      deleted += spans;
    }
    if (found.traces.size() < kTracesAtOnce) break;
    // Those that wait are newer than what is left to be looked at.
    options.end = found.traces.back().start;
    if (old.empty() && found.traces.front().start == options.end) break;
  }
  if (deleted > 0) {
    log::Info("traces_expired",
              {{"tenant", rule.tenant}, {"selector", rule.selector}, {"spans", deleted}});
  }
  return deleted;
}

}  // namespace tocsin::engine
