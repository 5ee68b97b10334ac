#include "cpp/rules/rule_metrics.h"

#include <string>
#include <vector>

namespace tocsin::rules {
namespace {

Telemetry::MetricLabels LabelsOf(const GroupSpec& spec) {
  const std::string resource = spec.resource.empty() ? "" : spec.resource + ";";
  return {{"rule_group", spec.file + ";" + resource + spec.name}};
}

const std::vector<double>& Buckets() {
  static const std::vector<double> buckets{.01, .1, 1, 10};
  return buckets;
}

}  // namespace

RuleMetrics::RuleMetrics(const GroupSpec& spec, Telemetry* telemetry)
    : evaluations(telemetry->GetCounter("prometheus_rule_evaluations_total",
                                        "The total number of rule evaluations.", LabelsOf(spec))),
      failures(telemetry->GetCounter("prometheus_rule_evaluation_failures_total",
                                     "The total number of rule evaluation failures.",
                                     LabelsOf(spec))),
      iterations(telemetry->GetCounter(
          "prometheus_rule_group_iterations_total",
          "The total number of scheduled rule group evaluations, whether executed or missed.",
          LabelsOf(spec))),
      missed(telemetry->GetCounter(
          "prometheus_rule_group_iterations_missed_total",
          "The total number of rule group evaluations missed due to slow rule group evaluation.",
          LabelsOf(spec))),
      interval(telemetry->GetGauge("prometheus_rule_group_interval_seconds",
                                   "The interval of a rule group.", LabelsOf(spec))),
      rules(telemetry->GetGauge("prometheus_rule_group_rules", "The number of rules.",
                                LabelsOf(spec))),
      last_duration(telemetry->GetGauge("prometheus_rule_group_last_duration_seconds",
                                        "The duration of the last rule group evaluation.",
                                        LabelsOf(spec))),
      last_rule_duration_sum(telemetry->GetGauge(
          "prometheus_rule_group_last_rule_duration_sum_seconds",
          "The sum of the durations of the rules of the last group evaluation.", LabelsOf(spec))),
      last_timestamp(telemetry->GetGauge(
          "prometheus_rule_group_last_evaluation_timestamp_seconds",
          "The timestamp of the last rule group evaluation in seconds.", LabelsOf(spec))),
      last_samples(telemetry->GetGauge("prometheus_rule_group_last_evaluation_samples",
                                       "The number of samples returned during the last rule group "
                                       "evaluation.",
                                       LabelsOf(spec))),
      last_restore_duration(telemetry->GetGauge(
          "prometheus_rule_group_last_restore_duration_seconds",
          "How long it took to restore the alerts of a rule group at the last start.",
          LabelsOf(spec))),
      evaluation_seconds(
          telemetry->GetHistogram("prometheus_rule_evaluation_duration_histogram_seconds",
                                  "The duration for a rule to execute.", Buckets())),
      group_seconds(telemetry->GetHistogram("prometheus_rule_group_duration_histogram_seconds",
                                            "The duration of rule group evaluations.", Buckets())),
      evaluation_quantiles(telemetry->GetSummary("prometheus_rule_evaluation_duration_seconds",
                                                 "The duration for a rule to execute.",
                                                 {.5, .9, .99})),
      group_quantiles(telemetry->GetSummary("prometheus_rule_group_duration_seconds",
                                            "The duration of rule group evaluations.",
                                            {.01, .05, .5, .9, .99})) {}

}  // namespace tocsin::rules
