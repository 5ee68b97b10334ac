/// Groups of rules that clients keep in here, beside those of files: by namespace, which stands for
/// a file. They are on disk when a change is answered, and there again after a restart.
///
///     RuleLibrary library(state, parser, [&] { return manager.Load(FilesAnd(library), Now()); });
///     TOCSIN_RETURN_IF_ERROR(library.Load());
///     library.SetGroup("team-a", "name: latency\nrules: ...");

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/state_store.h"
#include "cpp/promql/parser.h"
#include "cpp/rules/rule_file.h"

namespace tocsin::rules {

/// Bounds: bytes of a group, groups of all namespaces together, bytes of a name.
inline constexpr size_t kLibraryGroupBytesMax = size_t{1} << 20;
inline constexpr size_t kLibraryGroupsMax = 1'000;
inline constexpr size_t kLibraryNameBytesMax = 255;

/// Thread-safe. Every call answers kUnavailable before Load().
class RuleLibrary {
 public:
  /// Borrows `store`. `apply` makes the rules be those of Files(); it is called after every change,
  /// one call at a time, and an error from it undoes the change. It may call Files().
  RuleLibrary(StateStore* store, promql::ParserOptions options, std::function<Status()> apply);

  /// Reads what was kept; calls nobody. A group that is not understood any more is logged and left
  /// alone: it is neither shown nor evaluated, until one of its name takes its place.
  Status Load();

  /// A file for each namespace, its path the namespace. Empty before Load().
  std::vector<RuleFile> Files() const;

  /// A map of namespaces to lists of groups, as YAML, by name; `space`: only of this one. "{}\n" if
  /// there are none.
  Result<std::string> Groups(const std::optional<std::string>& space) const;
  /// One group as YAML. kNotFound.
  Result<std::string> Group(const std::string& space, const std::string& name) const;

  /// Adds the group that `yaml` is, or replaces that of its name. kInvalidArgument: names that are
  /// too long, empty, no UTF-8, hold control characters or have a part "." or "..", whatever
  /// ParseRuleGroup complains of, a group without rules or beyond the bounds, one group too many;
  /// kUnavailable: it could not be kept; errors of `apply`. Nothing has changed then.
  Status SetGroup(const std::string& space, std::string_view yaml);
  /// kNotFound; kUnavailable: it is still there.
  Status DeleteGroup(const std::string& space, const std::string& name);
  Status DeleteNamespace(const std::string& space);

 private:
  struct Entry {
    std::string yaml;  ///< As it is shown.
    GroupSpec group;
  };
  /// By name, in namespaces by name.
  using Spaces = std::map<std::string, std::map<std::string, Entry>>;

  Result<Entry> Read(const std::string& space, std::string_view yaml) const;
  /// kUnavailable before Load().
  Result<std::shared_ptr<const Spaces>> Present() const;
  void Publish(std::shared_ptr<const Spaces> spaces);
  /// Makes `next` what there is, in here, at `apply` and on disk, or leaves everything as it was.
  Status Change(Spaces next, const std::vector<StateChange>& changes);

  StateStore& store_;
  const promql::ParserOptions options_;
  const std::function<Status()> apply_;
  std::mutex change_mutex_;               ///< One change at a time.
  mutable std::mutex mutex_;              ///< Guards the pointer.
  std::shared_ptr<const Spaces> spaces_;  ///< Null before Load().
};

}  // namespace tocsin::rules
