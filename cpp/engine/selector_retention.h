/// Retention of what a TraceQL query selects: traces go when they are older than their rule says,
/// though their tenant keeps others for longer.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "storage/spans/span_store.h"

namespace tocsin::engine {

struct SelectorRule {
  std::string selector;  ///< TraceQL without metrics: `{ resource.deployment.environment = "dev" }`
  Nanos keep = 0;        ///< Traces that ended longer ago go. Above 0.
};
/// By tenant.
using SelectorRules = std::map<std::string, std::vector<SelectorRule>, std::less<>>;

/// What Set() says of one rule, without setting it.
Status CheckSelectorRule(const SelectorRule& rule);

/// Thread-safe.
class SelectorRetention {
 public:
  /// Both must outlive it.
  SelectorRetention(storage::SpanStore& spans, const Clock& clock) : spans_(spans), clock_(clock) {}

  /// Replaces all rules. kInvalidArgument, with the place in the selector: none was.
  Status Set(const SelectorRules& rules);

  /// Deletes what is too old, as SpanStore::Delete does, and returns how many spans that were. The
  /// first error is returned after everything was tried.
  Result<uint64_t> Expire() const;

 private:
  struct Rule {
    std::string tenant;
    std::string selector;
    traceql::Query query;
    Nanos keep = 0;
  };

  Result<uint64_t> Expire(const Rule& rule) const;

  storage::SpanStore& spans_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::shared_ptr<const std::vector<Rule>> rules_ = std::make_shared<const std::vector<Rule>>();
};

}  // namespace tocsin::engine
