/// The built-in router: takes alerts, groups them along a tree of routes, and tells receivers about
/// the groups, at least once, also across restarts.
///
///     Router router(config, options, ports);
///     TOCSIN_RETURN_IF_ERROR(router.Restore(clock.Now()));
///     while (running) SleepUntil(router.RunDue(clock.Now()));     // Wake up when alerts come in.
///
/// A group is looked at for the first time `group_wait` after it came into being, or at once if its
/// alert began to fire longer ago than that, and from then on every `group_interval`. At each look
/// a receiver is told if something has changed since it was last told, or if `repeat_interval` has
/// passed. Alerts that are silenced, inhibited or in a muted time are left out.
///
/// What is decided is written to an outbox before anybody is told, with the message and its
/// idempotency key, and leaves it in the same write that notes the success: after a crash it is
/// sent again, as it was. What could not be delivered is tried again, with growing pauses, until
/// the next look; that goes on with it if nothing has changed, and otherwise replaces it by a
/// message about the newest state. An alert that was in a message which nobody may have received
/// is told of in the end, if only as resolved.
///
/// Without threads and timers of its own. All methods are thread-safe.

#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cpp/alerting/notifier.h"
#include "cpp/alerting/silences.h"
#include "cpp/alerting/views.h"
#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/alert.h"
#include "cpp/model/state_store.h"
#include "cpp/routing/config.h"

namespace tocsin::alerting {

/// "Nothing is due": later than every time.
inline constexpr Nanos kNever = std::numeric_limits<Nanos>::max();

struct Options {
  std::string external_url;  ///< As receivers are told it.
  /// What happened longer ago than this is not remembered, and would be told anew.
  Nanos log_retention = 120 * kHour;
  size_t alerts_max = 100'000;  ///< Held at one time; further ones are refused.
  /// Deliveries to one integration at the same time: one that hangs must not take all threads.
  size_t deliveries_at_once = 4;
  /// What a `url_file` holds, which may be a template. Empty: it is taken as it is, by the
  /// notifier.
  std::function<Result<std::string>(const http::Secret&)> read_secret = {};
  /// Called while Deliver() goes on, when what has landed lets a group be looked at. It must not
  /// call the router.
  std::function<void()> look_is_due = {};
};

/// All are borrowed and must outlive the router.
struct Ports {
  Notifier& notifier;
  StateStore& state;
  const Silences& silences;
  Telemetry& telemetry;
  const Clock& clock;  ///< Tells how late it is after a delivery.
};

class Router {
 public:
  /// kInvalidArgument: routing::Finish has something against the configuration (it is called here),
  /// or a template in it, or one of its template files, cannot be read (file and position named).
  static Result<std::unique_ptr<Router>> Make(routing::Config config, Options options, Ports ports);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Takes up groups, alerts, the outbox and the log of notifications where the last process left
  /// them. For alerts no time has passed: one that fired is not resolved just because nobody was
  /// there to say that it still does. To be called once, first. An error of the store is returned;
  /// the router then begins anew and works.
  Status Restore(Nanos now);

  /// Takes another configuration; template files are read again. Alerts, log and outbox stay;
  /// alerts are grouped anew, and a group that has the key and the receiver of one that was there
  /// goes on in its place. Errors as Make; the old configuration then stays.
  Status Reload(routing::Config config, Nanos now);

  /// Takes alerts, firing or resolved; of two messages about one alert the later counts. What is 0
  /// is filled in: updated_at with now, starts_at with now (or ends_at, if that is given), ends_at
  /// with now and the resolve timeout. Never blocks for long. kResourceExhausted: there are too
  /// many, and some were not taken.
  Status Receive(std::span<const Alert> alerts, Nanos now);

  /// Looks at the groups that are due and returns when there is another to look at. What it decides
  /// waits for Deliver. Does not throw away what it cannot save: that is tried again with the next
  /// change.
  Nanos Look(Nanos now);

  /// Makes the deliveries that are due, one after the other, and returns when the next is. Several
  /// threads may be in it, each with a delivery of its own: only the delivery itself happens
  /// without the lock. Of one group and integration there is never more than one.
  Nanos Deliver(Nanos now);

  /// Look and Deliver, until nothing is due; when there is something again.
  Nanos RunDue(Nanos now);

  /// When RunDue, or Deliver, is to be called next, as things are now.
  Nanos NextDue() const;
  Nanos NextDelivery() const;

  // What Alertmanager's API shows.

  /// The alerts that fire, or were resolved and not forgotten yet (ends_at tells), ordered by
  /// fingerprint. Silences and inhibitions are as of `now`.
  std::vector<AlertView> Alerts(const ViewFilter& filter, Nanos now) const;
  /// Groups with at least one such alert, ordered by labels, then by receiver.
  std::vector<GroupView> Groups(const ViewFilter& filter, Nanos now) const;
  /// Names of all receivers, as configured.
  std::vector<std::string> Receivers() const;
  /// routing::Config::original of the configuration that counts.
  std::string OriginalConfig() const;

 private:
  class Impl;
  explicit Router(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::alerting
