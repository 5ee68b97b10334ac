/// The memory of the process: its budgets, what queries and requests share of it, how much of each
/// is used, and what happens when the process is larger than planned all the same.

#pragma once

#include <memory>

#include "cpp/base/memory_pool.h"
#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/engine/engine.h"
#include "cpp/engine/memory_budgets.h"
#include "cpp/engine/periodic.h"

namespace tocsin::server {

/// Thread-safe.
class MemoryService {
 public:
  /// Finds the limit and logs it with the budgets. `telemetry` is borrowed.
  MemoryService(const config::Config& config, Telemetry* telemetry);
  ~MemoryService();
  MemoryService(const MemoryService&) = delete;
  MemoryService& operator=(const MemoryService&) = delete;

  const engine::MemoryBudgets& budgets() const { return budgets_; }
  /// Of requests in flight, and of queries. They live as long as this.
  MemoryPool* requests() { return &requests_; }
  MemoryPool* queries() { return &queries_; }

  /// Sets the gauges of what is used at this moment. `engine` may be null: it is not open yet.
  void Measure(engine::Engine* engine);

 private:
  Nanos GiveBack();

  const engine::MemoryBudgets budgets_;
  Telemetry& telemetry_;
  Counter& trims_;
  MemoryPool requests_;
  MemoryPool queries_;
  Nanos warned_ = 0;
  std::unique_ptr<engine::Periodic> watch_;
};

}  // namespace tocsin::server
