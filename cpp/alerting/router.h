/// The built-in router: takes alerts, groups them, and tells receivers about the groups, at least
/// once, also across restarts.
///
///     Router router(config, options, ports);
///     TOCSIN_RETURN_IF_ERROR(router.Restore(clock.Now()));
///     while (running) SleepUntil(router.RunDue(clock.Now()));     // Wake up when alerts come in.
///
/// A group is looked at for the first time `group_wait` after it came into being, or at once if its
/// alert began to fire longer ago than that, and from then on every `group_interval`. At each look
/// a receiver is told if something has changed since it was last told, or if `repeat_interval` has
/// passed. What could not be delivered is tried again, with growing pauses, until the next look,
/// which then tells the newest state.
///
/// Without threads and timers of its own. RunDue may be called by several threads at once: each
/// takes the next thing that is due, and only the delivery itself happens without the lock.

#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "cpp/alerting/config.h"
#include "cpp/alerting/notifier.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/alert.h"
#include "cpp/model/state_store.h"

namespace tocsin::alerting {

/// "Nothing is due": later than every time.
inline constexpr Nanos kNever = std::numeric_limits<Nanos>::max();

struct Options {
  std::string external_url;  ///< As receivers are told it.
  /// What happened longer ago than this is not remembered, and would be told anew.
  Nanos log_retention = 120 * kHour;
  size_t alerts_max = 100'000;  ///< Held at one time; further ones are refused.
};

/// All are borrowed and must outlive the router.
struct Ports {
  Notifier& notifier;
  StateStore& state;
  Telemetry& telemetry;
  const Clock& clock;  ///< Tells how late it is after a delivery.
};

class Router {
 public:
  /// REQUIRES: Validate(config).
  Router(Config config, Options options, Ports ports);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Takes up groups, alerts and the log of notifications where the last process left them. For
  /// alerts no time has passed: one that fired is not resolved just because nobody was there to say
  /// that it still does. To be called once, first. An error of the store is returned; the router
  /// then begins anew and works.
  Status Restore(Nanos now);

  /// Takes alerts, firing or resolved; of two messages about one alert the later counts. Never
  /// blocks for long. kResourceExhausted: there are too many, and some were not taken.
  Status Receive(std::span<const Alert> alerts, Nanos now);

  /// Looks at the groups that are due, makes the deliveries that are due, and returns when it is to
  /// be called again; alerts that are received meanwhile may make that earlier. Does not throw away
  /// what it cannot save: that is tried again with the next change.
  Nanos RunDue(Nanos now);

  /// When RunDue is to be called next, as things are now.
  Nanos NextDue() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::alerting
