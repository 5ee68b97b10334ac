#include "cpp/server/memory_service.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <malloc.h>

#include "cpp/base/log.h"
#include "cpp/telemetry/process.h"

namespace tocsin::server {
namespace {

constexpr Nanos kWatchInterval = kSecond;
// To give memory back costs milliseconds, and more when it is needed again.
constexpr Nanos kTrimInterval = 10 * kSecond;
constexpr Nanos kWarnInterval = 10 * kMinute;

// Of a series apart from its samples, and of an exemplar and a remembered request.
constexpr size_t kSeriesBytes = 640;
constexpr size_t kRecentRequestBytes = 45;

std::string MiB(uint64_t bytes) { return std::to_string(bytes >> 20) + "MiB"; }

void LogBudgets(const engine::MemoryBudgets& budgets) {
  std::string parts;
  for (const auto& [name, bytes] : budgets.All()) {
    parts.append(parts.empty() ? "" : " ").append(name).append("=").append(MiB(bytes));
  }
  log::Info("memory", {{"limit", MiB(budgets.limit.bytes)},
                       {"source", budgets.limit.source},
                       {"planned", MiB(budgets.planned)},
                       {"budgets", parts}});
  if (budgets.enough()) return;
  log::Warn("little memory", {{"planned", MiB(budgets.planned)}, {"needed", MiB(budgets.Sum())}});
}

}  // namespace

MemoryService::MemoryService(const config::Config& config, Telemetry* telemetry)
    : budgets_(engine::DivideMemory(config, FindMemoryLimit())),
      telemetry_(*telemetry),
      trims_(telemetry->GetCounter("tocsin_memory_trims_total",
                                   "Times that free memory was given back to the system because "
                                   "the process was larger than planned.")),
      requests_(budgets_.requests),
      queries_(budgets_.queries) {
  LogBudgets(budgets_);
  telemetry
      ->GetGauge("tocsin_memory_limit_bytes", "What the process may use before the system ends it.")
      .Set(static_cast<double>(budgets_.limit.bytes));
  telemetry->GetGauge("tocsin_memory_planned_bytes", "Of it what the budgets may add up to.")
      .Set(static_cast<double>(budgets_.planned));
  for (const auto& [name, bytes] : budgets_.All()) {
    telemetry
        ->GetGauge("tocsin_memory_budget_bytes", "What a part of the process may use.",
                   {{"budget", std::string(name)}})
        .Set(static_cast<double>(bytes));
  }
  watch_ = std::make_unique<engine::Periodic>("memory", [this] { return GiveBack(); });
  watch_->Start(kWatchInterval);
}

MemoryService::~MemoryService() { watch_->Stop(); }

void MemoryService::Measure(engine::Engine* engine) {
  double known = 0;
  const auto set = [&](std::string_view name, double bytes) {
    known += bytes;
    telemetry_
        .GetGauge(
            "tocsin_memory_used_bytes",
            "What a part of the process uses now. \"process\" is what the others leave of the "
            "resident memory; sealing is in it.",
            {{"budget", std::string(name)}})
        .Set(bytes);
  };
  set("requests", static_cast<double>(requests_.used()));
  set("queries", static_cast<double>(queries_.used()));
  if (engine != nullptr) {
    const storage::SpanStore::Stats spans = engine->spans().GetStats();
    const storage::SeriesStoreStats series = engine->series().Stats();
    set("live_rows", static_cast<double>(spans.live_bytes));
    set("cache", static_cast<double>(spans.cache_bytes));
    set("queues", static_cast<double>(spans.recent_requests * kRecentRequestBytes));
    set("series", static_cast<double>(series.series * kSeriesBytes + series.head_chunk_bytes));
  }
  set("process", std::max(0.0, telemetry::ResidentBytes() - known));
}

// The allocator keeps what was freed between what is still used. Where memory is short the system
// had better have it; the next peak then pays for its pages again.
Nanos MemoryService::GiveBack() {
  const double before = telemetry::ResidentBytes();
  if (before <= static_cast<double>(budgets_.planned)) return kWatchInterval;
  trims_.Add(1);
  malloc_trim(0);
  const double after = telemetry::ResidentBytes();
  const Nanos now = Clock::Real().Now();
  if (after > static_cast<double>(budgets_.planned) && now >= warned_ + kWarnInterval) {
    warned_ = now;
    log::Warn("more memory than planned", {{"resident", MiB(static_cast<uint64_t>(after))},
                                           {"planned", MiB(budgets_.planned)},
                                           {"limit", MiB(budgets_.limit.bytes)}});
  }
  return kTrimInterval;
}

}  // namespace tocsin::server
