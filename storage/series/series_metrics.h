/// The metrics of the series store; private to its files.

#pragma once

#include "cpp/base/telemetry.h"
#include "storage/series/series_store.h"

namespace tocsin::storage {

/// The names are Prometheus's, so that its dashboards show this store.
struct SeriesStore::Metrics {
  explicit Metrics(Telemetry& t)
      : samples(t.GetCounter("prometheus_tsdb_head_samples_appended_total",
                             "Samples appended to the head.")),
        out_of_order(t.GetCounter("prometheus_tsdb_out_of_order_samples_total",
                                  "Samples dropped because their series has a newer one.")),
        out_of_bounds(t.GetCounter("prometheus_tsdb_out_of_bound_samples_total",
                                   "Samples dropped because of a time that is too old or ahead.")),
        too_old(t.GetCounter("prometheus_tsdb_too_old_samples_total",
                             "Samples dropped because they are older than the window.")),
        late(t.GetCounter("prometheus_tsdb_head_out_of_order_samples_appended_total",
                          "Samples taken out of order, within the window.")),
        duplicates(t.GetCounter("tocsin_series_duplicate_samples_total",
                                "Samples dropped because their time has another value.")),
        limited(t.GetCounter("tocsin_series_limited_samples_total",
                             "Samples dropped because of the bound on series.")),
        exemplars(t.GetCounter("prometheus_tsdb_exemplar_exemplars_appended_total",
                               "Exemplars appended.")),
        exemplars_dropped(t.GetCounter("prometheus_tsdb_exemplar_out_of_order_exemplars_total",
                                       "Exemplars dropped: out of order, or too large.")),
        series(t.GetGauge("prometheus_tsdb_head_series", "Series known.")),
        blocks(t.GetGauge("prometheus_tsdb_blocks_loaded", "Blocks of two hours.")),
        block_bytes(t.GetGauge("prometheus_tsdb_storage_blocks_bytes", "Bytes of all blocks.")),
        log_bytes(t.GetGauge("prometheus_tsdb_wal_storage_size_bytes",
                             "Bytes of the sample log and the head snapshot.")) {}

  Counter& samples;
  Counter& out_of_order;
  Counter& out_of_bounds;
  Counter& too_old;
  Counter& late;
  Counter& duplicates;
  Counter& limited;
  Counter& exemplars;
  Counter& exemplars_dropped;
  Gauge& series;
  Gauge& blocks;
  Gauge& block_bytes;
  Gauge& log_bytes;
};

}  // namespace tocsin::storage
