#include "cpp/telemetry/collector_view.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string_view>
#include <utility>

#include "cpp/base/clock.h"

namespace tocsin::telemetry {
namespace {

enum class LabelsAre : uint8_t { kKept, kRemoteWrite };

// One metric of ours and what a Collector calls it. `unit` is the suffix that its exporter appends
// unless the name ends with it already.
struct Renaming {
  std::string_view own;
  std::string_view name;
  std::string_view unit;
  std::string_view help;
  LabelsAre labels = LabelsAre::kKept;
};

constexpr std::array<Renaming, 7> kRenamings = {{
    {"tempo_receiver_accepted_spans", "otelcol_receiver_accepted_spans", "",
     "Spans that were received and acknowledged."},
    {"tempo_receiver_refused_spans", "otelcol_receiver_refused_spans", "",
     "Spans that were received and refused."},
    {"prometheus_remote_storage_samples_total", "otelcol_exporter_sent_metric_points", "",
     "Samples that a receiver of remote write has taken.", LabelsAre::kRemoteWrite},
    {"prometheus_remote_storage_samples_failed_total", "otelcol_exporter_send_failed_metric_points",
     "", "Samples that a receiver of remote write has refused for good.", LabelsAre::kRemoteWrite},
    {"process_cpu_seconds_total", "otelcol_process_cpu_seconds", "seconds",
     "User and system CPU time."},
    {"process_resident_memory_bytes", "otelcol_process_memory_rss", "bytes", "Resident memory."},
    {"process_heap_bytes", "otelcol_process_runtime_heap_alloc_bytes", "bytes",
     "Memory that the allocator has given out."},
}};

std::string NameOf(std::string_view name, std::string_view unit, MetricKind kind,
                   const CollectorViewOptions& options) {
  std::string out(name);
  if (options.units && !unit.empty() && !name.ends_with(unit)) out.append("_").append(unit);
  if (options.type_suffix && kind == MetricKind::kCounter) out.append("_total");
  return out;
}

// A Collector has one label for what we have two of: `prometheusremotewrite/NAME`.
Telemetry::MetricLabels ExporterLabels(const Telemetry::MetricLabels& own) {
  std::string exporter = "prometheusremotewrite";
  for (const auto& [name, value] : own) {
    if (name == "remote_name" && !value.empty()) exporter.append("/").append(value);
  }
  return {{"exporter", std::move(exporter)}};
}

void AddResource(const CollectorViewOptions& options, Telemetry::MetricLabels* labels) {
  for (const auto& label : options.resource) {
    const auto same = [&](const auto& other) { return other.first == label.first; };
    if (std::ranges::none_of(*labels, same)) labels->push_back(label);
  }
  std::ranges::sort(*labels);
}

Family Single(std::string name, std::string_view help, MetricKind kind, double value) {
  Family family{.name = std::move(name), .help = std::string(help), .kind = kind, .metrics = {}};
  family.metrics.emplace_back().value = value;
  return family;
}

const Family* Find(const std::vector<Family>& families, std::string_view name) {
  const auto found = std::ranges::find(families, name, &Family::name);
  return found == families.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Family> CollectorView(const std::vector<Family>& own,
                                  const CollectorViewOptions& options) {
  std::vector<Family> out;
  for (const Renaming& renaming : kRenamings) {
    const Family* family = Find(own, renaming.own);
    if (family == nullptr) continue;
    Family& renamed = out.emplace_back(*family);
    renamed.name = NameOf(renaming.name, renaming.unit, renamed.kind, options);
    renamed.help = renaming.help;
    if (renaming.labels == LabelsAre::kRemoteWrite) {
      for (Metric& metric : renamed.metrics) metric.labels = ExporterLabels(metric.labels);
    }
  }
  if (const Family* start = Find(own, "process_start_time_seconds"); start != nullptr) {
    const double now = static_cast<double>(Clock::Real().Now()) * 1e-9;
    const double began = start->metrics.front().value;
    Family& uptime = out.emplace_back(
        Single(NameOf("otelcol_process_uptime", "seconds", MetricKind::kCounter, options),
               "Time since the start of the process.", MetricKind::kCounter, now - began));
    uptime.metrics.front().created = began;
  }
  out.push_back(Single("target_info", "Which process this is.", MetricKind::kGauge, 1));
  for (Family& family : out) {
    for (Metric& metric : family.metrics) AddResource(options, &metric.labels);
    std::ranges::sort(family.metrics, {}, &Metric::labels);
  }
  std::ranges::sort(out, {}, &Family::name);
  return out;
}

std::string NewInstanceId() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::random_device random;
  std::string id = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  for (char& c : id) {
    if (c == 'x') c = kHex[random() & 15];
    if (c == 'y') c = kHex[8 + (random() & 3)];
  }
  return id;
}

}  // namespace tocsin::telemetry
