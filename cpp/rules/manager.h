/// All groups of rules: which are loaded, when each is due, what becomes of their state.
///
///     Manager manager(options, ports);
///     TOCSIN_RETURN_IF_ERROR(manager.Load(std::move(files), clock.Now()));
///     while (running) SleepUntil(manager.RunDue(clock.Now()));
///
/// There are no threads and no timers in here: time is what the caller says it is, so that tests
/// run hours in a moment. RunDue and Load may be called from different threads and then wait for
/// each other; the views never wait for an evaluation.

#pragma once

#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/rules/options.h"
#include "cpp/rules/rule_file.h"
#include "cpp/rules/views.h"

namespace tocsin::rules {

class Group;

/// "Nothing is due": later than every time.
inline constexpr Nanos kNever = std::numeric_limits<Nanos>::max();

class Manager {
 public:
  Manager(Options options, Ports ports);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  /// Makes these files the whole set. The first call restores what the state store holds; later
  /// ones keep the state of the rules that stay, end the series of those that go, and leave
  /// unchanged schedules as they are. kAlreadyExists, which changes nothing: two groups of one
  /// identity, from a file that is there twice.
  Status Load(std::vector<RuleFile> files, Nanos now);

  /// Evaluates every group that is due, the longest due first, and returns when the next one will
  /// be due. Alerts are sent, samples appended and state saved on the way; failures of a rule are
  /// its health, not an error of this call.
  Nanos RunDue(Nanos now);

  /// The groups, ordered by file and, in a file, as they stand there.
  std::vector<std::shared_ptr<const GroupView>> Groups() const;
  /// The pending and firing alerts of all groups.
  std::vector<AlertView> Alerts() const;

 private:
  void Restore(Nanos now);
  void PublishViews();

  const Options options_;
  const Ports ports_;

  std::mutex run_mutex_;  ///< Held while groups are evaluated or replaced.
  std::vector<std::unique_ptr<Group>> groups_;
  bool restored_ = false;

  mutable std::mutex view_mutex_;
  std::vector<std::shared_ptr<const GroupView>> views_;
};

}  // namespace tocsin::rules
