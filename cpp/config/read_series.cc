// What is kept of series, and how PromQL evaluates them.

#include "cpp/config/read_sections.h"

namespace tocsin::config {

void ReadSeriesStorage(Section* storage, Series* out) {
  Section tsdb = storage->Map("tsdb");
  tsdb.Period("out_of_order_time_window", &out->out_of_order_time_window);
  tsdb.Count64("max_series", &out->max_series);
  tsdb.NotZero("max_series", out->max_series);
  Section retention = tsdb.Map("retention");
  retention.Period("time", &out->retention);
  retention.Ignore({"size", "percentage"}, "storage.max_bytes caps everything together");
  retention.Done();
  tsdb.Ignore({"stale_series_compaction_threshold"}, "series that have ended leave by themselves");
  tsdb.Done();
  Section exemplars = storage->Map("exemplars");
  exemplars.Count64("max_exemplars", &out->max_exemplars);
  exemplars.Done();
}

void ReadPromQl(Section* top, PromQl* out) {
  Section promql = top->Map("promql");
  promql.Period("timeout", &out->timeout);
  promql.NotZero("timeout", out->timeout);
  promql.Period("lookback_delta", &out->lookback_delta);
  promql.NotZero("lookback_delta", out->lookback_delta);
  promql.Count64("max_samples", &out->max_samples);
  promql.NotZero("max_samples", out->max_samples);
  promql.Bool("delayed_name_removal", &out->delayed_name_removal);
  promql.Bool("use_start_timestamps", &out->use_start_timestamps);
  promql.Bool("type_and_unit_labels", &out->type_and_unit_labels);
  promql.Done();
}

}  // namespace tocsin::config
