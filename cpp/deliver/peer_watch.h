/// Watching another Tocsin: when it is down, or its rules stand still, that is an alert like those
/// of rules.

#pragma once

#include <map>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/client.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/model/state_store.h"
#include "cpp/rules/ports.h"

namespace tocsin::deliver {

struct PeerOptions {
  std::string url;   ///< Of its API, without a slash at its end.
  std::string name;  ///< Label `instance`.
  Nanos interval = 15 * kSecond;
  Nanos timeout = 10 * kSecond;  ///< Of one request.
  Nanos hold = kMinute;          ///< It must be down for so long before the alert fires.
  Labels labels;                 ///< Added to those of the alert.
};

/// One peer. Belongs to one thread.
class PeerWatch {
 public:
  struct Ports {
    http::FetchFunction fetch;
    rules::AlertSink* alerts = nullptr;  ///< Borrowed, as the others.
    StateStore* state = nullptr;         ///< May be shared by the watches of several peers.
    Telemetry* telemetry = nullptr;
  };

  /// How often a firing alert is sent again, and for how long a resolved one is: as rules do it.
  static constexpr Nanos kResendDelay = kMinute;
  static constexpr Nanos kResolvedFor = 15 * kMinute;

  PeerWatch(PeerOptions options, Ports ports);

  /// Takes up what was known when the process ended: what fired goes on firing, with its start. To
  /// be called once, first.
  Status Restore();

  /// If it is due asks GET /ready (200 is up) and, at most once a minute, /api/v1/rules: a group
  /// whose lastEvaluation has not changed for two of its intervals and a minute of our time stands
  /// still. Sends alert `PeerDown` accordingly, with severity `critical` unless the labels say
  /// otherwise. Returns when it is to be called again. Blocks for two time-outs at most.
  Nanos RunDue(Nanos now);

 private:
  struct State {
    Nanos down_since = 0;   ///< 0: it is up.
    Nanos fired_at = 0;     ///< 0: no alert.
    Nanos resolved_at = 0;  ///< 0: the alert fires, if there is one.
    std::string reason;     ///< Of the first failure.

    friend bool operator==(const State&, const State&) = default;
  };
  struct Group {
    std::string last_evaluation;  ///< As the peer writes it: its clock is not ours.
    Nanos changed_at = 0;
  };

  /// Why it counts as down.
  Status Ask(Nanos now);
  Status CheckRules(Nanos now);
  Result<http::Response> Get(const std::string& path) const;
  void Judge(const Status& answer, Nanos now);
  void SendAlert(Nanos now);
  void Save();
  std::string Key() const { return "peer/" + options_.name; }

  const PeerOptions options_;
  const Ports ports_;
  Gauge& up_;
  Nanos next_ = 0;
  Nanos next_rules_ = 0;
  std::map<std::string, Group> groups_;
  State state_;
  State saved_;
  Nanos last_sent_ = 0;
};

}  // namespace tocsin::deliver
