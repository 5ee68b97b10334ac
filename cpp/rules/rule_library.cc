#include "cpp/rules/rule_library.h"

#include <algorithm>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/base/utf8.h"
#include "cpp/lib/yaml.h"
#include "cpp/rules/yaml_text.h"

namespace tocsin::rules {
namespace {

using lib::Yaml;

constexpr char kSeparator = '\0';
constexpr std::string_view kNoGroup = "group does not exist";
constexpr std::string_view kNoNamespace = "group namespace does not exist";

std::string KeyOf(const std::string& space, const std::string& name) {
  return space + kSeparator + name;
}

bool IsStep(std::string_view part) { return part == "." || part == ".."; }

/// Names become part of identities, of keys and of what logs and pages show.
Status CheckName(std::string_view what, std::string_view name) {
  const auto refuse = [what](std::string_view why) {
    return InvalidArgumentError(std::string(what) + " " + std::string(why));
  };
  if (name.empty()) return refuse("must not be empty");
  if (name.size() > kLibraryNameBytesMax) {
    return refuse("is longer than " + std::to_string(kLibraryNameBytesMax) + " bytes");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (!IsValidUtf8(name) || std::ranges::any_of(name, is_control)) {
    return refuse("is no plain text");
  }
  for (std::string_view rest = name;;) {
    const size_t end = std::min(rest.find('/'), rest.size());
    if (IsStep(rest.substr(0, end))) return refuse("looks like a path");
    if (end == rest.size()) return {};
    rest.remove_prefix(end + 1);
  }
}

Yaml Key(const std::string& text) {
  Yaml key;
  key.type = Yaml::Type::kScalar;
  key.scalar = text;
  key.quoted = true;
  return key;
}

}  // namespace

RuleLibrary::RuleLibrary(StateStore* store, promql::ParserOptions options,
                         std::function<Status()> apply)
    : store_(*store), options_(options), apply_(std::move(apply)) {}

Status RuleLibrary::Load() {
  TOCSIN_ASSIGN_OR_RETURN(const auto saved, store_.Load());
  auto spaces = std::make_shared<Spaces>();
  for (const auto& [key, yaml] : saved) {
    const size_t separator = std::min(key.find(kSeparator), key.size());
    const std::string space = key.substr(0, separator);
    Result<Entry> entry = Read(space, yaml);
    if (!entry.has_value()) {
      log::Error("a group of rules that was kept is not understood",
                 {{"namespace", space}, {"err", entry.error().message()}});
      continue;
    }
    std::string name = entry->group.name;
    (*spaces)[space].insert_or_assign(std::move(name), *std::move(entry));
  }
  Publish(std::move(spaces));
  return {};
}

Result<RuleLibrary::Entry> RuleLibrary::Read(const std::string& space,
                                             std::string_view yaml) const {
  TOCSIN_ASSIGN_OR_RETURN(const Yaml tree, Yaml::Parse(yaml));
  TOCSIN_ASSIGN_OR_RETURN(RuleFile file, ParseRuleGroup(space, yaml, options_));
  for (const std::string& warning : file.warnings) log::Warn("rule group", {{"warning", warning}});
  return Entry{.yaml = YamlText(tree), .group = std::move(file.groups.at(0))};
}

Result<std::shared_ptr<const RuleLibrary::Spaces>> RuleLibrary::Present() const {
  const std::lock_guard lock(mutex_);
  if (spaces_ == nullptr) return UnavailableError("the rules are not loaded yet");
  return spaces_;
}

void RuleLibrary::Publish(std::shared_ptr<const Spaces> spaces) {
  const std::lock_guard lock(mutex_);
  spaces_ = std::move(spaces);
}

std::vector<RuleFile> RuleLibrary::Files() const {
  std::vector<RuleFile> files;
  const auto spaces = Present();
  if (!spaces.has_value()) return files;
  for (const auto& [space, groups] : **spaces) {
    RuleFile& file = files.emplace_back();
    file.path = space;
    for (const auto& [name, entry] : groups) file.groups.push_back(entry.group);
  }
  return files;
}

Result<std::string> RuleLibrary::Groups(const std::optional<std::string>& space) const {
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Spaces> spaces, Present());
  Yaml all;
  all.type = Yaml::Type::kMap;
  for (const auto& [name, groups] : *spaces) {
    if (space && *space != name) continue;
    Yaml list;
    list.type = Yaml::Type::kSequence;
    for (const auto& [group, entry] : groups) {
      TOCSIN_ASSIGN_OR_RETURN(Yaml tree, Yaml::Parse(entry.yaml));
      list.items.push_back(std::move(tree));
    }
    all.members.emplace_back(Key(name), std::move(list));
  }
  return all.members.empty() ? "{}\n" : YamlText(all);
}

Result<std::string> RuleLibrary::Group(const std::string& space, const std::string& name) const {
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Spaces> spaces, Present());
  const auto groups = spaces->find(space);
  if (groups == spaces->end()) return NotFoundError(std::string(kNoGroup));
  const auto entry = groups->second.find(name);
  if (entry == groups->second.end()) return NotFoundError(std::string(kNoGroup));
  return entry->second.yaml;
}

Status RuleLibrary::SetGroup(const std::string& space, std::string_view yaml) {
  TOCSIN_RETURN_IF_ERROR(CheckName("the namespace", space));
  if (yaml.size() > kLibraryGroupBytesMax) {
    return InvalidArgumentError("a group of rules has at most " +
                                std::to_string(kLibraryGroupBytesMax) + " bytes");
  }
  if (const auto tree = Yaml::Parse(yaml); !tree.has_value() || !tree->IsMap()) {
    const std::string why =
        tree.has_value() ? "a group is a map" : std::string(tree.error().message());
    return InvalidArgumentError("unable to decode rule group: " + why);
  }
  TOCSIN_ASSIGN_OR_RETURN(Entry entry, Read(space, yaml));
  const std::string name = entry.group.name;
  TOCSIN_RETURN_IF_ERROR(CheckName("the name of the group", name));
  if (entry.group.rules.empty()) {
    return InvalidArgumentError("invalid rules configuration: rule group '" + name +
                                "' has no rules");
  }
  const std::lock_guard lock(change_mutex_);
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Spaces> present, Present());
  Spaces next = *present;
  next[space].insert_or_assign(name, std::move(entry));
  size_t groups = 0;
  for (const auto& [of, list] : next) groups += list.size();
  if (groups > kLibraryGroupsMax) {
    return InvalidArgumentError(
        "per-user rule groups limit (limit: " + std::to_string(kLibraryGroupsMax) +
        " actual: " + std::to_string(groups) + ") exceeded");
  }
  return Change(std::move(next), {{KeyOf(space, name), std::string(yaml)}});
}

Status RuleLibrary::DeleteGroup(const std::string& space, const std::string& name) {
  const std::lock_guard lock(change_mutex_);
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Spaces> present, Present());
  Spaces next = *present;
  const auto groups = next.find(space);
  if (groups == next.end() || groups->second.erase(name) == 0) {
    return NotFoundError(std::string(kNoGroup));
  }
  if (groups->second.empty()) next.erase(groups);
  return Change(std::move(next), {{KeyOf(space, name), std::nullopt}});
}

Status RuleLibrary::DeleteNamespace(const std::string& space) {
  const std::lock_guard lock(change_mutex_);
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Spaces> present, Present());
  const auto groups = present->find(space);
  if (groups == present->end()) return NotFoundError(std::string(kNoNamespace));
  std::vector<StateChange> changes;
  for (const auto& [name, entry] : groups->second) {
    changes.push_back({KeyOf(space, name), std::nullopt});
  }
  Spaces next = *present;
  next.erase(space);
  return Change(std::move(next), changes);
}

Status RuleLibrary::Change(Spaces next, const std::vector<StateChange>& changes) {
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Spaces> before, Present());
  // What is on disk must be good at the next start: it is applied before it is kept.
  Publish(std::make_shared<const Spaces>(std::move(next)));
  if (Status applied = apply_(); !applied.ok()) {
    Publish(before);
    return applied;
  }
  Status saved = store_.Save(changes);
  if (saved.ok()) return {};
  Publish(before);
  if (const Status back = apply_(); !back.ok()) {
    log::Error("groups of rules that could not be kept go on until the next load",
               {{"err", back.message()}});
  }
  return saved;
}

}  // namespace tocsin::rules
