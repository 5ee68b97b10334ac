/// What keeps alerts from being told of. Private to this folder.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/alerting/inhibitor.h"
#include "cpp/alerting/silences.h"
#include "cpp/base/clock.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/routing/config.h"

namespace tocsin::alerting {

/// Silences, inhibition and time intervals under one roof. Borrows the configuration and the
/// silences. Thread-safe.
class Suppression {
 public:
  Suppression(const routing::Config& config, const Silences& silences);

  /// Every alert that is taken, changed or forgotten.
  void Update(const Alert& alert) { inhibitor_.Update(alert); }
  void Forget(const Labels& labels) { inhibitor_.Forget(labels); }

  std::vector<std::string> SilencedBy(const Labels& labels, Nanos now) const {
    return silences_.Silencing(labels, now);
  }
  std::vector<uint64_t> InhibitedBy(const Labels& labels, Nanos now) const {
    return inhibitor_.Inhibiting(labels, now);
  }

  /// The time intervals in which a route is mute now: those of its mute_time_intervals that hold
  /// the moment, and all of its active_time_intervals if none of them does.
  struct Muted {
    std::vector<std::string> by;
    bool inactive = false;  ///< By its active_time_intervals.
  };
  Muted MutedBy(const routing::Route& route, Nanos now) const;

 private:
  bool Holds(const std::string& interval, Nanos now) const;

  const Silences& silences_;
  Inhibitor inhibitor_;
  std::map<std::string_view, const routing::NamedInterval*> intervals_;
};

}  // namespace tocsin::alerting
