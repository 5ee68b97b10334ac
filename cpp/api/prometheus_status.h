/// What Prometheus's API tells of the process and of its store, and lets operators do with them.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/router.h"
#include "cpp/promql/series_admin.h"

namespace tocsin::api {

struct PrometheusStatusBackend {
  std::string config;                                      ///< Effective, as YAML.
  std::vector<std::pair<std::string, std::string>> flags;  ///< By name.
  promql::SeriesAdmin* store = nullptr;                    ///< Borrowed.
  bool admin_enabled = false;      ///< /api/v1/admin/tsdb/* act; otherwise they refuse.
  bool lifecycle_enabled = false;  ///< /-/reload and /-/quit act; otherwise they answer 403.
  bool search_enabled = false;     ///< /api/v1/search/* answer, for /features.
  Nanos started = 0;
  Nanos retention = 0;     ///< 0: for ever.
  uint64_t max_bytes = 0;  ///< 0: no cap.
  size_t processors = 0;   ///< That queries may use,
  uint64_t memory = 0;     ///< and the memory that is planned with.
  const Clock* clock = nullptr;

  struct Reloaded {
    bool ok = true;
    Nanos at = 0;  ///< Of the last one that succeeded.
  };
  std::function<Reloaded()> last_reload;
  std::function<uint64_t()> corruptions;  ///< Damaged pieces found since the start.

  struct Alertmanagers {
    std::vector<std::string> active;   ///< The URLs that alerts go to,
    std::vector<std::string> dropped;  ///< and those that relabelling has dropped.
  };
  std::function<Alertmanagers()> alertmanagers;
  /// Our own metrics, those whose name is wanted, as an array of MetricFamily in JSON.
  std::function<std::string(const std::function<bool(std::string_view name)>& wanted)> self_metrics;
  std::function<Status()> ready;
  std::function<Status()> reload;  ///< kInvalidArgument: the file is refused, the old one counts.
  std::function<void()> quit;
};

/// GET /api/v1/status/{config,flags,runtimeinfo,tsdb,tsdb/blocks,walreplay,self_metrics},
/// /api/v1/alertmanagers,
/// /api/v1/features; POST and PUT /api/v1/admin/tsdb/{delete_series,clean_tombstones,snapshot},
/// /-/reload, /-/quit; GET /-/healthy, /-/ready.
void RegisterPrometheusStatus(PrometheusStatusBackend backend, http::Router* router);

}  // namespace tocsin::api
