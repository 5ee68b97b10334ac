/// How the memory of the process divides: a budget for everything that grows with the load. They
/// are made once, at the start, from what the container or the machine has; the parts keep to
/// theirs and refuse, or work sooner, when it is used up (docs/sizing.md says which does what).

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/process_limits.h"
#include "cpp/config/config.h"
#include "cpp/engine/engine.h"

namespace tocsin::engine {

/// Bytes, unless said otherwise.
struct MemoryBudgets {
  MemoryLimit limit;     ///< What the process may use before the system ends it.
  uint64_t planned = 0;  ///< Of it what the budgets may add up to: memory.ratio of it.

  /// Code, threads, connections, write buffers, indexes. What is left over for it; nothing refuses.
  uint64_t process = 0;
  uint64_t sealing = 0;    ///< What a block that is written or merged takes while that goes on.
  uint64_t live_rows = 0;  ///< Spans that are in no segment yet.
  uint64_t cache = 0;      ///< Decoded columns, footers and pages of indexes.
  uint64_t requests = 0;   ///< Of requests in flight: bodies as sent and decoded.
  uint64_t queries = 0;    ///< All queries together, those of rules included.
  uint64_t series = 0;     ///< Series, their samples that are in no block yet, exemplars.
  uint64_t queues = 0;     ///< Of remote write, and the requests that repeats are told by.

  /// By name, in this order; for the log, metrics and `tocsin config`.
  std::vector<std::pair<std::string_view, uint64_t>> All() const;
  uint64_t Sum() const;
  /// False: the least budgets that work add up to more than is planned.
  bool enough() const { return Sum() <= planned; }

  // What follows for single settings. The configuration's own values are never exceeded.
  uint64_t max_series = 0;         ///< At a time.
  uint64_t max_active_series = 0;  ///< Of the generator.
  uint64_t max_exemplars = 0;
  uint64_t max_request_bytes = 0;  ///< Of one request after decompression.
  uint64_t max_recent_requests = 0;
  uint32_t max_shards = 0;  ///< Of each remote write; at least 1.
};

/// `found`: what the system allows. memory.limit, if it is less, holds instead.
MemoryBudgets DivideMemory(const config::Config& config, const MemoryLimit& found);

/// The budgets as comment lines of YAML, for `tocsin config`.
std::string DescribeMemory(const MemoryBudgets& budgets);

/// Puts what the budgets say of spans and series into the options.
void ApplyBudgets(const MemoryBudgets& budgets, EngineOptions* options);

}  // namespace tocsin::engine
