/// In which order the rules of a group may be evaluated, so that each sees what it would see if
/// they were evaluated one after the other. Private to this folder.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

#include "cpp/rules/rule_file.h"

namespace tocsin::rules {

/// For each rule the rules before it that must have ended when it begins: those that may write a
/// series that it reads or writes, and those that may read one that it writes. What a rule reads is
/// what its selectors match; what it writes has its name and those of its labels that no template
/// makes. A rule whose reads are not known (`info()`, `query` in a template) counts as reading all.
/// Each list is ascending; a list may say more than is needed, never less.
std::vector<std::vector<size_t>> RulesToAwait(const GroupSpec& group);

/// How far one evaluation of a group has come. Thread-safe.
class RuleOrder {
 public:
  explicit RuleOrder(const std::vector<std::vector<size_t>>& awaited);

  /// A new evaluation: none of the rules has been taken. Returns how many may be taken at once.
  /// REQUIRES: the one before has ended, or there was none.
  size_t Begin();

  /// The first rule that may be evaluated now; whoever takes it calls End() for it. nullopt: there
  /// is none now, perhaps because no evaluation is under way.
  std::optional<size_t> Take();
  /// The same, but waits for one. nullopt: all have ended.
  std::optional<size_t> TakeOrWait();

  /// Returns how many rules may be taken now that waited for this one.
  size_t End(size_t rule);

 private:
  std::optional<size_t> TakeReady();

  std::vector<std::vector<size_t>> followers_;  ///< Of each rule, those that wait for it.
  std::vector<size_t> awaited_;                 ///< Of each rule, how many it waits for.

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<size_t> missing_;  ///< Of each rule, how many of those have not ended.
  std::vector<size_t> ready_;    ///< A heap, the first rule at the top.
  size_t unfinished_ = 0;        ///< Of the evaluation under way.
};

}  // namespace tocsin::rules
