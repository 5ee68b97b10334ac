#include "cpp/server/engine_options.h"

#include <algorithm>

namespace tocsin::server {
namespace {

constexpr Nanos kForEver = int64_t{100} * 365 * kDay;

}  // namespace

engine::EngineOptions EngineOptionsOf(const config::Config& config, MemoryService* memory) {
  engine::EngineOptions options;
  options.path = config.storage.path;
  options.max_bytes = config.storage.max_bytes;
  options.spans.trace_idle_period = config.storage.trace_idle_period;
  options.spans.max_block_bytes = config.storage.max_block_bytes;
  options.spans.max_block_duration = config.storage.max_block_duration;
  options.spans.block_retention = config.storage.block_retention;
  options.spans.sync =
      config.storage.wal_sync_always ? storage::LogSync::kAlways : storage::LogSync::kInterval;
  options.spans.sync_interval = config.storage.wal_interval;
  options.series.sync_always = config.storage.wal_sync_always;
  if (!config.remote_write.empty()) {
    options.series.log_keep = 0;
    options.series.log_keep_bytes = 0;
  }
  for (const config::RemoteWrite& remote : config.remote_write) {
    const Nanos age = remote.wal_max_age > 0 ? remote.wal_max_age : kForEver;
    const uint64_t bytes = remote.wal_max_bytes > 0 ? remote.wal_max_bytes : UINT64_MAX;
    options.series.log_keep = std::max(options.series.log_keep, age);
    options.series.log_keep_bytes = std::max(options.series.log_keep_bytes, bytes);
  }
  options.series_sync_interval = config.storage.wal_interval;
  options.generate_metrics = config.metrics_generator.enabled;
  options.collection_interval = config.metrics_generator.collection_interval;
  options.metrics.max_active_series = config.metrics_generator.max_active_series;
  options.metrics.trace_id_label_name = config.metrics_generator.trace_id_label_name;
  options.series.retention = config.series.retention;
  options.series.out_of_order_window = config.series.out_of_order_time_window;
  options.series.max_series = config.series.max_series;
  options.series.max_exemplars = config.series.max_exemplars;
  options.promql.parser = ServedPromQl(config.strict_traceql);
  options.strict_traceql = config.strict_traceql;
  options.promql.timeout = config.promql.timeout;
  options.promql.lookback = config.promql.lookback_delta / kMillisecond;
  options.promql.max_samples = config.promql.max_samples;
  options.promql.delayed_name_removal = config.promql.delayed_name_removal;
  options.promql.use_start_timestamps = config.promql.use_start_timestamps;
  options.promql.type_and_unit_labels = config.promql.type_and_unit_labels;
  options.promql.default_subquery_step = config.evaluation_interval / kMillisecond;
  if (memory != nullptr) {
    engine::ApplyBudgets(memory->budgets(), &options);
    options.request_memory = memory->requests();
    options.query_memory = memory->queries();
  }
  return options;
}

}  // namespace tocsin::server
