/// A dead man's switch: a webhook is told at every interval that this process watches, for as long
/// as it does. Whoever stops hearing of it raises the alarm, since a dead process cannot.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/client.h"
#include "cpp/rules/views.h"

namespace tocsin::deliver {

/// Something that must move on, or nobody is to believe that we are alive.
struct Progress {
  std::string part;   ///< For the log: "rule group a".
  Nanos last = 0;     ///< When it last did what it is there for.
  Nanos allowed = 0;  ///< How long ago that may be.
};

/// What the read models of the rules say about their progress. Remembers what it has seen; belongs
/// to one thread.
class RuleProgress {
 public:
  /// One for each group, which is given two intervals and a minute, from when it is first seen on;
  /// and one for all rules together, of which not every one may have failed for that long.
  std::vector<Progress> Of(std::span<const std::shared_ptr<const rules::GroupView>> groups,
                           Nanos now);

 private:
  std::map<std::string, Nanos> first_seen_;  ///< By file and name of the group.
  Nanos last_good_ = 0;                      ///< When some rule was not failing.
};

struct HeartbeatOptions {
  http::Secret url;
  Nanos interval = 30 * kSecond;
  Nanos timeout = 10 * kSecond;
  std::string instance;  ///< Who we are, in the body.
};

/// Belongs to one thread.
class Heartbeat {
 public:
  /// `progress` is asked before every beat.
  struct Ports {
    http::FetchFunction fetch;
    std::function<std::vector<Progress>(Nanos now)> progress;
    Telemetry* telemetry = nullptr;  ///< Borrowed.
  };

  Heartbeat(HeartbeatOptions options, Ports ports);

  /// Beats if that is due and everything moves on: POST
  /// `{"status":"alive","instance":...,"sentAt":...,"intervalSeconds":30}`. Returns when it is to
  /// be called again. A beat that is not taken is not repeated before the next is due.
  Nanos RunDue(Nanos now);

 private:
  /// The first part that stands still; "" if none does.
  std::string Stuck(Nanos now) const;
  Status Beat(Nanos now) const;

  const HeartbeatOptions options_;
  const Ports ports_;
  Counter& sent_;
  Counter& failed_;
  Counter& withheld_;
  Nanos next_ = 0;
  bool well_ = true;  ///< The last beat was sent: to log changes only.
};

}  // namespace tocsin::deliver
