#include "cpp/engine/memory_budgets.h"

#include <algorithm>
#include <array>

namespace tocsin::engine {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// Measured (docs/sizing.md): of a process that does nothing 24, with connections, open tables and
// what the allocator cannot give back some more.
constexpr uint64_t kProcessBytes = 36 * kMiB;
// A block's rows are there sorted and encoded, a merge has them decoded besides.
constexpr uint64_t kSealingLeast = 36 * kMiB;
constexpr uint64_t kSealingMost = 256 * kMiB;
// A merge takes about this many times the wire bytes of its rows.
constexpr uint64_t kMergeFactor = 2;

// A series with the samples of two and a half hours at 15 s, its labels and its place in the index.
constexpr uint64_t kSeriesBytes = 2048;
constexpr uint64_t kExemplarBytes = 256;
// Of the series' budget, the exemplars' part.
constexpr uint64_t kExemplarPart = 16;
// Of the series that the store takes, those that the generator may make.
constexpr uint64_t kGeneratedOf = 4;
constexpr uint64_t kGenerated = 3;

constexpr uint64_t kRecentRequestBytes = 45;
constexpr uint64_t kQueuedSampleBytes = 64;
// Rows may go beyond live_bytes_budget by a half before they are refused.
constexpr uint64_t kLiveOver = 3;
constexpr uint64_t kLiveBudget = 2;

constexpr uint64_t kRequestLeast = 8 * kMiB;
// Of the budget of all requests. One takes three times its size: as sent, decompressed and decoded.
constexpr uint64_t kRequestPart = 4;

struct Share {
  uint64_t* bytes;
  double weight;
  uint64_t least;  // Works, slowly.
  uint64_t most;   // More is of no use.

  uint64_t At(double scale) const {
    const double wanted = scale * weight;
    if (wanted >= static_cast<double>(most)) return std::max(least, most);
    return std::max(least, static_cast<uint64_t>(wanted));
  }
};

// Shares by weight, within their bounds; together no more than `bytes`, if the least are not more.
// What one does not need goes to the others.
template <size_t kCount>
void Divide(uint64_t bytes, const std::array<Share, kCount>& shares) {
  const auto sum_at = [&](double scale) {
    uint64_t sum = 0;
    for (const Share& share : shares) sum += share.At(scale);
    return sum;
  };
  double low = 0;
  double high = 1e19;  // By then every share has its most.
  if (sum_at(high) <= bytes) low = high;
  // A hundred halvings are more than a double has digits.
  for (int i = 0; i < 100 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    (sum_at(middle) <= bytes ? low : high) = middle;
  }
  for (const Share& share : shares) *share.bytes = share.At(low);
}

uint64_t RecentRequestsMost() { return storage::SpanStoreOptions{}.max_recent_requests; }

// What the configuration asks for, if there is memory enough.
uint64_t SeriesMost(const config::Config& config) {
  const uint64_t series = std::min<uint64_t>(config.series.max_series, UINT32_MAX);
  const uint64_t exemplars = std::min<uint64_t>(config.series.max_exemplars, UINT32_MAX);
  return std::max(series * kSeriesBytes * kExemplarPart / (kExemplarPart - 1),
                  exemplars * kExemplarBytes * kExemplarPart);
}

uint64_t ShardsMost(const config::Config& config) {
  uint64_t bytes = 0;
  for (const config::RemoteWrite& remote : config.remote_write) {
    bytes += uint64_t{remote.max_shards} * remote.capacity * kQueuedSampleBytes;
  }
  return bytes;
}

// How many shards each remote write may have in so many bytes.
uint32_t ShardsOf(const config::Config& config, uint64_t bytes) {
  uint64_t of_one_each = 0;
  for (const config::RemoteWrite& remote : config.remote_write) {
    of_one_each += uint64_t{remote.capacity} * kQueuedSampleBytes;
  }
  if (of_one_each == 0) return UINT32_MAX;
  return static_cast<uint32_t>(std::clamp<uint64_t>(bytes / of_one_each, 1, UINT32_MAX));
}

void SetLimits(const config::Config& config, MemoryBudgets* budgets) {
  const uint64_t exemplars = budgets->series / kExemplarPart;
  budgets->max_exemplars =
      std::min<uint64_t>(config.series.max_exemplars, exemplars / kExemplarBytes);
  budgets->max_series =
      std::min<uint64_t>(config.series.max_series, (budgets->series - exemplars) / kSeriesBytes);
  const uint64_t generated = budgets->max_series / kGeneratedOf * kGenerated;
  const uint64_t wanted = config.metrics_generator.max_active_series;
  budgets->max_active_series = wanted == 0 ? generated : std::min(wanted, generated);
  budgets->max_request_bytes =
      std::min(config.receivers.max_request_bytes, budgets->requests / kRequestPart);
  budgets->max_recent_requests =
      std::min(RecentRequestsMost(), budgets->queues / 2 / kRecentRequestBytes);
  budgets->max_shards = ShardsOf(config, budgets->queues / 2);
}

}  // namespace

std::vector<std::pair<std::string_view, uint64_t>> MemoryBudgets::All() const {
  return {{"process", process}, {"sealing", sealing},   {"live_rows", live_rows},
          {"cache", cache},     {"requests", requests}, {"queries", queries},
          {"series", series},   {"queues", queues}};
}

uint64_t MemoryBudgets::Sum() const {
  uint64_t sum = 0;
  for (const auto& [name, bytes] : All()) sum += bytes;
  return sum;
}

MemoryBudgets DivideMemory(const config::Config& config, const MemoryLimit& found) {
  MemoryBudgets budgets;
  budgets.limit = found;
  if (config.memory.limit > 0 && config.memory.limit < found.bytes) {
    budgets.limit = {config.memory.limit, "memory.limit"};
  }
  budgets.planned = static_cast<uint64_t>(static_cast<double>(budgets.limit.bytes) *
                                          std::min(config.memory.ratio, 1.0));
  budgets.process = kProcessBytes;
  const uint64_t left = budgets.planned - std::min(budgets.planned, kProcessBytes);
  const storage::SpanStoreOptions store;
  const uint64_t live_most = store.live_bytes_budget / kLiveBudget * kLiveOver;
  const uint64_t queues_most =
      2 * std::max(RecentRequestsMost() * kRecentRequestBytes, ShardsMost(config));
  Divide(left, std::array{
                   Share{&budgets.sealing, 0.12, kSealingLeast, kSealingMost},
                   Share{&budgets.live_rows, 0.18, 12 * kMiB, live_most},
                   Share{&budgets.cache, 0.11, 4 * kMiB, store.cache_bytes},
                   Share{&budgets.requests, 0.14, kRequestLeast * kRequestPart, 1024 * kMiB},
                   Share{&budgets.queries, 0.16, 16 * kMiB, 4096 * kMiB},
                   Share{&budgets.series, 0.36, 8 * kMiB, SeriesMost(config)},
                   Share{&budgets.queues, 0.04, 2 * kMiB, queues_most},
               });
  SetLimits(config, &budgets);
  return budgets;
}

std::string DescribeMemory(const MemoryBudgets& budgets) {
  const auto mib = [](uint64_t bytes) { return std::to_string(bytes / kMiB) + " MiB"; };
  std::string text = "# Here the limit is " + mib(budgets.limit.bytes) + " (" +
                     budgets.limit.source + "); " + mib(budgets.planned) + " are planned with:\n";
  for (const auto& [name, bytes] : budgets.All()) {
    text.append("#   ").append(name).append(": ").append(mib(bytes)).append("\n");
  }
  if (!budgets.enough()) {
    text += "# Less does not work: that is more than is planned, and the system may end it.\n";
  }
  return text;
}

void ApplyBudgets(const MemoryBudgets& budgets, EngineOptions* options) {
  storage::SpanStoreOptions& spans = options->spans;
  spans.live_bytes_budget = budgets.live_rows / kLiveOver * kLiveBudget;
  spans.cache_bytes = budgets.cache;
  spans.max_merge_bytes = std::min(spans.max_merge_bytes, budgets.sealing / kMergeFactor);
  spans.max_recent_requests = budgets.max_recent_requests;
  options->series.max_series = budgets.max_series;
  options->series.max_exemplars = budgets.max_exemplars;
  options->metrics.max_active_series = budgets.max_active_series;
}

}  // namespace tocsin::engine
