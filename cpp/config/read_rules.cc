// How rules are evaluated: what are flags at Prometheus.

#include <string>

#include "cpp/config/read_sections.h"

namespace tocsin::config {

void ReadRules(Section* top, Rules* out) {
  Section rules = top->Map("rules");
  rules.Count("max_concurrent_evals", &out->max_concurrent_evals);
  rules.NotZero("max_concurrent_evals", out->max_concurrent_evals);
  if (out->max_concurrent_evals > kRuleThreadsMax) {
    rules.Fail("max_concurrent_evals", "is at most " + std::to_string(kRuleThreadsMax));
  }
  std::string restore = "exact";
  rules.Choice("restore", {"exact", "prometheus"}, &restore);
  out->restore_as_prometheus = restore == "prometheus";
  rules.Period("for_outage_tolerance", &out->for_outage_tolerance);
  rules.Period("for_grace_period", &out->for_grace_period);
  rules.Period("resend_delay", &out->resend_delay);
  rules.Period("watch_interval", &out->watch_interval);
  rules.Bool("api", &out->api);
  rules.Done();
}

}  // namespace tocsin::config
