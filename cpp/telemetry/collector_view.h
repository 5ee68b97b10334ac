/// Our own metrics under the names that the OpenTelemetry Collector gives to its own, for the
/// dashboards and alerts that watch Collectors.

#pragma once

#include <string>
#include <vector>

#include "cpp/base/telemetry.h"
#include "cpp/telemetry/family.h"

namespace tocsin::telemetry {

struct CollectorViewOptions {
  bool type_suffix = true;  ///< Counters end in `_total`.
  bool units = true;        ///< Names end in their unit: `otelcol_process_memory_rss_bytes`.
  /// On every metric, and alone on `target_info`. By name.
  Telemetry::MetricLabels resource = {};
};

/// otelcol_receiver_*, otelcol_exporter_* (remote write is the exporter `prometheusremotewrite`),
/// otelcol_process_* and target_info, made of what Registry::Collect() has returned; by name. Parts
/// that this process has no counterpart of are absent.
std::vector<Family> CollectorView(const std::vector<Family>& own,
                                  const CollectorViewOptions& options);

/// A random UUID, for `service_instance_id`.
std::string NewInstanceId();

}  // namespace tocsin::telemetry
