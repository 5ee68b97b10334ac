/// Messages to the operator that are true for a while ("Configuration reload has failed."), and the
/// clients that want to hear of them at once.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/router.h"

namespace tocsin::api {

struct Notification {
  std::string text;    ///< Also what it is known by.
  Nanos date = 0;      ///< When it was last raised.
  bool active = true;  ///< False in the message that it is over.

  friend bool operator==(const Notification&, const Notification&) = default;
};

/// Thread-safe. Outlives its listeners.
class Notifications {
 public:
  class Listener;

  /// Listens to at most `max_listeners` at once. Borrows the clock and the telemetry.
  Notifications(size_t max_listeners, const Clock* clock, Telemetry* telemetry);
  ~Notifications();
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  /// From now on this holds; if it did already it holds anew.
  void Raise(std::string_view text);
  /// It does no longer. Nothing happens if it did not.
  void Settle(std::string_view text);
  /// Those that hold, oldest first.
  std::vector<Notification> Active() const;

  /// One more listener, who hears first what holds now. Null if there are as many as there may be,
  /// and after Close().
  std::unique_ptr<Listener> Listen();
  /// Every listener hears what it has not heard yet, and then that it is over. Idempotent.
  void Close();

 private:
  void Tell(const Notification& news);  // REQUIRES: mutex_ is held.
  void Remove(const Listener* listener);

  const size_t max_listeners_;
  const Clock& clock_;
  Gauge& listening_;
  Counter& sent_;
  Counter& dropped_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Notification> active_;
  std::vector<Listener*> listeners_;
  bool closed_ = false;
};

/// For one thread. Holds what has not been heard yet: of each text the newest only, so that one who
/// does not listen for long costs no more than there are texts.
class Notifications::Listener {
 public:
  explicit Listener(Notifications* notifications) : notifications_(*notifications) {}
  ~Listener() { notifications_.Remove(this); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The news, for which it waits if there are none; empty if none came in time. nullopt: all has
  /// been heard, and there will be no more.
  std::optional<std::vector<Notification>> Next(std::chrono::milliseconds patience);

 private:
  friend class Notifications;

  Notifications& notifications_;
  std::vector<Notification> pending_;  // Guarded by the mutex of the notifications.
};

/// GET /api/v1/notifications: those that hold, and /api/v1/notifications/live: those and all that
/// come, as server-sent events. Each live client keeps a handler's thread of the server; the one
/// that would be too many gets 204, by which browsers know not to ask again. Borrowed: outlives the
/// router's use. Close() before the server's shutdown, which would wait for the live clients.
void RegisterNotifications(Notifications* notifications, http::Router* router);

}  // namespace tocsin::api
