/// All groups of rules: which are loaded, when each is due, what becomes of their state.
///
///     Manager manager(options, ports);
///     TOCSIN_RETURN_IF_ERROR(manager.Load(std::move(files), clock.Now()));
///     while (running) SleepUntil(manager.RunDue(clock.Now()));
///
/// There are no threads and no timers in here: time is what the caller says it is, so that tests
/// run hours in a moment. Whoever wants groups, and rules of one group that have nothing to do with
/// each other, to be evaluated side by side calls RunDue from several threads: what comes of it is
/// the same. Everything is thread-safe; the views never wait for an evaluation.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/rules/options.h"
#include "cpp/rules/rule_file.h"
#include "cpp/rules/views.h"

namespace tocsin::rules {

/// "Nothing is due": later than every time.
inline constexpr Nanos kNever = std::numeric_limits<Nanos>::max();

class Manager {
 public:
  Manager(Options options, Ports ports);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  /// Makes these files the whole set. The first call restores what the state store holds; later
  /// ones leave groups that have not changed alone, also while they are evaluated, keep the state
  /// of the rules that stay, and end the series of those that go. Waits for evaluations of groups
  /// that change. kAlreadyExists, which changes nothing: two groups of one identity, from a file
  /// that is there twice.
  Status Load(std::vector<RuleFile> files, Nanos now);
  /// The same under other options: every group counts as changed.
  Status Load(std::vector<RuleFile> files, Options options, Nanos now);

  /// Evaluates the groups that are due, the longest due first, or else a rule of a group that
  /// another thread is evaluating; returns when to call again: `now` if such a rule was found, else
  /// when the next group will be due (of those that no other thread is evaluating just now). Alerts
  /// are sent, samples appended and state saved on the way; failures of a rule are its health, not
  /// an error of this call.
  Nanos RunDue(Nanos now);

  /// The groups, ordered by file and, in a file, as they stand there.
  std::vector<std::shared_ptr<const GroupView>> Groups() const;
  /// The pending and firing alerts of all groups.
  std::vector<AlertView> Alerts() const;

 private:
  /// A group and where it stands in the schedule.
  struct Slot;
  using Slots = std::vector<std::shared_ptr<Slot>>;

  Status Replace(std::vector<RuleFile> files, std::shared_ptr<const Options> options, Nanos now);
  /// The slots of these files: those of before where nothing has changed.
  Slots MakeSlots(std::vector<RuleFile> files, const std::shared_ptr<const Options>& options,
                  Nanos now) const;
  /// Takes the present slots that are not in `next` out of the schedule, waits until none of them
  /// is evaluated, and returns them.
  Slots Retire(const Slots& next);
  void Inherit(const Slots& retired, const Slots& next, Nanos now);
  void Restore(const Slots& slots, Nanos now);
  /// Schedules anew where the clock was set back: no group may wait for its old future.
  void FollowClock(Nanos now);
  /// Evaluates a rule of a group that another thread is evaluating, if there is one that can be.
  /// Gives up `lock` meanwhile.
  bool HelpOthers(std::unique_lock<std::mutex>* lock);

  const Ports ports_;

  std::mutex load_mutex_;  ///< Held while groups are replaced.
  std::shared_ptr<const Options> options_;
  bool restored_ = false;

  mutable std::mutex mutex_;  ///< Guards what follows; never held during an evaluation.
  std::condition_variable finished_;
  Slots slots_;
  std::set<std::pair<Nanos, size_t>> due_;  ///< When, and which slot, of those that wait.
  Slots running_;                           ///< Those that are being evaluated.
  Nanos last_now_ = 0;
};

}  // namespace tocsin::rules
