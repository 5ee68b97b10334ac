#include "cpp/rules/manager.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/rules/group.h"

namespace tocsin::rules {

Manager::Manager(Options options, Ports ports)
    : options_(std::move(options)), ports_(std::move(ports)) {}

Manager::~Manager() = default;

Status Manager::Load(std::vector<RuleFile> files, Nanos now) {
  std::ranges::stable_sort(files, {}, &RuleFile::path);
  std::unordered_set<std::string> identities;
  for (const RuleFile& file : files) {
    for (const GroupSpec& group : file.groups) {
      if (identities.insert(group.Identity()).second) continue;
      return AlreadyExistsError(file.path + ": group \"" + group.name + "\" is loaded twice");
    }
  }
  const std::lock_guard lock(run_mutex_);
  std::unordered_map<std::string, std::unique_ptr<Group>> former;
  for (std::unique_ptr<Group>& group : groups_) {
    std::string identity = group->spec().Identity();
    former.emplace(std::move(identity), std::move(group));
  }
  groups_.clear();
  for (RuleFile& file : files) {
    for (GroupSpec& spec : file.groups) {
      auto group = std::make_unique<Group>(std::move(spec), options_, ports_);
      group->Schedule(now);
      if (const auto old = former.find(group->spec().Identity()); old != former.end()) {
        group->CopyFrom(old->second.get());
        former.erase(old);
      }
      groups_.push_back(std::move(group));
    }
  }
  std::vector<StateChange> obsolete;
  for (const auto& [identity, group] : former) {
    group->End(now);
    for (std::string& key : group->StateKeys()) obsolete.push_back({std::move(key), std::nullopt});
  }
  if (!obsolete.empty()) {
    const Status status = ports_.state.Save(obsolete);
    // What stays in the store is of groups that do not exist: it is dropped at the next start.
    if (!status.ok()) log::Warn("forgetting removed rules failed", {{"err", status.message()}});
  }
  if (!std::exchange(restored_, true)) Restore(now);
  PublishViews();
  return {};
}

void Manager::Restore(Nanos now) {
  auto loaded = ports_.state.Load();
  if (!loaded.has_value()) {
    log::Error("the state of rules cannot be read, and all begin anew",
               {{"err", loaded.error().message()}});
    return;
  }
  SavedState saved;
  for (auto& [key, value] : *loaded) saved.emplace(std::move(key), std::move(value));
  std::unordered_set<std::string> known;
  for (const std::unique_ptr<Group>& group : groups_) {
    group->Restore(saved, now);
    for (std::string& key : group->StateKeys()) known.insert(std::move(key));
  }
  std::vector<StateChange> obsolete;
  for (const auto& [key, value] : saved) {
    if (!known.contains(key)) obsolete.push_back({key, std::nullopt});
  }
  if (obsolete.empty()) return;
  const Status status = ports_.state.Save(obsolete);
  if (!status.ok()) log::Warn("forgetting removed rules failed", {{"err", status.message()}});
}

Nanos Manager::RunDue(Nanos now) {
  const std::lock_guard lock(run_mutex_);
  // A clock that was set back must not leave a group waiting for its old future.
  for (const std::unique_ptr<Group>& group : groups_) {
    if (group->next_due() - now > group->interval()) group->Schedule(now);
  }
  while (true) {
    const auto next = std::ranges::min_element(
        groups_, {}, [](const std::unique_ptr<Group>& group) { return group->next_due(); });
    if (next == groups_.end()) return kNever;
    if ((*next)->next_due() > now) return (*next)->next_due();
    (*next)->Run(now);
    PublishViews();
  }
}

void Manager::PublishViews() {
  std::vector<std::shared_ptr<const GroupView>> views;
  views.reserve(groups_.size());
  for (const std::unique_ptr<Group>& group : groups_) views.push_back(group->view());
  const std::lock_guard lock(view_mutex_);
  views_ = std::move(views);
}

std::vector<std::shared_ptr<const GroupView>> Manager::Groups() const {
  const std::lock_guard lock(view_mutex_);
  return views_;
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
