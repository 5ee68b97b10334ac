#include "cpp/rules/manager.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/rules/group.h"

namespace tocsin::rules {

struct Manager::Slot {
  explicit Slot(std::unique_ptr<Group> made) : group(std::move(made)) {}

  const std::unique_ptr<Group> group;
  // Guarded by mutex_.
  size_t index = 0;      ///< In slots_.
  bool running = false;  ///< A thread evaluates it, and nobody else may touch it.
  bool retired = false;  ///< It is not to be evaluated again.
  std::shared_ptr<const GroupView> view;
};

Manager::Manager(Options options, Ports ports)
    : ports_(std::move(ports)), options_(std::make_shared<const Options>(std::move(options))) {}

Manager::~Manager() = default;

Status Manager::Load(std::vector<RuleFile> files, Nanos now) {
  const std::lock_guard lock(load_mutex_);
  return Replace(std::move(files), options_, now);
}

Status Manager::Load(std::vector<RuleFile> files, Options options, Nanos now) {
  const std::lock_guard lock(load_mutex_);
  return Replace(std::move(files), std::make_shared<const Options>(std::move(options)), now);
}

Status Manager::Replace(std::vector<RuleFile> files, std::shared_ptr<const Options> options,
                        Nanos now) {
  std::ranges::stable_sort(files, {}, &RuleFile::path);
  std::unordered_set<std::string> identities;
  for (const RuleFile& file : files) {
    for (const GroupSpec& group : file.groups) {
      if (identities.insert(group.Identity()).second) continue;
      return AlreadyExistsError(file.path + ": group \"" + group.name + "\" is loaded twice");
    }
  }
  Slots next = MakeSlots(std::move(files), options, now);
  options_ = std::move(options);
  Inherit(Retire(next), next, now);
  if (!std::exchange(restored_, true)) Restore(next, now);

  const std::lock_guard lock(mutex_);
  slots_ = std::move(next);
  due_.clear();
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = *slots_[i];
    slot.index = i;
    if (slot.running) continue;
    slot.view = slot.group->view();
    due_.emplace(slot.group->next_due(), i);
  }
  return {};
}

Manager::Slots Manager::MakeSlots(std::vector<RuleFile> files,
                                  const std::shared_ptr<const Options>& options, Nanos now) const {
  // Only replacing, which is under way here, changes slots_.
  std::unordered_map<std::string, std::shared_ptr<Slot>> present;
  if (options == options_) {
    for (const std::shared_ptr<Slot>& slot : slots_) {
      present.emplace(slot->group->spec().Identity(), slot);
    }
  }
  Slots next;
  for (RuleFile& file : files) {
    for (GroupSpec& spec : file.groups) {
      const auto same = present.find(spec.Identity());
      if (same != present.end() && SameGroup(same->second->group->spec(), spec)) {
        next.push_back(same->second);
        continue;
      }
      auto group = std::make_unique<Group>(std::move(spec), options, ports_);
      group->Schedule(now);
      next.push_back(std::make_shared<Slot>(std::move(group)));
    }
  }
  return next;
}

Manager::Slots Manager::Retire(const Slots& next) {
  std::unordered_set<const Slot*> staying;
  for (const std::shared_ptr<Slot>& slot : next) staying.insert(slot.get());
  Slots retired;
  std::unique_lock lock(mutex_);
  for (const std::shared_ptr<Slot>& slot : slots_) {
    if (staying.contains(slot.get())) continue;
    slot->retired = true;
    if (!slot->running) due_.erase({slot->group->next_due(), slot->index});
    retired.push_back(slot);
  }
  finished_.wait(lock, [&retired] {
    return std::ranges::none_of(retired,
                                [](const std::shared_ptr<Slot>& slot) { return slot->running; });
  });
  return retired;
}

void Manager::Inherit(const Slots& retired, const Slots& next, Nanos now) {
  std::unordered_map<std::string, Group*> leaving;
  for (const std::shared_ptr<Slot>& slot : retired) {
    leaving.emplace(slot->group->spec().Identity(), slot->group.get());
  }
  std::unordered_set<const Slot*> present;
  for (const std::shared_ptr<Slot>& slot : slots_) present.insert(slot.get());
  std::vector<Group*> made;
  for (const std::shared_ptr<Slot>& slot : next) {
    if (present.contains(slot.get())) continue;
    made.push_back(slot->group.get());
    const auto former = leaving.find(slot->group->spec().Identity());
    if (former == leaving.end()) continue;
    slot->group->CopyFrom(former->second);
    leaving.erase(former);
  }
  std::vector<StateChange> obsolete;
  for (const auto& [identity, group] : leaving) {
    for (Group* heir : made) heir->Adopt(group);
    group->End(now);
    for (std::string& key : group->StateKeys()) obsolete.push_back({std::move(key), std::nullopt});
  }
  if (obsolete.empty()) return;
  const Status status = ports_.state.Save(obsolete);
  // What stays in the store is of groups that do not exist: it is dropped at the next start.
  if (!status.ok()) log::Warn("forgetting removed rules failed", {{"err", status.message()}});
}

void Manager::Restore(const Slots& slots, Nanos now) {
  auto loaded = ports_.state.Load();
  if (!loaded.has_value()) {
    log::Error("the state of rules cannot be read, and all begin anew",
               {{"err", loaded.error().message()}});
    return;
  }
  SavedState saved;
  for (auto& [key, value] : *loaded) saved.emplace(std::move(key), std::move(value));
  std::unordered_set<std::string> known;
  for (const std::shared_ptr<Slot>& slot : slots) {
    slot->group->Restore(saved, now);
    for (std::string& key : slot->group->StateKeys()) known.insert(std::move(key));
  }
  std::vector<StateChange> obsolete;
  for (const auto& [key, value] : saved) {
    if (!known.contains(key)) obsolete.push_back({key, std::nullopt});
  }
  if (obsolete.empty()) return;
  const Status status = ports_.state.Save(obsolete);
  if (!status.ok()) log::Warn("forgetting removed rules failed", {{"err", status.message()}});
}

void Manager::FollowClock(Nanos now) {
  // Of two threads the one that comes later may have looked at the clock before.
  if (now >= last_now_ - kSecond) {
    last_now_ = std::max(now, last_now_);
    return;
  }
  last_now_ = now;
  std::set<std::pair<Nanos, size_t>> due;
  for (const auto& [time, index] : due_) {
    Group& group = *slots_[index]->group;
    if (time - now > group.interval()) group.Schedule(now);
    due.emplace(group.next_due(), index);
  }
  due_ = std::move(due);
}

Nanos Manager::RunDue(Nanos now) {
  std::unique_lock lock(mutex_);
  FollowClock(now);
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::shared_ptr<Slot> slot = slots_[due_.begin()->second];
    due_.erase(due_.begin());
    slot->running = true;
    running_.push_back(slot);
    lock.unlock();
    slot->group->Run(now);
    lock.lock();
    slot->running = false;
    std::erase(running_, slot);
    slot->view = slot->group->view();
    if (!slot->retired) due_.emplace(slot->group->next_due(), slot->index);
    finished_.notify_all();
  }
  // The time is another one afterwards, and groups may be due.
  if (HelpOthers(&lock)) return now;
  return due_.empty() ? kNever : due_.begin()->first;
}

bool Manager::HelpOthers(std::unique_lock<std::mutex>* lock) {
  const Slots running = running_;
  if (running.empty()) return false;
  lock->unlock();
  const bool helped = std::ranges::any_of(
      running, [](const std::shared_ptr<Slot>& slot) { return slot->group->Help(); });
  lock->lock();
  return helped;
}

std::vector<std::shared_ptr<const GroupView>> Manager::Groups() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const GroupView>> views;
  views.reserve(slots_.size());
  for (const std::shared_ptr<Slot>& slot : slots_) views.push_back(slot->view);
  return views;
}

std::vector<AlertView> Manager::Alerts() const {
  std::vector<AlertView> alerts;
  for (const std::shared_ptr<const GroupView>& group : Groups()) {
    for (const RuleView& rule : group->rules) {
      alerts.insert(alerts.end(), rule.alerts.begin(), rule.alerts.end());
    }
  }
  return alerts;
}

}  // namespace tocsin::rules
